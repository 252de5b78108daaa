//! Lists as streams, whatever the service does about pages.

use futures::TryStreamExt;
use gizmo_client::Client;
use httpmock::MockServer;
use serde_json::{Value, json};

use crate::support::client;

/// A server whose scenes are listed by `answer(offset, limit)`.
async fn server(answer: fn(usize, usize) -> Value) -> (MockServer, Client) {
    let server = MockServer::start_async().await;
    server
        .mock_async(|when, then| {
            when.path("/v1/scenes");
            then.respond_with(move |request: &httpmock::HttpMockRequest| {
                let number = |name: &str, default| {
                    let params = request.query_params();
                    let value = params.iter().find(|(key, _)| key == name);
                    value.map_or(default, |(_, value)| value.parse().unwrap())
                };
                let body = answer(number("offset", 0), number("limit", 20));
                httpmock::HttpMockResponse::builder()
                    .status(200)
                    .body(body.to_string())
                    .build()
            });
        })
        .await;
    let client = client(&server.base_url());
    (server, client)
}

fn scenes(range: std::ops::Range<usize>) -> Value {
    range.map(|n| json!({"id": format!("sc_{n}")})).collect()
}

async fn ids(client: &Client, limit: u64) -> Vec<String> {
    let items = client.list_scenes().limit(limit).items();
    items.map_ok(|scene| scene.id).try_collect().await.unwrap()
}

fn wanted(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("sc_{n}")).collect()
}

#[tokio::test]
async fn items_come_each_once_however_the_service_pages() {
    let honest = |offset: usize, limit: usize| json!({"scenes": scenes(offset.min(45)..(offset + limit).min(45)), "total": 45});
    let silent = |offset: usize, limit: usize| json!({"items": scenes(offset.min(45)..(offset + limit).min(45))});
    let capped =
        |offset: usize, _: usize| json!({"scenes": scenes(offset.min(45)..(offset + 7).min(45))});
    let no_offset = |_: usize, _: usize| scenes(0..45);
    for answer in [honest, silent, capped] {
        let (_server, client) = server(answer).await;
        assert_eq!(ids(&client, 20).await, wanted(45));
    }
    let (_server, client) = server(no_offset).await;
    assert_eq!(ids(&client, 20).await, wanted(45));
}

#[tokio::test]
async fn a_list_that_grows_while_it_is_read_repeats_nothing() {
    // Each page is asked for after one more scene has been put in front.
    let growing = |offset: usize, limit: usize| {
        let shift = offset / limit;
        let end = (offset + limit).saturating_sub(shift).min(45);
        json!({"scenes": scenes((offset.saturating_sub(shift)).min(45)..end), "total": 45 + shift})
    };
    let (_server, client) = server(growing).await;
    assert_eq!(ids(&client, 20).await, wanted(45));
}

#[tokio::test]
async fn an_empty_list_and_a_last_page_cost_no_further_request() {
    let (_server, client) = server(|_, _| json!({"scenes": [], "total": 0})).await;
    assert_eq!(ids(&client, 20).await, wanted(0));
    let (_server, client) =
        server(|offset, limit| json!({"scenes": scenes(offset..offset + limit), "total": 40}))
            .await;
    let pages: Vec<_> = client
        .list_scenes()
        .limit(20)
        .pages()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        pages
            .iter()
            .map(|page| page.items.len())
            .collect::<Vec<_>>(),
        [20, 20]
    );
    let from: Vec<_> = client
        .list_scenes()
        .offset(30)
        .limit(20)
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(from[0].id, "sc_30");
}
