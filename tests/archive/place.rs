//! The target directory before, during and after unpacking.

use std::fs;
use std::path::PathBuf;
#[cfg(unix)]
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use gizmo_client::archive::{self, UnpackErrorKind, UnpackOptions};

use crate::disk::{Disk, Tree, tree_of};
use crate::zip::{Item, Zip};

/// Returns an archive of a model and these entries.
fn zip(extra: impl IntoIterator<Item = Item>) -> Vec<u8> {
    let model = Item::deflated("scene.xml", "<mujoco/>");
    Zip::of([model].into_iter().chain(extra)).bytes()
}

/// Returns options that replace the target.
fn replace() -> UnpackOptions {
    let mut options = UnpackOptions::default();
    options.replace = true;
    options
}

/// Returns the contents of the target after an archive of only the model was unpacked.
fn new() -> Tree {
    tree_of([("scene.xml", b"<mujoco/>")])
}

/// Creates a target directory with a file in it, and returns its contents.
fn create_old(disk: &Disk) -> Tree {
    fs::create_dir_all(disk.lab().join("a/b")).unwrap();
    fs::write(disk.lab().join("a/b/c"), "old").unwrap();
    disk.tree("out/deep/lab")
}

#[test]
fn an_empty_target_is_filled() {
    let disk = Disk::new();
    fs::create_dir(disk.lab()).unwrap();
    disk.unpack(&zip([]), &UnpackOptions::default()).unwrap();
    assert_eq!(disk.tree("out/deep/lab"), new());
}

#[test]
fn a_target_that_is_not_empty_is_refused_or_replaced_completely() {
    let disk = Disk::new();
    let old = create_old(&disk);
    let error = disk
        .unpack(&zip([]), &UnpackOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), UnpackErrorKind::NotEmpty);
    assert_eq!(error.path(), Some(disk.lab().as_path()));
    assert_eq!(disk.tree("out/deep/lab"), old);

    disk.unpack(b"not a zip", &replace()).unwrap_err();
    assert_eq!(disk.tree("out/deep/lab"), old);

    let broken = zip([Item::stored("x", "x").both(|header| header.crc ^= 1)]);
    disk.unpack(&broken, &replace()).unwrap_err();
    assert_eq!(disk.tree("out/deep/lab"), old);

    for sync in [false, true] {
        let mut options = replace();
        options.sync = sync;
        disk.unpack(&zip([]), &options).unwrap();
        assert_eq!(disk.tree("out/deep/lab"), new());
        assert_eq!(disk.tree("out/deep").len(), 3);
    }
}

#[test]
fn a_file_at_the_target_is_never_replaced() {
    let disk = Disk::new();
    fs::write(disk.lab(), "a file").unwrap();
    let before = disk.tree("out");
    let error = disk.unpack(&zip([]), &replace()).unwrap_err();
    assert_eq!(error.kind(), UnpackErrorKind::NotADirectory);
    assert_eq!(disk.tree("out"), before);
}

#[test]
fn missing_parent_directories_are_created_and_removed_after_an_error() {
    let disk = Disk::new();
    let lab = disk.path("out/x/y/lab");
    let broken = zip([Item::stored("x", "x").both(|header| header.crc ^= 1)]);
    let before = disk.tree("out");
    fs::write(disk.zip(), broken).unwrap();
    archive::unpack_blocking(disk.zip(), &lab, &UnpackOptions::default()).unwrap_err();
    assert_eq!(disk.tree("out"), before);
    fs::write(disk.zip(), zip([])).unwrap();
    archive::unpack_blocking(disk.zip(), &lab, &UnpackOptions::default()).unwrap();
    assert_eq!(disk.tree("out/x/y/lab"), new());
}

#[test]
fn the_error_of_a_missing_archive_has_its_path() {
    let disk = Disk::new();
    let gone = disk.path("in/gone.zip");
    let error = archive::unpack_blocking(&gone, disk.lab(), &UnpackOptions::default()).unwrap_err();
    assert_eq!(error.kind(), UnpackErrorKind::Io);
    assert_eq!(error.path(), Some(gone.as_path()));
    assert!(std::error::Error::source(&error).is_some());
}

#[cfg(unix)]
#[test]
fn a_link_to_a_directory_is_followed_and_its_permissions_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let disk = Disk::new();
    let real = disk.path("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, disk.lab()).unwrap();
    for options in [UnpackOptions::default(), replace()] {
        fs::set_permissions(&real, fs::Permissions::from_mode(0o750)).unwrap();
        let bundle = disk.unpack(&zip([]), &options).unwrap();
        assert_eq!(bundle.model().path().unwrap(), disk.lab().join("scene.xml"));
        assert!(disk.lab().is_symlink());
        assert_eq!(disk.tree("real"), new());
        let mode = fs::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
    }
}

