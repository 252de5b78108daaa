//! Unpacking without textures, and loading the result in `MuJoCo`.

use std::fs;
use std::path::Path;
use std::process::Command;

use gizmo_client::archive::{UnpackErrorKind, UnpackOptions};
use gizmo_client::bundle::BundleErrorKind;
use zlib_rs::crc32::crc32;

use crate::disk::{Disk, tree_of};
use crate::mutations::Random;
use crate::zip::{Item, Zip, deflate};

fn slim() -> UnpackOptions {
    let mut options = UnpackOptions::default();
    options.slim = true;
    options
}

/// Returns a PNG image of 2 x 2 grey pixels.
pub(crate) fn png() -> Vec<u8> {
    fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let body = [&kind, data].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        let crc = crc32(0, &body).to_be_bytes();
        [&length[..], &body, &crc].concat()
    }
    let rows = [0, 10, 200, 0, 90, 30];
    let adler = {
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in rows {
            a = (a + byte) % 65521;
            b = (b + a) % 65521;
        }
        (b << 16 | a).to_be_bytes()
    };
    let rows = rows.map(|byte| u8::try_from(byte).unwrap());
    let data = [&[0x78, 0x9c], &deflate(&rows)[..], &adler].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(*b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0]),
        chunk(*b"IDAT", &data),
        chunk(*b"IEND", &[]),
    ]
    .concat()
}

const TETRAHEDRON: &str = "\
v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1
vt 0 0\nvt 1 0\nvt 0 1\nvt 1 1
f 1/1 3/3 2/2\nf 1/1 2/2 4/4\nf 1/1 4/4 3/3\nf 2/2 3/3 4/4
";

const SCENE: &str = r#"<?xml version="1.0"?>
<!-- a lab; its <texture file="no.png"/> is a comment -->
<mujoco model="lab">
  <compiler meshdir="meshes" texturedir='textures' autolimits="true"/>
  <default>
    <material texture="wood" specular="0.1"/>
    <default class="plain">
      <material	texture = 'wood' />
    </default>
  </default>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="1 1 1" rgb2="0 0 0" width="8" height="8"/>
    <texture name="night" type="skybox" file="sky.png"/>
    <texture name="wood" type="2d" file="wood.png"/>
    <texture type="cube" fileright="a.png" fileleft="a.png"
             name="box"></texture>
    <texture type="2d" file="deep/steel.png"/><texture name="grid" type="2d" builtin="checker" width="8" height="8"/>
    <material name="wood" texture="wood" texrepeat="2 2"/>
    <material name="steel" rgba="1 0 0 1" texture="steel"
              shininess="0.5"/>
    <material name="grid" texture="grid"/>
    <material name="layered">
      <layer texture="wood" role="rgb"/>
      <layer texture="grid" role="roughness"/>
    </material>
    <mesh name="part" file="part.obj"/>
    <hfield name="hill" file="hill.png" size="1 1 1 .1"/>
  </asset>
  <include file="robot/arm.xml"/>
  <worldbody>
    <light pos="0 0 3" type="image" texture="wood"/>
    <geom type="hfield" hfield="hill" material="grid"/>
    <body name="table" pos="0 0 1">
      <joint name="hinge" type="hinge" range="-90 90"/>
      <geom type="mesh" mesh="part" material="wood"/>
    </body>
  </worldbody>
</mujoco>
"#;

const ARM: &str = r#"<mujocoinclude>
  <asset>
    <texture name="skin" type="2d" file="skin.png"/>
    <material name="skin" texture="skin" rgba=".5 .5 .5 1"/>
  </asset>
  <worldbody>
    <body name="arm" pos="2 0 1">
      <joint name="elbow" type="hinge"/>
      <geom type="box" size=".1 .1 .1" material="skin"/>
    </body>
  </worldbody>
</mujocoinclude>
"#;

const SLIM_SCENE: &str = r#"<?xml version="1.0"?>
<!-- a lab; its <texture file="no.png"/> is a comment -->
<mujoco model="lab">
  <compiler meshdir="meshes" texturedir='textures' autolimits="true"/>
  <default>
    <material specular="0.1"/>
    <default class="plain">
      <material />
    </default>
  </default>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="1 1 1" rgb2="0 0 0" width="8" height="8"/>
    <texture name="grid" type="2d" builtin="checker" width="8" height="8"/>
    <material name="wood"/>
    <material name="steel" rgba="1 0 0 1"
              shininess="0.5"/>
    <material name="grid" texture="grid"/>
    <material name="layered">
      <layer texture="grid" role="roughness"/>
    </material>
    <mesh name="part" file="part.obj"/>
    <hfield name="hill" file="hill.png" size="1 1 1 .1"/>
  </asset>
  <include file="robot/arm.xml"/>
  <worldbody>
    <light pos="0 0 3" type="image"/>
    <geom type="hfield" hfield="hill" material="grid"/>
    <body name="table" pos="0 0 1">
      <joint name="hinge" type="hinge" range="-90 90"/>
      <geom type="mesh" mesh="part" material="wood"/>
    </body>
  </worldbody>
