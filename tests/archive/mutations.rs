//! Sound archives with bytes changed: whatever comes, it is an error or the right files.

use std::fs;

use gizmo_client::archive::UnpackOptions;

use crate::disk::Disk;
use crate::zip::{Item, Zip};

/// A sequence of numbers that is the same in every run (splitmix64).
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

fn sound() -> Vec<u8> {
    let text = (0..300).fold(String::new(), |text, i| text + &format!("v {i} {i} 0\n"));
    let mut zip = Zip::of([
        Item::deflated(
            "scene.xml",
            "<mujoco><asset><mesh file='a.obj'/></asset></mujoco>",
        ),
        Item::deflated("a.obj", &text),
        Item::stored("textures/t.png", b"\x89PNG\r\n\x1a\n"),
        Item::folder("empty/"),
        Item::deflated("metadata.json", "{}").streamed(true, false),
        Item::deflated("b.obj", &text).both(|header| header.zip64 = true),
    ]);
    zip.comment = b"comment".to_vec();
    zip.bytes()
}

/// Unpacks, and checks what must hold whatever the archive is.
fn check(zip: &[u8], contents: &[Vec<u8>], what: &str) -> bool {
    let disk = Disk::new();
    let mut options = UnpackOptions::default();
    // A lie about sizes must not be paid for with a real gigabyte.
    options.limits.total = 1 << 20;
    let ok = disk.unpack(zip, &options).is_ok();
    let mut tree = disk.tree("out");
    let outside = ["deep", "deep/neighbour"];
    for name in outside {
        assert!(tree.remove(name).is_some(), "{what}: {name} is gone");
    }
    assert_eq!(ok, tree.remove("deep/lab").is_some(), "{what}");
    for (name, found) in tree {
        assert!(ok && name.starts_with("deep/lab/"), "{what} left {name}");
        if let Some(found) = found {
            // A changed name is not an error when it is changed in both places.
            assert!(contents.contains(&found), "{what}: wrong bytes in {name}");
        }
    }
    ok
}

fn right_contents(zip: &[u8]) -> Vec<Vec<u8>> {
    let disk = Disk::new();
    disk.unpack(zip, &UnpackOptions::default()).unwrap();
    disk.tree("out/deep/lab").into_values().flatten().collect()
}

#[test]
fn a_changed_byte_gives_the_right_files_or_an_error() {
    let sound = sound();
    let contents = right_contents(&sound);
    let mut random = Random(1);
    let mut fine = 0;
    for at in 0..sound.len() {
        let mut zip = sound.clone();
        let to = match random.below(4) {
            0 => 0,
            1 => 0xff,
            2 => zip[at] ^ (1 << random.below(8)),
            _ => random.next().to_le_bytes()[0],
        };
        zip[at] = to;
        fine += usize::from(check(&zip, &contents, &format!("byte {at} = {to}")));
    }
    // Times, versions and comments are nobody's concern; the rest is.
    assert!(
        fine > 0 && fine < sound.len() / 2,
        "{fine} of {}",
        sound.len()
    );
}

#[test]
fn any_cut_is_an_error() {
    let sound = sound();
    for length in 0..sound.len() {
        assert!(
            !check(&sound[..length], &[], &format!("cut to {length}")),
            "{length}"
        );
    }
}

#[test]
fn many_changes_at_once_never_leave_anything_wrong() {
    let sound = sound();
    let contents = right_contents(&sound);
    let mut random = Random(2);
    for round in 0..700 {
        let mut zip = sound.clone();
        for _ in 0..=random.below(6) {
            let at = random.below(zip.len());
            match random.below(4) {
                // Bytes of the directory are the ones that tell where everything is.
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
fn noise_is_never_a_zip() {
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
