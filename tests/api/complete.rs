//! A download and an unpack of the same bytes agree on whether they are a complete archive.

use std::time::Duration;

use gizmo_client::archive::{self, UnpackErrorKind, UnpackOptions};
use gizmo_client::{Download, Error};
use gizmo_simulator::{Canned, Fault, On};

use crate::support::{Lab, names, steady_clock};
use crate::zip::{Item, Zip};

const MODEL: &str = "<mujoco/>";

fn zip() -> Zip {
    Zip::of([
        Item::deflated("scene.xml", MODEL),
        Item::stored("textures/t.png", [7; 3000]),
    ])
}

/// Returns an archive with a change.
fn with(change: impl FnOnce(&mut Zip)) -> Vec<u8> {
    let mut zip = zip();
    change(&mut zip);
    zip.bytes()
}

/// Returns variants of an archive, and whether each one is complete.
fn variants() -> Vec<(String, Vec<u8>, bool)> {
    let mut variants = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, is_complete| {
        variants.push((name.to_owned(), bytes, is_complete));
    };
    add("plain", zip().bytes(), true);
    add("without entries", Zip::default().bytes(), true);
    let stub = b"#!/bin/sh\n".repeat(6554);
    for (before, prefix) in [("1 byte", &b"\n"[..]), ("a brace", b"{"), ("64 KiB", &stub)] {
        for relative in [false, true] {
            for zip64 in [false, true] {
                let bytes = with(|zip| {
                    zip.before = prefix.to_vec();
                    zip.offsets_ignore_before = relative;
                    zip.zip64 = zip64;
                });
                let cut = bytes[..bytes.len() - 1].to_vec();
                let name = format!("{before} before it, relative {relative}, ZIP64 {zip64}");
                add(&name, bytes, true);
                add(&format!("{name}, truncated"), cut, false);
            }
        }
    }
    for (after, tail) in [
        ("a newline", &b"\n"[..]),
        ("zeros", &[0; 512]),
        ("64 KiB", &stub),
        ("half an end record", b"PK\x05\x06\0\0\0\0"),
    ] {
        for zip64 in [false, true] {
            let bytes = with(|zip| {
                zip.after = tail.to_vec();
                zip.zip64 = zip64;
            });
            add(&format!("{after} after it, ZIP64 {zip64}"), bytes, true);
        }
    }
    let around = with(|zip| {
        zip.before.clone_from(&stub);
        zip.offsets_ignore_before = true;
        zip.after = b"\r\n".to_vec();
    });
    add("bytes before and after it", around, true);
    let empty = Zip::default().bytes();
    for (name, comment) in [
        ("text", &b"made by a test"[..]),
        ("a signature", b"PK\x05\x06"),
        ("an end record", &empty),
        ("an archive", &zip().bytes()),
        ("64 KiB", &vec![b'x'; 0xffff]),
    ] {
        let bytes = with(|zip| zip.comment = comment.to_vec());
        let cut = bytes[..bytes.len() - 1].to_vec();
        add(&format!("{name} as the comment"), bytes, true);
        add(&format!("{name} as the comment, truncated"), cut, false);
    }
    let plain = zip().bytes();
    for length in [4, 100, plain.len() - 22, plain.len() - 1] {
        let name = format!("truncated to {length} bytes");
        add(&name, plain[..length].to_vec(), false);
    }
    let inner = zip().bytes();
    let outer = with(|zip| zip.items.push(Item::stored("object.usdz", &inner)));
    let directory = outer.len() - 22 - 3 * 46 - "scene.xmltextures/t.pngobject.usdz".len();
    let name = "truncated behind an archive in it";
    add(name, outer[..directory].to_vec(), false);
    add(
        &format!("{name}, by 1 byte"),
        outer[..=directory].to_vec(),
        false,
    );
    add("an error", b"{\"error\":\"no_scene\"}".to_vec(), false);
    add("a long text", b"not an archive ".repeat(100), false);
    variants
}

async fn download(lab: &Lab, scene_id: &str, bytes: &[u8]) -> Result<Download, Error> {
    lab.handle.clear_faults();
    let canned = Canned::empty(200).body(bytes.to_vec());
    let on = On::operation("export_scene").always();
    lab.handle.inject(on, Fault::Respond(canned));
    let export = lab.client.export_scene().scene_id(scene_id);
    export.format("mjcf").download().await
}

#[tokio::test(start_paused = true)]
async fn every_way_to_receive_an_archive_has_the_same_rule() {
    steady_clock();
    let lab = Lab::instant().await;
    let scene_id = lab.scene().await.scene_id;
    for (name, bytes, is_complete) in variants() {
        let dir = tempfile::tempdir().unwrap();
        let (saved, received) = (
            dir.path().join("saved.zip"),
            dir.path().join("received.zip"),
        );
        std::fs::write(&saved, &bytes).unwrap();

        let unpacked = archive::unpack(&saved, dir.path().join("lab")).await;
        let kind = unpacked.err().map(|error| error.kind());
        let is_refused = matches!(
            kind,
            Some(UnpackErrorKind::NotAZip | UnpackErrorKind::Truncated)
        );
        assert_eq!(!is_refused, is_complete, "{name}: {kind:?}");

        let in_memory = async {
            download(&lab, &scene_id, &bytes)
                .await?
                .bytes(1 << 20)
                .await
        };
        let in_memory = in_memory.await.map(|found| found == bytes);
        assert_eq!(in_memory.is_ok(), is_complete, "{name}: {in_memory:?}");
        assert!(in_memory.unwrap_or(true), "{name}");

        // A truncated archive is requested again. To files that takes seconds, also with a paused clock:
        // it does not advance while the thread that writes waits for bytes.
        if !is_complete && bytes.starts_with(b"PK") {
            continue;
        }
        let to_file = async {
            download(&lab, &scene_id, &bytes)
                .await?
                .to_file(&received)
                .await
        };
        let written = to_file.await;
        assert_eq!(written.is_ok(), is_complete, "{name}: {written:?}");
        if is_complete {
            assert!(std::fs::read(&received).unwrap() == bytes, "{name}");
        }
        let target = dir.path().join("downloaded");
        let unpack = async {
            download(&lab, &scene_id, &bytes)
                .await?
                .unpack(&target)
                .await
        };
        let unpacked = unpack.await;
        // Without entries it is complete, but has no model.
        assert_eq!(unpacked.is_ok(), kind.is_none(), "{name}: {unpacked:?}");
    }
}

#[tokio::test]
async fn downloads_that_replace_the_same_directory_wait_for_each_other() {
    let lab = Lab::instant().await;
    let scene_id = lab.scene().await.scene_id;
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("lab");
    let slow = Fault::Trickle(2_000, Duration::from_millis(2));
    lab.handle
        .inject(On::operation("export_scene").always(), slow);
    let mut options = UnpackOptions::default();
    options.replace = true;
    let unpack = async || {
        let export = lab.client.export_scene().scene_id(&scene_id).format("mjcf");
        let download = export.download().await?;
        download.unpack_with(&target, options.clone()).await
    };
    let (one, other, third) = tokio::join!(unpack(), unpack(), unpack());
    for bundle in [one, other, third] {
        assert!(bundle.unwrap().model().path().unwrap().is_file());
    }
    assert_eq!(names(dir.path()).into_iter().collect::<Vec<_>>(), ["lab"]);
}
