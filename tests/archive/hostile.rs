//! Archives that are refused: each by its own reason, and without a trace.

use std::fs;

use gizmo_client::archive::UnpackErrorKind as Kind;
use gizmo_client::archive::UnpackOptions;
use gizmo_client::bundle::BundleErrorKind;

use crate::disk::Disk;
use crate::zip::{Item, STREAMED, Zip, deflate};

const MODEL: &str = "<mujoco/>";

/// A sound model, and `items` behind it.
fn with(items: impl IntoIterator<Item = Item>) -> Vec<u8> {
    zip_with(items).bytes()
}

fn zip_with(items: impl IntoIterator<Item = Item>) -> Zip {
    let model = Item::deflated("scene.xml", MODEL);
    Zip::of([model].into_iter().chain(items))
}

fn named(name: impl AsRef<[u8]>) -> Vec<u8> {
    with([Item::stored(name, "x")])
}

fn text(bytes: usize) -> Vec<u8> {
    (0..bytes / 8)
        .flat_map(|i| format!("{i:07} ").into_bytes())
        .collect()
}

fn unix(mode: u32) -> u32 {
    mode << 16
}

/// Names that lead elsewhere, or to different places on different systems.
fn names() -> Vec<(&'static str, Vec<u8>, Kind)> {
    vec![
        ("absolute path", named("/tmp/evil"), Kind::AbsolutePath),
        ("network path", named("//host/evil"), Kind::AbsolutePath),
        (
            "absolute folder",
            with([Item::folder("/evil/")]),
            Kind::AbsolutePath,
        ),
        ("parent path", named("../evil"), Kind::ParentPath),
        ("grandparent path", named("../../evil"), Kind::ParentPath),
        ("parent inside", named("a/../../evil"), Kind::ParentPath),
        (
            "parent that stays inside",
            named("a/../evil"),
            Kind::ParentPath,
        ),
        ("parent at the end", named("a/.."), Kind::ParentPath),
        (
            "parent folder",
            with([Item::folder("../evil/")]),
            Kind::ParentPath,
        ),
        ("dot and parent", named("./../evil"), Kind::ParentPath),
        ("backslash parent", named("..\\evil"), Kind::Backslash),
        ("backslash inside", named("a\\evil"), Kind::Backslash),
        ("backslash root", named("\\evil"), Kind::Backslash),
        ("backslash share", named("\\\\host\\evil"), Kind::Backslash),
        ("drive", named("C:\\evil"), Kind::DriveLetter),
        ("drive with slash", named("d:/evil"), Kind::DriveLetter),
        ("drive, relative", named("C:evil"), Kind::DriveLetter),
        ("nul", named("evil\0.txt"), Kind::NulInName),
        (
            "nul before a parent",
            named("a\0/../../evil"),
            Kind::NulInName,
        ),
        ("empty name", named(""), Kind::EmptyName),
        ("empty part", named("a//evil"), Kind::EmptyName),
        ("the folder itself as a file", named("."), Kind::EmptyName),
        ("device name", named("meshes/AUX.obj"), Kind::ReservedName),
        (
            "alternate stream",
            named("scene.xml:evil"),
            Kind::ReservedName,
        ),
        ("dot at the end", named("scene.xml."), Kind::ReservedName),
        ("space at the end", named("scene.xml "), Kind::ReservedName),
        ("control character", named("a\x1b[2Jb"), Kind::ReservedName),
        ("line break", named("a\nb"), Kind::ReservedName),
        ("long part", named("x".repeat(256)), Kind::NameTooLong),
        (
            "long path",
            named("x/".repeat(600) + "x"),
            Kind::NameTooLong,
        ),
        (
            "not the UTF-8 it claims",
            with([Item::stored(b"caf\x82", "x").utf8()]),
            Kind::NameEncoding,
        ),
        (
            "overlong UTF-8 parent",
            with([Item::stored(b"\xc0\xae\xc0\xae/evil", "x").utf8()]),
            Kind::NameEncoding,
        ),
    ]
}

