//! Entries in stores that behave in different ways.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod faulty;

use std::sync::Arc;

use futures_util::TryStreamExt;
use gizmo_client::BakePrompt;
use gizmo_fleet::protocol::{Action, Entry, Lease, WorkerId, next};
use gizmo_fleet::store::{Store, Task};
use gizmo_fleet::{Error, ErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::faulty::{Fault, Faulty};

/// The writes by which `open` checks a store.
const CHECKS: [Option<Fault>; 4] = [None; 4];

fn task(prompt: &str) -> Task {
    Task {
        service: "http://127.0.0.1:1".to_owned(),
        request: BakePrompt::new(prompt),
    }
}

/// The first entry of a worker.
fn claim(worker: u64) -> Entry {
    match next(None, WorkerId(worker), Lease::Valid) {
        Action::Claim(entry) => entry,
        other => panic!("{other:?}"),
    }
}

async fn open(objects: impl ObjectStore) -> Result<Store, Error> {
    Store::open(Arc::new(objects), "data/kitchens").await
}

/// A store in memory, and its objects.
async fn in_memory() -> (Arc<InMemory>, Store) {
    let objects = Arc::new(InMemory::new());
    let store = Store::open(Arc::clone(&objects) as _, "data");
    (objects, store.await.unwrap())
}

#[tokio::test]
async fn one_of_several_workers_creates_an_entry_and_one_replaces_it() {
    let (objects, store) = in_memory().await;
    let task = task("a lab");
    assert_eq!(store.read("lab", &task).await.unwrap(), None);

    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..16 {
        let (store, task) = (store.clone(), task.clone());
        workers.spawn(async move { store.create("lab", &task, claim(worker)).await.unwrap() });
    }
    let created = workers.join_all().await.into_iter().flatten();
    let created: Vec<_> = created.collect();
    assert_eq!(created.len(), 1);
    let first = store.read("lab", &task).await.unwrap().unwrap();
    assert_eq!(first, created[0]);

    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..16 {
        let (store, task, first) = (store.clone(), task.clone(), first.clone());
        workers.spawn(async move {
            // A takeover, by each of them.
            let Action::TakeOver(mine) =
                next(Some(&first.entry), WorkerId(99 + worker), Lease::Expired)
            else {
                panic!("not taken over");
            };
            store.replace("lab", &task, &first, mine).await.unwrap()
        });
    }
    let replaced = workers.join_all().await.into_iter().flatten();
    let replaced: Vec<_> = replaced.collect();
    assert_eq!(replaced.len(), 1);
    assert_eq!(
        store.read("lab", &task).await.unwrap().unwrap(),
        replaced[0]
    );

    // The check left nothing behind.
    let listed: Vec<_> = objects.list(None).try_collect().await.unwrap();
    let paths: Vec<&str> = listed
        .iter()
        .map(|object| object.location.as_ref())
        .collect();
    assert_eq!(paths, ["data/lab/gizmo-entry.json"]);
}

#[tokio::test]
async fn a_write_whose_response_is_lost_counts_if_it_has_landed() {
    for (fault, lands) in [
        (Fault::LostResponse, true),
        (Fault::RepeatedAfterLostResponse, true),
        (Fault::Lost, false),
    ] {
        let store = open(Faulty::with(CHECKS.into_iter().chain([Some(fault)])))
            .await
            .unwrap();
        let task = task("a lab");
        let created = store.create("lab", &task, claim(1)).await;
        let read = store.read("lab", &task).await.unwrap();
        if lands {
            assert_eq!(created.unwrap(), read, "{fault:?}");
            assert_eq!(read.unwrap().entry, claim(1), "{fault:?}");
        } else {
            assert_eq!(created.unwrap_err().kind(), ErrorKind::Store, "{fault:?}");
            assert_eq!(read, None, "{fault:?}");
        }
    }
    for (fault, lands) in [
        (Fault::LostResponse, true),
        (Fault::RepeatedAfterLostResponse, true),
        (Fault::Lost, false),
    ] {
        let faults = CHECKS.into_iter().chain([None, Some(fault)]);
        let store = open(Faulty::with(faults)).await.unwrap();
        let task = task("a lab");
        let created = store.create("lab", &task, claim(1)).await.unwrap().unwrap();
        let replaced = store
            .replace("lab", &task, &created, created.entry.renewed())
            .await;
        let read = store.read("lab", &task).await.unwrap().unwrap();
        if lands {
            assert_eq!(replaced.unwrap().unwrap(), read, "{fault:?}");
            assert_eq!(read.entry, created.entry.renewed(), "{fault:?}");
            // The version is the current one.
            let again = store
                .replace("lab", &task, &read, read.entry.renewed())
                .await;
            assert!(again.unwrap().is_some(), "{fault:?}");
        } else {
            assert_eq!(replaced.unwrap_err().kind(), ErrorKind::Store, "{fault:?}");
            assert_eq!(read, created, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_conflict_with_another_worker_is_not_mistaken_for_ones_own_write() {
    let faults = CHECKS.into_iter().chain([None, Some(Fault::LostResponse)]);
    let store = open(Faulty::with(faults)).await.unwrap();
    let task = task("a lab");
    let first = store.create("lab", &task, claim(1)).await.unwrap().unwrap();
    assert_eq!(store.create("lab", &task, claim(2)).await.unwrap(), None);
    let renewed = store
        .replace("lab", &task, &first, first.entry.renewed())
        .await
        .unwrap();
    let stale = store.replace("lab", &task, &first, claim(3)).await.unwrap();
    assert_eq!(stale, None);
    assert_eq!(store.read("lab", &task).await.unwrap(), renewed);
}

#[tokio::test]
async fn a_store_without_conditional_writes_is_refused_with_the_reason() {
    let unconditional = |at: usize| {
        let mut faults = CHECKS;
        faults[at] = Some(Fault::Unconditional);
        Faulty::with(faults)
    };
    for (objects, reason) in [
        (unconditional(1), "creates an object twice"),
        (
            unconditional(3),
            "replaces an object whose version has changed",
        ),
        (
            Faulty::with([Some(Fault::Unversioned)]),
            "reports no version",
        ),
    ] {
        let error = open(objects).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let local = object_store::local::LocalFileSystem::new_with_prefix(dir.path()).unwrap();
    let error = open(local).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(
        error.to_string().contains("has no conditional writes"),
        "{error}"
    );
    let left = std::fs::read_dir(dir.path()).unwrap().flatten();
    let files = left.filter(|entry| entry.file_type().unwrap().is_file());
    assert_eq!(files.count(), 0);
}

#[tokio::test]
async fn a_worker_needs_no_permission_to_delete() {
    let store = open(Faulty::with([]).without_deletions()).await.unwrap();
    let created = store.create("lab", &task("a lab"), claim(1)).await;
    assert!(created.unwrap().is_some());
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_and_not_an_entry_that_is_missing() {
    let error = open(Faulty::with([Some(Fault::Lost)])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    let store = open(Faulty::with([]).without_reads()).await;
    let error = store.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
}

#[tokio::test]
async fn another_task_and_a_damaged_entry_are_refused() {
    let (objects, store) = in_memory().await;
    let kitchen = task("a kitchen");
    store.create("x", &kitchen, claim(1)).await.unwrap();
    for other in [
        task("a garage"),
        Task {
            request: BakePrompt::new("a kitchen").slim(),
            ..kitchen.clone()
        },
        Task {
            service: "http://127.0.0.1:2".to_owned(),
            ..kitchen.clone()
        },
    ] {
        let error = store.read("x", &other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OtherTask, "{other:?}");
        assert!(error.to_string().contains("`a kitchen` at http"), "{error}");
    }
    for (bytes, reason) in [
        ("", "is not JSON"),
        ("{\"format\": 1", "is not JSON"),
        ("[]", "has no format number"),
        ("{\"format\": 2}", "has 2 format number"),
        ("{\"format\": 1}", "is damaged"),
    ] {
        let path = Path::from("data/x/gizmo-entry.json");
        objects.put(&path, bytes.into()).await.unwrap();
        let error = store.read("x", &kitchen).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{bytes}");
        assert!(error.to_string().contains(reason), "{bytes}: {error}");
    }
}

#[tokio::test]
async fn a_scene_is_published_once_and_never_with_another_content() {
    let (objects, store) = in_memory().await;
    for _ in 0..2 {
        store
            .publish("lab", "{\"scene\": 1}".to_owned())
            .await
            .unwrap();
    }
    let error = store
        .publish("lab", "{\"scene\": 2}".to_owned())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherTask, "{error}");
    let path = Path::from("data/lab/gizmo-provenance.json");
    let published = objects.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(published, "{\"scene\": 1}");
}
