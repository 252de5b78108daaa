//! Archives that are refused: each by its own reason, and without a trace.

mod archives;
mod entries;

use std::fs;

use gizmo_client::archive::UnpackErrorKind as Kind;
use gizmo_client::archive::UnpackOptions;

use crate::disk::Disk;
use crate::zip::{Item, Zip};

/// What is wrong, the archive, and the reason that it is refused for.
type Row = (&'static str, Vec<u8>, Kind);

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

#[test]
fn each_hostile_archive_is_refused_by_its_own_reason_and_without_a_trace() {
    let table: Vec<Row> = [
        entries::names(),
        entries::kinds(),
        entries::headers(),
        entries::contents(),
        archives::broken(),
        archives::overlaps(),
        archives::bombs(),
        archives::no_bundles(),
    ]
    .concat();
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
