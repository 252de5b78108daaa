//! Provides a copy of the documents to refresh, and a server that serves new ones.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use serde_json::Value;

/// A copy of the repository's documents, which is removed on drop.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
}

impl Tree {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root =
            std::env::temp_dir().join(format!("gizmo-xtask-{}-{number}", std::process::id()));
        let directory = root.join("openapi");
        fs::create_dir_all(&directory).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi");
        for name in [
            "upstream.json",
            "overlay.json",
            "openapi.json",
            "ledger.json",
            "spec.lock",
            "alpha.json",
        ] {
            fs::copy(source.join(name), directory.join(name)).unwrap();
        }
        Self { root }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join("openapi").join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        fs::read_dir(self.root.join("openapi"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).unwrap(),
                )
            })
            .collect()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .arg("refresh-spec")
            .args(arguments)
            .arg("--root")
            .arg(&self.root);
        if !arguments.contains(&"--check") {
            // The copy contains only the documents, not a crate to build.
            command.arg("--no-trial");
        }
        command.env_remove("GIZMO_BASE_URL");
        command
    }

    /// Asserts that a run fails with this exit code and one line on stderr, and does not change the
    /// tree.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, reason: &str) {
        let before = self.files();
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
        assert!(self.files() == before, "the tree has changed");
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).ok();
    }
}

pub(crate) fn succeeds(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Serves each response on one connection. The thread returns the headers of the requests.
pub(crate) fn serve(responses: Vec<Vec<u8>>) -> (String, thread::JoinHandle<Vec<String>>) {
    serve_on(TcpListener::bind("127.0.0.1:0").unwrap(), responses)
}

/// Serves a redirect, in whose `location` `BASE` stands for the address of the server, and then a
/// response.
pub(crate) fn serve_to_itself(
    location: &str,
    last: Vec<u8>,
) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let header = format!("Location: {}\r\n", location.replace("BASE", &address));
    serve_on(listener, vec![response("302 Found", &header, b""), last])
}

fn serve_on(
    listener: TcpListener,
    responses: Vec<Vec<u8>>,
) -> (String, thread::JoinHandle<Vec<String>>) {
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        responses
            .into_iter()
            .map(|response| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = request_headers(&mut stream);
                // The client may close the connection before it has read the complete response.
                stream.write_all(&response).ok();
                request
            })
            .collect()
    });
    (base, server)
}

/// Reads the request line and the headers of a request, in lower case.
fn request_headers(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut chunk).unwrap();
        assert_ne!(count, 0, "the client closed the connection");
        bytes.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8(bytes).unwrap().to_lowercase()
}

pub(crate) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let status_and_headers = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    );
    [status_and_headers.as_bytes(), body].concat()
}

/// Returns the current document with a different summary.
pub(crate) fn newer(tree: &Tree) -> Vec<u8> {
    let mut document: Value = serde_json::from_str(&tree.text("upstream.json")).unwrap();
    document["paths"]["/v1/usage"]["get"]["summary"] = Value::from("Another summary");
    document.to_string().into_bytes()
}
