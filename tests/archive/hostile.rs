//! Archives that are refused, each for its own reason and without a trace on disk.

mod archives;
mod entries;

use std::fs;

use gizmo_client::archive::UnpackErrorKind as Kind;
use gizmo_client::archive::UnpackOptions;

use crate::disk::Disk;
use crate::zip::{Item, Zip};

/// A defect, an archive that has it, and the expected error kind.
type Row = (&'static str, Vec<u8>, Kind);

const MODEL: &str = "<mujoco/>";

/// Returns an archive of a valid model followed by `items`.
fn with(items: impl IntoIterator<Item = Item>) -> Vec<u8> {
    zip_with(items).bytes()
}

fn zip_with(items: impl IntoIterator<Item = Item>) -> Zip {
    let model = Item::deflated("scene.xml", MODEL);
    Zip::of([model].into_iter().chain(items))
}

/// Returns an archive with a valid model and an entry of this name.
fn named(name: impl AsRef<[u8]>) -> Vec<u8> {
    with([Item::stored(name, "x")])
}

/// Returns about this many bytes of text.
fn text(bytes: usize) -> Vec<u8> {
    (0..bytes / 8)
        .flat_map(|i| format!("{i:07} ").into_bytes())
        .collect()
}

#[test]
fn each_hostile_archive_is_refused_for_its_own_reason_and_leaves_no_trace() {
    let table: Vec<Row> = [
        entries::names(),
        entries::kinds(),
        entries::headers(),
        entries::contents(),
        archives::malformed(),
        archives::overlaps(),
        archives::bombs(),
        archives::not_bundles(),
    ]
    .concat();
    assert!(table.len() >= 100, "{}", table.len());
    let mut failures = Vec::new();
    for (defect, zip, kind) in table {
        for (slim, target_exists) in [(false, false), (true, false), (false, true)] {
            let disk = Disk::new();
            fs::write(disk.zip(), &zip).unwrap();
            if target_exists {
                fs::create_dir(disk.lab()).unwrap();
            }
            let before = disk.tree("");
            let mut options = UnpackOptions::default();
            options.slim = slim;
            // Smaller than the default, so that the archives with a high ratio are small.
            options.limits.ratio_from = 16 << 20;
            match disk.unpack(&zip, &options) {
                Ok(_) => failures.push(format!("{defect}: unpacked")),
                Err(error) => {
                    let message = error.to_string();
                    if error.kind() != kind {
                        failures.push(format!(
                            "{defect}: expected {kind:?}, got {:?}: {error:?}",
                            error.kind()
                        ));
                    }
                    if message.contains(char::is_control) {
                        failures.push(format!(
                            "{defect}: the message has control characters: {message:?}"
                        ));
                    }
                }
            }
            assert_eq!(disk.tree(""), before, "{defect}: the disk has changed");
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_archive_at_its_limits_is_unpacked_and_one_beyond_them_is_refused() {
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
fn an_error_names_the_entry_and_the_rule() {
    let disk = Disk::new();
    let error = disk
        .unpack(&named("../e\x1bvil"), &UnpackOptions::default())
        .unwrap_err();
    assert_eq!(error.entry_name(), Some("../e\u{1b}vil"));
    assert_eq!(
        error.to_string(),
        "entry \"../e\\u{1b}vil\": the path leads out of the directory"
    );
}
