//! Reports that a call waits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A call that waits before it is sent; see [`ClientBuilder::on_wait`](crate::ClientBuilder::on_wait).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The operation's name, such as `generate_scene`.
    pub operation: String,
    /// The expected length of the wait.
    pub delay: Duration,
    /// Why it waits.
    pub reason: WaitReason,
}

/// Why a call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// The window of the rate limit is used up.
    RateLimit,
    /// An attempt failed and is retried.
    Retry,
}

/// The listener to waits.
#[derive(Clone, Default)]
pub(crate) struct OnWait(pub(crate) Option<Arc<dyn Fn(Waiting) + Send + Sync>>);

impl OnWait {
    pub(crate) fn report(&self, operation: &str, delay: Duration, reason: WaitReason) {
        if let Some(listener) = &self.0 {
            listener(Waiting {
                operation: operation.to_owned(),
                delay,
                reason,
            });
        }
    }
}

impl fmt::Debug for OnWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listener = self.0.as_ref().map(|_| "…");
        f.debug_tuple("OnWait").field(&listener).finish()
    }
}
