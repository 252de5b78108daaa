//! Exports and files: the right bytes or a clear error, and nothing left behind.

use std::time::Duration;

use futures::TryStreamExt;
use gizmo_client::{Download, Error, ErrorKind};
use gizmo_simulator::{At, Canned, Fault, On, Options};

use crate::support::{Lab, names};

struct Exports {
    lab: Lab,
    scene_id: String,
    whole: bytes::Bytes,
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
            whole: bytes::Bytes::new(),
            dir: tempfile::tempdir().unwrap(),
        };
        exports.whole = exports
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

    /// Downloads to a file that has held something else.
    async fn to_file(&self) -> Result<u64, Error> {
        std::fs::write(self.dir.path().join("scene.zip"), "old").unwrap();
        self.download()
            .await?
            .to_file(self.dir.path().join("scene.zip"))
            .await
    }

    /// The right bytes are there, and nothing else.
    fn is_right(&self) {
        assert_eq!(
            std::fs::read(self.dir.path().join("scene.zip")).unwrap(),
            self.whole
        );
        assert_eq!(names(self.dir.path()).len(), 1);
    }

    /// What was there is as it was, and nothing else is there.
    fn is_untouched(&self) {
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

fn export() -> On {
    On::operation("export_scene")
}

#[tokio::test]
async fn a_broken_export_is_asked_for_again_and_whole() {
    let exports = Exports::start().await;
    for fault in [
        Fault::CutBody(At::Percent(0.0)),
        Fault::CutBody(At::Percent(50.0)),
        Fault::CutBody(At::Percent(99.9)),
        Fault::LengthOff(-1_000),
        Fault::LengthOff(10),
    ] {
        exports.lab.handle.clear_requests();
        exports.inject(export(), fault.clone());
        let length = exports
            .to_file()
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error:#}"));
        assert_eq!(length, exports.whole.len() as u64);
        exports.is_right();
        assert_eq!(exports.lab.handle.count("export_scene"), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_stalled_export_is_given_up_and_asked_for_again() {
    let mut exports = Exports::start().await;
    exports.lab.client = Lab::client_of(&exports.lab.simulator)
        .idle_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    for place in [At::Percent(50.0), At::Byte(2)] {
        exports.inject(export(), Fault::StallBody(place));
        exports.to_file().await.unwrap();
        exports.is_right();
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_whole_or_asked_for_again() {
    let exports = Exports::start().await;
    exports.inject(export().times(2), Fault::NoLength);
    exports.inject(export(), Fault::CutBody(At::Byte(100_000)));
    exports.to_file().await.unwrap();
    exports.is_right();
}

#[tokio::test]
async fn an_export_that_never_comes_whole_is_an_error_and_nothing_changes() {
    let exports = Exports::start().await;
    exports.inject(export().always(), Fault::CutBody(At::Percent(50.0)));
    let error = exports.to_file().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error:#}");
    assert_eq!(error.operation(), Some("export_scene"));
    exports.is_untouched();
    exports.lab.handle.clear_faults();
    exports.inject(
        export().always(),
        Fault::Respond(Canned::empty(200).body("PK\u{3}\u{4} and then nothing of the sort")),
    );
    let error = exports.to_file().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "export_scene: the archive is not whole: its end is missing"
    );
    exports.is_untouched();
}

#[tokio::test]
async fn an_answer_that_is_no_archive_is_an_error_at_once() {
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
        exports.inject(export(), Fault::Respond(canned.clone()));
        let error = exports.to_file().await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Decode | ErrorKind::Status),
            "{error}"
        );
        assert!(!error.body().is_empty());
        assert_eq!(exports.lab.handle.count("export_scene"), 1, "{canned:?}");
        exports.is_untouched();
    }
}

#[tokio::test]
async fn a_dropped_download_leaves_nothing() {
    let exports = Exports::start().await;
    exports.inject(export(), Fault::Trickle(1_000, Duration::from_millis(5)));
    let waited = tokio::time::timeout(Duration::from_millis(30), exports.to_file()).await;
    assert!(waited.is_err(), "the future is dropped half-way");
    exports.is_untouched();
}

#[tokio::test]
async fn a_dropped_download_does_not_stand_in_the_way_of_the_next() {
    let exports = Exports::start().await;
    for milliseconds in 0..15 {
        exports.inject(export(), Fault::Trickle(1_000, Duration::from_millis(5)));
        let moment = Duration::from_millis(milliseconds);
        let waited = tokio::time::timeout(moment, exports.to_file()).await;
        assert!(waited.is_err(), "the future is dropped half-way");
        exports.lab.handle.clear_faults();
        exports.to_file().await.unwrap();
        exports.is_right();
    }
}

#[tokio::test]
async fn a_stale_part_is_taken_over_and_a_live_one_is_not() {
    let exports = Exports::start().await;
    let part = exports.dir.path().join("scene.zip.part");
    std::fs::write(&part, vec![7; 1 << 20]).unwrap();
    exports.to_file().await.unwrap();
    exports.is_right();
    exports.inject(export(), Fault::Trickle(1_000, Duration::from_millis(5)));
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
        _ = first => panic!("the first was slow"),
        second = second => second,
    };
    assert_eq!(second.kind(), ErrorKind::Io);
    assert!(
        format!("{second:#}").contains("another download"),
        "{second:#}"
    );
    exports.is_right();
}

#[tokio::test]
async fn a_writer_that_fails_is_an_error_and_so_is_a_folder_in_the_way() {
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
    let missing = exports.dir.path().join("no/such/folder/scene.zip");
    let error = exports
        .download()
        .await
        .unwrap()
        .to_file(&missing)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:#}");
    let folder = exports.dir.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("kept"), "").unwrap();
    let error = exports
        .download()
        .await
        .unwrap()
        .to_file(&folder)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:#}");
    assert_eq!(
        names(exports.dir.path()).into_iter().collect::<Vec<_>>(),
        ["folder"]
    );
}

