//! Exports. A brief is converted to a model, the model to the files of a format, and the files to an
//! archive.

mod brief;
mod furniture;
mod glb;
mod mesh;
mod mjcf;
mod model;
mod sdf;
mod texture;
mod urdf;
mod usd;
mod zip;

use std::io::{self, Seek, Write};

use gizmo_client::alpha::{AssetFormat, SceneFormat};
use gizmo_client::types::Format;
use serde_json::json;

pub(crate) use brief::{Brief, Item, Kind, kinds_in};
pub(crate) use glb::glb;
pub(crate) use usd::usdz;
pub(crate) use zip::{Archive, Method};

use model::Model;

/// The format of an export. The APIs have different names for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Mjcf,
    Usd,
    Sdf,
    Urdf,
}

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mjcf => "mjcf",
            Self::Usd => "usd",
            Self::Sdf => "sdf",
            Self::Urdf => "urdf",
        }
    }
}

impl From<Format> for Language {
    fn from(format: Format) -> Self {
        match format {
            Format::Mjcf => Self::Mjcf,
            Format::Usd => Self::Usd,
            Format::Sdf => Self::Sdf,
        }
    }
}

impl From<AssetFormat> for Language {
    fn from(format: AssetFormat) -> Self {
        match format {
            AssetFormat::IsaacSimUsd => Self::Usd,
            AssetFormat::IsaacSimUrdf => Self::Urdf,
            AssetFormat::MujocoMjcf => Self::Mjcf,
        }
    }
}

impl From<SceneFormat> for Language {
    fn from(format: SceneFormat) -> Self {
        match format {
            SceneFormat::IsaacSimUsd => Self::Usd,
            SceneFormat::MujocoMjcf => Self::Mjcf,
        }
    }
}

/// A file of an export.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    pub(crate) fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            bytes: bytes.into(),
        }
    }
}

/// Writes the archive of a brief. Equal arguments result in equal bytes.
pub(crate) fn write<W: Write + Seek>(
    brief: &Brief,
    language: Language,
    texture_bytes: u64,
    mut archive: Archive<W>,
) -> io::Result<W> {
    let model = Model::of(brief);
    let mut files = match language {
        Language::Mjcf => mjcf::files(&model),
        Language::Usd => usd::files(&model),
        Language::Sdf => sdf::files(&model),
        Language::Urdf => urdf::files(&model),
    };
    let metadata = metadata(brief, &model, language);
    files.insert(1, File::new("metadata.json", format!("{metadata:#}\n")));
    files.extend(texture::files(&model, texture_bytes));
    for file in &files {
        archive.add(&file.path, &file.bytes)?;
    }
    archive.finish()
}

fn metadata(brief: &Brief, model: &Model, language: Language) -> serde_json::Value {
    let mut joints = Vec::new();
    for assembly in &model.assemblies {
        assembly.base.visit(&mut |body, _| {
            if let Some(joint) = &body.joint {
                joints.push(
                    json!({ "name": joint.name, "body": body.name, "type": joint.kind.name(), "range": joint.range }),
                );
            }
        });
    }
    let mut metadata = brief.record();
    metadata["format"] = json!(language.name());
    metadata["generator"] = json!("gizmo-simulator");
    metadata["up_axis"] = json!("Z");
    metadata["meters_per_unit"] = json!(1.0);
    metadata["robot_profile"] = json!(brief.robot_profile);
    metadata["joints"] = json!(joints);
    metadata
}
