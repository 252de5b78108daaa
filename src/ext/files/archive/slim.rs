//! Unpacking without textures.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

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
    let (mut file, new) = create_beside(path)?;
    // Both files are closed before the rename, which Windows requires.
    copy_without(&mut File::open(path)?, cuts, &mut file)?;
    if job.sync {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(new, path)
}

/// Creates a file next to `path`, with a name that no entry of the archive has.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut number = 0_u64;
    loop {
        let new = path.with_file_name(format!(".slim-{number}"));
        match File::create_new(&new) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            file => return Ok((file?, new)),
        }
    }
}

fn is_picture(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| {
        PICTURES
            .iter()
            .any(|picture| extension.eq_ignore_ascii_case(picture))
    })
}
