//! Recordings: complete, readable again, and without anything private.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use gizmo_client::record::{Content, End, Exchange, Recording, read};
use gizmo_client::{Client, Format, RetryPolicy};
use gizmo_simulator::{At, Fault, On, Options, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{CANARY, Lab};

const PROMPT: &str = "A crimson robotics laboratory with two workbenches";

/// Reads all files of a recording.
fn files(directory: &Path) -> String {
    let entries = std::fs::read_dir(directory).unwrap();
    let all = entries.map(|entry| {
        let path = entry.unwrap().path();
        format!(
            "{}\n{}",
            path.display(),
            std::fs::read_to_string(&path).unwrap()
        )
    });
    all.collect()
}

fn exchanges(directory: &Path) -> Vec<Exchange> {
    read(directory).unwrap().1
}

fn of<'e>(all: &'e [Exchange], operation: &str) -> &'e Exchange {
    let mut all = all.iter();
    all.find(|exchange| exchange.operation.as_deref() == Some(operation))
        .unwrap()
}

fn body(exchange: &Exchange) -> &Content {
    &exchange.response.as_ref().unwrap().body
}

/// What a program sees of a complete run.
#[derive(Debug, PartialEq)]
struct Seen {
    scenes: usize,
    events: Vec<String>,
    files: Vec<String>,
    error: String,
}

/// Lists, generates, follows, downloads, and asks for a scene that does not exist.
async fn run(client: &Client, into: &Path) -> (Seen, [String; 2]) {
    let page = client.list_scenes().limit(5).send().await.unwrap();
    let job = client
        .generate_scene()
        .prompt(PROMPT)
        .start()
        .await
        .unwrap();
    let job_id = job.id().to_string();
    let mut events = job.events();
    let mut names = Vec::new();
    while let Some(event) = events.next().await {
        names.push(event.unwrap().name().to_owned());
    }
    let scene_id = job.wait().await.unwrap().scene_id.clone();
    let listed = client.list_scenes().send().await.unwrap();
    assert_eq!(listed.items.len(), page.items.len() + 1);
    let export = client
        .export_scene()
        .scene_id(&scene_id)
        .format(Format::Mjcf);
    export.download().await.unwrap().unpack(into).await.unwrap();
    let mut files: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(into).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        files.push(name.replace(&scene_id, "ID"));
    }
    files.sort();
    let missing = client.get_scene().scene_id("nosuchscene77").send().await;
    let error = missing.unwrap_err().code().unwrap_or_default().to_owned();
    let seen = Seen {
        scenes: page.items.len(),
        events: names,
        files,
        error,
    };
    (seen, [job_id, scene_id])
}

