//! Downloads of exports and files: the correct bytes or a clear error, and no leftover files.

use std::time::Duration;

use futures::TryStreamExt;
use gizmo_client::{Download, Error, ErrorKind};
use gizmo_simulator::{At, Canned, Fault, On, Options};

use crate::support::{Lab, names};

struct Exports {
    lab: Lab,
    scene_id: String,
    /// The complete export.
    archive: bytes::Bytes,
    dir: tempfile::TempDir,
}

impl Exports {
    async fn start() -> Self {
        let mut options = Options::instant();
        options.texture_bytes = 300_000;
        let lab = Lab::start(options).await;
        let scene_id = lab.scene().await.scene_id;
        let mut exports = Self {
            lab,
            scene_id,
            archive: bytes::Bytes::new(),
            dir: tempfile::tempdir().unwrap(),
        };
        exports.archive = exports
            .download()
            .await
            .unwrap()
            .bytes(1 << 24)
            .await
            .unwrap();
        exports.lab.handle.clear_requests();
        exports
    }

    async fn download(&self) -> Result<Download, Error> {
        self.lab
            .client
            .export_scene()
            .scene_id(&self.scene_id)
            .format("mjcf")
            .download()
            .await
    }

    /// Downloads to a file that already exists with other content.
    async fn to_file(&self) -> Result<u64, Error> {
        std::fs::write(self.dir.path().join("scene.zip"), "old").unwrap();
        self.download()
            .await?
            .to_file(self.dir.path().join("scene.zip"))
            .await
    }

    /// Asserts that the directory contains only the complete archive.
    fn assert_complete(&self) {
        assert_eq!(
            std::fs::read(self.dir.path().join("scene.zip")).unwrap(),
            self.archive
        );
        assert_eq!(names(self.dir.path()).len(), 1);
    }

    /// Asserts that the directory contains only the old file.
    fn assert_unchanged(&self) {
        assert_eq!(
            std::fs::read(self.dir.path().join("scene.zip")).unwrap(),
            b"old"
        );
        assert_eq!(names(self.dir.path()).len(), 1);
    }

    fn inject(&self, on: On, fault: Fault) {
        self.lab.handle.inject(on, fault);
    }
}

fn on_export() -> On {
    On::operation("export_scene")
}

#[tokio::test]
async fn a_truncated_export_is_requested_again() {
    let exports = Exports::start().await;
    for fault in [
        Fault::CutBody(At::Percent(0.0)),
        Fault::CutBody(At::Percent(50.0)),
        Fault::CutBody(At::Percent(99.9)),
        Fault::LengthOff(-1_000),
        Fault::LengthOff(10),
    ] {
        exports.lab.handle.clear_requests();
        exports.inject(on_export(), fault.clone());
        let length = exports
            .to_file()
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error:#}"));
        assert_eq!(length, exports.archive.len() as u64);
        exports.assert_complete();
        assert_eq!(exports.lab.handle.count("export_scene"), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_stalled_export_is_requested_again() {
    let mut exports = Exports::start().await;
    exports.lab.client = Lab::client_of(&exports.lab.simulator)
        .idle_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    for place in [At::Percent(50.0), At::Byte(2)] {
        exports.inject(on_export(), Fault::StallBody(place));
        exports.to_file().await.unwrap();
        exports.assert_complete();
    }
}

#[tokio::test]
async fn a_truncated_export_without_a_content_length_is_requested_again() {
    let exports = Exports::start().await;
    exports.inject(on_export().times(2), Fault::NoLength);
    exports.inject(on_export(), Fault::CutBody(At::Byte(100_000)));
    exports.to_file().await.unwrap();
    exports.assert_complete();
}

#[tokio::test]
async fn an_export_that_is_never_complete_is_an_error_and_changes_no_file() {
    let exports = Exports::start().await;
    exports.inject(on_export().always(), Fault::CutBody(At::Percent(50.0)));
    let error = exports.to_file().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error:#}");
    assert_eq!(error.operation(), Some("export_scene"));
    exports.assert_unchanged();
    exports.lab.handle.clear_faults();
    exports.inject(
        on_export().always(),
        Fault::Respond(Canned::empty(200).body("PK\u{3}\u{4} and then no archive")),
    );
    let error = exports.to_file().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "export_scene: the archive is incomplete: its end is missing"
    );
    exports.assert_unchanged();
}

#[tokio::test]
async fn a_response_that_is_not_an_archive_is_an_error_without_a_retry() {
    let exports = Exports::start().await;
    for canned in [
        Canned::json(
            200,
            &serde_json::json!({"download_url": "https://cdn.example/x.zip"}),
        ),
        Canned::html(200),
        Canned::error(409, "scene_not_ready", "Scene is not ready"),
    ] {
        exports.lab.handle.clear_requests();
        exports.inject(on_export(), Fault::Respond(canned.clone()));
        let error = exports.to_file().await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Decode | ErrorKind::Status),
            "{error}"
        );
        assert!(!error.body().is_empty());
        assert_eq!(exports.lab.handle.count("export_scene"), 1, "{canned:?}");
        exports.assert_unchanged();
    }
}

