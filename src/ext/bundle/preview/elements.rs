//! A model as a tree of elements, its included files put in place, and numbers in attributes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::ext::bundle::mjcf::Model;
use crate::ext::bundle::xml;
use crate::ext::bundle::xml::{Node, Tag};
use crate::ext::bundle::{BundleError, BundleErrorKind};

/// The most elements of a model: ten times those of a large scene.
const ELEMENTS: usize = 200_000;
/// The most attributes of one element: MJCF knows no element with half as many.
const ATTRIBUTES: usize = 100;
/// How deep elements may be nested.
const DEPTH: usize = 200;
/// What a length may be at most, in metres, and any other number.
const LARGEST: f64 = 1e6;

#[derive(Debug)]
pub(super) struct Element<'a> {
    tag: Tag<'a>,
    pub(super) children: Vec<Element<'a>>,
}

impl Element<'_> {
    pub(super) fn name(&self) -> &str {
        self.tag.name
    }

    pub(super) fn value(&self, attribute: &str) -> Option<&str> {
        self.tag.value(attribute)
    }

    /// The children of this name.
    pub(super) fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &Self> + Clone {
        self.children
            .iter()
            .filter(move |child| child.name() == name)
    }
}

/// The elements below the root of the model, over all its files; the root's own attributes are
/// lost but for those of the main file.
pub(super) fn tree<'a>(root: &Path, model: &'a Model) -> Result<Element<'a>, BundleError> {
    let mut trees = HashMap::new();
    let mut left = ELEMENTS;
    for part in &model.parts {
        let at = root.join(&part.path);
        let tree = parse(&part.text, &mut left)
            .map_err(|(kind, detail)| BundleError::new(kind, at.clone(), detail))?;
        let none = || BundleError::new(BundleErrorKind::BadModel, at, "it has no element");
        trees.insert(part.path.clone(), tree.ok_or_else(none)?);
    }
    let main = &model.parts[0].path;
    let mut tree = trees.remove(main).expect("every part has been parsed");
    splice(root, model, main, &mut trees, &mut tree);
    Ok(tree)
}

type Refusal = (BundleErrorKind, String);

/// The root element of a file.
fn parse<'a>(text: &'a str, left: &mut usize) -> Result<Option<Element<'a>>, Refusal> {
    let too_large = |what: &str, most: usize| {
        Some((
            BundleErrorKind::TooLarge,
            format!("more than {most} {what}"),
        ))
    };
    let mut open: Vec<Element<'a>> = Vec::new();
    let (mut parsed, mut refused) = (None, None);
    xml::walk(text, |node| {
        match node {
            Node::Open(_) if *left == 0 => refused = too_large("elements", ELEMENTS),
            Node::Open(tag) if tag.attributes.len() > ATTRIBUTES => {
                refused = too_large("attributes of one element", ATTRIBUTES);
            }
            Node::Open(_) if open.len() == DEPTH => {
                refused = too_large("levels of elements", DEPTH);
            }
            Node::Open(tag) => {
                *left -= 1;
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
        refused.is_none()
    })
    .map_err(|detail| (BundleErrorKind::BadModel, detail))?;
    refused.map_or(Ok(parsed), Err)
}

/// Puts what an included file holds in the place of its `<include>`; each file once.
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

/// Numbers that are separated by white space, each of them finite and of a size that can be drawn.
pub(super) fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split_ascii_whitespace()
        .map(|number| number.parse().ok().filter(|number| is_drawable(*number)))
        .collect()
}

pub(super) fn is_drawable(number: f64) -> bool {
    number.abs() <= LARGEST
}
