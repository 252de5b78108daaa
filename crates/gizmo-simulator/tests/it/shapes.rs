//! The shape of exports: their files, robots, assets without geometry, and models of any size.

use std::collections::BTreeSet;
use std::io::Cursor;

use gizmo_client::archive::{UnpackOptions, unpack_blocking};
use gizmo_client::bundle::Bundle;
use gizmo_client::types::Format;
use gizmo_simulator::{ExportShape, Options, SceneExport};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::python::in_mujoco;
use crate::support::{Api, export, text};

/// Unpacks an archive with the client.
fn unpacked(archive: &[u8]) -> (TempDir, Bundle) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("export.zip");
    std::fs::write(&path, archive).unwrap();
    let out = directory.path().join("out");
    let bundle = unpack_blocking(path, out, &UnpackOptions::default()).unwrap();
    (directory, bundle)
}

/// Returns the paths of an export's files.
fn paths(bundle: &Bundle) -> BTreeSet<String> {
    let files = bundle.files().iter();
    files
        .map(|file| file.path.to_str().unwrap().to_owned())
        .collect()
}

/// Returns the text between `start` and the next quotation mark, wherever `start` occurs.
fn values<'a>(model: &'a str, start: &str) -> Vec<&'a str> {
    let rest = model.split(start).skip(1);
    rest.map(|rest| rest.split('"').next().unwrap()).collect()
}

fn options(shape: ExportShape) -> Options {
    Options {
        exports: shape,
        ..Options::instant()
    }
}

/// Returns the MJCF model of a scene of this shape.
fn model(shape: ExportShape) -> String {
    let mut model = Vec::new();
    SceneExport::new(&options(shape), "a lab")
        .write_model(&mut model)
        .unwrap();
    String::from_utf8(model).unwrap()
}

/// Returns the archive of an export.
fn archived(export: &SceneExport) -> Vec<u8> {
    let mut archive = Cursor::new(Vec::new());
    export.write_archive(&mut archive).unwrap();
    archive.into_inner()
}

#[tokio::test]
async fn exports_have_the_observed_files() {
    let api = Api::instant().await;
    let scene = api.scene("a lab").await;
    let textures = ["floor", "paint", "wood"];
    let colours = textures.map(|name| format!("textures/{name}.png"));
    let normals = textures.map(|name| format!("textures/{name}_normal.png"));
    let scene_model = format!("{scene}.xml");
    for (format, model, others) in [
        ("mjcf", scene_model.as_str(), &normals[..]),
        ("usd", "a_lab.usda", &["_unisim_snapshot.json".to_owned()]),
    ] {
        let (_directory, bundle) = unpacked(&export(&api, &scene, format, json!(null)).await);
        let mut expected: BTreeSet<String> = colours.iter().chain(others).cloned().collect();
        expected.insert(model.to_owned());
        assert_eq!(paths(&bundle), expected);
        assert!(
            bundle.model().path().unwrap().ends_with(model),
            "{}",
            bundle.model().display()
        );
        assert_eq!(bundle.missing_files().unwrap(), []);
    }
    let asset = &api
        .get(&format!("/v1/assets?scene_id={scene}"))
        .await
        .json()["assets"][0];
    let path = format!("/v1/assets/{}/export?format=mjcf", text(&asset["id"]));
    let (_directory, bundle) = unpacked(&api.post(&path, &json!(null)).await.body);
    let name = format!("{}.xml", text(&asset["name"]));
    assert!(
        bundle.model().path().unwrap().ends_with(&name),
        "{name}: {}",
        bundle.model().display()
    );
}

#[tokio::test]
async fn a_renamed_scene_gives_its_usd_export_the_new_name() {
    let api = Api::instant().await;
    let scene = api.scene("a lab").await;
    for (name, model) in [("A lab", "a_lab.usda"), ("Kitchen 2", "kitchen_2.usda")] {
        let path = format!("/v1/scenes/{scene}");
        let renamed = api
            .request(Method::PATCH, &path)
            .json(&json!({ "name": name }));
        assert_eq!(renamed.send().await.unwrap().status(), 200);
        let (_directory, bundle) = unpacked(&export(&api, &scene, "usd", json!(null)).await);
        assert!(
            bundle.model().path().unwrap().ends_with(model),
            "{}",
            bundle.model().display()
        );
    }
}

