//! Finds the files that SDF and URDF models refer to, and reads `model.config`.
//!
//! SDF refers to files in `<uri>` and in the maps of its materials: as [`model://name/path`], as
//! `file://path`, or relative to the file itself. URDF uses the attribute `filename`, with
//! `package://`.
//!
//! [`model://name/path`]: http://sdformat.org/tutorials?tut=spec_model_kinematics

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use super::path;
use super::path::Resolved;
use super::xml;
use super::xml::Node;
use super::{BundleError, BundleErrorKind, MissingFile, MissingReason, Supplier};

/// The maximum number of a model's files: ten times the objects of a large scene.
const MAX_FILES: usize = 10_000;
/// The maximum depth of nested elements, as in MJCF.
const MAX_DEPTH: usize = 500;
/// The maximum size of the text of an element that is read, in bytes. No file name is longer.
const MAX_TEXT: usize = 64 * 1024;

/// The contents of a `model.config`.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) name: Option<String>,
    /// The SDF file with the highest version.
    pub(super) sdf: Option<String>,
}

/// Reads a `model.config`.
pub(super) fn config(file: &Path) -> Result<Config, BundleError> {
    let mut config = Config::default();
    let mut newest = Vec::new();
    each_text(file, |names, version, text| match names {
        [model, name] if model == "model" && name == "name" => config.name = Some(text.to_owned()),
        [model, sdf] if model == "model" && sdf == "sdf" => {
            let parts = version.split('.');
            let version: Vec<u32> = parts.map(|part| part.parse().unwrap_or(0)).collect();
            if config.sdf.is_none() || version > newest {
                config.sdf = Some(text.to_owned());
                newest = version;
            }
        }
        _ => {}
    })?;
    Ok(config)
}

/// Calls `visit` with each element that has text: the names of the elements around it and its own,
/// its `version`, and its text, trimmed.
fn each_text(file: &Path, mut visit: impl FnMut(&[String], &str, &str)) -> Result<(), BundleError> {
    let mut names: Vec<String> = Vec::new();
    let mut version = String::new();
    let mut content = String::new();
    let mut is_too_deep = false;
    xml::walk_file(file, |node| {
        match node {
            Node::Open(tag) => {
                is_too_deep = names.len() == MAX_DEPTH;
                names.push(tag.name.to_owned());
                version = tag.value("version").unwrap_or_default().into_owned();
                content.clear();
            }
            Node::Text(part) => {
                if content.len() + part.len() <= MAX_TEXT {
                    content.push_str(&part);
                }
            }
            Node::Close(_) => {
                if !content.trim().is_empty() {
                    visit(&names, &version, content.trim());
                }
                content.clear();
                names.pop();
            }
        }
        !is_too_deep
    })?;
    if is_too_deep {
        let detail = format!("more than {MAX_DEPTH} levels of elements");
        return Err(BundleError::new(BundleErrorKind::TooLarge, file, detail));
    }
    Ok(())
}

/// The directories and names by which `model://` is resolved.
struct Lookup<'a> {
    root: &'a Path,
    /// The directory of the main file, relative to `root`.
    directory: PathBuf,
    /// The names of the model itself.
    names: Vec<String>,
}

