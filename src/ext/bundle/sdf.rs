//! SDF and URDF: the files that a model names, and `model.config`.
//!
//! SDF names files in `<uri>` and in the maps of its materials, as [`model://name/path`], as
//! `file://path`, or relative to the file itself; URDF in `filename`, with `package://`.
//!
//! [`model://name/path`]: http://sdformat.org/tutorials?tut=spec_model_kinematics

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use super::path;
use super::path::Resolved;
use super::xml;
use super::xml::Node;
use super::{Budget, BundleError, BundleErrorKind, MissingFile, MissingReason};

/// What a `model.config` says.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) name: Option<String>,
    /// The SDF file of the highest version.
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

/// An element that holds text: the names on the way to it, and its `version`.
struct Element<'s, 'a> {
    names: &'s [&'a str],
    version: &'s str,
}

/// Calls `visit` for each element that has text, with the text trimmed.
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
            Node::Text(more) => content.push_str(&more),
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

/// The bundle around a model, for `model://`.
struct Places<'a> {
    root: &'a Path,
    /// The directory of the main file, below `root`.
    directory: PathBuf,
    /// What the model itself is called.
    names: Vec<String>,
}

/// All files that the model `main` names and that are not there, those of models that it includes
/// among them. Names on the web (`https://`) are no files, and are passed over.
pub(super) fn missing(root: &Path, main: &Path) -> Result<Vec<MissingFile>, BundleError> {
    let directory = main.parent().unwrap_or(Path::new("")).to_owned();
    let mut budget = Budget::new();
    let mut places = Places {
        root,
        names: Vec::new(),
        directory,
    };
    let beside = root.join(&places.directory).join("model.config");
    if beside.is_file() {
        places.names.extend(config(&beside, &mut budget)?.name);
    }
    let directory_name = root.join(&places.directory);
    if let Some(name) = directory_name.file_name().and_then(|name| name.to_str()) {
        places.names.push(name.to_owned());
    }

    let mut missing = Vec::new();
    let mut seen = HashSet::from([main.to_owned()]);
    let mut waiting = VecDeque::from([main.to_owned()]);
    while let Some(part) = waiting.pop_front() {
        let file = root.join(&part);
        let text = budget.read(&file)?;
        for (name, is_include) in names(&text)
            .map_err(|detail| BundleError::new(BundleErrorKind::BadModel, &file, detail))?
        {
            let found = places.find(&part, &name);
            let reason = match found {
                Some(Found::There(path)) if is_include => match included(root, &path, &mut budget)?
                {
                    Some(model) => {
                        if seen.insert(model.clone()) {
                            waiting.push_back(model);
                        }
                        continue;
                    }
                    None => MissingReason::Absent,
                },
                Some(Found::There(_)) | None => continue,
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

/// The file names in a document, and whether each is that of an included model.
fn names(text: &str) -> Result<Vec<(String, bool)>, String> {
    let mut names = Vec::new();
    each_text(text, |element, text| {
        let (parent, name) = match element.names {
            [.., parent, name] => (*parent, *name),
            _ => return,
        };
        let is_file = match name {
            "uri" | "cubemap_uri" => true,
            // The colour of a material and the picture of a height map have the same name.
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

enum Found {
    There(PathBuf),
    Missing(MissingReason),
}

impl Places<'_> {
    /// Looks for what `part` calls `name`; `None` when it is not a file at all.
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
                if self.names.iter().any(|own| own == model) {
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
                    return Some(Found::There(path));
                }
                Resolved::Inside(_) => {}
                Resolved::Outside => reason = MissingReason::Outside,
            }
        }
        Some(Found::Missing(reason))
    }
}

/// The SDF file of an included model: the path itself, or that of the directory.
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
