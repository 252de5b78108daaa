//! The history of a simulator: a file from which the next simulator restores the stored data.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::call::Call;
use crate::connections::named;
use crate::fault::{JobFaults, JobRules};
use crate::feed;
use crate::response::{HandlerResult, Refusal};
use crate::routes::dispatch;
use crate::state::Shared;

/// The operations that change the stored data. Their parameters are in the path and in the body.
const CHANGES: [&str; 7] = [
    "generate_scene",
    "update_scene",
    "delete_scene",
    "edit_scene",
    "generate_asset",
    "delete_asset",
    CANCEL,
];

const CANCEL: &str = "cancel_job";

/// An open history. Each request is handled and recorded under the lock, so that the order of the file
/// is the order in which ids were generated.
#[derive(Debug)]
pub(crate) struct History(Mutex<File>);

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The address of the API. It is the first line.
    Address(SocketAddr),
    /// A request that was accepted.
    Request {
        operation: String,
        id: String,
        body: String,
        /// The faults of the job that it has started.
        #[serde(default, skip_serializing_if = "JobFaults::is_none")]
        faults: JobFaults,
    },
}

/// What an earlier simulator has recorded.
#[derive(Debug, Default)]
pub(crate) struct Recorded(Vec<Line>);

impl Recorded {
    /// Reads a file, unless it does not exist.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let file = path.display();
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.map_err(named(format_args!("cannot read the history {file}")))?,
        };
        // A process that was killed may have written half a line. Its request was not responded to.
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = complete.lines().zip(1..).map(|(line, number)| {
            let what = format_args!("cannot read line {number} of the history {file}");
            serde_json::from_str(line).map_err(|error| named(what)(error.into()))
        });
        Ok(Self(lines.collect::<Result<_, _>>()?))
    }

    /// Returns the address on which the earlier simulator listened.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.0.iter().find_map(|line| match line {
            Line::Address(address) => Some(*address),
            Line::Request { .. } => None,
        })
    }

    /// Handles the recorded requests again, which generates the same ids. Jobs that were running have
    /// ended in the meantime, as those of the service do.
    pub(crate) async fn restore(&self, shared: &Arc<Shared>) {
        let requests = self.0.iter().filter_map(|line| match line {
            Line::Request {
                operation,
                id,
                body,
                faults,
            } => Some((operation.as_str(), id, body, faults)),
            Line::Address(_) => None,
        });
        let cancelled = requests
            .clone()
            .filter(|(operation, ..)| *operation == CANCEL);
        let cancelled: Vec<_> = cancelled.map(|(_, id, ..)| id.as_str()).collect();
        for (operation, id, body, faults) in requests {
            let json = HeaderValue::from_static("application/json");
            let call = Call {
                shared: Arc::clone(shared),
                id: id.clone(),
                query: Vec::new(),
                headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
                body: Bytes::from(body.clone()),
                job_rules: JobRules::recorded(*faults),
            };
            // A request that was accepted is accepted again.
            let _ = dispatch(operation, call, feed::Faults::default()).await;
            finish(shared, &cancelled).await;
        }
    }
}

/// Runs all jobs to their end, except those that are cancelled later.
async fn finish(shared: &Shared, except: &[&str]) {
    let mut logs = Vec::new();
    for job in shared.tables().jobs.newest() {
        if !job.status.is_terminal() && !except.contains(&job.id.as_str()) {
            job.finish();
            logs.push(Arc::clone(&job.log));
        }
    }
    for log in logs {
        log.ended().await;
    }
}

impl History {
    /// Writes the file anew, with the lines that were recorded.
    pub(crate) fn create(
        path: &Path,
        address: SocketAddr,
        recorded: &Recorded,
    ) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            let shown = directory.display();
            fs::create_dir_all(directory)
                .map_err(named(format_args!("cannot create the directory {shown}")))?;
        }
        let mut text = Vec::new();
        Line::Address(address).write(&mut text)?;
        for line in &recorded.0 {
            if matches!(line, Line::Request { .. }) {
                line.write(&mut text)?;
            }
        }
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let file = fs::write(&new, text)
            .and_then(|()| fs::rename(&new, path))
            .and_then(|()| OpenOptions::new().append(true).open(path));
        let shown = path.display();
        let file = file.map_err(named(format_args!("cannot write the history {shown}")))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Handles a request, and records it if it was accepted.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: Call,
        faults: feed::Faults,
    ) -> HandlerResult {
        if !CHANGES.contains(&operation) {
            return dispatch(operation, call, faults).await;
        }
        let (id, job_rules) = (call.id.clone(), call.job_rules.clone());
        let body = String::from_utf8_lossy(&call.body).into_owned();
        let mut file = self.0.lock().await;
        let response = dispatch(operation, call, faults).await?;
        let line = Line::Request {
            operation: operation.to_owned(),
            id,
            body,
            faults: job_rules.applied(),
        };
        // Without a record, the next simulator does not know the result.
        line.write(&mut *file).map_err(|error| {
            let message = format!("the history could not be written: {error}");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
        })?;
        Ok(response)
    }
}

impl Line {
    /// Writes the line at once, so that other processes never see half of it.
    fn write(&self, file: &mut impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        file.write_all(&line)
    }
}
