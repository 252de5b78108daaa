//! Waits for a scene whose job the service does not name, by the status of its pipeline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::event::error_message;
use super::scene_progress::SceneProgress;
use crate::ext::error::{Error, ErrorKind, one_line};
use crate::ext::http::runtime;
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

impl Client {
    /// Waits until a scene is complete, by the status of its pipeline. Use it where the service does not name the
    /// job, as in [`Reconciled::FoundWithoutJob`](crate::Reconciled::FoundWithoutJob); a [`JobHandle`](crate::JobHandle) reports
    /// progress, and knows for certain.
    ///
    /// If the service does not report whether the scene is complete, it counts as complete after 20 minutes, the longest
    /// usual time of a scene. The export fails if it is not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::JobFailed`] if the pipeline has failed, [`ErrorKind::Deadline`] if it still runs after an hour,
    /// and those of the operation `scene_status`, except that a status that is not found (404) counts as not reported.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
    pub async fn wait_for_scene(&self, scene_id: &str) -> Result<(), Error> {
        runtime::require()?;
        let started = Instant::now();
        let mut delay = MIN_DELAY;
        loop {
            let status = match self.scene_status().scene_id(scene_id).send().await {
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
                    let why =
                        why.map_or_else(String::new, |why| format!(": {}", one_line(why, 300)));
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
}
