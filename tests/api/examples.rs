//! The examples, run as programs that print lines. `alpha_workcell`, `bake` and `progress_page`
//! have their own files.

use gizmo_simulator::{Fault, On, Options};
use serde_json::{Value, json};

use crate::support::{CANARY, Lab, example};

/// Runs an example that must succeed, and returns the lines that it prints.
async fn lines(lab: &Lab, name: &str, arguments: &[&str]) -> Vec<String> {
    let mut command = example(name);
    let output = lab.environment(&mut command).args(arguments).output();
    let output = output.await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && stderr.is_empty(),
        "{name}: {stderr}"
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn events_prints_a_line_for_each_event_that_the_service_sends() {
    let lab = Lab::start(Options::instant().documented()).await;
    let job = lab.scene().await;
    let lines = lines(&lab, "events", &[&job.id]).await;
    assert!(lines[0].starts_with("   1  stage_start     {"), "{lines:?}");
    assert!(
        lines.last().unwrap().contains("\"status\":\"succeeded\""),
        "{lines:?}"
    );
    assert_eq!(lines.len(), lab.handle.job(&job.id).unwrap().events);
}

#[tokio::test]
async fn resume_continues_after_the_last_event_of_the_previous_run() {
    let lab = Lab::start(Options::instant().documented()).await;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state.json");
    let arguments = ["a lab", "--state", state.to_str().unwrap()];
    let mut events = Vec::new();
    for most in ["3", "4"] {
        let arguments = [&arguments[..], &["--most", most]].concat();
        let run = lines(&lab, "resume", &arguments).await;
        let (first, rest) = run.split_first().unwrap();
        assert!(
            first.ends_with(&format!(" after event {}", events.len())),
            "{run:?}"
        );
        events.extend_from_slice(rest);
    }
    events.extend_from_slice(&lines(&lab, "resume", &arguments).await[1..]);
    assert_eq!(lab.handle.job_count(), 1);
    assert_eq!(events.len(), lab.handle.jobs()[0].events);
    assert_eq!(events.last().unwrap(), "done succeeded");
    assert!(!state.exists(), "a job that has ended is not resumed");
}

#[tokio::test]
async fn catalog_prints_all_pages_and_downloads_a_model() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("lamp.glb");
    let arguments = ["lamp", "--page", "2", "--out", out.to_str().unwrap()];
    let lines = lines(&lab, "catalog", &arguments).await;
    let pages = lab.handle.count("search_catalog");
    assert!(pages > 1 && lines.len() > 3, "{pages} {lines:?}");
    let (last_line, items) = lines.split_last().unwrap();
    assert!(items.iter().all(|line| line.contains("lamp")), "{items:?}");
    let glb = std::fs::read(&out).unwrap();
    assert!(glb.starts_with(b"glTF"));
    assert_eq!(
        *last_line,
        format!("{} ({} bytes)", out.display(), glb.len())
    );
}

#[tokio::test]
async fn edit_prints_the_changes() {
    let lab = Lab::instant().await;
    let scene = lab.scene().await.scene_id;
    let lines = lines(&lab, "edit", &[&scene, "add a shelf"]).await;
    assert!(
        lines.contains(&"~ /revision 1 -> 2".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"+ /edits/0 \"add a shelf\"".to_owned()),
        "{lines:?}"
    );
    let added = |line: &String| line.starts_with("+ /assets/") && line.contains("shelf");
    assert!(lines.iter().any(added), "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.starts_with("- ")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn tool_schema_prints_tools_that_accept_what_the_service_accepts() {
    let output = example("tool_schema").output().await.unwrap();
    let tools: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["generate_scene", "generate_asset"]);
    for tool in &tools {
        let schema = &tool["input_schema"];
        jsonschema::meta::validate(schema).unwrap();
        let validator = jsonschema::validator_for(schema).unwrap();
        for (arguments, valid) in [
            (json!({ "prompt": "a lab" }), true),
            (
                json!({ "prompt": "a lab", "asset_pipeline": "cad", "persist": false }),
                true,
            ),
            (json!({}), false),
            (json!({ "prompt": 1 }), false),
            (json!({ "prompt": "" }), false),
            (
                json!({ "prompt": "a lab", "asset_pipeline": "clay" }),
                false,
            ),
            (json!({ "prompt": "a lab", "colour": "red" }), false),
        ] {
            assert_eq!(
                validator.is_valid(&arguments),
                valid,
                "{} {arguments}",
                tool["name"]
            );
        }
        let properties = &schema["properties"];
        assert_eq!(properties["persist"]["default"], true);
        assert_eq!(properties["asset_pipeline"]["default"], "auto");
    }
    let images = &tools[0]["input_schema"]["properties"]["reference_images"];
    assert_eq!(images["maxItems"], 3);
    let scene: gizmo_client::types::GenerateSceneBody =
        serde_json::from_value(json!({ "prompt": "a lab", "asset_pipeline": "cad" })).unwrap();
    assert_eq!(scene.prompt, "a lab");
}

