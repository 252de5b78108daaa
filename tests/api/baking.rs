//! `bake`: one job, whatever happens on the way.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use gizmo_client::{BakeEvent, ErrorKind, Format};
use gizmo_simulator::{At, Canned, Fault, On, Options};

use crate::support::{Lab, names};

/// All files below a folder, with their contents.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

/// The folder and its journal stand in `dir`, and nothing else.
fn is_tidy(dir: &Path) {
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
    assert_eq!(bundle.model(), dir.path().join("lab/scene.usda"));
    is_tidy(dir.path());
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn what_is_baked_already_is_returned_without_a_request() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let bake = || {
        lab.client
            .bake("a robotics lab")
            .into_dir(dir.path().join("lab/"))
    };
    let first = bake().await.unwrap();
    let requests = lab.handle.total();
    assert_eq!(bake().await.unwrap().model(), first.model());
    assert_eq!(lab.handle.total(), requests);
    // The folder is gone: the scene is not.
    std::fs::remove_dir_all(dir.path().join("lab")).unwrap();
    assert!(bake().await.unwrap().model().is_file());
    assert_eq!(
        (lab.handle.job_count(), lab.handle.count("export_scene")),
        (1, 2)
    );
    is_tidy(dir.path());
}

#[tokio::test]
async fn another_prompt_or_another_folder_s_contents_are_left_alone() {
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
async fn a_job_that_failed_or_was_refused_is_started_anew_at_the_next_try() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("lab");
    let error = lab
        .client
        .bake("a doomed lab")
        .into_dir(&out)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    lab.handle.set_credits(Some(0));
    let error = lab.client.bake("a lab").into_dir(&out).await.unwrap_err();
    assert!(error.is_insufficient_credits());
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    lab.handle.set_credits(None);
    lab.client.bake("a lab").into_dir(&out).await.unwrap();
    is_tidy(dir.path());
}

#[tokio::test]
async fn a_bake_that_breaks_off_goes_on_where_it_stopped() {
    let lab = Lab::start(Options::instant().with_speed(600.0)).await;
    let dir = tempfile::tempdir().unwrap();
    let bake = || {
        lab.client
            .bake("a robotics lab")
            .into_dir(dir.path().join("lab"))
    };
    // Dropped while the job is at work.
    let mut first = bake();
    let BakeEvent::Started { job_id } = first.next().await.unwrap().unwrap() else {
        panic!("the job comes first")
    };
    drop(first);
    // The export fails for good, the job is made.
    lab.handle.inject(
        On::operation("export_scene"),
        Fault::Respond(Canned::error(409, "scene_not_ready", "Wait")),
    );
    let error = bake().await.unwrap_err();
    assert_eq!(error.code(), Some("scene_not_ready"));
    let streams = lab.handle.count("job_events");
    // And once more: neither the job nor its events are asked for again.
    let mut last = bake();
    let BakeEvent::Resumed { job_id: resumed } = last.next().await.unwrap().unwrap() else {
        panic!("it is taken up")
    };
    assert_eq!(resumed, job_id);
    last.await.unwrap();
    assert_eq!(lab.handle.count("job_events"), streams);
    assert_eq!(lab.handle.job_count(), 1);
    is_tidy(dir.path());
}