/// Entries that are no plain files and folders, and names that collide.
fn kinds() -> Vec<(&'static str, Vec<u8>, Kind)> {
    let special = |mode| with([Item::stored("evil", "/etc").attributes(unix(mode))]);
    let pair = |one: &str, other: &str| with([Item::stored(one, "1"), Item::stored(other, "2")]);
    vec![
        ("link", special(0o120_777), Kind::Link),
        (
            "link, as from DOS",
            with([Item {
                made_by: 20,
                ..Item::stored("evil", "/etc").attributes(unix(0o120_777))
            }]),
            Kind::Link,
        ),
        (
            "link called a folder",
            with([Item::stored("evil/", "").attributes(unix(0o120_777))]),
            Kind::Link,
        ),
        (
            "link, then a file through it",
            with([
                Item::stored("a", "/tmp").attributes(unix(0o120_777)),
                Item::stored("a/evil", "x"),
            ]),
            Kind::Link,
        ),
        (
            "reparse point",
            with([Item {
                made_by: 10 << 8,
                ..Item::stored("evil", "x").attributes(0x400)
            }]),
            Kind::Link,
        ),
        ("character device", special(0o020_666), Kind::SpecialFile),
        ("block device", special(0o060_666), Kind::SpecialFile),
        ("pipe", special(0o010_666), Kind::SpecialFile),
        ("socket", special(0o140_666), Kind::SpecialFile),
        (
            "DOS device",
            with([Item {
                made_by: 0,
                ..Item::stored("evil", "x").attributes(0x40)
            }]),
            Kind::SpecialFile,
        ),
        ("duplicate", pair("a", "a"), Kind::Duplicate),
        (
            "duplicate with a dot",
            pair("a/b", "./a/./b"),
            Kind::Duplicate,
        ),
        ("duplicate model", named("scene.xml"), Kind::Duplicate),
        (
            "duplicate folder",
            with([Item::folder("a/"), Item::folder("a/")]),
            Kind::Duplicate,
        ),
        ("case", pair("a/b", "a/B"), Kind::CaseDuplicate),
        ("case of a folder", pair("a/b", "A/c"), Kind::CaseDuplicate),
        (
            "case of a folder entry",
            with([Item::stored("a/b", "1"), Item::folder("A/")]),
            Kind::CaseDuplicate,
        ),
        ("case of the model", named("SCENE.xml"), Kind::CaseDuplicate),
        (
            "case beyond ASCII",
            pair("straße", "STRASSE"),
            Kind::CaseDuplicate,
        ),
        ("case of Greek", pair("ΟΔΟΣ", "οδος"), Kind::CaseDuplicate),
        ("file as a folder", pair("a", "a/b"), Kind::FileAsFolder),
        ("folder as a file", pair("a/b", "a"), Kind::FileAsFolder),
        (
            "file as a folder, by case",
            pair("a", "A/b"),
            Kind::FileAsFolder,
        ),
        (
            "folder entry as a file",
            with([Item::folder("a/"), Item::stored("a", "x")]),
            Kind::FileAsFolder,
        ),
        (
            "folder with contents",
            with([Item::stored("a/", "x")]),
            Kind::FileAsFolder,
        ),
        (
            "folder by its mode",
            with([Item::stored("a", "").attributes(unix(0o040_755))]),
            Kind::FileAsFolder,
        ),
    ]
}

