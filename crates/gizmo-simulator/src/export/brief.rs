//! The input of an export, taken from the stored scene or asset: items, their kinds and positions.

use serde_json::{Value, json};

/// The contents of an export.
#[derive(Debug, Clone)]
pub(crate) struct Brief {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) prompt: String,
    pub(crate) revision: u32,
    pub(crate) robot_profile: Option<String>,
    pub(crate) items: Vec<Item>,
    /// Number of the last items whose generation has failed.
    pub(crate) failed: usize,
}

impl Brief {
    /// Returns whether it is the brief of an asset, which contains only itself.
    pub(crate) fn is_asset(&self) -> bool {
        self.items.first().is_some_and(|item| item.id == self.id)
    }

    /// Returns the scene graph in the format of `record` and `metadata.json`.
    pub(crate) fn record(&self) -> Value {
        let assets = self.items.iter().enumerate().map(|(index, item)| {
            let mut record = item.record();
            record["position"] = json!(item.place.map_or_else(|| place(index), |(at, _)| at));
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
    /// The position and the yaw in radians, if the asset was placed explicitly.
    pub(crate) place: Option<([f64; 3], f64)>,
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
        /// The kinds of furniture that can be generated.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $($kind),* }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// Returns whether the furniture has a part that opens, slides or turns.
            pub(crate) fn is_articulated(self) -> bool {
                match self { $(Self::$kind => $articulated),* }
            }

            /// Returns the words in a prompt that request the furniture.
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

/// The maximum number of pieces that one word of a prompt can request.
const MAX_COUNT: usize = 12;

/// Returns the furniture that a prompt requests, with repetitions: `two workbenches and a lamp`.
pub(crate) fn kinds_in(prompt: &str) -> Vec<Kind> {
    let lower = prompt.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut kinds = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let matches = |name: &str| {
            *word == name
                || word
                    .strip_prefix(name)
                    .is_some_and(|rest| matches!(rest, "s" | "es"))
        };
        let Some(kind) = Kind::ALL
            .iter()
            .find(|kind| kind.words().iter().any(|name| matches(name)))
        else {
            continue;
        };
        let previous = index.checked_sub(1).map_or("", |index| words[index]);
        let count = ["one", "two", "three", "four", "five", "six"]
            .iter()
            .position(|name| *name == previous);
        let count = count.map_or_else(|| previous.parse().unwrap_or(1), |position| position + 1);
        kinds.extend(std::iter::repeat_n(*kind, count.clamp(1, MAX_COUNT)));
    }
    kinds.truncate(4 * MAX_COUNT);
    kinds
}

/// Returns the default position of the asset with this index, on a grid with aisles.
pub(crate) fn place(index: usize) -> [f64; 3] {
    let column = u32::try_from(index % 4).unwrap_or(0);
    let row = u32::try_from(index / 4).unwrap_or(0);
    [
        f64::from(column) * 2.2 - 3.3,
        f64::from(row) * 2.2 - 1.1,
        0.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_requests_the_furniture_it_names() {
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
}