#[tokio::test]
async fn two_bakes_into_one_folder_do_not_meet() {
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
async fn an_asset_is_baked_in_its_scene() {
    let lab = Lab::instant().await;
    let scene_id = lab.scene().await.scene_id;
    let dir = tempfile::tempdir().unwrap();
    let bundle = lab
        .client
        .bake_asset(&scene_id, "a toolbox")
        .into_dir(dir.path().join("lab"))
        .await
        .unwrap();
    assert!(bundle.model().is_file());
    is_tidy(dir.path());
    let robot = lab
        .client
        .bake_asset(&scene_id, "a toolbox")
        .robot_profile("franka");
    let error = robot.into_dir(dir.path().join("other")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn one_failing_prompt_does_not_stop_the_rest_and_the_rest_is_not_done_again() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let prompts = [
        "a kitchen",
        "a doomed lab",
        "a garage",
        "a kitchen",
        "an office",
    ];
    let all = || lab.client.bake_all(prompts).at_once(2).into_dir(dir.path());
    let summary = all().await;
    let failed: Vec<_> = summary
        .failed()
        .map(|baked| baked.prompt.as_str())
        .collect();
    assert_eq!(failed, ["a doomed lab"]);
    assert_eq!(
        summary
            .baked
            .iter()
            .map(|baked| baked.prompt.as_str())
            .collect::<Vec<_>>(),
        prompts
    );
    assert!(summary.baked[1].job_id.is_some());
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(
        serde_json::from_str::<gizmo_client::BakeSummary>(&text).unwrap(),
        summary
    );
    assert_eq!(lab.handle.job_count(), 5);
    assert_eq!(all().await.failed().count(), 1);
    assert_eq!(lab.handle.job_count(), 6);
}

#[tokio::test]
async fn a_cut_export_and_a_spoilt_archive_are_mended() {
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
    is_tidy(dir.path());
    assert_eq!(lab.handle.count("export_scene"), 3);
}

/// Where the child process below bakes from and to.
const CHILD: &str = "GIZMO_TEST_BAKE";

#[tokio::test]
#[ignore = "the process that `a_killed_bake_goes_on_with_one_job_and_the_same_files` starts"]
async fn a_bake_to_be_killed() {
    let Ok(orders) = std::env::var(CHILD) else {
        return;
    };
    let (url, path) = serde_json::from_str::<(String, String)>(&orders).unwrap();
    let client = gizmo_client::Client::builder()
        .api_key("gzm_k1_simulator")
        .base_url(url)
        .build()
        .unwrap();
    client.bake("a robotics lab").into_dir(path).await.unwrap();
}

#[tokio::test]
async fn a_killed_bake_goes_on_with_one_job_and_the_same_files() {
    let mut wanted = None;
    for moment in 0..50_u64 {
        // The same seed: the same ids and files each time.
        let lab = Lab::start(Options::instant().with_speed(3_600.0)).await;
        lab.handle.inject(
            On::operation("export_scene").always(),
            Fault::Trickle(2_000, Duration::from_millis(1)),
        );
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("lab");
        let orders = serde_json::to_string(&(lab.simulator.url(), &out)).unwrap();
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "baking::a_bake_to_be_killed", "--ignored"])
            .env(CHILD, &orders)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let delay = Duration::from_millis(5 + moment * 4);
        let _ = tokio::time::timeout(delay, child.wait()).await;
        let _ = child.kill().await;
        let bundle = lab
            .client
            .bake("a robotics lab")
            .into_dir(&out)
            .await
            .unwrap();
        assert!(bundle.model().is_file());
        assert_eq!(lab.handle.job_count(), 1, "killed after {delay:?}");
        is_tidy(dir.path());
        let found = contents(&out);
        assert_eq!(
            &found,
            wanted.get_or_insert_with(|| found.clone()),
            "killed after {delay:?}"
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_again_and_its_job_goes_on() {
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
                .is_file()
        );
        assert_eq!(lab.handle.job_count(), 1, "{fault:?}");
        is_tidy(dir.path());
    }
}

#[tokio::test]
async fn a_scene_whose_job_nobody_names_is_exported_once_it_is_made() {
    for (prompt, made) in [("a robotics lab", true), ("a doomed lab", false)] {
        let lab = Lab::start(Options {
            name_jobs: false,
            ..Options::instant().with_speed(0.0)
        });
        let lab = lab.await;
        let lost = On::operation("generate_scene");
        lab.handle.inject(lost, Fault::DropBeforeResponse);
        let dir = tempfile::tempdir().unwrap();
        let mut bake = lab.client.bake(prompt).into_dir(dir.path().join("lab"));
        let event = bake.next().await.unwrap().unwrap();
        let BakeEvent::Unnamed { scene_id } = event else {
            panic!("{event:?}")
        };
        assert_eq!(lab.handle.scenes(), [scene_id]);
        // Once it has been seen at work, it goes on; perhaps in another process.
        while lab.handle.count("scene_status") == 0 {
            assert!(futures::poll!(bake.next()).is_pending());
            tokio::task::yield_now().await;
        }
        if made {
            drop(bake);
            bake = lab.client.bake(prompt).into_dir(dir.path().join("lab"));
        }
        lab.handle.finish(&lab.handle.jobs()[0].id);
        let ended = bake.await;
        assert_eq!(lab.handle.job_count(), 1);
        if made {
            assert!(ended.unwrap().model().is_file());
            is_tidy(dir.path());
            continue;
        }
        let error = ended.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JobFailed, "{error}");
        assert_eq!(lab.handle.count("export_scene"), 0);
        // It is forgotten: the next try asks for another.
        assert_eq!(names(dir.path()).len(), 0);
    }
}
