//! The fields of request bodies as setters on the builders, lists as streams, and `start`.

use super::asset::AssetHandle;
use crate::alpha::{Client, builder, types};
use crate::ext::error::Error;
use crate::ext::http::pages::list;
use crate::ext::jobs::start::fields;

fields! {
    CreateAsset {
        /// What the asset should be, in plain words: shape, joints, what it is for; required.
        prompt: String,
        /// Name for people and lists; the service's default is the start of the prompt.
        name: String,
    }
    ExportAsset {
        /// Simulator format; required.
        format: types::AssetFormat,
    }
    CreateScene {
        /// Name for people and lists; required.
        name: String,
        /// What the scene is for.
        description: String,
    }
    PlaceAsset {
        /// The asset, which must be ready; required.
        asset_id: String,
    }
    ExportScene {
        /// Simulator format; required.
        format: types::SceneFormat,
    }
}

list! {
    ListAssets of Asset {};
    ListScenes of Scene {};
}

impl builder::CreateAsset<'_> {
    /// Words to order assets by.
    #[must_use]
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        let tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        self.body_map(|body| body.tags(tags))
    }

    /// Sends the request, which costs credits, and returns a handle on the asset it begins to make.
    ///
    /// It is never sent a second time once it may have arrived.
    ///
    /// # Errors
    ///
    /// Whatever `send` can say. When [`Error::is_outcome_unknown`] the asset may be being made and
    /// be paid for; [`Client::reconcile`](crate::Client::reconcile) looks for it.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a future dropped before its end may leave an asset being made whose id
    /// nobody knows.
    pub async fn start(self) -> Result<AssetHandle, Error> {
        let client = self.client.clone();
        let asset = self.send().await?.into_inner().into_inner();
        Ok(AssetHandle::check_accepted(client, asset))
    }
}