</mujoco>
"#;

const SLIM_ARM: &str = r#"<mujocoinclude>
  <asset>
    <material name="skin" rgba=".5 .5 .5 1"/>
  </asset>
  <worldbody>
    <body name="arm" pos="2 0 1">
      <joint name="elbow" type="hinge"/>
      <geom type="box" size=".1 .1 .1" material="skin"/>
    </body>
  </worldbody>
</mujocoinclude>
"#;

/// Returns an export with a model in two files and all kinds of textures.
fn export() -> Vec<u8> {
    let textures = ["sky", "wood", "a", "deep/steel", "skin", "unused"];
    Zip::of(
        [
            Item::deflated("scene.xml", SCENE),
            Item::deflated("robot/arm.xml", ARM),
            Item::deflated("meshes/part.obj", TETRAHEDRON),
            Item::stored("meshes/hill.png", png()),
            Item::deflated("metadata.json", "{\"name\":\"lab\"}"),
            Item::directory("textures/"),
        ]
        .into_iter()
        .chain(textures.map(|name| Item::stored(format!("textures/{name}.png"), png()))),
    )
    .bytes()
}

#[test]
fn a_slim_model_lacks_only_its_textures() {
    let disk = Disk::new();
    let bundle = disk.unpack(&export(), &slim()).unwrap();
    let expected = tree_of([
        ("scene.xml", SLIM_SCENE.as_bytes()),
        ("robot/", b""),
        ("robot/arm.xml", SLIM_ARM.as_bytes()),
        ("meshes/", b""),
        ("meshes/part.obj", TETRAHEDRON.as_bytes()),
        ("meshes/hill.png", &png()),
        ("metadata.json", b"{\"name\":\"lab\"}"),
    ]);
    let mut found = disk.tree("out/deep/lab");
    for directory in ["textures", "textures/deep"] {
        found.remove(directory);
    }
    for (name, contents) in &expected {
        let as_text = |contents: Option<&Option<Vec<u8>>>| {
            contents
                .cloned()
                .flatten()
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        assert_eq!(as_text(found.get(name)), as_text(Some(contents)), "{name}");
    }
    assert_eq!(found, expected);
    assert_eq!(bundle.missing_files().unwrap(), []);
    let scene = bundle
        .files()
        .iter()
        .find(|file| file.path.ends_with("scene.xml"));
    assert_eq!(scene.unwrap().size, SLIM_SCENE.len() as u64);
}

#[test]
fn mujoco_loads_the_model_with_and_without_textures() {
    for (options, textures) in [(UnpackOptions::default(), 7), (slim(), 2)] {
        let disk = Disk::new();
        let bundle = disk.unpack(&export(), &options).unwrap();
        assert_eq!(bundle.missing_files().unwrap(), []);
        let Some(loaded) = mujoco(bundle.model().path().unwrap()) else {
            return;
        };
        // The numbers of textures, meshes, height fields and joints.
        assert_eq!(loaded, Ok(format!("{textures} 1 1 2")));
    }
}

/// Loads a model in `MuJoCo` and returns the counts of its elements, or the error.
///
/// Prints a message and returns `None` where `MuJoCo` is not installed.
fn mujoco(model: &Path) -> Option<Result<String, String>> {
    const SCRIPT: &str = "
import sys, mujoco
model = mujoco.MjModel.from_xml_path(sys.argv[1])
mujoco.mj_step(model, mujoco.MjData(model))
print(model.ntex, model.nmesh, model.nhfield, model.njnt)
";
    let python = |script: &str| {
        Command::new("python3")
            .args(["-c", script])
            .arg(model)
            .output()
    };
    if !python("import mujoco").is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 has no module mujoco");
        return None;
    }
    let output = python(SCRIPT).unwrap();
    Some(if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    })
}

#[test]
fn the_textures_of_an_attached_model_are_resolved_separately() {
    let scene = "<mujoco><asset><model name='m' file='sub/m.xml'/>\
                 <texture name='t' builtin='flat'/><material texture='t'/></asset></mujoco>";
    let inner =
        "<mujoco><asset><texture name='t' file='t.png'/><material texture='t'/></asset></mujoco>";
    let zip = Zip::of([
        Item::deflated("scene.xml", scene),
        Item::deflated("sub/m.xml", inner),
        Item::stored("sub/t.png", png()),
    ]);
    let disk = Disk::new();
    disk.unpack(&zip.bytes(), &slim()).unwrap();
    let expected = tree_of([
        ("scene.xml", scene.as_bytes()),
        ("sub/", b""),
        ("sub/m.xml", b"<mujoco><asset><material/></asset></mujoco>"),
    ]);
    assert_eq!(disk.tree("out/deep/lab"), expected);
}

