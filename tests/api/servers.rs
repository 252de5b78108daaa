//! Downloads from servers of every behaviour: the right bytes, or one clear error, with a bounded number of
//! requests. Versions of a file are never mixed.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gizmo_client::{Client, Error, RetryPolicy, SignedUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{CANARY, steady_clock};

/// Two versions of a file.
const OLD: &[u8] = &[b'a'; 4_000];
const NEW: &[u8] = &[b'B'; 4_000];

/// A response that a server sends.
#[derive(Debug, Clone)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The number of bytes of the body that are sent before the connection is closed.
    sent: Option<usize>,
    framing: Framing,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Framing {
    Length,
    Chunked,
    Close,
}

fn reply(status: u16, body: &[u8]) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.to_vec(),
        sent: None,
        framing: Framing::Length,
    }
}

impl Reply {
    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn media(self, value: &str) -> Self {
        self.header("content-type", value)
    }

    fn etag(self, value: &str) -> Self {
        self.header("etag", value)
    }

    fn cut(mut self, sent: usize) -> Self {
        self.sent = Some(sent);
        self
    }

    fn framed(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Turns the reply into the part of its body that starts at `first`.
    fn part(mut self, first: usize, range: &str) -> Self {
        self.status = 206;
        self.body.drain(..first);
        self.header("content-range", range)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Status\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&[*name, ": ", value, "\r\n"].concat());
        }
        let sent = &self.body[..self.sent.unwrap_or(self.body.len())];
        let (framing, body) = match self.framing {
            Framing::Length => (
                format!("content-length: {}\r\n", self.body.len()),
                sent.to_vec(),
            ),
            Framing::Close => (String::new(), sent.to_vec()),
            Framing::Chunked => {
                let mut body = format!("{:x}\r\n", sent.len()).into_bytes();
                body.extend_from_slice(sent);
                if self.sent.is_none() {
                    body.extend_from_slice(b"\r\n0\r\n\r\n");
                }
                ("transfer-encoding: chunked\r\n".to_owned(), body)
            }
        };
        let framing = if matches!(self.status, 204 | 304) {
            String::new()
        } else {
            framing
        };
        [head.as_bytes(), framing.as_bytes(), b"\r\n", &body].concat()
    }
}

/// A server that sends its replies in turn, and then the last one again.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = requests.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 8192];
                let length = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
                let number = recorded.lock().unwrap().len();
                recorded.lock().unwrap().push(request);
                let reply = &replies[number.min(replies.len() - 1)];
                let _ = stream.write_all(&reply.bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, requests }
    }

    fn client(&self) -> Client {
        let builder = Client::builder().api_key(CANARY).base_url(&self.url);
        builder.retry_policy(RetryPolicy::none()).build().unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    async fn file(&self) -> Result<Bytes, Error> {
        let download = self.client().download("/file.bin").await?;
        download.bytes(1 << 20).await
    }

    async fn export(&self) -> Result<Bytes, Error> {
        let client = self.client();
        let export = client.export_scene().scene_id("sc_1");
        let export = export.format(gizmo_client::Format::Mjcf).download().await?;
        export.bytes(1 << 20).await
    }
}

