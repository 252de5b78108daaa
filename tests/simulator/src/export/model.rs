//! The parts of a scene, independent of the format: assemblies of bodies, joints, meshes and materials.

use super::brief::{Brief, place};
use super::furniture;
use super::mesh::Mesh;
use crate::random::Random;

/// A whole scene.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) assemblies: Vec<Assembly>,
    /// Whether the brief asked for a robot.
    pub(crate) robot_profile: Option<String>,
}

/// A piece of furniture in its place.
pub(crate) struct Assembly {
    pub(crate) position: [f64; 3],
    /// Turn about the vertical, in radians.
    pub(crate) yaw: f64,
    pub(crate) base: Body,
}

/// A rigid body; all its descendants are attached to it by joints.
pub(crate) struct Body {
    pub(crate) name: String,
    /// Origin within the parent.
    pub(crate) position: [f64; 3],
    pub(crate) joint: Option<Joint>,
    pub(crate) parts: Vec<Part>,
    pub(crate) children: Vec<Body>,
}

impl Body {
    /// Visits this body and all below it, with the place of each within this one's parent.
    pub(crate) fn visit<'a>(&'a self, each: &mut dyn FnMut(&'a Body, [f64; 3])) {
        fn go<'a>(body: &'a Body, origin: [f64; 3], each: &mut dyn FnMut(&'a Body, [f64; 3])) {
            let at = add(origin, body.position);
            each(body, at);
            for child in &body.children {
                go(child, at, each);
            }
        }
        go(self, [0.0; 3], each);
    }

    /// A mass that fits wood and steel.
    pub(crate) fn mass(&self) -> f64 {
        let volume: f64 = self.parts.iter().map(|part| part.mesh.volume()).sum();
        (volume * 300.0).max(0.01)
    }
}

/// A mesh of a body.
pub(crate) struct Part {
    pub(crate) mesh: Mesh,
    pub(crate) material: Material,
    pub(crate) position: [f64; 3],
}

/// How a body may move against its parent; the joint is in the body's origin.
pub(crate) struct Joint {
    pub(crate) name: String,
    pub(crate) kind: JointKind,
    pub(crate) axis: [f64; 3],
    pub(crate) range: [f64; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JointKind {
    /// Moves as it likes.
    Free,
    Hinge,
    Slide,
}

impl JointKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Hinge => "hinge",
            Self::Slide => "slide",
        }
    }
}

/// What a part is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Material {
    Wood,
    Paint,
    Ceramic,
    Fabric,
    /// The only one without a texture.
    Steel,
    /// Scenes stand on it.
    Floor,
}

impl Material {
    pub(crate) const TEXTURED: &[Self] = &[
        Self::Wood,
        Self::Paint,
        Self::Ceramic,
        Self::Fabric,
        Self::Floor,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wood => "wood",
            Self::Paint => "paint",
            Self::Ceramic => "ceramic",
            Self::Fabric => "fabric",
            Self::Steel => "steel",
            Self::Floor => "floor",
        }
    }

    pub(crate) fn colour(self) -> [u8; 3] {
        match self {
            Self::Wood => [150, 105, 60],
            Self::Paint => [40, 90, 160],
            Self::Ceramic => [225, 220, 210],
            Self::Fabric => [120, 50, 60],
            Self::Steel => [150, 155, 160],
            Self::Floor => [110, 110, 105],
        }
    }

    pub(crate) fn is_textured(self) -> bool {
        self != Self::Steel
    }
}

impl Model {
    /// Makes the model; it follows from the brief alone.
    pub(crate) fn of(brief: &Brief) -> Self {
        let revision = brief.revision.to_string();
        let parts = [brief.id.as_str(), &brief.prompt, &revision];
        let mut assemblies: Vec<Assembly> = brief
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let mut random = Random::of(&[parts[0], parts[1], parts[2], &item.id]);
                let by_chance = random.between(-0.2, 0.2);
                let base = furniture::build(item.kind, &item.name, &mut random);
                let somewhere = if brief.items.len() == 1 {
                    [0.0; 3]
                } else {
                    place(index)
                };
                let (position, yaw) = item.place.unwrap_or((somewhere, by_chance));
                Assembly {
                    position,
                    yaw,
                    base,
                }
            })
            .collect();
        if let Some(profile) = &brief.robot_profile {
            let base = furniture::robot(profile);
            assemblies.push(Assembly {
                position: place(brief.items.len()),
                yaw: 0.0,
                base,
            });
        }
        Self {
            name: identifier(&brief.name),
            seed: crate::random::hash(&parts),
            assemblies,
            robot_profile: brief.robot_profile.clone(),
        }
    }

    /// The textured materials that are in use, and the floor.
    pub(crate) fn textured(&self) -> Vec<Material> {
        let mut used = vec![Material::Floor];
        for assembly in &self.assemblies {
            assembly
                .base
                .visit(&mut |body, _| used.extend(body.parts.iter().map(|part| part.material)));
        }
        Material::TEXTURED
            .iter()
            .copied()
            .filter(|material| used.contains(material))
            .collect()
    }

    /// Every mesh with the material it is made of.
    pub(crate) fn meshes(&self) -> Vec<&Part> {
        let mut parts = Vec::new();
        for assembly in &self.assemblies {
            assembly
                .base
                .visit(&mut |body, _| parts.extend(&body.parts));
        }
        parts
    }
}

/// A name that every format takes: letters, digits and `_`, and no digit first.
pub(crate) fn identifier(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let plain = plain.trim_matches('_');
    if plain.starts_with(|first: char| first.is_ascii_alphabetic()) {
        plain.to_owned()
    } else {
        format!("scene_{plain}")
    }
}

pub(crate) fn add(left: [f64; 3], right: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| left[axis] + right[axis])
}

/// Three numbers as text.
pub(crate) fn triple(numbers: [f64; 3], between: &str) -> String {
    numbers.map(number).join(between)
}

/// A number to a tenth of a micrometre, without noise.
pub(crate) fn number(value: f64) -> String {
    let rounded = (value * 1e7).round() / 1e7;
    if rounded == 0.0 {
        "0".to_owned()
    } else {
        rounded.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_every_format() {
        for (text, name) in [
            ("A Robotics lab!", "a_robotics_lab"),
            ("3 chairs", "scene_3_chairs"),
            ("研究室", "scene_"),
        ] {
            assert_eq!(identifier(text), name);
        }
    }
}