#[tokio::test]
async fn a_dropped_download_leaves_no_partial_file() {
    let exports = Exports::start().await;
    exports.inject(on_export(), Fault::Trickle(1_000, Duration::from_millis(5)));
    let result = tokio::time::timeout(Duration::from_millis(30), exports.to_file()).await;
    assert!(result.is_err(), "the future is dropped before it completes");
    exports.assert_unchanged();
}

#[tokio::test]
async fn a_dropped_download_does_not_block_the_next() {
    let exports = Exports::start().await;
    for milliseconds in 0..15 {
        exports.inject(on_export(), Fault::Trickle(1_000, Duration::from_millis(5)));
        let delay = Duration::from_millis(milliseconds);
        let result = tokio::time::timeout(delay, exports.to_file()).await;
        assert!(result.is_err(), "the future is dropped before it completes");
        exports.lab.handle.clear_faults();
        exports.to_file().await.unwrap();
        exports.assert_complete();
    }
}

#[tokio::test]
async fn a_stale_part_file_is_replaced_and_a_locked_one_is_not() {
    let exports = Exports::start().await;
    let part = exports.dir.path().join("scene.zip.part");
    std::fs::write(&part, vec![7; 1 << 20]).unwrap();
    exports.to_file().await.unwrap();
    exports.assert_complete();
    exports.inject(on_export(), Fault::Trickle(1_000, Duration::from_millis(5)));
    let first = exports.download().await.unwrap();
    let path = exports.dir.path().join("scene.zip");
    let first = first.to_file(&path);
    let second = async {
        while !part.exists() {
            tokio::task::yield_now().await;
        }
        exports
            .download()
            .await
            .unwrap()
            .to_file(&path)
            .await
            .unwrap_err()
    };
    let second = tokio::select! {
        _ = first => panic!("the first download is slower"),
        second = second => second,
    };
    assert_eq!(second.kind(), ErrorKind::Io);
    assert!(
        format!("{second:#}").contains("another download"),
        "{second:#}"
    );
    exports.assert_complete();
}

#[tokio::test]
async fn a_failing_writer_and_an_unusable_destination_are_errors() {
    let exports = Exports::start().await;
    let full = tokio::fs::File::options()
        .write(true)
        .open("/dev/full")
        .await;
    if let Ok(full) = full {
        let error = exports
            .download()
            .await
            .unwrap()
            .to_writer(full)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error:#}");
    }
    let missing = exports.dir.path().join("no/such/directory/scene.zip");
    let error = exports
        .download()
        .await
        .unwrap()
        .to_file(&missing)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:#}");
    let directory = exports.dir.path().join("directory");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("kept"), "").unwrap();
    let error = exports
        .download()
        .await
        .unwrap()
        .to_file(&directory)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:#}");
    assert_eq!(
        names(exports.dir.path()).into_iter().collect::<Vec<_>>(),
        ["directory"]
    );
}