#[tokio::test]
async fn a_stream_yields_the_bytes_and_an_error_where_they_cannot_be_had() {
    let exports = Exports::start().await;
    let chunks: Vec<_> = exports
        .download()
        .await
        .unwrap()
        .bytes_stream()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(chunks.concat(), exports.whole);
    exports.inject(export(), Fault::CutBody(At::Percent(50.0)));
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
async fn a_folder_that_is_not_empty_is_left_alone() {
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
    assert!(bundle.model().is_file() && !dir.join("mine.txt").exists());
    assert_eq!(
        names(exports.dir.path()).into_iter().collect::<Vec<_>>(),
        ["lab"]
    );
}

#[tokio::test]
async fn a_catalog_file_is_resumed_where_it_broke() {
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
    let whole = lab
        .client
        .download(&path)
        .await
        .unwrap()
        .bytes(1 << 24)
        .await
        .unwrap();
    assert!(whole.starts_with(b"glTF"));
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
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    let requests = lab.handle.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[1].header("range").unwrap().starts_with("bytes="),
        "{requests:?}"
    );
    assert!(requests[1].header("if-range").is_some());
    assert_eq!(requests[1].credentials(), ["authorization"]);

    // From another origin, without the key: that of a second simulator, which then refuses.
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

/// Where the child process below downloads from and to.
const CHILD: &str = "GIZMO_TEST_DOWNLOAD";

#[tokio::test]
#[ignore = "the process that `a_killed_download_leaves_the_old_file_or_the_new_one` starts"]
async fn a_download_to_be_killed() {
    let Ok(orders) = std::env::var(CHILD) else {
        return;
    };
    let (url, scene_id, path) = serde_json::from_str::<(String, String, String)>(&orders).unwrap();
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
        export().always(),
        Fault::Trickle(20_000, Duration::from_millis(2)),
    );
    let path = exports.dir.path().join("scene.zip");
    let url = exports.lab.simulator.url();
    let orders = serde_json::to_string(&(url, &exports.scene_id, &path)).unwrap();
    let (mut old, mut new) = (0, 0);
    for moment in 0..20_u32 {
        std::fs::write(&path, "old").unwrap();
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "downloads::a_download_to_be_killed", "--ignored"])
            .env(CHILD, &orders)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // From before it begins to after its end, a little different each time.
        let delay = Duration::from_millis(u64::from(moment * 8))
            + Duration::from_micros(u64::from(std::process::id() % 8_000));
        let _ = tokio::time::timeout(delay, child.wait()).await;
        let _ = child.kill().await;
        let found = std::fs::read(&path).unwrap();
        if found == b"old" {
            old += 1;
        } else {
            assert_eq!(found, exports.whole);
            new += 1;
        }
    }
    assert!(old > 0, "{old} killed before the end, {new} after it");
    exports.lab.handle.clear_faults();
    exports.to_file().await.unwrap();
    exports.is_right();
}
