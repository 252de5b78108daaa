//! The settings of a model's [`compiler`].
//!
//! [`compiler`]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#compiler

use super::tree::Element;

/// The settings that matter here. Of several, the last in the document has precedence.
#[derive(Debug)]
pub(in crate::ext::bundle) struct Compiler {
    /// `meshdir`: the directory of meshes, height fields and skins.
    pub(super) meshes: String,
    /// `texturedir`.
    pub(super) textures: String,
    /// `strippath`: whether only the last part of a file name counts.
    pub(super) strip_path: bool,
    /// `inertiafromgeom`: whether the mass of a body is that of its geoms, even if it has an
    /// `inertial`; `None` for `auto`.
    pub(super) inertia_from_geom: Option<bool>,
    /// Whether angles are in radians. By default they are in degrees.
    #[cfg(feature = "preview")]
    radian: bool,
    #[cfg(feature = "preview")]
    pub(in crate::ext::bundle) euler_sequence: String,
    /// Whether all frames are relative to the world, as in old models.
    #[cfg(feature = "preview")]
    pub(in crate::ext::bundle) global: bool,
}

impl Compiler {
    pub(super) fn of(model: &Element) -> Self {
        let sections = || model.named("compiler").rev();
        let last = |attribute| sections().find_map(|section| section.value(attribute));
        // An empty directory counts, too, and `assetdir` is both directories.
        let directory = |attribute| {
            let set = sections()
                .find_map(|section| section.text(attribute).or_else(|| section.text("assetdir")));
            set.unwrap_or_default().to_owned()
        };
        Self {
            meshes: directory("meshdir"),
            textures: directory("texturedir"),
            strip_path: last("strippath") == Some("true"),
            inertia_from_geom: match last("inertiafromgeom") {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            },
            // Assumption: export-units.
            #[cfg(feature = "preview")]
            radian: last("angle") == Some("radian"),
            #[cfg(feature = "preview")]
            euler_sequence: last("eulerseq").unwrap_or("xyz").to_owned(),
            #[cfg(feature = "preview")]
            global: last("coordinate") == Some("global"),
        }
    }

    #[cfg(feature = "preview")]
    pub(in crate::ext::bundle) fn radians(&self, angle: f64) -> f64 {
        if self.radian {
            angle
        } else {
            angle.to_radians()
        }
    }
}
