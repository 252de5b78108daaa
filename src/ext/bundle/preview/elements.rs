//! Builds the tree of a model's elements, with its included files in place, and parses numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::ext::bundle::mjcf::Model;
use crate::ext::bundle::xml;
use crate::ext::bundle::xml::{Node, Tag};
use crate::ext::bundle::{BundleError, BundleErrorKind};

/// The maximum number of elements of a model: ten times that of a large scene.
const MAX_ELEMENTS: usize = 200_000;
/// The maximum number of attributes of an element: more than twice that of any element in MJCF.
const MAX_ATTRIBUTES: usize = 100;
/// The maximum depth of nested elements.
const MAX_DEPTH: usize = 200;
/// The maximum absolute value of a number, such as a length in metres.
const MAX_NUMBER: f64 = 1e6;

/// An element with its children.
#[derive(Debug)]
pub(super) struct Element<'a> {
    tag: Tag<'a>,
    pub(super) children: Vec<Element<'a>>,
}

impl Element<'_> {
    pub(super) fn name(&self) -> &str {
        self.tag.name
    }

    /// Returns the value of an attribute, if it is present and not empty.
    pub(super) fn value(&self, attribute: &str) -> Option<&str> {
        self.tag.value(attribute)
    }

    /// Returns the children with this name.
    pub(super) fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &Self> + Clone {
        self.children
            .iter()
            .filter(move |child| child.name() == name)
    }
}

/// Returns the root element of the model, with the elements of all its files. The attributes of the
/// root are those of the main file.
pub(super) fn tree<'a>(root: &Path, model: &'a Model) -> Result<Element<'a>, BundleError> {
    let mut trees = HashMap::new();
    let mut elements_left = MAX_ELEMENTS;
    for part in &model.parts {
        let path = root.join(&part.path);
        let tree = parse(&part.text, &mut elements_left)
            .map_err(|(kind, detail)| BundleError::new(kind, path.clone(), detail))?;
        let empty = || BundleError::new(BundleErrorKind::BadModel, path, "it has no root element");
        trees.insert(part.path.clone(), tree.ok_or_else(empty)?);
    }
    let main = &model.parts[0].path;
    let mut tree = trees.remove(main).expect("every part was parsed");
    splice(root, model, main, &mut trees, &mut tree);
    Ok(tree)
}

/// The kind and the detail of an error whose path is not known yet.
type ParseError = (BundleErrorKind, String);

/// Parses the root element of a file; `None` if it has none.
fn parse<'a>(text: &'a str, elements_left: &mut usize) -> Result<Option<Element<'a>>, ParseError> {
    let too_large = |what: &str, limit: usize| {
        Some((
            BundleErrorKind::TooLarge,
            format!("more than {limit} {what}"),
        ))
    };
    let mut open: Vec<Element<'a>> = Vec::new();
    let (mut parsed, mut error) = (None, None);
    xml::walk(text, |node| {
        match node {
            Node::Open(_) if *elements_left == 0 => error = too_large("elements", MAX_ELEMENTS),
            Node::Open(tag) if tag.attributes.len() > MAX_ATTRIBUTES => {
                error = too_large("attributes of one element", MAX_ATTRIBUTES);
            }
            Node::Open(_) if open.len() == MAX_DEPTH => {
                error = too_large("levels of elements", MAX_DEPTH);
            }
            Node::Open(tag) => {
                *elements_left -= 1;
                open.push(Element {
                    tag,
                    children: Vec::new(),
                });
            }
            Node::Close(_) => match (open.pop(), open.last_mut()) {
                (Some(child), Some(parent)) => parent.children.push(child),
                (Some(child), None) => parsed = parsed.take().or(Some(child)),
                (None, _) => {}
            },
            Node::Text(_) => {}
        }
        error.is_none()
    })
    .map_err(|detail| (BundleErrorKind::BadModel, detail))?;
    error.map_or(Ok(parsed), Err)
}

/// Replaces each `<include>` with the elements of the included file, which is included only once.
fn splice<'a>(
    root: &Path,
    model: &'a Model,
    by: &Path,
    trees: &mut HashMap<PathBuf, Element<'a>>,
    element: &mut Element<'a>,
) {
    for mut child in std::mem::take(&mut element.children) {
        let included = (child.name() == "include")
            .then(|| model.included(root, by, child.value("file")?))
            .flatten();
        let Some(path) = included else {
            splice(root, model, by, trees, &mut child);
            element.children.push(child);
            continue;
        };
        if let Some(mut tree) = trees.remove(&path) {
            splice(root, model, &path, trees, &mut tree);
            element.children.append(&mut tree.children);
        }
    }
}

/// Parses numbers that are separated by white space; `None` if one is invalid or cannot be drawn.
pub(super) fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split_ascii_whitespace()
        .map(|number| number.parse().ok().filter(|number| is_drawable(*number)))
        .collect()
}

/// Whether a number is finite and small enough to be drawn.
pub(super) fn is_drawable(number: f64) -> bool {
    number.abs() <= MAX_NUMBER
}
