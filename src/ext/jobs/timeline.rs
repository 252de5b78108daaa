//! The stages of a job over time.

mod draw;

use std::time::Duration;

use super::event::{JobEvent, JobEventKind};
use crate::raw::types::JobStatus;

/// The maximum number of stages, each of which has a row.
const MAX_STAGES: usize = 100;
/// The maximum number of marks, and of stage events, that are drawn.
// Assumption: event-count.
const MAX_MARKS: usize = 2000;
/// The maximum number of characters of a name.
const MAX_LETTERS: usize = 200;

/// The stages of a job over time, for a drawing.
///
/// [`record`](Self::record) takes each event with its time, because events do not contain one. If
/// the job started earlier, the stream replays its events, and these have the same time.
///
/// A stage lasts from `stage_start` to `stage_complete`. Events with the pipeline's own names are
/// grouped by the family of their name ([`JobEvent::stage`]). Such a stage lasts from its first
/// event to its last.
///
/// # Examples
/// ```no_run
/// # async fn example(job: gizmo_client::JobHandle) -> Result<(), Box<dyn std::error::Error>> {
/// use futures::TryStreamExt;
/// use gizmo_client::Timeline;
///
/// let started = std::time::Instant::now();
/// let mut timeline = Timeline::default();
/// let mut events = job.events();
/// while let Some(event) = events.try_next().await? {
///     timeline.record(&event, started.elapsed());
/// }
/// std::fs::write("job.svg", timeline.to_svg())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// The end of the time axis.
    now: Duration,
    stages: Vec<Stage>,
    marks: Vec<Mark>,
    assets: usize,
    errors: usize,
    /// The number of stage events that are kept.
    kept: usize,
    status: Option<JobStatus>,
    ended: bool,
}

#[derive(Debug, Clone)]
struct Stage {
    name: String,
    from: Duration,
    /// The end; `None` while it is running.
    to: Option<Duration>,
    /// The times of its events, if it is a family of names.
    events: Vec<Duration>,
    /// The number of its events, if it is a family of names.
    count: usize,
}

/// An asset that is ready, or an error.
#[derive(Debug, Clone)]
struct Mark {
    at: Duration,
    /// The row of its stage; `None` if no stage was running.
    row: Option<usize>,
    title: String,
    is_error: bool,
}

impl Timeline {
    /// Adds an event that arrived `at` this time after an origin of the caller's choice.
    ///
    /// Events after the end of the job are ignored.
    pub fn record(&mut self, event: &JobEvent, at: Duration) {
        if self.ended {
            return;
        }
        self.advance(at);
        match &event.kind {
            JobEventKind::StageStart { stage } => self.start(stage.as_deref()),
            JobEventKind::StageComplete { stage } => self.complete(stage.as_deref()),
            JobEventKind::AssetReady { .. } => {
                self.assets += 1;
                self.mark(event, false);
            }
            JobEventKind::Error { .. } => {
                self.errors += 1;
                self.mark(event, true);
            }
            JobEventKind::Unknown { event: name } => {
                let row = event.stage().and_then(|stage| self.touch(&stage));
                if event.is_failure() {
                    self.errors += 1;
                    self.mark_in(row, event, true);
                }
                // Assumption: event-names-pipeline.
                self.assets += usize::from(name == "asset_completed");
            }
            JobEventKind::Done { status } => {
                self.status.clone_from(status);
                self.ended = true;
            }
            JobEventKind::Snapshot(job) => {
                self.status = Some(job.status.clone());
                self.ended = job.status.is_terminal();
            }
            _ => {}
        }
    }

    /// Advances the time to `now`, so that running stages are drawn up to it. It has no effect
    /// after the end of the job, or if `now` is earlier than the current time.
    pub fn advance(&mut self, now: Duration) {
        if !self.ended {
            self.now = self.now.max(now);
        }
    }

    /// Adds a running stage.
    fn start(&mut self, name: Option<&str>) {
        let from = self.now;
        if self.stages.len() < MAX_STAGES {
            let name = short(name.unwrap_or("stage"));
            self.stages.push(Stage {
                name,
                from,
                to: None,
                events: Vec::new(),
                count: 0,
            });
        }
    }

    /// Adds an event to the stage of this name, and extends the stage to the current time. Returns
    /// the row.
    fn touch(&mut self, name: &str) -> Option<usize> {
        let name = short(name);
        let row = self.stages.iter().rposition(|stage| stage.name == name);
        let row = row.or_else(|| {
            self.start(Some(&name));
            self.stages.iter().rposition(|stage| stage.name == name)
        })?;
        let (now, is_kept) = (self.now, self.kept < MAX_MARKS);
        let stage = &mut self.stages[row];
        stage.count += 1;
        // A stage that `stage_start` started ends with `stage_complete`.
        if stage.to.is_some() || stage.count == 1 && stage.from == now {
            stage.to = Some(now);
        }
        if is_kept {
            stage.events.push(now);
            self.kept += 1;
        }
        Some(row)
    }

    /// Ends the stage of this name, or else the running stage that started last. A stage whose
    /// start was not recorded has no length.
    fn complete(&mut self, name: Option<&str>) {
        let name = name.map(short);
        let mut running = self
            .stages
            .iter_mut()
            .rev()
            .filter(|stage| stage.to.is_none());
        let ended = running.find(|stage| name.as_ref().is_none_or(|name| *name == stage.name));
        if let Some(stage) = ended {
            stage.to = Some(self.now);
        } else if let Some(name) = name {
            self.start(Some(&name));
            if let Some(stage) = self.stages.last_mut().filter(|stage| stage.name == name) {
                stage.to = Some(self.now);
            }
        }
    }