#[tokio::test]
async fn a_complete_run_is_recorded_without_anything_private() {
    let directory = tempfile::tempdir().unwrap();
    let recording = Recording::create(directory.path().join("recording")).unwrap();
    let recorded = directory.path().join("recording");
    let lab = Lab::instant().await;
    let client = Lab::client_of(&lab.simulator)
        .record(&recording)
        .build()
        .unwrap();
    let (seen, ids) = run(&client, &directory.path().join("lab")).await;
    drop(client);
    recording.check().unwrap();

    let text = files(&recorded).replace(directory.path().to_str().unwrap(), "");
    let key = lab.simulator.api_key();
    let words = PROMPT
        .split(' ')
        .filter(|word| word.len() > 3 && *word != "with");
    let ids = ids.iter().map(String::as_str);
    for private in words
        .chain(ids)
        .chain([key, PROMPT, "nosuchscene77", "127.0.0.1"])
    {
        let at = text.to_lowercase().find(&private.to_lowercase());
        let around = at.map(|at| text.get(at.saturating_sub(200)..at + 100));
        assert_eq!(around, None, "{private}");
    }

    let all = exchanges(&recorded);
    let numbers: Vec<u32> = all.iter().map(|exchange| exchange.number).collect();
    assert!(
        numbers
            .iter()
            .copied()
            .eq(1..=u32::try_from(all.len()).unwrap())
    );
    assert!(
        all.iter()
            .all(|exchange| exchange.operation.is_some() && exchange.failure.is_none())
    );
    assert!(all.iter().all(|exchange| {
        exchange
            .request
            .headers
            .contains(&("authorization".into(), "Bearer".into()))
    }));
    let generated = of(&all, "generate_scene");
    let Content::Json(request) = &generated.request.body else {
        panic!("{generated:?}")
    };
    let prompt = request["prompt"].as_str().unwrap();
    assert_eq!(prompt.split(' ').count(), PROMPT.split(' ').count());
    let Content::Json(response) = body(generated) else {
        panic!("{generated:?}")
    };
    assert_eq!(response["status"], "queued");
    let id = response["job_id"].as_str().unwrap();
    let stream = of(&all, "job_events");
    assert!(
        stream
            .request
            .target
            .starts_with(&format!("/v1/jobs/{id}/events")),
        "{stream:?}"
    );
    let Content::Events(blocks) = body(stream) else {
        panic!("{stream:?}")
    };
    let named = |name: &str| {
        blocks
            .iter()
            .filter(|block| block.text.contains(&format!("event: {name}\n")))
            .count()
    };
    assert!(
        blocks.len() >= seen.events.len() && named("job_succeeded") == 1,
        "{blocks:?}"
    );
    assert!(blocks.is_sorted_by(|a, b| a.after <= b.after));
    let Content::Archive { size, entries } = body(of(&all, "export_scene")) else {
        panic!("{all:?}")
    };
    assert!(
        *size > 100
            && entries
                .iter()
                .any(|entry| entry.name.contains(".xml") && entry.method == 8),
        "{entries:?}"
    );
    let missing = of(&all, "get_scene").response.as_ref().unwrap();
    assert_eq!(missing.status, 404);
    let Content::Json(error) = &missing.body else {
        panic!("{missing:?}")
    };
    assert_eq!(error["error"]["code"], "scene_not_found");
}

