//! Archives that are malformed or dangerous in their structure or total size.

use gizmo_client::archive::UnpackErrorKind as Kind;
use gizmo_client::bundle::BundleErrorKind;

use super::{MODEL, Row, text, with, zip_with};
use crate::zip::{Item, Zip, deflate};

/// Files that are not archives, truncated archives, and archives with a wrong central directory.
pub(super) fn malformed() -> Vec<Row> {
    let valid = with([Item::deflated("a", text(4096))]);
    let truncated = |bytes: usize| valid[..bytes].to_vec();
    let mut low_count = zip_with([Item::stored("a", "x")]);
    low_count.count = Some(1);
    let mut high_count = zip_with([Item::stored("a", "x")]);
    high_count.count = Some(3);
    let mut broken_directory = valid.clone();
    let at = broken_directory
        .windows(4)
        .rposition(|window| window == b"PK\x01\x02")
        .unwrap();
    broken_directory[at] = b'Q';
    let mut long_comment = zip_with([]);
    long_comment.comment = b"end".to_vec();
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
        ("entry count too low", low_count.bytes(), Kind::NotAZip),
        ("entry count too high", high_count.bytes(), Kind::NotAZip),
        ("damaged directory", broken_directory, Kind::NotAZip),
        (
            "truncated after the signature",
            truncated(4),
            Kind::Truncated,
        ),
        (
            "truncated in the first entry",
            truncated(50),
            Kind::Truncated,
        ),
        (
            "truncated to one half",
            truncated(valid.len() / 2),
            Kind::Truncated,
        ),
        (
            "truncated in the directory",
            truncated(valid.len() - 40),
            Kind::Truncated,
        ),
        (
            "truncated before the last byte",
            truncated(valid.len() - 1),
            Kind::Truncated,
        ),
        (
            "truncated in the comment",
            long_comment[..long_comment.len() - 1].to_vec(),
            Kind::Truncated,
        ),
        (
            "65,535 missing entries",
            {
                let mut zip = zip_with([]);
                zip.count = Some(u16::MAX);
                zip.bytes()
            },
            Kind::NotAZip,
        ),
    ]
}

/// Entries that share bytes of the archive.
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
        // The data of the outer entry contains the complete inner entry. Each is valid without the
        // other.
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
            "data that extends into the directory",
            into_directory,
            Kind::Overlap,
        ),
    ]
}

/// Archives with far too large contents.
pub(super) fn bombs() -> Vec<Row> {
    let kernel = deflate(&vec![0; 4 << 20]);
    vec![
        (
            "one entry with a ratio of more than a thousand",
            with([
                Item::raw("a", 8, &vec![0; 4 << 20], kernel).both(|header| header.size = 1 << 30)
            ]),
            Kind::RatioTooHigh,
        ),
        (
            "many entries with a ratio of about a thousand",
            with((0..8).map(|i| Item::deflated(format!("a{i}"), vec![0; 4 << 20]))),
            Kind::RatioTooHigh,
        ),
        (
            "larger than any disk",
            with([Item::deflated("a", "x").both(|header| {
                header.zip64 = true;
                header.size = 1 << 60;
            })]),
            Kind::TooLarge,
        ),
        (
            "sizes whose sum overflows",
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

/// Valid archives that are not bundles.
pub(super) fn not_bundles() -> Vec<Row> {
    vec![(
        "no entry",
        Zip::of([]).bytes(),
        Kind::Bundle(BundleErrorKind::NoModel),
    )]
}
