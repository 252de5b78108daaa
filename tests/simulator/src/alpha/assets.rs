//! The asset operations of the early-access API.

use std::time::Duration;

use gizmo_client::Timestamp;
use gizmo_client::alpha::types::{self, CreateAssetBody, ExportAssetBody};
use gizmo_client::alpha::{AssetFormat, AssetStatus};
use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use super::cdn;
use crate::call::{Call, Rule};
use crate::clock::iso_8601;
use crate::export::{Brief, Item, Kind, kinds_in};
use crate::jobs;
use crate::response::{Handled, Refusal, fields, json_response};
use crate::state::{Shared, name_of};

const FORMATS: [AssetFormat; 3] = [
    AssetFormat::IsaacSimUsd,
    AssetFormat::IsaacSimUrdf,
    AssetFormat::MujocoMjcf,
];

/// An asset as it is kept; where it stands follows from the time.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) id: String,
    name: String,
    prompt: String,
    tags: Vec<String>,
    created_at: u64,
    started: Instant,
    takes: Duration,
}

impl Asset {
    pub(super) fn status(&self) -> AssetStatus {
        let elapsed = self.started.elapsed();
        if elapsed >= self.takes {
            // The same word that dooms a job.
            if self.prompt.contains("doomed") {
                AssetStatus::Failed
            } else {
                AssetStatus::Ready
            }
        } else if elapsed >= self.takes / 10 {
            AssetStatus::Processing
        } else {
            AssetStatus::Pending
        }
    }

    /// Begins again, as if it had just been asked for.
    pub(crate) fn remake(&mut self) {
        self.started = Instant::now();
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status() == AssetStatus::Ready
    }

    /// The asset as it is returned; lists leave its formats out.
    fn response(&self, in_list: bool) -> types::Asset {
        let formats =
            (self.is_ready() && !in_list).then(|| FORMATS.map(|format| format.to_string()));
        types::Asset {
            id: self.id.clone(),
            status: self.status(),
            name: Some(self.name.clone()),
            prompt: Some(self.prompt.clone()),
            created_at: Some(moment(self.created_at)),
            formats_available: formats.map(Vec::from),
            extra: fields(json!({ "tags": self.tags })),
        }
    }

    /// The asset in an export, the first or another of its kind.
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

/// A moment in the early-access API's notation.
pub(super) fn moment(unix_seconds: u64) -> Timestamp {
    serde_json::from_value(iso_8601(unix_seconds).into()).expect("a timestamp takes any value")
}

pub(super) fn create(call: &Call) -> Handled {
    let body: CreateAssetBody = call.body(&[
        Rule::Prompt("prompt"),
        Rule::Text("name"),
        Rule::Texts("tags", 100),
    ])?;
    let Shared { clock, options, .. } = &*call.shared;
    let mut tables = call.shared.tables();
    jobs::check(&tables, &body.prompt)?;
    tables.credits = tables.credits.map(|credits| credits.saturating_sub(1));
    tables.spent += 1;
    let id = tables.alpha.assets.new_id();
    let asset = Asset {
        id: id.clone(),
        name: body.name.unwrap_or_else(|| name_of(&body.prompt)),
        prompt: body.prompt,
        tags: body.tags,
        created_at: clock.now().as_secs(),
        started: Instant::now(),
        takes: clock.scaled(options.asset_duration),
    };
    let response = asset.response(false);
    tables.alpha.assets.insert(&id, asset);
    Ok(json_response(StatusCode::CREATED, &response))
}

/// The pages do not say in which order; their example has the oldest first.
pub(super) fn list(call: &Call) -> Handled {
    let window = call.window()?;
    let tables = call.shared.tables();
    let assets = tables.alpha.assets.newest().rev();
    window.bare_list("assets", assets.map(|asset| asset.response(true)))
}

pub(super) fn get(call: &Call) -> Handled {
    let tables = call.shared.tables();
    let asset = tables.alpha.asset(&call.id)?;
    Ok(json_response(StatusCode::OK, &asset.response(false)))
}

pub(super) fn export(call: &Call) -> Handled {
    let body: ExportAssetBody = call.body(&[])?;
    let mut tables = call.shared.tables();
    let asset = tables.alpha.asset(&call.id)?;
    ready(asset, "exported")?;
    let brief = Brief {
        id: asset.id.clone(),
        name: asset.name.clone(),
        prompt: asset.prompt.clone(),
        revision: 1,
        robot_profile: None,
        items: vec![asset.item(0, None)],
    };
    Ok(cdn::link(
        call,
        &mut tables.alpha,
        brief,
        &body.format,
        body.format.into(),
    ))
}

/// Refuses what only an asset that is ready can be.
pub(super) fn ready(asset: &Asset, done: &str) -> Result<(), Refusal> {
    if asset.is_ready() {
        return Ok(());
    }
    let message = format!(
        "Asset {} is {} and cannot be {done}",
        asset.id,
        asset.status()
    );
    Err(Refusal::new(
        StatusCode::BAD_REQUEST,
        "asset_not_ready",
        message,
    ))
}
