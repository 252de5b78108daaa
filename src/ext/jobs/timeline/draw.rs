//! A timeline as SVG.

use std::fmt::Write as _;
use std::time::Duration;

use super::{LETTERS, Mark, Stage, Timeline};
use crate::ext::svg::{FAINT, GREY, INK, LINE, Number, PALETTE, PAPER, px, round_step, text, tint};
use crate::raw::types::JobStatus;

/// The page and its parts, in pixels.
const PAGE: f64 = 760.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 84.0;
const TOP: f64 = 62.0;
const ROW: f64 = 30.0;
const BAR: f64 = 18.0;
/// The least distance of ticks, in pixels.
const TICK: f64 = 70.0;

const GOOD: [u8; 3] = [0x22, 0x88, 0x33];
const BAD: [u8; 3] = [0xb3, 0x26, 0x1e];

impl Timeline {
    /// Draws a bar with its duration for each stage, ticks for assets that are ready, dots for errors,
    /// and the job's status. A stage that is known by the names of its events has their number beside
    /// its name and a line in its bar for each.
    ///
    /// A running stage reaches to the latest time recorded. At most 100 stages, and 2,000 ticks, dots
    /// and lines each, are drawn. The same events at the same times make the same text.
    pub fn to_svg(&self) -> String {
        let bottom = y_of(self.stages.len().max(1));
        let height = bottom + 34.0;
        let (heading, colour) = self.heading();
        let mut out = String::new();
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{PAGE}\" height=\"{height}\" viewBox=\"0 0 {PAGE} {height}\" \
             font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"12\">\n\
             <title>{heading}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n\
             <circle cx=\"24\" cy=\"26\" r=\"5\" fill=\"{}\"/>\n\
             <text x=\"38\" y=\"31\" font-size=\"16\" font-weight=\"600\" fill=\"{INK}\">{heading}</text>\n\
             <text x=\"{}\" y=\"31\" fill=\"{FAINT}\" text-anchor=\"end\">{}</text>",
            tint(colour, 0.0),
            PAGE - 20.0,
            self.counts(),
        );
        self.axis(&mut out, bottom);
        for (row, stage) in self.stages.iter().enumerate() {
            self.bar(&mut out, row, stage);
        }
        for mark in &self.marks {
            self.tick(&mut out, mark);
        }
        out.push_str("</svg>\n");
        out
    }

    /// How the job stands, and in which colour.
    fn heading(&self) -> (String, [u8; 3]) {
        let span = span(self.now);
        match &self.status {
            Some(JobStatus::Succeeded) => (format!("succeeded in {span}"), GOOD),
            Some(JobStatus::Failed) => (format!("failed after {span}"), BAD),
            Some(JobStatus::Cancelled) => (format!("cancelled after {span}"), GREY),
            _ if self.ended => (format!("ended after {span}"), GREY),
            Some(JobStatus::Queued) if self.stages.is_empty() => {
                (format!("queued for {span}"), GREY)
            }
            _ => (format!("at work for {span}"), PALETTE[0]),
        }
    }

    /// How far it has come.
    fn counts(&self) -> String {
        let complete = self
            .stages
            .iter()
            .filter(|stage| stage.to.is_some())
            .count();
        let by_names = self.stages.iter().any(|stage| stage.count > 0);
        let counts = [
            if by_names {
                (self.stages.len(), "stage", "stages")
            } else {
                (complete, "stage complete", "stages complete")
            },
            (self.assets, "asset ready", "assets ready"),
            (self.errors, "error", "errors"),
        ];
        let counts = counts.iter().filter(|(count, ..)| *count > 0);
        let counts = counts
            .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }));
        counts.collect::<Vec<_>>().join(" · ")
    }

    fn x_of(&self, at: Duration) -> f64 {
        let whole = self.now.as_secs_f64().max(1e-3);
        LEFT + at.as_secs_f64() / whole * (PAGE - LEFT - RIGHT)
    }

    fn axis(&self, out: &mut String, bottom: f64) {
        let whole = self.now.as_secs_f64().max(1e-3);
        let step = tick_step(whole * TICK / (PAGE - LEFT - RIGHT));
        let _ = writeln!(
            out,
            "<g font-size=\"10\" fill=\"{FAINT}\" text-anchor=\"middle\">"
        );
        for index in 0..100_u32 {
            let seconds = step * f64::from(index);
            if seconds > whole {
                break;
            }
            let at = Duration::from_secs_f64(seconds);
            let x = px(self.x_of(at));
            let (end, y) = (px(bottom + 4.0), px(bottom + 18.0));
            let _ = writeln!(
                out,
                "<path d=\"M{x} {TOP}V{end}\" stroke=\"{LINE}\"/><text x=\"{x}\" y=\"{y}\">{}</text>",
                span(at)
            );
        }
        out.push_str("</g>\n");
    }

    fn bar(&self, out: &mut String, row: usize, stage: &Stage) {
        let (x, end) = (
            self.x_of(stage.from),
            self.x_of(stage.to.unwrap_or(self.now)),
        );
        let y = y_of(row) + (ROW - BAR) / 2.0;
        let (colour, white): (_, f64) = match (&stage.to, &self.status) {
            (Some(_), _) => (PALETTE[row % PALETTE.len()], 0.15),
            (None, Some(JobStatus::Failed)) => (BAD, 0.15),
            (None, Some(JobStatus::Cancelled)) => (GREY, 0.15),
            (None, _) => (PALETTE[row % PALETTE.len()], 0.55),
        };
        let took = stage.to.unwrap_or(self.now).saturating_sub(stage.from);
        let more = if stage.to.is_none() && !self.ended {
            " …"
        } else {
            ""
        };
        let count = match stage.count {
            0 => String::new(),
            count => format!("<tspan fill=\"{FAINT}\"> {count}</tspan>"),
        };
        let lines = self.lines(stage, y, &tint(colour, 0.0));
        let white = if stage.count > 0 {
            white.max(0.6)
        } else {
            white
        };
        let _ = writeln!(
            out,
            "<g class=\"stage\"><title>{}</title>\
             <text x=\"{}\" y=\"{ty}\" fill=\"{INK}\" text-anchor=\"end\">{}{count}</text>\
             <rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{BAR}\" rx=\"3\" fill=\"{}\"/>{lines}\
             <text x=\"{}\" y=\"{ty}\" fill=\"{FAINT}\">{}{more}</text></g>",
            text(&stage.name, LETTERS),
            LEFT - 12.0,
            text(&stage.name, if stage.count > 0 { 15 } else { 18 }),
            px(x),
            px(y),
            px((end - x).max(2.0)),
            tint(colour, white),
            px(end.max(x + 2.0) + 7.0),
            span(took),
            ty = px(y + 13.0),
        );
    }

    /// A line for each event of a stage; those on the same pixel are one.
    fn lines(&self, stage: &Stage, y: f64, colour: &str) -> String {
        let (mut path, mut last) = (String::new(), f64::NEG_INFINITY);
        for at in &stage.events {
            let x = self.x_of(*at);
            if x - last >= 1.0 {
                last = x;
                let _ = write!(path, "M{} {}v{}", px(x + 0.5), px(y + 3.0), BAR - 6.0);
            }
        }
        if path.is_empty() {
            return path;
        }
        format!("<path d=\"{path}\" stroke=\"{colour}\"/>")
    }

    fn tick(&self, out: &mut String, mark: &Mark) {
        let x = px(self.x_of(mark.at));
        let y = y_of(mark.row.unwrap_or(0));
        let middle = px(y + ROW / 2.0);
        let (sign, end) = if mark.is_error {
            let red = tint(BAD, 0.0);
            let sign = format!(
                "<circle cx=\"{x}\" cy=\"{middle}\" r=\"4.5\" fill=\"{red}\" stroke=\"#fff\" stroke-width=\"1.5\">"
            );
            (sign, "</circle>")
        } else {
            let y = px(y + (ROW - BAR) / 2.0 + 3.0);
            let sign = format!(
                "<path d=\"M{x} {y}v{}\" stroke=\"#fff\" stroke-width=\"1.6\">",
                BAR - 6.0
            );
            (sign, "</path>")
        };
        let _ = writeln!(
            out,
            "{sign}<title>{}</title>{end}",
            text(&mark.what, LETTERS)
        );
    }
}

/// The upper end of a row, in pixels.
fn y_of(row: usize) -> f64 {
    TOP + ROW * f64::from(u32::try_from(row).unwrap_or(u32::MAX))
}

/// The smallest step of a clock that is at least so many seconds long.
fn tick_step(least: f64) -> f64 {
    let steps = [
        10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
    ];
    if least <= 5.0 {
        return round_step(least);
    }
    let found = steps.into_iter().find(|step| *step >= least);
    found.unwrap_or_else(|| 3600.0 * round_step(least / 3600.0))
}

/// `4.2 s`, `3 min 20 s` or `1 h 5 min`.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let two = |large: u64, unit: &str, small: u64, rest: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {rest}"),
    };
    match seconds {
        0 => format!("{} s", Number(time.as_secs_f64(), 2)),
        1..10 => format!("{} s", px(time.as_secs_f64())),
        10..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        _ => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_those_of_a_clock() {
        for (least, step) in [
            (0.3, 0.5),
            (4.0, 5.0),
            (7.0, 10.0),
            (12.0, 15.0),
            (200.0, 300.0),
            (4000.0, 7200.0),
        ] {
            assert!((tick_step(least) - step).abs() < 1e-9, "{least}");
        }
    }
}
