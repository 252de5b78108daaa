//! Files whose contents a recording lacks.

use serde_json::{Value, json};

use super::{Recording, Served};
use crate::support::FullResponse;

const EXPORT: &str = "GET /v1/catalog/files/w1";

/// The response with an archive of these entries: name, size and method.
fn archive(entries: &[(&str, u64, u16)]) -> Value {
    let entries = entries.iter().map(|(name, size, method)| {
        json!({ "name": name, "size": size, "compressed": size, "method": method })
    });
    let entries: Vec<Value> = entries.collect();
    json!({
        "headers": [["content-type", "application/zip"], ["content-length", "50000000"], ["etag", "\"w1\""]],
        "body": { "archive": { "size": 50_000_000, "entries": entries } },
    })
}

/// Adds header fields to a response.
fn with_headers(mut response: Value, headers: Value) -> Value {
    let Value::Array(mut headers) = headers else {
        panic!("headers are a list");
    };
    response["headers"]
        .as_array_mut()
        .unwrap()
        .append(&mut headers);
    response
}

async fn part(served: &Served, range: &str, if_range: Option<&str>) -> FullResponse {
    let mut request = served.request(EXPORT).header("range", range);
    if let Some(if_range) = if_range {
        request = request.header("if-range", if_range);
    }
    served.send(request).await.unwrap()
}

const MODEL: &[(&str, u64, u16)] = &[
    ("w1.xml", 260_000_000, 8),
    ("textures/", 0, 0),
    ("textures/w2.png", 1_000, 0),
    ("meshes/w3.obj", 5_000, 8),
    ("metadata.json", 40, 93),
];

#[tokio::test]
async fn an_archive_is_unpacked_with_its_recorded_names_and_sizes() {
    let served = Recording::default()
        .response("POST /v1/scenes/w1/export", &archive(MODEL))
        .asked_for(&json!({ "format": "mjcf" }))
        .serve()
        .await;
    let client = served.client();
    let directory = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        let export = client
            .export_scene()
            .scene_id("w1")
            .format(gizmo_client::Format::Mjcf);
        let download = export.download().await.unwrap();
        let bundle = download.unpack(directory.path().join(name)).await.unwrap();
        assert!(bundle.model().path().unwrap().ends_with("w1.xml"));
        let size = |file: &str| {
            std::fs::metadata(directory.path().join(name).join(file))
                .unwrap()
                .len()
        };
        assert_eq!(size("meshes/w3.obj"), 5_000);
        assert!(size("textures/w2.png") > 0 && size("metadata.json") == 2);
    }
    let read = |name: &str| std::fs::read(directory.path().join(name).join("meshes/w3.obj"));
    assert_eq!(read("one").unwrap(), read("two").unwrap());
    assert!(served.replay.unmatched().is_empty());
}

#[tokio::test]
async fn entries_keep_their_order_and_their_methods() {
    let served = Recording::default()
        .response(EXPORT, &archive(MODEL))
        .serve()
        .await;
    let response = served.get("/v1/catalog/files/w1").await;
    assert_eq!(
        response.header("content-length"),
        response.body.len().to_string()
    );
    // Signature, version, flags, method; the name is 30 bytes after the start.
    let mut found = Vec::new();
    for at in 0..response.body.len() - 30 {
        let header = &response.body[at..at + 30];
        if header.starts_with(b"PK\x03\x04") {
            let length = usize::from(u16::from_le_bytes([header[26], header[27]]));
            let name = &response.body[at + 30..at + 30 + length];
            found.push((String::from_utf8(name.to_vec()).unwrap(), header[8]));
        }
    }
    let expected = MODEL
        .iter()
        .map(|(name, _, method)| ((*name).to_owned(), if *method == 8 { 8 } else { 0 }));
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert_eq!(served.get("/v1/catalog/files/w1").await.body, response.body);
}

#[tokio::test]
async fn parts_of_an_archive_are_served_where_the_service_served_them() {
    let accepting = json!([["accept-ranges", "bytes"]]);
    let served = Recording::default()
        .response(EXPORT, &with_headers(archive(MODEL), accepting))
        .serve()
        .await;
    let whole = served.get("/v1/catalog/files/w1").await.body;
    let total = whole.len();
    for (range, if_range, status, expected) in [
        ("bytes=100-", None, 206, &whole[100..]),
        ("bytes=100-", Some("\"w1\""), 206, &whole[100..]),
        ("bytes=100-", Some("\"w2\""), 200, &whole[..]),
        ("bytes=0-9", None, 206, &whole[..10]),
        ("bytes=99999999-", None, 416, &[]),
    ] {
        let response = part(&served, range, if_range).await;
        assert_eq!(response.status, status, "{range} {if_range:?}");
        assert!(response.body == expected, "{range} {if_range:?}");
        assert_eq!(
            response.header("content-length"),
            expected.len().to_string()
        );
    }
    let range = part(&served, "bytes=100-", None).await;
    assert_eq!(
        range.header("content-range"),
        format!("bytes 100-{}/{total}", total - 1)
    );

    // Without a sign that the service serves parts, it sends the whole file.
    let served = Recording::default()
        .response(EXPORT, &archive(MODEL))
        .serve()
        .await;
    let response = part(&served, "bytes=100-", None).await;
    assert_eq!(
        (response.status.as_u16(), response.body == whole),
        (200, true)
    );
}

