//! Exported archives, which are complete, reproducible and loadable, and the files of the catalog.

use gizmo_simulator::{ExportShape, Layout, Options};
use reqwest::Method;
use serde_json::{Value, json};

use crate::python::{in_mujoco, python, stored};
use crate::support::{Api, export, text};

const PROMPT: &str =
    "A lab with two workbenches, a lamp, a vase, a stool, a bin, a crate and a shelf";

fn with_layout(layout: Layout) -> Options {
    Options {
        exports: ExportShape {
            layout,
            ..ExportShape::default()
        },
        ..Options::instant()
    }
}

#[tokio::test]
async fn an_exported_scene_loads_in_mujoco_and_stays_at_rest() {
    let mut archives = Vec::new();
    for layout in [Layout::Observed, Layout::Files] {
        let api = Api::start(with_layout(layout)).await;
        let scene = api.scene(PROMPT).await;
        for robot in [json!(null), json!("franka_panda")] {
            archives.push(export(&api, &scene, "mjcf", robot).await);
        }
    }
    let Some(models) = in_mujoco("scenes", &archives) else {
        return;
    };
    for (model, actuators) in models.iter().zip([0, 3, 0, 3]) {
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
async fn archives_with_mesh_files_contain_the_files_of_their_format() {
    let api = Api::start(with_layout(Layout::Files)).await;
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
