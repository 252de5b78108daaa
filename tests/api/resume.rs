//! Files that are downloaded in parts and over pre-signed URLs, from a scripted server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use gizmo_client::{Client, Error, ErrorKind, SignedUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::client;

/// A server that sends one scripted response per connection and records the requests.
struct ScriptedServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    async fn start(responses: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = requests.clone();
        let responses: Vec<String> = responses.iter().map(ToString::to_string).collect();
        tokio::spawn(async move {
            for response in responses {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 8192];
                let length = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
                recorded.lock().unwrap().push(request);
                stream.write_all(response.as_bytes()).await.unwrap();
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    async fn download(&self) -> Result<String, Error> {
        let client = client(&self.url);
        let bytes = client.download("/file.bin").await?.bytes(1 << 20).await?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }
}

const TRUNCATED: &str =
    "HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: 10\r\nconnection: close\r\n\r\n01234";
const COMPLETE: &str =
    "HTTP/1.1 200 OK\r\netag: \"b\"\r\ncontent-length: 10\r\nconnection: close\r\n\r\nabcdefghij";
const REMAINDER: &str = "HTTP/1.1 206 Partial Content\r\netag: \"a\"\r\ncontent-range: bytes 5-9/10\r\ncontent-length: 5\r\nconnection: close\r\n\r\n56789";

#[tokio::test]
async fn a_truncated_file_is_resumed_on_the_condition_that_its_etag_matches() {
    let server = ScriptedServer::start(&[TRUNCATED, REMAINDER]).await;
    assert_eq!(server.download().await.unwrap(), "0123456789");
    let requests = server.requests();
    assert!(!requests[0].contains("range:"));
    assert!(
        requests[1].contains("range: bytes=5-\r\n") && requests[1].contains("if-range: \"a\"\r\n")
    );
}

#[tokio::test]
async fn a_file_that_has_changed_or_cannot_be_resumed_is_downloaded_again() {
    for refusal in [
        // The complete file instead of the remainder.
        COMPLETE,
        // A part other than the requested one.
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-9/10\r\ncontent-length: 10\r\nconnection: close\r\n\r\n0123456789",
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 5-9/12\r\ncontent-length: 5\r\nconnection: close\r\n\r\n56789",
        "HTTP/1.1 206 Partial Content\r\ncontent-length: 5\r\nconnection: close\r\n\r\n56789",
        "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 412 Precondition Failed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "",
    ] {
        let server = ScriptedServer::start(&[TRUNCATED, refusal, COMPLETE]).await;
        assert_eq!(server.download().await.unwrap(), "abcdefghij", "{refusal}");
    }
}

#[tokio::test]
async fn a_file_with_a_weak_etag_is_not_resumed() {
    let weak = TRUNCATED.replace("\"a\"", "W/\"a\"");
    let server = ScriptedServer::start(&[&weak, COMPLETE]).await;
    assert_eq!(server.download().await.unwrap(), "abcdefghij");
    assert!(!server.requests()[1].contains("range:"));
}

#[tokio::test]
async fn a_missing_file_and_an_html_page_are_errors() {
    let server = ScriptedServer::start(&[
        TRUNCATED,
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    ])
    .await;
    assert!(server.download().await.unwrap_err().is_not_found());
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
    let error = ScriptedServer::start(&[page])
        .await
        .download()
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "download: not a file but `<html>`");
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_followed_without_the_key() {
    let elsewhere = ScriptedServer::start(&[COMPLETE]).await;
    let location = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/b\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url
    );
    let server = ScriptedServer::start(&[&location]).await;
    assert_eq!(server.download().await.unwrap(), "abcdefghij");
    assert!(server.requests()[0].contains("authorization: bearer"));
    assert!(!elsewhere.requests()[0].contains("authorization"));
    let insecure = "HTTP/1.1 302 Found\r\nlocation: http://gizmo.example/b?token=canary\r\ncontent-length: 0\r\n\r\n";
    let error = ScriptedServer::start(&[insecure])
        .await
        .download()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("plain http") && !error.to_string().contains("canary"),
        "{error}"
    );
    let redirect_loop = "HTTP/1.1 302 Found\r\nlocation: /file.bin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let error = ScriptedServer::start(&[redirect_loop; 7])
        .await
        .download()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("redirects"), "{error}");
}

/// Downloads a file over signed URLs of the server, each with its number as the token.
///
/// Returns the file and the number of URLs that were minted.
async fn signed(server: &ScriptedServer, lifetime: Duration) -> (Result<String, Error>, usize) {
    let client: Client = client("http://127.0.0.1:9");
    let (minted, url) = (Arc::new(AtomicUsize::new(0)), server.url.clone());
    let counter = minted.clone();
    let mint = move || {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        let url = format!("{url}/export.bin?token={number}");
        async move { Ok(SignedUrl::new(url, Some(SystemTime::now() + lifetime))) }
    };
    let bytes = async {
        let bytes = client.download_signed(mint).await?.bytes(1 << 20).await?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    };
    (bytes.await, minted.load(Ordering::SeqCst))
}

const EXPIRED: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_refused_signed_url_is_replaced_and_the_download_resumes() {
    let server = ScriptedServer::start(&[TRUNCATED, EXPIRED, REMAINDER]).await;
    let (bytes, minted) = signed(&server, HOUR).await;
    assert_eq!((bytes.unwrap().as_str(), minted), ("0123456789", 2));
    let requests = server.requests();
    assert!(requests[0].starts_with("get /export.bin?token=1 "));
    assert!(
        requests[2].starts_with("get /export.bin?token=2 ")
            && requests[2].contains("range: bytes=5-")
    );
    assert!(
        requests
            .iter()
            .all(|request| !request.contains("authorization") && !request.contains("referer"))
    );
}

#[tokio::test]
async fn an_expired_signed_url_is_not_used() {
    let server = ScriptedServer::start(&[TRUNCATED, REMAINDER]).await;
    let (bytes, minted) = signed(&server, Duration::ZERO).await;
    assert_eq!((bytes.unwrap().as_str(), minted), ("0123456789", 2));
    assert!(server.requests()[1].starts_with("get /export.bin?token=2 "));
}

#[tokio::test]
async fn a_new_signed_url_that_is_refused_is_an_error() {
    let server = ScriptedServer::start(&[EXPIRED, EXPIRED]).await;
    let (bytes, minted) = signed(&server, HOUR).await;
    let error = bytes.unwrap_err();
    assert_eq!(
        (error.status().map(|status| status.as_u16()), minted),
        (Some(403), 2)
    );
    let server = ScriptedServer::start(&[TRUNCATED, EXPIRED, EXPIRED]).await;
    let (bytes, minted) = signed(&server, HOUR).await;
    assert!(bytes.is_err());
    assert_eq!(minted, 2);
}
