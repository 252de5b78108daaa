//! The elements of a model, with those of its included files in place.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Budget;
use crate::ext::bundle::path;
use crate::ext::bundle::path::Resolved;
use crate::ext::bundle::xml;
use crate::ext::bundle::xml::{Node, Tag};
use crate::ext::bundle::{BundleError, BundleErrorKind};

/// The maximum depth of nested elements: that of `MuJoCo`'s parser.
const MAX_DEPTH: usize = 500;
/// Values that are longer, in bytes, stay in the file. Only the numbers of meshes and height fields
/// are: a path has at most 4,096 bytes on Linux.
// Assumption: export-inline-meshes.
const MAX_TEXT: usize = 4096;

/// An element with its children.
#[derive(Debug)]
pub(in crate::ext::bundle) struct Element {
    name: Box<str>,
    /// The index of the file that contains it.
    pub(super) part: usize,
    /// Its byte range in that file, with its end tag.
    pub(super) span: Range<u64>,
    attributes: Box<[Attribute]>,
    pub(in crate::ext::bundle) children: Vec<Element>,
}

#[derive(Debug)]
struct Attribute {
    name: Box<str>,
    value: Value,
    /// Its byte range in the file, with the white space before it.
    span: Range<u64>,
}

/// The value of an attribute.
#[derive(Debug)]
enum Value {
    Text(Box<str>),
    /// The byte range in the file of a long value.
    #[cfg_attr(
        not(feature = "preview"),
        expect(dead_code, reason = "only the preview reads long values")
    )]
    InFile(Range<u64>),
}

impl Element {
    fn new(tag: &Tag<'_>, part: usize) -> Self {
        let attributes = tag.attributes.iter().map(|attribute| Attribute {
            name: attribute.name.into(),
            value: if attribute.value_span.end - attribute.value_span.start > MAX_TEXT as u64 {
                Value::InFile(attribute.value_span.clone())
            } else {
                Value::Text(attribute.value().into())
            },
            span: attribute.span.clone(),
        });
        Self {
            name: tag.name.into(),
            part,
            span: tag.span.clone(),
            attributes: attributes.collect(),
            children: Vec::new(),
        }
    }

    pub(in crate::ext::bundle) fn name(&self) -> &str {
        &self.name
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| &*attribute.name == name)
    }

    /// Returns the value of an attribute, if it is present and short.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        match &self.attribute(attribute)?.value {
            Value::Text(text) => Some(text),
            Value::InFile(_) => None,
        }
    }

    /// Returns the value of an attribute, if it is present, not empty and short.
    pub(in crate::ext::bundle) fn value(&self, attribute: &str) -> Option<&str> {
        self.text(attribute).filter(|value| !value.is_empty())
    }

    /// Returns the byte range in the file of a long value.
    #[cfg(feature = "preview")]
    pub(super) fn long_value(&self, attribute: &str) -> Option<Range<u64>> {
        match &self.attribute(attribute)?.value {
            Value::Text(_) => None,
            Value::InFile(span) => Some(span.clone()),
        }
    }

    /// Whether an attribute is present with more than white space.
    pub(super) fn has(&self, attribute: &str) -> bool {
        self.attribute(attribute)
            .is_some_and(|attribute| match &attribute.value {
                Value::Text(text) => !text.trim_ascii().is_empty(),
                Value::InFile(_) => true,
            })
    }

    /// Returns the byte range in the file of an attribute, with the white space before it.
    pub(super) fn attribute_span(&self, attribute: &str) -> Option<Range<u64>> {
        Some(self.attribute(attribute)?.span.clone())
    }

    /// Returns the children with this name.
    pub(in crate::ext::bundle) fn named(
        &self,
        name: &str,
    ) -> impl DoubleEndedIterator<Item = &Self> + Clone {
        self.children
            .iter()
            .filter(move |child| child.name() == name)
    }

    /// Calls `visit` with this element and all below it, in document order.
    pub(super) fn each<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        for child in &self.children {
            child.each(visit);
        }
    }

    /// Whether `found` is true of this element or of one below it.
    pub(super) fn any(&self, found: &impl Fn(&Self) -> bool) -> bool {
        found(self) || self.children.iter().any(|child| child.any(found))
    }

    /// Returns the memory that it takes in bytes, without its children.
    fn memory(&self) -> usize {
        let attributes = self.attributes.iter().map(|attribute| {
            let value = match &attribute.value {
                Value::Text(text) => text.len(),
                Value::InFile(_) => 0,
            };
            size_of::<Attribute>() + attribute.name.len() + value
        });
        size_of::<Self>() + self.name.len() + attributes.sum::<usize>()
    }
}

