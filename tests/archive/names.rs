//! Every way in which MJCF names a file, compared with `MuJoCo`: a model from which one file is
//! removed lacks a file exactly if `MuJoCo` cannot load it.

use std::fs;
use std::path::Path;
use std::process::Command;

use gizmo_client::Bundle;

use crate::slim::png;

const OBJ: &str = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n";
const BALL: &str = "<worldbody><body name='ball'><geom size='1'/></body></worldbody>";

/// A model: its main file, and its other files.
struct Case {
    name: &'static str,
    main: String,
    files: Vec<(&'static str, Vec<u8>)>,
}

fn case(name: &'static str, main: &str, files: Vec<(&'static str, Vec<u8>)>) -> Case {
    Case {
        name,
        main: mujoco(main),
        files,
    }
}

fn mujoco(content: &str) -> String {
    format!("<mujoco>{content}</mujoco>")
}

fn obj(path: &'static str) -> (&'static str, Vec<u8>) {
    (path, OBJ.into())
}

fn picture(path: &'static str) -> (&'static str, Vec<u8>) {
    (path, png())
}

fn xml(path: &'static str, content: &str) -> (&'static str, Vec<u8>) {
    (path, mujoco(content).into())
}

/// A height field of two by two points.
fn field(path: &'static str) -> (&'static str, Vec<u8>) {
    let size = [2_i32; 2].map(i32::to_le_bytes).concat();
    let heights = [0.0_f32, 1.0, 0.5, 0.0].map(f32::to_le_bytes).concat();
    (path, [size, heights].concat())
}

