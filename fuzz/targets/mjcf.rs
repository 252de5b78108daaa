//! Any bytes as an MJCF model: it is checked and drawn, or refused with one line.

#![no_main]

use gizmo_client::bundle::Bundle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("scene.xml"), data).unwrap();
    std::fs::create_dir(dir.path().join("part")).unwrap();
    std::fs::write(dir.path().join("part/part.xml"), data).unwrap();
    let bundle = Bundle::open(dir.path()).unwrap();
    let errors = [
        bundle.missing_files().err(),
        bundle.warnings().err(),
        bundle.preview().err(),
    ];
    for error in errors.into_iter().flatten() {
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
    if let (Ok(first), Ok(second)) = (bundle.preview(), bundle.preview()) {
        assert_eq!(first, second);
        assert!(!first.contains("NaN"));
    }
});
