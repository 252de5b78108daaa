//! A file into an object.

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ObjectStore, PutMultipartOptions, PutOptions, WriteMultipart,
};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;

use crate::error::{Error, ErrorKind};
use crate::scene::SceneFile;
use crate::store::failed;

/// The size of a part. S3 requires at least 5 MiB and at most 10,000 parts, so a file may have 48 GiB.
const PART: usize = 5 << 20;

/// The parts of a file that are sent at the same time.
const PARTS_AT_ONCE: usize = 2;

/// The unit of the memory of uploads.
const MIB: usize = 1 << 20;

/// The uploads of a process, whose memory is limited.
#[derive(Debug)]
pub(crate) struct Uploads(Semaphore);

impl Uploads {
    pub(crate) fn new() -> Self {
        // One large file and some small ones.
        Self(Semaphore::new(24))
    }

    /// Stores a file as an object, with its content type, and its hash as the metadata `sha256`.
    pub(crate) async fn store(
        &self,
        objects: &dyn ObjectStore,
        from: PathBuf,
        to: Path,
        file: &SceneFile,
    ) -> Result<(), Error> {
        let is_large = file.size > PART as u64;
        let bytes = if is_large {
            (PARTS_AT_ONCE + 1) * PART
        } else {
            usize::try_from(file.size).unwrap_or(PART)
        };
        let units = u32::try_from(bytes.div_ceil(MIB).max(1)).unwrap_or(u32::MAX);
        let permit = self.0.acquire_many(units).await;
        let _permit = permit.expect("the semaphore is never closed");
        let unread = |error| {
            let message = format!("`{}` could not be read", file.path);
            Error::new(ErrorKind::Temporary, message).because(error)
        };
        let unwritten = |error| failed("written", &to).because(error);
        let mut source = File::open(from).await.map_err(unread)?;
        let attributes = attributes(file);
        if !is_large {
            let bytes = read(&mut source).await.map_err(unread)?;
            let options = PutOptions::from(attributes);
            let put = objects.put_opts(&to, bytes.into(), options).await;
            return put.map(drop).map_err(unwritten);
        }
        let options = PutMultipartOptions::from(attributes);
        let upload = objects.put_multipart_opts(&to, options).await;
        let mut upload = WriteMultipart::new_with_chunk_size(upload.map_err(unwritten)?, PART);
        loop {
            let sent = match upload.wait_for_capacity(PARTS_AT_ONCE).await {
                Ok(()) => read(&mut source).await.map_err(unread),
                Err(error) => Err(unwritten(error)),
            };
            match sent {
                Ok(part) if part.is_empty() => break,
                Ok(part) => upload.put(part),
                Err(error) => {
                    let _ = upload.abort().await;
                    return Err(error);
                }
            }
        }
        upload.finish().await.map(drop).map_err(unwritten)
    }
}

/// Reads the next part: it is full unless it is the last.
async fn read(source: &mut File) -> std::io::Result<Bytes> {
    let mut part = BytesMut::with_capacity(PART);
    let mut source = source.take(PART as u64);
    while source.read_buf(&mut part).await? > 0 {}
    Ok(part.freeze())
}

fn attributes(file: &SceneFile) -> Attributes {
    Attributes::from_iter([
        (Attribute::ContentType, content_type(&file.path).to_owned()),
        (Attribute::Metadata("sha256".into()), file.sha256.clone()),
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
