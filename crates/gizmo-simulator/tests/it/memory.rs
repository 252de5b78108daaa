//! What lists show: when, in which order and in which form.

use std::time::Duration;

use gizmo_simulator::{Canned, Fault, Listed, Memory, On, Options, Order, ShownPrompt, ShownTime};
use serde_json::{Value, json};

use crate::support::Api;

const PROMPT: &str = "A  cafe\u{301} & a <desk>";

async fn api(memory: Memory) -> Api {
    Api::start(Options {
        memory,
        ..Options::instant().with_speed(0.0)
    })
    .await
}

async fn listed(api: &Api, query: &str) -> Value {
    api.get(&format!("/v1/scenes{query}")).await.json()
}

fn ids(list: &Value) -> Vec<String> {
    let scenes = list["scenes"].as_array().unwrap().iter();
    scenes
        .map(|scene| scene["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_scene_is_listed_at_once_later_or_when_it_is_finished() {
    let later = Duration::from_millis(40);
    for when in [Listed::AtOnce, Listed::After(later), Listed::WhenFinished] {
        let api = api(Memory {
            listed: when,
            ..Memory::default()
        })
        .await;
        let (job, scene) = api.generate("a lab").await;
        let is_listed = !ids(&listed(&api, "").await).is_empty();
        assert_eq!(is_listed, when == Listed::AtOnce, "{when:?}");
        // It is found by its id all the same.
        assert_eq!(api.get(&format!("/v1/scenes/{scene}")).await.status, 200);
        tokio::time::sleep(later).await;
        let is_listed = !ids(&listed(&api, "").await).is_empty();
        assert_eq!(is_listed, when != Listed::WhenFinished, "{when:?}");
        api.simulator.handle().finish(&job);
        api.wait(&job).await;
        assert_eq!(ids(&listed(&api, "").await), [scene]);
    }
}

#[tokio::test]
async fn a_list_has_an_order_a_page_cap_and_a_total_or_none() {
    for order in [Order::NewestFirst, Order::OldestFirst, Order::ById] {
        for total in [true, false] {
            let api = api(Memory {
                order,
                total,
                page_cap: 2,
                ..Memory::default()
            })
            .await;
            let handle = api.simulator.handle();
            let mut scenes: Vec<String> = (0..3)
                .map(|number| handle.start_scene(&format!("lab {number}")))
                .collect();
            match order {
                Order::NewestFirst => scenes.reverse(),
                Order::ById => scenes.sort(),
                _ => {}
            }
            let first = listed(&api, "?limit=100").await;
            assert_eq!(ids(&first), scenes[..2], "{order:?}");
            assert_eq!(first["total"].as_u64(), total.then_some(3));
            let second = listed(&api, "?limit=100&offset=2").await;
            assert_eq!(ids(&second), scenes[2..], "{order:?}");
        }
    }
}

#[tokio::test]
async fn a_list_shows_prompts_and_times_in_different_forms() {
    for (prompt, in_list, alone) in [
        (ShownPrompt::AsSent, json!(PROMPT), json!(PROMPT)),
        (
            ShownPrompt::Trimmed,
            json!("A cafe\u{301} & a <desk>"),
            json!(PROMPT),
        ),
        (ShownPrompt::Truncated(3), json!("A  "), json!(PROMPT)),
        (
            ShownPrompt::Composed,
            json!("A  caf\u{e9} & a <desk>"),
            json!(PROMPT),
        ),
        (
            ShownPrompt::LowerCase,
            json!("a  cafe\u{301} & a <desk>"),
            json!(PROMPT),
        ),
        (
            ShownPrompt::HtmlEscaped,
            json!("A  cafe\u{301} &amp; a &lt;desk&gt;"),
            json!(PROMPT),
        ),
        (ShownPrompt::OnlyInResource, Value::Null, json!(PROMPT)),
        (ShownPrompt::Never, Value::Null, Value::Null),
    ] {
        let api = api(Memory {
            prompt,
            ..Memory::default()
        })
        .await;
        let scene = api.simulator.handle().start_scene(PROMPT);
        let list = listed(&api, "").await;
        assert_eq!(list["scenes"][0]["prompt"], in_list, "{prompt:?}");
        let scene = api.get(&format!("/v1/scenes/{scene}")).await.json();
        assert_eq!(scene["scene"]["prompt"], alone, "{prompt:?}");
    }
    for (created_at, is_shown) in [
        (ShownTime::UnixSeconds, Value::is_u64 as fn(&Value) -> bool),
        (ShownTime::Iso8601, |shown| {
            shown.as_str().is_some_and(|text| text.ends_with('Z'))
        }),
        (ShownTime::Words, |shown| shown == "12 minutes ago"),
        (ShownTime::Never, Value::is_null),
    ] {
        let api = api(Memory {
            created_at,
            ..Memory::default()
        })
        .await;
        api.simulator.handle().start_scene(PROMPT);
        let list = listed(&api, "").await;
        let shown = &list["scenes"][0]["created_at"];
        assert!(is_shown(shown), "{created_at:?}: {shown}");
    }
}

#[tokio::test]
async fn an_intermediary_responds_in_place_of_the_service() {
    let api = Api::instant().await;
    let handle = api.simulator.handle();
    let generate = || On::operation("generate_scene");
    let body = json!({ "prompt": "a lab" });
    let busy = Fault::RespondAfterHandling(Canned::html(429));
    handle.inject(generate(), busy);
    assert_eq!(api.post("/v1/scenes", &body).await.status, 429);
    assert_eq!(handle.job_count(), 1);
    let later = Fault::HandleLater(Duration::from_millis(20), Canned::html(504));
    handle.inject(generate(), later);
    assert_eq!(api.post("/v1/scenes", &body).await.status, 504);
    assert_eq!(handle.job_count(), 1);
    while handle.job_count() == 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(handle.job_count(), 2);
}
