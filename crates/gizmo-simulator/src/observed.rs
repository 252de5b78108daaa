//! The observed vocabulary: the events that the pipeline reports, and their times.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::job::{Action, Plan, Step};
use crate::random::Random;
use crate::state::AssetEntry;

/// The longest time between two events, as a fraction of the job's duration.
const LONGEST_GAP: f64 = 0.022;

/// A type of event.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) stage: &'static str,
    /// The message for people. The asset's name and the count are appended to it.
    message: &'static str,
}

/// One event. It is small, because thousands of jobs may each keep hundreds of events.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) kind: &'static Kind,
    asset: Option<Arc<Asset>>,
    /// The position among `total` events of the kind, counted from 1. Both are 0 for an event that is
    /// not counted.
    index: u32,
    total: u32,
}

/// The asset that an event concerns.
#[derive(Debug)]
struct Asset {
    /// `None` if events must not reveal it.
    id: Option<String>,
    name: String,
}

impl Asset {
    fn of(asset: &AssetEntry, show_id: bool) -> Self {
        Self {
            id: show_id.then(|| asset.id.clone()),
            name: asset.name.clone(),
        }
    }
}

/// A report, and the fraction of the job's duration after which it is due.
type Timed = (f64, Report);

const fn kind(name: &'static str, stage: &'static str, message: &'static str) -> Kind {
    Kind {
        name,
        stage,
        message,
    }
}

static JOB_QUEUED: Kind = kind("job_queued", "job", "Waiting for a worker");
static MODAL_DISPATCH: Kind = kind("modal_dispatch", "job", "Sent to a worker");
static JOB_CLAIMED: Kind = kind("job_claimed", "job", "A worker has claimed the job");
static JOB_STARTED: Kind = kind("job_started", "job", "The job has started");

static SCENE_DESIGN: [Kind; 10] = [
    kind(
        "scene_director_started",
        "scene_director",
        "Reading the prompt",
    ),
    kind(
        "scene_director_completed",
        "scene_director",
        "The scene has a brief",
    ),
    kind(
        "asset_inventory_started",
        "asset_inventory",
        "Listing the assets",
    ),
    kind(
        "asset_inventory_completed",
        "asset_inventory",
        "The assets are listed",
    ),
    kind("floorplan_started", "floorplan", "Drawing the floor plan"),
    kind(
        "floorplan_completed",
        "floorplan",
        "The floor plan is drawn",
    ),
    kind(
        "task_plan_started",
        "task_plan",
        "Planning the robot's tasks",
    ),
    kind("task_plan_completed", "task_plan", "The tasks are planned"),
    kind(
        "placement_plan_started",
        "placement_plan",
        "Planning where assets go",
    ),
    kind(
        "placement_plan_completed",
        "placement_plan",
        "The placement is planned",
    ),
];

static PATH_CREATED: Kind = kind("structure_path_created", "structure", "Traced a path");
static COMPONENT_BUILT: Kind = kind(
    "structure_component_built",
    "structure",
    "Built a component",
);

static ASSET_BEGIN: [Kind; 6] = [
    kind("asset_card_created", "asset", "Described an asset"),
    kind("asset_generation_started", "asset", "Generating an asset"),
    kind("asset_geometry_built", "asset", "Built the geometry"),
    kind("asset_texture_started", "texture", "Painting the textures"),
    kind(
        "asset_texture_completed",
        "texture",
        "The textures are painted",
    ),
    kind(
        "scripting_started",
        "scripting",
        "Scripting the articulation",
    ),
];
static JOINT_ADDED: Kind = kind("scripting_joint_added", "scripting", "Added a joint");
static ASSET_END: [Kind; 3] = [
    kind(
        "scripting_collision_built",
        "scripting",
        "Built the collision geometry",
    ),
    kind(
        "scripting_completed",
        "scripting",
        "The articulation is scripted",
    ),
    kind("asset_completed", "asset", "The asset is complete"),
];
static ASSET_FAILURE: [Kind; 1] = [kind(
    "asset_generation_failed",
    "asset",
    "The geometry of one asset did not close",
)];

static PLACEMENT_STARTED: Kind = kind("placement_started", "placement", "Placing the assets");
static OBJECT_PLACED: Kind = kind("placement_object_placed", "placement", "Placed an object");
static PLACEMENT_COMPLETED: Kind =
    kind("placement_completed", "placement", "The objects are placed");
static LIGHTING: [Kind; 2] = [
    kind("lighting_started", "lighting", "Setting the lights"),
    kind("lighting_completed", "lighting", "The lights are set"),
];
static ACCEPTANCE_STARTED: Kind = kind("acceptance_started", "acceptance", "Checking the result");
static CHECK_PASSED: Kind = kind(
    "acceptance_check_passed",
    "acceptance",
    "A check has passed",
);
static ACCEPTANCE_COMPLETED: Kind = kind(
    "acceptance_completed",
    "acceptance",
    "All checks have passed",
);

impl Report {
    fn of(kind: &'static Kind) -> Self {
        Self {
            kind,
            asset: None,
            index: 0,
            total: 0,
        }
    }

