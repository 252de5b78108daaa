//! Reads MJCF models: their included files, the files that they refer to, and how to remove
//! textures.
//!
//! The rules are those of `MuJoCo`'s [`compiler`] and [`include`] elements: paths are relative to
//! the directory of the main model, `meshdir` contains meshes, height fields and skins, and
//! `texturedir` contains textures.
//!
//! [`compiler`]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#compiler
//! [`include`]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#include

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::path;
use super::path::Resolved;
use super::xml;
use super::xml::{Node, Tag};
use super::{Budget, BundleError, BundleErrorKind, MissingFile};

/// The attributes of `<texture>` that refer to files.
const TEXTURE_FILES: [&str; 7] = [
    "file",
    "fileright",
    "fileleft",
    "fileup",
    "filedown",
    "filefront",
    "fileback",
];

/// A model with the files that it includes. A model that it attaches is a separate `Model`.
#[derive(Debug)]
pub(super) struct Model {
    /// The directory of its main file, relative to the bundle.
    directory: PathBuf,
    /// Its files. The main file is the first.
    pub(super) parts: Vec<Part>,
    compiler: Compiler,
    references: Vec<Reference>,
}

/// One file of a model.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The settings of `<compiler>` that affect paths.
#[derive(Debug, Default)]
struct Compiler {
    mesh: String,
    texture: String,
    strip: bool,
}

/// The way in which a model uses a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Mesh,
    Texture,
    Include,
    Attached,
}

/// A file name in a model.
#[derive(Debug)]
struct Reference {
    /// The file that contains the name.
    by: PathBuf,
    name: String,
    kind: Use,
}

/// Returns the existing files of the model `main`, with itself and the files of attached models.
pub(super) fn parts(root: &Path, main: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let models = read(root, main)?;
    let parts = models.into_iter().flat_map(|model| model.parts);
    Ok(parts.map(|part| part.path).collect())
}

/// Returns the missing files of the model `main` and of the models that it attaches.
pub(super) fn missing(root: &Path, main: &Path) -> Result<Vec<MissingFile>, BundleError> {
    let mut missing = Vec::new();
    for model in read(root, main)? {
        for reference in &model.references {
            let resolved = model.resolve(root, reference);
            if let Some(reason) = resolved.missing(root) {
                missing.push(MissingFile {
                    name: reference.name.clone(),
                    named_by: reference.by.clone(),
                    reason,
                });
            }
        }
    }
    Ok(missing)
}

/// The changes that remove the textures of a model.
#[derive(Debug, Default)]
pub(crate) struct Slimmed {
    /// The files that change, and their new text.
    pub(crate) rewritten: BTreeMap<PathBuf, String>,
    /// The files that only the removed textures refer to.
    pub(crate) unneeded: BTreeSet<PathBuf>,
    /// The files that the model still refers to.
    pub(crate) needed: BTreeSet<PathBuf>,
}

/// Removes the textures that are read from files, with all references to them.
///
/// Textures that `MuJoCo` computes (`builtin`) are kept. All other bytes are unchanged.
pub(super) fn slim(root: &Path, main: &Path) -> Result<Slimmed, BundleError> {
    let mut slimmed = Slimmed::default();
    let mut texts = BTreeMap::new();
    let mut cuts: BTreeMap<PathBuf, Vec<Range<usize>>> = BTreeMap::new();
    for model in read(root, main)? {
        for reference in &model.references {
            if let Resolved::Inside(path) = model.resolve(root, reference) {
                if reference.kind == Use::Texture {
                    slimmed.unneeded.insert(path);
                } else {
                    slimmed.needed.insert(path);
                }
            }
        }
        let mut dropped = HashSet::new();
        for part in &model.parts {
            each_tag(root, part, |tag| {
                if is_from_file(tag) {
                    dropped.extend(texture_name(tag));
                }
            })?;
        }
        for part in model.parts {
            let found = cuts_in(root, &part, &dropped)?;
            cuts.entry(part.path.clone()).or_default().extend(found);
            texts.insert(part.path, part.text);
        }
    }
    for (path, cuts) in cuts {
        if !cuts.is_empty() {
            let text = cut(&texts[&path], cuts);
            slimmed.rewritten.insert(path, text);
        }
    }
    let needed = &slimmed.needed;
    slimmed.unneeded.retain(|path| !needed.contains(path));
    Ok(slimmed)
}

