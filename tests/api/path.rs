//! The complete path from a prompt to a directory with a model, as in the program of the README.

use futures::TryStreamExt;
use gizmo_client::{Format, JobEventKind};
use gizmo_simulator::Options;

use crate::support::{Lab, in_mujoco, names};

#[tokio::test]
async fn a_prompt_becomes_a_directory_with_a_model() {
    let lab = Lab::start(Options::instant().documented().with_speed(2_000.0)).await;
    let dir = tempfile::tempdir().unwrap();
    let job = lab
        .client
        .generate_scene()
        .prompt("a robotics lab")
        .start()
        .await
        .unwrap();
    let events: Vec<_> = job.events().try_collect().await.unwrap();
    assert!(
        matches!(events[0].kind, JobEventKind::StageStart { .. }),
        "{}",
        events[0]
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event.kind, JobEventKind::AssetReady { .. }))
    );
    assert_eq!(events.last().unwrap().to_string(), "done succeeded");
    let numbers: Vec<_> = events.iter().filter_map(|event| event.seq).collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{numbers:?}"
    );

    let scene = job.wait().await.unwrap();
    let download = lab
        .client
        .export_scene()
        .scene_id(&scene.scene_id)
        .format(Format::Mjcf);
    let download = download.download().await.unwrap();
    let total = download.total().unwrap();
    let (report, progress) = std::sync::mpsc::channel();
    let download = download.on_progress(move |progress| report.send(progress).unwrap());
    let bundle = download.unpack(dir.path().join("lab")).await.unwrap();
    let model = format!("lab/{}.xml", scene.scene_id);
    assert_eq!(bundle.model().path().unwrap(), dir.path().join(model));
    assert_eq!(progress.iter().last().unwrap().received, total);
    // No other file remains.
    assert_eq!(names(dir.path()).into_iter().collect::<Vec<_>>(), ["lab"]);
    assert_eq!(lab.handle.job_count(), 1);
}

const COUNTS: &str = "import sys, mujoco
model = mujoco.MjModel.from_xml_path(sys.argv[1])
mujoco.mj_step(model, mujoco.MjData(model))
print(model.nmesh, model.njnt, model.ntex)";

#[tokio::test]
async fn an_exported_scene_loads_in_mujoco_with_and_without_textures() {
    let lab = Lab::instant().await;
    let scene = lab.scene().await;
    let dir = tempfile::tempdir().unwrap();
    for slim in [false, true] {
        let export = lab
            .client
            .export_scene()
            .scene_id(&scene.scene_id)
            .format("mjcf");
        let mut options = gizmo_client::archive::UnpackOptions::default();
        options.slim = slim;
        let out = dir.path().join(if slim { "slim" } else { "full" });
        let bundle = export
            .download()
            .await
            .unwrap()
            .unpack_with(out, options)
            .await
            .unwrap();
        assert_eq!(bundle.missing_files().unwrap(), []);
        if let Some(counts) = in_mujoco(COUNTS, bundle.model().path().unwrap()) {
            let counts: Vec<u32> = counts
                .split_whitespace()
                .map(|count| count.parse().unwrap())
                .collect();
            assert!(
                counts[0] > 0 && counts[1] > 0,
                "meshes, joints, textures: {counts:?}"
            );
            assert!(
                slim || counts[2] > 0,
                "meshes, joints, textures: {counts:?}"
            );
        }
    }
}
