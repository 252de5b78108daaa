//! Waiting for a scene whose job the service does not name: its pipeline's status is all there is.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::ext::error::one_line;
use crate::ext::event::error_message;
use crate::types::SceneStatus;
use crate::{Client, Error, ErrorKind};

/// The first wait between two looks; each is twice as long as the last.
const FIRST: Duration = Duration::from_millis(250);

/// The longest wait between two looks.
const LONGEST: Duration = Duration::from_secs(5);

/// A scene takes 2 to 20 minutes: what takes longer than an hour has come to nothing.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Waits until a scene has been made.
///
/// The words of `pipeline_status` are nowhere listed. A service that says nothing, or has no such
/// status, is taken to be done: the export says if that is wrong.
pub(super) async fn made(client: &Client, scene_id: &str) -> Result<(), Error> {
    let started = Instant::now();
    let mut delay = FIRST;
    loop {
        let status = match client.scene_status().scene_id(scene_id).send().await {
            Ok(answer) => answer.into_inner(),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        match Standing::of(&status) {
            Standing::Made => return Ok(()),
            Standing::Failed => {
                let why = status.error.as_ref().and_then(error_message);
                let why = why.map_or_else(String::new, |why| format!(": {}", one_line(&why, 300)));
                let message = format!("the making of scene `{scene_id}` failed{why}");
                return Err(Error::new(ErrorKind::JobFailed, message));
            }
            Standing::AtWork if started.elapsed() > PATIENCE => {
                let message = format!("scene `{scene_id}` was still at work after an hour");
                return Err(Error::new(ErrorKind::Deadline, message));
            }
            Standing::AtWork => sleep(delay).await,
        }
        delay = (delay * 2).min(LONGEST);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    AtWork,
    Made,
    Failed,
}

impl Standing {
    fn of(status: &SceneStatus) -> Self {
        let word = status.pipeline_status.as_deref().unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "" | "succeeded" | "success" | "completed" | "complete" | "done" | "finished"
            | "ready" => Self::Made,
            "failed" | "failure" | "error" | "errored" | "cancelled" | "canceled" => Self::Failed,
            _ => Self::AtWork,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_means_that_it_is_not_over() {
        for (word, standing) in [
            (Some("running"), Standing::AtWork),
            (Some("texturing"), Standing::AtWork),
            (Some("Completed"), Standing::Made),
            (Some("canceled"), Standing::Failed),
            (None, Standing::Made),
        ] {
            let status = serde_json::json!({ "pipeline_status": word });
            let status = serde_json::from_value(status).unwrap();
            assert_eq!(Standing::of(&status), standing, "{word:?}");
        }
    }
}
