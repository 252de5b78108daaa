//! The paid part of the probe: jobs that it starts and follows.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::future;
use gizmo_client::http::Method;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use crate::find;
use crate::live::{Account, Live};
use crate::note;
use crate::send::{Ask, Permit, Reply};

/// The prompts. They are short, so that jobs are cheap and quick.
const SCENE_PROMPT: &str = "A small room with one wooden table and two chairs";
const EDIT_PROMPT: &str = "Add a lamp to the table";
const ASSET_PROMPT: &str = "A wooden stool";
const CANCELLED_PROMPT: &str = "An empty room with a single shelf";

/// After how many further requests for the status a terminal event counts, although the status contradicts it.
const STATUS_LAG: u32 = 6;

impl Live<'_> {
    /// Sends one paid request for each permit: a scene, an edit, an asset, and a scene that is cancelled.
    pub(crate) async fn paid(&self, permits: Vec<Permit>, account: &Account, say: fn(&str)) {
        let mut permits = permits.into_iter();
        let Some(permit) = permits.next() else {
            return;
        };
        say("a new scene");
        let body = json!({"prompt": SCENE_PROMPT});
        let ask = Ask::new(note::PAID_SCENE, Method::POST, &["v1", "scenes"]).json(body);
        let made = self.job(permit, ask, "scenes", &account.scenes).await;
        if !made.has_ended {
            // Another job in a scene whose own is at work would block both.
            return;
        }
        if let Some(scene) = &made.id {
            self.scene(note::MADE, scene).await;
            let rename = json!({"description": "made by a probe"});
            let path = ["v1", "scenes", scene.as_str()];
            let rename = Ask::new(note::RENAME, Method::PATCH, &path).json(rename);
            self.sender.send(rename).await;
            self.get(note::RENAMED, &path).await;
            self.scene_exports(scene).await;
        }
        let Some(scene) = made.id.or_else(|| account.scenes.first().cloned()) else {
            return;
        };
        let Some(permit) = permits.next() else {
            return;
        };
        say("an edit of it");
        let path = ["v1", "scenes", scene.as_str(), "edit"];
        let body = json!({"prompt": EDIT_PROMPT});
        let ask = Ask::new(note::PAID_EDIT, Method::POST, &path).json(body);
        if !self.job(permit, ask, "scenes", &[]).await.has_ended {
            return;
        }
        let Some(permit) = permits.next() else {
            return;
        };
        say("an asset in it");
        let body = json!({"prompt": ASSET_PROMPT, "scene_id": scene});
        let ask = Ask::new(note::PAID_ASSET, Method::POST, &["v1", "assets"]).json(body);
        let made = self.job(permit, ask, "assets", &account.assets).await;
        if let Some(asset) = &made.id {
            self.get(note::MADE, &["v1", "assets", asset]).await;
            let of_scene = Ask::get(note::OF_SCENE, &["v1", "assets"]).query("scene_id", &scene);
            self.sender.send(of_scene).await;
            self.asset_exports(asset).await;
        }
        let Some(permit) = permits.next() else {
            return;
        };
        say("a scene that is cancelled");
        self.cancelled(permit).await;
    }

    /// Starts a job, and follows it until it has ended: by its stream, by its status and by the list.
    async fn job(&self, permit: Permit, ask: Ask, list: &'static str, known: &[String]) -> Made {
        let baseline = self.largest_page(note::BASELINE, list).await;
        let names: &[&str] = if list == "assets" {
            &find::ASSET
        } else {
            &find::SCENE
        };
        let mut known = known.to_vec();
        known.extend(baseline.map_or_else(Vec::new, |reply| find::ids(&reply.body, names)));
        let Some(accepted) = self.sender.pay(permit, ask).await else {
            return Made::default();
        };
        if !accepted.is_success() {
            // Nothing was started, so nothing is at work.
            return Made {
                id: None,
                has_ended: true,
            };
        }
        let mut has_ended = false;
        let mut id = find::member(&accepted.body, names);
        if let Some(job) = find::job_id(&accepted.body) {
            let ended = Ended::default();
            let polls = self.poll(&job, list, names, &known, &ended);
            let (listed, ()) = future::join(polls, self.stream(&job, &ended)).await;
            let result = self.result(&job).await;
            has_ended = find::has_ended(&result);
            id = id.or_else(|| find::member(&result, names)).or(listed);
            self.replay(&job).await;
        }
        Made { id, has_ended }
    }

    /// Requests as much of a list as a page may have.
    async fn largest_page(&self, note: &'static str, list: &'static str) -> Option<Reply> {
        let page = Ask::get(note, &["v1", list]).query("limit", "100");
        let page = self.sender.send(page).await;
        match page {
            Some(page) if page.is_success() => Some(page),
            _ => self.get(note, &["v1", list]).await,
        }
    }

    /// Polls the status until it is terminal, and the list until something new is in it, which is returned.
    async fn poll(
        &self,
        job: &str,
        list: &'static str,
        names: &[&str],
        known: &[String],
        ended: &Ended,
    ) -> Option<String> {
        let latest = Instant::now() + self.pace.longest;
        let mut listed = None;
        let (mut checks, mut claimed_for) = (0_u32, 0);
        loop {
            let status = self.get(note::POLL, &["v1", "jobs", job]).await;
            let body = status.map(|reply| reply.body).unwrap_or_default();
            let by_event = ended.by_event.load(Relaxed);
            let is_claimed = by_event || ended.is_closed.load(Relaxed);
            claimed_for += u32::from(by_event);
            // A status may follow the terminal event, or have another place than expected.
            let has_ended = find::has_ended(&body)
                || is_claimed && !find::is_at_work(&body)
                || claimed_for > STATUS_LAG;
            // A list is longer than a status, so it is requested less often as time passes.
            if listed.is_none() && (checks < 20 || checks.is_multiple_of(10) || has_ended) {
                let page = self.largest_page(note::LIST_WHILE_RUNNING, list).await;
                let ids = page.map_or_else(Vec::new, |reply| find::ids(&reply.body, names));
                listed = ids.into_iter().find(|id| !known.contains(id));
            }
            checks += 1;
            if has_ended || Instant::now() >= latest {
                ended.now.notify_one();
                return listed;
            }
            sleep(self.pace.poll).await;
        }
    }

    /// Reads the stream of a job until the linger after its end has passed, or the service closes it.
    async fn stream(&self, job: &str, ended: &Ended) {
        let mut latest = Instant::now() + self.pace.longest + self.pace.linger;
        let reading = self.read_stream(note::STREAM, job, &[], None, Some(ended));
        let mut reading = std::pin::pin!(reading);
        tokio::select! {
            () = &mut reading => {
                ended.is_closed.store(true, Relaxed);
                return ended.now.notified().await;
            }
            () = ended.now.notified() => latest = latest.min(Instant::now() + self.pace.linger),
        }
        let _ = timeout_at(latest, reading).await;
    }

    /// Starts a scene, and cancels it at once.
    async fn cancelled(&self, permit: Permit) {
        let body = json!({"prompt": CANCELLED_PROMPT});
        let ask = Ask::new(note::PAID_CANCELLED, Method::POST, &["v1", "scenes"]).json(body);
        let Some(accepted) = self.sender.pay(permit, ask).await else {
            return;
        };
        let Some(job) = find::job_id(&accepted.body) else {
            return;
        };
        let path = ["v1", "jobs", job.as_str(), "cancel"];
        let cancel = || Ask::new(note::CANCEL, Method::POST, &path);
        self.sender.send(cancel()).await;
        let latest = Instant::now() + self.pace.longest.min(Duration::from_secs(120));
        loop {
            let status = self.get(note::POLL_CANCELLED, &["v1", "jobs", &job]).await;
            let has_ended = status.is_some_and(|reply| find::has_ended(&reply.body));
            if has_ended || Instant::now() >= latest {
                break;
            }
            sleep(self.pace.poll).await;
        }
        let again = Ask::new(note::CANCEL_AGAIN, Method::POST, &path);
        self.sender.send(again).await;
        self.replay(&job).await;
        if let Some(scene) = find::member(&accepted.body, &find::SCENE) {
            let path = ["v1", "scenes", scene.as_str()];
            self.get(note::CANCELLED_SCENE, &path).await;
            self.sender
                .send(Ask::new(note::DELETE, Method::DELETE, &path))
                .await;
            self.get(note::DELETED, &path).await;
        }
    }
}

/// What a paid request made.
#[derive(Debug, Default)]
struct Made {
    id: Option<String>,
    /// Whether no job of it is at work.
    has_ended: bool,
}

/// Whether a job has ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// A terminal event claims it.
    pub(crate) by_event: AtomicBool,
    /// The stream is closed.
    is_closed: AtomicBool,
    now: tokio::sync::Notify,
}
