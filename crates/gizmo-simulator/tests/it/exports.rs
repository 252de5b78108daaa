//! Exported archives, which are complete, reproducible and loadable, and the files of the catalog.

use std::path::PathBuf;
use std::process::Command;

use gizmo_simulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, text};

const PROMPT: &str =
    "A lab with two workbenches, a lamp, a vase, a stool, a bin, a crate and a shelf";

/// Runs a Python script that needs `modules`, and returns its output.
///
/// Prints a message and returns `None` where Python cannot import the modules.
fn python(name: &str, modules: &str, script: &str, arguments: &[&str]) -> Option<String> {
    let importable = Command::new("python3")
        .args(["-c", &format!("import {modules}")])
        .output();
    if !importable.is_ok_and(|output| output.status.success()) {
        #[expect(clippy::print_stdout, reason = "a skipped test prints why")]
        {
            println!("skipped: {name}: Python cannot import {modules}");
        }
        return None;
    }
    let output = Command::new("python3")
        .arg("-c")
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Writes an archive to a temporary file for Python.
fn stored(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("gizmo-simulator-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn export(api: &Api, scene: &str, format: &str, robot: Value) -> Vec<u8> {
    let body = json!({ "format": format, "robot_profile": robot });
    let response = api.post(&format!("/v1/scenes/{scene}/export"), &body).await;
    assert_eq!(
        (response.status.as_u16(), response.header("content-type")),
        (200, "application/zip")
    );
    assert_eq!(
        response.header("content-length"),
        response.body.len().to_string()
    );
    assert!(
        response.header("etag").starts_with('"')
            && response.header("content-disposition").contains(scene)
    );
    response.body
}

/// Loads a model from each archive, simulates a second, and prints the properties of the model.
const MUJOCO: &str = r"
import json, mujoco, numpy, sys, tempfile, zipfile
models = []
for path in sys.argv[1:]:
    with tempfile.TemporaryDirectory() as directory:
        archive = zipfile.ZipFile(path)
        assert archive.testzip() is None
        archive.extractall(directory)
        model = mujoco.MjModel.from_xml_path(directory + '/scene.xml')
    data = mujoco.MjData(model)
    for _ in range(500):
        mujoco.mj_step(model, data)
    models.append({
        'meshes': model.nmesh, 'textures': model.ntex, 'actuators': model.nu,
        'joints': sorted({mujoco.mjtJoint(kind).name for kind in model.jnt_type}),
        'still': bool(numpy.isfinite(data.qpos).all() and abs(data.qvel).max(initial=0) < 0.5),
        'warnings': int(sum(warning.number for warning in data.warning)),
    })
print(json.dumps(models))
";

/// Loads archives in `MuJoCo` and returns the properties of their models.
///
/// Returns `None` where `MuJoCo` is not installed.
fn in_mujoco(name: &str, archives: &[Vec<u8>]) -> Option<Vec<Value>> {
    let numbered = archives.iter().enumerate();
    let paths: Vec<PathBuf> = numbered
        .map(|(index, archive)| stored(&format!("{name}-{index}.zip"), archive))
        .collect();
    let arguments: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let output = python(name, "mujoco, numpy", MUJOCO, &arguments);
    for path in paths {
        std::fs::remove_file(path).unwrap();
    }
    output.map(|output| serde_json::from_str(&output).unwrap())
}

#[tokio::test]
async fn an_exported_scene_loads_in_mujoco_and_stays_at_rest() {
    let api = Api::instant().await;
    let scene = api.scene(PROMPT).await;
    let plain = export(&api, &scene, "mjcf", json!(null)).await;
    let with_robot = export(&api, &scene, "mjcf", json!("franka")).await;
    let Some(models) = in_mujoco("scenes", &[plain, with_robot]) else {
        return;
    };
    for (model, actuators) in models.iter().zip([0, 3]) {
        let (still, warnings, driven) = (&model["still"], &model["warnings"], &model["actuators"]);
        assert_eq!(
            (still, warnings, driven),
            (&json!(true), &json!(0), &json!(actuators))
        );
        assert_eq!(
            model["joints"],
            json!(["mjJNT_FREE", "mjJNT_HINGE", "mjJNT_SLIDE"])
        );
        assert!(
            model["meshes"].as_u64().unwrap() > 30 && model["textures"].as_u64().unwrap() >= 5,
            "{model}"
        );
    }
}

#[tokio::test]
async fn every_kind_of_asset_loads_in_mujoco() {
    let api = Api::instant().await;
    let scene = api.scene(PROMPT).await;
    let assets = api
        .get(&format!("/v1/assets?scene_id={scene}&limit=100"))
        .await
        .json();
    let mut archives = Vec::new();
    for asset in assets["assets"].as_array().unwrap() {
        let path = format!("/v1/assets/{}/export?format=mjcf", text(&asset["id"]));
        archives.push(api.post(&path, &json!(null)).await.body);
    }
    let Some(models) = in_mujoco("assets", &archives) else {
        return;
    };
    assert_eq!(models.len(), 11);
    for (model, asset) in models.iter().zip(assets["assets"].as_array().unwrap()) {
        assert_eq!(
            (&model["still"], &model["warnings"]),
            (&json!(true), &json!(0)),
            "{asset}"
        );
    }
}

#[tokio::test]
async fn archives_contain_the_files_of_their_format() {
    let api = Api::instant().await;
    let scene = api.scene("a lab").await;
    let script = r"
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
print(json.dumps({
    'names': archive.namelist(),
    'metadata': json.loads(archive.read('metadata.json')),
    'textures': [archive.read(name)[:8].hex() for name in archive.namelist() if name.endswith('.png')],
}))
";
    for (format, names) in [
        (
            "mjcf",
            vec![
                "scene.xml",
                "meshes/toolbox_2_lid_plate.obj",
                "meshes/toolbox_2_lid_handle.stl",
            ],
        ),
        ("usd", vec!["scene.usda"]),
        (
            "sdf",
            vec!["model.config", "model.sdf", "meshes/workbench_1_top.obj"],
        ),
    ] {
        let path = stored(
            &format!("{format}.zip"),
            &export(&api, &scene, format, json!(null)).await,
        );
        let output = python("archives", "zipfile", script, &[path.to_str().unwrap()]);
        std::fs::remove_file(path).unwrap();
        let Some(output) = output else { return };
        let output: Value = serde_json::from_str(&output).unwrap();
        for name in names
            .into_iter()
            .chain(["metadata.json", "textures/wood.png"])
        {
            assert!(
                output["names"].as_array().unwrap().contains(&json!(name)),
                "{name} {output}"
            );
        }
        assert_eq!(
            (&output["metadata"]["id"], &output["metadata"]["format"]),
            (&json!(scene), &json!(format))
        );
        let kinds: Vec<_> = output["metadata"]["joints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|joint| text(&joint["type"]))
            .collect();
        assert!(kinds.contains(&"hinge".to_owned()) && kinds.contains(&"slide".to_owned()));
        assert!(
            output["textures"]
                .as_array()
                .unwrap()
                .iter()
                .all(|texture| texture == "89504e470d0a1a0a")
        );
    }
}

#[tokio::test]
async fn an_export_is_identical_until_the_scene_changes() {
    let api = Api::instant().await;
    let scene = api.scene("a lab").await;
    let first = export(&api, &scene, "usd", json!(null)).await;
    assert_eq!(export(&api, &scene, "usd", json!(null)).await, first);
    let edit = api
        .post(
            &format!("/v1/scenes/{scene}/edit"),
            &json!({ "prompt": "make it brighter" }),
        )
        .await
        .json();
    api.wait(&text(&edit["job_id"])).await;
    assert_ne!(export(&api, &scene, "usd", json!(null)).await, first);
}

#[tokio::test]
async fn textures_are_padded_to_the_requested_size() {
    let api = Api::start(Options {
        texture_bytes: 600_000,
        ..Options::instant()
    })
    .await;
    let scene = api.scene("a lab").await;
    let archive = export(&api, &scene, "mjcf", json!(null)).await;
    assert!(
        (600_000..660_000).contains(&archive.len()),
        "{}",
        archive.len()
    );
    if let Some(models) = in_mujoco("padded", &[archive]) {
        assert_eq!(models[0]["still"], true);
    }
}

#[tokio::test]
async fn catalog_files_are_valid_and_support_ranges() {
    let api = Api::instant().await;
    let item = api.get("/v1/catalog?q=lamp").await.json()["items"][0].clone();
    let glb = api.get(&text(&item["glb_path"])).await;
    let length = u32::from_le_bytes(glb.body[8..12].try_into().unwrap()) as usize;
    assert_eq!(
        (&glb.body[..4], length, glb.header("content-type")),
        (&b"glTF"[..], glb.body.len(), "model/gltf-binary")
    );
    let json_length = u32::from_le_bytes(glb.body[12..16].try_into().unwrap()) as usize;
    let document: Value = serde_json::from_slice(&glb.body[20..20 + json_length]).unwrap();
    assert_eq!(document["asset"]["version"], "2.0");

    let usdz = api.get(&text(&item["usdz_path"])).await;
    let (name, extra) = (
        u16::from_le_bytes([usdz.body[26], usdz.body[27]]),
        u16::from_le_bytes([usdz.body[28], usdz.body[29]]),
    );
    let data = 30 + usize::from(name) + usize::from(extra);
    assert_eq!(
        (&usdz.body[..4], data % 64, &usdz.body[data..data + 9]),
        (&b"PK\x03\x04"[..], 0, &b"#usda 1.0"[..])
    );

    let path = text(&item["glb_path"]);
    let part = |range: &str, tag: &str| {
        api.request(Method::GET, &path)
            .header("range", range)
            .header("if-range", tag)
            .send()
    };
    let rest = part("bytes=100-", glb.header("etag")).await.unwrap();
    assert_eq!(
        (
            rest.status().as_u16(),
            rest.headers()["content-range"].to_str().unwrap()
        ),
        (
            206,
            format!("bytes 100-{}/{}", glb.body.len() - 1, glb.body.len()).as_str()
        )
    );
    assert_eq!(rest.bytes().await.unwrap(), glb.body[100..]);
    assert_eq!(part("bytes=100-", "\"other\"").await.unwrap().status(), 200);
    assert_eq!(
        part("bytes=9999999-", glb.header("etag"))
            .await
            .unwrap()
            .status(),
        416
    );
    let bare = api
        .http
        .get(format!("{}{path}", api.simulator.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
}
