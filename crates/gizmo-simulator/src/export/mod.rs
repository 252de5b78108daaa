//! Exports. A brief is converted to a model, the model to the files of a format, and the files to an
//! archive.

mod brief;
mod furniture;
mod glb;
mod inline;
mod mesh;
mod mjcf;
mod model;
mod robot;
mod room;
mod sdf;
mod texture;
mod urdf;
mod usd;
pub(crate) mod zip;

use std::io::{self, Seek, Write};

use gizmo_client::alpha::{AssetFormat, SceneFormat};
use gizmo_client::types::Format;
use serde_json::{Value, json};

pub(crate) use brief::{Brief, Item, Kind, kinds_in};
pub(crate) use glb::glb;
pub(crate) use texture::flat as flat_texture;
pub(crate) use usd::usdz;

use crate::options::Options;
use crate::shape::{ExportShape, Layout};
use model::Model;
use texture::Role;
use zip::{Archive, Method};

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

// The handlers refuse formats that are not listed before they convert one.

impl From<&Format> for Language {
    fn from(format: &Format) -> Self {
        match format {
            Format::Usd => Self::Usd,
            Format::Sdf => Self::Sdf,
            _ => Self::Mjcf,
        }
    }
}

impl From<&AssetFormat> for Language {
    fn from(format: &AssetFormat) -> Self {
        match format {
            AssetFormat::IsaacSimUsd => Self::Usd,
            AssetFormat::IsaacSimUrdf => Self::Urdf,
            _ => Self::Mjcf,
        }
    }
}

impl From<&SceneFormat> for Language {
    fn from(format: &SceneFormat) -> Self {
        match format {
            SceneFormat::IsaacSimUsd => Self::Usd,
            _ => Self::Mjcf,
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

/// An export in one format and shape. Equal exports have equal bytes.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    pub(crate) brief: Brief,
    pub(crate) language: Language,
    pub(crate) shape: ExportShape,
    /// The total size of the textures. With 0 they are small.
    pub(crate) texture_bytes: u64,
    /// Whether the files in the archive are compressed.
    pub(crate) deflate: bool,
}

impl Export {
    /// Assets that have failed are bodies without geometry in the observed shape, and are omitted from others.
    pub(crate) fn new(options: &Options, mut brief: Brief, language: Language) -> Self {
        let mut shape = options.exports;
        if (language, shape.layout) == (Language::Mjcf, Layout::Observed) {
            shape.empty_assets += brief.failed;
        } else {
            brief.items.truncate(brief.items.len() - brief.failed);
        }
        Self {
            brief,
            language,
            shape,
            texture_bytes: options.texture_bytes,
            deflate: options.deflate,
        }
    }

    /// Writes the archive.
    ///
    /// # Errors
    ///
    /// Those of [`Archive::add`].
    pub(crate) fn write<W: Write + Seek>(&self, output: W) -> io::Result<W> {
        let model = Model::of(&self.brief);
        let method = if self.deflate {
            Method::Deflated
        } else {
            Method::Stored
        };
        let mut archive = Archive::new(output, method);
        archive.add_with(&self.model_path(&model), |output| {
            self.write_model_of(&model, output)
        })?;
        let (materials, roles) = (model.textured(), self.roles());
        let textures = texture::files(
            "textures",
            model.seed,
            &materials,
            roles,
            self.texture_bytes,
        );
        for file in self.other_files(&model).into_iter().chain(textures) {
            archive.add(&file.path, &file.bytes)?;
        }
        archive.finish()
    }

    /// Writes only the model.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub(crate) fn write_model(&self, output: &mut dyn Write) -> io::Result<()> {
        self.write_model_of(&Model::of(&self.brief), output)
    }

    fn write_model_of(&self, model: &Model, output: &mut dyn Write) -> io::Result<()> {
        let text = match (self.language, self.shape.layout) {
            (Language::Mjcf, Layout::Observed) => {
                return inline::write(&self.brief.id, model, &self.shape, output);
            }
            (Language::Mjcf, Layout::Files) => mjcf::scene(model),
            (Language::Usd, _) => usd::stage(model),
            (Language::Sdf, _) => sdf::sdf(model),
            (Language::Urdf, _) => urdf::urdf(model),
        };
        output.write_all(text.as_bytes())
    }

    /// Returns the path of the model in the archive.
    fn model_path(&self, model: &Model) -> String {
        let name = &model.name;
        match (self.language, self.shape.layout) {
            (Language::Mjcf, Layout::Observed) if self.brief.is_asset() => format!("{name}.xml"),
            (Language::Mjcf, Layout::Observed) => format!("{}.xml", self.brief.id),
            (Language::Mjcf, Layout::Files) => "scene.xml".to_owned(),
            (Language::Usd, Layout::Observed) => format!("{name}.usda"),
            (Language::Usd, Layout::Files) => "scene.usda".to_owned(),
            (Language::Sdf, _) => "model.sdf".to_owned(),
            (Language::Urdf, _) => "asset.urdf".to_owned(),
        }
    }

    /// Returns the textures of each material.
    fn roles(&self) -> &'static [Role] {
        match (self.language, self.shape.layout) {
            (Language::Mjcf, Layout::Observed) => inline::ROLES,
            _ => &[Role::Colour],
        }
    }

    /// Returns the files other than the model and the textures.
    fn other_files(&self, model: &Model) -> Vec<File> {
        let mut files = Vec::new();
        if self.shape.layout == Layout::Files {
            let metadata = metadata(&self.brief, model, self.language);
            files.push(File::new("metadata.json", format!("{metadata:#}\n")));
        }
        match (self.language, self.shape.layout) {
            (Language::Mjcf, Layout::Observed) if self.shape.robot_files => {
                files.extend(robot::files(model));
            }
            (Language::Mjcf, Layout::Observed) | (Language::Usd, Layout::Files) => {}
            (Language::Usd, Layout::Observed) => {
                let snapshot = snapshot(&self.brief, model);
                files.push(File::new("_unisim_snapshot.json", snapshot.to_string()));
            }
            (Language::Mjcf, Layout::Files) => {
                files.extend(mjcf::mesh_files(model.parts(), "meshes"));
            }
            (Language::Sdf, _) => {
                files.push(File::new("model.config", sdf::config(model)));
                files.extend(mjcf::mesh_files(model.parts(), "meshes"));
            }
            (Language::Urdf, _) => files.extend(urdf::mesh_files(model)),
        }
        files
    }
}

fn metadata(brief: &Brief, model: &Model, language: Language) -> Value {
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

/// Returns the scene graph that a USD export contains.
fn snapshot(brief: &Brief, model: &Model) -> Value {
    let prims = brief
        .items
        .iter()
        .zip(&model.assemblies)
        .map(|(item, assembly)| {
            json!({
                "kind": "def",
                "type": "Xform",
                "name": item.name,
                "attrs": {
                    "xformOp:translate": assembly.position,
                    "xformOp:rotateXYZ": [0.0, 0.0, assembly.yaw.to_degrees()],
                    "unisim:id": item.id,
                    "unisim:title": item.kind.name(),
                    "unisim:rigidBody": !item.kind.is_articulated(),
                },
            })
        });
    json!({
        "version": "3.0",
        "upAxis": "Z",
        "worldKey": brief.id,
        "tags": [],
        "assets": prims.collect::<Vec<_>>(),
    })
}
