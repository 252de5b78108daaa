//! A server that serves a recording.

mod contents;
mod elsewhere;
mod matching;
mod player;
mod stream;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use gizmo_client::ErrorKind;
use gizmo_client::record::{Exchange, read};
use tokio::task::JoinHandle;

use self::player::Player;
use crate::connections::{accept, listen};
use crate::options::Options;

/// How a recording is served.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReplayOptions {
    /// The address to listen on. Port 0, the default, selects a free port.
    pub address: SocketAddr,
    /// How many times faster than recorded the events of a stream are sent (default 1). With infinity they are
    /// sent at once.
    pub speed: f64,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            speed: 1.0,
        }
    }
}

impl ReplayOptions {
    /// Returns options with which events are sent at once.
    pub fn instant() -> Self {
        Self {
            speed: f64::INFINITY,
            ..Self::default()
        }
    }
}

/// Serves a recording on a local port until it is dropped.
///
/// A request is responded to by the recorded exchange with the same method, path and query. If several have
/// them, the body decides, then the order: each is served once, and the last complete one is repeated, unless
/// it is paid. A prompt differs from what the recording contains in its place, so a request whose body is
/// not recorded takes the next exchange. Any other request is refused with 404 and the code `not_recorded`.
///
/// The files of an archive have their recorded names, and contents that clients can read.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gizmo_client::Client;
/// use gizmo_simulator::{Replay, ReplayOptions};
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// # std::fs::write(directory.join("recording.json"), r#"{"version": 1, "client": "", "began_at": 0}"#)?;
/// # std::fs::write(directory.join("0001-get_job.json"), r#"{
/// #   "number": 1, "sent_at": 0.0,
/// #   "request": {"method": "GET", "target": "/v1/jobs/w3", "headers": []},
/// #   "response": {
/// #     "after": 0.1, "ended_after": 0.1, "status": 200, "headers": [], "end": "complete",
/// #     "body": {"json": {"ok": true, "job": {"id": "w3", "status": "running"}}}
/// #   }
/// # }"#)?;
/// let replay = Replay::start_with(directory, ReplayOptions::instant()).await?;
/// let client = Client::builder()
///     .base_url(replay.url())
///     .api_key(replay.api_key())
///     .build()?;
///
/// let job = client.get_job().job_id("w3").send().await?;
/// assert_eq!(job.id.as_deref(), Some("w3"));
///
/// assert!(client.get_job().job_id("w4").send().await.is_err());
/// assert_eq!(replay.unmatched(), ["GET /v1/jobs/w4"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Replay {
    player: Arc<Player>,
    address: SocketAddr,
    url: String,
    api_key: String,
    task: JoinHandle<()>,
}

impl Replay {
    /// Serves the recording in a directory at its recorded speed.
    ///
    /// # Errors
    ///
    /// Those of [`start_with`](Self::start_with).
    pub async fn start(directory: impl AsRef<Path>) -> io::Result<Self> {
        Self::start_with(directory, ReplayOptions::default()).await
    }

    /// Serves the recording in a directory.
    ///
    /// # Errors
    ///
    /// Returns an error of one line if the directory contains no recording, if a file of it cannot be read or
    /// has another format, if the speed is not a positive number, or if the port cannot be bound.
    pub async fn start_with(
        directory: impl AsRef<Path>,
        options: ReplayOptions,
    ) -> io::Result<Self> {
        let ReplayOptions { address, speed } = options;
        if speed.is_nan() || speed <= 0.0 {
            let message = format!("the speed {speed} of a replay is not a positive number");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let directory = directory.as_ref().to_owned();
        let exchanges = tokio::task::spawn_blocking(move || load(&directory)).await??;
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let player = Arc::new(Player::new(exchanges, &url, speed));
        let task = tokio::spawn(accept(listener, address, Arc::clone(&player)));
        Ok(Self {
            player,
            address,
            url,
            api_key: Options::default().api_key,
            task,
        })
    }

    /// Returns the base URL, without `/v1` and without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a key that the client accepts. A replay accepts any key.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Returns the requests that are not recorded, such as `GET /v1/jobs/w4`, oldest first: at most the first
    /// 1,000.
    pub fn unmatched(&self) -> Vec<String> {
        self.player.unmatched()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        // The task owns the connections, which end with it.
        self.task.abort();
    }
}

/// Reads a recording whose responses can be served.
fn load(directory: &Path) -> io::Result<Vec<Exchange>> {
    let (_, exchanges) = read(directory).map_err(|error| {
        let kind = match error.kind() {
            ErrorKind::Decode => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::NotFound,
        };
        io::Error::new(kind, format!("no recording to replay: {error:#}"))
    })?;
    for exchange in &exchanges {
        let status = exchange.response.as_ref().map(|response| response.status);
        if let Some(status) = status.filter(|status| !(200..=999).contains(status)) {
            let message = format!(
                "no recording to replay: {}: exchange {} has the status {status}, which is not final",
                directory.display(),
                exchange.number
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
    }
    Ok(exchanges)
}