#[cfg(unix)]
#[test]
fn links_in_a_replaced_directory_are_not_followed() {
    let disk = Disk::new();
    create_old(&disk);
    let link = disk.lab().join("link");
    std::os::unix::fs::symlink(disk.path("out/deep"), link).unwrap();
    disk.unpack(&zip([]), &replace()).unwrap();
    assert_eq!(disk.tree("out/deep").len(), 3);
}

#[tokio::test]
async fn an_archive_is_unpacked_on_a_single_threaded_runtime() {
    let disk = Disk::new();
    fs::write(disk.zip(), zip([])).unwrap();
    let bundle = archive::unpack(disk.zip(), disk.lab()).await.unwrap();
    assert_eq!(bundle.model().path().unwrap(), disk.lab().join("scene.xml"));
    assert_eq!(disk.tree("out/deep/lab"), new());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_concurrent_calls_succeeds_and_leaves_only_its_files() {
    let disk = Disk::new();
    let large = vec![b'x'; 1 << 20];
    fs::write(disk.zip(), zip([Item::stored("large", &large)])).unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| tokio::spawn(archive::unpack(disk.zip(), disk.lab())))
        .collect();
    let mut succeeded = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => succeeded += 1,
            Err(error) => assert_eq!(error.kind(), UnpackErrorKind::NotEmpty, "{error:?}"),
        }
    }
    assert_eq!(succeeded, 1);
    assert_eq!(disk.tree("out/deep").len(), 4);
}

/// Returns an archive whose contents show that it is this one, and its contents.
fn version(number: u8) -> (Vec<u8>, Tree) {
    let files = (0..20).map(|i| (format!("{number}/{i}"), vec![number; 10_000]));
    let items = files
        .clone()
        .map(|(name, contents)| Item::stored(name, contents));
    let mut tree = new();
    tree.insert(number.to_string(), None);
    tree.extend(files.map(|(name, contents)| (name, Some(contents))));
    (zip(items), tree)
}

#[test]
fn threads_that_replace_the_same_directory_all_succeed_and_one_is_the_last() {
    let disk = Disk::new();
    let versions: Vec<(Vec<u8>, Tree)> = (0..8).map(version).collect();
    let archives: Vec<_> = (0..8).map(|i| disk.path(&format!("in/{i}.zip"))).collect();
    for (path, (archive, _)) in archives.iter().zip(&versions) {
        fs::write(path, archive).unwrap();
    }
    for round in 0..10 {
        if round % 2 == 0 {
            fs::remove_dir_all(disk.lab()).ok();
        }
        let start = Barrier::new(archives.len());
        let unpack = &|path: &PathBuf| {
            start.wait();
            archive::unpack_blocking(path, disk.lab(), &replace()).unwrap();
        };
        std::thread::scope(|scope| {
            for path in &archives {
                scope.spawn(move || unpack(path));
            }
        });
        let found = disk.tree("out/deep/lab");
        let is_complete = versions.iter().any(|(_, tree)| *tree == found);
        assert!(is_complete, "round {round}: {:?}", found.keys());
        assert_eq!(
            disk.tree("out/deep").len(),
            found.len() + 2,
            "round {round}"
        );
    }
}

