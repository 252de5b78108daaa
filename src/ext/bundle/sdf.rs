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
use super::{Budget, BundleError, BundleErrorKind, MissingFile, MissingReason};

/// The contents of a `model.config`.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) name: Option<String>,
    /// The SDF file with the highest version.
    pub(super) sdf: Option<String>,
}

/// Reads a `model.config`.
pub(super) fn config(file: &Path, budget: &mut Budget) -> Result<Config, BundleError> {
    let text = budget.read(file)?;
    let mut config = Config::default();
    let mut newest = Vec::new();
    let mut version = Vec::new();
    each_text(&text, |element, text| match element.names {
        ["model", "name"] => config.name = Some(text.to_owned()),
        ["model", "sdf"] => {
            version.clear();
            version.extend(
                element
                    .version
                    .split('.')
                    .map(|part| part.parse().unwrap_or(0_u32)),
            );
            if config.sdf.is_none() || version > newest {
                config.sdf = Some(text.to_owned());
                newest.clone_from(&version);
            }
        }
        _ => {}
    })
    .map_err(|detail| BundleError::new(BundleErrorKind::BadModel, file, detail))?;
    Ok(config)
}

/// An element with text: the names of its ancestors and itself, and its `version`.
struct Element<'s, 'a> {
    names: &'s [&'a str],
    version: &'s str,
}

/// Calls `visit` with each element that has text, and with that text trimmed.
fn each_text(text: &str, mut visit: impl FnMut(&Element<'_, '_>, &str)) -> Result<(), String> {
    let mut names = Vec::new();
    let mut version = String::new();
    let mut content = String::new();
    xml::walk(text, |node| {
        match node {
            Node::Open(tag) => {
                names.push(tag.name);
                tag.value("version")
                    .unwrap_or_default()
                    .clone_into(&mut version);
                content.clear();
            }
            Node::Text(part) => content.push_str(&part),
            Node::Close(_) => {
                let element = Element {
                    names: &names,
                    version: &version,
                };
                if !content.trim().is_empty() {
                    visit(&element, content.trim());
                }
                content.clear();
                names.pop();
            }
        }
        true
    })
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
    let directory = main.parent().unwrap_or(Path::new("")).to_owned();
    let mut budget = Budget::new();
    let mut lookup = Lookup {
        root,
        names: Vec::new(),
        directory,
    };
    let config_file = root.join(&lookup.directory).join("model.config");
    if config_file.is_file() {
        lookup.names.extend(config(&config_file, &mut budget)?.name);
    }
    let model_dir = root.join(&lookup.directory);
    if let Some(name) = model_dir.file_name().and_then(|name| name.to_str()) {
        lookup.names.push(name.to_owned());
    }

    let mut missing = Vec::new();
    let mut seen = HashSet::from([main.to_owned()]);
    let mut queue = VecDeque::from([main.to_owned()]);
    while let Some(part) = queue.pop_front() {
        let file = root.join(&part);
        let text = budget.read(&file)?;
        for (name, is_include) in names(&text)
            .map_err(|detail| BundleError::new(BundleErrorKind::BadModel, &file, detail))?
        {
            let found = lookup.find(&part, &name);
            let reason = match found {
                Some(Found::Present(path)) if is_include => {
                    match included(root, &path, &mut budget)? {
                        Some(model) => {
                            if seen.insert(model.clone()) {
                                queue.push_back(model);
                            }
                            continue;
                        }
                        None => MissingReason::Absent,
                    }
                }
                Some(Found::Present(_)) | None => continue,
                Some(Found::Missing(reason)) => reason,
            };
            missing.push(MissingFile {
                name,
                named_by: part.clone(),
                reason,
            });
        }
    }
    Ok(missing)
}

/// Returns the file names in a document, and whether each refers to an included model.
fn names(text: &str) -> Result<Vec<(String, bool)>, String> {
    let mut names = Vec::new();
    each_text(text, |element, text| {
        let (parent, name) = match element.names {
            [.., parent, name] => (*parent, *name),
            _ => return,
        };
        let is_file = match name {
            "uri" | "cubemap_uri" => true,
            // `diffuse` is also the colour of a material; only in a texture does it name a file.
            "diffuse" | "normal" => parent == "texture",
            _ => name.ends_with("_map"),
        };
        if is_file && text != "__default__" {
            names.push((text.to_owned(), name == "uri" && parent == "include"));
        }
    })?;
    xml::walk(text, |node| {
        if let Node::Open(tag) = node
            && matches!(tag.name, "mesh" | "texture")
            && let Some(file) = tag.value("filename")
        {
            names.push((file.to_owned(), false));
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
fn included(root: &Path, path: &Path, budget: &mut Budget) -> Result<Option<PathBuf>, BundleError> {
    if root.join(path).is_file() {
        return Ok(Some(path.to_owned()));
    }
    let file = path.join("model.config");
    if root.join(&file).is_file()
        && let Some(sdf) = config(&root.join(&file), budget)?.sdf
        && let Resolved::Inside(model) = path::resolve(path, &sdf)
        && root.join(&model).is_file()
    {
        return Ok(Some(model));
    }
    let model = path.join("model.sdf");
    Ok(root.join(&model).is_file().then_some(model))
}