#[tokio::test]
async fn a_client_behaves_the_same_with_and_without_a_recording() {
    let directory = tempfile::tempdir().unwrap();
    let recording = Recording::create(directory.path().join("recording")).unwrap();
    let mut seen = Vec::new();
    for recorded in [true, false] {
        let lab = Lab::instant().await;
        let builder = Lab::client_of(&lab.simulator);
        let builder = if recorded {
            builder.record(&recording)
        } else {
            builder
        };
        let into = directory.path().join(format!("lab-{recorded}"));
        seen.push(run(&builder.build().unwrap(), &into).await.0);
        assert_eq!(lab.handle.count("generate_scene"), 1);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(
        seen[0].events.len() > 5 && seen[0].files.len() > 1 && seen[0].error == "scene_not_found"
    );
}

#[tokio::test]
async fn an_error_is_the_same_with_and_without_a_recording() {
    let directory = tempfile::tempdir().unwrap();
    let recording = Recording::create(directory.path()).unwrap();
    let lab = Lab::instant().await;
    for fault in [
        || Fault::CutBody(At::Percent(50.0)),
        || Fault::StallBody(At::Percent(50.0)),
        || Fault::DropBeforeResponse,
        || Fault::CutHead(10),
    ] {
        let mut errors = Vec::new();
        for recorded in [true, false] {
            let builder = Lab::client_of(&lab.simulator).retry_policy(RetryPolicy::none());
            let builder = builder.idle_timeout(Duration::from_millis(40));
            let builder = if recorded {
                builder.record(&recording)
            } else {
                builder
            };
            lab.handle.inject(On::operation("list_scenes"), fault());
            let error = builder
                .build()
                .unwrap()
                .list_scenes()
                .send()
                .await
                .unwrap_err();
            lab.handle.clear_faults();
            errors.push((error.kind(), error.to_string(), error.is_outcome_unknown()));
        }
        assert_eq!(errors[0], errors[1]);
    }
    let all = exchanges(directory.path());
    let ends = all.iter().map(|exchange| match &exchange.response {
        Some(response) => format!("{:?}", response.end),
        None => exchange.failure.clone().unwrap(),
    });
    assert_eq!(
        ends.collect::<Vec<_>>(),
        ["Broken", "Dropped", "transport", "transport"]
    );
}

#[tokio::test]
async fn a_recorded_response_is_the_response() {
    let lab = Lab::instant().await;
    let directory = tempfile::tempdir().unwrap();
    let recording = Recording::create(directory.path()).unwrap();
    let client = Lab::client_of(&lab.simulator)
        .record(&recording)
        .build()
        .unwrap();
    let http = reqwest::Client::new();
    let request = |path: &str| {
        http.get(format!("{}{path}", lab.simulator.url()))
            .build()
            .unwrap()
    };
    for path in ["/v1/scenes?limit=7", "/v1/nothing", "/v1/openapi.json"] {
        let plain = http.execute(request(path)).await.unwrap();
        let recorded = recording.execute(&http, request(path)).await.unwrap();
        assert_eq!(plain.status(), recorded.status());
        assert_eq!(plain.url(), recorded.url());
        assert_eq!(plain.version(), recorded.version());
        assert_eq!(plain.content_length(), recorded.content_length());
        assert!(plain.remote_addr().is_some() && plain.remote_addr() == recorded.remote_addr());
        let names =
            |response: &reqwest::Response| response.headers().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&plain), names(&recorded));
        assert_eq!(
            plain.bytes().await.unwrap().len(),
            recorded.bytes().await.unwrap().len()
        );
    }
    recording.note(Some("on purpose"));
    client
        .request(gizmo_client::http::Method::GET, "/v1/usage")
        .send::<serde_json::Value>()
        .await
        .unwrap();
    recording.note(None);
    client.whoami().send().await.unwrap();

    let all = exchanges(directory.path());
    let operations: Vec<_> = all
        .iter()
        .map(|exchange| exchange.operation.as_deref())
        .collect();
    assert_eq!(
        operations,
        [
            Some("list_scenes"),
            None,
            None,
            Some("usage"),
            Some("whoami")
        ]
    );
    assert_eq!(all[0].request.target, "/v1/scenes?limit=7");
    assert_eq!(all[0].response.as_ref().unwrap().status, 401);
    assert!(
        all.iter()
            .all(|exchange| exchange.response.as_ref().unwrap().end == End::Complete)
    );
    let notes: Vec<_> = all
        .iter()
        .map(|exchange| exchange.note.as_deref())
        .collect();
    assert_eq!(notes, [None, None, None, Some("on purpose"), None]);
    let again = Recording::create(directory.path()).unwrap_err();
    assert_eq!(again.kind(), gizmo_client::ErrorKind::Io);
}

#[tokio::test]
async fn a_body_that_is_dropped_or_breaks_off_is_recorded_as_such() {
    let lab = Lab::instant().await;
    let directory = tempfile::tempdir().unwrap();
    let recording = Recording::create(directory.path()).unwrap();
    let builder = Lab::client_of(&lab.simulator).retry_policy(RetryPolicy::none());
    let client = builder.record(&recording).build().unwrap();
    let scene = lab.scene().await;
    let export = || {
        client
            .export_scene()
            .scene_id(&scene.scene_id)
            .format(Format::Mjcf)
    };

    lab.handle.inject(
        On::operation("export_scene"),
        Fault::StallBody(At::Percent(50.0)),
    );
    let response = export().send().await.unwrap();
    let mut stream = response.into_inner();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    lab.handle.clear_faults();
    lab.handle.inject(
        On::operation("export_scene"),
        Fault::CutBody(At::Percent(50.0)),
    );
    let mut stream = export().send().await.unwrap().into_inner();
    while let Some(Ok(_)) = stream.next().await {}
    drop(stream);

    let all = exchanges(directory.path());
    let ends: Vec<_> = all
        .iter()
        .map(|exchange| exchange.response.as_ref().unwrap().end)
        .collect();
    assert_eq!(ends, [End::Dropped, End::Broken]);
    assert!(
        all.iter()
            .all(|exchange| matches!(body(exchange), Content::Bytes(1..))),
        "{all:?}"
    );
}