#[tokio::test]
async fn a_byte_stream_yields_the_archive_or_an_error() {
    let exports = Exports::start().await;
    let chunks: Vec<_> = exports
        .download()
        .await
        .unwrap()
        .bytes_stream()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(chunks.concat(), exports.archive);
    exports.inject(on_export(), Fault::CutBody(At::Percent(50.0)));
    let broken = exports
        .download()
        .await
        .unwrap()
        .bytes_stream()
        .try_collect::<Vec<_>>()
        .await;
    assert!(broken.unwrap_err().to_string().contains("start over"));
    let error = exports
        .download()
        .await
        .unwrap()
        .bytes(1_000)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("larger than 1000 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn a_download_beyond_its_limit_leaves_nothing() {
    let exports = Exports::start().await;
    let path = exports.dir.path().join("lab.zip");
    let size = exports.archive.len() as u64;
    for announced in [true, false] {
        if !announced {
            exports.inject(on_export(), Fault::NoLength);
        }
        let download = exports.download().await.unwrap();
        assert_eq!(download.total().is_some(), announced);
        let error = download.limit(size - 1).to_file(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error:#}");
        assert!(error.to_string().contains("larger than"), "{error}");
        assert_eq!(names(exports.dir.path()).len(), 0);
    }
    exports.inject(on_export(), Fault::CutBody(At::Percent(50.0)));
    let download = exports.download().await.unwrap().limit(size);
    assert_eq!(download.to_file(&path).await.unwrap(), size);
}

#[tokio::test]
async fn a_non_empty_directory_is_replaced_only_on_request() {
    let exports = Exports::start().await;
    let dir = exports.dir.path().join("lab");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("mine.txt"), "mine").unwrap();
    let error = exports
        .download()
        .await
        .unwrap()
        .unpack(&dir)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive, "{error:#}");
    assert_eq!(names(&dir).into_iter().collect::<Vec<_>>(), ["mine.txt"]);
    assert_eq!(
        names(exports.dir.path()).into_iter().collect::<Vec<_>>(),
        ["lab"]
    );
    let mut options = gizmo_client::archive::UnpackOptions::default();
    options.replace = true;
    let bundle = exports
        .download()
        .await
        .unwrap()
        .unpack_with(&dir, options)
        .await
        .unwrap();
    assert!(bundle.model().path().unwrap().is_file() && !dir.join("mine.txt").exists());
    assert_eq!(
        names(exports.dir.path()).into_iter().collect::<Vec<_>>(),
        ["lab"]
    );
}

#[tokio::test]
async fn an_interrupted_catalog_file_is_resumed() {
    let lab = Lab::instant().await;
    let items: Vec<_> = lab
        .client
        .search_catalog()
        .limit(1)
        .pages()
        .try_next()
        .await
        .unwrap()
        .unwrap()
        .items;
    let path = items[0].glb().unwrap().to_owned();
    let complete = lab
        .client
        .download(&path)
        .await
        .unwrap()
        .bytes(1 << 24)
        .await
        .unwrap();
    assert!(complete.starts_with(b"glTF"));
    lab.handle.clear_requests();
    lab.handle
        .inject(On::any().path(".glb"), Fault::CutBody(At::Percent(50.0)));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("item.glb");
    lab.client
        .download(&path)
        .await
        .unwrap()
        .to_file(&file)
        .await
        .unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), complete);
    let requests = lab.handle.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[1].header("range").unwrap().starts_with("bytes="),
        "{requests:?}"
    );
    assert!(requests[1].header("if-range").is_some());
    assert_eq!(requests[1].credentials(), ["authorization"]);

    // A second simulator is another origin. It receives no key and refuses the request.
    let elsewhere = Lab::instant().await;
    let url = format!("{}{path}", elsewhere.simulator.url());
    let _ = lab.client.download(&url).await;
    let requests = elsewhere.handle.requests();
    assert!(!requests.is_empty());
    assert!(
        requests
            .iter()
            .all(|request| request.credentials().is_empty())
    );
}

