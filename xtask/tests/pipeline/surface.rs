//! Compares the derived operations and types with a snapshot, so that changes are visible in
//! review.

use std::{env, fs};

use openapi_lowering::outline;
use xtask::{derive::derive, generator::Gizmo};

use crate::workbench::root;

#[test]
fn the_operations_and_types_match_the_snapshot() {
    let read = |name: &str| fs::read(root().join("openapi").join(name)).unwrap();
    let derived = derive(
        &Gizmo::default(),
        &read("upstream.json"),
        &read("overlay.json"),
        None,
    )
    .unwrap();
    let current = outline(&derived.code.client());
    let path = root().join("xtask/tests/surface.txt");
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let snapshot = fs::read_to_string(&path).unwrap_or_default();
    let first = current
        .lines()
        .zip(snapshot.lines())
        .position(|(current, snapshot)| current != snapshot)
        .unwrap_or(current.lines().count().min(snapshot.lines().count()));
    assert!(
        current == snapshot,
        "the generated client differs from xtask/tests/surface.txt, first in line {}: `{}` instead of \
         `{}`; if that is intended, run UPDATE_SNAPSHOTS=1 cargo test -p xtask surface and commit the file",
        first + 1,
        current.lines().nth(first).unwrap_or(""),
        snapshot.lines().nth(first).unwrap_or("")
    );
}
