//! Finds the model among the files of a directory.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{
    Budget, BundleError, BundleErrorKind as Kind, BundleFile, ModelFormat, mjcf, sdf, xml,
};

/// The file stems that have precedence within a format, best first: the usual names of a complete
/// scene.
const PREFERRED: [&str; 4] = ["scene", "world", "model", "main"];
/// The root element must start within this many bytes of an XML file.
const ROOT_WITHIN: u64 = 64 * 1024;
/// The maximum number of models that are read to find out which of them others include.
const MAX_COMPARED: usize = 32;
/// The maximum number of file names in an error message.
const MAX_NAMES: usize = 10;

/// Finds the model among `files`, whose paths are relative to `root`.
///
/// The topmost level with a model wins. It is the directory itself, or the directory into which the
/// archive wrapped all its files.
pub(super) fn model(
    root: &Path,
    files: &[BundleFile],
) -> Result<(PathBuf, ModelFormat), BundleError> {
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
    for level in levels.values() {
        for format in [
            ModelFormat::Mjcf,
            ModelFormat::Usd,
            ModelFormat::Sdf,
            ModelFormat::Urdf,
        ] {
            let candidates = match format {
                ModelFormat::Mjcf => mjcf_models(root, level)?,
                ModelFormat::Usd => with_extension(level, &["usd", "usda", "usdc", "usdz"]),
                ModelFormat::Sdf => sdf_models(root, level)?,
                ModelFormat::Urdf => with_extension(level, &["urdf"]),
            };
            if let Some(model) = choose(root, &candidates)? {
                return Ok((model.to_owned(), format));
            }
        }
    }
    Err(BundleError::new(Kind::NoModel, root, contents(&visible)))
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
        .filter(|path| super::has_extension(path, extensions))
        .collect()
}

/// Returns the XML files with the root `<mujoco>`, without those that another of them includes.
fn mjcf_models<'a>(root: &Path, files: &[&'a Path]) -> Result<Vec<&'a Path>, BundleError> {
    let mut models = with_extension(files, &["xml"]);
    let mut failed = None;
    models.retain(|path| {
        is_mjcf(&root.join(path)).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if (2..=MAX_COMPARED).contains(&models.len()) && !models.iter().any(|path| rank(path) == 0) {
        let mut parts = HashSet::new();
        for model in &models {
            // A malformed file is reported only if it is the model.
            if let Ok(model_parts) = mjcf::parts(root, model) {
                parts.extend(model_parts.into_iter().filter(|part| part != model));
            }
        }
        if models.iter().any(|path| !parts.contains(*path)) {
            models.retain(|path| !parts.contains(*path));
        }
    }
    Ok(models)
}

/// Whether the root element of a file is `<mujoco>`.
fn is_mjcf(path: &Path) -> Result<bool, BundleError> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(ROOT_WITHIN).read_to_end(&mut head))
        .map_err(|e| BundleError::io(path, e))?;
    // The limit may split a character.
    let head = match std::str::from_utf8(&head) {
        Ok(head) => head,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut found = false;
    // Only the root element matters here, so errors are ignored: the text may be truncated.
    let _ = xml::walk(head, |node| match node {
        xml::Node::Open(tag) => {
            found = tag.name == "mujoco";
            false
        }
        xml::Node::Close(_) | xml::Node::Text(_) => true,
    });
    Ok(found)
}

/// Returns the SDF file that `model.config` names, or else all SDF files.
fn sdf_models<'a>(root: &Path, files: &[&'a Path]) -> Result<Vec<&'a Path>, BundleError> {
    for config in files.iter().filter(|path| path.ends_with("model.config")) {
        let parsed = sdf::config(&root.join(config), &mut Budget::new())?;
        let named = parsed.sdf.map(|name| config.with_file_name(name));
        if let Some(model) = files.iter().find(|path| Some(**path) == named.as_deref()) {
            return Ok(vec![model]);
        }
    }
    Ok(with_extension(files, &["sdf", "world"]))
}

/// Returns the position of a file's stem in the order of precedence.
fn rank(path: &Path) -> usize {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    PREFERRED
        .iter()
        .position(|name| stem.is_some_and(|stem| stem.eq_ignore_ascii_case(name)))
        .unwrap_or(PREFERRED.len())
}

/// Returns the candidate with the best rank; an error if several share it.
fn choose<'a>(root: &Path, candidates: &[&'a Path]) -> Result<Option<&'a Path>, BundleError> {
    let Some(best) = candidates.iter().map(|path| rank(path)).min() else {
        return Ok(None);
    };
    let mut best = candidates.iter().filter(|path| rank(path) == best);
    match (best.next(), best.next()) {
        (Some(model), None) => Ok(Some(model)),
        _ => Err(BundleError::new(
            Kind::SeveralModels,
            root,
            contents(candidates),
        )),
    }
}

/// Lists the first names for an error message.
fn contents(files: &[&Path]) -> String {
    if files.is_empty() {
        return "nothing".to_owned();
    }
    let mut names: Vec<String> = files
        .iter()
        .take(MAX_NAMES)
        .map(|path| path.to_string_lossy().escape_debug().to_string())
        .collect();
    if files.len() > MAX_NAMES {
        names.push(format!("and {} more", files.len() - MAX_NAMES));
    }
    names.join(", ")
}
