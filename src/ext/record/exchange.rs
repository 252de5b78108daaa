//! One exchange of a recording, as its file contains it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ext::error::{Error, ErrorKind};

/// The version of the format.
pub(crate) const VERSION: u32 = 1;

/// The name of the file that describes a recording.
pub(crate) const ABOUT: &str = "recording.json";

/// The largest file of a recording that is read, 64 MiB.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// The most exchanges of a recording.
pub(super) const MAX_EXCHANGES: usize = 100_000;

/// What a recording says about itself, in the file `recording.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct About {
    /// The version of the format: 1.
    pub version: u32,
    /// The program that recorded, such as `gizmo-client 0.1.0`.
    pub client: String,
    /// When the recording began, in Unix seconds by the clock of the client.
    pub began_at: u64,
}

/// A request, and its response or failure.
///
/// Its file is `NUMBER-OPERATION.json`, such as `0007-get_job.json`. Times are seconds. Private text is replaced, the
/// same text by the same replacement in all files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exchange {
    /// Counts from 1, in the order in which requests were sent.
    pub number: u32,
    /// The operation of the document that was requested, such as `get_job`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What the program said about this request ([`Recording::note`](super::Recording::note)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When the request was sent, in seconds since the recording began.
    pub sent_at: f64,
    /// The request.
    pub request: RecordedRequest,
    /// The response; none if none arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<RecordedResponse>,
    /// Why there was no response: `connect`, `timeout`, `dropped` (by the program) or `transport`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A request of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// The path below the base URL with the query, such as `/v1/jobs/w3?include_result=true`; a URL if another host
    /// was addressed.
    pub target: String,
    /// The headers by their lower-case names. A credential is replaced by its kind: `Bearer`, or empty.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub body: Content,
}

/// A response of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedResponse {
    /// Seconds from the request to the headers.
    pub after: f64,
    /// Seconds from the request to the end of the body.
    pub ended_after: f64,
    /// The status, such as 200.
    pub status: u16,
    /// The headers by their lower-case names, in the order in which they arrived.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub body: Content,
    /// How the body ended.
    pub end: End,
}

/// A body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Nothing.
    #[default]
    Empty,
    /// JSON.
    Json(Value),
    /// Other text.
    Text(String),
    /// The events of a stream.
    Events(Vec<RecordedEvent>),
    /// A ZIP archive, without the content of its files.
    Archive {
        /// Its size in bytes.
        size: u64,
        /// Its files and directories.
        entries: Vec<RecordedEntry>,
    },
    /// Anything else, or what is too large: the number of bytes.
    Bytes(u64),
}

impl Content {
    fn is_empty(&self) -> bool {
        *self == Self::Empty
    }
}

/// A block of an event stream: the lines up to an empty line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// When it was complete, in seconds from the request.
    pub after: f64,
    /// Its lines, with the empty one at the end.
    pub text: String,
}

/// A file or a directory of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedEntry {
    /// Its path. Private parts are replaced.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its compressed size in bytes.
    pub compressed: u64,
    /// The number of the compression method: 0 is stored, 8 is deflate.
    pub method: u16,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// The service ended it.
    Complete,
    /// The program stopped reading.
    Dropped,
    /// The connection broke.
    Broken,
}

/// Seconds, with microseconds: they are exact enough, and their text is short.
pub(super) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

/// Reads a recording: what it says about itself, and its exchanges in the order of their numbers.
///
/// # Errors
///
/// [`ErrorKind::Io`] if a file cannot be read. [`ErrorKind::Decode`] if one is larger than 64 MiB, is not an exchange,
/// or has another version of the format. The message names the file.
pub fn read(directory: impl AsRef<Path>) -> Result<(About, Vec<Exchange>), Error> {
    let directory = directory.as_ref();
    let about: About = read_file(&directory.join(ABOUT))?;
    if about.version != VERSION {
        let message = format!(
            "{}: version {} of the format; this crate reads version {VERSION}",
            directory.join(ABOUT).display(),
            about.version
        );
        return Err(Error::new(ErrorKind::Decode, message));
    }
    let mut exchanges = Vec::new();
    let unreadable = |error| Error::io(format!("cannot list {}", directory.display()), error);
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let stem = name.and_then(|name| name.strip_suffix(".json"));
        let is_exchange =
            stem.is_some_and(|stem| stem.starts_with(|first: char| first.is_ascii_digit()));
        if is_exchange && exchanges.len() < MAX_EXCHANGES {
            exchanges.push(read_file::<Exchange>(&path)?);
        }
    }
    exchanges.sort_by_key(|exchange| exchange.number);
    Ok((about, exchanges))
}

fn read_file<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Error> {
    let unreadable = |error| Error::io(format!("cannot read {}", path.display()), error);
    let invalid = |why: String| {
        let message = format!("{}: {why}", path.display());
        Error::new(ErrorKind::Decode, message)
    };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(invalid(format!("larger than {MAX_FILE} bytes")));
    }
    let text = fs::read(path).map_err(unreadable)?;
    serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))
}
