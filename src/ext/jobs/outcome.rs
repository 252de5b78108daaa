//! What a job made: its scene and its asset, wherever the service names them.

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::error_message;
use super::follower::{Ended, Report};
use crate::ext::error::{Error, ErrorKind, one_line};
use crate::ext::values::id;
use crate::ext::values::timestamp::Timestamp;
use crate::raw::Client;
use crate::raw::types::{Asset, Job, JobStatus};

/// A job that succeeded, and the ids of what it made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FinishedJob {
    /// The job's id.
    pub id: String,
    /// The scene that it made or changed.
    pub scene_id: String,
    /// The asset that it made, if it was started to make one. Its result, its terminal event or the
    /// scene's newest assets name it.
    pub asset_id: Option<String>,
    /// The job as the service reports it, with its result.
    pub job: Job,
}

/// The maximum depth at which a result is searched for an id.
const MAX_DEPTH: usize = 8;

/// The number of a scene's newest assets that are searched for the job's asset.
const NEWEST: usize = 20;

/// A job before its end, as its handle knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownJob<'a> {
    pub(super) client: &'a Client,
    pub(super) id: &'a str,
    pub(super) scene_id: Option<&'a str>,
    pub(super) asset_id: Option<&'a str>,
    /// It was started to make an asset.
    pub(super) makes_asset: bool,
}

impl KnownJob<'_> {
    /// Turns the end of the job into a result.
    pub(super) async fn finished(self, ended: Ended) -> Result<FinishedJob, Error> {
        let Ended {
            report: Report { job, .. },
            data,
            failure,
        } = ended;
        let failed = |kind, message| Error::new(kind, message).with_job_id(self.id);
        if job.status != JobStatus::Succeeded {
            // It has made nothing that a lost request may be looking for.
            self.client
                .inner
                .0
                .paid_requests
                .finished(self.id, &[self.id]);
        }
        match job.status {
            JobStatus::Succeeded => self.succeeded(job, &data).await,
            JobStatus::Failed => {
                // Assumption: job-error.
                let error = job.error.as_ref().and_then(error_message);
                let why = error.or(failure.as_deref());
                let why = why.map_or_else(String::new, |why| format!(": {}", one_line(why, 300)));
                let message = format!("the job failed{why}");
                Err(failed(ErrorKind::JobFailed, message).with_job(job))
            }
            JobStatus::Cancelled => {
                let message = "the job was cancelled".to_owned();
                Err(failed(ErrorKind::JobCancelled, message).with_job(job))
            }
            _ => {
                let word = one_line(job.status.as_str(), 50);
                let message = format!("the job has ended, but its status is still `{word}`");
                Err(failed(ErrorKind::Decode, message).with_job(job))
            }
        }
    }

    async fn succeeded(self, job: Job, data: &Value) -> Result<FinishedJob, Error> {
        let result = job.result.as_ref().unwrap_or(&Value::Null);
        let sources = [result, data];
        let named = |names: &[&str]| {
            sources
                .iter()
                .find_map(|value| named(value, names, MAX_DEPTH))
        };
        // Assumptions: job-scene-id, generation-scene-id.
        let scene_id = job
            .scene_id
            .clone()
            .or_else(|| named(&["scene_id", "sceneId"]))
            .or_else(|| self.scene_id.map(str::to_owned));
        let Some(scene_id) = scene_id else {
            let message = "the job succeeded, but no response names its scene";
            let error = Error::new(ErrorKind::Decode, message);
            return Err(error.with_job_id(self.id).with_job(job));
        };
        // Assumption: job-mode-words.
        let is_asset = job
            .mode
            .as_deref()
            .is_some_and(|mode| mode.contains("asset"));
        let mut asset_id = job.asset_id.clone();
        if self.makes_asset || is_asset {
            // Assumptions: job-result-asset-id, job-asset-id-elsewhere.
            let extra = [&Value::Object(job.extra.clone())]
                .iter()
                .find_map(|value| self::named(value, ASSET_ID, MAX_DEPTH));
            asset_id = asset_id
                .or_else(|| named(ASSET_ID))
                .or_else(|| id::of(&result["asset"]["id"]))
                .or(extra)
                .or_else(|| self.asset_id.map(str::to_owned));
            if asset_id.is_none() {
                asset_id = self.newest_asset(&job, &scene_id).await;
            }
            // The scene belongs to the request that made it.
            let made: Vec<&str> = asset_id.as_deref().into_iter().chain([self.id]).collect();
            self.client.inner.0.paid_requests.finished(self.id, &made);
        } else {
            let top = sources
                .iter()
                .find_map(|value| self::named(value, ASSET_ID, 1));
            asset_id = asset_id
                .or(top)
                .or_else(|| self.asset_id.map(str::to_owned));
            let paid_requests = &self.client.inner.0.paid_requests;
            paid_requests.finished(self.id, &[self.id, &scene_id]);
        }
        Ok(FinishedJob {
            id: self.id.to_owned(),
            scene_id,
            asset_id,
            job,
        })
    }

    /// Returns the asset among the scene's newest that names this job, or the newest that was created
    /// since the job.
    async fn newest_asset(self, job: &Job, scene_id: &str) -> Option<String> {
        // Assumptions: list-assets-by-scene, list-newest-first.
        let list = self.client.list_assets().scene_id(scene_id);
        let mut items = std::pin::pin!(list.items());
        let mut newest: Option<Asset> = None;
        for _ in 0..NEWEST {
            let Ok(Some(asset)) = items.try_next().await else {
                break;
            };
            // Assumption: asset-job-id.
            let job_id = ["job_id", "jobId"]
                .iter()
                .find_map(|name| id::of(asset.extra.get(*name)?));
            if job_id.as_deref() == Some(self.id) {
                return Some(asset.id);
            }
            let at = |time: Option<&Timestamp>| time.and_then(Timestamp::system_time);
            let (asset_at, job_at) = (at(asset.created_at.as_ref()), at(job.created_at.as_ref()));
            let is_older = asset_at.zip(job_at).is_some_and(|(asset, job)| asset < job);
            if newest.is_none() && job_id.is_none() && !is_older {
                newest = Some(asset);
            }
        }
        newest.map(|asset| asset.id)
    }
}

const ASSET_ID: &[&str] = &["asset_id", "assetId"];

/// Returns the id under one of these names, at the top or deeper.
fn named(value: &Value, names: &[&str], depth: usize) -> Option<String> {
    if depth == 0 {
        return None;
    }
    match value {
        Value::Object(fields) => {
            let id = names.iter().find_map(|name| id::of(fields.get(*name)?));
            id.or_else(|| {
                fields
                    .values()
                    .find_map(|value| named(value, names, depth - 1))
            })
        }
        Value::Array(values) => values
            .iter()
            .find_map(|value| named(value, names, depth - 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_is_found_at_any_depth() {
        for (value, depth, expected) in [
            (json!({"asset_id": "a"}), 1, Some("a")),
            (json!({"assetId": 7}), 1, Some("7")),
            (json!({"asset_id": "", "assetId": "b"}), 1, Some("b")),
            (json!({"result": {"asset_id": "a"}}), 1, None),
            (
                json!({"output": [{"x": 1}, {"asset": {"assetId": "a"}}]}),
                8,
                Some("a"),
            ),
            (json!("asset_id"), 8, None),
            (json!(null), 8, None),
        ] {
            assert_eq!(
                named(&value, ASSET_ID, depth).as_deref(),
                expected,
                "{value}"
            );
        }
    }
}
