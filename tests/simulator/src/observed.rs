//! The observed vocabulary: what the pipeline reports of a job, and when.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::job::{Action, Plan, Step};
use crate::random::Random;

/// The longest time between two events, as a part of the job's duration.
const LONGEST_GAP: f64 = 0.022;

/// A type of event.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) stage: &'static str,
    /// What a person reads; the asset's name and the count follow it.
    message: &'static str,
}

/// One event, short enough that thousands of jobs can keep hundreds of them.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) kind: &'static Kind,
    asset: Option<Arc<Asset>>,
    /// Its place among `total` events of its kind, counted from 1; both are 0 where it has none.
    index: u32,
    total: u32,
}

/// The asset that an event is about.
#[derive(Debug)]
struct Asset {
    /// `None` where events must not reveal it.
    id: Option<String>,
    name: String,
}

/// A report and the part of the job's duration at which it is made.
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
static ASSET_GENERATION_FAILED: Kind = kind(
    "asset_generation_failed",
    "asset",
    "The geometry of one asset did not close",
);

static PLACEMENT_STARTED: Kind = kind("placement_started", "placement", "Placing the assets");
static OBJECT_PLACED: Kind = kind("placement_object_placed", "placement", "Placed an object");
static PLACEMENT_COMPLETED: Kind = kind("placement_completed", "placement", "All is placed");
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

    /// The first event of every job.
    pub(crate) fn queued() -> Self {
        Self::of(&JOB_QUEUED)
    }

    /// Writes the data as JSON; none of its texts needs an escape.
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

/// A plan with the pipeline's reports: each step makes one, and does before it what is planned for
/// its time.
pub(crate) fn steps(plan: Plan, mode: &str, prompt: &str, seed: u64, show_ids: bool) -> Vec<Step> {
    let reports = Script::new(&plan, mode, prompt, seed, show_ids).reports;
    let end = plan.last().map_or(1.0, |(at, _)| *at);
    let mut steps = Vec::with_capacity(reports.len() + 1);
    let mut plan = plan.into_iter().peekable();
    for (at, report) in reports.into_iter().filter(|(at, _)| *at < end) {
        let mut actions = Vec::new();
        while let Some((_, action)) = plan.next_if(|(planned, _)| *planned <= at) {
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

/// Writes a job's reports down, in the order of time.
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
                    let asset = Asset {
                        id: show_ids.then(|| asset.id.clone()),
                        name: asset.name.clone(),
                    };
                    script.asset(from, *at, asset);
                    from = *at;
                }
                Action::AssetFailed(_) => {
                    script
                        .reports
                        .push((*at, Report::of(&ASSET_GENERATION_FAILED)));
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

    /// The families of the design, and the building's structure.
    fn design(&mut self, from: f64, to: f64) {
        let mut reports: Vec<_> = match self.mode {
            "scene" => SCENE_DESIGN.iter().map(Report::of).collect(),
            "edit" => [0, 1, 6, 7, 8, 9]
                .map(|index| Report::of(&SCENE_DESIGN[index]))
                .into(),
            _ => return,
        };
        let components = match self.mode {
            "scene" => self.up_to(30, 34),
            _ => least(to - from).div_ceil(2),
        };
        for index in 1..=components {
            for kind in [&PATH_CREATED, &COMPONENT_BUILT] {
                reports.push(counted(kind, index, components));
            }
        }
        self.evenly(from, to, reports);
    }

    /// One asset, complete at the end of this time.
    fn asset(&mut self, from: f64, to: f64, asset: Asset) {
        let joints = self.up_to(2, 5).max(least(to - from).saturating_sub(9));
        let mut reports: Vec<_> = ASSET_BEGIN.iter().map(Report::of).collect();
        reports.extend((1..=joints).map(|index| counted(&JOINT_ADDED, index, joints)));
        reports.extend(ASSET_END.iter().map(Report::of));
        let asset = Arc::new(asset);
        for report in &mut reports {
            report.asset = Some(Arc::clone(&asset));
        }
        self.evenly(from, to, reports);
    }

    /// All that follows the last asset.
    fn assembly(&mut self, from: f64, assets: u32) {
        let placed = from + 0.6 * (1.0 - from);
        let objects = match self.mode {
            "scene" => self.up_to(60, 68).max(2 * assets),
            _ => assets,
        };
        let objects = objects.max(least(placed - from));
        let mut reports = vec![Report::of(&PLACEMENT_STARTED)];
        reports.extend((1..=objects).map(|index| counted(&OBJECT_PLACED, index, objects)));
        reports.push(Report::of(&PLACEMENT_COMPLETED));
        self.evenly(from, placed, reports);

        let mut reports = Vec::new();
        if self.mode != "asset" {
            reports.extend(LIGHTING.iter().map(Report::of));
        }
        reports.push(Report::of(&ACCEPTANCE_STARTED));
        let checks = self.up_to(8, 12).max(least(1.0 - placed));
        reports.extend((1..=checks).map(|index| counted(&CHECK_PASSED, index, checks)));
        reports.push(Report::of(&ACCEPTANCE_COMPLETED));
        self.evenly(placed, 0.995, reports);
    }

    /// Spreads reports over a time, the last at its very end.
    fn evenly(&mut self, from: f64, to: f64, reports: Vec<Report>) {
        let count = u32::try_from(reports.len()).unwrap_or(u32::MAX);
        let numbered = (1..=count).zip(reports);
        self.reports.extend(numbered.map(|(number, report)| {
            let at = from + (to - from) * f64::from(number) / f64::from(count);
            (if number == count { to } else { at }, report)
        }));
    }

    /// A number within these bounds.
    fn up_to(&mut self, low: u32, high: u32) -> u32 {
        let range = u64::from(high - low + 1);
        low + u32::try_from(self.random.next() % range).unwrap_or_default()
    }
}

/// An event that has a place among others of its kind.
fn counted(kind: &'static Kind, index: u32, total: u32) -> Report {
    Report {
        index,
        total,
        ..Report::of(kind)
    }
}

/// The least number of events that leaves no long gap in a time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most the number of gaps in a whole job"
)]
fn least(time: f64) -> u32 {
    (time / LONGEST_GAP).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Kind as Furniture;
    use crate::job::{plan, stages};
    use crate::state::AssetEntry;

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

    fn script(mode: &str, prompt: &str, assets: usize) -> Vec<Step> {
        let plan = plan(stages(mode), prompt, (1..=assets).map(asset).collect());
        steps(plan, mode, prompt, 0, true)
    }

    #[test]
    fn no_gap_between_events_is_long() {
        for mode in ["scene", "edit", "asset"] {
            for (prompt, assets) in (0..30).flat_map(|n| [("a lab", n), ("flaky doomed", n)]) {
                if mode == "asset" && assets != 1 {
                    continue;
                }
                let steps = script(mode, prompt, assets);
                let mut before = 0.0;
                for step in &steps {
                    let gap = step.at - before;
                    assert!(
                        (0.0..=0.025).contains(&gap),
                        "{mode} {prompt} {assets} {step:?}"
                    );
                    before = step.at;
                }
            }
        }
    }

    #[test]
    fn a_job_has_as_many_events_as_the_observed_ones() {
        for (mode, assets, events) in [
            ("scene", 5, 200..240),
            ("scene", 8, 220..270),
            ("edit", 0, 40..80),
            ("edit", 2, 40..90),
            ("asset", 1, 40..80),
        ] {
            let count = script(mode, "a lab", assets).len();
            assert!(events.contains(&count), "{mode} {assets}: {count}");
        }
    }

    #[test]
    fn a_report_is_json() {
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
