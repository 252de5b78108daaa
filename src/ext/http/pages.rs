//! Lists as streams. `build.rs` generates `.pages()` and `.items()` on every list builder.

use std::collections::HashSet;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::response::{Page, Resource};
use crate::ext::error::Error;

macro_rules! stream_of {
    ($(#[$meta:meta])* $name:ident of $item:ty) => {
        $(#[$meta])*
        #[must_use = "a stream does nothing until it is polled"]
        pub struct $name<T>(BoxStream<'static, Result<$item, Error>>);

        impl<T> Stream for $name<T> {
            type Item = Result<$item, Error>;

            fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                self.0.poll_next_unpin(context)
            }
        }

        impl<T> std::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

stream_of! {
    /// The pages of a list, one request each. The stream ends at the first error.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping a `next()` future loses no page.
    Pages of Page<T>
}

stream_of! {
    /// The items of a list, page by page. Each is returned once, even if new items shift the pages in
    /// the meantime. The stream ends at the first error.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping a `next()` future loses no item.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
    /// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
    /// # let client = builder.base_url(simulator.url()).build()?;
    /// use futures::{StreamExt, TryStreamExt};
    ///
    /// let mut items = client.search_catalog().q("chair").items().take(50);
    /// while let Some(item) = items.try_next().await? {
    ///     println!("{}", item.name.as_deref().unwrap_or(&item.slug));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    Items of T
}

/// Requests the page at an offset.
pub(crate) type Fetch<T> = Box<dyn Fn(u64) -> BoxFuture<'static, Result<Page<T>, Error>> + Send>;

struct Walk<T> {
    fetch: Fetch<T>,
    /// The offset of the next page; `None` after the last.
    offset: Option<u64>,
    seen: HashSet<String>,
}

impl<T: Resource> Walk<T> {
    /// Fetches the next page and drops items that an earlier page had.
    ///
    /// The last page reaches `total`, or has nothing new: it is empty, or the service ignores offsets
    /// and sends the same page again.
    async fn next(mut self) -> Result<Option<(Page<T>, Self)>, Error> {
        let Some(offset) = self.offset else {
            return Ok(None);
        };
        let mut page = (self.fetch)(offset).await?;
        // Assumption: list-offset.
        let next = offset + page.items.len() as u64;
        page.items
            .retain(|item| self.seen.insert(item.key().to_owned()));
        if page.items.is_empty() && offset > 0 {
            return Ok(None);
        }
        // Assumption: list-total.
        let at_end = page.items.is_empty() || page.total.is_some_and(|total| next >= total);
        self.offset = (!at_end).then_some(next);
        Ok(Some((page, self)))
    }
}

pub(crate) fn pages<T: Resource>(offset: u64, fetch: Fetch<T>) -> Pages<T> {
    let walk = Walk {
        fetch,
        offset: Some(offset),
        seen: HashSet::new(),
    };
    Pages(stream::try_unfold(walk, Walk::next).boxed())
}

pub(crate) fn items<T: Resource>(pages: Pages<T>) -> Items<T> {
    Items(
        pages
            .map_ok(|page| stream::iter(page.items).map(Ok))
            .try_flatten()
            .boxed(),
    )
}
