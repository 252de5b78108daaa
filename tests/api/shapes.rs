//! Exports of the shape of the real ones: inline meshes, layers, an included robot, empty bodies.

use std::fs::File;
use std::path::Path;

use gizmo_client::Bundle;
use gizmo_client::archive::{UnpackOptions, unpack_blocking};
use gizmo_client::bundle::{MissingFile, MissingReason, Supplier, WarningKind};
use gizmo_simulator::{ExportShape, Options, SceneExport};

use crate::support::in_mujoco;

const PROMPT: &str = "two workbenches, a lamp, a stool, a bin and a shelf";

fn export(exports: ExportShape) -> SceneExport {
    let options = Options {
        exports,
        ..Options::default()
    };
    SceneExport::new(&options, PROMPT)
}

fn unpack(export: &SceneExport, dir: &Path, slim: bool) -> Bundle {
    let zip = dir.join("lab.zip");
    export.write_archive(File::create(&zip).unwrap()).unwrap();
    let mut options = UnpackOptions::default();
    options.slim = slim;
    options.replace = true;
    unpack_blocking(zip, dir.join("lab"), &options).unwrap()
}

/// Prints the sizes of a model and its state after 100 steps.
const STATE: &str = r"
import mujoco, sys
model = mujoco.MjModel.from_xml_path(sys.argv[1])
data = mujoco.MjData(model)
mujoco.mj_step(model, data, 100)
print(model.nq, model.nv, model.nbody, model.ngeom, list(data.qpos))
";

#[test]
fn a_slim_export_moves_as_the_complete_one() {
    for robot in [None, Some("franka_panda")] {
        let dir = tempfile::tempdir().unwrap();
        let mut export = export(ExportShape::default());
        if let Some(profile) = robot {
            export = export.robot_profile(profile);
        }
        let complete = unpack(&export, dir.path(), false);
        assert_eq!(complete.warnings().unwrap(), []);
        let pictures = |bundle: &Bundle| {
            let pictures = bundle.files().iter();
            pictures
                .filter(|file| file.path.extension() == Some("png".as_ref()))
                .count()
        };
        assert!(pictures(&complete) > 0);
        let state = in_mujoco(STATE, complete.model().path().unwrap());
        let slim = unpack(&export, dir.path(), true);
        assert_eq!(pictures(&slim), 0);
        assert_eq!(slim.warnings().unwrap(), []);
        assert_eq!(in_mujoco(STATE, slim.model().path().unwrap()), state);
    }
}

#[test]
fn what_a_real_export_may_lack_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let shape = ExportShape {
        empty_assets: 2,
        robot_files: false,
        ..ExportShape::default()
    };
    let bundle = unpack(
        &export(shape).robot_profile("franka_panda"),
        dir.path(),
        false,
    );
    let warnings = bundle.warnings().unwrap();
    let count = |kind: &WarningKind| warnings.iter().filter(|one| one.kind == *kind).count();
    assert_eq!(count(&WarningKind::BodyWithoutGeometry), 2, "{warnings:?}");
    let missing: Vec<&MissingFile> = warnings
        .iter()
        .filter_map(|warning| match &warning.kind {
            WarningKind::MissingFile(missing) => Some(missing),
            _ => None,
        })
        .collect();
    let [robot] = missing.as_slice() else {
        panic!("{warnings:?}");
    };
    assert!(robot.name.ends_with("robot.xml"));
    assert_eq!(robot.reason, MissingReason::Absent);
    assert_eq!(robot.supplier, Supplier::User);
    // It is drawn all the same.
    assert!(bundle.preview().unwrap().contains(" bodies"));
}
