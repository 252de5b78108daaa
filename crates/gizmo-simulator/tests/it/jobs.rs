//! Deleted jobs, statuses that differ or lag, and the places where the ID of an asset appears.

use std::time::Duration;

use gizmo_simulator::{AssetIdIn, Fault, Options, StatusWords, Vocabulary};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, End, has_terminal, read, text};

#[tokio::test]
async fn a_deleted_job_is_not_found_and_its_streams_end() {
    for ended in [false, true] {
        let speed = if ended { f64::INFINITY } else { 1.0 };
        let api = Api::start(Options::default().with_speed(speed)).await;
        let (job, _) = api.generate("a lab").await;
        let path = format!("/v1/jobs/{job}");
        if ended {
            api.wait(&job).await;
        }
        let events = api.request(Method::GET, &format!("{path}/events"));
        let events = events.send().await.unwrap();
        api.simulator.handle().delete_job(&job);
        let stream = read(events).await;
        assert_eq!(
            (stream.end, has_terminal(&stream.text)),
            (End::Clean, ended)
        );
        assert_eq!(stream.names()[0], "job_queued");
        for path in [path.clone(), format!("{path}/events")] {
            assert_eq!(api.get(&path).await.code(), "job_not_found");
        }
        let cancelled = api.post(&format!("{path}/cancel"), &json!(null)).await;
        assert_eq!(cancelled.code(), "job_not_found");
        assert!(api.simulator.handle().job(&job).is_none());
    }
}

#[tokio::test]
async fn statuses_use_the_words_that_the_options_select() {
    for (status_words, words) in [
        (
            StatusWords::Documented,
            ["queued", "running", "succeeded", "failed", "cancelled"],
        ),
        (
            StatusWords::UpperCase,
            ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"],
        ),
        (
            StatusWords::Synonyms,
            ["pending", "in_progress", "completed", "error", "canceled"],
        ),
    ] {
        for vocabulary in [Vocabulary::Documented, Vocabulary::Observed] {
            let api = Api::start(Options {
                status_words,
                vocabulary,
                ..Options::default().with_speed(0.0)
            })
            .await;
            let handle = api.simulator.handle();
            let status = async |job: &str| {
                text(&api.get(&format!("/v1/jobs/{job}")).await.json()["job"]["status"])
            };
            let last = async |job: &str| {
                let stream = api.follow(&format!("/v1/jobs/{job}/events")).await;
                text(&stream.events().last().unwrap().data["status"])
            };
            let (job, _) = api.generate("a lab").await;
            let mut found = vec![status(&job).await];
            let events = handle.job(&job).unwrap().events;
            handle.advance(&job, 4);
            while handle.job(&job).unwrap().events < events + 3 {
                tokio::task::yield_now().await;
            }
            found.push(status(&job).await);
            handle.finish(&job);
            found.push(last(&job).await);
            assert_eq!(status(&job).await, found[2]);
            api.inject(Fault::FailJob);
            let (job, _) = api.generate("a lab").await;
            handle.finish(&job);
            found.push(last(&job).await);
            assert_eq!(status(&job).await, found[3]);
            let (job, _) = api.generate("a lab").await;
            api.post(&format!("/v1/jobs/{job}/cancel"), &json!(null))
                .await;
            found.push(last(&job).await);
            assert_eq!(status(&job).await, found[4]);
            assert_eq!(found, words, "{vocabulary:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_lags_behind_the_events() {
    let api = Api::start(Options {
        status_lag: Duration::from_secs(90),
        ..Options::default().with_speed(1.0)
    })
    .await;
    let (job, _) = api.generate("a lab").await;
    api.simulator.handle().finish(&job);
    let path = format!("/v1/jobs/{job}?include_result=true");
    while api.simulator.handle().running() > 0 {
        tokio::task::yield_now().await;
    }
    let before = api.get(&path).await.json()["job"].clone();
    assert_eq!(before["status"], "running");
    assert!(before.get("finished_at").is_none() && before.get("result").is_none());
    tokio::time::advance(Duration::from_secs(91)).await;
    let after = api.get(&path).await.json()["job"].clone();
    assert_eq!(after["status"], "succeeded");
    assert!(after["result"].is_object());
}

#[tokio::test]
async fn the_id_of_an_asset_appears_where_the_options_put_it() {
    for vocabulary in [Vocabulary::Documented, Vocabulary::Observed] {
        for (asset_id_in, in_result, in_terminal, in_others) in [
            (AssetIdIn::Result, true, true, true),
            (AssetIdIn::Event, false, true, false),
            (AssetIdIn::List, false, false, false),
        ] {
            let api = Api::start(Options {
                asset_id_in,
                vocabulary,
                ..Options::instant()
            })
            .await;
            let scene = api.scene("a lab").await;
            let body = json!({ "prompt": "a toolbox", "scene_id": scene });
            let accepted = api.post("/v1/assets", &body).await.json();
            let job = text(&accepted["job_id"]);
            let stream = api.follow(&format!("/v1/jobs/{job}/events")).await;
            let list = api
                .get(&format!("/v1/assets?scene_id={scene}"))
                .await
                .json();
            let id = text(&list["assets"][0]["id"]);
            let contains_id = |value: &Value| value.to_string().contains(&id);
            let mut others = stream.events();
            let terminal = others.pop().unwrap();
            let path = format!("/v1/jobs/{job}?include_result=true");
            let found = (
                contains_id(&api.get(&path).await.json()),
                contains_id(&terminal.data),
                others.iter().any(|event| contains_id(&event.data)),
            );
            assert_eq!(
                found,
                (in_result, in_terminal, in_others),
                "{asset_id_in:?}"
            );
        }
    }
}
