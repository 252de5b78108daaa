//! `bake`: one job, despite faults, interruptions and killed processes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use gizmo_client::{BakeEvent, ErrorKind, Format};
use gizmo_simulator::{At, Canned, Fault, On, Options};

use crate::support::{Lab, names};

/// Returns the path and the contents of every file below a directory.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Asserts that `dir` contains only the output directory and its journal.
fn assert_tidy(dir: &Path) {
    let names: Vec<_> = names(dir).into_iter().collect();
    assert_eq!(names, ["lab", "lab.bake.json"]);
}

#[tokio::test]
async fn a_bake_is_one_stream_of_events_that_ends_with_its_bundle() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let bake = lab
        .client
        .bake("a robotics lab")
        .format(Format::Usd)
        .into_dir(dir.path().join("lab"));
    let events: Vec<_> = bake.map(Result::unwrap).collect().await;
    assert!(
        matches!(&events[0], BakeEvent::Started { .. }),
        "{:?}",
        events[0]
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event, BakeEvent::Job(event) if event.is_terminal()))
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event, BakeEvent::Download(_)))
    );
    let BakeEvent::Finished(bundle) = events.last().unwrap() else {
        panic!("{:?}", events.last())
    };
    assert_eq!(
        bundle.model().path().unwrap(),
        dir.path().join("lab/a_robotics_lab.usda")
    );
    assert_tidy(dir.path());
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn a_finished_bake_is_returned_without_a_request() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let bake = || {
        lab.client
            .bake("a robotics lab")
            .into_dir(dir.path().join("lab/"))
    };
    let first = bake().await.unwrap();
    let requests = lab.handle.total();
    assert_eq!(
        bake().await.unwrap().model().path().unwrap(),
        first.model().path().unwrap()
    );
    assert_eq!(lab.handle.total(), requests);
    // The directory is deleted, but the scene still exists.
    std::fs::remove_dir_all(dir.path().join("lab")).unwrap();
    assert!(bake().await.unwrap().model().path().unwrap().is_file());
    assert_eq!(
        (lab.handle.job_count(), lab.handle.count("export_scene")),
        (1, 2)
    );
    assert_tidy(dir.path());
}

#[tokio::test]
async fn a_directory_of_another_bake_or_with_other_files_is_not_changed() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("lab");
    lab.client
        .bake("a robotics lab")
        .into_dir(&out)
        .await
        .unwrap();
    let before = contents(dir.path());
    for other in [
        lab.client.bake("a kitchen").into_dir(&out),
        lab.client
            .bake("a robotics lab")
            .format(Format::Sdf)
            .into_dir(&out),
        lab.client
            .bake_asset("sc_1", "a robotics lab")
            .into_dir(&out),
    ] {
        let error = other.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("another bake"), "{error}");
    }
    let mine = dir.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(mine.join("notes.txt"), "mine").unwrap();
    let error = lab
        .client
        .bake("a kitchen")
        .into_dir(&mine)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    std::fs::remove_dir_all(&mine).unwrap();
    assert_eq!(contents(dir.path()), before);
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn a_failed_or_refused_job_is_started_again_by_the_next_bake() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("lab");
    lab.fail_job();
    let error = lab.client.bake("a lab").into_dir(&out).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    lab.handle.set_credits(Some(0));
    let error = lab.client.bake("a lab").into_dir(&out).await.unwrap_err();
    assert!(error.is_insufficient_credits());
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    lab.handle.set_credits(None);
    lab.client.bake("a lab").into_dir(&out).await.unwrap();
    assert_tidy(dir.path());
}

#[tokio::test]
async fn an_interrupted_bake_resumes_where_it_stopped() {
    let lab = Lab::start(Options::instant().with_speed(600.0)).await;
    let dir = tempfile::tempdir().unwrap();
    let bake = || {
        lab.client
            .bake("a robotics lab")
            .into_dir(dir.path().join("lab"))
    };
    // The bake is dropped while the job is running.
    let mut first = bake();
    let BakeEvent::Started { job_id } = first.next().await.unwrap().unwrap() else {
        panic!("the first event is `Started`")
    };
    drop(first);
    // The job succeeds, and its export fails permanently.
    lab.handle.inject(
        On::operation("export_scene"),
        Fault::Respond(Canned::error(409, "scene_not_ready", "Wait")),
    );
    let error = bake().await.unwrap_err();
    assert_eq!(error.code(), Some("scene_not_ready"));
    let streams = lab.handle.count("job_events");
    // The next bake requests neither the job nor its events again.
    let mut last = bake();
    let BakeEvent::Resumed { job_id: resumed } = last.next().await.unwrap().unwrap() else {
        panic!("the first event is `Resumed`")
    };
    assert_eq!(resumed, job_id);
    last.await.unwrap();
    assert_eq!(lab.handle.count("job_events"), streams);
    assert_eq!(lab.handle.job_count(), 1);
    assert_tidy(dir.path());
}

