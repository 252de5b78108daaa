//! Unpacking without textures.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::Path;

use super::UnpackError;
use super::directory::Entry;
use super::inflate::Job;
use crate::ext::bundle::{Bundle, copy_without};

/// The extensions of pictures. A texture with another extension is inflated, and then removed.
const PICTURES: [&str; 14] = [
    "png", "jpg", "jpeg", "bmp", "tga", "tif", "tiff", "webp", "gif", "ktx", "ktx2", "dds", "exr",
    "hdr",
];

/// Writes the models without their textures, and all entries except those that only textures need.
///
/// The models determine which pictures are needed, so everything except pictures is written first. The
/// bundle that is opened here only serves to find the models: its list of files is not complete yet.
pub(super) fn write(job: &Job<'_>, entries: &[Entry]) -> Result<(), UnpackError> {
    let (pictures, others): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .filter(|entry| !entry.name.directory)
        .partition(|entry| is_picture(&entry.name.path));
    job.write_all(&others)?;
    let slimmed = Bundle::open(job.root)?.slimmed()?;
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
    for (path, cuts) in slimmed.cuts {
        let path = job.root.join(path);
        rewrite(job, &path, cuts).map_err(|e| UnpackError::io(&path, "cannot write", e))?;
    }
    Ok(())
}

/// Removes byte ranges from a file.
fn rewrite(job: &Job<'_>, path: &Path, cuts: Vec<Range<u64>>) -> io::Result<()> {
    let mut original = File::open(path)?;
    // The open file remains readable after its name is removed.
    fs::remove_file(path)?;
    let mut file = File::create_new(path)?;
    copy_without(&mut original, cuts, &mut file)?;
    if job.sync { file.sync_all() } else { Ok(()) }
}

fn is_picture(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| {
        PICTURES
            .iter()
            .any(|picture| extension.eq_ignore_ascii_case(picture))
    })
}
