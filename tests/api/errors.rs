//! Every failure of the service or the network is one error with a message of one line.

use gizmo_client::mock::MockServerExt;
use gizmo_client::{Client, Error, ErrorKind};
use httpmock::MockServer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{CANARY, client_without_retries};

/// Returns the error of `get_scene` for a response.
async fn get_scene(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let server = MockServer::start_async().await;
    server.get_scene(|_, then| {
        let mut then = then.into_inner().status(status).body(body);
        for (name, value) in headers {
            then = then.header(*name, *value);
        }
    });
    let client = client_without_retries(&server.base_url());
    client
        .get_scene()
        .scene_id("sc_1")
        .send()
        .await
        .unwrap_err()
}

#[tokio::test]
async fn an_error_response_of_any_shape_is_one_line() {
    for (status, headers, body, line) in [
        (
            404,
            &[("x-request-id", "req_7")][..],
            r#"{"error":{"code":"scene_not_found","message":"Scene sc_1 not found","status":404}}"#,
            "get_scene: 404 scene_not_found: Scene sc_1 not found (request req_7)",
        ),
        (
            422,
            &[],
            r#"{"detail":[{"loc":["path","scene_id"],"msg":"bad id","type":"value_error"}]}"#,
            "get_scene: 422 validation_error: path.scene_id: bad id",
        ),
        (
            403,
            &[],
            r#"{"error":"forbidden","code":"scope_missing","message":"Key lacks scenes:read"}"#,
            "get_scene: 403 scope_missing: Key lacks scenes:read",
        ),
        (
            502,
            &[("content-type", "text/html")],
            "<html><title>Bad Gateway</title></html>",
            "get_scene: 502 bad gateway: an HTML page, `Bad Gateway`",
        ),
        (
            500,
            &[],
            "",
            "get_scene: 500 internal server error: no message",
        ),
        (
            429,
            &[("retry-after", "1.5")],
            r#"{"error":{"code":"rate_limit_exceeded","message":"Slow down","status":429}}"#,
            "get_scene: 429 rate_limit_exceeded: Slow down",
        ),
        (
            308,
            &[("location", "https://elsewhere.example/v1/scenes/sc_1")],
            "",
            "get_scene: 308 permanent redirect: the service redirects to \
             https://elsewhere.example/v1/scenes/sc_1; redirects are not followed, \
             so set the base URL to the target",
        ),
    ] {
        let error = get_scene(status, headers, body).await;
        assert_eq!(error.to_string(), line);
        assert_eq!(error.kind(), ErrorKind::Status);
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(error.body(), body.as_bytes());
        assert_eq!(error.operation(), Some("get_scene"));
        assert_eq!(error.is_not_found(), status == 404);
        assert_eq!(error.is_rate_limited(), status == 429);
        assert_eq!(error.is_retryable(), matches!(status, 429 | 500 | 502));
    }
    let limited = get_scene(429, &[("retry-after", "1.5")], "").await;
    assert_eq!(limited.retry_after().unwrap().as_millis(), 1_500);
}

#[tokio::test]
async fn a_success_that_cannot_be_decoded_keeps_its_body() {
    for body in ["<html>", "[]", "null", r#"{"ok":true}"#, "{"] {
        let error = get_scene(200, &[], body).await;
        assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
        assert_eq!(error.body(), body.as_bytes(), "{error}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn every_success_status_is_a_success_even_with_an_empty_body() {
    let server = MockServer::start_async().await;
    server.delete_scene(|_, then| {
        then.into_inner().status(204);
    });
    server.generate_scene(|_, then| {
        then.into_inner()
            .status(200)
            .json_body(json!({"job_id": "job_9", "queue": 3}));
    });
    let client = client_without_retries(&server.base_url());
    let deleted = client.delete_scene().scene_id("sc_1").send().await.unwrap();
    assert_eq!((deleted.status().as_u16(), deleted.ok), (204, None));
    let accepted = client.generate_scene().prompt("x").send().await.unwrap();
    assert_eq!(
        (accepted.job_id.as_str(), &accepted.extra["queue"]),
        ("job_9", &json!(3))
    );
}

/// Returns a client of a server that reads a request, sends `response` verbatim, and closes the
/// connection.
async fn client_of_raw_response(response: &'static str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    client_without_retries(&url)
}

#[tokio::test]
async fn a_generation_whose_response_is_lost_has_an_unknown_outcome_and_is_not_retryable() {
    for response in [
        "",
        "HTTP/1.1 202 Accepted\r\n",
        "HTTP/1.1 202 Accepted\r\ncontent-length: 90\r\n\r\n{\"job_id\":",
        "HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nno",
        "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
    ] {
        let client = client_of_raw_response(response).await;
        let error = client
            .generate_scene()
            .prompt("x")
            .start()
            .await
            .unwrap_err();
        assert!(error.is_outcome_unknown(), "{response}: {error}");
        assert!(!error.is_retryable(), "{response}: {error}");
        let read = client.whoami().send().await.unwrap_err();
        assert!(!read.is_outcome_unknown(), "{response}: {read}");
    }
}

#[tokio::test]
async fn the_error_of_a_refused_connection_names_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client_without_retries(&url)
        .generate_scene()
        .prompt("x")
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_retryable() && !error.is_outcome_unknown());
    let line = error.to_string();
    assert_eq!(line, format!("generate_scene: could not connect to {url}"));
    assert!(
        format!("{error:#}").starts_with(&format!("{line}: Connection refused")),
        "{error:#}"
    );
}

#[tokio::test]
async fn an_export_that_is_not_an_archive_is_an_error_that_quotes_its_start() {
    for (body, message) in [
        (r#"{"ok":false}"#, r#"not a ZIP archive but `{"ok":false}`"#),
        ("", "an empty response instead of a ZIP archive"),
        ("PK", "not a ZIP archive but `PK`"),
    ] {
        let server = MockServer::start_async().await;
        server.export_scene(|_, then| {
            then.into_inner().status(200).body(body);
        });
        let client = client_without_retries(&server.base_url());
        let error = client
            .export_scene()
            .scene_id("sc_1")
            .download()
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), format!("export_scene: {message}"));
        assert_eq!(error.body(), body.as_bytes());
    }
}

#[tokio::test]
async fn debug_prints_the_same_line_as_the_display_with_causes() {
    // What `fn main() -> Result<(), gizmo_client::Error>` prints after `Error: `.
    let client = client_without_retries("http://127.0.0.1:1");
    let error = client.whoami().send().await.unwrap_err();
    let shown = format!("{error:?}");
    assert!(
        shown.starts_with("whoami: could not connect to http://127.0.0.1:1: "),
        "{shown}"
    );
    assert!(
        shown.contains("refused") && shown.lines().count() == 1,
        "{shown}"
    );
    assert_eq!(shown, format!("{error:#}"));
}

#[tokio::test]
async fn an_error_has_the_headers_of_the_response_without_secrets() {
    let location = format!("https://cdn.test/a?key={CANARY}");
    let headers = [("x-tenant", "lab"), ("x-echo", CANARY), ("link", &location)];
    let error = get_scene(503, &headers, "busy").await;
    let value = |name: &str| error.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(value("x-tenant"), "lab");
    assert!(
        value("link").starts_with("https://cdn.test/a?"),
        "{}",
        value("link")
    );
    for name in ["x-echo", "link"] {
        assert!(!value(name).contains(CANARY), "{}", value(name));
    }
    let unsent = Client::builder().api_key(CANARY).build().unwrap();
    let error = unsent.get_scene().send().await.unwrap_err();
    assert!(error.headers().is_empty());
}
