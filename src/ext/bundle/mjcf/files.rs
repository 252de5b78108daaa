//! The files that a model refers to.
//!
//! The rules are those of `MuJoCo` 4. The file of an [asset] is sought in `meshdir` or
//! `texturedir`, which are relative to the directory of the main file, and then next to the included
//! file that names it, unless `strippath` is set. An [included file][include] is sought in the directory
//! of the main file, and then next to the including file; an attached [model] only next to the file
//! that names it.
//!
//! [asset]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#compiler-meshdir
//! [include]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#include
//! [model]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#asset-model

use std::path::{Path, PathBuf};

use super::attributes::{Attributes, Defaults};
use super::tree::{Element, include_candidates};
use super::{Model, Models};
use crate::ext::bundle::path;
use crate::ext::bundle::path::Resolved;
use crate::ext::bundle::{MissingFile, MissingReason, Supplier};

/// The attributes of a cube texture that refer to files. They are used only without `file`.
const SIDES: [&str; 6] = [
    "fileright",
    "fileleft",
    "fileup",
    "filedown",
    "filefront",
    "fileback",
];

/// The index of the main file.
const MAIN: usize = 0;

/// The way in which a model uses a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// A mesh, a height field or a skin.
    Mesh,
    Texture,
    Include,
    Attach,
}

/// A file name in a model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference<'m> {
    pub(super) kind: Use,
    pub(super) name: &'m str,
    /// The index of the file that contains it.
    by: usize,
}

impl Models {
    /// Returns the files that are missing.
    pub(in crate::ext::bundle) fn missing(&self) -> Vec<MissingFile> {
        let mut missing = Vec::new();
        for model in &self.models {
            for reference in model.references() {
                // The assets of a model that is not attached are not read.
                let read = model.loaded || matches!(reference.kind, Use::Include | Use::Attach);
                if let (true, Err(reason)) = (read, self.find(model, reference)) {
                    missing.push(MissingFile {
                        name: reference.name.to_owned(),
                        named_by: model.parts[reference.by].clone(),
                        reason,
                        supplier: model.supplier(reference),
                    });
                }
            }
        }
        missing
    }

    /// Returns the file that `model` refers to, relative to the bundle, or why it is missing.
    pub(super) fn find(
        &self,
        model: &Model,
        reference: Reference<'_>,
    ) -> Result<PathBuf, MissingReason> {
        path::first_present(&self.root, model.candidates(reference))
    }
}

impl Model {
    /// Returns the file names in the model, in the order of its text.
    pub(super) fn references(&self) -> Vec<Reference<'_>> {
        let defaults = Defaults::of(&self.tree);
        let mut references = Vec::new();
        self.tree.each(&mut |element| {
            references.extend(references_of(element, &defaults));
        });
        references
    }

    /// Returns where a file is sought, in this order.
    pub(super) fn candidates(&self, reference: Reference<'_>) -> Vec<Resolved> {
        let Reference { kind, name, by } = reference;
        match kind {
            Use::Include => include_candidates(&self.directory, &self.parts[by], name),
            Use::Attach => vec![path::resolve(path::parent(&self.parts[by]), name)],
            Use::Mesh => self.asset_candidates(&self.compiler.meshes, by, name),
            Use::Texture => self.asset_candidates(&self.compiler.textures, by, name),
        }
    }

    /// Returns where the asset `name` of the file with the index `by` is sought, with `directory` being `meshdir` or
    /// `texturedir`.
    fn asset_candidates(&self, directory: &str, by: usize, name: &str) -> Vec<Resolved> {
        let below = |name: &str| {
            if directory.is_empty() || path::is_absolute(name) {
                path::resolve(&self.directory, name)
            } else {
                path::resolve(&self.directory, &format!("{directory}/{name}"))
            }
        };
        if self.compiler.strip_path {
            return vec![below(path::file_name(name))];
        }
        let mut candidates = vec![below(name)];
        if by != MAIN {
            candidates.push(path::resolve(path::parent(&self.parts[by]), name));
        }
        candidates
    }

    /// Returns who supplies a missing file.
    ///
    /// An export refers to the files of a robot by including them from a directory of their own,
    /// and may come without that directory.
    // Assumption: export-robot-include.
    fn supplier(&self, reference: Reference<'_>) -> Supplier {
        let elsewhere = match reference.kind {
            Use::Include => path::parent(Path::new(reference.name)) != Path::new(""),
            Use::Mesh | Use::Texture | Use::Attach => false,
        };
        if elsewhere || path::parent(&self.parts[reference.by]) != self.directory {
            Supplier::User
        } else {
            Supplier::Export
        }
    }
}

impl<'m> Reference<'m> {
    /// Returns the name in the attribute `file` of an element; `None` if there is none.
    pub(super) fn of(element: &'m Element, kind: Use) -> Option<Self> {
        Self::in_attribute(element, kind, "file")
    }

    fn in_attribute(element: &'m Element, kind: Use, attribute: &str) -> Option<Self> {
        Some(Self {
            kind,
            name: element.value(attribute)?,
            by: element.part,
        })
    }
}

/// Returns the files that an element refers to.
fn references_of<'m>(element: &'m Element, defaults: &Defaults<'m>) -> Vec<Reference<'m>> {
    let kind = match element.name() {
        "mesh" | "hfield" | "skin" => Use::Mesh,
        "flexcomp" if matches!(element.value("type"), Some("mesh" | "gmsh")) => Use::Mesh,
        "texture" if is_from_file(element, defaults) => Use::Texture,
        "include" => Use::Include,
        "model" => Use::Attach,
        _ => return Vec::new(),
    };
    if kind == Use::Texture && element.value("file").is_none() {
        let sides = SIDES.iter();
        return sides
            .filter_map(|side| Reference::in_attribute(element, kind, side))
            .collect();
    }
    Reference::of(element, kind).into_iter().collect()
}

/// Whether an element is a texture that is read from files.
pub(super) fn is_from_file(element: &Element, defaults: &Defaults<'_>) -> bool {
    let builtin = Attributes::new(element, defaults, None).value("builtin");
    element.name() == "texture"
        && builtin.is_none_or(|builtin| builtin == "none")
        && (element.value("file").is_some() || SIDES.iter().any(|side| element.has(side)))
}
