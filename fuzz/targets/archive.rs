//! Any bytes as an archive: they are unpacked into the target or refused, and leave nothing else.

#![no_main]

use gizmo_client::archive::{UnpackOptions, unpack_blocking};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (bool, &[u8])| {
    let (slim, bytes) = data;
    let disk = tempfile::tempdir().unwrap();
    let zip = disk.path().join("lab.zip");
    std::fs::write(&zip, bytes).unwrap();
    let target = disk.path().join("lab");
    let mut options = UnpackOptions::default();
    options.slim = slim;
    options.sync = false;
    // The contents of a small archive are small, so that many archives are tried.
    options.limits.total = 4 << 20;
    let unpacked = unpack_blocking(&zip, &target, &options);
    let names: Vec<_> = std::fs::read_dir(disk.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    match unpacked {
        Ok(bundle) => {
            assert_eq!(bundle.dir(), target);
            assert_eq!(names.len(), 2, "{names:?}");
            for file in bundle.files() {
                assert!(target.join(&file.path).is_file());
            }
        }
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control));
            assert_eq!(names, ["lab.zip"]);
        }
    }
});