#[tokio::test]
async fn a_usd_export_contains_the_scene_graph() {
    let api = Api::instant().await;
    let scene = api.scene("a lab").await;
    let (_directory, bundle) = unpacked(&export(&api, &scene, "usd", json!(null)).await);
    let snapshot = std::fs::read(bundle.dir().join("_unisim_snapshot.json")).unwrap();
    let snapshot: Value = serde_json::from_slice(&snapshot).unwrap();
    assert_eq!(snapshot["worldKey"], scene);
    let stage = std::fs::read_to_string(bundle.model().path().unwrap()).unwrap();
    let assets = snapshot["assets"].as_array().unwrap();
    assert_eq!(assets.len(), 5);
    for asset in assets {
        let name = text(&asset["name"]);
        assert!(stage.contains(&format!("def Xform \"{name}\" (")), "{name}");
        let id = text(&asset["attrs"]["unisim:id"]);
        assert_eq!(api.get(&format!("/v1/assets/{id}")).await.status, 200);
    }
}

#[test]
fn a_model_contains_its_meshes_and_has_the_observed_names() {
    let model = model(ExportShape::default());
    assert!(model.starts_with("<?xml") && model.contains("<compiler angle=\"radian\""));
    for element in [
        "<mesh file",
        "<camera",
        "type=\"plane\"",
        "meshdir",
        "texturedir",
    ] {
        assert!(!model.contains(element), "{element}");
    }
    for name in values(&model, "<mesh name=\"") {
        assert!(
            name.starts_with("bake_") || name.starts_with("mod_"),
            "{name}"
        );
        assert!(
            model.contains(&format!(" mesh=\"{name}\" ")),
            "{name} is not used"
        );
    }
    let roles: BTreeSet<&str> = values(&model, "<layer role=\"").into_iter().collect();
    assert_eq!(roles, BTreeSet::from(["normal", "rgb"]));
    for file in values(&model, " file=\"") {
        assert!(file.starts_with("textures/"), "{file}");
    }
    assert_eq!(
        values(&model, "<key name=\""),
        ["simstudio_home", "simstudio_reset"]
    );
    assert_eq!(values(&model, "<site name=\""), ["spawn_Robot_Spawn"]);
    let furniture = &model[model.find("<!-- the assets -->").unwrap()..];
    assert_eq!(
        values(furniture, "\n    <body name=\""),
        [
            "workbench_1_rigid_body",
            "toolbox_2_articulation_interactable",
            "drawers_3_articulation_interactable",
            "cabinet_4_articulation_interactable",
            "crate_5_rigid_body",
        ]
    );
}

#[test]
fn a_robot_is_included_from_its_own_directory() {
    let robot = |robot_files| {
        let shape = ExportShape {
            robot_files,
            ..ExportShape::default()
        };
        let export = SceneExport::new(&options(shape), "a lab").robot_profile("franka_panda");
        unpacked(&archived(&export))
    };
    let (_directory, complete) = robot(true);
    let robot_directory = complete.dir().join("franka_panda");
    let robot_model = std::fs::read_to_string(robot_directory.join("robot.xml")).unwrap();
    let files = values(&robot_model, " file=\"");
    assert_eq!(files.len(), 5, "a texture and four meshes");
    for file in files {
        assert!(robot_directory.join(file).is_file(), "{file}");
    }

    let (_directory, without) = robot(false);
    let missing = without.missing_files().unwrap();
    let missing: Vec<&str> = missing.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(missing, ["franka_panda/robot.xml"]);
    let (complete, without) = (paths(&complete), paths(&without));
    let mut added = complete.difference(&without);
    assert!(added.all(|path| path.starts_with("franka_panda/")));
}

