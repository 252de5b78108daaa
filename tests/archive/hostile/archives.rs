//! Archives that are broken or dangerous as a whole.

use gizmo_client::archive::UnpackErrorKind as Kind;
use gizmo_client::bundle::BundleErrorKind;

use super::{MODEL, Row, text, with, zip_with};
use crate::zip::{Item, Zip, deflate};

/// No archives, cut ones, and ones whose directory is wrong.
pub(super) fn broken() -> Vec<Row> {
    let sound = with([Item::deflated("a", text(4096))]);
    let cut = |bytes: usize| sound[..bytes].to_vec();
    let mut short_count = zip_with([Item::stored("a", "x")]);
    short_count.count = Some(1);
    let mut long_count = zip_with([Item::stored("a", "x")]);
    long_count.count = Some(3);
    let mut broken_directory = sound.clone();
    let at = broken_directory
        .windows(4)
        .rposition(|window| window == b"PK\x01\x02")
        .unwrap();
    broken_directory[at] = b'Q';
    let mut long_comment = zip_with([]);
    long_comment.comment = b"cut".to_vec();
    let long_comment = long_comment.bytes();
    vec![
        ("empty file", Vec::new(), Kind::NotAZip),
        (
            "text",
            b"{\"error\":{\"code\":\"no_scene\"}}".to_vec(),
            Kind::NotAZip,
        ),
        (
            "HTML",
            b"<!doctype html><html></html>".to_vec(),
            Kind::NotAZip,
        ),
        (
            "other archive",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(),
            Kind::NotAZip,
        ),
        (
            "fewer entries than there are",
            short_count.bytes(),
            Kind::NotAZip,
        ),
        (
            "more entries than there are",
            long_count.bytes(),
            Kind::NotAZip,
        ),
        ("damaged directory", broken_directory, Kind::NotAZip),
        ("cut after the signature", cut(4), Kind::Truncated),
        ("cut in the first entry", cut(50), Kind::Truncated),
        ("cut in half", cut(sound.len() / 2), Kind::Truncated),
        (
            "cut in the directory",
            cut(sound.len() - 40),
            Kind::Truncated,
        ),
        (
            "cut before the last byte",
            cut(sound.len() - 1),
            Kind::Truncated,
        ),
        (
            "cut in the comment",
            long_comment[..long_comment.len() - 1].to_vec(),
            Kind::Truncated,
        ),
        (
            "65,535 entries that are not there",
            {
                let mut zip = zip_with([]);
                zip.count = Some(u16::MAX);
                zip.bytes()
            },
            Kind::NotAZip,
        ),
    ]
}

/// Entries that share bytes.
pub(super) fn overlaps() -> Vec<Row> {
    let twice = {
        let mut zip = zip_with([Item::deflated("a", text(4096))]);
        let mut second = zip.items[1].clone();
        second.phantom = true;
        second.offset = Some(zip.items[0].bytes() as u64);
        zip.items.push(second);
        zip.bytes()
    };
    let nested = {
        // One entry's data holds the other entry, header and all: each is sound by itself.
        let inner = Item::stored("inner", text(512));
        let inner_bytes = Zip::of([inner.clone()]).bytes()[..inner.bytes()].to_vec();
        let outer = Item::stored("outer", &inner_bytes);
        let at = Item::deflated("scene.xml", MODEL).bytes() + outer.bytes() - inner_bytes.len();
        let mut inner = inner;
        inner.phantom = true;
        inner.offset = Some(at as u64);
        with([outer, inner])
    };
    let into_directory = {
        let mut zip = zip_with([Item::stored("a", "x")]);
        zip.items[1] = zip.items[1].clone().both(|header| {
            header.size = 40;
            header.compressed = 40;
        });
        zip.bytes()
    };
    vec![
        ("the same entry twice", twice, Kind::Duplicate),
        ("an entry inside another", nested, Kind::Overlap),
        (
            "data that runs into the directory",
            into_directory,
            Kind::Overlap,
        ),
    ]
}

/// More contents than anybody wants.
pub(super) fn bombs() -> Vec<Row> {
    let kernel = deflate(&vec![0; 4 << 20]);
    vec![
        (
            "one entry a thousand times as large",
            with([
                Item::raw("a", 8, &vec![0; 4 << 20], kernel).both(|header| header.size = 1 << 30)
            ]),
            Kind::RatioTooHigh,
        ),
        (
            "many entries a thousand times as large",
            with((0..8).map(|i| Item::deflated(format!("a{i}"), vec![0; 4 << 20]))),
            Kind::RatioTooHigh,
        ),
        (
            "more than a disk can hold",
            with([Item::deflated("a", "x").both(|header| {
                header.zip64 = true;
                header.size = 1 << 60;
            })]),
            Kind::TooLarge,
        ),
        (
            "sizes that overflow when added",
            with((0..2).map(|i| {
                Item::deflated(format!("a{i}"), "x").both(|header| {
                    header.zip64 = true;
                    header.size = u64::MAX;
                })
            })),
            Kind::TooLarge,
        ),
    ]
}

/// Sound archives, but no bundles.
pub(super) fn no_bundles() -> Vec<Row> {
    vec![
        (
            "no model",
            Zip::of([Item::stored("readme.txt", "x")]).bytes(),
            Kind::Bundle(BundleErrorKind::NoModel),
        ),
        (
            "no entry",
            Zip::of([]).bytes(),
            Kind::Bundle(BundleErrorKind::NoModel),
        ),
        (
            "two models",
            Zip::of([Item::stored("a.xml", MODEL), Item::stored("b.xml", MODEL)]).bytes(),
            Kind::Bundle(BundleErrorKind::SeveralModels),
        ),
    ]
}