/// Reads a model with the files that it includes.
pub(super) struct TreeReader<'r> {
    /// The directory of the bundle.
    pub(super) root: &'r Path,
    /// The directory of the main file, relative to `root`.
    pub(super) directory: &'r Path,
    pub(super) budget: &'r mut Budget,
    /// The files that were read, relative to `root`. The main file is the first.
    pub(super) parts: Vec<PathBuf>,
    /// Each file is read once, even if it is included several times or in a cycle.
    pub(super) seen: HashSet<PathBuf>,
}

impl TreeReader<'_> {
    /// Reads a file, and puts the elements of each file that it includes after the `<include>`.
    /// Returns its root, which is within `depth` elements of the files that include it.
    pub(super) fn read(&mut self, path: PathBuf, depth: usize) -> Result<Element, BundleError> {
        let part = self.parts.len();
        let file = self.root.join(&path);
        self.parts.push(path);
        let mut root = self.parse(&file, part, depth)?;
        self.include(&mut root, depth)?;
        Ok(root)
    }

    /// Reads the elements of one file.
    fn parse(&mut self, file: &Path, part: usize, depth: usize) -> Result<Element, BundleError> {
        let fail = |kind, detail: String| BundleError::new(kind, file, detail);
        let size = fs::metadata(file)
            .map_err(|e| BundleError::io(file, e))?
            .len();
        self.budget
            .open(size)
            .map_err(|detail| fail(BundleErrorKind::TooLarge, detail))?;
        let mut open: Vec<Element> = Vec::new();
        let (mut root, mut excess) = (None, None);
        xml::walk_file(file, |node| {
            match node {
                Node::Open(_) if depth + open.len() >= MAX_DEPTH => {
                    excess = Some(format!("more than {MAX_DEPTH} levels of elements"));
                }
                Node::Open(tag) => {
                    let element = Element::new(&tag, part);
                    excess = self.budget.keep(element.memory()).err();
                    open.push(element);
                }
                Node::Close(end) => {
                    if let Some(mut element) = open.pop() {
                        element.span.end = end;
                        match open.last_mut() {
                            Some(parent) => parent.children.push(element),
                            None => root = root.take().or(Some(element)),
                        }
                    }
                }
                Node::Text(_) => {}
            }
            excess.is_none()
        })?;
        if let Some(detail) = excess {
            return Err(fail(BundleErrorKind::TooLarge, detail));
        }
        root.ok_or_else(|| {
            fail(
                BundleErrorKind::BadModel,
                "it has no root element".to_owned(),
            )
        })
    }

    /// Reads the files that the elements below `element` include.
    fn include(&mut self, element: &mut Element, depth: usize) -> Result<(), BundleError> {
        for mut child in std::mem::take(&mut element.children) {
            self.include(&mut child, depth + 1)?;
            let included = (child.name() == "include")
                .then(|| self.find(child.value("file")?, child.part))
                .flatten()
                .filter(|path| self.seen.insert(path.clone()));
            element.children.push(child);
            if let Some(path) = included {
                let mut root = self.read(path, depth + 1)?;
                element.children.append(&mut root.children);
            }
        }
        Ok(())
    }

    /// Returns the file that the file `by` includes as `name`; `None` if it is missing.
    fn find(&self, name: &str, by: usize) -> Option<PathBuf> {
        path::first_present(
            self.root,
            include_candidates(self.directory, &self.parts[by], name),
        )
        .ok()
    }
}

/// Returns where the file that `by` includes as `name` is sought. Both paths are relative to the
/// bundle.
// Assumption: export-robot-include.
pub(super) fn include_candidates(directory: &Path, by: &Path, name: &str) -> Vec<Resolved> {
    vec![
        path::resolve(directory, name),
        path::resolve(path::parent(by), name),
    ]
}
