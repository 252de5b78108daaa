//! Entries that are hostile by their names, types, headers or contents, each or in combination.

use gizmo_client::archive::UnpackErrorKind as Kind;

use super::{Row, named, text, with};
use crate::zip::{Item, STREAMED};

/// Names that lead out of the target, or to different files on different systems.
pub(super) fn names() -> Vec<Row> {
    vec![
        ("absolute path", named("/tmp/evil"), Kind::AbsolutePath),
        ("network path", named("//host/evil"), Kind::AbsolutePath),
        (
            "absolute directory",
            with([Item::directory("/evil/")]),
            Kind::AbsolutePath,
        ),
        ("parent path", named("../evil"), Kind::ParentPath),
        ("grandparent path", named("../../evil"), Kind::ParentPath),
        (
            "parent in the middle",
            named("a/../../evil"),
            Kind::ParentPath,
        ),
        (
            "parent that stays inside",
            named("a/../evil"),
            Kind::ParentPath,
        ),
        ("parent at the end", named("a/.."), Kind::ParentPath),
        (
            "parent directory",
            with([Item::directory("../evil/")]),
            Kind::ParentPath,
        ),
        ("dot and parent", named("./../evil"), Kind::ParentPath),
        ("backslash parent", named("..\\evil"), Kind::Backslash),
        ("backslash inside", named("a\\evil"), Kind::Backslash),
        ("backslash root", named("\\evil"), Kind::Backslash),
        ("backslash share", named("\\\\host\\evil"), Kind::Backslash),
        ("drive", named("C:\\evil"), Kind::DriveLetter),
        ("drive with slash", named("d:/evil"), Kind::DriveLetter),
        (
            "relative path on a drive",
            named("C:evil"),
            Kind::DriveLetter,
        ),
        ("nul", named("evil\0.txt"), Kind::NulInName),
        (
            "nul before a parent",
            named("a\0/../../evil"),
            Kind::NulInName,
        ),
        ("empty name", named(""), Kind::EmptyName),
        ("empty component", named("a//evil"), Kind::EmptyName),
        (
            "the directory itself as a file",
            named("."),
            Kind::EmptyName,
        ),
        ("control character", named("a\x1b[2Jb"), Kind::ReservedName),
        ("line break", named("a\nb"), Kind::ReservedName),
        ("long component", named("x".repeat(256)), Kind::NameTooLong),
        (
            "long path",
            named("x/".repeat(600) + "x"),
            Kind::NameTooLong,
        ),
        (
            "invalid UTF-8 with the UTF-8 flag",
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

/// Entries other than plain files and directories, and names that collide.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn kinds() -> Vec<Row> {
    let special = |mode: u32| with([Item::stored("evil", "/etc").attributes(mode << 16)]);
    let pair = |one: &str, other: &str| with([Item::stored(one, "1"), Item::stored(other, "2")]);
    vec![
        ("link", special(0o120_777), Kind::Link),
        (
            "link from DOS",
            with([Item {
                made_by: 20,
                ..Item::stored("evil", "/etc").attributes(0o120_777 << 16)
            }]),
            Kind::Link,
        ),
        (
            "link with the name of a directory",
            with([Item::stored("evil/", "").attributes(0o120_777 << 16)]),
            Kind::Link,
        ),
        (
            "link, then a file through it",
            with([
                Item::stored("a", "/tmp").attributes(0o120_777 << 16),
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
        ("case of a file", pair("a/b", "a/B"), Kind::CaseDuplicate),
        (
            "case of a directory",
            pair("a/b", "A/c"),
            Kind::CaseDuplicate,
        ),
        (
            "case of a directory entry",
            with([Item::stored("a/b", "1"), Item::directory("A/")]),
            Kind::CaseDuplicate,
        ),
        ("case of the model", named("SCENE.xml"), Kind::CaseDuplicate),
        (
            "case outside ASCII",
            pair("straße", "STRASSE"),
            Kind::CaseDuplicate,
        ),
        ("case of Greek", pair("ΟΔΟΣ", "οδος"), Kind::CaseDuplicate),
        (
            "file as a directory",
            pair("a", "a/b"),
            Kind::FileAsDirectory,
        ),
        (
            "directory as a file",
            pair("a/b", "a"),
            Kind::FileAsDirectory,
        ),
        (
            "file as a directory in another case",
            pair("a", "A/b"),
            Kind::FileAsDirectory,
        ),
        (
            "directory entry as a file",
            with([Item::directory("a/"), Item::stored("a", "x")]),
            Kind::FileAsDirectory,
        ),
        (
            "directory with contents",
            with([Item::stored("a/", "x")]),
            Kind::FileAsDirectory,
        ),
        (
            "directory by its mode",
            with([Item::stored("a", "").attributes(0o040_755 << 16)]),
            Kind::FileAsDirectory,
        ),
    ]
}

/// Headers that contradict each other or the data, or that require unsupported features.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn headers() -> Vec<Row> {
    let item = || Item::deflated("a", text(4096));
    let different_method = Item::stored("a", "x").central(|header| header.method = 8);
    let mut offset_beyond_end = item();
    offset_beyond_end.offset = Some(1 << 30);
    let mut wrong_offset = item();
    wrong_offset.offset = Some(5);
    let mut bad_descriptor = item().streamed(true, false);
    bad_descriptor.descriptor[5] ^= 1;
    let mut no_descriptor = item().streamed(true, false);
    no_descriptor.descriptor.clear();
    vec![
        (
            "different name",
            with([item().local(|header| header.name = b"b".to_vec())]),
            Kind::HeaderMismatch,
        ),
        (
            "different name that leads out",
            with([item().local(|header| header.name = b"../evil".to_vec())]),
            Kind::HeaderMismatch,
        ),
        (
            "different checksum",
            with([item().local(|header| header.crc ^= 1)]),
            Kind::HeaderMismatch,
        ),
        (
            "different size",
            with([item().local(|header| header.size += 1)]),
            Kind::HeaderMismatch,
        ),
        (
            "different compressed size",
            with([item().local(|header| header.compressed -= 1)]),
            Kind::HeaderMismatch,
        ),
        (
            "different method",
            with([different_method]),
            Kind::HeaderMismatch,
        ),
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
            "different descriptor",
            with([bad_descriptor]),
            Kind::HeaderMismatch,
        ),
        ("no descriptor", with([no_descriptor]), Kind::HeaderMismatch),
        (
            "no local header at the offset",
            with([wrong_offset]),
            Kind::HeaderMismatch,
        ),
        (
            "local header beyond the end",
            with([offset_beyond_end]),
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
            "masked header",
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

/// Contents that differ from their header.
pub(super) fn contents() -> Vec<Row> {
    let item = || Item::deflated("a", text(4096));
    let mut truncated = item();
    truncated.data.truncate(100);
    let truncated = truncated.both(|header| header.compressed = 100);
    let mut garbage = item();
    garbage.data.fill(0xff);
    let mut flipped = Item::stored("a", text(4096));
    flipped.data[7] ^= 0x20;
    let mut trailing_data = item();
    trailing_data.data.extend(b"more");
    let trailing_data = trailing_data.both(|header| header.compressed += 4);
    let empty_stream = Item::raw("a", 8, b"", Vec::new());
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
            "a byte less than declared",
            with([item().both(|header| header.size += 1)]),
            Kind::WrongSize,
        ),
        (
            "a byte more than declared",
            with([item().both(|header| header.size -= 1)]),
            Kind::WrongSize,
        ),
        (
            "a bomb with a declared size of zero",
            with([Item::deflated("a", vec![0; 10 << 20]).both(|header| header.size = 0)]),
            Kind::WrongSize,
        ),
        (
            "a bomb with a small declared size",
            with([Item::deflated("a", vec![0; 10 << 20]).both(|header| header.size = 1 << 20)]),
            Kind::WrongSize,
        ),
        (
            "stored sizes that differ",
            with([Item::stored("a", "xy").both(|header| header.size = 1)]),
            Kind::WrongSize,
        ),
        (
            "data after the end of the stream",
            with([trailing_data]),
            Kind::WrongSize,
        ),
        ("truncated stream", with([truncated]), Kind::CorruptData),
        ("stream of garbage", with([garbage]), Kind::CorruptData),
        ("empty stream", with([empty_stream]), Kind::CorruptData),
    ]
}