#[test]
fn a_texture_file_that_has_another_use_is_kept() {
    let scene = "<mujoco><asset><texture name='t' file='both.png'/>\
                 <hfield file='both.png'/><texture name='o' file='only.dat'/></asset></mujoco>";
    let zip = Zip::of([
        Item::deflated("scene.xml", scene),
        Item::stored("both.png", png()),
        Item::stored("only.dat", png()),
        Item::stored("outside/thumbnail.JPG", png()),
    ]);
    let disk = Disk::new();
    disk.unpack(&zip.bytes(), &slim()).unwrap();
    let files: Vec<_> = disk.tree("out/deep/lab").into_keys().collect();
    assert_eq!(files, ["both.png", "outside", "scene.xml"]);
    assert_eq!(
        fs::read_to_string(disk.lab().join("scene.xml")).unwrap(),
        "<mujoco><asset><hfield file='both.png'/></asset></mujoco>"
    );
}

#[test]
fn line_endings_are_kept() {
    let scene =
        "\u{feff}<mujoco>\r\n <asset>\r\n  <texture file='t.png'/>\r\n </asset>\r\n</mujoco>";
    let zip = Zip::of([Item::deflated("scene.xml", scene)]);
    let disk = Disk::new();
    disk.unpack(&zip.bytes(), &slim()).unwrap();
    assert_eq!(
        fs::read_to_string(disk.lab().join("scene.xml")).unwrap(),
        "\u{feff}<mujoco>\r\n <asset>\r\n </asset>\r\n</mujoco>"
    );
}

#[test]
fn archives_without_an_mjcf_model_are_refused() {
    for (model, kind) in [
        ("scene.usda", BundleErrorKind::UnsupportedFormat),
        ("scene.sdf", BundleErrorKind::UnsupportedFormat),
        ("scene.glb", BundleErrorKind::NoModel),
    ] {
        let zip = Zip::of([
            Item::deflated(model, "<sdf/>"),
            Item::stored("textures/t.png", png()),
        ]);
        let disk = Disk::new();
        let before = disk.tree("out");
        let error = disk.unpack(&zip.bytes(), &slim()).unwrap_err();
        assert_eq!(error.kind(), UnpackErrorKind::Bundle(kind), "{model}");
        assert_eq!(disk.tree("out"), before);
    }
}

#[test]
fn each_of_several_models_is_slimmed() {
    let model =
        |texture: &str| format!("<mujoco><asset><texture file='{texture}'/></asset></mujoco>");
    let zip = Zip::of([
        Item::deflated("a.xml", model("a.png")),
        Item::deflated("b.xml", model("b.png")),
        Item::stored("a.png", png()),
        Item::stored("b.png", png()),
    ]);
    let disk = Disk::new();
    let bundle = disk.unpack(&zip.bytes(), &slim()).unwrap();
    assert_eq!(bundle.files().len(), 2);
    for model in bundle.models() {
        let text = fs::read_to_string(&model.path).unwrap();
        assert_eq!(text, "<mujoco><asset></asset></mujoco>");
    }
}

#[test]
fn a_file_with_the_name_of_a_temporary_one_is_kept() {
    let model = "<mujoco><asset><texture file='t.png'/></asset></mujoco>";
    let zip = Zip::of([
        Item::deflated("scene.xml", model),
        Item::stored(".slim-0", "mine"),
        Item::stored(".slim-1", "mine"),
    ]);
    let disk = Disk::new();
    disk.unpack(&zip.bytes(), &slim()).unwrap();
    let expected = tree_of([
        ("scene.xml", b"<mujoco><asset></asset></mujoco>"),
        (".slim-0", b"mine"),
        (".slim-1", b"mine"),
    ]);
    assert_eq!(disk.tree("out/deep/lab"), expected);
}

#[test]
fn a_model_with_malformed_xml_is_refused() {
    let zip = Zip::of([Item::deflated("scene.xml", "<mujoco><asset></mujoco>")]);
    let disk = Disk::new();
    let before = disk.tree("out");
    let error = disk.unpack(&zip.bytes(), &slim()).unwrap_err();
    let kind = UnpackErrorKind::Bundle(BundleErrorKind::BadModel);
    assert_eq!(error.kind(), kind);
    assert_eq!(error.path(), Some(disk.lab().join("scene.xml").as_path()));
    assert_eq!(disk.tree("out"), before);
}

#[test]
fn a_changed_model_is_slimmed_into_a_valid_one_or_refused() {
    let mut random = Random(4);
    let mut slimmed = 0;
    for round in 0..400 {
        let mut scene = SCENE.as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(scene.len());
            match random.below(3) {
                0 => scene[at] = b"<>/\"'= &;!-\0\xff"[random.below(13)],
                1 => scene[at] ^= 1 << random.below(7),
                _ => drop(scene.drain(at..(at + random.below(30)).min(scene.len()))),
            }
        }
        let zip = Zip::of([
            Item::deflated("scene.xml", &scene),
            Item::deflated("robot/arm.xml", ARM),
        ]);
        let disk = Disk::new();
        match disk.unpack(&zip.bytes(), &slim()) {
            Ok(bundle) => {
                slimmed += 1;
                let missing = bundle.missing_files();
                assert!(missing.is_ok(), "{round}: {missing:?}");
            }
            Err(_) => assert_eq!(disk.tree("out/deep").len(), 1, "{round}"),
        }
    }
    assert!(slimmed > 50, "{slimmed}");
}
