//! Unpacking without textures.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::UnpackError;
use super::directory::Entry;
use super::inflate::Job;
use crate::ext::bundle::Bundle;

/// The extensions of pictures. A texture with another extension is inflated, and then removed.
const PICTURES: [&str; 14] = [
    "png", "jpg", "jpeg", "bmp", "tga", "tif", "tiff", "webp", "gif", "ktx", "ktx2", "dds", "exr",
    "hdr",
];

/// Writes the model without its textures, and all entries except those that only textures need.
///
/// The model determines which pictures are needed, so everything except pictures is written first. The
/// bundle that is opened here only serves to find the model: its list of files is not complete yet.
pub(super) fn write(job: &Job<'_>, entries: &[Entry]) -> Result<(), UnpackError> {
    let (pictures, others): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .filter(|entry| !entry.name.directory)
        .partition(|entry| is_picture(&entry.name.path));
    job.write_all(&others)?;
    let Some(slimmed) = Bundle::open(job.root)?.slimmed()? else {
        return job.write_all(&pictures);
    };
    let needed: Vec<&Entry> = pictures
        .into_iter()
        .filter(|entry| slimmed.needed.contains(Path::new(&entry.name.path)))
        .collect();
    job.write_all(&needed)?;
    for path in &slimmed.unneeded {
        let path = job.root.join(path);
        if path.is_file() {
            fs::remove_file(&path).map_err(|e| UnpackError::io(&path, "cannot remove", e))?;
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
    Ok(())
}

fn is_picture(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| {
        PICTURES
            .iter()
            .any(|picture| extension.eq_ignore_ascii_case(picture))
    })
}
