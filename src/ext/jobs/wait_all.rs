//! Waits for many jobs at once.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::outcome::FinishedJob;
use crate::ext::error::Error;

/// Waits for many jobs at once, and yields each when it ends. It accepts all handles that can be
/// awaited, also those of assets of the early-access API.
///
/// A job that fails is an error in the stream, with its id in [`Error::job_id`], and does not end
/// the others. The number of requests in flight is bounded.
///
/// # Cancel safety
///
/// Cancel safe: all jobs keep running.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
/// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
/// # let client = builder.base_url(simulator.url()).build()?;
/// use futures::StreamExt;
///
/// let mut jobs = Vec::new();
/// for prompt in ["a kitchen", "a garage"] {
///     jobs.push(client.generate_scene().prompt(prompt).start().await?);
/// }
/// let mut finished = gizmo_client::wait_all(jobs);
/// while let Some(job) = finished.next().await {
///     match job {
///         Ok(job) => println!("{} made scene {}", job.id, job.scene_id),
///         Err(error) => println!("{error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub fn wait_all<H, T>(handles: impl IntoIterator<Item = H>) -> WaitAll<T>
where
    H: IntoFuture<IntoFuture = Wait<T>, Output = Result<T, Error>>,
{
    WaitAll(handles.into_iter().map(IntoFuture::into_future).collect())
}

/// The future of a handle.
type Wait<T> = BoxFuture<'static, Result<T, Error>>;

/// The stream of [`wait_all`], in order of completion.
#[must_use = "a stream does nothing until it is polled"]
pub struct WaitAll<T = FinishedJob>(FuturesUnordered<Wait<T>>);

impl<T> Stream for WaitAll<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<T> fmt::Debug for WaitAll<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitAll")
            .field("jobs", &self.0.len())
            .finish()
    }
}
