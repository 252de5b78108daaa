//! The observed vocabulary: the order and data of its events, and streams that stay open.

use std::time::Duration;

use gizmo_simulator::{AfterEnd, EventFault, Fault, On, Options, Vocabulary};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, End, Event, TIMEOUT, has_terminal, read_until, text};

fn inject(api: &Api, fault: EventFault) {
    let handle = api.simulator.handle();
    handle.inject(On::operation("job_events"), Fault::Events(fault));
}

/// Returns the events of a job up to its terminal event.
async fn events(api: &Api, job: &str) -> Vec<Event> {
    let stream = api.follow(&format!("/v1/jobs/{job}/events")).await;
    assert_eq!(stream.end, End::Reached);
    stream.events()
}

/// Asserts that the first events of these types are in this order.
fn assert_order(events: &[Event], types: &[&str]) {
    let first = |name: &&str| {
        let found = events.iter().position(|event| event.name == *name);
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    let positions: Vec<_> = types.iter().map(first).collect();
    assert!(positions.is_sorted(), "{types:?} at {positions:?}");
}

#[tokio::test]
async fn a_scene_job_reports_the_pipelines_events_in_order() {
    let api = Api::start(Options::default().with_speed(720.0)).await;
    let (job, scene) = api.generate("a lab with three stools").await;
    let events = events(&api, &job).await;
    assert!((200..=270).contains(&events.len()), "{}", events.len());
    for (event, number) in events.iter().zip(1_u64..) {
        assert_eq!(event.id, Some(number.to_string()));
        assert_eq!(event.data["seq"], number);
        assert_eq!(event.data["type"], event.name.as_str());
        assert_eq!(event.data["job_id"], job.as_str());
        assert!(event.data["stage"].is_string() && event.data["message"].is_string());
    }
    assert_order(
        &events,
        &[
            "job_queued",
            "modal_dispatch",
            "job_claimed",
            "job_started",
            "scene_director_started",
            "scene_director_completed",
            "asset_inventory_started",
            "asset_inventory_completed",
            "floorplan_started",
            "floorplan_completed",
            "task_plan_started",
            "task_plan_completed",
            "placement_plan_started",
            "placement_plan_completed",
            "structure_path_created",
            "structure_component_built",
            "asset_card_created",
            "asset_generation_started",
            "asset_geometry_built",
            "asset_texture_started",
            "asset_texture_completed",
            "scripting_started",
            "scripting_joint_added",
            "scripting_completed",
            "asset_completed",
            "placement_started",
            "placement_object_placed",
            "placement_completed",
            "lighting_started",
            "lighting_completed",
            "acceptance_started",
            "acceptance_check_passed",
            "acceptance_completed",
            "job_succeeded",
        ],
    );
    let last = events.last().unwrap();
    assert_eq!(
        (&last.data["status"], &last.data["scene_id"]),
        (&json!("succeeded"), &json!(scene))
    );
    let assets = api
        .get(&format!("/v1/assets?scene_id={scene}&limit=100"))
        .await
        .json();
    let mut listed: Vec<_> = assets["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| text(&asset["id"]))
        .collect();
    let completed = events
        .iter()
        .filter(|event| event.name == "asset_completed");
    let mut completed: Vec<_> = completed
        .map(|event| text(&event.data["asset_id"]))
        .collect();
    listed.sort();
    completed.sort();
    assert_eq!((listed.len(), &listed), (8, &completed));
    assert!(scene.starts_with("js7") && listed.iter().all(|id| id.starts_with("jn7")));
}

#[tokio::test]
async fn both_vocabularies_have_the_same_effects() {
    let mut worlds = Vec::new();
    for vocabulary in [Vocabulary::Documented, Vocabulary::Observed] {
        let api = Api::start(Options {
            vocabulary,
            ..Options::instant()
        })
        .await;
        api.inject(Fault::FailAsset);
        let (job, scene) = api.generate("a lab with a vase").await;
        assert_eq!(api.wait(&job).await, "succeeded");
        api.inject(Fault::FailJob);
        let (failed_job, failed) = api.generate("a lab").await;
        assert_eq!(api.wait(&failed_job).await, "failed");
        let mut world = Vec::new();
        for path in [
            format!("/v1/scenes/{scene}/status"),
            format!("/v1/scenes/{failed}/status"),
            format!("/v1/scenes/{scene}?include_record=true"),
            "/v1/assets?limit=100".to_owned(),
            format!("/v1/jobs/{job}?include_result=true"),
            format!("/v1/jobs/{failed_job}?include_result=true"),
        ] {
            let mut body = api.get(&path).await.json();
            without_times(&mut body);
            world.push(body);
        }
        worlds.push(world);
    }
    assert_eq!(worlds[0], worlds[1]);
}

/// Removes the fields that depend on the time of the test.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.ends_with("_at"));
            fields.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[tokio::test]
async fn a_stream_stays_open_and_pings_after_the_job_has_ended() {
    let api = Api::instant().await;
    let (job, _) = api.generate("a lab").await;
    let path = format!("/v1/jobs/{job}/events");
    for fault in [None, Some(EventFault::LoseTerminal)] {
        let lost = fault.is_some();
        inject(&api, EventFault::PingEvery(Duration::from_millis(5)));
        if let Some(fault) = fault {
            inject(&api, fault);
        }
        let response = api.request(Method::GET, &path).send().await.unwrap();
        let stream = read_until(response, TIMEOUT, |text| {
            text.matches("event: ping").count() >= 5
        })
        .await;
        assert_eq!(stream.end, End::Reached);
        assert_eq!(has_terminal(&stream.text), !lost);
    }
    // A stream with a cursor beyond the terminal event stays open, too.
    inject(&api, EventFault::PingEvery(Duration::from_millis(5)));
    let beyond = api.request(Method::GET, &format!("{path}?after=999"));
    let stream = read_until(beyond.send().await.unwrap(), TIMEOUT, |text| {
        text.matches("event: ping").count() >= 2
    })
    .await;
    assert_eq!((stream.end, stream.events().len()), (End::Reached, 0));

    let api = Api::start(Options {
        after_end: AfterEnd::Close,
        ..Options::instant()
    })
    .await;
    let (job, _) = api.generate("a lab").await;
    let stream = api.stream(&format!("/v1/jobs/{job}/events")).await;
    assert_eq!(stream.end, End::Clean);
    assert_eq!(stream.names().last().unwrap(), "job_succeeded");
}

#[tokio::test]
async fn a_stream_that_loses_its_terminal_event_is_not_closed() {
    let api = Api::start(Options::instant().documented()).await;
    let (job, _) = api.generate("a lab").await;
    api.wait(&job).await;
    inject(&api, EventFault::LoseTerminal);
    inject(&api, EventFault::PingEvery(Duration::from_millis(5)));
    let request = api.request(Method::GET, &format!("/v1/jobs/{job}/events"));
    let stream = read_until(request.send().await.unwrap(), TIMEOUT, |text| {
        text.matches("event: ping").count() >= 2
    })
    .await;
    assert_eq!(stream.end, End::Reached);
    assert!(!has_terminal(&stream.text));
}

#[tokio::test]
async fn a_failed_asset_does_not_fail_its_job_but_a_failed_job_does() {
    let api = Api::instant().await;
    api.inject(Fault::FailAsset);
    let (job, _) = api.generate("a lab").await;
    let reported = events(&api, &job).await;
    let failures = reported
        .iter()
        .filter(|event| event.name == "asset_generation_failed");
    let failures: Vec<_> = failures.collect();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].data["message"].is_string());
    assert_eq!(reported.last().unwrap().name, "job_succeeded");

    api.inject(Fault::FailJob);
    let (job, scene) = api.generate("a lab").await;
    let reported = events(&api, &job).await;
    let last = reported.last().unwrap();
    assert_eq!(
        (
            last.name.as_str(),
            &last.data["status"],
            &last.data["scene_id"]
        ),
        ("job_failed", &json!("failed"), &json!(scene))
    );
    assert_eq!(last.data["error"]["code"], "generation_failed");
    assert!(
        reported
            .iter()
            .all(|event| event.name != "acceptance_completed")
    );
}