    /// Adds a mark to the running stage that started last.
    fn mark(&mut self, event: &JobEvent, is_error: bool) {
        let row = self.stages.iter().rposition(|stage| stage.to.is_none());
        self.mark_in(row, event, is_error);
    }

    fn mark_in(&mut self, row: Option<usize>, event: &JobEvent, is_error: bool) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(Mark {
                at: self.now,
                row,
                title: event.to_string(),
                is_error,
            });
        }
    }
}

/// Truncates a name.
fn short(name: &str) -> String {
    name.chars().take(MAX_LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(events: &[(u64, &str, &str)]) -> Timeline {
        let mut timeline = Timeline::default();
        for (at, event, data) in events {
            timeline.record(&JobEvent::from_sse(event, data), Duration::from_secs(*at));
        }
        timeline
    }

    /// Returns the name, the left end, the width and the duration of each bar.
    fn bars(svg: &str) -> Vec<String> {
        let part = |line: &str, from: &str, to: &str| {
            let rest = line.split_once(from).unwrap().1;
            rest.split_once(to).unwrap().0.to_owned()
        };
        let lines = svg.lines().filter(|line| line.contains("class=\"stage\""));
        lines
            .map(|line| {
                let took = line
                    .rsplit_once("</text></g>")
                    .unwrap()
                    .0
                    .rsplit_once('>')
                    .unwrap()
                    .1;
                let (name, x) = (part(line, "<title>", "<"), part(line, "<rect x=\"", "\""));
                format!("{name} {x} {} {took}", part(line, "width=\"", "\""))
            })
            .collect()
    }

    #[test]
    fn a_stage_is_a_bar_of_its_duration() {
        let mut job = timeline(&[
            (0, "stage_start", r#"{"stage":"layout"}"#),
            (25, "stage_complete", r#"{"stage":"layout"}"#),
            (25, "stage_start", r#"{"stage":"assets"}"#),
            (50, "asset_ready", r#"{"asset_id":"a<1>"}"#),
            (60, "error", r#"{"message":"one asset"}"#),
            (75, "stage_complete", "{}"),
            (75, "stage_start", r#"{"stage":"physics"}"#),
        ]);
        job.advance(Duration::from_secs(100));
        let svg = job.to_svg();
        assert_eq!(
            bars(&svg),
            [
                "layout 168 123 25 s",
                "assets 291 246 50 s",
                "physics 537 123 25 s …"
            ]
        );
        for part in [
            "running for 1 min 40 s",
            "2 stages complete · 1 asset ready · 1 error",
            "<title>asset_ready a&lt;1&gt;</title>",
            "<title>error one asset</title>",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        job.record(
            &JobEvent::from_sse("done", r#"{"status":"failed"}"#),
            Duration::from_secs(100),
        );
        job.record(
            &JobEvent::from_sse("stage_start", "{}"),
            Duration::from_secs(900),
        );
        job.advance(Duration::from_secs(900));
        let ended = job.to_svg();
        assert_eq!(bars(&ended)[2], "physics 537 123 25 s");
        assert!(ended.contains("failed after 1 min 40 s") && bars(&ended).len() == 3);
    }

    #[test]
    fn a_family_of_event_names_is_a_stage() {
        let mut events = vec![(0, "job_started", "{}"), (0, "floorplan_started", "{}")];
        for at in 0..200 {
            events.push((10 + at / 4, "structure_component_built", "{}"));
        }
        events.extend([
            (70, "asset_generation_failed", r#"{"message":"open mesh"}"#),
            (90, "asset_completed", "{}"),
            (100, "job_succeeded", "{}"),
        ]);
        let svg = timeline(&events).to_svg();
        assert_eq!(
            bars(&svg),
            [
                "floorplan 168 2 0 s",
                "structure 217.2 241.1 49 s",
                "asset 512.4 98.4 20 s"
            ]
        );
        for part in [
            "succeeded in 1 min 40 s",
            "3 stages · 1 asset ready · 1 error",
            "<title>asset_generation_failed open mesh</title>",
            "<tspan fill=\"#767c86\"> 200</tspan>",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        // Four events per second: those on the same pixel are drawn once.
        assert!(svg.len() < 9_000, "{}", svg.len());
    }

    #[test]
    fn the_heading_is_the_status_of_the_job() {
        for (events, heading) in [
            (&[][..], "running for 0 s"),
            (
                &[(3, "done", r#"{"status":"succeeded"}"#)],
                "succeeded in 3 s",
            ),
            (
                &[(75, "done", r#"{"status":"cancelled"}"#)],
                "cancelled after 1 min 15 s",
            ),
            (&[(3900, "done", "{}")], "ended after 1 h 5 min"),
            (&[(60, "ping", "{}")], "running for 1 min"),
        ] {
            let svg = timeline(events).to_svg();
            assert!(svg.contains(&format!("<title>{heading}</title>")), "{svg}");
        }
    }

    #[test]
    fn the_size_of_the_drawing_is_bounded_for_any_events() {
        let mut job = timeline(&[
            (5, "stage_complete", r#"{"stage":"unseen"}"#),
            (4, "ping", ""),
        ]);
        assert_eq!(bars(&job.to_svg()), ["unseen 660 2 0 s"]);
        for _ in 0..5000 {
            for event in ["stage_start", "error"] {
                let data = format!(
                    "{{\"stage\":\"{0}\",\"message\":\"{0}\"}}",
                    "<&>".repeat(1000)
                );
                job.record(&JobEvent::from_sse(event, &data), Duration::MAX);
            }
        }
        let svg = job.to_svg();
        assert_eq!(bars(&svg).len(), MAX_STAGES);
        assert!(
            svg.len() < 3_000_000 && !svg.contains("NaN"),
            "{}",
            svg.len()
        );
    }
}
