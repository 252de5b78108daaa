//! The scene operations except export.

use std::sync::Arc;

use gizmo_client::types::{
    Acknowledged, EditSceneBody, GenerateSceneBody, JobAccepted, JobStatus, SceneStatus,
    UpdateSceneBody,
};
use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::call::{Call, Rule};
use crate::export::{Kind, kinds_in};
use crate::fault::JobFaults;
use crate::job::{self, furniture, stages};
use crate::jobs::{self, NewJob};
use crate::response::{HandlerResult, Refusal, envelope, json_response};
use crate::state::{AssetEntry, SceneEntry, Shared, Tables, name_of};

const PIPELINES: &[&str] = &["auto", "gizmo", "cad"];

pub(crate) fn list(call: &Call) -> HandlerResult {
    let page = call.page()?;
    let tables = call.shared.tables();
    let memory = call.shared.options.memory;
    let scenes = tables.scenes.newest();
    let mut scenes: Vec<&SceneEntry> = scenes
        .filter(|scene| scene.listed && memory.listed.shows(scene.created, scene.has_ended()))
        .collect();
    memory.order.sort(&mut scenes, |scene| scene.id.clone());
    let name_jobs = call.shared.options.name_jobs;
    let resource = |scene: &SceneEntry| memory.in_list(scene.resource(None, name_jobs));
    page.list("scenes", scenes.into_iter().map(resource))
}

pub(crate) fn get(call: &Call) -> HandlerResult {
    let with_record = call.flag("include_record")?;
    let tables = call.shared.tables();
    let scene = find(&tables, &call.id)?;
    let record = with_record.then(|| {
        let mut record = tables.scene_brief(scene, None).record();
        record["edits"] = json!(scene.edits);
        record
    });
    let options = &call.shared.options;
    let scene = scene.resource(record, options.name_jobs);
    envelope("scene", &options.memory.alone(scene))
}

pub(crate) fn status(call: &Call) -> HandlerResult {
    let tables = call.shared.tables();
    let scene = find(&tables, &call.id)?;
    let stages: Vec<Value> = scene
        .stages
        .iter()
        .map(|(name, status)| json!({ "name": name, "status": status }))
        .collect();
    let status = SceneStatus {
        ok: Some(true),
        pipeline_status: Some(scene.status.to_string()),
        pipeline_stages: Some(stages.into()),
        error: scene.error.clone(),
        extra: Map::new(),
    };
    Ok(json_response(StatusCode::OK, &status))
}

pub(crate) fn update(call: &Call) -> HandlerResult {
    let body: UpdateSceneBody = call.body(&[Rule::Text("name"), Rule::Text("description")])?;
    let now = call.shared.clock.now().as_secs();
    let mut tables = call.shared.tables();
    let scene = tables
        .scenes
        .get_mut(&call.id)
        .ok_or_else(|| Refusal::not_found("scene", &call.id))?;
    if let Some(name) = body.name {
        scene.name = name;
    }
    if let Some(description) = body.description {
        scene.description = description;
    }
    scene.updated_at = now;
    Ok(json_response(
        StatusCode::OK,
        &Acknowledged {
            ok: Some(true),
            extra: Map::new(),
        },
    ))
}

pub(crate) fn delete(call: &Call) -> HandlerResult {
    let mut tables = call.shared.tables();
    find(&tables, &call.id)?;
    let running: Vec<String> = tables
        .jobs
        .newest()
        .filter(|job| job.scene_id == call.id)
        .map(|job| job.id.clone())
        .collect();
    for job_id in running {
        job::cancel(&call.shared, &mut tables, &job_id);
    }
    if let Some(scene) = tables.scenes.remove(&call.id) {
        for asset in &scene.assets {
            tables.assets.remove(asset);
        }
    }
    Ok(json_response(
        StatusCode::OK,
        &Acknowledged {
            ok: Some(true),
            extra: Map::new(),
        },
    ))
}

