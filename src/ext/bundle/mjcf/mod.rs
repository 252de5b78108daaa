//! Reads MJCF models: their elements, the files that they refer to, what they lack, and how to
//! remove their textures.

mod attributes;
mod compiler;
mod files;
mod mesh;
mod parts;
mod slim;
mod tree;
mod warnings;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

#[cfg(feature = "preview")]
pub(super) use attributes::{Attributes, Defaults, is_drawable, numbers};
#[cfg(feature = "preview")]
pub(super) use compiler::Compiler;
#[cfg(not(feature = "preview"))]
use compiler::Compiler;
use files::{Reference, Use};
#[cfg(feature = "preview")]
pub(super) use mesh::Vertex;
pub(super) use parts::parts;
pub(crate) use slim::{Slimmed, copy_without};
pub(super) use tree::Element;
use tree::TreeReader;

use super::BundleError;
use super::path;

/// The maximum number of a model's XML files: ten times the objects of a large scene.
const MAX_FILES: usize = 10_000;
/// The maximum size of a model's XML files in bytes, fifteen times that of the largest known scene. A
/// file counts each time that another model includes it.
// Assumption: export-size.
const MAX_BYTES: u64 = 4 << 30;
/// The maximum memory for the elements of a model in bytes. The elements of a large scene take a
/// hundredth; the numbers of its meshes are not kept.
const MAX_MEMORY: usize = 512 << 20;
/// The name of a model without one.
const DEFAULT_NAME: &str = "MuJoCo Model";

/// A model with all models that it attaches, directly or not.
#[derive(Debug)]
pub(super) struct Models {
    /// The directory of the bundle.
    root: PathBuf,
    /// The models. The first is the one that a simulator opens.
    models: Vec<Model>,
}

/// A model with the files that it includes.
#[derive(Debug)]
pub(super) struct Model {
    /// The directory of its main file, relative to the bundle.
    directory: PathBuf,
    /// Its files, relative to the bundle. The main file is the first.
    parts: Vec<PathBuf>,
    pub(super) tree: Element,
    pub(super) compiler: Compiler,
    /// The models that it may attach: the name that it gives them, and their indices.
    attachable: Vec<(Option<String>, usize)>,
    /// Whether its assets are read: it is the main model, or one that does attaches it.
    loaded: bool,
}

/// The files, bytes and memory that may still be used for the elements of models.
#[derive(Debug)]
struct Budget {
    files: usize,
    bytes: u64,
    memory: usize,
}

impl Budget {
    /// Counts one more file of this size.
    fn open(&mut self, size: u64) -> Result<(), String> {
        let too_many = || format!("the model has more than {MAX_FILES} files");
        let too_large = || format!("the XML of the model exceeds {MAX_BYTES} bytes");
        self.files = self.files.checked_sub(1).ok_or_else(too_many)?;
        self.bytes = self.bytes.checked_sub(size).ok_or_else(too_large)?;
        Ok(())
    }

    /// Counts the memory of one more element.
    fn keep(&mut self, memory: usize) -> Result<(), String> {
        let detail = || format!("the elements of the model take more than {MAX_MEMORY} bytes");
        self.memory = self.memory.checked_sub(memory).ok_or_else(detail)?;
        Ok(())
    }
}

impl Models {
    /// Reads the model `main` of the bundle at `root`, with the models that it attaches.
    pub(super) fn read(root: &Path, main: &Path) -> Result<Self, BundleError> {
        let mut budget = Budget {
            files: MAX_FILES,
            bytes: MAX_BYTES,
            memory: MAX_MEMORY,
        };
        let mut read = Self {
            root: root.to_owned(),
            models: Vec::new(),
        };
        let mut indices = HashMap::from([(main.to_owned(), 0)]);
        let mut queue = vec![main.to_owned()];
        while let Some(main) = queue.get(read.models.len()) {
            let mut model = Model::read(root, main, &mut budget)?;
            for (name, path) in read.attachable(&model) {
                let index = *indices.entry(path).or_insert_with_key(|path| {
                    queue.push(path.clone());
                    queue.len() - 1
                });
                model.attachable.push((name, index));
            }
            read.models.push(model);
        }
        read.mark_loaded();
        Ok(read)
    }

    /// Returns the models. The first is the one that a simulator opens.
    #[cfg(feature = "preview")]
    pub(super) fn all(&self) -> &[Model] {
        &self.models
    }

    /// Returns the existing models that `model` may attach, with the names that it gives them.
    fn attachable(&self, model: &Model) -> Vec<(Option<String>, PathBuf)> {
        let mut attachable = Vec::new();
        model.tree.each(&mut |element| {
            if element.name() == "model"
                && let Some(reference) = Reference::of(element, Use::Attach)
                && let Ok(path) = self.find(model, reference)
            {
                attachable.push((element.value("name").map(str::to_owned), path));
            }
        });
        attachable
    }

    /// Marks the main model and those that it attaches, directly or not.
    fn mark_loaded(&mut self) {
        let mut queue = vec![0];
        while let Some(index) = queue.pop() {
            if !std::mem::replace(&mut self.models[index].loaded, true) {
                let model = &self.models[index];
                model.tree.each(&mut |element| {
                    if element.name() == "attach" {
                        queue.extend(self.attached(model, element));
                    }
                });
            }
        }
    }

    /// Returns the index of the model that an `<attach>` of `model` names; `None` if it is missing.
    pub(super) fn attached(&self, model: &Model, attach: &Element) -> Option<usize> {
        let name = attach.value("model")?;
        let named = |(given, index): &&(Option<String>, usize)| {
            let own = || {
                self.models[*index]
                    .tree
                    .value("model")
                    .unwrap_or(DEFAULT_NAME)
            };
            given.as_deref().unwrap_or_else(own) == name
        };
        Some(model.attachable.iter().find(named)?.1)
    }
}

impl Model {
    /// Whether its assets are read: it is the main model, or one that does attaches it.
    #[cfg(feature = "preview")]
    pub(super) fn is_loaded(&self) -> bool {
        self.loaded
    }

    fn read(root: &Path, main: &Path, budget: &mut Budget) -> Result<Self, BundleError> {
        let directory = path::parent(main).to_owned();
        let mut reader = TreeReader {
            root,
            directory: &directory,
            budget,
            parts: Vec::new(),
            seen: HashSet::from([main.to_owned()]),
        };
        let tree = reader.read(main.to_owned(), 0)?;
        Ok(Self {
            parts: reader.parts,
            compiler: Compiler::of(&tree),
            directory,
            tree,
            attachable: Vec::new(),
            loaded: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_memory_are_limited() {
        let mut budget = Budget {
            files: 2,
            bytes: 10,
            memory: 10,
        };
        assert!(budget.open(5).is_ok() && budget.open(6).is_err() && budget.open(0).is_err());
        assert!(budget.keep(9).is_ok() && budget.keep(2).is_err());
    }
}
