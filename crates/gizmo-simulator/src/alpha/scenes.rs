//! The scene operations of the early-access API.

use gizmo_client::alpha::types::{
    self, CreateSceneBody, ExportSceneBody, PlaceAssetBody, PlacedAsset, Position, Rotation,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, json};

use super::assets::{Asset, ready, timestamp};
use super::{Entry, Tables, cdn};
use crate::call::{Call, Rule};
use crate::export::Brief;
use crate::response::{HandlerResult, Refusal, json_response, validation_error};
use crate::state::Table;

/// How much the length of a unit quaternion may deviate from 1.
const UNIT_TOLERANCE: f64 = 1e-3;

/// A stored scene.
#[derive(Debug)]
pub(crate) struct Scene {
    id: String,
    name: String,
    description: Option<String>,
    created_at: u64,
    placed: Vec<Placed>,
}

#[derive(Debug)]
struct Placed {
    asset_id: String,
    position: Position,
    rotation: Rotation,
}

impl Placed {
    /// Returns the position and the yaw in an export, which rotates assets about the vertical only.
    fn place(&self) -> ([f64; 3], f64) {
        let Position { x, y, z } = self.position;
        let yaw = 2.0 * self.rotation.z.atan2(self.rotation.w);
        ([x, y, z], yaw)
    }
}

impl Entry for Scene {
    const NAME: &'static str = "scene";
    const LIST: &'static str = "scenes";

    fn table(tables: &Tables) -> &Table<Self> {
        &tables.scenes
    }

    /// Lists omit the placed assets.
    fn resource(&self, in_list: bool) -> impl Serialize {
        let scene = types::Scene {
            id: self.id.clone(),
            name: Some(self.name.clone()),
            description: self.description.clone(),
            created_at: Some(timestamp(self.created_at)),
            assets: Vec::new(),
            extra: Map::new(),
        };
        let mut scene = json!(scene);
        // As documented, an omitted description is `null`, and the assets of a new scene are an empty
        // array.
        scene["description"] = json!(self.description);
        if !in_list {
            let placed = self.placed.iter().map(|placed| PlacedAsset {
                asset_id: Some(placed.asset_id.clone()),
                position: Some(json!(placed.position)),
                rotation: Some(json!(placed.rotation)),
                extra: Map::new(),
            });
            scene["assets"] = json!(placed.collect::<Vec<_>>());
        }
        scene
    }
}

pub(super) fn create(call: &Call) -> HandlerResult {
    let body: CreateSceneBody =
        call.body(&[Rule::RequiredText("name"), Rule::Text("description")])?;
    let mut tables = call.shared.tables();
    let id = tables.alpha.scenes.new_id();
    let scene = Scene {
        id: id.clone(),
        name: body.name,
        description: body.description,
        created_at: call.shared.clock.now().as_secs(),
        placed: Vec::new(),
    };
    let response = json_response(StatusCode::CREATED, &scene.resource(false));
    tables.alpha.scenes.insert(&id, scene);
    Ok(response)
}

pub(super) fn place(call: &Call) -> HandlerResult {
    let body: PlaceAssetBody = call.body(&[Rule::RequiredText("asset_id")])?;
    let rotation = body.rotation.unwrap_or(Rotation {
        x: 0.0,
        y: 0.0,
        z: 0.0,
        w: 1.0,
    });
    let Rotation { x, y, z, w } = rotation;
    if ((x * x + y * y + z * z + w * w).sqrt() - 1.0).abs() > UNIT_TOLERANCE {
        let message = "Input should be a unit quaternion";
        let invalid = validation_error(
            &["body", "rotation"],
            "value_error",
            message,
            &json!(rotation),
        );
        return Err(Refusal::invalid(&[invalid]));
    }
    let mut tables = call.shared.tables();
    tables.alpha.find::<Scene>(&call.id)?;
    ready(tables.alpha.find::<Asset>(&body.asset_id)?, "placed")?;
    let placed = Placed {
        asset_id: body.asset_id,
        position: body.position.unwrap_or(Position {
            x: 0.0,
            y: 0.0,
            z: 0.0,
        }),
        rotation,
    };
    if let Some(scene) = tables.alpha.scenes.get_mut(&call.id) {
        scene.placed.push(placed);
    }
    let scene: &Scene = tables.alpha.find(&call.id)?;
    Ok(json_response(StatusCode::CREATED, &scene.resource(false)))
}

pub(super) fn export(call: &Call) -> HandlerResult {
    let body: ExportSceneBody =
        call.body(&[Rule::OneOf("format", &["isaac_sim_usd", "mujoco_mjcf"])])?;
    let mut tables = call.shared.tables();
    let brief = brief(&tables.alpha, tables.alpha.find(&call.id)?)?;
    Ok(cdn::link(
        call,
        &mut tables.alpha,
        brief,
        &body.format,
        (&body.format).into(),
    ))
}

/// Returns the contents of an export of the scene, all of whose assets must be ready.
fn brief(tables: &Tables, scene: &Scene) -> Result<Brief, Refusal> {
    let (mut items, mut not_ready) = (Vec::new(), Vec::new());
    for (index, placed) in scene.placed.iter().enumerate() {
        let asset: &Asset = tables.find(&placed.asset_id)?;
        if !asset.is_ready() {
            not_ready.push(format!("{} is {}", asset.id, asset.status()));
        }
        items.push(asset.item(index, Some(placed.place())));
    }
    // Assumption: alpha-export-needs-ready.
    if !not_ready.is_empty() {
        let message = format!("Every asset must be ready: {}", not_ready.join(", "));
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "assets_not_ready",
            message,
        ));
    }
    Ok(Brief {
        id: scene.id.clone(),
        name: scene.name.clone(),
        prompt: scene.description.clone().unwrap_or_default(),
        revision: u32::try_from(scene.placed.len()).unwrap_or(u32::MAX),
        robot_profile: None,
        items,
        failed: 0,
    })
}
