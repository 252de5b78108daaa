//! What a lost request may have made.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ext::values::id;
use crate::ext::values::timestamp::Timestamp;
use crate::raw::types::{Asset, Scene};

/// A scene or an asset that a lost request may have made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Candidate {
    /// The scene, or the scene of the asset.
    pub scene_id: Option<String>,
    /// The asset, if one was requested.
    pub asset_id: Option<String>,
    /// The job, if the service names it.
    pub job_id: Option<String>,
    /// The prompt, if the service reports it.
    pub prompt: Option<String>,
    /// When it was created, by the service's clock.
    pub created_at: Option<SystemTime>,
}

impl Candidate {
    #[cfg(test)]
    pub(super) fn shown(id: &str, prompt: Option<String>, created_at: Option<SystemTime>) -> Self {
        Self {
            scene_id: Some(id.to_owned()),
            asset_id: None,
            job_id: None,
            prompt,
            created_at,
        }
    }

    /// Returns the id under which it is listed.
    pub(crate) fn id(&self) -> &str {
        let id = self.asset_id.as_ref().or(self.scene_id.as_ref());
        id.map_or("", String::as_str)
    }
}

pub(super) fn system_time(timestamp: Option<&Timestamp>) -> Option<SystemTime> {
    timestamp.and_then(Timestamp::system_time)
}

// Assumption: scene-fields.
impl From<Scene> for Candidate {
    fn from(scene: Scene) -> Self {
        Self {
            job_id: job_id(&scene.extra, scene.record.as_ref()),
            created_at: system_time(scene.created_at.as_ref()),
            scene_id: Some(scene.id),
            asset_id: None,
            prompt: scene.prompt,
        }
    }
}

// Assumption: asset-fields.
impl From<Asset> for Candidate {
    fn from(asset: Asset) -> Self {
        Self {
            job_id: job_id(&asset.extra, asset.record.as_ref()),
            created_at: system_time(asset.created_at.as_ref()),
            scene_id: asset.scene_id,
            asset_id: Some(asset.id),
            prompt: asset.prompt,
        }
    }
}

#[cfg(feature = "alpha")]
impl From<crate::alpha::types::Asset> for Candidate {
    fn from(asset: crate::alpha::types::Asset) -> Self {
        Self {
            scene_id: None,
            job_id: None,
            created_at: system_time(asset.created_at.as_ref()),
            asset_id: Some(asset.id),
            prompt: asset.prompt,
        }
    }
}

impl Candidate {
    /// Adds what another response reports about the same scene or asset.
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

/// Returns the job of a scene or an asset, under any of its possible names.
// Assumptions: scene-job-id, asset-job-id, scene-record-option.
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
            let by_name = NAMES.iter().find_map(|name| id::of(fields.get(*name)?));
            by_name.or_else(|| id::of(fields.get("job")?.get("id")?))
        })
}
