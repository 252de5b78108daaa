//! Valid archives with changed bytes: unpacking either fails or writes the correct files.

use std::fs;

use gizmo_client::archive::UnpackOptions;

use crate::disk::Disk;
use crate::zip::{Item, Zip};

/// A random number generator that yields the same sequence in every run (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

/// Returns a valid archive with many kinds of entries.
fn valid_archive() -> Vec<u8> {
    let text = (0..300).fold(String::new(), |text, i| text + &format!("v {i} {i} 0\n"));
    let mut zip = Zip::of([
        Item::deflated(
            "scene.xml",
            "<mujoco><asset><mesh file='a.obj'/></asset></mujoco>",
        ),
        Item::deflated("a.obj", &text),
        Item::stored("textures/t.png", b"\x89PNG\r\n\x1a\n"),
        Item::directory("empty/"),
        Item::deflated("metadata.json", "{}").streamed(true, false),
        Item::deflated("b.obj", &text).both(|header| header.zip64 = true),
    ]);
    zip.comment = b"comment".to_vec();
    zip.bytes()
}

/// Unpacks an archive and checks what holds for every archive. Returns whether it was unpacked.
fn check(zip: &[u8], contents: &[Vec<u8>], change: &str) -> bool {
    let disk = Disk::new();
    let mut options = UnpackOptions::default();
    // A forged size must not make the test write a gigabyte.
    options.limits.total = 1 << 20;
    let ok = disk.unpack(zip, &options).is_ok();
    let mut tree = disk.tree("out");
    let outside = ["deep", "deep/neighbour"];
    for name in outside {
        assert!(tree.remove(name).is_some(), "{change}: {name} is missing");
    }
    assert_eq!(ok, tree.remove("deep/lab").is_some(), "{change}");
    for (name, found) in tree {
        assert!(
            ok && name.starts_with("deep/lab/"),
            "{change}: {name} was left behind"
        );
        if let Some(found) = found {
            // A name that is changed in both headers is valid, so only contents are compared.
            assert!(contents.contains(&found), "{change}: wrong bytes in {name}");
        }
    }
    ok
}

fn expected_contents(zip: &[u8]) -> Vec<Vec<u8>> {
    let disk = Disk::new();
    disk.unpack(zip, &UnpackOptions::default()).unwrap();
    disk.tree("out/deep/lab").into_values().flatten().collect()
}

#[test]
fn an_archive_with_a_changed_byte_is_unpacked_correctly_or_refused() {
    let valid = valid_archive();
    let contents = expected_contents(&valid);
    let mut random = Random(1);
    let mut unpacked = 0;
    for at in 0..valid.len() {
        let mut zip = valid.clone();
        let value = match random.below(4) {
            0 => 0,
            1 => 0xff,
            2 => zip[at] ^ (1 << random.below(8)),
            _ => random.next().to_le_bytes()[0],
        };
        zip[at] = value;
        unpacked += usize::from(check(&zip, &contents, &format!("byte {at} = {value}")));
    }
    // Only changes of times, versions and comments go unnoticed.
    assert!(
        unpacked > 0 && unpacked < valid.len() / 2,
        "{unpacked} of {}",
        valid.len()
    );
}

#[test]
fn a_truncated_archive_is_refused() {
    let valid = valid_archive();
    for length in 0..valid.len() {
        assert!(
            !check(&valid[..length], &[], &format!("truncated to {length}")),
            "{length}"
        );
    }
}

#[test]
fn an_archive_with_many_changes_is_unpacked_correctly_or_refused() {
    let valid = valid_archive();
    let contents = expected_contents(&valid);
    let mut random = Random(2);
    for round in 0..700 {
        let mut zip = valid.clone();
        for _ in 0..=random.below(6) {
            let at = random.below(zip.len());
            match random.below(4) {
                // The central directory locates all entries, so its bytes are changed more often.
                0 => {
                    let at = zip.len() - 1 - random.below(zip.len().min(500));
                    zip[at] = random.next().to_le_bytes()[0];
                }
                1 => zip[at] ^= 1 << random.below(8),
                2 => {
                    let end = (at + random.below(40)).min(zip.len());
                    drop(zip.drain(at..end));
                }
                _ => {
                    let end = (at + random.below(40)).min(zip.len());
                    let copy = zip[at..end].to_vec();
                    let to = random.below(zip.len());
                    zip.splice(to..to, copy);
                }
            }
            if zip.is_empty() {
                zip.push(0);
            }
        }
        check(&zip, &contents, &format!("round {round}"));
    }
}

#[test]
fn random_bytes_with_zip_signatures_are_refused() {
    let mut random = Random(3);
    let disk = Disk::new();
    let before = disk.tree("out");
    for _ in 0..200 {
        let mut zip: Vec<u8> = (0..random.below(400))
            .map(|_| random.next().to_le_bytes()[0])
            .collect();
        for signature in [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06"] {
            let at = random.below(zip.len() + 1);
            zip.splice(at..at, *signature);
        }
        assert!(disk.unpack(&zip, &UnpackOptions::default()).is_err());
        assert_eq!(disk.tree("out"), before);
    }
    fs::remove_dir_all(disk.path("out")).unwrap();
}
