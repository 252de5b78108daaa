//! Valid archives, including unusual ones.

use std::fs;

use gizmo_client::archive::UnpackOptions;
use gizmo_client::bundle::ModelFormat;

use crate::disk::{Disk, slashes, tree_of};
use crate::zip::{Item, UTF8, Zip};

const MODEL: &[u8] = b"<mujoco model='lab'/>";

/// Returns bytes that hardly compress, the same in every run.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[7]
        })
        .collect()
}

/// Asserts that an archive is unpacked into exactly these files and directories.
fn assert_unpacks<const N: usize>(case: &str, zip: &Zip, expected: [(&str, &[u8]); N]) {
    let disk = Disk::new();
    let bundle = disk
        .unpack(&zip.bytes(), &UnpackOptions::default())
        .unwrap_or_else(|error| panic!("{case}: {error:?}"));
    let expected_tree = tree_of(expected);
    assert_eq!(disk.tree("out/deep/lab"), expected_tree, "{case}");
    assert_eq!(
        disk.tree("out/deep").len(),
        expected_tree.len() + 2,
        "{case}"
    );
    assert_eq!(
        bundle.model().format().unwrap(),
        ModelFormat::Mjcf,
        "{case}"
    );
    let files: Vec<_> = bundle
        .files()
        .iter()
        .map(|file| (slashes(&file.path), file.size))
        .collect();
    let expected_files: Vec<_> = expected_tree
        .into_iter()
        .filter_map(|(name, contents)| Some((name, contents?.len() as u64)))
        .collect();
    assert_eq!(files, expected_files, "{case}");
}

#[test]
fn every_kind_of_entry_is_unpacked() {
    let large = noise(3 << 20);
    let even = vec![7; (1 << 20) + 1];
    let zip = Zip::of([
        Item::deflated("scene.xml", MODEL),
        Item::stored("stored", "stored"),
        Item::stored("empty", ""),
        Item::deflated("empty deflated", ""),
        Item::directory("directory/"),
        Item::directory("a/b/"),
        Item::deflated("a/b/c/d/deep", "deep"),
        Item::stored("large stored", &large),
        Item::deflated("large", &large),
        Item::deflated("even", &even),
        Item::deflated("setuid", "x").attributes(0o104_777 << 16),
        Item {
            made_by: 20,
            ..Item::deflated("from DOS", "x").attributes(0x20)
        },
    ]);
    assert_unpacks(
        "all kinds",
        &zip,
        [
            ("scene.xml", MODEL),
            ("stored", b"stored"),
            ("empty", b""),
            ("empty deflated", b""),
            ("directory/", b""),
            ("a/", b""),
            ("a/b/", b""),
            ("a/b/c/", b""),
            ("a/b/c/d/", b""),
            ("a/b/c/d/deep", b"deep"),
            ("large stored", &large),
            ("large", &large),
            ("even", &even),
            ("setuid", b"x"),
            ("from DOS", b"x"),
        ],
    );
}

#[test]
fn data_descriptors_are_read_in_all_four_forms() {
    for signature in [false, true] {
        for wide in [false, true] {
            let zip = Zip::of([
                Item::deflated("scene.xml", MODEL).streamed(signature, wide),
                Item::stored("stored", "stored").streamed(signature, wide),
                Item::deflated("empty", "").streamed(signature, wide),
            ]);
            let expected = [("scene.xml", MODEL), ("stored", b"stored"), ("empty", b"")];
            assert_unpacks("streamed", &zip, expected);
        }
    }
}

#[test]
fn zip64_is_read_in_entries_and_in_the_end_record() {
    for (entry, end) in [(true, false), (false, true), (true, true)] {
        let wide = |item: Item| item.both(|header| header.zip64 = entry);
        let mut zip = Zip::of([
            wide(Item::deflated("scene.xml", MODEL)),
            wide(Item::stored("stored", "stored")),
        ]);
        zip.zip64 = end;
        assert_unpacks("zip64", &zip, [("scene.xml", MODEL), ("stored", b"stored")]);
    }
}

#[test]
fn bytes_before_and_after_the_archive_are_ignored() {
    for ignore in [false, true] {
        let mut zip = Zip::of([Item::deflated("scene.xml", MODEL)]);
        zip.before = b"#!/bin/sh\n".repeat(100);
        zip.offsets_ignore_before = ignore;
        zip.comment = b"made by a test".to_vec();
        assert_unpacks("preamble", &zip, [("scene.xml", MODEL)]);
        zip.after = b"\r\n".to_vec();
        assert_unpacks("preamble and tail", &zip, [("scene.xml", MODEL)]);
    }
}

#[test]
fn entries_far_apart_and_in_another_order_than_the_directory_are_unpacked() {
    let sizes = [
        300, 40_000, 0, 5_000, 700_000, 1, 17_000, 300_000, 2_000, 70_000,
    ];
    let files: Vec<(String, Vec<u8>)> = (0..60)
        .map(|i| (format!("{i}"), noise(sizes[i % sizes.len()] + i)))
        .collect();
    let mut zip = Zip::of([Item::deflated("scene.xml", MODEL)]);
    for (i, (name, contents)) in files.iter().enumerate() {
        let item = match i % 3 {
            0 => Item::deflated(name, contents),
            1 => Item::stored(name, contents),
            _ => Item::deflated(name, contents).streamed(true, false),
        };
        zip.items.push(item);
    }
    // The same entries, which the directory lists from the last to the first.
    let mut offset = 0;
    let mut listed = Vec::new();
    for item in &zip.items {
        listed.push(Item {
            offset: Some(offset as u64),
            phantom: true,
            ..item.clone()
        });
        offset += item.bytes();
    }
    listed.reverse();
    let reversed = Zip {
        before: zip.bytes()[..offset].to_vec(),
        items: listed,
        ..Zip::default()
    };
    for zip in [zip, reversed] {
        let disk = Disk::new();
        disk.unpack(&zip.bytes(), &UnpackOptions::default())
            .unwrap();
        for (name, contents) in &files {
            let found = fs::read(disk.lab().join(name)).unwrap();
            assert!(found == *contents, "{name}: {} bytes", found.len());
        }
    }
}

