//! The scenes in the store: whether each is complete from the moment on in which it is visible.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use gizmo_client::Provenance;
use gizmo_fleet::PromptProgress;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;
use sha2::{Digest, Sha256};

const PREFIX: &str = "data/labs";

/// Checks each scene as soon as its provenance appears. Returns only if one is not complete, with the number of files that
/// are missing or have another size.
pub(crate) async fn watch(store: Arc<dyn ObjectStore>) -> usize {
    let mut known = HashSet::new();
    loop {
        let mut objects = sizes(&store, PREFIX).await;
        let visible = objects
            .keys()
            .filter(|path| path.ends_with("gizmo-provenance.json"));
        let new: Vec<String> = visible
            .filter(|path| !known.contains(*path))
            .cloned()
            .collect();
        if !new.is_empty() {
            // The files are older than the provenance, so they are listed now.
            objects = sizes(&store, PREFIX).await;
        }
        for path in new {
            let (provenance, directory) = provenance(&store, &path).await;
            let place = path.trim_end_matches("gizmo-provenance.json");
            let is_wrong = |path: &String, size: u64| {
                objects.get(&format!("{place}{directory}/{path}")) != Some(&size)
            };
            let files = provenance.files.iter();
            let wrong = files
                .filter(|file| is_wrong(&file.path, file.hash.size))
                .count();
            if wrong > 0 {
                return wrong;
            }
            known.insert(path);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Checks that every scene is there, with the very files that its provenance states, and nothing else is left.
pub(crate) async fn check_all(store: Arc<dyn ObjectStore>, progress: &[PromptProgress]) {
    let mut scene_ids = BTreeSet::new();
    let mut expected = BTreeSet::new();
    for prompt in progress {
        let place = format!("{PREFIX}/{}", prompt.name);
        let path = format!("{place}/gizmo-provenance.json");
        let (provenance, directory) = provenance(&store, &path).await;
        assert_eq!(provenance.request.prompt, prompt.prompt);
        scene_ids.insert(provenance.scene_id.unwrap());
        assert!(!provenance.files.is_empty());
        for file in provenance.files {
            let path = format!("{place}/{directory}/{}", file.path);
            let read = store.get(&Path::parse(&path).unwrap()).await.unwrap();
            let mut sha256 = String::new();
            for byte in Sha256::digest(read.bytes().await.unwrap()) {
                write!(sha256, "{byte:02x}").unwrap();
            }
            assert_eq!(sha256, file.hash.sha256, "{path}");
            expected.insert(path);
        }
        expected.insert(path);
        expected.insert(format!("{place}/gizmo-entry.json"));
    }
    assert_eq!(scene_ids.len(), progress.len());
    let all = sizes(&store, PREFIX).await.into_keys();
    let own = ["gizmo-results/", "gizmo-probe-"].map(|name| format!("{PREFIX}/{name}"));
    let left = all.filter(|path| !own.iter().any(|own| path.starts_with(own)));
    let left: Vec<_> = left.filter(|path| !expected.contains(path)).collect();
    // A holder that was stopped may have written on after its successor had swept.
    assert!(
        left.len() < expected.len() / 10,
        "{} objects are left: {left:#?}",
        left.len()
    );
}

async fn provenance(store: &Arc<dyn ObjectStore>, path: &str) -> (Provenance, String) {
    let read = store.get(&Path::parse(path).unwrap()).await.unwrap();
    let json: Value = serde_json::from_slice(&read.bytes().await.unwrap()).unwrap();
    let directory = json["directory"].as_str().unwrap().to_owned();
    (serde_json::from_value(json).unwrap(), directory)
}

async fn sizes(store: &Arc<dyn ObjectStore>, below: &str) -> BTreeMap<String, u64> {
    let listed = store.list(Some(&Path::from(below)));
    let listed = listed.map_ok(|meta| (meta.location.to_string(), meta.size));
    listed.try_collect().await.unwrap()
}