/// Reads a model and all models that it attaches.
fn read(root: &Path, main: &Path) -> Result<Vec<Model>, BundleError> {
    let mut models = Vec::new();
    let mut seen = HashSet::new();
    let mut budget = Budget::new();
    let mut queue = vec![main.to_owned()];
    while let Some(main) = queue.pop() {
        if !seen.insert(main.clone()) {
            continue;
        }
        let model = Model::read(root, &main, &mut budget)?;
        for reference in &model.references {
            if reference.kind == Use::Attached
                && let Resolved::Inside(path) = model.resolve(root, reference)
                && root.join(&path).is_file()
            {
                queue.push(path);
            }
        }
        models.push(model);
    }
    Ok(models)
}

impl Model {
    pub(super) fn read(root: &Path, main: &Path, budget: &mut Budget) -> Result<Self, BundleError> {
        let mut model = Self {
            directory: main.parent().unwrap_or(Path::new("")).to_owned(),
            parts: Vec::new(),
            compiler: Compiler::default(),
            references: Vec::new(),
        };
        // Each file is read once, even if it is included several times or in a cycle.
        let mut seen = HashSet::from([main.to_owned()]);
        let mut queue = vec![main.to_owned()];
        while let Some(path) = queue.pop() {
            let part = Part {
                text: budget.read(&root.join(&path))?,
                path,
            };
            let first = model.references.len();
            let Self {
                compiler,
                references,
                ..
            } = &mut model;
            each_tag(root, &part, |tag| {
                compiler.set(tag);
                references.extend(named_by(tag).map(|(kind, name)| Reference {
                    by: part.path.clone(),
                    name: name.to_owned(),
                    kind,
                }));
            })?;
            for reference in &model.references[first..] {
                if reference.kind == Use::Include
                    && let Resolved::Inside(path) = model.resolve(root, reference)
                    && root.join(&path).is_file()
                    && seen.insert(path.clone())
                {
                    queue.push(path);
                }
            }
            model.parts.push(part);
        }
        Ok(model)
    }

    /// Returns the file that `by` includes as `name`, relative to the bundle; `None` if it is
    /// missing.
    #[cfg(feature = "preview")]
    pub(super) fn included(&self, root: &Path, by: &Path, name: &str) -> Option<PathBuf> {
        self.file(root, by, name, Use::Include)
    }

    /// Returns the file of a mesh, relative to the bundle; `None` if it is missing.
    #[cfg(feature = "preview")]
    pub(super) fn mesh(&self, root: &Path, name: &str) -> Option<PathBuf> {
        self.file(root, Path::new(""), name, Use::Mesh)
    }

    #[cfg(feature = "preview")]
    fn file(&self, root: &Path, by: &Path, name: &str, kind: Use) -> Option<PathBuf> {
        let reference = Reference {
            by: by.to_owned(),
            name: name.to_owned(),
            kind,
        };
        match self.resolve(root, &reference) {
            Resolved::Inside(path) if root.join(&path).is_file() => Some(path),
            _ => None,
        }
    }

    /// Resolves a file name in the model.
    fn resolve(&self, root: &Path, reference: &Reference) -> Resolved {
        let mut name = reference.name.as_str();
        let directory = match reference.kind {
            Use::Mesh => self.compiler.mesh.as_str(),
            Use::Texture => self.compiler.texture.as_str(),
            Use::Attached => "",
            Use::Include => {
                // Relative to the main model, or else relative to the including file.
                let resolved = path::resolve(&self.directory, name);
                let including = reference.by.parent().unwrap_or(Path::new(""));
                if resolved.missing(root).is_some() && including != self.directory {
                    let from_including = path::resolve(including, name);
                    if from_including.missing(root).is_none() {
                        return from_including;
                    }
                }
                return resolved;
            }
        };
        if self.compiler.strip && reference.kind != Use::Attached {
            name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        }
        if directory.is_empty() || path::is_absolute(name) {
            path::resolve(&self.directory, name)
        } else {
            path::resolve(&self.directory, &format!("{directory}/{name}"))
        }
    }
}

impl Compiler {
    /// Applies the settings of a `<compiler>`. The last one has precedence.
    fn set(&mut self, tag: &Tag<'_>) {
        if tag.name != "compiler" {
            return;
        }
        if let Some(both) = tag.value("assetdir") {
            both.clone_into(&mut self.mesh);
            both.clone_into(&mut self.texture);
        }
        if let Some(mesh) = tag.value("meshdir") {
            mesh.clone_into(&mut self.mesh);
        }
        if let Some(texture) = tag.value("texturedir") {
            texture.clone_into(&mut self.texture);
        }
        if let Some(strip) = tag.value("strippath") {
            self.strip = strip == "true";
        }
    }
}