#[tokio::test]
async fn two_bakes_into_one_directory_do_not_run_at_once() {
    let lab = Lab::start(Options::instant().with_speed(600.0)).await;
    let dir = tempfile::tempdir().unwrap();
    let bake = || {
        lab.client
            .bake("a robotics lab")
            .into_dir(dir.path().join("lab"))
    };
    let mut first = bake();
    first.next().await.unwrap().unwrap();
    let error = bake().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        format!("{error:#}").contains("another process is baking"),
        "{error:#}"
    );
    first.await.unwrap();
    bake().await.unwrap();
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn an_asset_is_baked_in_an_existing_scene() {
    let lab = Lab::instant().await;
    let scene_id = lab.scene().await.scene_id;
    let dir = tempfile::tempdir().unwrap();
    let bundle = lab
        .client
        .bake_asset(&scene_id, "a toolbox")
        .into_dir(dir.path().join("lab"))
        .await
        .unwrap();
    assert!(bundle.model().path().unwrap().is_file());
    assert_tidy(dir.path());
    let robot = lab
        .client
        .bake_asset(&scene_id, "a toolbox")
        .robot_profile("franka");
    let error = robot.into_dir(dir.path().join("other")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn bake_all_continues_after_a_failure_and_repeats_only_the_failed_prompt() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let prompts = ["a kitchen", "a lab", "a garage", "a kitchen", "an office"];
    lab.handle.inject(On::any().nth(2), Fault::FailJob);
    let bake_all = || lab.client.bake_all(prompts).at_once(2).into_dir(dir.path());
    let summary = bake_all().await.unwrap();
    let failed: Vec<_> = summary.failed().collect();
    let second = &lab.handle.jobs()[1];
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].prompt, second.prompt);
    assert_eq!(failed[0].job_id.as_ref(), Some(&second.id));
    assert_eq!(
        summary
            .baked
            .iter()
            .map(|baked| baked.prompt.as_str())
            .collect::<Vec<_>>(),
        prompts
    );
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(
        serde_json::from_str::<gizmo_client::BakeSummary>(&text).unwrap(),
        summary
    );
    assert_eq!(lab.handle.job_count(), 5);
    lab.fail_job();
    assert_eq!(bake_all().await.unwrap().failed().count(), 1);
    assert_eq!(lab.handle.job_count(), 6);
}

#[tokio::test]
async fn a_truncated_export_is_requested_again() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    lab.handle.inject(
        On::operation("export_scene").times(2),
        Fault::CutBody(At::Percent(60.0)),
    );
    lab.client
        .bake("a robotics lab")
        .into_dir(dir.path().join("lab"))
        .await
        .unwrap();
    assert_tidy(dir.path());
    assert_eq!(lab.handle.count("export_scene"), 3);
}

/// The environment variable that gives the child process its URL and destination.
const CHILD: &str = "GIZMO_TEST_BAKE";

#[tokio::test]
#[ignore = "the process that `a_killed_bake_resumes_with_one_job_and_the_same_files` starts"]
async fn child_process_of_a_killed_bake() {
    let Ok(arguments) = std::env::var(CHILD) else {
        return;
    };
    let (url, path) = serde_json::from_str::<(String, String)>(&arguments).unwrap();
    let client = gizmo_client::Client::builder()
        .api_key("gzm_k1_simulator")
        .base_url(url)
        .build()
        .unwrap();
    client.bake("a robotics lab").into_dir(path).await.unwrap();
}

/// Starts a process that bakes into `out`.
fn child(lab: &Lab, out: &Path) -> tokio::process::Child {
    let arguments = serde_json::to_string(&(lab.simulator.url(), out)).unwrap();
    tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "baking::child_process_of_a_killed_bake",
            "--ignored",
        ])
        .env(CHILD, &arguments)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_killed_bake_resumes_with_one_job_and_the_same_files() {
    let mut expected = None;
    for step in 0..50_u64 {
        // All simulators have the same seed, so the ids and the files are the same each time.
        let lab = Lab::start(Options::instant().with_speed(3_600.0)).await;
        lab.handle.inject(
            On::operation("export_scene").always(),
            Fault::Trickle(2_000, Duration::from_millis(1)),
        );
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("lab");
        let mut child = child(&lab, &out);
        let delay = Duration::from_millis(5 + step * 4);
        let _ = tokio::time::timeout(delay, child.wait()).await;
        let _ = child.kill().await;
        let bake = || {
            lab.client
                .bake("a robotics lab")
                .search_limit(Duration::ZERO)
        };
        let bundle = match bake().into_dir(&out).await {
            // It was killed between the journal and the request. Only the caller knows that.
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                assert_eq!(lab.handle.job_count(), 0, "killed after {delay:?}: {error}");
                bake().ask_again().into_dir(&out).await
            }
            baked => baked,
        };
        assert!(bundle.unwrap().model().path().unwrap().is_file());
        assert_eq!(lab.handle.job_count(), 1, "killed after {delay:?}");
        assert_tidy(dir.path());
        let mut found = contents(&out);
        found.remove("gizmo-provenance.json").unwrap(); // It has times.
        assert_eq!(
            &found,
            expected.get_or_insert_with(|| found.clone()),
            "killed after {delay:?}"
        );
    }
}

