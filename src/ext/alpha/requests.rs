//! `start`, which makes an asset.

use super::asset::AssetHandle;
use crate::alpha::builder;
use crate::ext::error::Error;

impl builder::CreateAsset<'_> {
    /// Sends the request, which costs credits, and returns a handle on the asset.
    ///
    /// The request is never sent again once it may have arrived.
    ///
    /// # Errors
    ///
    /// Those of `send`. If [`Error::is_outcome_unknown`], the asset may exist, and be paid for;
    /// [`Client::reconcile`](crate::Client::reconcile) looks for it.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping the future before it completes may leave an asset whose id is
    /// unknown.
    pub async fn start(self) -> Result<AssetHandle, Error> {
        let client = self.client.clone();
        let asset = self.send().await?.into_inner().into_inner();
        Ok(AssetHandle::accepted(client, asset))
    }
}
