//! Finds the model among the files of a directory.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::path::slashed;
use super::{BundleError, BundleFile, ModelFormat, has_extension, mjcf, sdf, usd, xml};

/// The file stems that have precedence within a format, best first: the usual names of a complete
/// scene.
const PREFERRED: [&str; 4] = ["scene", "world", "model", "main"];
/// The root element must start within this many bytes of an XML file.
const ROOT_WITHIN: u64 = 64 * 1024;
/// The maximum number of models that are read to find out which of them others include: those of a
/// large collection of robots.
const MAX_COMPARED: usize = 1000;
/// The extensions of the formats.
// Assumption: export-usd-layout.
const USD: &[&str] = &["usd", "usda", "usdc", "usdz"];
const SDF: &[&str] = &["sdf", "world"];
const URDF: &[&str] = &["urdf"];
/// The maximum number of file names in an error message.
const MAX_NAMES: usize = 10;

/// Finds the models among `files`, whose paths are relative to `root`, and their format. They are one,
/// none, or several of equal precedence.
///
/// The topmost level with a model wins. It is the directory itself, or the directory into which the
/// archive wrapped all its files.
pub(super) fn models(
    root: &Path,
    files: &[BundleFile],
) -> Result<(Vec<PathBuf>, ModelFormat), BundleError> {
    let visible: Vec<&Path> = files
        .iter()
        .map(|file| file.path.as_path())
        .filter(|path| !is_hidden(path))
        .collect();
    let mut levels: BTreeMap<usize, Vec<&Path>> = BTreeMap::new();
    for path in &visible {
        let depth = path.components().count();
        levels.entry(depth).or_default().push(path);
    }
    let mjcf = complete(mjcf_files(root, &visible)?, |models| {
        mjcf::parts(root, models)
    });
    let usd = complete(with_extension(&visible, USD), |models| {
        usd::parts(root, models)
    });
    // Assumption: export-model-at-root.
    for level in levels.values() {
        let among = |models: &[&'_ Path]| -> Vec<PathBuf> {
            let models = models.iter().filter(|path| level.contains(path));
            models.map(|path| path.to_path_buf()).collect()
        };
        for format in [
            ModelFormat::Mjcf,
            ModelFormat::Usd,
            ModelFormat::Sdf,
            ModelFormat::Urdf,
        ] {
            let candidates = match format {
                ModelFormat::Mjcf => among(&mjcf),
                ModelFormat::Usd => among(&usd),
                ModelFormat::Sdf => among(&sdf_models(root, level)?),
                ModelFormat::Urdf => among(&with_extension(level, URDF)),
            };
            if !candidates.is_empty() {
                return Ok((best(candidates), format));
            }
        }
    }
    Ok((Vec::new(), ModelFormat::Mjcf))
}

/// Returns the format of a file; `None` if it is not a model.
pub(super) fn format(root: &Path, path: &Path) -> Result<Option<ModelFormat>, BundleError> {
    let is = |extensions: &[&str]| has_extension(path, extensions);
    Ok(if is(&["xml"]) {
        is_mjcf(&root.join(path))?.then_some(ModelFormat::Mjcf)
    } else if is(USD) {
        Some(ModelFormat::Usd)
    } else if is(SDF) {
        Some(ModelFormat::Sdf)
    } else if is(URDF) {
        Some(ModelFormat::Urdf)
    } else {
        None
    })
}

/// Removes the models that are part of another one.
fn complete<'a>(
    mut models: Vec<&'a Path>,
    parts: impl FnOnce(&[&'a Path]) -> HashSet<PathBuf>,
) -> Vec<&'a Path> {
    if !(2..=MAX_COMPARED).contains(&models.len()) {
        return models;
    }
    let parts = parts(&models);
    // Files that include each other are all complete.
    if models.iter().any(|path| !parts.contains(*path)) {
        models.retain(|path| !parts.contains(*path));
    }
    models
}

/// Whether macOS or version control added the file to the directory.
fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().as_encoded_bytes();
        name.starts_with(b".") || name == b"__MACOSX"
    })
}

fn with_extension<'a>(files: &[&'a Path], extensions: &[&str]) -> Vec<&'a Path> {
    files
        .iter()
        .copied()
        .filter(|path| has_extension(path, extensions))
        .collect()
}

/// Returns the XML files with the root `<mujoco>`.
fn mjcf_files<'a>(root: &Path, files: &[&'a Path]) -> Result<Vec<&'a Path>, BundleError> {
    let mut models = Vec::new();
    for path in with_extension(files, &["xml"]) {
        if is_mjcf(&root.join(path))? {
            models.push(path);
        }
    }
    Ok(models)
}

/// Whether the root element of a file is `<mujoco>`.
fn is_mjcf(path: &Path) -> Result<bool, BundleError> {
    let file = File::open(path).map_err(|e| BundleError::io(path, e))?;
    let mut found = false;
    // Only the root element matters here, so errors are ignored: the text may be truncated.
    let _ = xml::walk(file.take(ROOT_WITHIN), |node| match node {
        xml::Node::Open(tag) => {
            found = tag.name == "mujoco";
            false
        }
        xml::Node::Close(_) | xml::Node::Text(_) => true,
    });
    Ok(found)
}

/// Returns the SDF file that `model.config` names, or else all SDF files.
// Assumption: export-sdf-layout.
fn sdf_models<'a>(root: &Path, files: &[&'a Path]) -> Result<Vec<&'a Path>, BundleError> {
    for config in files.iter().filter(|path| path.ends_with("model.config")) {
        let parsed = sdf::config(&root.join(config))?;
        let named = parsed.sdf.map(|name| config.with_file_name(name));
        if let Some(model) = files.iter().find(|path| Some(**path) == named.as_deref()) {
            return Ok(vec![model]);
        }
    }
    Ok(with_extension(files, SDF))
}

/// Returns the position of a file's stem in the order of precedence.
fn rank(path: &Path) -> usize {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    PREFERRED
        .iter()
        .position(|name| stem.is_some_and(|stem| stem.eq_ignore_ascii_case(name)))
        .unwrap_or(PREFERRED.len())
}

/// Returns the candidate with the best rank, or all if several share it.
fn best(candidates: Vec<PathBuf>) -> Vec<PathBuf> {
    let best = candidates.iter().map(|path| rank(path)).min();
    let mut first = candidates.iter().filter(|path| Some(rank(path)) == best);
    // Assumption: export-model-at-root.
    match (first.next(), first.next()) {
        (Some(model), None) => vec![model.clone()],
        _ => candidates,
    }
}

/// Lists the first names for an error message.
pub(super) fn contents(files: &[&Path]) -> String {
    if files.is_empty() {
        return "nothing".to_owned();
    }
    let mut names: Vec<String> = files
        .iter()
        .take(MAX_NAMES)
        .map(|path| slashed(path).escape_debug().to_string())
        .collect();
    if files.len() > MAX_NAMES {
        names.push(format!("and {} more", files.len() - MAX_NAMES));
    }
    names.join(", ")
}
