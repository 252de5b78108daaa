//! Many prompts: their settings, their manifest, and the example `dataset`, run as a program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures::TryStreamExt;
use gizmo_client::{BakeAllEventKind, BakeEvent, BakePrompt, Bundle, ErrorKind, Format};
use gizmo_simulator::{Fault, On, Options};
use serde_json::{Value, json};

use crate::support::{Lab, example, names};

/// Returns the lines of the manifest in a directory.
fn manifest(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("gizmo-manifest.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Counts the lines of a manifest by their state, and asserts that each states what its state promises.
fn states(dir: &Path, prompts: &[String]) -> BTreeMap<String, usize> {
    let lines = manifest(dir);
    let listed: Vec<&str> = lines
        .iter()
        .map(|line| line["request"]["prompt"].as_str().unwrap())
        .collect();
    assert_eq!(listed, prompts);
    let mut states = BTreeMap::new();
    for line in &lines {
        let state = line["state"].as_str().unwrap();
        *states.entry(state.to_owned()).or_default() += 1;
        let has = |member: &str| line[member].is_string();
        match state {
            "done" => {
                assert!(has("scene_id") && has("job_id") && !has("error"), "{line}");
                assert_eq!(line["archive"]["sha256"].as_str().unwrap().len(), 64);
                let bundle = Bundle::open(dir.join(line["name"].as_str().unwrap())).unwrap();
                assert!(dir.join(line["model"].as_str().unwrap()).is_file());
                assert!(bundle.verify().unwrap().is_empty());
                let provenance = bundle.provenance().unwrap().unwrap();
                assert_eq!(provenance.archive.sha256, line["archive"]["sha256"]);
                assert_eq!(provenance.scene_id.as_deref(), line["scene_id"].as_str());
            }
            "running" => assert!(!has("error"), "{line}"),
            "failed" => assert!(has("error"), "{line}"),
            "pending" => assert!(!has("job_id") && !has("error"), "{line}"),
            other => panic!("{other}"),
        }
    }
    states
}

#[tokio::test]
async fn fifty_prompts_survive_two_kills_and_an_empty_account() {
    let lab = Lab::start(Options {
        name_jobs: true,
        ..Options::default().with_speed(3_000.0)
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("prompts.txt"), dir.path().join("scenes"));
    let prompts: Vec<String> = (0..50)
        .map(|number| format!("a lab with {number} crates"))
        .collect();
    std::fs::write(&file, prompts.join("\n\n")).unwrap();
    let command = || {
        let mut command = example("dataset");
        command.arg(&file).arg("--out").arg(&out);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        lab.environment(&mut command);
        command
    };
    let killed_after = async |scenes: usize| {
        let mut running = command().spawn().unwrap();
        let done = || {
            let text = std::fs::read_to_string(out.join("gizmo-manifest.jsonl"));
            text.map_or(0, |text| text.matches("\"state\":\"done\"").count())
        };
        while done() < scenes {
            assert!(running.try_wait().unwrap().is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running.kill().await.unwrap();
        states(&out, &prompts)
    };

    let first = killed_after(10).await;
    assert!(first["done"] >= 10 && first["pending"] > 0, "{first:?}");
    let second = killed_after(20).await;
    assert!(second["done"] >= 20, "{second:?}");
    assert_eq!(second.get("failed"), None);

    // The credits suffice for five more.
    lab.handle.set_credits(Some(5));
    // A process that is killed between its journal and its request leaves an unknown outcome.
    let consenting = || {
        let mut command = command();
        command.arg("--ask-again");
        command
    };
    let output = consenting().output().await.unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("failed, such as: ") && stderr.contains("insufficient_credits"),
        "{stderr}"
    );
    let third = states(&out, &prompts);
    assert_eq!(third["done"] + third["failed"], 50, "{third:?}");

    lab.handle.set_credits(None);
    let output = consenting().output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(
        states(&out, &prompts),
        BTreeMap::from([("done".to_owned(), 50)])
    );
    assert_eq!(lab.handle.job_count(), 50);
    let scenes: BTreeSet<_> = manifest(&out)
        .iter()
        .map(|line| line["scene_id"].to_string())
        .collect();
    assert_eq!(scenes.len(), 50);
    // Nothing changes in a run that has nothing to do.
    let before = std::fs::read(out.join("gizmo-manifest.jsonl")).unwrap();
    let requests = lab.handle.total();
    assert!(command().status().await.unwrap().success());
    assert_eq!(
        std::fs::read(out.join("gizmo-manifest.jsonl")).unwrap(),
        before
    );
    assert_eq!(lab.handle.total(), requests);
}

#[tokio::test]
async fn the_prompts_of_a_file_have_their_settings() {
    let lab = Lab::instant().await;
    for (name, text) in [
        (
            "prompts.csv",
            "prompt,name,format,slim\n\"a lab, small\",lab-01,usd,false\na kitchen,,,true\n  ,,,false\n",
        ),
        (
            "prompts.jsonl",
            "{\"prompt\": \"a lab, small\", \"name\": \"lab-01\", \"format\": \"usd\"}\n\n\
             {\"prompt\": \"a kitchen\", \"slim\": true}\n",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (file, out) = (dir.path().join(name), dir.path().join("scenes"));
        std::fs::write(&file, text).unwrap();
        let mut command = example("dataset");
        let output = lab
            .environment(command.arg(&file).arg("--out").arg(&out))
            .output()
            .await
            .unwrap();
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let requests: Vec<_> = manifest(&out)
            .iter()
            .map(|line| line["request"].clone())
            .collect();
        assert_eq!(
            requests,
            [
                json!({"prompt": "a lab, small", "name": "lab-01", "format": "usd"}),
                json!({"prompt": "a kitchen", "format": "mjcf", "slim": true}),
            ],
            "{name}"
        );
        assert!(out.join("lab-01/gizmo-provenance.json").is_file());
        let report: Value =
            serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
        assert_eq!(report["baked"].as_array().unwrap().len(), 2);
    }
    for (name, text, why) in [
        (
            "prompts.csv",
            "prompt,colour\na lab,red\n",
            "unknown field `colour`",
        ),
        ("prompts.jsonl", "{\"prompt\": 1}\n", "line 1"),
        ("absent.txt", "", "absent.txt"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        if !text.is_empty() {
            std::fs::write(&file, text).unwrap();
        }
        let mut command = example("dataset");
        let output = lab
            .environment(command.arg(&file))
            .current_dir(&dir)
            .output()
            .await
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && stderr.contains(why),
            "{name}: {stderr}"
        );
        assert_eq!(names(dir.path()).len(), usize::from(!text.is_empty()));
    }
}

#[tokio::test]
async fn the_events_of_many_bakes_are_one_stream() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let prompts = [
        BakePrompt::new("  "),
        BakePrompt::new("a lab").name("lab"),
        BakePrompt::new("a lab").name("lab"),
        BakePrompt::new("a kitchen").name("../kitchen"),
        BakePrompt::new("a garage").slim().format(Format::Usd),
    ];
    let all = lab.client.bake_all(prompts).at_once(8).into_dir(dir.path());
    let events: Vec<_> = all.try_collect().await.unwrap();
    let mut ended = BTreeMap::new();
    for event in &events {
        match &event.kind {
            BakeAllEventKind::Ended(baked) => {
                assert_eq!(baked.prompt, event.prompt);
                ended.insert(event.index, baked.error.clone().unwrap_or_default());
            }
            _ => assert_eq!((event.index, event.prompt.as_str()), (1, "a lab")),
        }
    }
    let is_download =
        |kind: &BakeAllEventKind| matches!(kind, BakeAllEventKind::Bake(BakeEvent::Download(_)));
    assert!(events.iter().any(|event| is_download(&event.kind)));
    assert_eq!(ended.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(ended[&1], "");
    assert!(
        ended[&2].contains("another prompt has the name `lab`"),
        "{ended:?}"
    );
    assert!(
        ended[&3].contains("`../kitchen` is not the name"),
        "{ended:?}"
    );
    assert!(ended[&4].contains("only MJCF can be slimmed"), "{ended:?}");
    assert_eq!(lab.handle.job_count(), 1);
    let text = serde_json::to_string(&events[0]).unwrap();
    assert_eq!(
        serde_json::from_str::<gizmo_client::BakeAllEvent>(&text).unwrap(),
        events[0]
    );
}

#[tokio::test]
async fn the_manifest_keeps_the_scenes_of_earlier_prompts() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let bake = async |prompts: &[&str]| {
        let prompts = prompts
            .iter()
            .map(|prompt| BakePrompt::new(*prompt).name(*prompt));
        let summary = lab
            .client
            .bake_all(prompts)
            .into_dir(dir.path())
            .await
            .unwrap();
        assert_eq!(summary.failed().count(), 0, "{summary:?}");
        let lines = manifest(dir.path()).into_iter();
        lines
            .map(|line| format!("{} {}", line["name"], line["state"]))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(bake(&["a", "b"]).await, r#""a" "done", "b" "done""#);
    assert_eq!(
        bake(&["c", "b"]).await,
        r#""c" "done", "b" "done", "a" "done""#
    );
    assert_eq!(lab.handle.job_count(), 3);

    // One process writes it at a time.
    let mut running = lab.client.bake_all(["d"]).into_dir(dir.path());
    running.try_next().await.unwrap();
    let error = lab
        .client
        .bake_all(["e"])
        .into_dir(dir.path())
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("another process is baking into it"),
        "{error:#}"
    );
    assert_eq!(running.await.unwrap().failed().count(), 0);
    assert!(!names(dir.path()).contains("gizmo-manifest.lock"));

    // A file that is no manifest is not replaced.
    let path = dir.path().join("gizmo-manifest.jsonl");
    std::fs::write(&path, "my notes\n").unwrap();
    let error = lab
        .client
        .bake_all(["d"])
        .into_dir(dir.path())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("line 1 of"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "my notes\n");
    assert_eq!(lab.handle.job_count(), 4);
}

#[tokio::test]
async fn a_bundle_knows_its_origin_and_what_has_changed() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let lab_dir = dir.path().join("lab");
    let bake = || {
        lab.client
            .bake("a robotics lab")
            .robot_profile("franka")
            .into_dir(&lab_dir)
    };
    // The first export breaks.
    lab.handle.inject(
        On::operation("export_scene"),
        Fault::CutBody(gizmo_simulator::At::Percent(50.0)),
    );
    let bundle = bake().await.unwrap();
    let provenance = bundle.provenance().unwrap().unwrap();
    assert_eq!(provenance.request.prompt, "a robotics lab");
    assert_eq!(provenance.request.format, Some(Format::Mjcf));
    assert_eq!(provenance.request.robot_profile.as_deref(), Some("franka"));
    assert_eq!(provenance.service, lab.client.base_url());
    assert_eq!(
        provenance.job_id.as_deref(),
        Some(&*lab.handle.jobs()[0].id)
    );
    assert_eq!(
        provenance.scene_id.as_deref(),
        Some(&*lab.handle.scenes()[0])
    );
    assert!(
        provenance.client.starts_with("gizmo-client "),
        "{provenance:?}"
    );
    let times = [
        &provenance.requested_at,
        &provenance.completed_at,
        &provenance.unpacked_at,
    ];
    assert!(
        times.iter().all(|time| time.is_some()) && times.is_sorted(),
        "{times:?}"
    );
    assert_eq!(provenance.files.len() + 1, bundle.files().len());
    // The hash is that of sha256sum.
    let first = &provenance.files[0];
    let output = std::process::Command::new("sha256sum")
        .arg(lab_dir.join(&first.path))
        .output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    assert_eq!(output.split(' ').next(), Some(&*first.hash.sha256));
    // A resumed bake knows it as well, and so does a copy.
    assert_eq!(
        bake().await.unwrap().provenance().unwrap().as_ref(),
        Some(&provenance)
    );
    let copy = dir.path().join("copy");
    std::fs::rename(&lab_dir, &copy).unwrap();
    let bundle = Bundle::open(&copy).unwrap();
    assert_eq!(bundle.provenance().unwrap(), Some(provenance));
    assert_eq!(bundle.verify().unwrap(), []);

    let model = bundle.model().path().unwrap().to_owned();
    let mut bytes = std::fs::read(&model).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&model, bytes).unwrap();
    std::fs::write(copy.join("notes.txt"), "mine").unwrap();
    let other = bundle.files().iter().map(|file| file.path.clone());
    let other =
        { other }.find(|path| !path.ends_with("gizmo-provenance.json") && copy.join(path) != model);
    let other = other.unwrap();
    std::fs::remove_file(copy.join(&other)).unwrap();
    let changes = bundle.verify().unwrap();
    let changes: BTreeSet<String> = changes.iter().map(ToString::to_string).collect();
    let name = model.file_name().unwrap().to_str().unwrap();
    let expected = [
        format!("{name:?} was modified"),
        format!("{:?} was removed", other.to_str().unwrap()),
        "\"notes.txt\" was added".to_owned(),
    ];
    assert_eq!(changes, BTreeSet::from(expected));

    let file = copy.join("gizmo-provenance.json");
    for (text, why) in [
        ("{", "is not JSON"),
        ("{\"version\": 1}", "is damaged"),
        ("{\"version\": 2}", "a newer version"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = bundle.verify().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(bundle.provenance().unwrap(), None);
    assert!(
        bundle
            .verify()
            .unwrap_err()
            .to_string()
            .contains("nothing to compare")
    );
}
