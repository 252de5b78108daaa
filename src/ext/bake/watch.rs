//! Waiting for a scene whose job the service does not name: its pipeline's status is all there is.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::ext::error::one_line;
use crate::ext::error::{Error, ErrorKind};
use crate::ext::jobs::event::error_message;
use crate::ext::jobs::scene_progress::SceneProgress;
use crate::raw::Client;

/// The first wait between two looks; each is twice as long as the last.
const FIRST: Duration = Duration::from_millis(250);

/// The longest wait between two looks.
const LONGEST: Duration = Duration::from_secs(5);

/// A scene takes 2 to 20 minutes.
const USUAL: Duration = Duration::from_secs(20 * 60);

/// What takes longer than this has come to nothing.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Waits until a scene has been made.
///
/// A service that does not tell, or has no such status, is taken to be done when a scene usually
/// is: the export says if that is wrong.
pub(super) async fn made(client: &Client, scene_id: &str) -> Result<(), Error> {
    let started = Instant::now();
    let mut delay = FIRST;
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
            SceneProgress::Unknown if started.elapsed() > USUAL => return Ok(()),
            SceneProgress::Failed => {
                let why = status
                    .as_ref()
                    .and_then(|status| error_message(status.error.as_ref()?));
                let why = why.map_or_else(String::new, |why| format!(": {}", one_line(why, 300)));
                let message = format!("the making of scene `{scene_id}` failed{why}");
                return Err(Error::new(ErrorKind::JobFailed, message));
            }
            SceneProgress::Running if started.elapsed() > PATIENCE => {
                let message = format!("scene `{scene_id}` was still at work after an hour");
                return Err(Error::new(ErrorKind::Deadline, message));
            }
            SceneProgress::Running | SceneProgress::Unknown => sleep(delay).await,
        }
        delay = (delay * 2).min(LONGEST);
    }
}