#[tokio::test]
async fn a_file_that_was_received_in_two_parts_is_one_file() {
    for (media, is_archive) in [("application/zip", true), ("model/gltf-binary", false)] {
        let served = Recording::default()
            .response(
                EXPORT,
                &json!({
                    "headers": [["content-type", media], ["content-length", "1000"], ["etag", "\"w1\""]],
                    "body": { "bytes": 400 },
                    "end": "broken",
                }),
            )
            .response(
                EXPORT,
                &json!({
                    "status": 206,
                    "headers": [
                        ["content-type", media], ["content-length", "600"], ["etag", "\"w1\""],
                        ["content-range", "bytes 400-999/1000"],
                    ],
                    "body": { "bytes": 600 },
                }),
            )
            .asked_with(&json!([
                ["authorization", "Bearer"], ["range", "bytes=400-"], ["if-range", "\"w1\""],
            ]))
            .serve()
            .await;
        let mut first = served.request(EXPORT).send().await.unwrap();
        let length = first.content_length().unwrap();
        let mut received = Vec::new();
        let error = loop {
            match first.chunk().await {
                Ok(chunk) => received.extend(chunk.expect("the body is cut")),
                Err(error) => break error,
            }
        };
        assert!(error.is_body() || error.is_decode(), "{error}");
        assert_eq!(received.len() as u64, length * 400 / 1000);
        let rest = part(
            &served,
            &format!("bytes={}-", received.len()),
            Some("\"w1\""),
        )
        .await;
        assert_eq!(rest.status, 206);
        received.extend(rest.body);
        assert_eq!(received.len() as u64, length);
        assert_eq!(received.starts_with(b"PK\x03\x04"), is_archive);
        if !is_archive {
            let pattern: Vec<u8> = (0..=250).cycle().take(1000).collect();
            assert_eq!(received, pattern);
        }
    }
}

#[tokio::test]
async fn a_body_of_other_bytes_has_their_number() {
    let served = Recording::default()
        .response(EXPORT, &json!({ "body": { "bytes": 200_000 } }))
        .response(EXPORT, &json!({ "body": { "bytes": 0 } }))
        .response(EXPORT, &json!({}))
        .response(EXPORT, &json!({ "status": 204 }))
        .serve()
        .await;
    for expected in [200_000, 0, 0, 0] {
        let response = served.get("/v1/catalog/files/w1").await;
        assert_eq!(response.body.len(), expected);
    }
    // A length that no program can hold in memory is sent as it is read.
    let enormous = json!({ "body": { "bytes": u64::MAX / 2 } });
    let served = Recording::default()
        .response(EXPORT, &enormous)
        .serve()
        .await;
    let mut response = served.request(EXPORT).send().await.unwrap();
    assert!(
        response
            .chunk()
            .await
            .unwrap()
            .is_some_and(|chunk| !chunk.is_empty())
    );
}

#[tokio::test]
async fn a_broken_body_is_cut_after_what_was_received() {
    for (headers, body, expected) in [
        (
            json!([["content-length", "100"]]),
            json!({ "text": "{\"ok\":" }),
            "{\"ok\":",
        ),
        (json!([]), json!({ "text": "{\"ok\":" }), "{\"ok\":"),
        (json!([]), json!({ "json": { "n": 1 } }), "{\"n\":1}"),
        (json!([["content-length", "5"]]), json!("empty"), ""),
        (json!([]), json!({ "bytes": 3 }), "\0\u{1}\u{2}"),
        (
            json!([["content-length", "5"]]),
            json!({ "bytes": 3 }),
            "\0\u{1}\u{2}",
        ),
    ] {
        let fields = json!({ "headers": headers, "body": body, "end": "broken" });
        let served = Recording::default().response(EXPORT, &fields).serve().await;
        let mut response = served.request(EXPORT).send().await.unwrap();
        let mut received = Vec::new();
        let broken = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => received.extend(chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert_eq!(
            (String::from_utf8(received).unwrap().as_str(), broken),
            (expected, true),
            "{fields}"
        );
    }
}

#[tokio::test]
async fn a_body_that_the_program_dropped_is_served_whole() {
    for (body, expected) in [
        (json!({ "json": { "n": 1 } }), 7),
        (json!({ "text": "text" }), 4),
        (json!({ "bytes": 30 }), 100),
    ] {
        let fields =
            json!({ "headers": [["content-length", "100"]], "body": body, "end": "dropped" });
        let served = Recording::default().response(EXPORT, &fields).serve().await;
        assert_eq!(
            served.get("/v1/catalog/files/w1").await.body.len(),
            expected,
            "{fields}"
        );
    }
}

#[tokio::test]
async fn an_archive_with_an_impossible_name_is_an_error_and_not_a_crash() {
    let name = "x".repeat(70_000);
    let served = Recording::default()
        .response(EXPORT, &archive(&[(&name, 1, 0)]))
        .serve()
        .await;
    let response = served.get("/v1/catalog/files/w1").await;
    assert_eq!(
        (response.status.as_u16(), response.code().as_str()),
        (500, "not_replayable")
    );
    let size = u64::MAX;
    let entries = [
        ("a.bin", 300_000_000, 8),
        ("b.bin", size, 8),
        ("c.json", size, 0),
    ];
    let served = Recording::default()
        .response(EXPORT, &archive(&entries))
        .serve()
        .await;
    assert_eq!(served.get("/v1/catalog/files/w1").await.status, 200);
}