#[tokio::test]
async fn a_failure_is_one_line() {
    let lab = Lab::start(Options::instant()).await;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state.json");
    std::fs::write(&state, "{").unwrap();
    let state = state.to_str().unwrap();
    let key = lab.simulator.api_key();
    for (name, arguments, key, message) in [
        (
            "events",
            &[][..],
            key,
            "the job id is missing; usage: events JOB_ID",
        ),
        ("events", &["job_x"], key, "job_events: 404 job_not_found: "),
        (
            "events",
            &["job_x"],
            CANARY,
            "job_events: 401 authentication_required: ",
        ),
        ("resume", &["a lab"], "", "GIZMO_API_KEY is not set; "),
        ("resume", &["a lab", "--state", state], key, "`"),
        (
            "catalog",
            &["no such thing"],
            key,
            "no catalog item matches `no such thing`",
        ),
        (
            "edit",
            &["sc_x", "add"],
            key,
            "get_scene: 404 scene_not_found: ",
        ),
        ("alpha_workcell", &[], CANARY, "create_asset: 401 "),
        (
            "progress_page",
            &[],
            key,
            "the prompt is missing; usage: progress_page PROMPT",
        ),
        (
            "progress_page",
            &["a lab"],
            CANARY,
            "generate_scene: 401 authentication_required: ",
        ),
    ] {
        let mut command = example(name);
        let command = lab.environment(&mut command).args(arguments);
        let command = command.env("GIZMO_API_KEY", key).current_dir(dir.path());
        let output = command.output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.starts_with(&format!("Error: {message}")),
            "{name}: {stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(!stderr.contains("canary"), "{stderr}");
        assert_eq!(
            (output.status.code(), output.stdout),
            (Some(1), Vec::new()),
            "{name}"
        );
    }
    assert_eq!(lab.handle.job_count(), 0);
}

#[tokio::test]
async fn raw_sends_any_request_and_names_an_unknown_outcome() {
    let lab = Lab::instant().await;
    let scene_id = lab.scene().await.scene_id;
    let run = async |arguments: &[&str]| {
        let mut command = example("raw");
        lab.environment(&mut command);
        command.args(arguments).output().await.unwrap()
    };
    let output = run(&["GET", "/v1/limits", "--header", "x-experiment: 42"]).await;
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("200 OK {"));
    let received = lab.handle.requests_of("limits");
    assert_eq!(received[0].header("x-experiment"), Some("42"));

    let vary = format!("/v1/scenes/{scene_id}/vary");
    let vary = ["POST", &vary, "{\"prompt\": \"a lamp\"}"];
    let on = On::operation("vary_scene");
    lab.handle.inject(on, Fault::DropBeforeResponse);
    let stderr = run(&vary).await.stderr;
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(
        stderr.contains("the request may have taken effect"),
        "{stderr}"
    );
    assert_eq!(lab.handle.count("vary_scene"), 1);
    let refused = run(&["POST", "/v1/scenes", "{"]).await;
    assert!(!refused.status.success());
}

#[tokio::test]
async fn blocking_bakes_without_async_code() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let mut command = example("blocking");
    lab.environment(&mut command).args(["a lab"]);
    let output = command.arg(dir.path().join("lab")).output().await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let model = stdout.lines().last().unwrap();
    assert!(std::path::Path::new(model).is_file(), "{stdout}");
}