/// The environment variable that gives the child process its URL, scene and destination.
const CHILD: &str = "GIZMO_TEST_DOWNLOAD";

#[tokio::test]
#[ignore = "the process that `a_killed_download_leaves_the_old_file_or_the_new_one` starts"]
async fn child_process_of_a_killed_download() {
    let Ok(arguments) = std::env::var(CHILD) else {
        return;
    };
    let (url, scene_id, path) =
        serde_json::from_str::<(String, String, String)>(&arguments).unwrap();
    let client = gizmo_client::Client::builder()
        .api_key("gzm_k1_simulator")
        .base_url(url)
        .build()
        .unwrap();
    let download = client
        .export_scene()
        .scene_id(scene_id)
        .format("mjcf")
        .download()
        .await
        .unwrap();
    download.to_file(path).await.unwrap();
}

#[tokio::test]
async fn a_killed_download_leaves_the_old_file_or_the_new_one() {
    let exports = Exports::start().await;
    exports.inject(
        on_export().always(),
        Fault::Trickle(20_000, Duration::from_millis(2)),
    );
    let path = exports.dir.path().join("scene.zip");
    let url = exports.lab.simulator.url();
    let arguments = serde_json::to_string(&(url, &exports.scene_id, &path)).unwrap();
    let (mut old, mut new) = (0, 0);
    for step in 0..20_u32 {
        std::fs::write(&path, "old").unwrap();
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "downloads::child_process_of_a_killed_download",
                "--ignored",
            ])
            .env(CHILD, &arguments)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // The delays range from before the start of the download to after its end, and vary between
        // runs.
        let delay = Duration::from_millis(u64::from(step * 8))
            + Duration::from_micros(u64::from(std::process::id() % 8_000));
        let _ = tokio::time::timeout(delay, child.wait()).await;
        let _ = child.kill().await;
        let found = std::fs::read(&path).unwrap();
        if found == b"old" {
            old += 1;
        } else {
            assert_eq!(found, exports.archive);
            new += 1;
        }
    }
    assert!(
        old > 0,
        "{old} runs kept the old file, {new} have the new one"
    );
    exports.lab.handle.clear_faults();
    exports.to_file().await.unwrap();
    exports.assert_complete();
}

#[tokio::test(start_paused = true)]
async fn an_empty_export_is_requested_again() {
    let exports = Exports::start().await;
    let on = On::operation("export_scene").times(2);
    let empty = Canned::empty(200).header("content-type", "application/zip");
    exports.lab.handle.inject(on, Fault::Respond(empty.clone()));
    let bytes = exports.download().await.unwrap().bytes(1 << 24).await;
    assert_eq!(bytes.unwrap(), exports.archive);
    assert_eq!(exports.lab.handle.count("export_scene"), 3);
    let on = On::operation("export_scene").always();
    exports.lab.handle.inject(on, Fault::Respond(empty));
    let error = exports.download().await.unwrap_err();
    assert!(error.to_string().contains("an empty response"), "{error}");
    assert!(exports.lab.handle.count("export_scene") < 10);
}

#[tokio::test]
async fn the_target_is_checked_first_and_an_archive_that_cannot_be_unpacked_is_kept() {
    let exports = Exports::start().await;
    let dir = exports.dir.path().join("lab");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("mine.txt"), "mine").unwrap();
    let error = exports.download().await.unwrap().unpack(&dir).await;
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("not empty"), "{error}");
    assert_eq!(names(exports.dir.path()).len(), 1);
    std::fs::remove_dir_all(&dir).unwrap();
    // The name of its only file is a control character.
    let archive: &[u8] = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x07\
        PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\
        PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x1f\0\0\0\0\0";
    let zip = Canned::empty(200).body(archive);
    let on = On::operation("export_scene");
    exports.lab.handle.inject(on, Fault::Respond(zip));
    let error = exports.download().await.unwrap().unpack(&dir).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("lab.zip`"), "{error}");
    assert_eq!(std::fs::read(dir.with_extension("zip")).unwrap(), archive);
    assert_eq!(names(exports.dir.path()).len(), 1);
}
