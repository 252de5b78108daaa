//! Where the results of paid requests are listed, and what is listed before a request is sent.

use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use progenitor_client::ResponseValue;
use tokio::time::Instant;
use tracing::debug;

use super::candidate::Candidate;
#[cfg(feature = "alpha")]
use crate::alpha;
use crate::ext::error::{Baseline, Error, PaidRequest};
use crate::ext::http::headers::server_now;
use crate::ext::http::operation::{Operation, Starts};
use crate::ext::http::options::Draft;
use crate::ext::http::pages::pages;
use crate::ext::http::response::{Envelope, Page, Resource};
use crate::raw::types::{Asset, Scene};
use crate::raw::{Client, OPERATIONS};

/// The largest page of a list.
// Assumption: list-limit.
pub(super) const PAGE: u64 = 100;

/// How long requests share a baseline.
const SHARED_FOR: Duration = Duration::from_secs(60);

/// Where the result of a paid request appears.
// Assumption: jobs-unlisted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Scenes,
    /// The assets of a scene.
    Assets(String),
    /// A scene, which names its last job.
    Scene(String),
    #[cfg(feature = "alpha")]
    AlphaAssets,
}

impl Place {
    /// Returns the place of a request's result. `None` if it is listed nowhere.
    pub(super) fn of(request: &PaidRequest) -> Option<Self> {
        #[cfg(feature = "alpha")]
        if request.operation == "create_asset" {
            return Some(Self::AlphaAssets);
        }
        let operation = Operation::by_id(&request.operation)?;
        match (operation.starts?, request.scene_id.clone()) {
            (Starts::Scene, _) => Some(Self::Scenes),
            // Assumption: asset-needs-scene.
            (Starts::Asset, scene_id) => Some(Self::Assets(scene_id?)),
            (Starts::Edit, scene_id) => Some(Self::Scene(scene_id?)),
        }
    }
}

/// A page of a list, in the order of the service.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) candidates: Vec<Candidate>,
    /// The time of the first page's response, by the service's clock.
    pub(super) server_time: Option<SystemTime>,
    total: Option<u64>,
    limit: Option<u64>,
}

impl<T> From<Page<T>> for Listed
where
    Candidate: From<T>,
{
    fn from(page: Page<T>) -> Self {
        Self {
            candidates: page.items.into_iter().map(Candidate::from).collect(),
            server_time: None,
            total: page.total,
            limit: page.limit,
        }
    }
}

impl Listed {
    #[cfg(test)]
    pub(super) fn of(candidates: Vec<Candidate>, total: Option<u64>) -> Self {
        Self {
            candidates,
            total,
            ..Self::default()
        }
    }

    pub(super) fn baseline(&self) -> Baseline {
        let count = self.candidates.len() as u64;
        // A short page is the only one, unless the service may have shortened it.
        // Assumptions: list-total, list-limit.
        let is_complete = count == 0
            || self.total.is_some_and(|total| total <= count)
            || self.limit.is_some_and(|limit| count < limit);
        let listed = self.candidates.iter();
        let listed = listed.map(|one| (one.id().to_owned(), one.created_at));
        Baseline::new(listed.collect(), is_complete)
    }
}

