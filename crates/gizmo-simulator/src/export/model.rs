//! The model of a scene, independent of the export format: assemblies of bodies with joints, meshes and
//! materials.

use super::brief::{Brief, place};
use super::furniture;
use super::mesh::Mesh;
use crate::random::Random;

/// The model of a scene.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) assemblies: Vec<Assembly>,
    /// The profile of the robot, if the brief requests one.
    pub(crate) robot_profile: Option<String>,
}

/// A positioned piece of furniture, or the robot.
pub(crate) struct Assembly {
    pub(crate) position: [f64; 3],
    /// Rotation about the vertical, in radians.
    pub(crate) yaw: f64,
    pub(crate) base: Body,
}

impl Assembly {
    /// Returns all parts of the assembly.
    pub(crate) fn parts(&self) -> Vec<&Part> {
        let mut parts = Vec::new();
        self.base.visit(&mut |body, _| parts.extend(&body.parts));
        parts
    }

    /// Returns the names of all pairs of bodies.
    pub(crate) fn pairs(&self) -> Vec<[&str; 2]> {
        let mut names = Vec::new();
        self.base
            .visit(&mut |body, _| names.push(body.name.as_str()));
        let pairs = names.iter().enumerate().flat_map(|(index, first)| {
            names[index + 1..]
                .iter()
                .map(move |second| [*first, *second])
        });
        pairs.collect()
    }
}

/// A rigid body. Joints attach its children to it.
pub(crate) struct Body {
    pub(crate) name: String,
    /// The origin in the coordinates of the parent.
    pub(crate) position: [f64; 3],
    pub(crate) joint: Option<Joint>,
    pub(crate) parts: Vec<Part>,
    pub(crate) children: Vec<Body>,
}

impl Body {
    /// Visits this body and all its descendants. Each position is in the coordinates of this body's parent.
    pub(crate) fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'a Body, [f64; 3])) {
        fn visit_at<'a>(
            body: &'a Body,
            origin: [f64; 3],
            visitor: &mut dyn FnMut(&'a Body, [f64; 3]),
        ) {
            let position = add(origin, body.position);
            visitor(body, position);
            for child in &body.children {
                visit_at(child, position, visitor);
            }
        }
        visit_at(self, [0.0; 3], visitor);
    }

    /// Returns the mass of the body, at a density that suits furniture of wood and steel.
    pub(crate) fn mass(&self) -> f64 {
        let volume: f64 = self.parts.iter().map(|part| part.mesh.volume()).sum();
        (volume * 300.0).max(0.01)
    }
}

/// A mesh of a body, with its material.
pub(crate) struct Part {
    pub(crate) mesh: Mesh,
    pub(crate) material: Material,
    pub(crate) position: [f64; 3],
}

/// The movement of a body relative to its parent. The joint is at the body's origin.
pub(crate) struct Joint {
    pub(crate) name: String,
    pub(crate) kind: JointKind,
    pub(crate) axis: [f64; 3],
    pub(crate) range: [f64; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JointKind {
    /// Six degrees of freedom.
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

/// The material of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Material {
    Wood,
    Paint,
    Ceramic,
    Fabric,
    Steel,
    /// The ground of a scene.
    Floor,
    /// The walls of a scene.
    Plaster,
}

impl Material {
    pub(crate) const ALL: &[Self] = &[
        Self::Wood,
        Self::Paint,
        Self::Ceramic,
        Self::Fabric,
        Self::Steel,
        Self::Floor,
        Self::Plaster,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wood => "wood",
            Self::Paint => "paint",
            Self::Ceramic => "ceramic",
            Self::Fabric => "fabric",
            Self::Steel => "steel",
            Self::Floor => "floor",
            Self::Plaster => "plaster",
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
            Self::Plaster => [215, 210, 200],
        }
    }

    /// Returns the colour as numbers from 0 to 1, as XML and USD write them.
    pub(crate) fn rgb(self) -> [String; 3] {
        self.colour().map(|value| number(f64::from(value) / 255.0))
    }

    /// Returns the textured ones of these materials, each once.
    pub(crate) fn textured(used: impl Iterator<Item = Self>) -> Vec<Self> {
        let used: Vec<Self> = used.filter(|material| material.is_textured()).collect();
        let all = Self::ALL.iter().copied();
        all.filter(|material| used.contains(material)).collect()
    }

    pub(crate) fn is_textured(self) -> bool {
        !matches!(self, Self::Steel | Self::Plaster)
    }
}

impl Model {
    /// Returns the model of a brief. It depends only on the brief.
    pub(crate) fn of(brief: &Brief) -> Self {
        let revision = brief.revision.to_string();
        let parts = [brief.id.as_str(), &brief.prompt, &revision];
        let mut assemblies: Vec<Assembly> = brief
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let mut random = Random::of(&[parts[0], parts[1], parts[2], &item.id]);
                let default_yaw = random.between(-0.2, 0.2);
                let base = furniture::build(item.kind, &item.name, &mut random);
                let default_position = if brief.items.len() == 1 {
                    [0.0; 3]
                } else {
                    place(index)
                };
                let (position, yaw) = item.place.unwrap_or((default_position, default_yaw));
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

    /// Returns the textured materials in use, including the floor.
    pub(crate) fn textured(&self) -> Vec<Material> {
        let used = self.parts().into_iter().map(|part| part.material);
        Material::textured(used.chain([Material::Floor]))
    }

    /// Returns all parts of the scene.
    pub(crate) fn parts(&self) -> Vec<&Part> {
        self.assemblies.iter().flat_map(Assembly::parts).collect()
    }

    /// Returns the furniture, and the robot if there is one.
    pub(crate) fn split_robot(&self) -> (&[Assembly], Option<&Assembly>) {
        match self.assemblies.split_last() {
            Some((robot, furniture)) if self.robot_profile.is_some() => (furniture, Some(robot)),
            _ => (&self.assemblies, None),
        }
    }
}

/// Converts text to a name that is valid in every format: letters, digits and `_`, with a letter first.
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

/// Formats three numbers.
pub(crate) fn triple(numbers: [f64; 3], separator: &str) -> String {
    numbers.map(number).join(separator)
}

/// Formats a number, rounded to seven decimal places.
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
    fn identifiers_are_valid_in_every_format() {
        for (text, name) in [
            ("A Robotics lab!", "a_robotics_lab"),
            ("3 chairs", "scene_3_chairs"),
            ("研究室", "scene_"),
        ] {
            assert_eq!(identifier(text), name);
        }
    }
}
