//! The files of a scene on this machine: followed, exported, unpacked and hashed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use gizmo_client::archive::{UnpackOptions, unpack_with};
use gizmo_client::{Client, Error as ClientError, ErrorKind as ClientErrorKind, JobHandle};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::error::{Error, ErrorKind};
use crate::protocol::Made;
use crate::store::Task;

/// A file of a scene, as its provenance describes it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SceneFile {
    /// Its path below the directory, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// The files of a scene in a temporary directory.
#[derive(Debug)]
pub(crate) struct LocalScene {
    /// Removed when it is dropped.
    _temporary: TempDir,
    pub(crate) dir: PathBuf,
    pub(crate) files: Vec<SceneFile>,
    archive: SceneFile,
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
    let unpacked = unpack_with(&zip, &dir, options).await;
    let bundle = unpacked.map_err(|error| service(error.into()))?;
    let paths: Vec<PathBuf> = bundle
        .files()
        .iter()
        .map(|file| file.path.clone())
        .collect();
    let root = dir.clone();
    let hashed = spawn_blocking(move || {
        let archive = hash(&zip, "export.zip".to_owned())?;
        std::fs::remove_file(&zip)?;
        let files = paths
            .iter()
            .map(|path| hash(&root.join(path), slashed(path)));
        io::Result::Ok((archive, files.collect::<io::Result<_>>()?))
    });
    let hashed = hashed.await.unwrap_or_else(|error| Err(error.into()));
    let (archive, files) = hashed.map_err(|error| {
        Error::new(
            ErrorKind::Temporary,
            "the files of a scene could not be read",
        )
        .because(error)
    })?;
    Ok(LocalScene {
        _temporary: temporary,
        dir,
        files,
        archive,
    })
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
            "archive": {"size": self.archive.size, "sha256": self.archive.sha256},
            "files": self.files,
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

fn slashed(path: &Path) -> String {
    let parts = path.iter().map(|part| part.to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

fn hash(from: &Path, path: String) -> io::Result<SceneFile> {
    let mut file = File::open(from)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
    let mut sha256 = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(SceneFile { path, size, sha256 })
}