#[test]
fn the_last_assets_can_lack_geometry() {
    let complete = model(ExportShape::default());
    for empty_assets in [0, 2, 5, 9] {
        let model = model(ExportShape {
            empty_assets,
            ..ExportShape::default()
        });
        let lacking = empty_assets.min(5);
        for (index, name) in [
            "workbench_1",
            "toolbox_2",
            "drawers_3",
            "cabinet_4",
            "crate_5",
        ]
        .iter()
        .enumerate()
        {
            let root = format!("\n    <body name=\"{name}_");
            assert_eq!(values(&model, &root), values(&complete, &root));
            let expected = if index < 5 - lacking {
                values(&complete, &format!("<geom name=\"{name}_"))
            } else {
                Vec::new()
            };
            assert_eq!(
                values(&model, &format!("<geom name=\"{name}_")),
                expected,
                "{name}"
            );
            assert_eq!(
                values(&model, &format!("<mesh name=\"mod_{name}_")),
                expected,
                "{name}"
            );
        }
    }
}

#[test]
fn a_model_has_the_requested_number_of_meshes_and_triangles() {
    for (extra_meshes, extra_faces) in [(0, 100), (1, 0), (1, 20_000), (13, 50), (500, 6)] {
        let model = model(ExportShape {
            extra_meshes,
            extra_faces,
            ..ExportShape::default()
        });
        let meshes = model
            .lines()
            .filter(|line| line.contains("<mesh name=\"cutout_"));
        let faces: Vec<usize> = meshes
            .map(|line| values(line, " face=\"")[0].split(' ').count() / 3)
            .collect();
        assert_eq!(faces.len(), extra_meshes);
        let most = extra_faces.max(6) + 2 * extra_faces.isqrt().max(3);
        assert!(
            faces
                .iter()
                .all(|count| (extra_faces..most).contains(count)),
            "{faces:?}"
        );
        assert_eq!(model.matches(" mesh=\"cutout_").count(), extra_meshes);
    }
}

#[tokio::test]
async fn an_export_without_a_server_is_that_of_the_first_scene() {
    let options = Options {
        seed: 7,
        ..options(ExportShape {
            empty_assets: 1,
            extra_meshes: 2,
            ..ExportShape::default()
        })
    };
    let prompt = "a lab with a lamp";
    let api = Api::start(options.clone()).await;
    let scene = api.scene(prompt).await;
    let offline = SceneExport::new(&options, prompt);
    for (format, robot) in [
        (Format::Mjcf, json!(null)),
        (Format::Mjcf, json!("unitree_g1")),
        (Format::Usd, json!(null)),
        (Format::Sdf, json!(null)),
    ] {
        let mut export_offline = offline.clone().format(format.clone());
        if let Some(profile) = robot.as_str() {
            export_offline = export_offline.robot_profile(profile);
        }
        let served = export(&api, &scene, &format.to_string(), robot).await;
        assert_eq!(archived(&export_offline), served, "{format}");
    }
    let other = Options { seed: 8, ..options };
    assert_ne!(
        archived(&SceneExport::new(&other, prompt)),
        archived(&offline)
    );
}

#[test]
fn models_of_every_shape_load_in_mujoco() {
    let many = ExportShape {
        extra_meshes: 300,
        extra_faces: 40,
        ..ExportShape::default()
    };
    let large = ExportShape {
        extra_meshes: 1,
        extra_faces: 20_000,
        ..ExportShape::default()
    };
    let empty = ExportShape {
        empty_assets: 4,
        ..ExportShape::default()
    };
    let archives = [many, large, empty].map(|shape| {
        let export = SceneExport::new(&options(shape), "a lab").robot_profile("franka_panda");
        archived(&export)
    });
    let Some(models) = in_mujoco("shapes", &archives) else {
        return;
    };
    let count = |model: &Value, name: &str| model[name].as_u64().unwrap();
    let [many, large, empty] = &models[..] else {
        panic!("{models:?}")
    };
    assert!(
        count(many, "meshes") > 300 && count(large, "faces") > 20_000,
        "{models:?}"
    );
    for model in [many, large] {
        assert_eq!(
            (
                &model["still"],
                &model["warnings"],
                &model["keyframes"],
                &model["actuators"]
            ),
            (&json!(true), &json!(0), &json!(2), &json!(3))
        );
        // The world, and the body around each of three articulated assets.
        assert_eq!(count(model, "without_geoms"), 4);
    }
    // The world, and four assets.
    assert_eq!(count(empty, "without_geoms"), 5);
    assert_eq!(empty["warnings"], 0);
}
