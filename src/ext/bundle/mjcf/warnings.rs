//! What a model lacks.

use std::collections::HashSet;
use std::path::PathBuf;

use super::attributes::{Attributes, Defaults};
use super::slim::{TEXTURE_SETTINGS, texture_name};
use super::tree::Element;
use super::{Model, Models};
use crate::ext::bundle::{Warning, WarningKind};

/// The elements that make a body visible or useful without a geom.
const CONTENTS: [&str; 7] = [
    "geom",
    "attach",
    "composite",
    "flexcomp",
    "site",
    "camera",
    "light",
];
/// The density of a geom that sets none, in kg/m³.
const DENSITY: f64 = 1000.0;

impl Models {
    /// Returns what the models lack, without the missing files.
    pub(in crate::ext::bundle) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for model in self.models.iter().filter(|model| model.loaded) {
            let defaults = Defaults::of(&model.tree);
            let mut check = Check {
                models: self,
                model,
                defaults: &defaults,
                warnings: &mut warnings,
            };
            check.assets();
            for world in model.tree.named("worldbody") {
                check.bodies(world, None, false);
            }
        }
        warnings
    }
}

struct Check<'a> {
    models: &'a Models,
    model: &'a Model,
    defaults: &'a Defaults<'a>,
    warnings: &'a mut Vec<Warning>,
}

impl<'a> Check<'a> {
    fn warn(&mut self, kind: WarningKind, element: &Element) {
        self.warnings.push(Warning {
            kind,
            file: self.file_of(element),
            name: element.value("name").map(str::to_owned),
        });
    }

    fn file_of(&self, element: &Element) -> PathBuf {
        self.model.parts[element.part].clone()
    }

    fn assets(&mut self) {
        let sections = || self.model.tree.named("asset");
        let textures: HashSet<String> = sections()
            .flat_map(|section| section.named("texture"))
            .filter_map(texture_name)
            .collect();
        for section in sections() {
            for mesh in section.named("mesh") {
                if self.model.lacks_faces(&self.models.root, mesh) {
                    self.warn(WarningKind::MeshWithoutFaces, mesh);
                }
            }
            for material in section.named("material") {
                if self.lacks_texture(material, &textures) {
                    self.warn(WarningKind::MaterialWithoutTexture, material);
                }
            }
        }
    }

    /// Whether a material refers to a texture that does not exist, or only sets how to map one.
    fn lacks_texture(&self, material: &Element, textures: &HashSet<String>) -> bool {
        let attributes = Attributes::new(material, self.defaults, None);
        // Assumption: export-textures.
        let layers = material
            .named("layer")
            .filter_map(|layer| layer.value("texture"));
        let texture = attributes.value("texture");
        if texture
            .into_iter()
            .chain(layers)
            .any(|name| !textures.contains(name))
        {
            return true;
        }
        texture.is_none()
            && !attributes.has_layer()
            && TEXTURE_SETTINGS.iter().any(|setting| material.has(setting))
    }

    /// Checks the bodies below an element, with the class of its children.
    fn bodies(&mut self, element: &'a Element, class: Option<&'a str>, empty: bool) {
        let class = element.value("childclass").or(class);
        for child in &element.children {
            let mut empty = empty;
            if child.name() == "body" {
                // Assumption: export-empty-bodies.
                let is_empty = !empty
                    && child.value("mocap") != Some("true")
                    && !child.any(&|inner| CONTENTS.contains(&inner.name()));
                if is_empty {
                    self.warn(WarningKind::BodyWithoutGeometry, child);
                    // One report is enough for all bodies within.
                    empty = true;
                }
                let class = child.value("childclass").or(class);
                if self.is_free(child, class) && !self.has_mass(child, class) {
                    self.warn(WarningKind::FreeBodyWithoutMass, child);
                }
            }
            self.bodies(child, class, empty);
        }
    }

    fn is_free(&self, body: &Element, class: Option<&str>) -> bool {
        body.children.iter().any(|child| match child.name() {
            "freejoint" => true,
            "joint" => Attributes::new(child, self.defaults, class).value("type") == Some("free"),
            // A frame is not a body of its own.
            "frame" => self.is_free(child, child.value("childclass").or(class)),
            _ => false,
        })
    }

    /// Whether an element below `element` has a mass.
    fn has_mass(&self, element: &Element, class: Option<&str>) -> bool {
        let class = element.value("childclass").or(class);
        let from_geom = self.model.compiler.inertia_from_geom;
        element.children.iter().any(|child| {
            let attributes = Attributes::new(child, self.defaults, class);
            match child.name() {
                "inertial" => from_geom != Some(true) && attributes.number("mass") > Some(0.0),
                "geom" if from_geom == Some(false) => false,
                "geom" => match attributes.number("mass") {
                    Some(mass) => mass > 0.0,
                    None => attributes.number("density").unwrap_or(DENSITY) > 0.0,
                },
                "attach" | "composite" | "flexcomp" => true,
                "body" | "frame" | "replicate" => self.has_mass(child, class),
                _ => false,
            }
        })
    }
}