    /// Returns the first event of every job.
    pub(crate) fn queued() -> Self {
        Self::of(&JOB_QUEUED)
    }

    /// Writes the data as JSON. None of its strings needs escaping.
    pub(crate) fn write(&self, text: &mut String, job_id: &str, seq: Option<usize>) {
        let Kind {
            name,
            stage,
            message,
        } = self.kind;
        let _ = write!(text, r#"{{"type":"{name}","job_id":"{job_id}""#);
        if let Some(seq) = seq {
            let _ = write!(text, r#","seq":{seq}"#);
        }
        let _ = write!(text, r#","stage":"{stage}","message":"{message}"#);
        if let Some(asset) = &self.asset {
            let _ = write!(text, ": {}", asset.name);
        }
        if self.total > 0 {
            let _ = write!(text, " ({} of {})", self.index, self.total);
        }
        text.push('"');
        if let Some(asset) = &self.asset {
            if let Some(id) = &asset.id {
                let _ = write!(text, r#","asset_id":"{id}""#);
            }
            let _ = write!(text, r#","name":"{}""#, asset.name);
        }
        if self.total > 0 {
            let _ = write!(text, r#","index":{},"total":{}"#, self.index, self.total);
        }
        text.push('}');
    }
}

/// Returns the steps of a plan with the pipeline's reports. Each step runs the actions that are due and
/// then makes one report.
pub(crate) fn steps(plan: Plan, mode: &str, prompt: &str, seed: u64, show_ids: bool) -> Vec<Step> {
    let reports = Script::new(&plan, mode, prompt, seed, show_ids).reports;
    let end = plan.last().map_or(1.0, |(at, _)| *at);
    let mut steps = Vec::with_capacity(reports.len() + 1);
    let mut plan = plan.into_iter().peekable();
    for (at, report) in reports.into_iter().filter(|(at, _)| *at < end) {
        let mut actions = Vec::new();
        while let Some((_, action)) = plan.next_if(|(due, _)| *due <= at) {
            actions.push(action);
        }
        steps.push(Step {
            at,
            actions,
            report: Some(report),
        });
    }
    steps.push(Step {
        at: end,
        actions: plan.map(|(_, action)| action).collect(),
        report: None,
    });
    steps
}

/// Collects the reports of a job in chronological order.
struct Script<'a> {
    mode: &'a str,
    random: Random,
    reports: Vec<Timed>,
}

impl<'a> Script<'a> {
    fn new(plan: &Plan, mode: &'a str, prompt: &str, seed: u64, show_ids: bool) -> Self {
        let mut script = Self {
            mode,
            random: Random::of(&[prompt, &seed.to_string()]),
            reports: Vec::with_capacity(256),
        };
        script.lifecycle();
        let mut from = 0.02;
        let mut assets = 0;
        for (at, action) in plan {
            match action {
                Action::StageStart("assets") => {
                    script.design(from, *at);
                    from = *at;
                }
                Action::Ready(asset) => {
                    assets += 1;
                    script.asset(from, *at, Asset::of(asset, show_ids), &ASSET_END);
                    from = *at;
                }
                Action::AssetFailed(asset) => {
                    script.asset(from, *at, Asset::of(asset, show_ids), &ASSET_FAILURE);
                    from = *at;
                }
                _ => {}
            }
        }
        script.assembly(from, assets);
        script
    }

    fn lifecycle(&mut self) {
        self.reports.extend([
            (0.005, Report::of(&MODAL_DISPATCH)),
            (0.01, Report::of(&JOB_CLAIMED)),
            (0.02, Report::of(&JOB_STARTED)),
        ]);
    }

    /// Adds the reports of the design stages and of the building's structure.
    fn design(&mut self, from: f64, to: f64) {
        let mut reports: Vec<_> = match self.mode {
            "scene" => SCENE_DESIGN.iter().map(Report::of).collect(),
            "edit" => [0, 1, 6, 7, 8, 9]
                .map(|index| Report::of(&SCENE_DESIGN[index]))
                .into(),
            _ => return,
        };
        let components = match self.mode {
            "scene" => self.random_between(30, 34),
            _ => min_events(to - from).div_ceil(2),
        };
        for index in 1..=components {
            for kind in [&PATH_CREATED, &COMPONENT_BUILT] {
                reports.push(counted(kind, index, components));
            }
        }
        self.spread(from, to, reports);
    }

    /// Adds the reports of one asset, the last of which is due at `to`.
    fn asset(&mut self, from: f64, to: f64, asset: Asset, end: &'static [Kind]) {
        let mut reports: Vec<_> = ASSET_BEGIN.iter().map(Report::of).collect();
        let others = u32::try_from(reports.len() + end.len()).unwrap_or(u32::MAX);
        let joints = self
            .random_between(2, 5)
            .max(min_events(to - from).saturating_sub(others));
        reports.extend((1..=joints).map(|index| counted(&JOINT_ADDED, index, joints)));
        reports.extend(end.iter().map(Report::of));
        let asset = Arc::new(asset);
        for report in &mut reports {
            report.asset = Some(Arc::clone(&asset));
        }
        self.spread(from, to, reports);
    }

    /// Adds the reports after the last asset.
    fn assembly(&mut self, from: f64, assets: u32) {
        let placed = from + 0.6 * (1.0 - from);
        let objects = match self.mode {
            "scene" => self.random_between(60, 68).max(2 * assets),
            _ => assets,
        };
        let objects = objects.max(min_events(placed - from));
        let mut reports = vec![Report::of(&PLACEMENT_STARTED)];
        reports.extend((1..=objects).map(|index| counted(&OBJECT_PLACED, index, objects)));
        reports.push(Report::of(&PLACEMENT_COMPLETED));
        self.spread(from, placed, reports);

        let mut reports = Vec::new();
        if self.mode != "asset" {
            reports.extend(LIGHTING.iter().map(Report::of));
        }
        reports.push(Report::of(&ACCEPTANCE_STARTED));
        let checks = self.random_between(8, 12).max(min_events(1.0 - placed));
        reports.extend((1..=checks).map(|index| counted(&CHECK_PASSED, index, checks)));
        reports.push(Report::of(&ACCEPTANCE_COMPLETED));
        self.spread(placed, 0.995, reports);
    }

    /// Spreads reports evenly over an interval. The last one is due at its end.
    fn spread(&mut self, from: f64, to: f64, reports: Vec<Report>) {
        let count = u32::try_from(reports.len()).unwrap_or(u32::MAX);
        let numbered = (1..=count).zip(reports);
        self.reports.extend(numbered.map(|(number, report)| {
            let at = from + (to - from) * f64::from(number) / f64::from(count);
            (if number == count { to } else { at }, report)
        }));
    }

    /// Returns a number between `low` and `high`, inclusive.
    fn random_between(&mut self, low: u32, high: u32) -> u32 {
        let range = u64::from(high - low + 1);
        low + u32::try_from(self.random.next() % range).unwrap_or_default()
    }
}

/// Returns an event with its position among the events of its kind.
fn counted(kind: &'static Kind, index: u32, total: u32) -> Report {
    Report {
        index,
        total,
        ..Report::of(kind)
    }
}

/// Returns the minimum number of events that leaves no gap longer than [`LONGEST_GAP`] in an interval.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the result is at most the number of gaps in a job"
)]
fn min_events(interval: f64) -> u32 {
    (interval / LONGEST_GAP).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Kind as Furniture;
    use crate::fault::JobFaults;
    use crate::job::plan;

    fn asset(number: usize) -> AssetEntry {
        AssetEntry {
            id: format!("jn7{number}"),
            scene_id: String::new(),
            name: format!("stool_{number}"),
            prompt: String::new(),
            kind: Furniture::Crate,
            created_at: 0,
            job_id: None,
            listed: true,
        }
    }

    fn script(mode: &str, assets: usize, faults: JobFaults) -> Vec<Step> {
        let plan = plan(mode, (1..=assets).map(asset).collect(), faults);
        steps(plan, mode, "a lab", 0, true)
    }

    /// Returns every combination of what may fail in a job that makes this many assets.
    fn every_fault(assets: usize) -> impl Iterator<Item = (usize, JobFaults)> {
        let combinations = [false, true].map(|fails| [(fails, false), (fails, true)]);
        combinations
            .into_iter()
            .flatten()
            .map(move |(fails, asset_fails)| {
                let faults = JobFaults {
                    fails,
                    asset_fails,
                    ..JobFaults::default()
                };
                (assets, faults)
            })
    }

    #[test]
    fn events_have_no_long_gaps() {
        for mode in ["scene", "edit", "asset"] {
            for (assets, faults) in (0..30).flat_map(every_fault) {
                if mode == "asset" && assets != 1 {
                    continue;
                }
                let steps = script(mode, assets, faults);
                let mut previous = 0.0;
                for step in &steps {
                    let gap = step.at - previous;
                    assert!(
                        (0.0..=0.025).contains(&gap),
                        "{mode} {assets} {faults:?} {step:?}"
                    );
                    previous = step.at;
                }
            }
        }
    }

    #[test]
    fn a_job_has_about_as_many_events_as_observed_jobs() {
        for (mode, assets, events) in [
            ("scene", 5, 200..240),
            ("scene", 8, 220..270),
            ("edit", 0, 40..80),
            ("edit", 2, 40..90),
            ("asset", 1, 40..80),
        ] {
            let count = script(mode, assets, JobFaults::default()).len();
            assert!(events.contains(&count), "{mode} {assets}: {count}");
        }
    }

    #[test]
    fn a_report_is_written_as_json() {
        let report = Report {
            asset: Some(Arc::new(Asset {
                id: Some("jn71".to_owned()),
                name: "stool_1".to_owned(),
            })),
            ..counted(&JOINT_ADDED, 2, 3)
        };
        let mut text = String::new();
        report.write(&mut text, "job_1", Some(7));
        let data: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "type": "scripting_joint_added", "job_id": "job_1", "seq": 7, "stage": "scripting",
            "message": "Added a joint: stool_1 (2 of 3)", "asset_id": "jn71", "name": "stool_1",
            "index": 2, "total": 3,
        });
        assert_eq!(data, expected);
    }
}
