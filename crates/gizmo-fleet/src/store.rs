//! The entries of prompts as objects in a store, replaced by conditional writes.
//!
//! The entry of a prompt is `{prefix}/{name}/gizmo-entry.json`, and the object that makes its scene visible is
//! `{prefix}/{name}/gizmo-provenance.json`. Only to delete what former holders have left are objects listed.
//!
//! A write may land although its response is lost, or although `object_store`, which repeats a request that has
//! failed, reports a conflict with its own first attempt. So a failed write is compared with what the store then has.
//! Equal bytes mean that it has landed: no two writes of an entry are the same, and equal provenances are
//! interchangeable.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gizmo_client::BakePrompt;
use object_store::Error::{AlreadyExists, NotFound, NotImplemented, NotSupported, Precondition};
use object_store::path::{Path, PathPart};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult, UpdateVersion};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, shown};
use crate::protocol::Entry;

/// The version of the format of an entry's object.
const FORMAT: u32 = 1;

/// The largest object that is read: several times the provenance of the largest archive.
const MAX_BYTES: u64 = 64 << 20;

/// The object that makes a scene visible.
const PROVENANCE: &str = "gizmo-provenance.json";

/// What is to be made under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The base URL of the service. Its ids are not valid for another.
    pub service: String,
    /// The prompt and its settings.
    pub request: BakePrompt,
}

/// The content of an entry's object.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    format: u32,
    task: Cow<'a, Task>,
    entry: Cow<'a, Entry>,
}

/// An entry, and the version of its object that it was read from or written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The entry.
    pub entry: Entry,
    /// A write of the next entry succeeds only if this is still the version of the object.
    version: UpdateVersion,
}

