//! Errors about assets of the early-access API.

use http::StatusCode;

use super::Error;
use crate::alpha::types::Asset;

/// The asset that an error concerns.
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

    /// Returns the id of the asset of the early-access API, if the error concerns one. It may still be
    /// in progress; [`alpha::Client::asset`](crate::alpha::Client::asset) returns a handle on it.
    pub fn asset_id(&self) -> Option<&str> {
        self.0.alpha.asset_id.as_deref()
    }

    /// Returns the asset as last reported, if it failed or exceeded a deadline.
    pub fn asset(&self) -> Option<&Asset> {
        self.0.alpha.asset.as_ref()
    }

    /// Whether the early-access API refused to export a scene or an asset, or to place an asset,
    /// because an asset is not ready: pending, processing or failed (400).
    ///
    /// The alpha pages name no code for it, so the words of the response decide.
    pub fn is_not_ready(&self) -> bool {
        // Assumption: alpha-export-needs-ready.
        let is_of_asset = matches!(
            self.operation(),
            Some("export_scene" | "export_asset" | "place_asset")
        );
        let text = format!("{} {}", self.code().unwrap_or_default(), self.message());
        let text = text.to_lowercase();
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
        is_of_asset
            && self.status() == Some(StatusCode::BAD_REQUEST)
            && words.any(|word| matches!(word, "ready" | "unready" | "pending" | "processing"))
    }

    /// Returns the ids of the assets that the response names, each once: those that are
    /// [not ready](Self::is_not_ready), if the service lists them.
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

/// The prefix of asset ids in all examples of the alpha pages.
// Assumption: alpha-asset-ids.
const PREFIX: &str = "ast_";
