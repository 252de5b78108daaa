//! Which of a directory's files is the model.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{
    Budget, BundleError, BundleErrorKind as Kind, BundleFile, ModelFormat, mjcf, sdf, xml,
};

/// Names that win over others of the same format: what exporters and people call the whole.
const PREFERRED: [&str; 4] = ["scene", "world", "model", "main"];
/// Bytes at the start of an XML file in which its root element must be.
const HEAD: u64 = 64 * 1024;
/// The most models that are read to tell which of them are parts of others.
const COMPARED: usize = 32;
/// File names shown when there is no model.
const SHOWN: usize = 10;

/// Finds the model among `files`, which are below `root`.
///
/// Only the topmost level that has any counts: the directory itself, or what the archive wrapped all
/// its files into.
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
    for here in levels.values() {
        for format in [
            ModelFormat::Mjcf,
            ModelFormat::Usd,
            ModelFormat::Sdf,
            ModelFormat::Urdf,
        ] {
            let candidates = match format {
                ModelFormat::Mjcf => mjcf_models(root, here)?,
                ModelFormat::Usd => with_extension(here, &["usd", "usda", "usdc", "usdz"]),
                ModelFormat::Sdf => sdf_models(root, here)?,
                ModelFormat::Urdf => with_extension(here, &["urdf"]),
            };
            if let Some(model) = choose(root, &candidates)? {
                return Ok((model.to_owned(), format));
            }
        }
    }
    Err(BundleError::new(Kind::NoModel, root, contents(&visible)))
}

/// Leaves out what macOS and version control put beside the real files.
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

/// XML files with `<mujoco>` at their root, without those that another one of them is made of.
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
    if (2..=COMPARED).contains(&models.len()) && !models.iter().any(|path| rank(path) == 0) {
        let mut parts = HashSet::new();
        for model in &models {
            // A broken one is reported when it turns out to be the model.
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
        .and_then(|file| file.take(HEAD).read_to_end(&mut head))
        .map_err(|e| BundleError::io(path, e))?;
    // The cut may have split a character.
    let head = match std::str::from_utf8(&head) {
        Ok(head) => head,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut found = false;
    // Errors after the root element do not concern the search.
    let _ = xml::walk(head, |node| match node {
        xml::Node::Open(tag) => {
            found = tag.name == "mujoco";
            false
        }
        xml::Node::Close(_) | xml::Node::Text(_) => true,
    });
    Ok(found)
}

/// The SDF file that `model.config` names, else all of them.
fn sdf_models<'a>(root: &Path, files: &[&'a Path]) -> Result<Vec<&'a Path>, BundleError> {
    for config in files.iter().filter(|path| path.ends_with("model.config")) {
        let named = sdf::config(&root.join(config), &mut Budget::new())?;
        let named = named.sdf.map(|name| config.with_file_name(name));
        if let Some(model) = files.iter().find(|path| Some(**path) == named.as_deref()) {
            return Ok(vec![model]);
        }
    }
    Ok(with_extension(files, &["sdf", "world"]))
}

/// How far down its stem is in the order of preference.
fn rank(path: &Path) -> usize {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    PREFERRED
        .iter()
        .position(|name| stem.is_some_and(|stem| stem.eq_ignore_ascii_case(name)))
        .unwrap_or(PREFERRED.len())
}

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

/// A few of the names, for an error.
fn contents(files: &[&Path]) -> String {
    if files.is_empty() {
        return "nothing".to_owned();
    }
    let mut names: Vec<String> = files
        .iter()
        .take(SHOWN)
        .map(|path| path.to_string_lossy().escape_debug().to_string())
        .collect();
    if files.len() > SHOWN {
        names.push(format!("and {} more", files.len() - SHOWN));
    }
    names.join(", ")
}
