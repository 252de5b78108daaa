//! An asset that is being made, and how it is waited for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex as Turn;
use tokio::time::Instant;

use crate::alpha::Client;
use crate::alpha::types::{Asset, AssetFormat, AssetStatus};
use crate::ext::error::one_line;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::http::backoff::random;
use crate::ext::jobs::handle::PollPolicy;
use crate::ext::jobs::handle::retry_transient;

/// The pages ask for "a polling interval of at least 5 seconds".
const LEAST_INTERVAL: Duration = Duration::from_secs(5);

/// Whoever asks for longer never wants to know.
const MOST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

impl AssetStatus {
    /// Whether the asset will stay as it is: ready or failed.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Ready | Self::Failed)
    }
}

impl Asset {
    /// Whether the service says that the asset can be exported in a format; it does so once the
    /// asset is ready, and not in lists.
    pub fn is_available_as(&self, format: AssetFormat) -> bool {
        let mut formats = self.formats_available.iter().flatten();
        formats.any(|available| *available == format.to_string())
    }
}

/// A handle on one asset, made by `start` or from an id alone by [`Client::asset`].
///
/// Clones share what they have seen, and so wait together with the polls of one. Dropping a handle,
/// or any future made from it, leaves the asset being made.
#[derive(Debug, Clone)]
#[must_use = "an asset is made without it, but only a handle can wait for it"]
pub struct AssetHandle {
    client: Client,
    id: String,
    policy: PollPolicy,
    seen: Arc<Seen>,
}

/// What the handles on an asset know of it.
#[derive(Debug, Default)]
struct Seen {
    last: Mutex<Option<(Asset, Instant)>>,
    /// Held by the one that polls for all.
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

    /// The asset's id: all that another process needs to pick it up.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Changes how the asset is waited for. An interval below 5 s counts as 5 s.
    pub fn with_poll_policy(mut self, policy: PollPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Asks how the asset stands, at once.
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

    /// Polls until the asset is ready, never sooner than 5 s after its last status.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AssetFailed`] with the asset; [`ErrorKind::Deadline`] with its id and, where the
    /// service reported it, its last status ([`Error::asset`]), and the error that keeps it from being
    /// polled, such as a wrong key. A poll that fails for the network's sake is repeated.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the asset being made; waiting again picks it up, and still polls
    /// no sooner.
    pub async fn wait(&self) -> Result<Asset, Error> {
        let limit = match self.policy.bound(self.ended()).await {
            Ok(ended) => return ended,
            Err(limit) => limit.as_secs_f32(),
        };
        let last = self.last().map(|(asset, _)| asset);
        let status = last
            .as_ref()
            .map_or("at work", |asset| asset.status.as_str());
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
                let interval = interval.clamp(LEAST_INTERVAL, MOST_INTERVAL);
                tokio::time::sleep_until(at + interval.mul_f64(1.0 + random() / 4.0)).await;
            }
            retry_transient(LEAST_INTERVAL, || self.status()).await?;
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
