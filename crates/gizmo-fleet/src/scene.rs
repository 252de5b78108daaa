//! The files of a scene on this machine: followed, exported and unpacked.

use std::path::PathBuf;
use std::time::SystemTime;

use futures_util::future::join;
use gizmo_client::archive::{UnpackOptions, unpack_with};
use gizmo_client::{Client, Error as ClientError, ErrorKind as ClientErrorKind, JobHandle};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::Error;
use crate::hash::{FileHash, SceneFile, hash};
use crate::protocol::Made;
use crate::store::Task;

/// The files of a scene in a temporary directory.
#[derive(Debug)]
pub(crate) struct LocalScene {
    /// Removed when it is dropped.
    _temporary: TempDir,
    pub(crate) dir: PathBuf,
    /// The paths of the files, below `dir`.
    pub(crate) paths: Vec<PathBuf>,
    archive: FileHash,
}

/// Waits for the end of a job, and returns the id of its scene.
pub(crate) async fn follow(
    client: &Client,
    made: &Made,
    job: Option<JobHandle>,
) -> Result<String, ClientError> {
    let scene_id = made.scene_id.clone();
    let job = job.or_else(|| {
        let job = client.job(made.job_id.as_deref()?);
        Some(job.in_scene(scene_id.clone()))
    });
    if let Some(job) = job {
        match job.wait().await {
            Ok(finished) => return Ok(finished.scene_id),
            // The service may have forgotten the job. Its scene tells whether it is complete.
            Err(error) if error.is_not_found() && scene_id.is_some() => {}
            Err(error) => return Err(error),
        }
    }
    let scene_id = scene_id.unwrap_or_default();
    client.wait_for_scene(&scene_id).await?;
    Ok(scene_id)
}

/// Exports a scene, and unpacks it. The archive and the files have at most `limit` bytes together.
pub(crate) async fn export(
    client: &Client,
    task: &Task,
    scene_id: &str,
    temporary: TempDir,
    limit: u64,
) -> Result<LocalScene, Error> {
    let service = |error: ClientError| Error::service(&task.request.prompt, error);
    let mut export = client.export_scene().scene_id(scene_id);
    if let Some(format) = &task.request.format {
        export = export.format(format.clone());
    }
    if let Some(profile) = &task.request.robot_profile {
        export = export.robot_profile(profile);
    }
    let (zip, dir) = (
        temporary.path().join("export.zip"),
        temporary.path().join("scene"),
    );
    let download = export.download().await.map_err(service)?.limit(limit);
    let size = download.to_file(&zip).await.map_err(service)?;
    let mut options = UnpackOptions::default();
    options.slim = task.request.slim;
    options.limits.total = options.limits.total.min(limit - size);
    let (unpacked, archive) = join(unpack_with(&zip, &dir, options), hash(zip.clone())).await;
    let bundle = unpacked.map_err(|error| service(error.into()))?;
    let files = bundle.files().iter();
    let scene = LocalScene {
        _temporary: temporary,
        dir,
        paths: files.map(|file| file.path.clone()).collect(),
        archive: archive?,
    };
    // Its space is needed for the next archive.
    let _ = std::fs::remove_file(zip);
    Ok(scene)
}

impl LocalScene {
    /// Returns the content of the provenance object: that of gizmo-client, and the directory of the files.
    pub(crate) fn provenance(
        &self,
        task: &Task,
        made: &Made,
        scene_id: &str,
        completed_at: SystemTime,
        directory: &str,
        files: &[SceneFile],
    ) -> String {
        let mut provenance = json!({
            "version": 1,
            "client": concat!("gizmo-fleet ", env!("CARGO_PKG_VERSION")),
            "service": task.service,
            "request": task.request,
            "directory": directory,
            "scene_id": scene_id,
            "job_id": made.job_id,
            "confidence": made.confidence,
            "requested_at": made.requested_at,
            "completed_at": rfc3339(completed_at),
            "unpacked_at": rfc3339(SystemTime::now()),
            "archive": self.archive,
            "files": files,
        });
        if let Value::Object(members) = &mut provenance {
            members.retain(|_, value| !value.is_null());
        }
        provenance.to_string()
    }
}

/// A time in the notation of RFC 3339.
pub(crate) fn rfc3339(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    Some(time.to_string())
}

/// Whether a job has ended without a scene; then another is not requested by itself.
pub(crate) fn has_failed(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        ClientErrorKind::JobFailed | ClientErrorKind::JobCancelled
    )
}
