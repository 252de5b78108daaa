//! Unpacking without textures.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::UnpackError;
use super::directory::Entry;
use super::inflate::Job;
use crate::ext::bundle::Bundle;

/// What pictures are called; a texture under another name is inflated, and removed again.
const PICTURES: [&str; 14] = [
    "png", "jpg", "jpeg", "bmp", "tga", "tif", "tiff", "webp", "gif", "ktx", "ktx2", "dds", "exr",
    "hdr",
];

/// Writes all entries but those that only textures need, and the model without its textures.
///
/// The model decides, so it comes first, with everything except pictures; then the pictures that are
/// more than textures.
pub(super) fn write(job: &Job<'_>, entries: &[Entry]) -> Result<Bundle, UnpackError> {
    let (pictures, others): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .filter(|entry| !entry.name.directory)
        .partition(|entry| is_picture(&entry.name.path));
    job.write_all(&others)?;
    let Some(slimmed) = Bundle::open(job.root)?.slimmed()? else {
        job.write_all(&pictures)?;
        return Ok(Bundle::open(job.root)?);
    };
    let needed: Vec<&Entry> = pictures
        .into_iter()
        .filter(|entry| slimmed.needed.contains(Path::new(&entry.name.path)))
        .collect();
    job.write_all(&needed)?;
    for path in &slimmed.unneeded {
        let path = job.root.join(path);
        if path.is_file() {
            fs::remove_file(&path).map_err(|e| UnpackError::io(&path, "cannot be removed", e))?;
        }
    }
    for (path, text) in &slimmed.rewritten {
        let path = job.root.join(path);
        File::create(&path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                if job.sync { file.sync_all() } else { Ok(()) }
            })
            .map_err(|e| UnpackError::io(&path, "cannot write", e))?;
    }
    Ok(Bundle::open(job.root)?)
}

fn is_picture(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| {
        PICTURES
            .iter()
            .any(|picture| extension.eq_ignore_ascii_case(picture))
    })
}