#[cfg(unix)]
#[test]
fn processes_that_replace_the_same_directory_all_succeed() {
    let disk = Disk::new();
    let (archive, tree) = version(1);
    fs::write(disk.zip(), archive).unwrap();
    for _ in 0..3 {
        let children: Vec<Child> = (0..6).map(|_| start_child(&disk, "")).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{stderr}");
        }
        assert_eq!(disk.tree("out/deep/lab"), tree);
        assert_eq!(disk.tree("out/deep").len(), tree.len() + 2);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_call_that_waits_for_another_does_not_block_the_runtime() {
    let disk = Disk::new();
    let old = create_old(&disk);
    fs::write(disk.zip(), zip([])).unwrap();
    // Another process that replaces the directory.
    let lock = fs::File::create(disk.path("out/deep/.lab.gizmo-unpack-lock")).unwrap();
    lock.lock().unwrap();
    let waiting = tokio::spawn(archive::unpack_with(disk.zip(), disk.lab(), replace()));
    let start = Instant::now();
    let is_staged = || {
        let mut siblings = fs::read_dir(disk.path("out/deep")).unwrap();
        siblings.any(|sibling| sibling.unwrap().path().join("new/scene.xml").exists())
    };
    while !is_staged() {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The time in which a call that does not wait ends.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    assert_eq!(disk.tree("out/deep/lab"), old);
    drop(lock);
    waiting.await.unwrap().unwrap();
    assert_eq!(disk.tree("out/deep/lab"), new());
    assert_eq!(disk.tree("out/deep").len(), 3);
}

#[cfg(unix)]
#[tokio::test]
async fn a_dropped_future_that_waits_for_another_leaves_no_files() {
    let disk = Disk::new();
    fs::write(disk.zip(), zip([])).unwrap();
    let lock = fs::File::create(disk.path("out/deep/.lab.gizmo-unpack-lock")).unwrap();
    lock.lock().unwrap();
    let before = disk.tree("out");
    let future = archive::unpack_with(disk.zip(), disk.lab(), replace());
    let timeout = tokio::time::timeout(Duration::from_millis(50), future).await;
    assert!(timeout.is_err(), "it did not wait");
    let start = Instant::now();
    while fs::read_dir(disk.path("out/deep")).unwrap().count() > 2 {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(disk.tree("out"), before);
    drop(lock);
    archive::unpack(disk.zip(), disk.lab()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_future_leaves_no_files() {
    let disk = Disk::new();
    let large = vec![b'x'; 64 << 20];
    fs::write(disk.zip(), zip([Item::stored("large", &large)])).unwrap();
    let before = disk.tree("out");
    let entries = || fs::read_dir(disk.path("out/deep")).unwrap().count();
    let mut future = Box::pin(archive::unpack(disk.zip(), disk.lab()));
    while entries() == 1 {
        assert!(futures::poll!(&mut future).is_pending());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(future);
    let start = Instant::now();
    while entries() > 1 {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(disk.tree("out"), before);
}

/// The environment variable with the paths of the archive and the target for [`child`].
const CHILD: &str = "GIZMO_ARCHIVE_TEST_CHILD";

#[test]
#[ignore = "the tests below run it in child processes"]
fn child() {
    let Ok(paths) = std::env::var(CHILD) else {
        return;
    };
    let (zip, lab) = paths.split_once('\n').unwrap();
    match archive::unpack_blocking(zip, lab, &replace()) {
        Ok(_) => {}
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
    }
}

/// Starts a process that runs the commands in `shell`, then unpacks and replaces the target.
#[cfg(unix)]
fn start_child(disk: &Disk, shell: &str) -> Child {
    let paths = format!("{}\n{}", disk.zip().display(), disk.lab().display());
    Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "place::child", "--ignored", "--nocapture"])
        .env(CHILD, paths)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

// Without file locks, the files of a killed process are removed only a day later.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
#[test]
fn a_process_killed_at_any_moment_leaves_the_old_contents_or_the_new_ones() {
    let disk = Disk::new();
    let contents = |seed: u8| vec![seed; 60_000];
    let items = (0..100).map(|i| Item::stored(format!("meshes/{i}"), contents(i)));
    fs::write(disk.zip(), zip(items)).unwrap();
    let mut new = new();
    new.insert("meshes".to_owned(), None);
    new.extend((0..100).map(|i| (format!("meshes/{i}"), Some(contents(i)))));

    let started = Instant::now();
    assert!(start_child(&disk, "").wait().unwrap().success());
    let duration = started.elapsed();
    assert_eq!(disk.tree("out/deep/lab"), new);

    let (mut was_old, mut was_new) = (0, 0);
    for moment in 0..20_u32 {
        fs::remove_dir_all(disk.lab()).unwrap();
        let old = create_old(&disk);
        let mut child = start_child(&disk, "");
        // The moments cover the complete run and a little more, in mixed order.
        std::thread::sleep(duration * (moment * 7 % 20) / 18);
        child.kill().unwrap();
        child.wait().unwrap();
        let found = disk.tree("out/deep/lab");
        if found == old {
            was_old += 1;
        } else {
            assert!(found == new, "{:?}", found.keys());
            was_new += 1;
        }
        // The next run removes the files that the killed process left.
        archive::unpack_blocking(disk.zip(), disk.lab(), &replace()).unwrap();
        assert_eq!(disk.tree("out/deep").len(), new.len() + 2);
    }
    assert!(was_old > 0, "{was_old} old, {was_new} new");
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_only_the_old_contents() {
    let disk = Disk::new();
    let old = create_old(&disk);
    let large = vec![b'x'; 4 << 20];
    fs::write(disk.zip(), zip([Item::stored("large", &large)])).unwrap();
    // A limit on the file size makes writes fail like a full disk.
    let child = start_child(&disk, "trap '' XFSZ; ulimit -f 64;");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(stderr.contains("entry \"large\": cannot write"), "{stderr}");
    assert_eq!(disk.tree("out/deep/lab"), old);
    assert_eq!(disk.tree("out/deep").len(), 2 + old.len());
}
