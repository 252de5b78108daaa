//! Draws a timeline as SVG.

use std::fmt::Write as _;
use std::time::Duration;

use super::{MAX_LETTERS, Mark, Stage, Timeline};
use crate::ext::svg::{FAINT, GREY, INK, LINE, Number, PALETTE, PAPER, px, round_step, text, tint};
use crate::raw::types::JobStatus;

/// The sizes of the page and its parts, in pixels.
const PAGE: f64 = 760.0;
const LEFT: f64 = 168.0;
const RIGHT: f64 = 100.0;
const TOP: f64 = 62.0;
const ROW: f64 = 30.0;
const BAR: f64 = 18.0;
/// The minimum distance between ticks, in pixels.
const TICK: f64 = 70.0;

/// On a narrow page, larger letters remain readable, and the numbers move below the heading.
const STYLE: &str = "<style>@media (max-width: 520px) { .gizmo-timeline text { font-size: 17px } \
    .gizmo-timeline .heading { font-size: 24px } .gizmo-timeline .counts { transform: translateY(22px) } }</style>";

const GOOD: [u8; 3] = [0x22, 0x88, 0x33];
const BAD: [u8; 3] = [0xb3, 0x26, 0x1e];

impl Timeline {
    /// Draws the timeline, and returns the text of an SVG file.
    ///
    /// Each stage is a bar with its duration. An asset that is ready is a tick, and an error is a
    /// dot. The heading is the status of the job. A stage that is a family of event names also
    /// shows the number of its events, and a line for each of them.
    ///
    /// A running stage ends at the latest time. At most 100 stages, 2,000 ticks and dots, and 2,000
    /// lines are drawn. Displayed at a width of up to 520 pixels, the drawing has larger letters. The
    /// same events at the same times yield the same text.
    pub fn to_svg(&self) -> String {
        let bottom = y_of(self.stages.len().max(1));
        let height = bottom + 34.0;
        let (heading, colour) = self.heading();
        let mut out = String::new();
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{PAGE}\" height=\"{height}\" viewBox=\"0 0 {PAGE} {height}\" \
             class=\"gizmo-timeline\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"12\">\n\
             <title>{heading}</title>\n{STYLE}\n<rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n\
             <circle cx=\"24\" cy=\"26\" r=\"5\" fill=\"{}\"/>\n\
             <text class=\"heading\" x=\"38\" y=\"31\" font-size=\"16\" font-weight=\"600\" fill=\"{}\">{heading}</text>\n\
             <text class=\"counts\" x=\"{}\" y=\"31\" fill=\"{FAINT}\" text-anchor=\"end\">{}</text>",
            tint(colour, 0.0),
            match self.status {
                Some(JobStatus::Failed) => tint(BAD, 0.0),
                _ => INK.to_owned(),
            },
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

    /// Returns the status of the job, and its colour.
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
            _ => (format!("running for {span}"), PALETTE[0]),
        }
    }

    /// Returns the numbers of stages, assets and errors.
    fn counts(&self) -> String {
        let complete = self
            .stages
            .iter()
            .filter(|stage| stage.to.is_some())
            .count();
        let has_families = self.stages.iter().any(|stage| stage.count > 0);
        let counts = [
            if has_families {
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

    /// Returns the position of a time on the page, in pixels.
    fn x_of(&self, at: Duration) -> f64 {
        let total = self.now.as_secs_f64().max(1e-3);
        LEFT + at.as_secs_f64() / total * (PAGE - LEFT - RIGHT)
    }

    fn axis(&self, out: &mut String, bottom: f64) {
        let total = self.now.as_secs_f64().max(1e-3);
        let step = tick_step(total * TICK / (PAGE - LEFT - RIGHT));
        let _ = writeln!(
            out,
            "<g font-size=\"10\" fill=\"{FAINT}\" text-anchor=\"middle\">"
        );
        for index in 0..100_u32 {
            let seconds = step * f64::from(index);
            if seconds > total {
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
            text(&stage.name, MAX_LETTERS),
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

    /// Returns a line for each event of a stage. Those on the same pixel are drawn once.
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
        let (symbol, end) = if mark.is_error {
            let red = tint(BAD, 0.0);
            let symbol = format!(
                "<circle cx=\"{x}\" cy=\"{middle}\" r=\"4.5\" fill=\"{red}\" stroke=\"#fff\" stroke-width=\"1.5\">"
            );
            (symbol, "</circle>")
        } else {
            let y = px(y + (ROW - BAR) / 2.0 + 3.0);
            let symbol = format!(
                "<path d=\"M{x} {y}v{}\" stroke=\"#fff\" stroke-width=\"1.6\">",
                BAR - 6.0
            );
            (symbol, "</path>")
        };
        let _ = writeln!(
            out,
            "{symbol}<title>{}</title>{end}",
            text(&mark.title, MAX_LETTERS)
        );
    }
}

/// Returns the upper end of a row, in pixels.
fn y_of(row: usize) -> f64 {
    TOP + ROW * f64::from(u32::try_from(row).unwrap_or(u32::MAX))
}

/// Returns the smallest usual step of a clock that is at least `min` seconds.
fn tick_step(min: f64) -> f64 {
    let steps = [
        10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
    ];
    if min <= 5.0 {
        return round_step(min);
    }
    let found = steps.into_iter().find(|step| *step >= min);
    found.unwrap_or_else(|| 3600.0 * round_step(min / 3600.0))
}

/// Formats a duration: `4.2 s`, `3 min 20 s` or `1 h 5 min`.
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
    fn a_tick_step_is_a_usual_step_of_a_clock() {
        for (min, step) in [
            (0.3, 0.5),
            (4.0, 5.0),
            (7.0, 10.0),
            (12.0, 15.0),
            (200.0, 300.0),
            (4000.0, 7200.0),
        ] {
            assert!((tick_step(min) - step).abs() < 1e-9, "{min}");
        }
    }
}
