//! Waits for a scene whose job the service does not name, by the status of its pipeline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::ext::error::one_line;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::jobs::event::error_message;
use crate::ext::jobs::scene_progress::SceneProgress;
use crate::raw::Client;

/// The first delay between two requests. It doubles each time.
const MIN_DELAY: Duration = Duration::from_millis(250);

/// The longest delay between two requests.
const MAX_DELAY: Duration = Duration::from_secs(5);

/// The longest usual time of a scene, which takes 2 to 20 minutes.
// Assumption: scene-duration.
const USUAL_TIME: Duration = Duration::from_secs(20 * 60);

/// The time after which a scene counts as lost.
const MAX_TIME: Duration = Duration::from_secs(60 * 60);

/// Waits until a scene is complete.
///
/// If the service does not report that, the scene counts as complete after the longest usual time;
/// the export fails if it is not.
pub(super) async fn complete(client: &Client, scene_id: &str) -> Result<(), Error> {
    let started = Instant::now();
    let mut delay = MIN_DELAY;
    loop {
        let status = match client.scene_status().scene_id(scene_id).send().await {
            Ok(response) => Some(response.into_inner()),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        match status
            .as_ref()
            .map_or(SceneProgress::Unknown, SceneProgress::of)
        {
            SceneProgress::Ready => return Ok(()),
            SceneProgress::Unknown if started.elapsed() > USUAL_TIME => return Ok(()),
            SceneProgress::Failed => {
                // Assumption: scene-status-fields.
                let why = status
                    .as_ref()
                    .and_then(|status| error_message(status.error.as_ref()?));
                let why = why.map_or_else(String::new, |why| format!(": {}", one_line(why, 300)));
                let message = format!("scene `{scene_id}` failed{why}");
                return Err(Error::new(ErrorKind::JobFailed, message));
            }
            SceneProgress::Running if started.elapsed() > MAX_TIME => {
                let message = format!("scene `{scene_id}` was still running after an hour");
                return Err(Error::new(ErrorKind::Deadline, message));
            }
            SceneProgress::Running | SceneProgress::Unknown => sleep(delay).await,
        }
        delay = (delay * 2).min(MAX_DELAY);
    }
}
