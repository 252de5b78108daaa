//! Fleets in one process, with the simulator and a store in memory.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../store/faulty.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod faulty;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use gizmo_client::bundle::Bundle;
use gizmo_client::{BakePrompt, Client, Format, Provenance, RetryPolicy};
use gizmo_fleet::{ErrorKind, Fleet, PromptProgress, PromptState};
use gizmo_simulator::{Canned, Fault as Trouble, Handle, On, Options, Simulator};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Attribute, ObjectStore, ObjectStoreExt};

use crate::faulty::{Fault, Faulty};

/// A simulator, a store, and a directory for temporary files.
struct Lab {
    client: Client,
    handle: Handle,
    objects: Arc<dyn ObjectStore>,
    temporary: tempfile::TempDir,
    simulator: Simulator,
}

impl Lab {
    async fn start(options: Options) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let client = Client::builder()
            .api_key(simulator.api_key())
            .base_url(simulator.url());
        Self {
            client: client.build().unwrap(),
            handle: simulator.handle().clone(),
            objects: Arc::new(InMemory::new()),
            temporary: tempfile::tempdir().unwrap(),
            simulator,
        }
    }

    async fn instant() -> Self {
        Self::start(Options::instant()).await
    }

    fn fleet<P: Into<BakePrompt>>(&self, prompts: impl IntoIterator<Item = P>) -> Fleet {
        let objects = Arc::clone(&self.objects);
        Fleet::new(&self.client, objects, "data/scenes", prompts)
            .temporary(self.temporary.path(), 1 << 30)
            .lease(Duration::from_millis(300))
            .search_limit(Duration::from_millis(300))
    }

    /// The objects below a path, with their sizes.
    async fn objects(&self, below: &str) -> BTreeMap<String, u64> {
        let listed = self.objects.list(Some(&Path::from(below)));
        let listed = listed.map_ok(|meta| (meta.location.to_string(), meta.size));
        listed.try_collect().await.unwrap()
    }

    async fn text(&self, path: &str) -> String {
        let read = self.objects.get(&Path::from(path)).await.unwrap();
        String::from_utf8(read.bytes().await.unwrap().to_vec()).unwrap()
    }

    /// Checks that a scene is complete, and downloads it as a bundle.
    async fn check(&self, scene: &PromptProgress) -> Provenance {
        assert_eq!(scene.state, PromptState::Done, "{scene:?}");
        let place = format!("data/scenes/{}", scene.name);
        let text = self.text(&format!("{place}/gizmo-provenance.json")).await;
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let directory = format!("{place}/{}", json["directory"].as_str().unwrap());
        let local = tempfile::tempdir().unwrap();
        for path in self.objects(&directory).await.keys() {
            let read = self.objects.get(&Path::from(path.as_str())).await.unwrap();
            let to = local.path().join(
                path.strip_prefix(&directory)
                    .unwrap()
                    .trim_start_matches('/'),
            );
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::write(to, read.bytes().await.unwrap()).unwrap();
        }
        std::fs::write(local.path().join("gizmo-provenance.json"), &text).unwrap();
        let bundle = Bundle::open(local.path()).unwrap();
        assert_eq!(bundle.verify().unwrap(), []);
        bundle.model().path().unwrap();
        bundle.provenance().unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_scene_is_stored_complete_and_only_once() {
    let lab = Lab::instant().await;
    let mut states = Vec::new();
    let fleet = lab.fleet(["a robotics lab"]);
    let scenes = fleet
        .run(|progress| states.push(progress.state))
        .await
        .unwrap();
    let provenance = lab.check(&scenes[0]).await;
    assert_eq!(provenance.request.prompt, "a robotics lab");
    assert_eq!(provenance.request.format, Some(Format::Mjcf));
    assert_eq!(provenance.scene_id, scenes[0].scene_id);
    assert!(provenance.requested_at.is_some() && provenance.completed_at.is_some());
    let expected = [
        PromptState::Claimed,
        PromptState::Requesting,
        PromptState::Running,
        PromptState::Committing,
        PromptState::Done,
    ];
    assert_eq!(states, expected);
    assert_eq!(fleet.progress().await.unwrap(), scenes);

    let model = lab.objects("data/scenes").await.into_keys();
    let model = model
        .into_iter()
        .find(|path| Path::from(path.as_str()).extension() == Some("xml"))
        .unwrap();
    let read = lab.objects.get(&Path::from(model)).await.unwrap();
    let content_type = read.attributes.get(&Attribute::ContentType).unwrap();
    assert_eq!(content_type.as_ref(), "application/xml");
    let sha256 = Attribute::Metadata("sha256".into());
    assert_eq!(read.attributes.get(&sha256).unwrap().len(), 64);

    // A second run reads one entry.
    assert_eq!(fleet.run(|_| {}).await.unwrap(), scenes);
    assert_eq!(lab.handle.job_count(), 1);
    assert_eq!(std::fs::read_dir(lab.temporary.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn several_processes_share_a_list() {
    let lab = Lab::instant().await;
    let prompts: Vec<String> = (0..12)
        .map(|number| format!("lab {}", number % 9))
        .collect();
    let fleet = lab.fleet(prompts);
    let runs = [(); 3].map(|()| fleet.run(|_| {}));
    let runs = futures_util::future::try_join_all(runs).await.unwrap();
    for run in &runs {
        for scene in run {
            lab.check(scene).await;
        }
    }
    assert_eq!(lab.handle.job_count(), 12);
    let mut scenes: Vec<_> = runs[0].iter().map(|scene| &scene.scene_id).collect();
    scenes.sort();
    scenes.dedup();
    assert_eq!(scenes.len(), 12);
}

#[tokio::test]
async fn the_job_of_a_lost_response_is_found() {
    let lab = Lab::instant().await;
    let on = On::operation("generate_scene");
    lab.handle.inject(on, Trouble::DropBeforeResponse);
    let scenes = lab.fleet(["a kitchen"]).run(|_| {}).await.unwrap();
    lab.check(&scenes[0]).await;
    assert!(scenes[0].confidence.is_some());
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn a_request_whose_outcome_is_unknown_is_sent_again_only_with_consent() {
    let lab = Lab::instant().await;
    let on = On::operation("generate_scene");
    lab.handle.inject(on, Trouble::DropBeforeHandling);
    let fleet = lab.fleet(["a kitchen"]);
    let scenes = fleet.run(|_| {}).await.unwrap();
    assert_eq!(scenes[0].state, PromptState::Unknown);
    assert_eq!(fleet.run(|_| {}).await.unwrap(), scenes);
    assert_eq!(lab.handle.job_count(), 0);
    let scenes = fleet.ask_again().run(|_| {}).await.unwrap();
    lab.check(&scenes[0]).await;
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn a_failed_job_and_an_invalid_prompt_do_not_stop_the_others() {
    let lab = Lab::instant().await;
    lab.handle
        .inject(On::operation("generate_scene"), Trouble::FailJob);
    let prompts = ["a lab", "a kitchen"].map(BakePrompt::new);
    let slim = BakePrompt::new("a hall").slim().format(Format::Usd);
    let fleet = lab.fleet(prompts.into_iter().chain([slim])).at_once(1);
    let scenes = fleet.run(|_| {}).await.unwrap();
    let states: Vec<PromptState> = scenes.iter().map(|scene| scene.state).collect();
    assert_eq!(states[2], PromptState::Invalid);
    let failed = scenes
        .iter()
        .find(|scene| scene.state == PromptState::Failed);
    assert!(
        failed.unwrap().error.as_ref().unwrap().contains("failed"),
        "{scenes:?}"
    );
    let done = states.iter().filter(|state| **state == PromptState::Done);
    assert_eq!(done.count(), 1);
    // A failed job is not requested again by itself.
    assert_eq!(fleet.run(|_| {}).await.unwrap(), scenes);
    assert_eq!(fleet.progress().await.unwrap(), scenes);
}

#[tokio::test]
async fn another_prompt_under_the_same_name_is_refused_before_anything_is_paid() {
    let lab = Lab::instant().await;
    lab.fleet([BakePrompt::new("a lab").name("one")])
        .run(|_| {})
        .await
        .unwrap();
    let other = lab.fleet([BakePrompt::new("a kitchen").name("one")]);
    let scenes = other.run(|_| {}).await.unwrap();
    assert!(
        scenes[0].error.as_ref().unwrap().contains("another prompt"),
        "{scenes:?}"
    );
    assert_eq!(
        other.progress().await.unwrap()[0].state,
        PromptState::Invalid
    );
    // Without its entry, a scene is not overwritten either.
    let entry = Path::from("data/scenes/one/gizmo-entry.json");
    lab.objects.delete(&entry).await.unwrap();
    let scenes = other.run(|_| {}).await.unwrap();
    assert!(
        scenes[0].error.as_ref().unwrap().contains("has a scene"),
        "{scenes:?}"
    );
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn a_scene_that_is_too_large_for_the_temporary_place_is_made_by_another_process() {
    let lab = Lab::instant().await;
    let fleet = lab.fleet(["a lab"]);
    let small = fleet
        .clone()
        .at_once(1)
        .temporary(lab.temporary.path(), 1 << 10);
    let scenes = small.run(|_| {}).await.unwrap();
    assert_eq!(scenes[0].state, PromptState::Running);
    assert!(
        scenes[0]
            .error
            .as_ref()
            .unwrap()
            .contains("larger than 1024 bytes"),
        "{scenes:?}"
    );
    let scenes = fleet.run(|_| {}).await.unwrap();
    lab.check(&scenes[0]).await;
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn a_refused_key_ends_the_run_and_leaves_the_prompts_open() {
    let lab = Lab::instant().await;
    lab.handle.set_credits(Some(0));
    let fleet = lab.fleet((0..20).map(|number| format!("lab {number}")));
    let error = fleet.run(|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Service);
    assert!(format!("{error:#}").contains("credits"), "{error:#}");
    lab.handle.set_credits(None);
    let scenes = fleet.run(|_| {}).await.unwrap();
    assert!(scenes.iter().all(|scene| scene.state == PromptState::Done));
    assert_eq!(lab.handle.job_count(), 20);
}

#[tokio::test]
async fn a_prompt_is_continued_after_an_outage() {
    let mut lab = Lab::instant().await;
    let builder = Client::builder().api_key(lab.simulator.api_key());
    let builder = builder
        .base_url(lab.simulator.url())
        .retry_policy(RetryPolicy::none());
    lab.client = builder.build().unwrap();
    let refused = Trouble::Respond(Canned::error(500, "internal", "an outage"));
    let twice = On::operation("export_scene").times(2);
    drop(lab.handle.inject(twice, refused));
    let mut errors = 0;
    let fleet = lab.fleet(["a lab"]);
    let scenes = fleet
        .run(|progress| errors += u32::from(progress.error.is_some()))
        .await;
    lab.check(&scenes.unwrap()[0]).await;
    assert_eq!(errors, 2);
    assert_eq!(lab.handle.job_count(), 1);
}

/// The writes by which a run checks the store.
const CHECKS: usize = 4;

#[tokio::test]
async fn whichever_write_fails_nothing_is_paid_before_it_or_twice() {
    for fault in [Fault::Lost, Fault::LostResponse] {
        // Two before the request: the claim and the announcement. Then those of ids, phases and files.
        for number in 0..14 {
            let mut lab = Lab::instant().await;
            let faults = std::iter::repeat_n(None, CHECKS + number).chain([Some(fault)]);
            lab.objects = Arc::new(Faulty::with(faults));
            let fleet = lab.fleet(["a lab"]);
            let run = fleet.run(|_| {}).await;
            if fault == Fault::Lost && number < 2 {
                assert_eq!(run.unwrap_err().kind(), ErrorKind::Store);
                assert_eq!(lab.handle.job_count(), 0);
            }
            let scenes = fleet.run(|_| {}).await.unwrap();
            lab.check(&scenes[0]).await;
            assert_eq!(lab.handle.job_count(), 1, "{fault:?} {number}");
        }
    }
}