/// Headers that contradict each other or the data.
fn headers() -> Vec<(&'static str, Vec<u8>, Kind)> {
    let item = || Item::deflated("a", text(4096));
    let other_method = Item::stored("a", "x").central(|header| header.method = 8);
    let mut beyond = item();
    beyond.offset = Some(1 << 30);
    let mut elsewhere = item();
    elsewhere.offset = Some(5);
    let mut bad_descriptor = item().streamed(true, false);
    bad_descriptor.descriptor[5] ^= 1;
    let mut no_descriptor = item().streamed(true, false);
    no_descriptor.descriptor.clear();
    vec![
        (
            "other name",
            with([item().local(|header| header.name = b"b".to_vec())]),
            Kind::HeaderMismatch,
        ),
        (
            "other name that escapes",
            with([item().local(|header| header.name = b"../evil".to_vec())]),
            Kind::HeaderMismatch,
        ),
        (
            "other checksum",
            with([item().local(|header| header.crc ^= 1)]),
            Kind::HeaderMismatch,
        ),
        (
            "other size",
            with([item().local(|header| header.size += 1)]),
            Kind::HeaderMismatch,
        ),
        (
            "other compressed size",
            with([item().local(|header| header.compressed -= 1)]),
            Kind::HeaderMismatch,
        ),
        ("other method", with([other_method]), Kind::HeaderMismatch),
        (
            "encrypted in one header",
            with([item().local(|header| header.flags |= 1)]),
            Kind::HeaderMismatch,
        ),
        (
            "streamed in one header",
            with([item().central(|header| header.flags |= STREAMED)]),
            Kind::HeaderMismatch,
        ),
        (
            "other descriptor",
            with([bad_descriptor]),
            Kind::HeaderMismatch,
        ),
        ("no descriptor", with([no_descriptor]), Kind::HeaderMismatch),
        (
            "no local header there",
            with([elsewhere]),
            Kind::HeaderMismatch,
        ),
        (
            "local header beyond the end",
            with([beyond]),
            Kind::Truncated,
        ),
        (
            "encrypted",
            with([item().both(|header| header.flags |= 1)]),
            Kind::Encrypted,
        ),
        (
            "strongly encrypted",
            with([item().both(|header| header.flags |= 1 << 6)]),
            Kind::Encrypted,
        ),
        (
            "masked",
            with([item().both(|header| header.flags |= 1 << 13)]),
            Kind::Encrypted,
        ),
        (
            "AES",
            with([item().both(|header| header.method = 99)]),
            Kind::Encrypted,
        ),
        (
            "bzip2",
            with([item().both(|header| header.method = 12)]),
            Kind::UnsupportedMethod,
        ),
        (
            "deflate64",
            with([item().both(|header| header.method = 9)]),
            Kind::UnsupportedMethod,
        ),
        (
            "unknown method",
            with([item().both(|header| header.method = 0xfffe)]),
            Kind::UnsupportedMethod,
        ),
    ]
}

/// Contents that are not what was promised.
fn contents() -> Vec<(&'static str, Vec<u8>, Kind)> {
    let item = || Item::deflated("a", text(4096));
    let mut cut_data = item();
    cut_data.data.truncate(100);
    let cut_data = cut_data.both(|header| header.compressed = 100);
    let mut garbage = item();
    garbage.data.fill(0xff);
    let mut flipped = Item::stored("a", text(4096));
    flipped.data[7] ^= 0x20;
    let mut tail = item();
    tail.data.extend(b"more");
    let tail = tail.both(|header| header.compressed += 4);
    let nothing = Item::raw("a", 8, b"", Vec::new());
    vec![
        (
            "wrong checksum",
            with([item().both(|header| header.crc ^= 1)]),
            Kind::WrongChecksum,
        ),
        ("a flipped bit", with([flipped]), Kind::WrongChecksum),
        (
            "an empty file with a checksum",
            with([Item::stored("a", "").both(|header| header.crc = 1)]),
            Kind::WrongChecksum,
        ),
        (
            "a byte less than promised",
            with([item().both(|header| header.size += 1)]),
            Kind::WrongSize,
        ),
        (
            "a byte more than promised",
            with([item().both(|header| header.size -= 1)]),
            Kind::WrongSize,
        ),
        (
            "a bomb that promises nothing",
            with([Item::deflated("a", vec![0; 10 << 20]).both(|header| header.size = 0)]),
            Kind::WrongSize,
        ),
        (
            "a bomb that promises little",
            with([Item::deflated("a", vec![0; 10 << 20]).both(|header| header.size = 1 << 20)]),
            Kind::WrongSize,
        ),
        (
            "stored sizes that differ",
            with([Item::stored("a", "xy").both(|header| header.size = 1)]),
            Kind::WrongSize,
        ),
        (
            "data behind the end of the stream",
            with([tail]),
            Kind::WrongSize,
        ),
        ("stream that stops", with([cut_data]), Kind::CorruptData),
        ("stream of garbage", with([garbage]), Kind::CorruptData),
        ("no stream at all", with([nothing]), Kind::CorruptData),
    ]
}

