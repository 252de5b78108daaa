//! An entry that this process holds, with the renewal of its lease.

use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::{Mutex, Notify};
use tokio::time::sleep;

use crate::error::Error;
use crate::list::Item;
use crate::protocol::Entry;
use crate::store::{Store, Stored};

/// A lease is renewed so many times before it would expire. Two renewals may be late.
const RENEWALS: u32 = 3;

/// Why the work on an entry has stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Another process has replaced the entry, so nothing may be written for it before it is read again.
    Lost,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// An entry that this process holds.
pub(crate) struct Held<'a> {
    pub(crate) item: &'a Item,
    store: &'a Store,
    lease: Duration,
    report: &'a (dyn Fn(&Item, &Entry) + Send + Sync),
    /// `None` as soon as another process has replaced the entry, or a write was interrupted.
    current: Mutex<Option<Stored>>,
}

impl<'a> Held<'a> {
    pub(crate) fn new(
        item: &'a Item,
        stored: Stored,
        store: &'a Store,
        lease: Duration,
        report: &'a (dyn Fn(&Item, &Entry) + Send + Sync),
    ) -> Self {
        report(item, &stored.entry);
        Self {
            item,
            store,
            lease,
            report,
            current: Mutex::new(Some(stored)),
        }
    }

    /// Returns the entry, as this process has written it last.
    pub(crate) async fn entry(&self) -> Result<Entry, Stop> {
        let current = self.current.lock().await;
        let stored = current.as_ref().ok_or(Stop::Lost)?;
        Ok(stored.entry.clone())
    }

    /// Replaces the entry by the next one.
    ///
    /// If the future is dropped, the entry counts as lost.
    pub(crate) async fn write(
        &self,
        change: impl FnOnce(&Entry) -> Option<Entry>,
    ) -> Result<(), Stop> {
        let mut current = self.current.lock().await;
        let stored = current.take().ok_or(Stop::Lost)?;
        let next = change(&stored.entry).expect("every outcome belongs to the phase of its action");
        let Item { name, task, .. } = self.item;
        match self.store.replace(name, task, &stored, next).await {
            Ok(Some(written)) => {
                (self.report)(self.item, &written.entry);
                *current = Some(written);
                Ok(())
            }
            Ok(None) => Err(Stop::Lost),
            Err(error) => {
                // It may have landed. Then the next write fails.
                *current = Some(stored);
                Err(error.into())
            }
        }
    }

    /// Renews the lease while `work` runs, which ends if that fails.
    pub(crate) async fn during<T>(
        &self,
        work: impl Future<Output = Result<T, Stop>>,
    ) -> Result<T, Stop> {
        self.beside(pin!(work)).await?
    }

    /// Renews the lease while `work` runs, which must not be interrupted.
    pub(crate) async fn throughout<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        match self.beside(work.as_mut()).await {
            Ok(result) => result,
            Err(_) => work.await,
        }
    }

    /// Renews the lease while `work` runs, until that fails.
    async fn beside<F: Future>(&self, work: Pin<&mut F>) -> Result<F::Output, Stop> {
        let done = Notify::new();
        match select(work, pin!(self.renew(&done))).await {
            Either::Left((result, renewals)) => {
                // A renewal that is being written is completed. If it fails, so does the next write.
                done.notify_one();
                let _ = renewals.await;
                Ok(result)
            }
            Either::Right((stop, _)) => Err(stop.expect_err("it ends by itself only if it fails")),
        }
    }

    /// Renews the lease until it is lost, the store fails, or `done`.
    async fn renew(&self, done: &Notify) -> Result<(), Stop> {
        loop {
            let waits = pin!(sleep(self.lease / RENEWALS));
            if let Either::Right(_) = select(waits, pin!(done.notified())).await {
                return Ok(());
            }
            self.write(|entry| Some(entry.renewed())).await?;
        }
    }
}