#[test]
fn names_are_decoded_from_utf_8_and_from_code_page_437() {
    let zip = Zip::of([
        Item::deflated("scene.xml", MODEL),
        Item::stored("机器人/ß.obj", "1").both(|header| header.flags |= UTF8),
        Item::stored("unflagged é", "2"),
        Item::stored(b"caf\x82 \xe4\xfe.png", "3"),
        Item::stored("./dotted/./name", "4"),
    ]);
    assert_unpacks(
        "names",
        &zip,
        [
            ("scene.xml", MODEL),
            ("机器人/", b""),
            ("机器人/ß.obj", b"1"),
            ("unflagged é", b"2"),
            ("café Σ■.png", b"3"),
            ("dotted/", b""),
            ("dotted/name", b"4"),
        ],
    );
}

#[test]
fn many_small_files_are_unpacked_correctly_by_several_threads() {
    let disk = Disk::new();
    let items = (0..3000).map(|i| {
        let contents = noise(i % 700);
        let name = format!("meshes/{}/{i}.obj", i % 37);
        if i % 2 == 0 {
            Item::deflated(name, contents)
        } else {
            Item::stored(name, contents)
        }
    });
    let zip = Zip::of(
        [Item::deflated("scene.xml", MODEL)]
            .into_iter()
            .chain(items),
    );
    let bundle = disk
        .unpack(&zip.bytes(), &UnpackOptions::default())
        .unwrap();
    assert_eq!(bundle.files().len(), 3001);
    for i in 0..3000 {
        let path = disk.lab().join(format!("meshes/{}/{i}.obj", i % 37));
        assert_eq!(fs::read(path).unwrap(), noise(i % 700), "{i}");
    }
}

#[cfg(unix)]
#[test]
fn file_modes_of_the_archive_are_not_applied() {
    use std::os::unix::fs::PermissionsExt;

    let disk = Disk::new();
    fs::write(disk.path("plain"), "").unwrap();
    fs::create_dir(disk.path("plain directory")).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    let zip = Zip::of([
        Item::deflated("scene.xml", MODEL).attributes(0o106_777 << 16),
        Item::directory("a/").attributes(0o042_777 << 16),
    ]);
    disk.unpack(&zip.bytes(), &UnpackOptions::default())
        .unwrap();
    let lab = disk.lab();
    assert_eq!(mode(lab.join("scene.xml")), mode(disk.path("plain")));
    assert_eq!(mode(lab.join("a")), mode(disk.path("plain directory")));
    assert_eq!(mode(lab), mode(disk.path("plain directory")));
}

#[test]
fn archives_of_pythons_zipfile_are_unpacked() {
    const SCRIPT: &str = r#"
import io, sys, zipfile
class Stream(io.RawIOBase):
    def __init__(self, file): self.file = file
    def writable(self): return True
    def write(self, data): return self.file.write(bytes(data))
with open(sys.argv[1], "wb") as file:
    with zipfile.ZipFile(Stream(file), "w", zipfile.ZIP_DEFLATED) as zip:
        zip.writestr("scene.xml", "<mujoco/>")
        zip.writestr("directory/", "")
        with zip.open("wide é", "w", force_zip64=True) as entry:
            entry.write(b"x" * 100000)
        zip.writestr(zipfile.ZipInfo("stored"), "stored")
"#;
    let disk = Disk::new();
    let python = std::process::Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(disk.zip())
        .status();
    if !python.is_ok_and(|status| status.success()) {
        eprintln!("skipped: python3 is not installed");
        return;
    }
    let zip = fs::read(disk.zip()).unwrap();
    disk.unpack(&zip, &UnpackOptions::default()).unwrap();
    let wide = "x".repeat(100_000);
    let expected = tree_of([
        ("scene.xml", b"<mujoco/>"),
        ("directory/", b""),
        ("wide é", wide.as_bytes()),
        ("stored", b"stored"),
    ]);
    assert_eq!(disk.tree("out/deep/lab"), expected);
}

#[test]
fn what_is_merely_unusual_is_unpacked() {
    let zip = Zip::of([
        Item::stored("scene.xml", MODEL),
        Item::directory("meshes/"),
        Item::directory("meshes/"),
        Item::stored("meshes/a", "1"),
    ]);
    assert_unpacks(
        "a directory that occurs twice",
        &zip,
        [("scene.xml", MODEL), ("meshes/", b""), ("meshes/a", b"1")],
    );
    // A height field of 17 MiB with one value.
    let flat = vec![0; 17 << 20];
    let zip = Zip::of([
        Item::stored("scene.xml", MODEL),
        Item::deflated("flat.bin", &flat),
    ]);
    assert_unpacks(
        "a flat height field",
        &zip,
        [("scene.xml", MODEL), ("flat.bin", &flat)],
    );
}

#[cfg(not(windows))]
#[test]
fn names_that_only_windows_cannot_store_are_unpacked() {
    for name in ["AUX.obj", "ab:c", "what?.png", "dot.", "space "] {
        let zip = Zip::of([Item::stored("scene.xml", MODEL), Item::stored(name, "1")]);
        assert_unpacks(name, &zip, [("scene.xml", MODEL), (name, b"1")]);
    }
}