/// Returns the missing files of the model `main` and of the models that it includes. URLs
/// (`https://`) are skipped.
pub(super) fn missing(root: &Path, main: &Path) -> Result<Vec<MissingFile>, BundleError> {
    let mut lookup = Lookup {
        root,
        names: Vec::new(),
        directory: path::parent(main).to_owned(),
    };
    let model_dir = root.join(&lookup.directory);
    let config_file = model_dir.join("model.config");
    if config_file.is_file() {
        lookup.names.extend(config(&config_file)?.name);
    }
    if let Some(name) = model_dir.file_name().and_then(|name| name.to_str()) {
        lookup.names.push(name.to_owned());
    }

    let mut missing = Vec::new();
    let mut seen = HashSet::from([main.to_owned()]);
    let mut queue = VecDeque::from([main.to_owned()]);
    while let Some(part) = queue.pop_front() {
        let file = root.join(&part);
        if seen.len() > MAX_FILES {
            let detail = format!("the model has more than {MAX_FILES} files");
            return Err(BundleError::new(BundleErrorKind::TooLarge, file, detail));
        }
        for (name, is_include) in names(&file)? {
            let reason = match lookup.find(&part, &name) {
                Some(Found::Present(path)) if is_include => match included(root, &path)? {
                    Some(model) => {
                        if seen.insert(model.clone()) {
                            queue.push_back(model);
                        }
                        continue;
                    }
                    None => MissingReason::Absent,
                },
                Some(Found::Present(_)) | None => continue,
                Some(Found::Missing(reason)) => reason,
            };
            missing.push(MissingFile {
                name,
                named_by: part.clone(),
                reason,
                supplier: Supplier::Export,
            });
        }
    }
    Ok(missing)
}

/// Returns the file names in a document, and whether each refers to an included model.
fn names(file: &Path) -> Result<Vec<(String, bool)>, BundleError> {
    let mut names = Vec::new();
    each_text(file, |path, _, text| {
        let [.., parent, name] = path else {
            return;
        };
        let is_file = match name.as_str() {
            "uri" | "cubemap_uri" => true,
            // `diffuse` is also the colour of a material; only in a texture does it name a file.
            "diffuse" | "normal" => parent == "texture",
            name => name.ends_with("_map"),
        };
        if is_file && text != "__default__" {
            names.push((text.to_owned(), name == "uri" && parent == "include"));
        }
    })?;
    xml::walk_file(file, |node| {
        if let Node::Open(tag) = node
            && matches!(tag.name, "mesh" | "texture")
            && let Some(file) = tag.value("filename")
        {
            names.push((file.into_owned(), false));
        }
        true
    })?;
    Ok(names)
}

/// The result of a lookup.
enum Found {
    Present(PathBuf),
    Missing(MissingReason),
}

impl Lookup<'_> {
    /// Looks for the file that `part` refers to as `name`; `None` if the name is a URL.
    fn find(&self, part: &Path, name: &str) -> Option<Found> {
        let here = part.parent().unwrap_or(Path::new(""));
        let candidates = match name.split_once("://") {
            None => vec![path::resolve(here, name)],
            Some(("file", rest)) => vec![path::resolve(here, rest)],
            Some(("model" | "package", rest)) => {
                let (model, inner) = rest.split_once('/').unwrap_or((rest, ""));
                let mut candidates = vec![
                    path::resolve(&self.directory, rest),
                    path::resolve(&self.directory.join("models"), rest),
                    path::resolve(Path::new(""), rest),
                ];
                if self.names.iter().any(|name| name == model) {
                    candidates.insert(0, path::resolve(&self.directory, inner));
                }
                candidates
            }
            Some(_) => return None,
        };
        let mut reason = MissingReason::Absent;
        for candidate in candidates {
            match candidate {
                Resolved::Inside(path) if self.root.join(&path).exists() => {
                    return Some(Found::Present(path));
                }
                Resolved::Inside(_) => {}
                Resolved::Outside => reason = MissingReason::Outside,
            }
        }
        Some(Found::Missing(reason))
    }
}

/// Returns the SDF file of an included model. `path` is that file, or the directory of the model.
fn included(root: &Path, path: &Path) -> Result<Option<PathBuf>, BundleError> {
    if root.join(path).is_file() {
        return Ok(Some(path.to_owned()));
    }
    let file = path.join("model.config");
    if root.join(&file).is_file()
        && let Some(sdf) = config(&root.join(&file))?.sdf
        && let Resolved::Inside(model) = path::resolve(path, &sdf)
        && root.join(&model).is_file()
    {
        return Ok(Some(model));
    }
    let model = path.join("model.sdf");
    Ok(root.join(&model).is_file().then_some(model))
}
