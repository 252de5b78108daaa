//! A file into an object.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use bytes::{BufMut, BytesMut};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ObjectStore, PutMultipartOptions, PutOptions, WriteMultipart,
};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::spawn_blocking;

use crate::error::{Error, ErrorKind};
use crate::hash::{SceneFile, hash};
use crate::store::failed;

/// The size of a part. S3 requires at least 5 MiB and at most 10,000 parts, so a file may have 48 GiB.
const PART: usize = 5 << 20;

/// The unit of the memory of small files.
const UNIT: usize = 64 << 10;

/// The memory of small files, in units.
const UNITS: usize = 2 * PART / UNIT;

/// The uploads of a process. Their memory is limited: 10 MiB for files of up to one part, and 10 MiB for larger ones.
#[derive(Debug)]
pub(crate) struct Uploads {
    small: Semaphore,
    /// One large file is sent at a time: a part is read while the one before is sent. The buffers are used again, because
    /// an allocator may keep what is freed.
    large: Mutex<[BytesMut; 2]>,
}

impl Uploads {
    pub(crate) fn new() -> Self {
        Self {
            small: Semaphore::new(UNITS),
            large: Mutex::default(),
        }
    }

    /// Stores a file as an object, with its content type, and its hash as the metadata `sha256`. Returns what was stored.
    pub(crate) async fn store(
        &self,
        objects: &dyn ObjectStore,
        from: PathBuf,
        to: Path,
        path: String,
    ) -> Result<SceneFile, Error> {
        let hash = hash(from.clone()).await?;
        let file = SceneFile { path, hash };
        self.send(objects, from, to, &file).await?;
        Ok(file)
    }

    async fn send(
        &self,
        objects: &dyn ObjectStore,
        from: PathBuf,
        to: Path,
        file: &SceneFile,
    ) -> Result<(), Error> {
        let unread = |error| {
            let message = format!("`{}` could not be read", file.path);
            Error::new(ErrorKind::Temporary, message).because(error)
        };
        let unwritten = |error| failed("written", &to).because(error);
        let size = usize::try_from(file.hash.size).unwrap_or(usize::MAX);
        if size <= PART {
            let units = u32::try_from(size.div_ceil(UNIT).max(1)).unwrap_or(u32::MAX);
            let permit = self.small.acquire_many(units).await;
            let _permit = permit.expect("the semaphore is never closed");
            let buffer = BytesMut::with_capacity(size);
            let read = read(Source::Unopened(from), size, buffer).await;
            let (_, bytes) = read.map_err(unread)?;
            let options = PutOptions::from(attributes(file));
            let put = objects.put_opts(&to, bytes.freeze().into(), options).await;
            return put.map(drop).map_err(unwritten);
        }
        let mut buffers = self.large.lock().await;
        let mut source = Source::Unopened(from);
        let options = PutMultipartOptions::from(attributes(file));
        let upload = objects.put_multipart_opts(&to, options).await;
        let mut upload = WriteMultipart::new_with_chunk_size(upload.map_err(unwritten)?, PART);
        for number in 0.. {
            let mut buffer = std::mem::take(&mut buffers[number % 2]);
            let sent = match upload.wait_for_capacity(2).await {
                Ok(()) => {
                    // The part before the last is sent, so its memory is used again.
                    buffer.reserve(PART);
                    read(source, PART, buffer).await.map_err(unread)
                }
                Err(error) => Err(unwritten(error)),
            };
            match sent {
                Ok((_, part)) if part.is_empty() => break,
                Ok((rest, mut part)) => {
                    source = rest;
                    upload.put(part.split().freeze());
                    buffers[number % 2] = part;
                }
                Err(error) => {
                    let _ = upload.abort().await;
                    return Err(error);
                }
            }
        }
        upload.finish().await.map(drop).map_err(unwritten)
    }
}

/// A file that is read in parts.
#[derive(Debug)]
enum Source {
    Unopened(PathBuf),
    Open(File),
}

/// Reads at most `limit` bytes: fewer only at the end.
async fn read(
    source: Source,
    limit: usize,
    mut buffer: BytesMut,
) -> io::Result<(Source, BytesMut)> {
    let read = spawn_blocking(move || {
        let file = match source {
            Source::Unopened(path) => File::open(path)?,
            Source::Open(file) => file,
        };
        io::copy(&mut (&file).take(limit as u64), &mut (&mut buffer).writer())?;
        Ok((Source::Open(file), buffer))
    });
    read.await.unwrap_or_else(|error| Err(error.into()))
}

fn attributes(file: &SceneFile) -> Attributes {
    Attributes::from_iter([
        (Attribute::ContentType, content_type(&file.path).to_owned()),
        (
            Attribute::Metadata("sha256".into()),
            file.hash.sha256.clone(),
        ),
    ])
}

/// The media type of a file, from the registry of IANA where it has one.
fn content_type(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "xml" | "mjcf" | "sdf" | "urdf" | "config" => "application/xml",
        "json" => "application/json",
        "obj" => "model/obj",
        "mtl" => "model/mtl",
        "stl" => "model/stl",
        "glb" => "model/gltf-binary",
        "gltf" => "model/gltf+json",
        "dae" => "model/vnd.collada+xml",
        "usda" => "model/vnd.usda",
        "usdz" => "model/vnd.usdz+zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "hdr" => "image/vnd.radiance",
        "exr" => "image/aces",
        "svg" => "image/svg+xml",
        "txt" | "md" => "text/plain; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "py" => "text/x-python",
        _ => "application/octet-stream",
    }
}