/// Archives that are broken or dangerous as a whole.
fn wholes() -> Vec<(&'static str, Vec<u8>, Kind)> {
    let sound = with([Item::deflated("a", text(4096))]);
    let cut = |bytes: usize| sound[..bytes].to_vec();
    let kernel = deflate(&vec![0; 4 << 20]);
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
        ("the same entry twice", twice, Kind::Duplicate),
        ("an entry inside another", nested, Kind::Overlap),
        (
            "data that runs into the directory",
            into_directory,
            Kind::Overlap,
        ),
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
        (
            "65,535 entries that are not there",
            {
                let mut zip = zip_with([]);
                zip.count = Some(u16::MAX);
                zip.bytes()
            },
            Kind::NotAZip,
        ),
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

#[test]
fn each_hostile_archive_is_refused_by_its_own_reason_and_without_a_trace() {
    let table: Vec<_> = [names(), kinds(), headers(), contents(), wholes()]
        .into_iter()
        .flatten()
        .collect();
    assert!(table.len() >= 100, "{}", table.len());
    let mut wrong = Vec::new();
    for (what, zip, kind) in table {
        for (slim, exists) in [(false, false), (true, false), (false, true)] {
            let disk = Disk::new();
            fs::write(disk.zip(), &zip).unwrap();
            if exists {
                fs::create_dir(disk.lab()).unwrap();
            }
            let before = disk.tree("");
            let mut options = UnpackOptions::default();
            options.slim = slim;
            match disk.unpack(&zip, &options) {
                Ok(_) => wrong.push(format!("{what}: unpacked")),
                Err(error) => {
                    let shown = error.to_string();
                    if error.kind() != kind {
                        wrong.push(format!(
                            "{what}: {:?}, not {kind:?}: {error:?}",
                            error.kind()
                        ));
                    }
                    if shown.contains(char::is_control) {
                        wrong.push(format!("{what}: not on one line: {shown:?}"));
                    }
                }
            }
            assert_eq!(disk.tree(""), before, "{what} left something");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn limits_are_kept_to_the_last_one() {
    let zip = with((0..9).map(|i| Item::stored(format!("a{i}"), "12345")));
    let total = 9 * 5 + MODEL.len() as u64;
    for (entries, total, expected) in [
        (10, total, None),
        (9, total, Some(Kind::TooManyEntries)),
        (10, total - 1, Some(Kind::TooLarge)),
    ] {
        let disk = Disk::new();
        let mut options = UnpackOptions::default();
        options.limits.entries = entries;
        options.limits.total = total;
        let found = disk.unpack(&zip, &options).err().map(|error| error.kind());
        assert_eq!(found, expected, "{entries} {total}");
    }
}

#[test]
fn a_refusal_names_the_entry_and_the_rule() {
    let disk = Disk::new();
    let error = disk
        .unpack(&named("../e\x1bvil"), &UnpackOptions::default())
        .unwrap_err();
    assert_eq!(error.entry_name(), Some("../e\u{1b}vil"));
    assert_eq!(
        error.to_string(),
        "entry \"../e\\u{1b}vil\": the path leads out of the folder"
    );
}
