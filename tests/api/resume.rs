//! Files that are fetched in parts, and over pre-signed URLs: a server that answers by a script.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use gizmo_client::{Client, Error, ErrorKind, SignedUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::client;

/// Answers one connection after the other as the script says, and keeps what was asked.
struct Script {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 8192];
                let length = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
                kept.lock().unwrap().push(request);
                stream.write_all(answer.as_bytes()).await.unwrap();
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

const CUT: &str =
    "HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: 10\r\nconnection: close\r\n\r\n01234";
const WHOLE: &str =
    "HTTP/1.1 200 OK\r\netag: \"b\"\r\ncontent-length: 10\r\nconnection: close\r\n\r\nabcdefghij";
const REST: &str = "HTTP/1.1 206 Partial Content\r\netag: \"a\"\r\ncontent-range: bytes 5-9/10\r\ncontent-length: 5\r\nconnection: close\r\n\r\n56789";

#[tokio::test]
async fn a_cut_file_is_resumed_as_long_as_it_is_the_same() {
    let script = Script::start(&[CUT, REST]).await;
    assert_eq!(script.download().await.unwrap(), "0123456789");
    let requests = script.requests();
    assert!(!requests[0].contains("range:"));
    assert!(
        requests[1].contains("range: bytes=5-\r\n") && requests[1].contains("if-range: \"a\"\r\n")
    );
}

#[tokio::test]
async fn a_file_that_has_changed_or_cannot_be_had_in_parts_starts_over() {
    for refusal in [
        // The whole instead of the rest.
        WHOLE,
        // Another part than the one that was asked for.
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-9/10\r\ncontent-length: 10\r\nconnection: close\r\n\r\n0123456789",
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 5-9/12\r\ncontent-length: 5\r\nconnection: close\r\n\r\n56789",
        "HTTP/1.1 206 Partial Content\r\ncontent-length: 5\r\nconnection: close\r\n\r\n56789",
        "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 412 Precondition Failed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "",
    ] {
        let script = Script::start(&[CUT, refusal, WHOLE]).await;
        assert_eq!(script.download().await.unwrap(), "abcdefghij", "{refusal}");
    }
}

#[tokio::test]
async fn a_file_whose_sameness_is_not_certain_is_not_pieced_together() {
    let weak = CUT.replace("\"a\"", "W/\"a\"");
    let script = Script::start(&[&weak, WHOLE]).await;
    assert_eq!(script.download().await.unwrap(), "abcdefghij");
    assert!(!script.requests()[1].contains("range:"));
}

#[tokio::test]
async fn a_file_that_is_gone_or_a_page_is_an_error() {
    let script = Script::start(&[CUT, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]).await;
    assert!(script.download().await.unwrap_err().is_not_found());
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
    let error = Script::start(&[page]).await.download().await.unwrap_err();
    assert_eq!(error.to_string(), "download: no file but `<html>`");
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_key_to_another_origin() {
    let elsewhere = Script::start(&[WHOLE]).await;
    let location = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/b\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url
    );
    let script = Script::start(&[&location]).await;
    assert_eq!(script.download().await.unwrap(), "abcdefghij");
    assert!(script.requests()[0].contains("authorization: bearer"));
    assert!(!elsewhere.requests()[0].contains("authorization"));
    let away = "HTTP/1.1 302 Found\r\nlocation: http://gizmo.example/b?token=canary\r\ncontent-length: 0\r\n\r\n";
    let error = Script::start(&[away]).await.download().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("plain http") && !error.to_string().contains("canary"),
        "{error}"
    );
    let circle = "HTTP/1.1 302 Found\r\nlocation: /file.bin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let error = Script::start(&[circle; 7])
        .await
        .download()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("redirects"), "{error}");
}

/// Signs URLs of the script's, each with its number.
async fn signed(script: &Script, valid: Duration) -> (Result<String, Error>, usize) {
    let client: Client = client("http://127.0.0.1:9");
    let (minted, url) = (Arc::new(AtomicUsize::new(0)), script.url.clone());
    let counter = minted.clone();
    let mint = move || {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        let url = format!("{url}/export.bin?token={number}");
        async move { Ok(SignedUrl::new(url, Some(SystemTime::now() + valid))) }
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
async fn a_signed_url_that_is_refused_is_minted_again_and_the_rest_is_had_over_it() {
    let script = Script::start(&[CUT, EXPIRED, REST]).await;
    let (bytes, minted) = signed(&script, HOUR).await;
    assert_eq!((bytes.unwrap().as_str(), minted), ("0123456789", 2));
    let requests = script.requests();
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
async fn a_signed_url_that_has_expired_is_not_even_tried() {
    let script = Script::start(&[CUT, REST]).await;
    let (bytes, minted) = signed(&script, Duration::ZERO).await;
    assert_eq!((bytes.unwrap().as_str(), minted), ("0123456789", 2));
    assert!(script.requests()[1].starts_with("get /export.bin?token=2 "));
}

#[tokio::test]
async fn a_fresh_signed_url_that_is_refused_is_an_error() {
    let script = Script::start(&[EXPIRED]).await;
    let (bytes, minted) = signed(&script, HOUR).await;
    let error = bytes.unwrap_err();
    assert_eq!(
        (error.status().map(|status| status.as_u16()), minted),
        (Some(403), 1)
    );
    let script = Script::start(&[CUT, EXPIRED, EXPIRED]).await;
    let (bytes, minted) = signed(&script, HOUR).await;
    assert!(bytes.is_err());
    assert_eq!(minted, 2);
}
