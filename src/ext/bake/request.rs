//! The paid request of a bake.

use super::journal::Request;
use crate::ext::error::Error;
use crate::raw::{Client, builder};

/// The builder of the paid request.
pub(super) enum Builder<'a> {
    Scene(builder::GenerateScene<'a>),
    Asset(builder::GenerateAsset<'a>),
}

impl<'a> Builder<'a> {
    pub(super) fn new(client: &'a Client, request: Request) -> Self {
        if let Some(scene_id) = request.in_scene {
            let asset = client.generate_asset().prompt(request.prompt);
            let mut asset = asset.scene_id(scene_id);
            if let Some(model) = request.model {
                asset = asset.model(model);
            }
            if let Some(pipeline) = request.asset_pipeline {
                asset = asset.asset_pipeline(pipeline);
            }
            return Self::Asset(asset);
        }
        let mut scene = client.generate_scene().prompt(request.prompt);
        if let Some(model) = request.model {
            scene = scene.model(model);
        }
        if let Some(pipeline) = request.asset_pipeline {
            scene = scene.asset_pipeline(pipeline);
        }
        // Assumption: generation-reference-images.
        if let Some(urls) = request.reference_images {
            scene = scene.reference_images(urls);
        }
        Self::Scene(scene)
    }

    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Scene(_) => "generate_scene",
            Self::Asset(_) => "generate_asset",
        }
    }

    pub(super) fn request(&self) -> Result<reqwest::Request, Error> {
        match self {
            Self::Scene(scene) => scene.build_request(),
            Self::Asset(asset) => asset.build_request(),
        }
    }
}
