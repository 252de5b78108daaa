//! What one bake makes.

use serde::{Deserialize, Serialize};

use crate::raw::types::{AssetPipeline, Format};

/// A prompt with its settings, for [`Client::bake_all`](crate::Client::bake_all) and in a
/// [`Provenance`](super::Provenance).
///
/// Its JSON has one member for each setting, so that a file of JSON Lines can be a list of prompts. An
/// unknown member is an error.
///
/// # Examples
///
/// ```
/// use gizmo_client::{BakePrompt, Format};
///
/// let line = r#"{"prompt": "a kitchen", "name": "kitchen-01", "format": "usd"}"#;
/// let prompt: BakePrompt = serde_json::from_str(line)?;
/// assert_eq!(prompt, BakePrompt::new("a kitchen").name("kitchen-01").format(Format::Usd));
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BakePrompt {
    /// The prompt.
    pub prompt: String,
    /// The name of the directory. Defaults to one that is made of the prompt and its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The simulator format. Defaults to that of all prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The robot to embed into the exported scene.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robot_profile: Option<String>,
    /// Whether textures are omitted, for MJCF only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slim: bool,
    /// The language model, in place of the service's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How geometry is generated. The service's default is `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_pipeline: Option<AssetPipeline>,
    /// The URLs of up to three reference images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_images: Option<Vec<String>>,
}

impl BakePrompt {
    /// Returns a prompt with the default settings.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            name: None,
            format: None,
            robot_profile: None,
            slim: false,
            model: None,
            asset_pipeline: None,
            reference_images: None,
        }
    }

    /// Sets the name of the directory: one part of a path that is valid on every system.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the simulator format.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Sets the robot to embed into the exported scene.
    #[must_use]
    pub fn robot_profile(mut self, profile: impl Into<String>) -> Self {
        self.robot_profile = Some(profile.into());
        self
    }

    /// Omits textures, for physics without pictures. Only MJCF can be slimmed.
    #[must_use]
    pub fn slim(mut self) -> Self {
        self.slim = true;
        self
    }

    /// Sets the language model.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets how geometry is generated.
    #[must_use]
    pub fn asset_pipeline(mut self, pipeline: AssetPipeline) -> Self {
        self.asset_pipeline = Some(pipeline);
        self
    }

    /// Sets the URLs of up to three reference images.
    #[must_use]
    pub fn reference_images(mut self, urls: Vec<String>) -> Self {
        self.reference_images = Some(urls);
        self
    }
}

impl<P: Into<String>> From<P> for BakePrompt {
    fn from(prompt: P) -> Self {
        Self::new(prompt)
    }
}
