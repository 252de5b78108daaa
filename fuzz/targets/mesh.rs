//! Any bytes as a mesh file, and as the vertices in a model.

#![no_main]

use gizmo_client::bundle::Bundle;
use libfuzzer_sys::fuzz_target;

const EXTENSIONS: [&str; 3] = ["obj", "stl", "msh"];

fuzz_target!(|data: (u8, &[u8])| {
    let (kind, bytes) = data;
    let file = format!("m.{}", EXTENSIONS[usize::from(kind) % EXTENSIONS.len()]);
    let dir = tempfile::tempdir().unwrap();
    let scene = format!(
        "<mujoco><asset><mesh name='m' file='{file}'/></asset>\
         <worldbody><geom type='mesh' mesh='m'/></worldbody></mujoco>"
    );
    std::fs::write(dir.path().join("scene.xml"), scene).unwrap();
    std::fs::write(dir.path().join(file), bytes).unwrap();
    let bundle = Bundle::open(dir.path()).unwrap();
    bundle.warnings().unwrap();
    let svg = bundle.preview().unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
});
