//! The same for an asset of the early-access API.

use std::collections::HashSet;

use super::{Candidate, Fitting, MOST_PAGES, PAGE, PaidRequest, Reconciled, moment};
use crate::ext::error::Error;
use crate::raw::Client;

impl Client {
    /// Looks through the assets of the key. The pages do not say in which order they are listed, so
    /// that all are looked at; an asset is listed from its beginning on.
    pub(super) async fn look_for_created(&self, asked: &PaidRequest) -> Result<Reconciled, Error> {
        let alpha = self.alpha();
        let (mut fitting, mut seen) = (Fitting::default(), HashSet::new());
        for page in 0..MOST_PAGES {
            let request = alpha.list_assets().limit(PAGE).offset(page * PAGE);
            let answer = request.send().await?;
            let since = asked.since(answer.headers());
            let total = answer.total;
            let known = seen.len();
            for asset in answer.into_inner().items {
                if seen.insert(asset.id.clone()) {
                    let candidate = Candidate {
                        scene_id: None,
                        asset_id: Some(asset.id),
                        job_id: None,
                        created_at: moment(asset.created_at.as_ref()),
                        prompt: asset.prompt,
                    };
                    fitting.consider(asked, since, candidate);
                }
            }
            let seen = seen.len();
            if seen == known || total.is_some_and(|total| seen as u64 >= total) {
                return self.found(fitting, Reconciled::Nothing).await;
            }
        }
        self.found(fitting, Reconciled::Unknown).await
    }
}
