//! The example `alpha_workcell`, run as a program under several faults.

use gizmo_client::Bundle;
use gizmo_simulator::{At, Fault, On, Options};
use tokio::process::Command;

use super::Workshop;
use crate::support::names;

#[tokio::test]
async fn a_workcell_is_composed_exported_and_unpacked_despite_every_fault() {
    let workshop = Workshop::start(Options {
        texture_bytes: 1 << 20,
        ..Options::instant()
    });
    let workshop = workshop.await;
    let on = |operation| On::operation(operation);
    let faults = [
        workshop
            .handle
            .inject(on("cdn").nth(1), Fault::CutBody(At::Percent(30.0))),
        workshop.handle.inject(on("cdn").nth(2), Fault::ExpireLinks),
        workshop
            .handle
            .inject(on("export_scene").nth(2), Fault::DropBeforeResponse),
    ];
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().with_file_name("examples");
    let example = built.join(format!("alpha_workcell{}", std::env::consts::EXE_SUFFIX));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("workcell");
    let output = Command::new(example)
        .arg(&out)
        .env("GIZMO_API_KEY", workshop.simulator.alpha_api_key())
        .env("GIZMO_BASE_URL", workshop.simulator.url())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let model = out.join("scene.xml");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().last(), Some(model.to_str().unwrap()));
    assert_eq!(
        names(dir.path()).into_iter().collect::<Vec<_>>(),
        ["workcell"]
    );
    let preview = std::fs::read_to_string(out.join("preview.svg")).unwrap();
    assert_eq!(preview, Bundle::open(&out).unwrap().preview().unwrap());
    let xml = std::fs::read_to_string(model).unwrap();
    assert_eq!(xml.matches("<body name=\"workbench_1\"").count(), 1);
    assert_eq!(workshop.handle.alpha_assets().len(), 3);
    assert_eq!(faults.map(|fault| fault.hits()), [1, 1, 1]);
    // The first link, the link for the remainder, and the link whose response was lost.
    assert_eq!(workshop.handle.count("export_scene"), 3);
    for request in workshop.handle.requests_of("cdn") {
        assert!(request.credentials().is_empty(), "{request:?}");
    }
}