/// What is expected: the bytes, or a part of the error, and the number of requests.
enum Expected {
    Bytes(&'static [u8], usize),
    Error(&'static str, usize),
    /// At most this number of requests.
    ErrorWithin(&'static str, usize),
}

use Expected::{Bytes as Gets, Error as Fails, ErrorWithin as FailsWithin};

fn check(name: &str, server: &Server, result: &Result<Bytes, Error>, expected: &Expected) {
    let requests = server.requests().len();
    match (expected, result) {
        (Gets(bytes, count), Ok(found)) => {
            assert!(found == bytes, "{name}: {} bytes", found.len());
            assert_eq!(requests, *count, "{name}");
        }
        (Fails(part, count), Err(error)) => {
            let error = format!("{error:#}");
            assert!(error.contains(part), "{name}: {error}");
            assert_eq!(requests, *count, "{name}: {error}");
        }
        (FailsWithin(part, most), Err(error)) => {
            let error = format!("{error:#}");
            assert!(error.contains(part), "{name}: {error}");
            assert!(requests <= *most, "{name}: {requests} requests, {error}");
        }
        (_, Ok(found)) => panic!("{name}: {} bytes after {requests} requests", found.len()),
        (_, Err(error)) => panic!("{name}: {error:#} after {requests} requests"),
    }
}

/// A response of which the first half arrives.
fn half() -> Reply {
    reply(200, OLD).cut(2_000)
}

fn half_tagged() -> Reply {
    half().etag("\"a\"")
}

/// The second half.
fn rest() -> Reply {
    reply(200, OLD).part(2_000, "bytes 2000-3999/4000")
}

const MODIFIED: &str = "Wed, 01 Jan 2025 00:00:00 GMT";
const LATER: &str = "Wed, 01 Jan 2025 00:01:00 GMT";

fn half_dated() -> Reply {
    half()
        .header("last-modified", MODIFIED)
        .header("date", LATER)
}

#[tokio::test(start_paused = true)]
async fn one_kind_of_response_gives_the_file_or_a_clear_error() {
    steady_clock();
    let page = |media: &str| reply(200, b"<html>sorry</html>").media(media);
    let xml = b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>";
    let model: &[u8] = b"<mujoco model=\"lab\"><worldbody/></mujoco>";
    let cases: Vec<(&str, Reply, Expected)> = vec![
        ("complete", reply(200, OLD), Gets(OLD, 1)),
        (
            "chunked",
            reply(200, OLD).framed(Framing::Chunked),
            Gets(OLD, 1),
        ),
        (
            "until the end",
            reply(200, OLD).framed(Framing::Close),
            Gets(OLD, 1),
        ),
        ("201", reply(201, OLD), Gets(OLD, 1)),
        (
            "any media type",
            reply(200, OLD).media("application/octet-stream"),
            Gets(OLD, 1),
        ),
        (
            "identity",
            reply(200, OLD).header("content-encoding", "identity"),
            Gets(OLD, 1),
        ),
        (
            "a model as XML",
            reply(200, model).media("application/xml"),
            Gets(model, 1),
        ),
        (
            "a glTF as JSON",
            reply(200, OLD).media("model/gltf+json"),
            Gets(OLD, 1),
        ),
        (
            "206 of everything",
            reply(200, OLD).part(0, "bytes 0-3999/4000"),
            Gets(OLD, 1),
        ),
        (
            "206 of everything, unknown total",
            reply(200, OLD).part(0, "bytes 0-3999/*"),
            Gets(OLD, 1),
        ),
        (
            "gzip",
            reply(200, OLD).header("content-encoding", "gzip"),
            Fails("encoded as `gzip`", 1),
        ),
        (
            "br",
            reply(200, OLD).header("content-encoding", "br"),
            Fails("encoded as `br`", 1),
        ),
        (
            "html",
            page("text/html"),
            Fails("not a file but `<html>", 1),
        ),
        (
            "HTML",
            page("Text/HTML; charset=utf-8"),
            Fails("not a file", 1),
        ),
        (
            "xhtml",
            page("application/xhtml+xml"),
            Fails("not a file", 1),
        ),
        (
            "json",
            reply(200, b"{\"ok\":true}").media("application/json"),
            Fails("not a file", 1),
        ),
        (
            "JSON",
            reply(200, b"{}").media("APPLICATION/JSON;v=1"),
            Fails("not a file", 1),
        ),
        (
            "problem",
            reply(200, b"{}").media("application/problem+json"),
            Fails("not a file", 1),
        ),
        (
            "an XML error",
            reply(200, xml).media("application/xml"),
            Fails("not a file", 1),
        ),
        ("204", reply(204, b""), Fails("an empty response", 6)),
        ("empty", reply(200, b""), Fails("an empty response", 6)),
        ("always cut", half(), Fails("complete", 6)),
        (
            "always cut, chunked",
            half().framed(Framing::Chunked),
            Fails("complete", 6),
        ),
        (
            "always cut, with a tag",
            half_tagged(),
            FailsWithin("complete", 13),
        ),
        (
            "206 without a range",
            reply(206, OLD),
            Fails("Content-Range", 6),
        ),
        (
            "206 with a bad range",
            reply(200, OLD).part(0, "bytes 5-2/4000"),
            Fails("Content-Range", 6),
        ),
        (
            "206 in other units",
            reply(200, OLD).part(0, "items 0-3/4"),
            Fails("Content-Range", 6),
        ),
        (
            "multipart",
            reply(206, OLD).media("multipart/byteranges; boundary=x"),
            Fails("Content-Range", 6),
        ),
        (
            "206 of the first half",
            reply(200, &OLD[..2_000]).part(0, "bytes 0-1999/4000"),
            Fails("only a part", 6),
        ),
        ("206 of the second half", rest(), Fails("only a part", 6)),
        (
            "202",
            reply(202, b"{}").media("application/json"),
            Fails("not ready yet", 6),
        ),
        (
            "202 with a time",
            reply(202, b"{}")
                .media("application/json")
                .header("retry-after", "1"),
            FailsWithin("not ready yet", 60),
        ),
        ("400", reply(400, b"no"), Fails("400", 1)),
        ("401", reply(401, b"no"), Fails("401", 1)),
        ("403", reply(403, xml), Fails("403 NoSuchKey", 1)),
        ("404", reply(404, b""), Fails("404", 1)),
        ("409", reply(409, b""), Fails("409", 1)),
        (
            "409 with a time",
            reply(409, b"").header("retry-after", "1"),
            FailsWithin("409", 60),
        ),
        ("410", reply(410, b""), Fails("410", 1)),
        ("416", reply(416, b""), Fails("416", 1)),
        (
            "425 with a time",
            reply(425, b"").header("retry-after", "2"),
            FailsWithin("425", 60),
        ),
        (
            "a redirect to itself",
            reply(302, b"").header("location", "/file.bin"),
            Fails("redirects", 6),
        ),
    ];
    for (name, reply, expected) in cases {
        let server = Server::start(vec![reply]).await;
        let result = server.file().await;
        check(name, &server, &result, &expected);
        assert!(
            server.requests()[0].contains("accept-encoding: identity"),
            "{name}"
        );
    }
}

/// What a server sends for the rest of a file with a tag.
fn tagged_files() -> Vec<(&'static str, Vec<Reply>, Expected)> {
    let new = || reply(200, NEW).etag("\"b\"");
    let tagged = |range: &str| reply(200, OLD).part(2_000, range).etag("\"a\"");
    let dated = |value: &str| rest().header("last-modified", value);
    vec![
        (
            "the same tag",
            vec![half_tagged(), rest().etag("\"a\"")],
            Gets(OLD, 2),
        ),
        (
            "an unknown total",
            vec![half_tagged(), tagged("bytes 2000-3999/*")],
            Gets(OLD, 2),
        ),
        (
            "a range in capitals",
            vec![half_tagged(), tagged("Bytes 2000-3999/4000")],
            Gets(OLD, 2),
        ),
        (
            "another tag",
            vec![half_tagged(), rest().etag("\"b\""), new()],
            Gets(NEW, 3),
        ),
        (
            "a weak tag",
            vec![half_tagged(), rest().etag("W/\"a\""), new()],
            Gets(NEW, 3),
        ),
        ("no tag", vec![half_tagged(), rest(), new()], Gets(NEW, 3)),
        (
            "only a date",
            vec![half_tagged(), dated(MODIFIED), new()],
            Gets(NEW, 3),
        ),
        (
            "another start",
            vec![half_tagged(), tagged("bytes 1999-3998/4000"), new()],
            Gets(NEW, 3),
        ),
        (
            "another total",
            vec![half_tagged(), tagged("bytes 2000-3999/5000"), new()],
            Gets(NEW, 3),
        ),
        (
            "a range that is no range",
            vec![half_tagged(), tagged("bytes */4000"), new()],
            Gets(NEW, 3),
        ),
        (
            "no range",
            vec![
                half_tagged(),
                reply(206, &OLD[2_000..]).etag("\"a\""),
                new(),
            ],
            Gets(NEW, 3),
        ),
        (
            "multipart",
            vec![
                half_tagged(),
                reply(206, &OLD[2_000..])
                    .etag("\"a\"")
                    .media("multipart/byteranges; boundary=x"),
                new(),
            ],
            Gets(NEW, 3),
        ),
        (
            "the complete new file",
            vec![half_tagged(), new()],
            Gets(NEW, 2),
        ),
        (
            "412",
            vec![half_tagged(), reply(412, b""), new()],
            Gets(NEW, 3),
        ),
        (
            "416",
            vec![half_tagged(), reply(416, b""), new()],
            Gets(NEW, 3),
        ),
        (
            "an encoded rest",
            vec![
                half_tagged(),
                rest().etag("\"a\"").header("content-encoding", "gzip"),
            ],
            Fails("encoded", 2),
        ),
        (
            "503, then the rest",
            vec![
                half_tagged(),
                reply(503, b"").header("retry-after", "1"),
                rest().etag("\"a\""),
            ],
            Gets(OLD, 3),
        ),
        (
            "a gateway's page, then the rest",
            vec![
                half_tagged(),
                reply(502, b"<html>").media("text/html"),
                rest().etag("\"a\""),
            ],
            Gets(OLD, 3),
        ),
        (
            "an empty response, then the rest",
            vec![half_tagged(), reply(200, b""), rest().etag("\"a\"")],
            Gets(OLD, 3),
        ),
        (
            "cut twice",
            vec![
                half_tagged(),
                rest().etag("\"a\"").cut(1_500),
                reply(200, OLD)
                    .part(3_500, "bytes 3500-3999/4000")
                    .etag("\"a\""),
            ],
            Gets(OLD, 3),
        ),
        ("404", vec![half_tagged(), reply(404, b"")], Fails("404", 2)),
    ]
}

/// What a server sends for a file without a strong tag.
fn other_files() -> Vec<(&'static str, Vec<Reply>, Expected)> {
    let new = || reply(200, NEW).etag("\"b\"");
    let dated = |value: &str| rest().header("last-modified", value);
    vec![
        ("no validator", vec![half(), new()], Gets(NEW, 2)),
        (
            "a weak validator",
            vec![half().etag("W/\"a\""), new()],
            Gets(NEW, 2),
        ),
        (
            "a weak tag beside a date",
            vec![half_dated().etag("W/\"a\""), new()],
            Gets(NEW, 2),
        ),
        (
            "the same date",
            vec![half_dated(), dated(MODIFIED)],
            Gets(OLD, 2),
        ),
        (
            "another date",
            vec![half_dated(), dated(LATER), new()],
            Gets(NEW, 3),
        ),
        ("no date", vec![half_dated(), rest(), new()], Gets(NEW, 3)),
        (
            "a tag in place of the date",
            vec![half_dated(), dated(MODIFIED).etag("\"b\""), new()],
            Gets(NEW, 3),
        ),
        (
            "a date of the same second",
            vec![
                half()
                    .header("last-modified", MODIFIED)
                    .header("date", MODIFIED),
                new(),
            ],
            Gets(NEW, 2),
        ),
        (
            "a date without the time",
            vec![half().header("last-modified", MODIFIED), new()],
            Gets(NEW, 2),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_cut_continues_only_with_the_same_version() {
    steady_clock();
    for (name, replies, expected) in tagged_files().into_iter().chain(other_files()) {
        let resumes = replies.len() > 1 && matches!(expected, Gets(OLD, _));
        let server = Server::start(replies).await;
        let result = server.file().await;
        check(name, &server, &result, &expected);
        if resumes {
            let last = server.requests().pop().unwrap();
            assert!(last.contains("range: bytes="), "{name}: {last}");
        }
        for request in server.requests() {
            assert!(!request.contains("if-range: w/"), "{name}");
        }
    }
}

/// An archive with one empty file.
fn archive() -> &'static [u8] {
    b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0a\
      PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a\
      PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x1f\0\0\0\0\0"
}

#[tokio::test(start_paused = true)]
async fn an_export_is_an_archive_or_a_clear_error() {
    steady_clock();
    let zip = || reply(200, archive());
    let early = |status| reply(status, b"").header("retry-after", "1");
    let incomplete = reply(200, &archive()[..60]);
    let cases: Vec<(&str, Vec<Reply>, Expected)> = vec![
        ("complete", vec![zip()], Gets(archive(), 1)),
        (
            "as HTML",
            vec![zip().media("text/html")],
            Gets(archive(), 1),
        ),
        (
            "202, then ready",
            vec![early(202), zip()],
            Gets(archive(), 2),
        ),
        (
            "an archive with 202",
            vec![reply(202, archive())],
            Gets(archive(), 1),
        ),
        (
            "409, then ready",
            vec![early(409), early(409), zip()],
            Gets(archive(), 3),
        ),
        (
            "425, then ready",
            vec![early(425), zip()],
            Gets(archive(), 2),
        ),
        (
            "204, then ready",
            vec![reply(204, b""), zip()],
            Gets(archive(), 2),
        ),
        (
            "cut, then complete",
            vec![zip().cut(50), zip()],
            Gets(archive(), 2),
        ),
        (
            "without its end, then complete",
            vec![incomplete.clone(), zip()],
            Gets(archive(), 2),
        ),
        (
            "always without its end",
            vec![incomplete.clone()],
            Fails("its end is missing", 6),
        ),
        (
            "always without its end, chunked",
            vec![incomplete.framed(Framing::Chunked)],
            Fails("its end is missing", 6),
        ),
        (
            "a page",
            vec![reply(200, b"<html>").media("text/html")],
            Fails("not a ZIP archive", 1),
        ),
        (
            "json",
            vec![reply(200, b"{\"url\":\"https://h/?sig=canary\"}").media("application/json")],
            Fails("not a ZIP archive", 1),
        ),
        (
            "encoded",
            vec![zip().header("content-encoding", "gzip")],
            Fails("encoded as `gzip`", 1),
        ),
        ("409", vec![reply(409, b"")], Fails("409", 1)),
        (
            "a redirect to itself",
            vec![reply(307, b"").header("location", "/v1/scenes/sc_1/export")],
            Fails("redirects", 1),
        ),
    ];
    for (name, replies, expected) in cases {
        let server = Server::start(replies).await;
        let result = server.export().await;
        check(name, &server, &result, &expected);
        if let Err(error) = result {
            assert!(
                !format!("{error:?} {error:#}").contains("canary"),
                "{name}: {error:#}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_that_redirects_to_an_object_store_is_fetched_without_the_key() {
    steady_clock();
    for status in [301, 302, 303, 307, 308] {
        let store = Server::start(vec![reply(200, archive())]).await;
        let location = format!("{}/export.zip?sig=canary", store.url);
        let server = Server::start(vec![reply(status, b"").header("location", location)]).await;
        assert_eq!(server.export().await.unwrap(), archive(), "{status}");
        let request = store.requests().pop().unwrap();
        assert!(
            request.starts_with("get /export.zip?sig=canary "),
            "{request}"
        );
        assert!(!request.contains("authorization"), "{request}");
    }
    let xml = b"<Error><Code>ExpiredToken</Code><Message>gone</Message></Error>";
    let store = Server::start(vec![reply(400, xml)]).await;
    let location = format!("{}/export.zip?sig=canary", store.url);
    let server = Server::start(vec![reply(302, b"").header("location", location)]).await;
    let error = server.export().await.unwrap_err();
    assert_eq!(error.code(), Some("ExpiredToken"));
    assert!(!format!("{error:?}").contains("canary"));
    let insecure = reply(302, b"").header("location", "http://store.example/a?sig=canary");
    let server = Server::start(vec![insecure]).await;
    let error = server.export().await.unwrap_err();
    assert!(error.to_string().contains("plain http"), "{error}");
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn a_signed_url_that_has_expired_is_requested_again() {
    steady_clock();
    let xml = b"<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>";
    for (refusal, minted) in [
        (reply(403, b"<Error><Code>AccessDenied</Code></Error>"), 2),
        (reply(401, b""), 2),
        (reply(410, b""), 2),
        (reply(400, xml), 2),
        (reply(400, b"<Error><Code>InvalidRange</Code></Error>"), 1),
        (reply(404, b""), 1),
    ] {
        let server = Server::start(vec![refusal.clone(), reply(200, OLD)]).await;
        let count = Arc::new(Mutex::new(0));
        let (url, counted) = (server.url.clone(), count.clone());
        let mint = move || {
            *counted.lock().unwrap() += 1;
            let signed = SignedUrl::new(format!("{url}/file.bin?sig=canary"), None);
            async move { Ok(signed) }
        };
        let download = server.client().download_signed(mint).await;
        assert_eq!(*count.lock().unwrap(), minted, "{refusal:?}");
        match download {
            Ok(download) => assert_eq!(download.bytes(1 << 20).await.unwrap(), OLD),
            Err(error) => {
                assert_eq!(minted, 1, "{refusal:?}: {error}");
                assert!(!format!("{error:?}").contains("canary"));
            }
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_not_written_through_and_permissions_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let server = Server::start(vec![reply(200, OLD)]).await;
    let to_file = |path: std::path::PathBuf| {
        let client = server.client();
        async move {
            client
                .download("/file.bin")
                .await
                .unwrap()
                .to_file(path)
                .await
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("precious"), "precious").unwrap();
    // Links with the name of the part file.
    symlink(path("precious"), path("one.part")).unwrap();
    std::fs::hard_link(path("precious"), path("two.part")).unwrap();
    for target in ["one", "two"] {
        to_file(path(target)).await.unwrap();
        assert_eq!(std::fs::read(path(target)).unwrap(), OLD);
        assert_eq!(std::fs::read(path("precious")).unwrap(), b"precious");
    }
    // A link as the target is followed, and the file keeps its permissions.
    std::fs::set_permissions(path("precious"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink(path("precious"), path("link")).unwrap();
    to_file(path("link")).await.unwrap();
    assert!(
        std::fs::symlink_metadata(path("link"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(std::fs::read(path("precious")).unwrap(), OLD);
    let mode = std::fs::metadata(path("precious"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    symlink(path("absent"), path("dangling")).unwrap();
    assert!(to_file(path("dangling")).await.is_err());
    std::fs::create_dir(path("directory")).unwrap();
    let error = to_file(path("directory")).await.unwrap_err();
    assert!(error.to_string().contains("cannot be replaced"), "{error}");
    assert!(!path("directory.part").exists());
}