/// A skin of one triangle that follows the body `ball`.
fn skin(path: &'static str) -> (&'static str, Vec<u8>) {
    let ints = |values: &[i32]| {
        values
            .iter()
            .flat_map(|i| i.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let floats = |values: &[f32]| {
        values
            .iter()
            .flat_map(|f| f.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let mut name = b"ball".to_vec();
    name.resize(40, 0);
    let bytes = [
        ints(&[3, 0, 1, 1]),
        floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
        ints(&[0, 1, 2]),
        name,
        floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
        ints(&[3, 0, 1, 2]),
        floats(&[1.0; 3]),
    ];
    (path, bytes.concat())
}

fn mesh(file: &str) -> String {
    format!("<asset><mesh name='m' file='{file}'/></asset>")
}

fn including(path: &str) -> String {
    format!("<include file='{path}'/>{BALL}")
}

/// A model that may attach the body `ball` of `sub/inner.xml`.
fn attaching(attach: &str) -> String {
    format!("<asset><model name='i' file='sub/inner.xml'/></asset><worldbody>{attach}</worldbody>")
}

const DIRECTORIES: &str = "<compiler meshdir='m' texturedir='t'/>";
const ATTACH: &str = "<attach model='i' body='ball' prefix='p'/>";

fn assets() -> Vec<Case> {
    let with = |asset: &str| format!("{asset}{BALL}");
    let hfield = "<asset><hfield name='h' size='1 1 1 1' file='f.bin'/></asset>";
    vec![
        case("mesh", &with(&mesh("a.obj")), vec![obj("a.obj")]),
        case("backslash", &with(&mesh("x\\a.obj")), vec![obj("x/a.obj")]),
        case("dots", &with(&mesh("./x/../a.obj")), vec![obj("a.obj")]),
        case(
            "reference",
            &with(&mesh("a&#98;&amp;.obj")),
            vec![obj("ab&.obj")],
        ),
        case("hfield", &with(hfield), vec![field("f.bin")]),
        case(
            "skin",
            &format!("<asset><skin name='s' file='s.skn'/></asset>{BALL}"),
            vec![skin("s.skn")],
        ),
        case(
            "skin in deformable",
            &format!(
                "<compiler meshdir='m' assetdir='x'/><deformable><skin name='s' file='s.skn'/></deformable>{BALL}"
            ),
            vec![skin("m/s.skn")],
        ),
        case(
            "flexcomp",
            "<worldbody><flexcomp name='f' type='mesh' dim='2' file='a.obj'/></worldbody>",
            vec![obj("a.obj")],
        ),
        case(
            "flexcomp without a file",
            "<worldbody><flexcomp name='f' type='grid' count='3 3 1' spacing='.1 .1 .1' dim='2' file='a.obj'/></worldbody>",
            vec![obj("a.obj")],
        ),
        case(
            "meshdir",
            &with(&(DIRECTORIES.to_owned() + &mesh("a.obj"))),
            vec![obj("m/a.obj")],
        ),
        case(
            "meshdir of a field",
            &with(&(DIRECTORIES.to_owned() + hfield)),
            vec![field("m/f.bin")],
        ),
        case(
            "the last directory",
            &with(&format!(
                "<compiler meshdir='m'/><compiler assetdir='x'/>{}",
                mesh("a.obj")
            )),
            vec![obj("x/a.obj"), obj("m/a.obj")],
        ),
        case(
            "an empty directory",
            &with(&format!(
                "<compiler meshdir='m'/><compiler meshdir=''/>{}",
                mesh("a.obj")
            )),
            vec![obj("a.obj"), obj("m/a.obj")],
        ),
        case(
            "not in meshdir",
            &with(&(DIRECTORIES.to_owned() + &mesh("a.obj"))),
            vec![obj("a.obj")],
        ),
        case(
            "strippath",
            &with(&format!(
                "<compiler strippath='true'/>{}",
                mesh("C:\\x\\a.obj")
            )),
            vec![obj("a.obj")],
        ),
    ]
}

fn textures() -> Vec<Case> {
    let texture =
        |attributes: &str| format!("<asset><texture name='t' {attributes}/></asset>{BALL}");
    vec![
        case(
            "texture",
            &texture("type='2d' file='t.png'"),
            vec![picture("t.png")],
        ),
        case(
            "computed texture",
            &texture("type='2d' builtin='flat' width='8' height='8' file='t.png'"),
            vec![picture("t.png")],
        ),
        case(
            "no builtin",
            &texture("type='2d' builtin='none' file='t.png'"),
            vec![picture("t.png")],
        ),
        case(
            "sides",
            &texture("type='cube' fileright='r.png' fileup='u.png'"),
            vec![picture("r.png"), picture("u.png")],
        ),
        case(
            "file before sides",
            &texture("type='cube' file='t.png' fileup='u.png'"),
            vec![picture("t.png"), picture("u.png")],
        ),
        case(
            "builtin of a class",
            &format!(
                "<default><default class='k'><texture builtin='flat' width='8' height='8' type='2d'/></default></default>\
                 <asset><texture name='a' class='k' file='a.png'/><texture name='b' class='k' builtin='none' file='b.png'/></asset>{BALL}"
            ),
            vec![picture("a.png"), picture("b.png")],
        ),
        case(
            "texturedir",
            &format!("{DIRECTORIES}{}", texture("type='2d' file='t.png'")),
            vec![picture("t/t.png")],
        ),
    ]
}

fn includes() -> Vec<Case> {
    let arm = mesh("a.obj");
    let with_dir = |directory: &str| format!("<compiler meshdir='{directory}'/>");
    let sub = |content: &str| xml("sub/r.xml", content);
    vec![
        case(
            "next to the include",
            &including("sub/r.xml"),
            vec![sub(&arm), obj("sub/a.obj")],
        ),
        case(
            "next to the main file",
            &including("sub/r.xml"),
            vec![sub(&arm), obj("a.obj")],
        ),
        case(
            "in both",
            &including("sub/r.xml"),
            vec![sub(&arm), obj("a.obj"), obj("sub/a.obj")],
        ),
        case(
            "meshdir of the main file",
            &format!("{}{}", with_dir("m"), including("sub/r.xml")),
            vec![sub(&arm), obj("m/a.obj")],
        ),
        case(
            "next to the include, without meshdir",
            &format!("{}{}", with_dir("m"), including("sub/r.xml")),
            vec![sub(&arm), obj("sub/a.obj")],
        ),
        case(
            "an include next to the main file, without meshdir",
            &format!("{}{}", with_dir("m"), including("r.xml")),
            vec![xml("r.xml", &arm), obj("a.obj")],
        ),
        case(
            "meshdir of the included file",
            &including("sub/r.xml"),
            vec![sub(&format!("{}{arm}", with_dir("m"))), obj("m/a.obj")],
        ),
        case(
            "meshdir after the include",
            &format!("{}{}", including("sub/r.xml"), with_dir("m")),
            vec![
                sub(&format!("{}{arm}", with_dir("n"))),
                obj("m/a.obj"),
                obj("n/a.obj"),
            ],
        ),
        case(
            "meshdir before the include",
            &format!("{}{}", with_dir("m"), including("sub/r.xml")),
            vec![
                sub(&format!("{}{arm}", with_dir("n"))),
                obj("m/a.obj"),
                obj("n/a.obj"),
            ],
        ),
        case(
            "strippath and include",
            &format!("<compiler strippath='true'/>{}", including("sub/r.xml")),
            vec![sub(&mesh("x/a.obj")), obj("a.obj")],
        ),
    ]
}

fn nested() -> Vec<Case> {
    let arm = mesh("a.obj");
    let sub = |content: &str| xml("sub/r.xml", content);
    vec![
        case(
            "nested, next to the include",
            &including("sub/r.xml"),
            vec![
                sub("<include file='deep/q.xml'/>"),
                xml("sub/deep/q.xml", &arm),
                obj("sub/deep/a.obj"),
            ],
        ),
        case(
            "nested, next to the main file",
            &including("sub/r.xml"),
            vec![
                sub("<include file='deep/q.xml'/>"),
                xml("deep/q.xml", &arm),
                obj("deep/a.obj"),
            ],
        ),
        case(
            "up",
            &including("sub/r.xml"),
            vec![sub(&mesh("../x/a.obj")), obj("x/a.obj")],
        ),
        case(
            "within the world",
            "<worldbody><include file='w.xml'/></worldbody>",
            vec![("w.xml", b"<x><geom size='1'/></x>".to_vec())],
        ),
        case(
            "texture and field",
            &including("sub/r.xml"),
            vec![
                sub(
                    "<asset><texture name='t' type='2d' file='t.png'/><hfield name='h' size='1 1 1 1' file='f.bin'/></asset>",
                ),
                picture("sub/t.png"),
                field("sub/f.bin"),
            ],
        ),
    ]
}

fn attached() -> Vec<Case> {
    let inner = format!("<compiler meshdir='m'/>{}{BALL}", mesh("a.obj"));
    vec![
        case(
            "attached",
            &attaching(ATTACH),
            vec![xml("sub/inner.xml", &inner), obj("sub/m/a.obj")],
        ),
        case(
            "not attached",
            &attaching(""),
            vec![xml("sub/inner.xml", &inner), obj("sub/m/a.obj")],
        ),
        case(
            "attached in a frame",
            &attaching(&format!("<frame pos='1 0 0'>{ATTACH}</frame>")),
            vec![xml("sub/inner.xml", &inner), obj("sub/m/a.obj")],
        ),
        case(
            "include of an attached model",
            &attaching(ATTACH),
            vec![
                xml("sub/inner.xml", &including("i.xml")),
                xml("sub/i.xml", &mesh("a.obj")),
                obj("sub/a.obj"),
            ],
        ),
        case(
            "model of a model",
            &attaching(""),
            vec![
                xml(
                    "sub/inner.xml",
                    &format!("<asset><model name='d' file='d.xml'/></asset>{BALL}"),
                ),
                xml("sub/d.xml", &format!("{}{BALL}", mesh("a.obj"))),
                obj("sub/a.obj"),
            ],
        ),
        case(
            "named by itself",
            "<asset><model file='c.xml'/></asset><worldbody><attach model='own' body='ball' prefix='p'/></worldbody>",
            vec![
                (
                    "c.xml",
                    format!("<mujoco model='own'>{}{BALL}</mujoco>", mesh("a.obj")).into(),
                ),
                obj("a.obj"),
            ],
        ),
        case(
            "named by an included file",
            &format!("<include file='sub/r.xml'/><worldbody>{ATTACH}</worldbody>"),
            vec![
                xml(
                    "sub/r.xml",
                    "<asset><model name='i' file='inner.xml'/></asset>",
                ),
                xml("sub/inner.xml", &format!("{}{BALL}", mesh("a.obj"))),
                obj("sub/a.obj"),
            ],
        ),
    ]
}

#[test]
fn missing_files_agree_with_mujoco() {
    // Prints for each model whether it can be loaded.
    const SCRIPT: &str = "
import sys, mujoco
for path in sys.stdin.read().split('\\n'):
    try:
        mujoco.MjModel.from_xml_path(path)
        print('loaded')
    except Exception:
        print('failed')
";
    let directory = tempfile::tempdir().unwrap();
    let mut models = Vec::new();
    let cases = [assets(), textures(), includes(), nested(), attached()];
    for case in cases.into_iter().flatten() {
        let removals = std::iter::once(None).chain((0..case.files.len()).map(Some));
        for removed in removals {
            let root = directory.path().join(models.len().to_string());
            fs::create_dir(&root).unwrap();
            fs::write(root.join("scene.xml"), &case.main).unwrap();
            for (index, (path, content)) in case.files.iter().enumerate() {
                if removed != Some(index) {
                    let path = root.join(path);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, content).unwrap();
                }
            }
            let removed = removed.map(|index| case.files[index].0);
            models.push((format!("{}, without {removed:?}", case.name), root));
        }
    }
    let missing: Vec<_> = models
        .iter()
        .map(|(_, root)| Bundle::open(root).unwrap().missing_files().unwrap())
        .collect();
    let paths: Vec<String> = models
        .iter()
        .map(|(_, root)| root.join("scene.xml").display().to_string())
        .collect();
    let Some(output) = python(SCRIPT, &paths.join("\n"), directory.path()) else {
        return;
    };
    let loaded: Vec<bool> = output.lines().map(|line| line == "loaded").collect();
    assert_eq!(loaded.len(), models.len(), "{output}");
    let wrong: Vec<String> = models
        .iter()
        .zip(missing.iter().zip(&loaded))
        .filter(|(_, (missing, loaded))| missing.is_empty() != **loaded)
        .map(|((case, _), (missing, loaded))| format!("{case}: {loaded} {missing:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(loaded.iter().filter(|loaded| !**loaded).count() > 40);
}

/// Runs a script with `MuJoCo`, and returns what it prints. `None` where `MuJoCo` is not installed.
fn python(script: &str, input: &str, directory: &Path) -> Option<String> {
    let file = directory.join("input");
    fs::write(&file, input).unwrap();
    let output = |script: &str| {
        Command::new("python3")
            .args(["-c", script])
            .current_dir(directory)
            .stdin(fs::File::open(&file).unwrap())
            .output()
    };
    if !output("import mujoco").is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 has no module mujoco");
        return None;
    }
    let output = output(script).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}
