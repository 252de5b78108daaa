//! Any bytes as SDF, as `model.config`, as URDF and as a USD layer.

#![no_main]

use gizmo_client::bundle::Bundle;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["model.sdf", "model.config", "arm.urdf", "lab.usda"];

fuzz_target!(|data: (u8, &[u8])| {
    let (kind, text) = data;
    let name = NAMES[usize::from(kind) % NAMES.len()];
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), text).unwrap();
    if let Ok(bundle) = Bundle::open(dir.path()) {
        let _ = bundle.missing_files();
        let _ = bundle.warnings();
    }
});
