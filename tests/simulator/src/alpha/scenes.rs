//! The scene operations of the early-access API.

use gizmo_client::alpha::types::{
    self, CreateSceneBody, ExportSceneBody, PlaceAssetBody, PlacedAsset, Position, Rotation,
};
use http::StatusCode;
use serde_json::{Map, json};

use super::assets::{moment, ready};
use super::{Tables, cdn};
use crate::call::{Call, Rule};
use crate::export::Brief;
use crate::response::{Handled, Refusal, fault, json_response};

/// How far from 1 the length of a quaternion may be.
const UNIT: f64 = 1e-3;

/// A scene as it is kept.
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
    /// Where it stands in an export, which turns it about the vertical only.
    fn place(&self) -> ([f64; 3], f64) {
        let Position { x, y, z } = self.position;
        let yaw = 2.0 * self.rotation.z.atan2(self.rotation.w);
        ([x, y, z], yaw)
    }
}

impl Scene {
    /// The scene as it is returned; lists leave out what is placed in it.
    fn response(&self, in_list: bool) -> serde_json::Value {
        let scene = types::Scene {
            id: self.id.clone(),
            name: Some(self.name.clone()),
            description: self.description.clone(),
            created_at: Some(moment(self.created_at)),
            assets: Vec::new(),
            extra: Map::new(),
        };
        let mut scene = json!(scene);
        // `null` if omitted, and empty at first, as the page has them.
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

pub(super) fn create(call: &Call) -> Handled {
    let body: CreateSceneBody = call.body(&[Rule::Prompt("name"), Rule::Text("description")])?;
    let mut tables = call.shared.tables();
    let id = tables.alpha.scenes.new_id();
    let scene = Scene {
        id: id.clone(),
        name: body.name,
        description: body.description,
        created_at: call.shared.clock.now().as_secs(),
        placed: Vec::new(),
    };
    let response = scene.response(false);
    tables.alpha.scenes.insert(&id, scene);
    Ok(json_response(StatusCode::CREATED, &response))
}

pub(super) fn list(call: &Call) -> Handled {
    let window = call.window()?;
    let tables = call.shared.tables();
    let scenes = tables.alpha.scenes.newest().rev();
    window.bare_list("scenes", scenes.map(|scene| scene.response(true)))
}

pub(super) fn get(call: &Call) -> Handled {
    let tables = call.shared.tables();
    let scene = tables.alpha.scene(&call.id)?;
    Ok(json_response(StatusCode::OK, &scene.response(false)))
}

pub(super) fn place(call: &Call) -> Handled {
    let body: PlaceAssetBody = call.body(&[Rule::Prompt("asset_id")])?;
    let rotation = body.rotation.unwrap_or(Rotation {
        x: 0.0,
        y: 0.0,
        z: 0.0,
        w: 1.0,
    });
    let Rotation { x, y, z, w } = rotation;
    if ((x * x + y * y + z * z + w * w).sqrt() - 1.0).abs() > UNIT {
        let message = "Input should be a unit quaternion";
        let broken = fault(
            &["body", "rotation"],
            "value_error",
            message,
            &json!(rotation),
        );
        return Err(Refusal::invalid(&[broken]));
    }
    let mut tables = call.shared.tables();
    tables.alpha.scene(&call.id)?;
    ready(tables.alpha.asset(&body.asset_id)?, "placed")?;
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
    let scene = tables.alpha.scene(&call.id)?;
    Ok(json_response(StatusCode::CREATED, &scene.response(false)))
}

pub(super) fn export(call: &Call) -> Handled {
    let body: ExportSceneBody = call.body(&[])?;
    let mut tables = call.shared.tables();
    let brief = brief(&tables.alpha, tables.alpha.scene(&call.id)?)?;
    Ok(cdn::link(
        call,
        &mut tables.alpha,
        brief,
        &body.format,
        body.format.into(),
    ))
}

/// What an export of the scene holds, if all of its assets are ready.
fn brief(tables: &Tables, scene: &Scene) -> Result<Brief, Refusal> {
    let (mut items, mut unready) = (Vec::new(), Vec::new());
    for (index, placed) in scene.placed.iter().enumerate() {
        let asset = tables.asset(&placed.asset_id)?;
        if !asset.is_ready() {
            unready.push(format!("{} is {}", asset.id, asset.status()));
        }
        items.push(asset.item(index, Some(placed.place())));
    }
    if !unready.is_empty() {
        let message = format!("Every asset must be ready: {}", unready.join(", "));
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
    })
}
