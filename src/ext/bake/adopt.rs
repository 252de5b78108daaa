//! Takes what the caller names for the result of a bake.

use super::journal::{Journal, Phase};
use super::run::{Run, known_or_none};
use crate::ext::error::{Error, ErrorKind};

impl Run {
    /// Takes the job, the scene or the asset with this id for the result.
    pub(super) async fn adopt(&mut self, id: &str) -> Result<(), Error> {
        let is_open = matches!(
            self.journal.phase,
            Phase::Requested | Phase::Running | Phase::Unnamed
        );
        let Journal {
            scene_id,
            asset_id,
            job_id,
            ..
        } = &self.journal;
        let known = [scene_id, asset_id, job_id];
        if !is_open && !known.iter().any(|known| known.as_deref() == Some(id)) {
            let message = format!(
                "`{}` already has the result of another job; choose another directory for `{id}`",
                self.paths.dir.display()
            );
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        if !is_open {
            return Ok(());
        }
        self.journal.settle_all();
        self.journal.job_id = None;
        if let Some(job) = known_or_none(self.client.job_status(id, false).await)? {
            self.journal.job_id = Some(id.to_owned());
            self.journal.scene_id = job.scene_id.or(self.journal.request.in_scene.clone());
            return self.reach(Phase::Running);
        }
        let request = &self.journal.request;
        if request.in_scene.is_some() {
            let asset = self.client.get_asset().asset_id(id).send().await;
            if known_or_none(asset)?.is_some() {
                self.journal.asset_id = Some(id.to_owned());
                return self.reach(Phase::Complete);
            }
        } else if known_or_none(self.client.get_scene().scene_id(id).send().await)?.is_some() {
            self.journal.scene_id = Some(id.to_owned());
            return self.reach(Phase::Unnamed);
        }
        let what = if request.in_scene.is_some() {
            "asset"
        } else {
            "scene"
        };
        let message = format!("no job and no {what} has the id `{id}`");
        Err(Error::new(ErrorKind::InvalidRequest, message))
    }
}