impl Client {
    /// Returns what the service lists before a request is sent, or did within the last minute. `None`
    /// if it cannot be listed.
    pub(super) async fn baseline(&self, request: &PaidRequest) -> Option<Baseline> {
        let place = Place::of(request)?;
        if let Place::Scene(id) = &place {
            let scene = self.scene(id).await.ok()?;
            let job = scene.job_id.map(|id| (id, None));
            return Some(Baseline::new(Vec::from_iter(job), true));
        }
        let cell = {
            let baselines = self.inner.0.baselines.lock();
            let mut baselines = baselines.unwrap_or_else(PoisonError::into_inner);
            baselines.retain(|_, (since, _)| since.elapsed() < SHARED_FOR);
            let shared = baselines.entry(format!("{place:?}"));
            Arc::clone(&shared.or_insert_with(|| (Instant::now(), Arc::default())).1)
        };
        let listed = cell.get_or_init(|| async {
            match self.list(&place).try_next().await {
                Ok(page) => {
                    let page = page.unwrap_or_default();
                    Some((page.baseline(), page.server_time, Instant::now()))
                }
                Err(error) => {
                    debug!(target: "gizmo_client::jobs", %error, "no baseline");
                    None
                }
            }
        });
        let (baseline, server_time, listed_at) = listed.await.clone()?;
        // Assumption: date-header.
        let sent_at = server_time.and_then(|time| time.checked_add(listed_at.elapsed()));
        Some(baseline.sent_at(sent_at))
    }

    /// Returns the pages of a list. A request for one does not wait behind reads.
    pub(super) fn list(&self, place: &Place) -> BoxStream<'static, Result<Listed, Error>> {
        let client = self.clone();
        match place {
            Place::Scenes => listed(move |offset| {
                let client = client.clone();
                Box::pin(async move {
                    let list = client.list_scenes().limit(PAGE).offset(offset);
                    let build = || list.build_request();
                    let page = client.json_for_paid::<Page<Scene>>(
                        OPERATIONS,
                        "list_scenes",
                        Draft::of(&build),
                    );
                    page.await
                })
            }),
            Place::Assets(scene_id) => {
                let scene_id = scene_id.clone();
                listed(move |offset| {
                    let (client, scene_id) = (client.clone(), scene_id.clone());
                    Box::pin(async move {
                        // Assumption: list-assets-by-scene.
                        let list = client.list_assets().scene_id(scene_id);
                        let list = list.limit(PAGE).offset(offset);
                        let build = || list.build_request();
                        let page = client.json_for_paid::<Page<Asset>>(
                            OPERATIONS,
                            "list_assets",
                            Draft::of(&build),
                        );
                        page.await
                    })
                })
            }
            #[cfg(feature = "alpha")]
            Place::AlphaAssets => listed(move |offset| {
                let client = client.clone();
                Box::pin(async move {
                    let client_alpha = client.alpha();
                    let list = client_alpha.list_assets().limit(PAGE).offset(offset);
                    let build = || list.build_request();
                    let operations = alpha::raw::OPERATIONS;
                    let page = client.json_for_paid::<Page<alpha::types::Asset>>(
                        operations,
                        "list_assets",
                        Draft::of(&build),
                    );
                    page.await
                })
            }),
            Place::Scene(_) => futures_util::stream::empty().boxed(),
        }
    }

    /// Requests a scene.
    pub(super) async fn scene(&self, id: &str) -> Result<Candidate, Error> {
        let get = self.get_scene().scene_id(id);
        let build = || get.build_request();
        let scene =
            self.json_for_paid::<Envelope<Scene>>(OPERATIONS, "get_scene", Draft::of(&build));
        Ok(Candidate::from(scene.await?.into_inner().into_inner()))
    }
}

fn listed<T>(
    fetch: impl Fn(u64) -> BoxFuture<'static, Result<ResponseValue<Page<T>>, Error>> + Send + 'static,
) -> BoxStream<'static, Result<Listed, Error>>
where
    T: Resource,
    Candidate: From<T>,
{
    let server_time: Arc<OnceLock<SystemTime>> = Arc::default();
    let times = Arc::clone(&server_time);
    let pages = pages(
        0,
        Box::new(move |offset| {
            let (page, server_time) = (fetch(offset), Arc::clone(&server_time));
            Box::pin(async move {
                let page = page.await?;
                let _ = server_time.set(server_now(page.headers(), SystemTime::now()));
                Ok(page.into_inner())
            })
        }),
    );
    pages
        .map_ok(move |page| Listed {
            server_time: times.get().copied(),
            ..Listed::from(page)
        })
        .boxed()
}
