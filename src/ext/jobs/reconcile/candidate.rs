//! What may be what was asked for, and whether it is.

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::PaidRequest;
use crate::ext::values::timestamp::Timestamp;
use crate::raw::types::{Asset, Scene};

/// Something that a lost generation may have made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The scene, or the scene of the asset.
    pub scene_id: Option<String>,
    /// The asset, where one was asked for.
    pub asset_id: Option<String>,
    /// The job that makes it, where the service says so.
    pub job_id: Option<String>,
    /// The sentence it is made from, where the service says so.
    pub prompt: Option<String>,
    /// When it was begun, by the service's clock.
    pub created_at: Option<SystemTime>,
}

/// What may be what was asked for.
#[derive(Debug, Default)]
pub(super) struct Fitting {
    pub(super) certain: Vec<Candidate>,
    /// Begun in time, but nothing says from which prompt.
    pub(super) perhaps: Vec<Candidate>,
}

impl Fitting {
    /// Keeps a candidate unless its time or its prompt is another.
    pub(super) fn consider(
        &mut self,
        asked: &PaidRequest,
        since: SystemTime,
        candidate: Candidate,
    ) {
        if candidate.created_at.is_some_and(|created| created < since) {
            return;
        }
        match &candidate.prompt {
            Some(prompt) if is_same(prompt, &asked.prompt) => self.certain.push(candidate),
            // Without a time either, it is any of the old ones.
            None if candidate.created_at.is_some() => self.perhaps.push(candidate),
            Some(_) | None => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.certain.is_empty() && self.perhaps.is_empty()
    }
}

/// Whether two prompts are the same, but for white space.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

pub(super) fn moment(timestamp: Option<&Timestamp>) -> Option<SystemTime> {
    timestamp.and_then(Timestamp::system_time)
}

impl From<Scene> for Candidate {
    fn from(scene: Scene) -> Self {
        Self {
            job_id: job_id(&scene.extra, scene.record.as_ref()),
            created_at: moment(scene.created_at.as_ref()),
            scene_id: Some(scene.id),
            asset_id: None,
            prompt: scene.prompt,
        }
    }
}

impl From<Asset> for Candidate {
    fn from(asset: Asset) -> Self {
        Self {
            job_id: job_id(&asset.extra, asset.record.as_ref()),
            created_at: moment(asset.created_at.as_ref()),
            scene_id: asset.scene_id,
            asset_id: Some(asset.id),
            prompt: asset.prompt,
        }
    }
}

impl Candidate {
    /// Fills in what another answer says of the same.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            scene_id: self.scene_id.or(other.scene_id),
            asset_id: self.asset_id.or(other.asset_id),
            job_id: self.job_id.or(other.job_id),
            prompt: self.prompt.or(other.prompt),
            created_at: self.created_at.or(other.created_at),
        }
    }
}

/// The job of a scene or an asset, under any of the names that it may go by.
fn job_id(extra: &Map<String, Value>, record: Option<&Value>) -> Option<String> {
    const NAMES: [&str; 5] = [
        "job_id",
        "jobId",
        "latest_job_id",
        "last_job_id",
        "generation_job_id",
    ];
    let record = record.and_then(Value::as_object);
    [Some(extra), record]
        .into_iter()
        .flatten()
        .find_map(|fields| {
            let named = NAMES.iter().find_map(|name| fields.get(*name)?.as_str());
            let whole = || fields.get("job")?.get("id")?.as_str();
            let id = named.or_else(whole)?;
            (!id.is_empty()).then(|| id.to_owned())
        })
}
