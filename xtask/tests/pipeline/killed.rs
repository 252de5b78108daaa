//! Tests that a refresh that is killed at any time leaves either the old documents or the new ones.

use std::{
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::tree::{Tree, newer, succeeds};

/// A small random number generator, whose seed is printed when the test fails.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u128) -> u128 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u128::from(self.0) % end.max(1)
    }
}

/// Waits until the refresh has started to write, or has ended.
fn await_writing(tree: &Tree, child: &mut Child) {
    while child.try_wait().unwrap().is_none() {
        let names = std::fs::read_dir(tree.root.join("openapi")).unwrap();
        let mut paths = names.flatten().map(|entry| entry.path());
        if paths.any(|path| {
            path.extension()
                .is_some_and(|extension| extension == "next")
        }) {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn a_refresh_killed_at_a_random_time_leaves_a_consistent_tree() {
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let mut random = Random(u64::try_from(seed % u128::from(u64::MAX)).unwrap() | 1);
    let tree = Tree::new();
    let old = tree.text("upstream.json").into_bytes();
    let new = newer(&tree);
    let (old_path, new_path) = (tree.root.join("old.json"), tree.root.join("new.json"));
    std::fs::write(&old_path, &old).unwrap();
    std::fs::write(&new_path, &new).unwrap();
    let start = |path: &std::path::Path| {
        tree.command(&["--file", path.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let started = Instant::now();
    start(&new_path).wait().unwrap();
    let duration = started.elapsed();
    let mut finished = 0;
    for round in 0..20 {
        let is_new = std::fs::read(tree.path("upstream.json")).unwrap() == new;
        let mut child = start(if is_new { &old_path } else { &new_path });
        if round % 2 == 0 {
            // At any time between start and end.
            let delay = random.below(duration.as_micros());
            thread::sleep(Duration::from_micros(u64::try_from(delay).unwrap()));
        } else {
            // While the files are written, which takes only a few milliseconds.
            await_writing(&tree, &mut child);
            let delay = random.below(8_000);
            thread::sleep(Duration::from_micros(u64::try_from(delay).unwrap()));
        }
        finished += u8::from(child.try_wait().unwrap().is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        let check = tree.run(&["--check"]);
        assert!(
            check.status.success(),
            "seed {seed}, round {round}: {}",
            String::from_utf8_lossy(&check.stderr)
        );
        let names: Vec<String> = tree.files().into_keys().collect();
        assert_eq!(names.len(), 6, "seed {seed}, round {round}: {names:?}");
        let upstream = std::fs::read(tree.path("upstream.json")).unwrap();
        assert!(
            upstream == old || upstream == new,
            "seed {seed}, round {round}"
        );
    }
    assert!(finished < 20, "every refresh ended before it was killed");
    succeeds(&tree.run(&["--file", old_path.to_str().unwrap()]));
}
