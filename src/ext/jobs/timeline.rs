//! A job's stages over time.

mod draw;

use std::time::Duration;

use super::event::{JobEvent, JobEventKind};
use crate::raw::types::JobStatus;

/// The most stages that have a row of their own, and the most marks in all.
const STAGES: usize = 100;
const MARKS: usize = 2000;
/// The most letters that are kept of a name.
const LETTERS: usize = 200;

/// The stages of a job over time, to be drawn.
///
/// [`record`](Self::record) takes each event and its time, since events carry none. Events that a
/// stream replays, because the job began earlier, all have the same time.
///
/// A stage lasts from `stage_start` to `stage_complete`. Under the pipeline's own names, it is the
/// family of a name ([`JobEvent::stage`]) and lasts from its first event to its last.
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
    /// The time that the drawing reaches to.
    now: Duration,
    stages: Vec<Stage>,
    marks: Vec<Mark>,
    assets: usize,
    errors: usize,
    /// Events that were kept for their stages.
    kept: usize,
    status: Option<JobStatus>,
    ended: bool,
}

#[derive(Debug, Clone)]
struct Stage {
    name: String,
    from: Duration,
    /// None while it is running.
    to: Option<Duration>,
    /// Its events, where it is known by their names alone.
    events: Vec<Duration>,
    count: usize,
}

/// A moment of note.
#[derive(Debug, Clone)]
struct Mark {
    at: Duration,
    /// The stage that it is shown in; none when none was running.
    row: Option<usize>,
    what: String,
    is_error: bool,
}

impl Timeline {
    /// Adds an event that came `at` this time after a beginning of the caller's choice.
    ///
    /// Events after the job's end are not drawn.
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

    /// Moves the time on, so that running stages are drawn up to `now`. It stops at the job's end and
    /// never moves back.
    pub fn advance(&mut self, now: Duration) {
        if !self.ended {
            self.now = self.now.max(now);
        }
    }

    fn start(&mut self, name: Option<&str>) {
        let from = self.now;
        if self.stages.len() < STAGES {
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

    /// Adds an event to the stage of this name, which lasts at least until then. Returns its row.
    fn touch(&mut self, name: &str) -> Option<usize> {
        let name = short(name);
        let row = self.stages.iter().rposition(|stage| stage.name == name);
        let row = row.or_else(|| {
            self.start(Some(&name));
            self.stages.iter().rposition(|stage| stage.name == name)
        })?;
        let (now, is_kept) = (self.now, self.kept < MARKS);
        let stage = &mut self.stages[row];
        stage.count += 1;
        // A stage that reports its own beginning reports its end as well.
        if stage.to.is_some() || stage.count == 1 && stage.from == now {
            stage.to = Some(now);
        }
        if is_kept {
            stage.events.push(now);
            self.kept += 1;
        }
        Some(row)
    }

    /// Ends the stage of this name, or the one that began last; a stage whose beginning nobody
    /// saw has no length.
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

    fn mark(&mut self, event: &JobEvent, is_error: bool) {
        let row = self.stages.iter().rposition(|stage| stage.to.is_none());
        self.mark_in(row, event, is_error);
    }

    fn mark_in(&mut self, row: Option<usize>, event: &JobEvent, is_error: bool) {
        if self.marks.len() < MARKS {
            self.marks.push(Mark {
                at: self.now,
                row,
                what: event.to_string(),
                is_error,
            });
        }
    }
}

/// As much of a name as is kept.
fn short(name: &str) -> String {
    name.chars().take(LETTERS).collect()
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

    /// Name, left end, width and duration of each bar.
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
    fn stages_are_bars_of_their_length() {
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
                "layout 150 131.5 25 s",
                "assets 281.5 263 50 s",
                "physics 544.5 131.5 25 s …"
            ]
        );
        for said in [
            "at work for 1 min 40 s",
            "2 stages complete · 1 asset ready · 1 error",
            "<title>asset_ready a&lt;1&gt;</title>",
            "<title>error one asset</title>",
        ] {
            assert!(svg.contains(said), "{said}: {svg}");
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
        assert_eq!(bars(&ended)[2], "physics 544.5 131.5 25 s");
        assert!(ended.contains("failed after 1 min 40 s") && bars(&ended).len() == 3);
    }

    #[test]
    fn families_of_names_are_stages_too() {
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
                "floorplan 150 2 0 s",
                "structure 202.6 257.7 49 s",
                "asset 518.2 105.2 20 s"
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
        // An event each quarter of a second, drawn once where they coincide.
        assert!(svg.len() < 9_000, "{}", svg.len());
    }

    #[test]
    fn how_a_job_stands_is_said() {
        for (events, said) in [
            (&[][..], "at work for 0 s"),
            (
                &[(3, "done", r#"{"status":"succeeded"}"#)],
                "succeeded in 3 s",
            ),
            (
                &[(75, "done", r#"{"status":"cancelled"}"#)],
                "cancelled after 1 min 15 s",
            ),
            (&[(3900, "done", "{}")], "ended after 1 h 5 min"),
            (&[(60, "ping", "{}")], "at work for 1 min"),
        ] {
            let svg = timeline(events).to_svg();
            assert!(svg.contains(&format!("<title>{said}</title>")), "{svg}");
        }
    }

    #[test]
    fn odd_and_endless_events_leave_a_drawing_of_a_size() {
        let mut job = timeline(&[
            (5, "stage_complete", r#"{"stage":"unseen"}"#),
            (4, "ping", ""),
        ]);
        assert_eq!(bars(&job.to_svg()), ["unseen 676 2 0 s"]);
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
        assert_eq!(bars(&svg).len(), STAGES);
        assert!(
            svg.len() < 3_000_000 && !svg.contains("NaN"),
            "{}",
            svg.len()
        );
    }
}
