//! Reads the attributes of elements, with the defaults of their classes.

use std::collections::BTreeMap;

use super::tree::Element;
#[cfg(feature = "preview")]
use crate::ext::error::one_line;

/// The maximum absolute value of a number that is drawn, such as a length in metres.
#[cfg(feature = "preview")]
const MAX_NUMBER: f64 = 1e6;
/// The attributes that have defaults and matter here, by the name of the element.
const WITH_DEFAULTS: [(&str, &[&str]); 5] = [
    (
        "geom",
        &[
            "type",
            "size",
            "fromto",
            "group",
            "hfield",
            "mesh",
            "density",
            "pos",
            "quat",
            "euler",
            "axisangle",
            "xyaxes",
            "zaxis",
        ],
    ),
    ("joint", &["type", "pos", "axis"]),
    ("mesh", &["scale"]),
    ("texture", &["builtin"]),
    ("material", &["texture"]),
];
/// A default class.
#[derive(Debug, Default)]
struct Class<'a> {
    /// The index of the class that it extends; that of the main class is its own.
    parent: usize,
    /// The defaults, by the names of the element and the attribute.
    values: BTreeMap<(&'a str, &'a str), &'a str>,
    /// Whether materials have a texture by a `<layer>`.
    layered: bool,
}

/// The default classes of a model. The main class is the first.
#[derive(Debug)]
pub(in crate::ext::bundle) struct Defaults<'a> {
    classes: Vec<Class<'a>>,
    names: BTreeMap<&'a str, usize>,
}

impl<'a> Defaults<'a> {
    pub(in crate::ext::bundle) fn of(model: &'a Element) -> Self {
        let mut defaults = Self {
            classes: vec![Class::default()],
            names: BTreeMap::new(),
        };
        for section in model.named("default") {
            defaults.add(section, 0);
        }
        defaults
    }

    /// Adds the defaults of an element to a class, and adds the classes within it.
    fn add(&mut self, element: &'a Element, index: usize) {
        let class = &mut self.classes[index];
        for child in &element.children {
            class.layered |= child.name() == "material" && child.named("layer").next().is_some();
            let known = WITH_DEFAULTS
                .iter()
                .filter(|(name, _)| *name == child.name());
            for (name, attributes) in known {
                for attribute in *attributes {
                    if let Some(value) = child.value(attribute) {
                        class.values.insert((name, attribute), value);
                    }
                }
            }
        }
        if let Some(name) = element.value("class") {
            self.names.insert(name, index);
        }
        for child in element.named("default") {
            self.classes.push(Class {
                parent: index,
                ..Class::default()
            });
            self.add(child, self.classes.len() - 1);
        }
    }

    /// Returns the index of a class; of the main class if there is none with this name.
    fn index(&self, name: Option<&str>) -> usize {
        let index = name.and_then(|name| self.names.get(name));
        index.copied().unwrap_or_default()
    }

    /// Returns a class and those that it extends.
    fn lineage(&self, index: usize) -> impl Iterator<Item = &Class<'a>> {
        let indices = std::iter::successors(Some(index), |index| {
            let parent = self.classes[*index].parent;
            (parent != *index).then_some(parent)
        });
        indices.map(|index| &self.classes[index])
    }
}

/// The attributes of an element, with the defaults of its class.
#[derive(Debug)]
pub(in crate::ext::bundle) struct Attributes<'a> {
    pub(in crate::ext::bundle) element: &'a Element,
    defaults: &'a Defaults<'a>,
    class: usize,
}

impl<'a> Attributes<'a> {
    /// Creates them with the class that the element names, or else with `class`.
    pub(in crate::ext::bundle) fn new(
        element: &'a Element,
        defaults: &'a Defaults<'a>,
        class: Option<&str>,
    ) -> Self {
        Self {
            element,
            defaults,
            class: defaults.index(element.value("class").or(class)),
        }
    }

    pub(in crate::ext::bundle) fn inherited(&self, attribute: &str) -> Option<&'a str> {
        let key = (self.element.name(), attribute);
        let mut lineage = self.defaults.lineage(self.class);
        lineage.find_map(|class| class.values.get(&key).copied())
    }

    pub(in crate::ext::bundle) fn value(&self, attribute: &str) -> Option<&'a str> {
        self.element
            .value(attribute)
            .or_else(|| self.inherited(attribute))
    }

    /// Whether a material has a texture by a `<layer>`.
    pub(super) fn has_layer(&self) -> bool {
        self.element.named("layer").next().is_some()
            || self.defaults.lineage(self.class).any(|class| class.layered)
    }

    /// Returns a single number; `None` if it is absent or invalid.
    pub(super) fn number(&self, attribute: &str) -> Option<f64> {
        self.value(attribute)?.trim_ascii().parse().ok()
    }
}

/// What the preview needs.
#[cfg(feature = "preview")]
impl Attributes<'_> {
    /// Returns all numbers of an attribute; none if it is absent.
    pub(in crate::ext::bundle) fn numbers(&self, attribute: &str) -> Result<Vec<f64>, String> {
        let Some(text) = self.value(attribute) else {
            return Ok(Vec::new());
        };
        numbers(text).ok_or_else(|| self.invalid(attribute, "is not a list of numbers up to 1e6"))
    }

    /// Returns an attribute of exactly `N` numbers.
    pub(in crate::ext::bundle) fn array<const N: usize>(
        &self,
        attribute: &str,
    ) -> Result<Option<[f64; N]>, String> {
        let Some(text) = self.value(attribute) else {
            return Ok(None);
        };
        let array = numbers(text).and_then(|numbers| numbers.try_into().ok());
        let error = || self.invalid(attribute, &format!("is not {N} numbers up to 1e6"));
        array.map(Some).ok_or_else(error)
    }

    /// Formats an error about an attribute.
    pub(in crate::ext::bundle) fn invalid(&self, attribute: &str, problem: &str) -> String {
        let name = self.element.name();
        let label = self
            .element
            .value("name")
            .map(|name| format!(" `{}`", one_line(name, 60)));
        let value = one_line(self.value(attribute).unwrap_or_default(), 60);
        format!(
            "`{attribute}` of {name}{} {problem}: `{value}`",
            label.unwrap_or_default()
        )
    }
}

/// Parses numbers that are separated by white space; `None` if one is invalid or cannot be drawn.
#[cfg(feature = "preview")]
pub(in crate::ext::bundle) fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split_ascii_whitespace()
        .map(|number| number.parse().ok().filter(|number| is_drawable(*number)))
        .collect()
}

/// Whether a number is finite and small enough to be drawn.
#[cfg(feature = "preview")]
pub(in crate::ext::bundle) fn is_drawable(number: f64) -> bool {
    number.abs() <= MAX_NUMBER
}
