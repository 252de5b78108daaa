//! The output of the benchmarks: a Markdown table, whose columns also line up in a terminal, and the
//! comparison of a value with its goal.

#![allow(dead_code, reason = "not every benchmark uses every item")]

use std::fmt::{self, Display};

/// A table whose first column is text. The others are numbers, aligned to the right.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new(header: &[&dyn Display]) -> Self {
        let mut table = Self(Vec::new());
        table.row(header);
        table
    }

    /// Adds a row. It must have as many cells as the header.
    pub(crate) fn row(&mut self, cells: &[&dyn Display]) {
        self.0.push(cells.iter().map(ToString::to_string).collect());
    }
}

impl Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.0.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default().max(4)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.0.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(formatter, "| {cell:<width$} |")?,
                    _ => write!(formatter, " {cell:>width$} |")?,
                }
            }
            writeln!(formatter)?;
            if index == 0 {
                write!(formatter, "|")?;
                for (column, width) in widths.iter().enumerate() {
                    let alignment = if column == 0 { '-' } else { ':' };
                    write!(formatter, " {}{alignment} |", "-".repeat(width - 1))?;
                }
                writeln!(formatter)?;
            }
        }
        Ok(())
    }
}

/// A bound that a value should keep.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    /// Returns the goal, and whether the value meets it.
    pub(crate) fn of(self, value: f64) -> String {
        let (sign, goal, met) = match self {
            Self::AtMost(goal) => ('≤', goal, value <= goal),
            Self::AtLeast(goal) => ('≥', goal, value >= goal),
        };
        format!("{sign} {goal}, {}", if met { "met" } else { "missed" })
    }
}

/// Returns the median; of an even number of values, the upper one of the middle two.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
