//! The attributes of elements: what an element says itself, or else its default class.

use std::collections::BTreeMap;

use super::elements::{Element, numbers};
use super::pose;
use super::pose::{Matrix, Pose, Vec3};
use crate::ext::error::one_line;

/// The attributes that are read of elements with defaults.
const READ: [(&str, &[&str]); 3] = [
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
/// The ways to say how a frame is turned. An element's own goes before its class's (before `MuJoCo` 4
/// a class's went before an element's own `quat`); within a class `quat` is last.
const ORIENTATIONS: [&str; 5] = ["axisangle", "xyaxes", "zaxis", "euler", "quat"];
/// The most default classes: ten times what large robots have.
const CLASSES: usize = 1000;

/// The settings of `<compiler>` that frames depend on.
#[derive(Debug)]
pub(super) struct Compiler<'a> {
    /// Angles are in radians; by default they are in degrees.
    radian: bool,
    eulerseq: &'a str,
    /// All frames are given in the world's, as old models do.
    pub(super) global: bool,
}

impl<'a> Compiler<'a> {
    pub(super) fn of(model: &'a Element<'a>) -> Self {
        let sections = model.named("compiler");
        let last = |attribute| {
            let mut values = sections.clone().filter_map(|one| one.value(attribute));
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

/// What elements of a class are given, by the element's name and the attribute's.
type Class<'a> = BTreeMap<(&'a str, &'a str), &'a str>;

/// The default classes of a model, each with what it inherits.
#[derive(Debug, Default)]
pub(super) struct Defaults<'a> {
    main: Class<'a>,
    classes: BTreeMap<&'a str, Class<'a>>,
}

impl<'a> Defaults<'a> {
    /// `None` when there are too many.
    pub(super) fn of(model: &'a Element<'a>) -> Option<Self> {
        let mut defaults = Self::default();
        for section in model.named("default") {
            let inherited = std::mem::take(&mut defaults.main);
            defaults.main = defaults.add(section, inherited)?;
        }
        Some(defaults)
    }

    fn add(&mut self, element: &'a Element<'a>, inherited: Class<'a>) -> Option<Class<'a>> {
        let mut class = inherited;
        for child in &element.children {
            for (name, attributes) in READ.iter().filter(|(name, _)| *name == child.name()) {
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
            if self.classes.len() == CLASSES {
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

/// An element with its defaults.
#[derive(Debug)]
pub(super) struct Given<'a> {
    element: &'a Element<'a>,
    class: &'a Class<'a>,
}

impl<'a> Given<'a> {
    /// The class is the one that the element names, or else `class`.
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

    fn own(&self, attribute: &str) -> Option<&'a str> {
        self.element.value(attribute)
    }

    fn inherited(&self, attribute: &str) -> Option<&'a str> {
        self.class.get(&(self.element.name(), attribute)).copied()
    }

    pub(super) fn value(&self, attribute: &str) -> Option<&'a str> {
        self.own(attribute).or_else(|| self.inherited(attribute))
    }

    /// All numbers of an attribute; none where it is not given.
    pub(super) fn numbers(&self, attribute: &str) -> Result<Vec<f64>, String> {
        let Some(text) = self.value(attribute) else {
            return Ok(Vec::new());
        };
        numbers(text).ok_or_else(|| self.wrong(attribute, "is not a list of numbers up to 1e6"))
    }

    /// An attribute of so many numbers.
    pub(super) fn array<const N: usize>(
        &self,
        attribute: &str,
    ) -> Result<Option<[f64; N]>, String> {
        let Some(text) = self.value(attribute) else {
            return Ok(None);
        };
        let array = numbers(text).and_then(|numbers| numbers.try_into().ok());
        let rule = || self.wrong(attribute, &format!("is not {N} numbers up to 1e6"));
        array.map(Some).ok_or_else(rule)
    }

    /// Says what is wrong with an attribute.
    pub(super) fn wrong(&self, attribute: &str, rule: &str) -> String {
        let name = self.element.name();
        let which = self
            .own("name")
            .map(|name| format!(" `{}`", one_line(name, 60)));
        let value = one_line(self.value(attribute).unwrap_or_default(), 60);
        format!(
            "`{attribute}` of {name}{} {rule}: `{value}`",
            which.unwrap_or_default()
        )
    }

    /// Where the element's frame is, and how it is turned, in the frame around it.
    pub(super) fn pose(&self, compiler: &Compiler<'_>) -> Result<Pose, String> {
        let mut pose = Pose::IDENTITY;
        pose.position = self.array("pos")?.unwrap_or_default();
        let find = |given: &dyn Fn(&str) -> bool| ORIENTATIONS.into_iter().find(|way| given(way));
        let own = find(&|way| self.own(way).is_some());
        let Some(way) = own.or_else(|| find(&|way| self.inherited(way).is_some())) else {
            return Ok(pose);
        };
        let rotation = match way {
            "quat" => self.array(way)?.and_then(pose::quaternion),
            "axisangle" => self
                .array(way)?
                .and_then(|[x, y, z, angle]| pose::axis_angle([x, y, z], compiler.radians(angle))),
            "xyaxes" => self
                .array(way)?
                .and_then(|[a, b, c, d, e, f]| pose::xy_axes([a, b, c], [d, e, f])),
            "zaxis" => self.array(way)?.and_then(pose::z_axis),
            _ => {
                let angles = self.array(way)?.unwrap_or_default();
                Some(self.euler(way, compiler, angles)?)
            }
        };
        pose.rotation = rotation.ok_or_else(|| self.wrong(way, "is not an orientation"))?;
        Ok(pose)
    }

    /// The rotation that the three angles of an attribute make.
    pub(super) fn euler(
        &self,
        attribute: &str,
        compiler: &Compiler<'_>,
        angles: Vec3,
    ) -> Result<Matrix, String> {
        let angles = angles.map(|angle| compiler.radians(angle));
        let sequence = compiler.eulerseq;
        pose::euler(sequence, angles).ok_or_else(|| {
            self.wrong(
                attribute,
                &format!("has no order `{}`", one_line(sequence, 20)),
            )
        })
    }
}
