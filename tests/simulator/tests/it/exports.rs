//! Archives that are whole, that repeat, and that simulators load; files of the catalog.

use std::path::PathBuf;
use std::process::Command;

use gizmo_simulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, text};

const PROMPT: &str =
    "A lab with two workbenches, a lamp, a vase, a stool, a bin, a crate and a shelf";

/// Runs Python with some modules; `None`, and a line that says so, where they are not importable.
fn python(name: &str, modules: &str, script: &str, arguments: &[&str]) -> Option<String> {
    let importable = Command::new("python3")
        .args(["-c", &format!("import {modules}")])
        .output();
    if !importable.is_ok_and(|output| output.status.success()) {
        #[expect(clippy::print_stdout, reason = "a skipped test says so")]
        {
            println!("skipped: {name}, since Python cannot import {modules}");
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

/// Writes an archive where Python can read it.
fn stored(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("gizmo-simulator-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn export(api: &Api, scene: &str, format: &str, robot: Value) -> Vec<u8> {
    let body = json!({ "format": format, "robot_profile": robot });
    let answer = api.post(&format!("/v1/scenes/{scene}/export"), &body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/zip")
    );
    assert_eq!(
        answer.header("content-length"),
        answer.body.len().to_string()
    );
    assert!(
        answer.header("etag").starts_with('"')
            && answer.header("content-disposition").contains(scene)
    );
    answer.body
}

/// Loads models out of archives, lets each move for a second and says what they are.
const MUJOCO: &str = r"
import json, mujoco, numpy, sys, tempfile, zipfile
models = []
for path in sys.argv[1:]:
    with tempfile.TemporaryDirectory() as folder:
        archive = zipfile.ZipFile(path)
        assert archive.testzip() is None
        archive.extractall(folder)
        model = mujoco.MjModel.from_xml_path(folder + '/scene.xml')
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

fn in_mujoco(name: &str, archives: &[Vec<u8>]) -> Option<Vec<Value>> {
    let numbered = archives.iter().enumerate();
    let paths: Vec<PathBuf> = numbered
        .map(|(index, archive)| stored(&format!("{name}-{index}.zip"), archive))
        .collect();
    let arguments: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let said = python(name, "mujoco, numpy", MUJOCO, &arguments);
    for path in paths {
        std::fs::remove_file(path).unwrap();
    }
    said.map(|said| serde_json::from_str(&said).unwrap())
}

#[tokio::test]
async fn an_exported_scene_loads_in_mujoco_and_stands_still() {
    let api = Api::instant().await;
    let scene = api.scene(PROMPT).await;
    let plain = export(&api, &scene, "mjcf", json!(null)).await;
    let manned = export(&api, &scene, "mjcf", json!("franka")).await;
    let Some(models) = in_mujoco("scenes", &[plain, manned]) else {
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
async fn archives_hold_what_their_format_wants() {
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
        let said = python("archives", "zipfile", script, &[path.to_str().unwrap()]);
        std::fs::remove_file(path).unwrap();
        let Some(said) = said else { return };
        let said: Value = serde_json::from_str(&said).unwrap();
        for name in names
            .into_iter()
            .chain(["metadata.json", "textures/wood.png"])
        {
            assert!(
                said["names"].as_array().unwrap().contains(&json!(name)),
                "{name} {said}"
            );
        }
        assert_eq!(
            (&said["metadata"]["id"], &said["metadata"]["format"]),
            (&json!(scene), &json!(format))
        );
        let kinds: Vec<_> = said["metadata"]["joints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|joint| text(&joint["type"]))
            .collect();
        assert!(kinds.contains(&"hinge".to_owned()) && kinds.contains(&"slide".to_owned()));
        assert!(
            said["textures"]
                .as_array()
                .unwrap()
                .iter()
                .all(|texture| texture == "89504e470d0a1a0a")
        );
    }
}

#[tokio::test]
async fn an_export_repeats_until_the_scene_changes() {
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
    api.ended(&text(&edit["job_id"])).await;
    assert_ne!(export(&api, &scene, "usd", json!(null)).await, first);
}

#[tokio::test]
async fn textures_are_padded_to_the_size_that_is_asked_for() {
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
async fn catalog_files_are_valid_and_come_in_ranges() {
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
