//! The derived document's operations and types, as a text that shows in review.

use std::{env, fs};

use xtask::{derive::derive, diff::outline};

use crate::workbench::root;

#[test]
fn the_operations_and_types_are_those_of_the_snapshot() {
    let read = |name: &str| fs::read(root().join("openapi").join(name)).unwrap();
    let derived = derive(&read("upstream.json"), &read("overlay.json")).unwrap();
    let now = outline(&derived.code.client);
    let path = root().join("xtask/tests/surface.txt");
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let then = fs::read_to_string(&path).unwrap_or_default();
    let first = now
        .lines()
        .zip(then.lines())
        .position(|(now, then)| now != then)
        .unwrap_or(now.lines().count().min(then.lines().count()));
    assert!(
        now == then,
        "the generated client has changed, first in line {} of xtask/tests/surface.txt: `{}` instead of \
         `{}`; if that is meant, run UPDATE_SNAPSHOTS=1 cargo test -p xtask surface and commit the file",
        first + 1,
        now.lines().nth(first).unwrap_or(""),
        then.lines().nth(first).unwrap_or("")
    );
}
