//! What a scene is made of, whatever the format: assemblies of bodies, joints, meshes and materials.

use serde_json::{Value, json};

use super::furniture;
use super::mesh::Mesh;
use crate::random::Random;

/// What is to be exported.
#[derive(Debug, Clone)]
pub(crate) struct Brief {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) prompt: String,
    pub(crate) revision: u32,
    pub(crate) robot_profile: Option<String>,
    pub(crate) items: Vec<Item>,
}

impl Brief {
    /// The scene graph, as `record` and `metadata.json` have it.
    pub(crate) fn record(&self) -> Value {
        let assets = self.items.iter().enumerate().map(|(index, item)| {
            let mut record = item.record();
            record["position"] = json!(place(index));
            record
        });
        json!({
            "id": self.id,
            "name": self.name,
            "prompt": self.prompt,
            "revision": self.revision,
            "assets": assets.collect::<Vec<_>>(),
        })
    }
}

/// One asset of a brief.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

impl Item {
    pub(crate) fn record(&self) -> Value {
        json!({
            "asset_id": self.id,
            "name": self.name,
            "kind": self.kind.name(),
            "articulated": self.kind.is_articulated(),
        })
    }
}

macro_rules! kinds {
    ($($kind:ident $name:literal [$($word:literal)*] $articulated:literal,)*) => {
        /// The furniture that can be made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $($kind),* }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// Whether some part of it opens, slides or turns.
            pub(crate) fn is_articulated(self) -> bool {
                match self { $(Self::$kind => $articulated),* }
            }

            /// The words that ask for it.
            fn words(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &[$($word),*]),* }
            }
        }
    };
}

kinds! {
    Workbench "workbench" ["workbench" "bench" "table" "desk"] false,
    Toolbox "toolbox" ["toolbox" "lid" "chest"] true,
    Cabinet "cabinet" ["cabinet" "door" "cupboard" "fridge" "wardrobe"] true,
    Drawers "drawers" ["drawer" "dresser"] true,
    Stool "stool" ["stool" "chair" "seat"] false,
    Crate "crate" ["crate" "box" "cube"] false,
    Vase "vase" ["vase" "bottle" "cup" "mug"] false,
    Lamp "lamp" ["lamp" "light"] true,
    Bin "bin" ["bin" "bucket" "basket"] false,
    Shelf "shelf" ["shelf" "shelves" "bookcase" "rack"] false,
}

/// The most pieces of one kind that a prompt can ask for.
const MOST: usize = 12;

/// The furniture that a prompt names, each as often as it says: `two workbenches and a lamp`.
pub(crate) fn kinds_in(prompt: &str) -> Vec<Kind> {
    let lower = prompt.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut kinds = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let is_it = |name: &str| {
            *word == name
                || word
                    .strip_prefix(name)
                    .is_some_and(|rest| matches!(rest, "s" | "es"))
        };
        let Some(kind) = Kind::ALL
            .iter()
            .find(|kind| kind.words().iter().any(|name| is_it(name)))
        else {
            continue;
        };
        let before = index.checked_sub(1).map_or("", |index| words[index]);
        let count = ["one", "two", "three", "four", "five", "six"]
            .iter()
            .position(|name| *name == before);
        let count = count.map_or_else(|| before.parse().unwrap_or(1), |position| position + 1);
        kinds.extend(std::iter::repeat_n(*kind, count.clamp(1, MOST)));
    }
    kinds.truncate(4 * MOST);
    kinds
}

/// Where the asset with this index stands: a grid with aisles.
pub(crate) fn place(index: usize) -> [f64; 3] {
    let column = u32::try_from(index % 4).unwrap_or(0);
    let row = u32::try_from(index / 4).unwrap_or(0);
    [
        f64::from(column) * 2.2 - 3.3,
        f64::from(row) * 2.2 - 1.1,
        0.0,
    ]
}

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
                let yaw = random.between(-0.2, 0.2);
                let base = furniture::build(item.kind, &item.name, &mut random);
                Assembly {
                    position: if brief.items.len() == 1 {
                        [0.0; 3]
                    } else {
                        place(index)
                    },
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
    fn a_prompt_names_its_furniture() {
        let kinds = kinds_in("A robotics lab with two workbenches, 3 chairs and a drawer");
        let count = |kind| kinds.iter().filter(|other| **other == kind).count();
        assert_eq!(
            (
                count(Kind::Workbench),
                count(Kind::Stool),
                count(Kind::Drawers),
                kinds.len()
            ),
            (2, 3, 1, 6)
        );
        assert_eq!(kinds_in("bare room"), []);
    }

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