/// The entries below a prefix of an object store with conditional writes.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Store {
    /// Opens a prefix, after a check that the store has conditional writes: two creates and two replacements of an
    /// object with a random name, which is deleted if the credentials permit that.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] with what the store lacks, and [`ErrorKind::Store`] if it fails.
    pub async fn open(objects: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, Error> {
        let store = Self::unchecked(objects, prefix);
        let name = format!("gizmo-probe-{:016x}", fastrand::u64(..));
        let path = store.prefix.clone().join(name);
        let checked = store.check(&path).await;
        // A worker that may not delete, or is killed, leaves the object behind. Nothing reads it.
        let _ = store.objects.delete(&path).await;
        checked.map(|()| store)
    }

    /// Opens a prefix to read alone.
    pub(crate) fn unchecked(objects: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self {
            objects,
            prefix: Path::parse(prefix).unwrap_or_else(|_| Path::from(prefix)),
        }
    }

    async fn check(&self, path: &Path) -> Result<(), Error> {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        let lacks = |what: &str| {
            let store = &self.objects;
            let message = format!(
                "{store} does not keep processes apart: {what}; use a store with conditional writes"
            );
            Error::new(ErrorKind::Unsupported, message)
        };
        let create = PutMode::Create;
        let Some(first) = self.write(path, bytes("first"), create.clone()).await? else {
            return Err(lacks("it refuses to create an object that does not exist"));
        };
        if self.write(path, bytes("second"), create).await?.is_some() {
            return Err(lacks("it creates an object twice"));
        }
        if first.e_tag.is_none() && first.version.is_none() {
            return Err(lacks("it reports no version of an object"));
        }
        let update = PutMode::Update(first);
        if self
            .write(path, bytes("third"), update.clone())
            .await?
            .is_none()
        {
            return Err(lacks(
                "it refuses to replace the current version of an object",
            ));
        }
        if self.write(path, bytes("fourth"), update).await?.is_some() {
            return Err(lacks("it replaces an object whose version has changed"));
        }
        Ok(())
    }

    /// Reads the entry of a name. `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OtherTask`] if it belongs to another task, [`ErrorKind::Damaged`] if it cannot be understood,
    /// and [`ErrorKind::Store`] if the store fails.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
    pub async fn read(&self, name: &str, task: &Task) -> Result<Option<Stored>, Error> {
        let path = self.entry_path(name);
        let Some((bytes, version)) = self.get(&path).await? else {
            return Ok(None);
        };
        let damaged = |what: String| Error::new(ErrorKind::Damaged, format!("`{path}` {what}"));
        let json: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|error| damaged("is not JSON".to_owned()).because(error))?;
        let format = json["format"].as_u64();
        if format != Some(FORMAT.into()) {
            let format = format.map_or_else(|| "no".to_owned(), |format| format.to_string());
            return Err(damaged(format!(
                "has {format} format number, and this version reads {FORMAT}"
            )));
        }
        let record: Record<'_> = serde_json::from_value(json)
            .map_err(|error| damaged("is damaged".to_owned()).because(error))?;
        if *record.task != *task {
            let other = &record.task;
            let message = format!(
                "`{name}` belongs to another prompt, other settings or another service (`{}` at {}); choose another name or prefix",
                shown(&other.request.prompt),
                other.service.escape_debug()
            );
            return Err(Error::new(ErrorKind::OtherTask, message));
        }
        Ok(Some(Stored {
            entry: record.entry.into_owned(),
            version,
        }))
    }

    /// Creates the entry of a name. `None` if there is one already.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`] if the store fails. Then the entry may exist; read it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the entry may exist or not.
    pub async fn create(
        &self,
        name: &str,
        task: &Task,
        entry: Entry,
    ) -> Result<Option<Stored>, Error> {
        self.put(name, task, entry, PutMode::Create).await
    }

    /// Replaces an entry. `None` if its object has changed since: another worker has it, so whoever calls this must
    /// read again before it does anything else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`] if the store fails. Then the entry may be replaced; read it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the entry may be replaced or not.
    pub async fn replace(
        &self,
        name: &str,
        task: &Task,
        current: &Stored,
        entry: Entry,
    ) -> Result<Option<Stored>, Error> {
        let mode = PutMode::Update(current.version.clone());
        self.put(name, task, entry, mode).await
    }

    async fn put(
        &self,
        name: &str,
        task: &Task,
        entry: Entry,
        mode: PutMode,
    ) -> Result<Option<Stored>, Error> {
        let record = Record {
            format: FORMAT,
            task: Cow::Borrowed(task),
            entry: Cow::Borrowed(&entry),
        };
        let bytes = serde_json::to_vec(&record).expect("an entry is JSON");
        let path = self.entry_path(name);
        let version = self.write(&path, bytes.into(), mode).await?;
        Ok(version.map(|version| Stored { entry, version }))
    }

    /// Makes a scene visible: creates its provenance object, unless it exists with this content.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OtherTask`] if the object exists with another content, and [`ErrorKind::Store`] if the store fails.
    /// Then the object may exist.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the object may exist or not. Publishing the same again has the same effect.
    pub async fn publish(&self, name: &str, provenance: String) -> Result<(), Error> {
        let path = self.path(name, PROVENANCE);
        let written = self
            .write(&path, provenance.into(), PutMode::Create)
            .await?;
        written.map(drop).ok_or_else(|| {
            let message = format!("`{path}` exists, and belongs to another scene");
            Error::new(ErrorKind::OtherTask, message)
        })
    }

    fn entry_path(&self, name: &str) -> Path {
        self.path(name, "gizmo-entry.json")
    }

    fn path(&self, name: &str, object: &'static str) -> Path {
        self.directory(name).join(object)
    }

    /// The place of all objects of a name.
    pub(crate) fn directory(&self, name: &str) -> Path {
        self.prefix.clone().join(part(name))
    }

    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// Whether the provenance object of a name exists.
    pub(crate) async fn is_published(&self, name: &str) -> Result<bool, Error> {
        let path = self.path(name, PROVENANCE);
        match self.objects.head(&path).await {
            Ok(_) => Ok(true),
            Err(NotFound { .. }) => Ok(false),
            Err(error) => Err(failed("read", &path).because(error)),
        }
    }

    /// States that what the service calls `id` belongs to a name. `false` if it belongs to another.
    ///
    /// Two workers that look for the jobs of equal prompts may find the same one at the same moment.
    pub(crate) async fn settle(&self, id: &str, name: &str) -> Result<bool, Error> {
        let path = self.prefix.clone().join("gizmo-results").join(id);
        let name = Bytes::copy_from_slice(name.as_bytes());
        let written = self.write(&path, name, PutMode::Create).await?;
        Ok(written.is_some())
    }

    /// Deletes the files of a name, except those of one attempt, as far as the credentials permit it. Former holders
    /// have left them; nothing reads them.
    pub(crate) async fn sweep(&self, name: &str, kept: &str) {
        let place = self.directory(name);
        let is_left = |path: &Path| {
            let mut parts = path.prefix_match(&place).into_iter().flatten();
            let attempt = parts.next();
            parts.next().is_some() && attempt.is_some_and(|attempt| attempt.as_ref() != kept)
        };
        self.delete(&place, is_left).await;
    }

    /// Deletes the files of one attempt, as far as the credentials permit it.
    pub(crate) async fn discard(&self, name: &str, directory: &str) {
        let place = self.directory(name).join(directory);
        self.delete(&place, |_| true).await;
    }

    async fn delete(&self, place: &Path, is_left: impl Fn(&Path) -> bool + Send) {
        let listed = self.objects.list(Some(place));
        let paths = listed.map_ok(|meta| meta.location);
        let Ok(paths) = paths.try_collect::<Vec<_>>().await else {
            return;
        };
        let left = paths.into_iter().filter(|path| is_left(path)).map(Ok);
        let mut deleted = self
            .objects
            .delete_stream(stream::iter(left.collect::<Vec<_>>()).boxed());
        while let Some(Ok(_)) = deleted.next().await {}
    }

    /// Writes an object if the condition holds, and returns its new version; `None` if the condition does not hold.
    async fn write(
        &self,
        path: &Path,
        bytes: Bytes,
        mode: PutMode,
    ) -> Result<Option<UpdateVersion>, Error> {
        let options = PutOptions::from(mode);
        let put = self.objects.put_opts(path, bytes.clone().into(), options);
        let error = match put.await {
            Ok(PutResult { e_tag, version, .. }) => {
                return Ok(Some(UpdateVersion { e_tag, version }));
            }
            Err(error) => error,
        };
        if matches!(error, NotImplemented { .. } | NotSupported { .. }) {
            let message = format!(
                "{} has no conditional writes, which keep processes apart; use or configure a store that has them",
                self.objects
            );
            return Err(Error::new(ErrorKind::Unsupported, message).because(error));
        }
        let is_conflict = matches!(
            error,
            // Without the object, none of its versions can be replaced.
            AlreadyExists { .. } | Precondition { .. } | NotFound { .. }
        );
        match self.get(path).await {
            Ok(Some((found, version))) if found == bytes => Ok(Some(version)),
            Ok(_) if is_conflict => Ok(None),
            Err(other) if is_conflict => Err(other),
            _ => Err(failed("written", path).because(error)),
        }
    }

    /// Reads an object of limited size. `None` if there is none.
    async fn get(&self, path: &Path) -> Result<Option<(Bytes, UpdateVersion)>, Error> {
        let failed = |error| failed("read", path).because(error);
        let response = match self.objects.get(path).await {
            Ok(response) => response,
            Err(NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let version = UpdateVersion {
            e_tag: response.meta.e_tag.clone(),
            version: response.meta.version.clone(),
        };
        let mut bytes = Vec::new();
        let mut chunks = response.into_stream();
        while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > MAX_BYTES {
                let message = format!("`{path}` is larger than {MAX_BYTES} bytes");
                return Err(Error::new(ErrorKind::Damaged, message));
            }
        }
        Ok(Some((bytes.into(), version)))
    }
}

/// A part of a path as it is, if a store can have it.
pub(crate) fn part(name: &str) -> PathPart<'_> {
    PathPart::parse(name).unwrap_or_else(|_| name.into())
}

pub(crate) fn failed(what: &str, path: &Path) -> Error {
    Error::new(ErrorKind::Store, format!("`{path}` could not be {what}"))
}
