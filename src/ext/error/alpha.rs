//! What an error says of assets.

use http::StatusCode;

use super::Error;
use crate::alpha::types::Asset;

/// The asset that an error is about.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) asset_id: Option<String>,
    asset: Option<Asset>,
}

impl Error {
    pub(crate) fn with_asset_id(mut self, id: &str) -> Self {
        let asset_id = &mut self.0.alpha.asset_id;
        asset_id.get_or_insert_with(|| id.to_owned());
        self
    }

    pub(crate) fn with_asset(mut self, asset: Asset) -> Self {
        self.0.alpha.asset = Some(asset);
        self
    }

    /// The asset of the early-access API in question, where there is one: it may still be being
    /// made and can be picked up by [`alpha::Client::asset`](crate::alpha::Client::asset).
    pub fn asset_id(&self) -> Option<&str> {
        self.0.alpha.asset_id.as_deref()
    }

    /// The asset as last reported, when it failed or outlived a deadline.
    pub fn asset(&self) -> Option<&Asset> {
        self.0.alpha.asset.as_ref()
    }

    /// The early-access API has refused to export a scene or an asset, or to place one, because an
    /// asset is not ready: pending, processing or failed (400).
    ///
    /// The pages name no code for it, so it is told by the words of the answer.
    pub fn is_not_ready(&self) -> bool {
        let is_of_asset = matches!(
            self.operation(),
            Some("export_scene" | "export_asset" | "place_asset")
        );
        let said = format!("{} {}", self.code().unwrap_or_default(), self.message());
        let said = said.to_lowercase();
        let mut words = said.split(|c: char| !c.is_ascii_alphanumeric());
        is_of_asset
            && self.status() == Some(StatusCode::BAD_REQUEST)
            && words.any(|word| matches!(word, "ready" | "unready" | "pending" | "processing"))
    }

    /// The ids of the assets that an answer names, each once: those that are
    /// [not ready](Self::is_not_ready), where the service says which.
    pub fn asset_ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        let text = String::from_utf8_lossy(self.body());
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
        for id in words.filter(|word| word.len() > PREFIX.len() && word.starts_with(PREFIX)) {
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        ids
    }
}

/// What the ids of assets begin with in all the pages' examples.
const PREFIX: &str = "ast_";