pub(crate) fn generate(call: &Call) -> HandlerResult {
    let body: GenerateSceneBody = call.body(&[
        Rule::RequiredText("prompt"),
        Rule::Text("model"),
        Rule::OneOf("asset_pipeline", PIPELINES),
        Rule::Texts("reference_images", 3),
        Rule::Flag("persist"),
    ])?;
    let mut tables = call.shared.tables();
    jobs::check_credits(&tables)?;
    let listed = body.persist.unwrap_or(true);
    let faults = call.job_rules.apply();
    jobs::accepted(&start(
        &call.shared,
        &mut tables,
        body.prompt,
        listed,
        faults,
    ))
}

/// Starts the job of a new scene.
pub(crate) fn start(
    shared: &Arc<Shared>,
    tables: &mut Tables,
    prompt: String,
    listed: bool,
    faults: JobFaults,
) -> JobAccepted {
    let now = shared.clock.now().as_secs();
    let scene_id = tables.scenes.new_id();
    let kinds = furniture(&prompt);
    let assets = new_assets(tables, &scene_id, &prompt, &kinds, 0, true);
    let scene = SceneEntry {
        id: scene_id.clone(),
        name: name_of(&prompt),
        description: prompt.clone(),
        prompt: prompt.clone(),
        created: Instant::now(),
        created_at: now,
        updated_at: now,
        revision: 1,
        edits: Vec::new(),
        status: JobStatus::Queued,
        stages: stages("scene")
            .iter()
            .map(|(name, _)| (*name, "pending"))
            .collect(),
        error: None,
        job_id: None,
        listed,
        assets: Vec::new(),
        failed: Vec::new(),
        generated: false,
    };
    tables.scenes.insert(&scene_id, scene);
    let new = NewJob {
        mode: "scene",
        prompt,
        scene_id,
        asset_id: None,
        assets,
        faults,
    };
    jobs::start(shared, tables, new)
}

pub(crate) fn edit(call: &Call) -> HandlerResult {
    let body: EditSceneBody = call.body(&[Rule::RequiredText("prompt"), Rule::Text("model")])?;
    let mut tables = call.shared.tables();
    jobs::check_credits(&tables)?;
    let existing = ready(&tables, &call.id, "edited")?.assets.len();
    let assets = new_assets(
        &mut tables,
        &call.id,
        &body.prompt,
        &kinds_in(&body.prompt),
        existing,
        true,
    );
    if let Some(scene) = tables.scenes.get_mut(&call.id) {
        scene.status = JobStatus::Queued;
        scene.stages = stages("edit")
            .iter()
            .map(|(name, _)| (*name, "pending"))
            .collect();
    }
    let new = NewJob {
        mode: "edit",
        prompt: body.prompt,
        scene_id: call.id.clone(),
        asset_id: None,
        assets,
        faults: call.job_rules.apply(),
    };
    jobs::accepted(&jobs::start(&call.shared, &mut tables, new))
}

pub(crate) fn find<'a>(tables: &'a Tables, id: &str) -> Result<&'a SceneEntry, Refusal> {
    tables
        .scenes
        .get(id)
        .ok_or_else(|| Refusal::not_found("scene", id))
}

/// Returns a scene whose generation has succeeded. Until then it can be neither edited nor exported.
pub(crate) fn ready<'a>(
    tables: &'a Tables,
    id: &str,
    action: &str,
) -> Result<&'a SceneEntry, Refusal> {
    let scene = find(tables, id)?;
    if scene.generated {
        return Ok(scene);
    }
    let message = format!("Scene {id} is {} and cannot be {action}", scene.status);
    Err(Refusal::new(
        StatusCode::CONFLICT,
        "scene_not_ready",
        message,
    ))
}

/// Returns the assets that a job will generate. Their names consist of the kind and a number that is
/// unique within the scene, which already has `existing` assets.
pub(crate) fn new_assets(
    tables: &mut Tables,
    scene_id: &str,
    prompt: &str,
    kinds: &[Kind],
    existing: usize,
    listed: bool,
) -> Vec<AssetEntry> {
    let numbered = kinds.iter().enumerate();
    numbered
        .map(|(index, kind)| AssetEntry {
            id: tables.assets.new_id(),
            scene_id: scene_id.to_owned(),
            name: format!("{}_{}", kind.name(), existing + index + 1),
            prompt: prompt.to_owned(),
            kind: *kind,
            created_at: 0,
            job_id: None,
            listed,
        })
        .collect()
}
