//! What the probe requests of the live service, in which order: here what costs nothing.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::StreamExt;
use gizmo_client::JobEvent;
use gizmo_client::http::Method;
use gizmo_client::sse::Decoder;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::find;
use crate::note;
use crate::paid::Ended;
use crate::send::{Ask, Credential, Permit, Reply, Sender};

/// An id that no account has.
const UNKNOWN: &str = "probe0000000000000000000000000000";

/// How many scenes, assets and jobs of the account are looked at.
const SAMPLES: usize = 3;

/// How long the events of a job that has ended are read.
const REPLAY: Duration = Duration::from_secs(10);

/// How long the probe takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Between two requests for the status of a job.
    pub(crate) poll: Duration,
    /// How long a stream is read after its job has ended.
    pub(crate) linger: Duration,
    /// The longest wait for one job.
    pub(crate) longest: Duration,
}

/// What the free part has found in the account.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) scenes: Vec<String>,
    pub(crate) assets: Vec<String>,
    jobs: Vec<String>,
}

/// Sends everything: the free part, and as many paid requests as there are permits.
pub(crate) async fn run(sender: &Sender, pace: Pace, permits: Vec<Permit>, say: fn(&str)) {
    let live = Live { sender, pace };
    say("the document and the account");
    let document = live.get(note::DOCUMENT, &["v1", "openapi.json"]).await;
    let key = live.get(note::ACCOUNT, &["v1", "whoami"]).await;
    if document.is_none() && key.is_none() {
        return; // nothing responds
    }
    live.get(note::ACCOUNT, &["v1", "usage"]).await;
    say("scenes, assets and jobs");
    let account = live.account().await;
    say("the catalog");
    live.catalog().await;
    say("invalid requests");
    live.invalid(&account).await;
    say("exports");
    if let Some(scene) = account.scenes.first() {
        live.scene_exports(scene).await;
    }
    if let Some(asset) = account.assets.first() {
        live.asset_exports(asset).await;
    }
    live.paid(permits, &account, say).await;
}

/// Sends requests at a pace.
pub(crate) struct Live<'a> {
    pub(crate) sender: &'a Sender,
    pub(crate) pace: Pace,
}

