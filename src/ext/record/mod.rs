//! Recordings of what a client sends and receives, in which private text is replaced.

mod archive;
mod blocks;
mod content;
pub(crate) mod exchange;
mod file;
mod pending;
mod redact;
mod tee;
mod vocabulary;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use reqwest::Url;

use self::exchange::{ABOUT, About, Exchange, MAX_EXCHANGES, VERSION};
use self::pending::Pending;
use self::redact::Redactor;
use crate::ext::error::Error;
use crate::ext::values::secret::ApiKey;

/// A recording that is being made.
///
/// Clones write the same recording. See the [module](crate::record) for what it contains.
///
/// The file of an exchange is written when the body of its response has ended, broke off or was dropped, or when it is
/// certain that there is no response. It is written where the body is read, which blocks for a moment. A recording has
/// at most 100,000 exchanges.
#[derive(Clone)]
pub struct Recording(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    began: Instant,
    redactor: Mutex<Redactor>,
    next: Mutex<Next>,
    failed: Mutex<Option<(String, io::ErrorKind)>>,
}

/// What the next request is given.
struct Next {
    number: u32,
    note: Option<String>,
}

impl Recording {
    /// Begins a recording in a directory, which is created. It must not contain a recording.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the directory cannot be written, or contains a recording.
    pub fn create(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let directory = directory.into();
        let began_at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let about = About {
            version: VERSION,
            client: concat!("gizmo-client ", env!("CARGO_PKG_VERSION")).to_owned(),
            began_at: began_at.map_or(0, |since| since.as_secs()),
        };
        file::create(&directory, &about).map_err(|error| {
            let path = directory.join(ABOUT);
            Error::io(format!("cannot create {}", path.display()), error)
        })?;
        Ok(Self(Arc::new(Inner {
            directory,
            began: Instant::now(),
            redactor: Mutex::new(Redactor::new()),
            next: Mutex::new(Next {
                number: 1,
                note: None,
            }),
            failed: Mutex::new(None),
        })))
    }

    /// Sets the note of the requests that are sent from now on. It is written as it is.
    pub fn note(&self, note: Option<&str>) {
        lock(&self.0.next).note = note.map(str::to_owned);
    }

    /// Adds private text, such as a prompt that will be sent later.
    ///
    /// Words of the service's own are kept as members such as `kind`, unless they are known to be private. A recording
    /// knows those of the requests and responses before; with this it knows them from the start.
    pub fn private(&self, text: &str) {
        self.redactor().add_private(text);
    }

    /// Sends a request with a client of reqwest, and records it, for example one without a key on purpose.
    ///
    /// A path below the base URL of a client that records is recorded as such; build the client first. The client of
    /// reqwest may follow redirects; then only the last response is recorded.
    ///
    /// # Errors
    ///
    /// Those of reqwest.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the recording says that the request was `dropped`.
    pub async fn execute(
        &self,
        client: &reqwest::Client,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, reqwest::Error> {
        self.send(client, request, "").await
    }

    /// Returns the first error of writing a file, if there was one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io), also if the recording is full.
    pub fn check(&self) -> Result<(), Error> {
        match &*lock(&self.0.failed) {
            None => Ok(()),
            Some((message, kind)) => Err(Error::io(message.clone(), (*kind).into())),
        }
    }

    /// Does what [`execute`](Self::execute) does, for an operation that the caller knows.
    pub(crate) async fn send(
        &self,
        client: &reqwest::Client,
        request: reqwest::Request,
        operation: &str,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let pending = Pending::new(self, &request, operation);
        match client.execute(request).await {
            Ok(response) => Ok(pending.respond(response)),
            Err(error) => {
                pending.fail(&error);
                Err(error)
            }
        }
    }

    /// Adds a client: paths below its base URL are its operations', and its key appears nowhere.
    pub(crate) fn attach(&self, base: &Url, key: &ApiKey) {
        let mut redactor = self.redactor();
        redactor.add_base(base);
        redactor.add_secret(key.reveal());
    }

    fn redactor(&self) -> MutexGuard<'_, Redactor> {
        lock(&self.0.redactor)
    }

    fn began(&self) -> Instant {
        self.0.began
    }

    /// Returns the number and the note of the next exchange; `None` if the recording is full.
    fn number(&self) -> Option<(u32, Option<String>)> {
        let mut next = lock(&self.0.next);
        if next.number as usize > MAX_EXCHANGES {
            let message = format!(
                "{} has {MAX_EXCHANGES} exchanges, which is the maximum",
                self.0.directory.display()
            );
            self.fail(message, io::ErrorKind::StorageFull);
            return None;
        }
        let number = next.number;
        next.number += 1;
        Some((number, next.note.clone()))
    }

    /// Writes an exchange. The first error is kept for `check`.
    fn write(&self, exchange: &Exchange) {
        let text = file::text(exchange);
        let text = self.redactor().without_secrets(text);
        let name = file::name(exchange);
        if let Err(error) = file::write(&self.0.directory, &name, &text) {
            let path = self.0.directory.join(name);
            self.fail(format!("cannot write {}", path.display()), error.kind());
        }
    }

    fn fail(&self, message: String, kind: io::ErrorKind) {
        lock(&self.0.failed).get_or_insert((message, kind));
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Recording");
        all.field("directory", &self.0.directory)
            .finish_non_exhaustive()
    }
}

/// A panic elsewhere does not end the recording.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