#[tokio::test]
async fn a_bake_that_is_killed_again_and_again_with_lost_responses_is_paid_for_once() {
    for step in 0..24_u64 {
        let lab = Lab::start(Options {
            memory: gizmo_simulator::Memory {
                listed: [
                    gizmo_simulator::Listed::AtOnce,
                    gizmo_simulator::Listed::WhenFinished,
                ][usize::from(step % 2 == 1)],
                ..gizmo_simulator::Memory::default()
            },
            ..Options::instant().with_speed(1_800.0)
        })
        .await;
        let faults = [
            Fault::DropBeforeResponse,
            Fault::RespondAfterHandling(Canned::html(429)),
            Fault::HandleLater(Duration::from_millis(150), Canned::html(504)),
        ];
        let fault = faults[usize::try_from(step % 3).unwrap()].clone();
        lab.handle.inject(On::operation("generate_scene"), fault);
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("lab");
        for run in 0..4 {
            let mut child = child(&lab, &out);
            let delay = Duration::from_millis(10 + step * 6 + run * 11);
            let _ = tokio::time::timeout(delay, child.wait()).await;
            let _ = child.kill().await;
        }
        let bake = || lab.client.bake("a robotics lab");
        let limited = bake().search_limit(Duration::from_secs(2));
        let bundle = match limited.into_dir(&out).await {
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                // It was killed before the request arrived.
                assert_eq!(lab.handle.job_count(), 0, "step {step}: {error}");
                bake().ask_again().into_dir(&out).await
            }
            baked => baked,
        };
        assert!(
            bundle.unwrap().model().path().unwrap().is_file(),
            "step {step}"
        );
        assert_eq!(lab.handle.job_count(), 1, "step {step}");
        assert_tidy(dir.path());
    }
}

#[tokio::test]
async fn a_bake_finds_and_follows_the_job_of_a_lost_response() {
    for fault in [
        Fault::DropBeforeResponse,
        Fault::CutHead(20),
        Fault::CutBody(At::Byte(5)),
    ] {
        let lab = Lab::instant().await;
        let dir = tempfile::tempdir().unwrap();
        lab.handle
            .inject(On::operation("generate_scene"), fault.clone());
        let bundle = lab
            .client
            .bake("a robotics lab")
            .into_dir(dir.path().join("lab"))
            .await;
        assert!(
            bundle
                .unwrap_or_else(|error| panic!("{fault:?}: {error:#}"))
                .model()
                .path()
                .unwrap()
                .is_file()
        );
        assert_eq!(lab.handle.job_count(), 1, "{fault:?}");
        assert_tidy(dir.path());
    }
}

#[tokio::test]
async fn a_scene_whose_job_is_unnamed_is_exported_once_it_is_finished() {
    let prompt = "a robotics lab";
    for succeeds in [true, false] {
        let lab = Lab::start(Options {
            name_jobs: false,
            ..Options::instant().with_speed(0.0)
        });
        let lab = lab.await;
        let lost = On::operation("generate_scene");
        lab.handle.inject(lost, Fault::DropBeforeResponse);
        if !succeeds {
            lab.fail_job();
        }
        let dir = tempfile::tempdir().unwrap();
        let mut bake = lab.client.bake(prompt).into_dir(dir.path().join("lab"));
        let event = bake.next().await.unwrap().unwrap();
        assert!(matches!(event, BakeEvent::Found { .. }), "{event:?}");
        let event = bake.next().await.unwrap().unwrap();
        let BakeEvent::Unnamed { scene_id } = event else {
            panic!("{event:?}")
        };
        assert_eq!(lab.handle.scenes(), [scene_id]);
        // After the first request for the status, a bake in another process may resume it.
        while lab.handle.count("scene_status") == 0 {
            assert!(futures::poll!(bake.next()).is_pending());
            tokio::task::yield_now().await;
        }
        if succeeds {
            drop(bake);
            bake = lab.client.bake(prompt).into_dir(dir.path().join("lab"));
        }
        lab.handle.finish(&lab.handle.jobs()[0].id);
        let ended = bake.await;
        assert_eq!(lab.handle.job_count(), 1);
        if succeeds {
            assert!(ended.unwrap().model().path().unwrap().is_file());
            assert_tidy(dir.path());
            continue;
        }
        let error = ended.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JobFailed, "{error}");
        assert_eq!(lab.handle.count("export_scene"), 0);
        // The journal is deleted, so the next bake starts another job.
        assert_eq!(names(dir.path()).len(), 0);
    }
}

#[tokio::test]
async fn the_events_of_a_bake_survive_serialization() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let bake = lab.client.bake("a lab").into_dir(dir.path().join("lab"));
    let events: Vec<BakeEvent> = bake.try_collect().await.unwrap();
    assert!(matches!(events.last(), Some(BakeEvent::Finished(_))));
    for event in events {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            serde_json::from_str::<BakeEvent>(&json).unwrap(),
            event,
            "{json}"
        );
    }
}