#[tokio::test]
async fn a_request_without_a_response_is_recorded_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let recording = Recording::create(directory.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = |idle: u64| {
        let builder = Client::builder()
            .api_key(CANARY)
            .base_url(format!("http://{address}"));
        let builder = builder
            .retry_policy(RetryPolicy::none())
            .idle_timeout(Duration::from_millis(idle));
        builder.record(&recording).build().unwrap()
    };
    // The first connection stays silent. The second one is closed after the request.
    let server = tokio::spawn(async move {
        let (silent, _) = listener.accept().await.unwrap();
        let (mut closed, _) = listener.accept().await.unwrap();
        let _ = closed.read(&mut [0; 4096]).await;
        closed.shutdown().await.unwrap();
        drop(closed);
        drop(listener);
        silent
    });
    client(30).whoami().send().await.unwrap_err();
    client(5_000).usage().send().await.unwrap_err();
    let silent = server.await.unwrap();
    client(5_000).list_scenes().send().await.unwrap_err();
    let http = reqwest::Client::builder()
        .timeout(Duration::from_millis(30))
        .build()
        .unwrap();
    drop(silent);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/crimson?token=canary",
        listener.local_addr().unwrap()
    );
    recording
        .execute(&http, http.get(url).build().unwrap())
        .await
        .unwrap_err();

    recording.check().unwrap();
    let all = exchanges(directory.path());
    let failures: Vec<_> = all
        .iter()
        .map(|exchange| (exchange.operation.as_deref(), exchange.failure.as_deref()))
        .collect();
    assert_eq!(
        failures,
        [
            (Some("whoami"), Some("dropped")),
            (Some("usage"), Some("transport")),
            (Some("list_scenes"), Some("connect")),
            (None, Some("timeout")),
        ]
    );
    assert!(all.iter().all(|exchange| exchange.response.is_none()));
    assert_eq!(all[3].request.target, "http://host-1/w1xxxxx?\u{2026}");
    assert!(!files(directory.path()).contains("canary"));
}

#[tokio::test]
async fn a_directory_that_is_lost_is_reported_and_disturbs_no_request() {
    let simulator = Simulator::start(Options::instant()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording");
    let recording = Recording::create(&path).unwrap();
    let client = Lab::client_of(&simulator)
        .record(&recording)
        .build()
        .unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    client.whoami().send().await.unwrap();
    let error = recording.check().unwrap_err();
    assert_eq!(error.kind(), gizmo_client::ErrorKind::Io);
    assert!(error.to_string().contains("0001-whoami.json"), "{error}");
}

#[tokio::test]
async fn a_word_that_is_named_as_private_is_replaced_from_the_start() {
    let server = httpmock::MockServer::start_async().await;
    server.mock(|when, then| {
        when.any_request();
        let item = serde_json::json!({"ok": true, "kind": "workbench", "type": "catalog_crimson"});
        then.status(200).json_body(item);
    });
    for (private, is_kept) in [("", true), ("Two crimson workbenches", false)] {
        let directory = tempfile::tempdir().unwrap();
        let recording = Recording::create(directory.path()).unwrap();
        recording.private(private);
        let http = reqwest::Client::new();
        let request = http.get(server.base_url()).build().unwrap();
        let response = recording.execute(&http, request).await.unwrap();
        response.bytes().await.unwrap();
        let text = files(directory.path());
        assert_eq!(text.contains("workbench"), is_kept);
        assert_eq!(text.contains("crimson"), is_kept);
    }
}
