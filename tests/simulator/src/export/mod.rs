//! Exports: a scene's brief becomes a model, the model files of a format, the files an archive.

mod brief;
mod furniture;
mod glb;
mod mesh;
mod mjcf;
mod model;
mod sdf;
mod texture;
mod usd;
mod zip;

use gizmo_client::types::Format;
use serde_json::json;

pub(crate) use brief::{Brief, Item, Kind, kinds_in};
pub(crate) use glb::glb;
pub(crate) use usd::usdz;
pub(crate) use zip::{Archive, Method};

use model::Model;

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

/// The archive of a brief in a format: always the same bytes.
pub(crate) fn archive(brief: &Brief, format: Format, texture_bytes: u64, deflate: bool) -> Vec<u8> {
    let model = Model::of(brief);
    let mut files = match format {
        Format::Mjcf => mjcf::files(&model),
        Format::Usd => usd::files(&model),
        Format::Sdf => sdf::files(&model),
    };
    let metadata = metadata(brief, &model, format);
    files.insert(1, File::new("metadata.json", format!("{metadata:#}\n")));
    files.extend(texture::files(&model, texture_bytes));
    let mut archive = Archive::new(if deflate {
        Method::Deflated
    } else {
        Method::Stored
    });
    for file in &files {
        archive.add(&file.path, &file.bytes);
    }
    archive.finish()
}

fn metadata(brief: &Brief, model: &Model, format: Format) -> serde_json::Value {
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
    metadata["format"] = json!(format);
    metadata["generator"] = json!("gizmo-simulator");
    metadata["up_axis"] = json!("Z");
    metadata["meters_per_unit"] = json!(1.0);
    metadata["robot_profile"] = json!(brief.robot_profile);
    metadata["joints"] = json!(joints);
    metadata
}
