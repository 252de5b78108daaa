//! `start`, which generates an asset.

use super::asset::AssetHandle;
use crate::alpha::builder;
use crate::alpha::raw::OPERATIONS;
use crate::alpha::types::Asset;
use crate::ext::error::Error;
use crate::ext::http::options::Draft;
use crate::ext::http::response::Envelope;

impl builder::CreateAsset<'_> {
    /// Sends the request, which costs credits, and returns a handle on the asset.
    ///
    /// The request is not sent again if the service may have received it.
    ///
    /// # Errors
    ///
    /// Those of `send`. If [`Error::is_outcome_unknown`] returns true, the asset may exist and may
    /// have been paid for; [`Client::reconcile`](crate::Client::reconcile) looks for it.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped while the request is in flight, an asset may exist
    /// and be paid for. [`Client::unresolved_requests`](crate::Client::unresolved_requests) returns
    /// the request.
    pub async fn start(self) -> Result<AssetHandle, Error> {
        let client = self.client.clone();
        let build = || self.build_request();
        let start = client
            .transport()
            .prepare(
                OPERATIONS,
                "create_asset",
                Draft::new(&build, &self.options),
            )
            .await?;
        // Assumption: alpha-asset-created.
        let asset = start.send(|asset: &Envelope<Asset>| (vec![asset.id.as_str()], None));
        let asset = asset.await?.into_inner();
        Ok(AssetHandle::accepted(client.clone(), asset))
    }
}
