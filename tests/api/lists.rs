//! Lists as streams of items, with every way in which the service may page.

use futures::TryStreamExt;
use gizmo_client::Client;
use httpmock::MockServer;
use serde_json::{Value, json};

use crate::support::client;

/// Starts a server that responds to `GET /v1/scenes` with `respond(offset, limit)`.
async fn server(respond: fn(usize, usize) -> Value) -> (MockServer, Client) {
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
                let body = respond(number("offset", 0), number("limit", 20));
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

/// Returns a page of a list of 45 scenes.
fn page_of_45(offset: usize, limit: usize) -> Value {
    scenes(offset.min(45)..(offset + limit).min(45))
}

async fn ids(client: &Client, limit: u64) -> Vec<String> {
    let items = client.list_scenes().limit(limit).items();
    items.map_ok(|scene| scene.id).try_collect().await.unwrap()
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("sc_{n}")).collect()
}

#[tokio::test]
async fn every_item_is_yielded_once_however_the_service_pages() {
    let with_total =
        |offset: usize, limit: usize| json!({"scenes": page_of_45(offset, limit), "total": 45});
    let without_total = |offset: usize, limit: usize| json!({"items": page_of_45(offset, limit)});
    let with_capped_limit = |offset: usize, _: usize| json!({"scenes": page_of_45(offset, 7)});
    let without_offset = |_: usize, _: usize| scenes(0..45);
    for respond in [with_total, without_total, with_capped_limit] {
        let (_server, client) = server(respond).await;
        assert_eq!(ids(&client, 20).await, expected(45));
    }
    let (_server, client) = server(without_offset).await;
    assert_eq!(ids(&client, 20).await, expected(45));
}

#[tokio::test]
async fn a_list_that_grows_while_it_is_read_repeats_no_item() {
    // Before each further page is requested, one scene is inserted at the front.
    let growing = |offset: usize, limit: usize| {
        let shift = offset / limit;
        let end = (offset + limit).saturating_sub(shift).min(45);
        json!({"scenes": scenes((offset.saturating_sub(shift)).min(45)..end), "total": 45 + shift})
    };
    let (_server, client) = server(growing).await;
    assert_eq!(ids(&client, 20).await, expected(45));
}

#[tokio::test]
async fn no_request_follows_an_empty_list_or_the_last_page() {
    let (_server, client) = server(|_, _| json!({"scenes": [], "total": 0})).await;
    assert_eq!(ids(&client, 20).await, expected(0));
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
    let from_offset: Vec<_> = client
        .list_scenes()
        .offset(30)
        .limit(20)
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(from_offset[0].id, "sc_30");
}
