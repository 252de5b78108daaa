//! Reads the attributes of elements, with the defaults of their classes.

use std::collections::BTreeMap;

use super::elements::{Element, numbers};
use super::pose;
use super::pose::{Matrix, Pose, Vec3};
use crate::ext::error::one_line;

/// The attributes that have defaults, by the name of the element.
const WITH_DEFAULTS: [(&str, &[&str]); 3] = [
    (
        "geom",
        &[
            "type",
            "size",
            "fromto",
            "group",
            "hfield",
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
];
/// The attributes for the orientation of a frame. One of the element has precedence over one of its
/// class. (Before `MuJoCo` 4, one of the class had precedence over the element's `quat`.) Within a
/// class, `quat` is last.
const ORIENTATIONS: [&str; 5] = ["axisangle", "xyaxes", "zaxis", "euler", "quat"];
/// The maximum number of default classes: ten times that of a large robot.
const MAX_CLASSES: usize = 1000;

/// The settings of `<compiler>` that affect frames.
#[derive(Debug)]
pub(super) struct Compiler<'a> {
    /// Whether angles are in radians. By default they are in degrees.
    radian: bool,
    eulerseq: &'a str,
    /// Whether all frames are relative to the world, as in old models.
    pub(super) global: bool,
}

impl<'a> Compiler<'a> {
    pub(super) fn of(model: &'a Element<'a>) -> Self {
        let sections = model.named("compiler");
        let last = |attribute| {
            let mut values = sections
                .clone()
                .filter_map(|section| section.value(attribute));
            values.next_back()
        };
        Self {
            radian: last("angle") == Some("radian"),
            eulerseq: last("eulerseq").unwrap_or("xyz"),
            global: last("coordinate") == Some("global"),
        }
    }

    fn radians(&self, angle: f64) -> f64 {
        if self.radian {
            angle
        } else {
            angle.to_radians()
        }
    }
}

/// The defaults of a class, by the names of the element and the attribute.
type Class<'a> = BTreeMap<(&'a str, &'a str), &'a str>;

/// The default classes of a model, each with the defaults that it inherits.
#[derive(Debug, Default)]
pub(super) struct Defaults<'a> {
    main: Class<'a>,
    classes: BTreeMap<&'a str, Class<'a>>,
}

impl<'a> Defaults<'a> {
    /// Reads the classes; `None` if there are too many.
    pub(super) fn of(model: &'a Element<'a>) -> Option<Self> {
        let mut defaults = Self::default();
        for section in model.named("default") {
            let inherited = std::mem::take(&mut defaults.main);
            defaults.main = defaults.add(section, inherited)?;
        }
        Some(defaults)
    }

    /// Adds a class and those within it, and returns its defaults. `None` if there are too many.
    fn add(&mut self, element: &'a Element<'a>, inherited: Class<'a>) -> Option<Class<'a>> {
        let mut class = inherited;
        for child in &element.children {
            for (name, attributes) in WITH_DEFAULTS
                .iter()
                .filter(|(name, _)| *name == child.name())
            {
                for attribute in *attributes {
                    if let Some(value) = child.value(attribute) {
                        class.insert((name, attribute), value);
                    }
                }
            }
        }
        if let Some(name) = element.value("class") {
            self.classes.insert(name, class.clone());
        }
        for child in element.named("default") {
            if self.classes.len() == MAX_CLASSES {
                return None;
            }
            self.add(child, class.clone())?;
        }
        Some(class)
    }

    fn class(&self, name: Option<&str>) -> &Class<'a> {
        name.and_then(|name| self.classes.get(name))
            .unwrap_or(&self.main)
    }
}

/// The attributes of an element, with the defaults of its class.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    element: &'a Element<'a>,
    class: &'a Class<'a>,
}

impl<'a> Attributes<'a> {
    /// Creates them with the class that the element names, or else with `class`.
    pub(super) fn new(
        element: &'a Element<'a>,
        defaults: &'a Defaults<'a>,
        class: Option<&'a str>,
    ) -> Self {
        Self {
            element,
            class: defaults.class(element.value("class").or(class)),
        }
    }

    fn explicit(&self, attribute: &str) -> Option<&'a str> {
        self.element.value(attribute)
    }

    fn inherited(&self, attribute: &str) -> Option<&'a str> {
        self.class.get(&(self.element.name(), attribute)).copied()
    }

    pub(super) fn value(&self, attribute: &str) -> Option<&'a str> {
        self.explicit(attribute)
            .or_else(|| self.inherited(attribute))
    }

    /// Returns all numbers of an attribute; none if it is absent.
    pub(super) fn numbers(&self, attribute: &str) -> Result<Vec<f64>, String> {
        let Some(text) = self.value(attribute) else {
            return Ok(Vec::new());
        };
        numbers(text).ok_or_else(|| self.invalid(attribute, "is not a list of numbers up to 1e6"))
    }

    /// Returns an attribute of exactly `N` numbers.
    pub(super) fn array<const N: usize>(
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
    pub(super) fn invalid(&self, attribute: &str, problem: &str) -> String {
        let name = self.element.name();
        let label = self
            .explicit("name")
            .map(|name| format!(" `{}`", one_line(name, 60)));
        let value = one_line(self.value(attribute).unwrap_or_default(), 60);
        format!(
            "`{attribute}` of {name}{} {problem}: `{value}`",
            label.unwrap_or_default()
        )
    }

    /// Returns the pose of the element's frame in its parent frame.
    pub(super) fn pose(&self, compiler: &Compiler<'_>) -> Result<Pose, String> {
        let mut pose = Pose::IDENTITY;
        pose.position = self.array("pos")?.unwrap_or_default();
        let find = |has: &dyn Fn(&str) -> bool| ORIENTATIONS.into_iter().find(|name| has(name));
        let explicit = find(&|name| self.explicit(name).is_some());
        let Some(name) = explicit.or_else(|| find(&|name| self.inherited(name).is_some())) else {
            return Ok(pose);
        };
        let rotation = match name {
            "quat" => self.array(name)?.and_then(pose::quaternion),
            "axisangle" => self
                .array(name)?
                .and_then(|[x, y, z, angle]| pose::axis_angle([x, y, z], compiler.radians(angle))),
            "xyaxes" => self
                .array(name)?
                .and_then(|[a, b, c, d, e, f]| pose::xy_axes([a, b, c], [d, e, f])),
            "zaxis" => self.array(name)?.and_then(pose::z_axis),
            _ => {
                let angles = self.array(name)?.unwrap_or_default();
                Some(self.euler(name, compiler, angles)?)
            }
        };
        pose.rotation = rotation.ok_or_else(|| self.invalid(name, "is not an orientation"))?;
        Ok(pose)
    }

    /// Returns the rotation for three angles, which an error attributes to `attribute`.
    pub(super) fn euler(
        &self,
        attribute: &str,
        compiler: &Compiler<'_>,
        angles: Vec3,
    ) -> Result<Matrix, String> {
        let angles = angles.map(|angle| compiler.radians(angle));
        let sequence = compiler.eulerseq;
        pose::euler(sequence, angles).ok_or_else(|| {
            self.invalid(
                attribute,
                &format!("has the invalid `eulerseq` `{}`", one_line(sequence, 20)),
            )
        })
    }
}
