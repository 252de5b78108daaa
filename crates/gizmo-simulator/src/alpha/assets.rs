//! The asset operations of the early-access API.

use std::time::Duration;

use gizmo_client::Timestamp;
use gizmo_client::alpha::types::{self, CreateAssetBody, ExportAssetBody};
use gizmo_client::alpha::{AssetFormat, AssetStatus};
use http::StatusCode;
use serde::Serialize;
use serde_json::Map;
use tokio::time::Instant;

use super::{Entry, Tables, cdn};
use crate::call::{Call, Rule};
use crate::clock::iso_8601;
use crate::export::{Brief, Item, Kind, kinds_in};
use crate::jobs;
use crate::response::{HandlerResult, Refusal, json_response};
use crate::state::{Shared, Table, name_of};

const FORMATS: [AssetFormat; 3] = [
    AssetFormat::IsaacSimUsd,
    AssetFormat::IsaacSimUrdf,
    AssetFormat::MujocoMjcf,
];

/// A stored asset. Its status is derived from the time since generation started.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) id: String,
    name: String,
    prompt: String,
    created_at: u64,
    started: Instant,
    duration: Duration,
    fails: bool,
}

impl Asset {
    pub(super) fn status(&self) -> AssetStatus {
        let elapsed = self.started.elapsed();
        if elapsed >= self.duration {
            if self.fails {
                AssetStatus::Failed
            } else {
                AssetStatus::Ready
            }
        } else if elapsed >= self.duration / 10 {
            AssetStatus::Processing
        } else {
            AssetStatus::Pending
        }
    }

    /// Restarts the generation, as if the asset had just been requested.
    pub(crate) fn remake(&mut self) {
        self.started = Instant::now();
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status() == AssetStatus::Ready
    }

    /// Returns the asset as an item of an export. `index` makes its name unique there.
    pub(super) fn item(&self, index: usize, place: Option<([f64; 3], f64)>) -> Item {
        let kind = kinds_in(&self.prompt)
            .first()
            .copied()
            .unwrap_or(Kind::Crate);
        Item {
            id: self.id.clone(),
            name: format!("{}_{}", kind.name(), index + 1),
            kind,
            place,
        }
    }
}

impl Entry for Asset {
    const NAME: &'static str = "asset";
    const LIST: &'static str = "assets";

    fn table(tables: &Tables) -> &Table<Self> {
        &tables.assets
    }

    /// Lists omit the formats.
    fn resource(&self, in_list: bool) -> impl Serialize {
        let formats =
            (self.is_ready() && !in_list).then(|| FORMATS.map(|format| format.to_string()));
        types::Asset {
            id: self.id.clone(),
            status: self.status(),
            name: Some(self.name.clone()),
            prompt: Some(self.prompt.clone()),
            created_at: Some(timestamp(self.created_at)),
            formats_available: formats.map(Vec::from),
            extra: Map::new(),
        }
    }
}

/// Returns a timestamp in the format of the early-access API.
pub(super) fn timestamp(unix_seconds: u64) -> Timestamp {
    serde_json::from_value(iso_8601(unix_seconds).into())
        .expect("a timestamp deserializes from any value")
}

pub(super) fn create(call: &Call) -> HandlerResult {
    let body: CreateAssetBody = call.body(&[
        Rule::RequiredText("prompt"),
        Rule::Text("name"),
        Rule::Texts("tags", 100),
    ])?;
    let Shared { clock, options, .. } = &*call.shared;
    let mut tables = call.shared.tables();
    jobs::check_credits(&tables)?;
    jobs::charge(&mut tables);
    let faults = call.job_rules.apply();
    let id = tables.alpha.assets.new_id();
    let asset = Asset {
        id: id.clone(),
        name: body.name.unwrap_or_else(|| name_of(&body.prompt)),
        prompt: body.prompt,
        created_at: clock.now().as_secs(),
        started: Instant::now(),
        duration: clock.delayed(options.asset_duration, faults.delay),
        fails: faults.fails || faults.asset_fails,
    };
    let response = json_response(StatusCode::CREATED, &asset.resource(false));
    tables.alpha.assets.insert(&id, asset);
    Ok(response)
}

pub(super) fn export(call: &Call) -> HandlerResult {
    let body: ExportAssetBody = call.body(&[Rule::OneOf(
        "format",
        &["isaac_sim_usd", "isaac_sim_urdf", "mujoco_mjcf"],
    )])?;
    let mut tables = call.shared.tables();
    let asset: &Asset = tables.alpha.find(&call.id)?;
    ready(asset, "exported")?;
    let brief = Brief {
        id: asset.id.clone(),
        name: asset.name.clone(),
        prompt: asset.prompt.clone(),
        revision: 1,
        robot_profile: None,
        items: vec![asset.item(0, None)],
        failed: 0,
    };
    Ok(cdn::link(
        call,
        &mut tables.alpha,
        brief,
        &body.format,
        (&body.format).into(),
    ))
}

/// Refuses an action on an asset that is not ready.
pub(super) fn ready(asset: &Asset, action: &str) -> Result<(), Refusal> {
    if asset.is_ready() {
        return Ok(());
    }
    let message = format!(
        "Asset {} is {} and cannot be {action}",
        asset.id,
        asset.status()
    );
    Err(Refusal::new(
        StatusCode::BAD_REQUEST,
        "asset_not_ready",
        message,
    ))
}