impl Live<'_> {
    pub(crate) async fn get(&self, note: &'static str, segments: &[&str]) -> Option<Reply> {
        self.sender.send(Ask::get(note, segments)).await
    }

    async fn account(&self) -> Account {
        let mut account = Account::default();
        let scenes = self.list("scenes").await;
        account.scenes = find::ids(&scenes, &find::SCENE);
        account.jobs = values(&scenes, &find::JOB);
        for scene in account.scenes.iter().take(SAMPLES) {
            let found = self.scene(note::KNOWN, scene).await;
            account.jobs.extend(values(&found, &find::JOB));
            let of_scene = Ask::get(note::OF_SCENE, &["v1", "assets"]).query("scene_id", scene);
            self.sender.send(of_scene).await;
        }
        let assets = self.list("assets").await;
        account.assets = find::ids(&assets, &find::ASSET);
        account.jobs.extend(values(&assets, &find::JOB));
        for asset in account.assets.iter().take(SAMPLES) {
            self.get(note::KNOWN, &["v1", "assets", asset]).await;
            let record = Ask::get(note::RECORD, &["v1", "assets", asset]);
            let record = record.query("include_record", "true");
            if let Some(reply) = self.sender.send(record).await {
                account.jobs.extend(values(&reply.body, &find::JOB));
            }
        }
        account.jobs.sort_unstable();
        account.jobs.dedup();
        let mut is_first = true;
        for job in account.jobs.iter().take(SAMPLES) {
            let known = self.get(note::KNOWN, &["v1", "jobs", job]).await;
            self.result(job).await;
            // The stream of a job at work is left to the paid part. One that has ended may be open for long.
            if is_first && known.is_some_and(|reply| find::has_ended(&reply.body)) {
                self.replay(job).await;
                is_first = false;
            }
        }
        account
    }

    /// Requests a list in all ways that the pages describe, and some that they leave open.
    async fn list(&self, name: &'static str) -> Value {
        let path = ["v1", name];
        let first = self.get(note::LIST, &path).await;
        for (note, limit, offset) in [
            (note::PAGE_1, "1", "0"),
            (note::PAGE_2, "1", "1"),
            (note::LARGEST, "100", "0"),
            (note::BEYOND, "20", "1000000"),
            (note::TOO_LARGE, "101", "0"),
            (note::INVALID_LIMIT, "none", "0"),
        ] {
            let ask = Ask::get(note, &path);
            let ask = ask.query("limit", limit).query("offset", offset);
            self.sender.send(ask).await;
        }
        first.map(|reply| reply.body).unwrap_or_default()
    }

    /// Requests everything about a scene, and returns its record.
    pub(crate) async fn scene(&self, note: &'static str, id: &str) -> Value {
        self.get(note, &["v1", "scenes", id]).await;
        self.get(note, &["v1", "scenes", id, "status"]).await;
        let record = Ask::get(note::RECORD, &["v1", "scenes", id]).query("include_record", "true");
        let record = self.sender.send(record).await;
        record.map(|reply| reply.body).unwrap_or_default()
    }

    pub(crate) async fn result(&self, job: &str) -> Value {
        let ask = Ask::get(note::RESULT, &["v1", "jobs", job]).query("include_result", "true");
        let reply = self.sender.send(ask).await;
        reply.map(|reply| reply.body).unwrap_or_default()
    }

    async fn catalog(&self) {
        let path = ["v1", "catalog"];
        let first = self.get(note::LIST, &path).await;
        let categories = self.get(note::LIST, &["v1", "catalog", "categories"]).await;
        for (note, limit, offset) in [(note::PAGE_1, "1", "0"), (note::PAGE_2, "1", "1")] {
            let ask = Ask::get(note, &path);
            let ask = ask.query("limit", limit).query("offset", offset);
            self.sender.send(ask).await;
        }
        let search = Ask::get(note::SEARCH, &path).query("q", "chair");
        self.sender.send(search).await;
        let category = categories.and_then(|reply| {
            let (_, list) = find::list(&reply.body)?;
            find::id(list.first()?, &["name", "slug", "category"])
        });
        if let Some(category) = category {
            let ask = Ask::get(note::CATEGORY, &path).query("category", category);
            self.sender.send(ask).await;
        }
        let slugs = first.map(|reply| find::ids(&reply.body, &["slug"]));
        for slug in slugs.unwrap_or_default().iter().take(1) {
            let item = self.get(note::KNOWN, &["v1", "catalog", slug]).await;
            let paths = item.map(|reply| files(&reply.body)).unwrap_or_default();
            for path in paths.iter().take(2) {
                self.sender.file(note::FILE, path, None).await;
                let range = Some("bytes=0-15");
                self.sender.file(note::FILE_RANGE, path, range).await;
            }
        }
    }

    /// Sends requests that the service must refuse. None of them could start a job.
    async fn invalid(&self, account: &Account) {
        let send = |ask: Ask| self.sender.send(ask);
        for path in [
            ["v1", "scenes", UNKNOWN].as_slice(),
            &["v1", "scenes", UNKNOWN, "status"],
            &["v1", "assets", UNKNOWN],
            &["v1", "jobs", UNKNOWN],
            &["v1", "catalog", UNKNOWN],
        ] {
            send(Ask::get(note::UNKNOWN_ID, path)).await;
        }
        // A service may have a stream for every id.
        let latest = Instant::now() + self.pace.linger.min(REPLAY);
        let stream = self.read_stream(note::UNKNOWN_ID, UNKNOWN, &[], None, None);
        let _ = timeout_at(latest, stream).await;
        let format = json!({"format": "mjcf"});
        let export = ["v1", "scenes", UNKNOWN, "export"];
        send(Ask::new(note::UNKNOWN_ID, Method::POST, &export).json(format)).await;
        let export = ["v1", "assets", UNKNOWN, "export"];
        send(Ask::new(note::UNKNOWN_ID, Method::POST, &export).query("format", "mjcf")).await;
        let cancel = ["v1", "jobs", UNKNOWN, "cancel"];
        send(Ask::new(note::UNKNOWN_ID, Method::POST, &cancel)).await;
        let rename = json!({"name": "probe"});
        let scene = ["v1", "scenes", UNKNOWN];
        send(Ask::new(note::UNKNOWN_ID, Method::PATCH, &scene).json(rename)).await;
        send(Ask::new(note::UNKNOWN_ID, Method::DELETE, &scene)).await;
        let asset = ["v1", "assets", UNKNOWN];
        send(Ask::new(note::UNKNOWN_ID, Method::DELETE, &asset)).await;
        let whoami = || Ask::get(note::NO_KEY, &["v1", "whoami"]);
        send(whoami().credential(Credential::None)).await;
        let wrong = Ask::get(note::WRONG_KEY, &["v1", "whoami"]);
        send(wrong.credential(Credential::Wrong)).await;
        send(Ask::get(note::NO_ROUTE, &["v1", "probe"])).await;
        send(Ask::new(note::WRONG_METHOD, Method::PUT, &["v1", "whoami"])).await;
        if let Some(scene) = account.scenes.first() {
            let export = ["v1", "scenes", scene, "export"];
            let invalid = json!({"format": "probe"});
            send(Ask::new(note::INVALID_FORMAT, Method::POST, &export).json(invalid)).await;
            // The early-access API has other words for the formats.
            let early = json!({"format": "mujoco_mjcf"});
            send(Ask::new(note::EARLY_ACCESS, Method::POST, &export).json(early)).await;
        }
        if let Some(asset) = account.assets.first() {
            let export = ["v1", "assets", asset, "export"];
            let early = json!({"format": "mujoco_mjcf"});
            send(Ask::new(note::EARLY_ACCESS, Method::POST, &export).json(early)).await;
        }
    }

    pub(crate) async fn scene_exports(&self, scene: &str) {
        let path = ["v1", "scenes", scene, "export"];
        for format in ["mjcf", "usd", "sdf"] {
            let body = json!({"format": format});
            let ask = Ask::new(note::EXPORT, Method::POST, &path).json(body);
            self.sender.send(ask).await;
        }
        let robot = json!({"format": "mjcf", "robot_profile": "franka_panda"});
        let ask = Ask::new(note::ROBOT_EXPORT, Method::POST, &path).json(robot);
        self.sender.send(ask).await;
        let range = Ask::new(note::EXPORT_RANGE, Method::POST, &path)
            .json(json!({"format": "mjcf"}))
            .header("range", "bytes=0-99");
        // Its headers say all, and the body may be large.
        drop(self.sender.open(range).await);
    }

    pub(crate) async fn asset_exports(&self, asset: &str) {
        let path = ["v1", "assets", asset, "export"];
        for format in ["mjcf", "usd", "sdf"] {
            let ask = Ask::new(note::EXPORT, Method::POST, &path).query("format", format);
            self.sender.send(ask).await;
        }
    }

    /// Reads the stream of a job that has ended up to its terminal event: from the start, after an event, and with `Last-Event-ID`.
    pub(crate) async fn replay(&self, job: &str) {
        let latest = Instant::now() + self.pace.linger.min(REPLAY);
        let all = self.read_stream(note::STREAM_ENDED, job, &[], None, None);
        let _ = timeout_at(latest, all).await;
        for (note, query, header) in [
            (note::STREAM_AFTER, Some("2"), None),
            (note::STREAM_INVALID, Some("none"), None),
            (note::STREAM_LAST_EVENT_ID, None, Some("2")),
        ] {
            let latest = Instant::now() + self.pace.linger.min(REPLAY);
            let query: Vec<_> = query.into_iter().collect();
            let some = self.read_stream(note, job, &query, header, None);
            let _ = timeout_at(latest, some).await;
        }
    }

    pub(crate) async fn read_stream(
        &self,
        note: &'static str,
        job: &str,
        after: &[&str],
        last_event_id: Option<&str>,
        ended: Option<&Ended>,
    ) {
        let mut ask = Ask::get(note, &["v1", "jobs", job, "events"])
            .header("accept", "text/event-stream")
            .header("cache-control", "no-store");
        for after in after {
            ask = ask.query("after", *after);
        }
        if let Some(id) = last_event_id {
            ask = ask.header("last-event-id", id);
        }
        let Some(response) = self.sender.open(ask).await else {
            return;
        };
        let mut body = response.bytes_stream();
        let mut decoder = Decoder::new();
        while let Some(Ok(chunk)) = body.next().await {
            let mut input = chunk.as_ref();
            while let Ok(Some(event)) = decoder.next(&mut input) {
                if !JobEvent::from_sse(event.event, event.data).is_terminal() {
                    continue;
                }
                match ended {
                    Some(ended) => ended.by_event.store(true, Relaxed),
                    // Nothing but pings can follow.
                    None => return,
                }
            }
        }
    }
}

/// Returns the texts of all members with these names.
fn values(value: &Value, names: &[&str]) -> Vec<String> {
    let found = find::members(value, names).into_iter();
    found.map(|(_, text)| text).collect()
}

/// Returns the download paths of a catalog item.
fn files(item: &Value) -> Vec<String> {
    let mut found = Vec::new();
    find::each(item, |_, value| {
        if let Value::String(text) = value {
            let path = text.split('?').next().unwrap_or_default();
            let is_path = text.starts_with('/') || text.starts_with("https://");
            let extension = path.rsplit('.').next().unwrap_or_default();
            if is_path && matches!(extension.to_lowercase().as_str(), "glb" | "usdz") {
                found.push(text.clone());
            }
        }
        false
    });
    found
}
