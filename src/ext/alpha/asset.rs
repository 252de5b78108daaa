//! A handle on an asset, and how to wait for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex as Turn;
use tokio::time::Instant;

use crate::alpha::Client;
use crate::alpha::types::{Asset, AssetFormat, AssetStatus};
use crate::ext::error::{Error, ErrorKind, one_line};
use crate::ext::http::backoff::random;
use crate::ext::http::runtime;
use crate::ext::jobs::handle::PollPolicy;
use crate::ext::jobs::handle::retry_transient;

/// The alpha pages require a polling interval of at least 5 seconds.
// Assumption: alpha-poll-interval.
const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// The longest interval, so that adding it to an instant cannot overflow.
const MAX_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

impl AssetStatus {
    /// Whether the status is terminal: ready or failed.
    pub fn is_terminal(&self) -> bool {
        // Assumption: alpha-asset-status-words.
        matches!(self, Self::Ready | Self::Failed)
    }
}

impl Asset {
    /// Whether the service lists a format as available for export. It does so when the asset is
    /// ready, and not in lists of assets.
    pub fn is_available_as(&self, format: &AssetFormat) -> bool {
        // Assumption: alpha-formats-available.
        let mut formats = self.formats_available.iter().flatten();
        formats.any(|available| available == format.as_str())
    }
}

/// A handle on an asset, returned by `start`, or by [`Client::asset`] for an id.
///
/// Clones share the last status, so they wait with the polls of one of them. Dropping a handle, or
/// any future made from it, does not stop the generation of the asset.
#[derive(Debug, Clone)]
#[must_use = "the asset is generated without its handle, but only the handle can wait for it"]
pub struct AssetHandle {
    client: Client,
    id: String,
    policy: PollPolicy,
    seen: Arc<Seen>,
}

/// The state that the handles on an asset share.
#[derive(Debug, Default)]
struct Seen {
    last: Mutex<Option<(Asset, Instant)>>,
    /// Held by the handle that polls for all.
    turn: Turn<()>,
}

impl AssetHandle {
    pub(crate) fn new(client: Client, id: String) -> Self {
        Self {
            client,
            id,
            policy: PollPolicy::default(),
            seen: Arc::default(),
        }
    }

    /// A handle on an asset that the service has just returned.
    pub(super) fn accepted(client: Client, asset: Asset) -> Self {
        let handle = Self::new(client, asset.id.clone());
        handle.saw(asset);
        handle
    }

    /// Returns the asset's id, with which another process can wait for it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Changes how to wait for the asset. An interval below 5 s counts as 5 s.
    pub fn with_poll_policy(mut self, policy: PollPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Requests the status of the asset.
    ///
    /// # Errors
    ///
    /// Those of `get_asset`, with the asset's id.
    pub async fn status(&self) -> Result<Asset, Error> {
        let response = self.client.get_asset().asset_id(&self.id).send().await;
        let response = response.map_err(|error| error.with_asset_id(&self.id))?;
        let asset = response.into_inner().into_inner();
        self.saw(asset.clone());
        Ok(asset)
    }

    /// Polls until the asset is ready, at least 5 s after its last status.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AssetFailed`] with the asset; [`ErrorKind::Deadline`] with its id and, if the
    /// service reported it, its last status ([`Error::asset`]); and an error that is not transient,
    /// such as a wrong key. A poll is retried after a failure of the network.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the generation continues, and waiting again keeps the interval.
    pub async fn wait(&self) -> Result<Asset, Error> {
        runtime::require().map_err(|error| error.with_asset_id(&self.id))?;
        let limit = match self.policy.bound(self.ended()).await {
            Ok(ended) => return ended,
            Err(limit) => limit.as_secs_f32(),
        };
        let last = self.last().map(|(asset, _)| asset);
        let status = last
            .as_ref()
            .map_or("running", |asset| asset.status.as_str());
        let status = one_line(status, 50);
        let message = format!("the asset was still {status} after {limit} s");
        let error = Error::new(ErrorKind::Deadline, message).with_asset_id(&self.id);
        Err(match last {
            Some(asset) => error.with_asset(asset),
            None => error,
        })
    }

    async fn ended(&self) -> Result<Asset, Error> {
        let _turn = self.seen.turn.lock().await;
        loop {
            if let Some((asset, at)) = self.last() {
                match asset.status {
                    AssetStatus::Ready => return Ok(asset),
                    AssetStatus::Failed => {
                        let error = Error::new(ErrorKind::AssetFailed, "the asset failed");
                        return Err(error.with_asset_id(&self.id).with_asset(asset));
                    }
                    _ => {}
                }
                let interval = self.policy.interval;
                let interval = interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
                tokio::time::sleep_until(at + interval.mul_f64(1.0 + random() / 4.0)).await;
            }
            retry_transient(MIN_INTERVAL, || self.status()).await?;
        }
    }

    fn last(&self) -> Option<(Asset, Instant)> {
        let last = self.seen.last.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn saw(&self, asset: Asset) {
        let mut last = self
            .seen
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Some((asset, Instant::now()));
    }
}

impl IntoFuture for AssetHandle {
    type Output = Result<Asset, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Waits as [`AssetHandle::wait`] does.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.wait().await })
    }
}