#[tokio::test]
async fn the_last_event_of_a_cancelled_job_is_job_cancelled() {
    let api = Api::start(Options::default().with_speed(1.0)).await;
    let (job, _) = api.generate("a lab").await;
    let cancelled = api
        .post(&format!("/v1/jobs/{job}/cancel"), &json!(null))
        .await;
    assert_eq!(cancelled.status, 200);
    let events = events(&api, &job).await;
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        (names[0], *names.last().unwrap()),
        ("job_queued", "job_cancelled")
    );
}

#[tokio::test]
async fn edit_and_asset_jobs_report_fewer_events() {
    let api = Api::instant().await;
    let scene = api.scene("a lab").await;
    let edit = format!("/v1/scenes/{scene}/edit");
    let edit = api
        .post(&edit, &json!({ "prompt": "add a vase" }))
        .await
        .json();
    let edited = events(&api, &text(&edit["job_id"])).await;
    assert!((40..=80).contains(&edited.len()), "{}", edited.len());
    assert_order(
        &edited,
        &[
            "job_queued",
            "task_plan_started",
            "asset_completed",
            "lighting_started",
            "job_succeeded",
        ],
    );
    let body = json!({ "prompt": "a toolbox", "scene_id": scene });
    let asset = api.post("/v1/assets", &body).await.json();
    let generated = events(&api, &text(&asset["job_id"])).await;
    assert!((40..=80).contains(&generated.len()), "{}", generated.len());
    assert_order(
        &generated,
        &[
            "job_queued",
            "asset_card_created",
            "asset_completed",
            "acceptance_started",
            "job_succeeded",
        ],
    );
    let last = &generated.last().unwrap().data;
    let asset = api
        .get(&format!("/v1/assets/{}", text(&last["asset_id"])))
        .await;
    assert_eq!(asset.json()["asset"]["scene_id"], scene.as_str());
}

#[tokio::test]
async fn the_first_event_is_immediate_and_each_step_adds_one() {
    let api = Api::start(Options::default().with_speed(0.0)).await;
    let (job, _) = api.generate("a lab").await;
    let handle = api.simulator.handle();
    let reached = async |events: usize| {
        while handle.job(&job).unwrap().events < events {
            tokio::task::yield_now().await;
        }
        assert_eq!(handle.job(&job).unwrap().events, events);
    };
    reached(1).await;
    handle.advance(&job, 3);
    reached(4).await;
    let path = format!("/v1/jobs/{job}");
    assert_eq!(api.get(&path).await.json()["job"]["status"], "running");
    handle.advance(&job, 10);
    reached(14).await;
    handle.finish(&job);
    assert_eq!(api.wait(&job).await, "succeeded");
}
