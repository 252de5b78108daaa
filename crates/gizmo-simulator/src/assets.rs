//! The asset operations except export.

use gizmo_client::types::{Acknowledged, GenerateAssetBody};
use http::StatusCode;
use serde_json::Map;

use crate::call::{Call, Rule};
use crate::export::{Kind, kinds_in};
use crate::jobs::{self, NewJob};
use crate::response::{HandlerResult, Refusal, envelope, json_response};
use crate::scenes;
use crate::state::AssetEntry;

pub(crate) fn list(call: &Call) -> HandlerResult {
    let page = call.page()?;
    let scene_id = call.query("scene_id");
    let tables = call.shared.tables();
    let listed = tables
        .assets
        .newest()
        .filter(|asset| asset.listed && scene_id.is_none_or(|scene_id| scene_id == asset.scene_id));
    let mut listed: Vec<&AssetEntry> = listed.collect();
    let options = &call.shared.options;
    let memory = options.memory;
    memory.order.sort(&mut listed, |asset| asset.id.clone());
    let resource = |asset: &AssetEntry| memory.in_list(asset.resource(false, options.name_jobs));
    page.list("assets", listed.into_iter().map(resource))
}

pub(crate) fn get(call: &Call) -> HandlerResult {
    let with_record = call.flag("include_record")?;
    let tables = call.shared.tables();
    let asset = tables
        .assets
        .get(&call.id)
        .ok_or_else(|| Refusal::not_found("asset", &call.id))?;
    let options = &call.shared.options;
    let asset = asset.resource(with_record, options.name_jobs);
    envelope("asset", &options.memory.alone(asset))
}

pub(crate) fn generate(call: &Call) -> HandlerResult {
    let body: GenerateAssetBody = call.body(&[
        Rule::RequiredText("prompt"),
        Rule::Text("scene_id"),
        Rule::Text("model"),
        Rule::OneOf("asset_pipeline", &["auto", "gizmo", "cad"]),
        Rule::Flag("persist"),
    ])?;
    let mut tables = call.shared.tables();
    // Assumption: asset-needs-scene.
    let Some(scene_id) = body.scene_id else {
        let message = "An asset belongs to a scene: pass its scene_id";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "no_scene", message));
    };
    let existing = scenes::find(&tables, &scene_id)?.assets.len();
    jobs::check_credits(&tables)?;
    let kind = kinds_in(&body.prompt)
        .first()
        .copied()
        .unwrap_or(Kind::Crate);
    let listed = body.persist.unwrap_or(true);
    let assets = scenes::new_assets(
        &mut tables,
        &scene_id,
        &body.prompt,
        &[kind],
        existing,
        listed,
    );
    let asset_id = assets.first().map(|asset| asset.id.clone());
    let new = NewJob {
        mode: "asset",
        prompt: body.prompt,
        scene_id,
        asset_id,
        assets,
        faults: call.job_rules.apply(),
    };
    jobs::accepted(&jobs::start(&call.shared, &mut tables, new))
}

pub(crate) fn delete(call: &Call) -> HandlerResult {
    let mut tables = call.shared.tables();
    let asset = tables
        .assets
        .remove(&call.id)
        .ok_or_else(|| Refusal::not_found("asset", &call.id))?;
    if let Some(scene) = tables.scenes.get_mut(&asset.scene_id) {
        scene.assets.retain(|id| *id != call.id);
        scene.revision += 1;
    }
    Ok(json_response(
        StatusCode::OK,
        &Acknowledged {
            ok: Some(true),
            extra: Map::new(),
        },
    ))
}