/// Returns the files that an element refers to.
fn named_by<'t>(tag: &'t Tag<'_>) -> impl Iterator<Item = (Use, &'t str)> {
    let (kind, attributes) = match tag.name {
        "mesh" | "hfield" | "skin" | "flexcomp" => (Use::Mesh, &["file"][..]),
        "texture" if is_from_file(tag) => (Use::Texture, &TEXTURE_FILES[..]),
        "include" => (Use::Include, &["file"][..]),
        "model" => (Use::Attached, &["file"][..]),
        _ => (Use::Include, &[][..]),
    };
    attributes
        .iter()
        .filter_map(move |attribute| tag.value(attribute).map(|name| (kind, name)))
}

/// Whether an element is a texture that is read from files.
fn is_from_file(tag: &Tag<'_>) -> bool {
    tag.name == "texture"
        && tag.value("builtin").is_none_or(|builtin| builtin == "none")
        && TEXTURE_FILES.iter().any(|file| tag.value(file).is_some())
}

/// Returns the name of a texture. It defaults to the stem of its file.
fn texture_name(tag: &Tag<'_>) -> Option<String> {
    if let Some(name) = tag.value("name") {
        return Some(name.to_owned());
    }
    tag.value("file").map(|file| path::stem(file).to_owned())
}

fn each_tag<'a>(
    root: &Path,
    part: &'a Part,
    mut visit: impl FnMut(&Tag<'a>),
) -> Result<(), BundleError> {
    xml::walk(&part.text, |node| {
        if let Node::Open(tag) = &node {
            visit(tag);
        }
        true
    })
    .map_err(|detail| bad(root, part, detail))
}

fn bad(root: &Path, part: &Part, detail: String) -> BundleError {
    BundleError::new(BundleErrorKind::BadModel, root.join(&part.path), detail)
}

/// Returns the byte ranges to remove from a file together with the `dropped` textures.
fn cuts_in(
    root: &Path,
    part: &Part,
    dropped: &HashSet<String>,
) -> Result<Vec<Range<usize>>, BundleError> {
    let mut cuts = Vec::new();
    // The element that is being removed: its start, and the number of open elements in it.
    let mut removing: Option<(usize, usize)> = None;
    xml::walk(&part.text, |node| {
        match node {
            Node::Open(tag) => {
                let named = tag
                    .attributes
                    .iter()
                    .find(|attribute| attribute.name == "texture")
                    .filter(|attribute| dropped.contains(attribute.value.as_ref()));
                if let Some((_, depth)) = &mut removing {
                    *depth += 1;
                } else if is_from_file(&tag) || (tag.name == "layer" && named.is_some()) {
                    removing = Some((tag.span.start, 1));
                } else if let Some(named) = named {
                    cuts.push(named.span.clone());
                }
            }
            Node::Close(end) => {
                if let Some((start, depth)) = &mut removing {
                    *depth -= 1;
                    if *depth == 0 {
                        cuts.push(with_line(&part.text, *start..end));
                        removing = None;
                    }
                }
            }
            Node::Text(_) => {}
        }
        true
    })
    .map_err(|detail| bad(root, part, detail))?;
    Ok(cuts)
}

/// Widens a span to its line, if the line contains nothing else.
fn with_line(text: &str, span: Range<usize>) -> Range<usize> {
    let before = text[..span.start].trim_end_matches([' ', '\t']);
    let after = text[span.end..].trim_start_matches([' ', '\t']);
    let after = after.strip_prefix('\r').unwrap_or(after);
    match after.strip_prefix('\n') {
        Some(rest) if before.ends_with('\n') => before.len()..text.len() - rest.len(),
        _ => span,
    }
}

/// Returns the text without the byte ranges, which may overlap.
fn cut(text: &str, mut cuts: Vec<Range<usize>>) -> String {
    cuts.sort_unstable_by_key(|cut| (cut.start, cut.end));
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for cut in cuts {
        if cut.start > from {
            kept.push_str(&text[from..cut.start]);
        }
        from = from.max(cut.end);
    }
    kept.push_str(&text[from..]);
    kept
}
