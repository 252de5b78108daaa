//! The plan of a scene: everything where `MuJoCo` has it, whatever the model looks like.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use gizmo_client::Format;
use gizmo_client::bundle::{Bundle, BundleErrorKind};
use gizmo_simulator::{Canned, Fault, On, Options};
use regex::Regex;

use crate::support::{Lab, in_mujoco};

/// Prints what each geom but planes covers of the ground and of the height, and each joint's
/// anchor and the angle of its axis.
const EXTENTS: &str = r"
import mujoco, numpy, sys
model = mujoco.MjModel.from_xml_path(sys.argv[1])
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
G = mujoco.mjtGeom
for id in range(model.ngeom):
    kind, size = model.geom_type[id], model.geom_size[id]
    at, turn = data.geom_xpos[id], data.geom_xmat[id].reshape(3, 3)
    if kind == G.mjGEOM_PLANE or model.geom_group[id] > 2:
        continue
    if kind == G.mjGEOM_MESH:
        mesh = model.geom_dataid[id]
        first = model.mesh_vertadr[mesh]
        points = at + model.mesh_vert[first:first + model.mesh_vertnum[mesh]] @ turn.T
        low, high = points.min(0), points.max(0)
    else:
        z = turn[:, 2]
        reach = {
            G.mjGEOM_SPHERE: lambda: numpy.full(3, size[0]),
            G.mjGEOM_CAPSULE: lambda: size[0] + abs(z) * size[1],
            G.mjGEOM_CYLINDER: lambda: abs(z) * size[1] + size[0] * numpy.sqrt(1 - numpy.minimum(z * z, 1)),
            G.mjGEOM_ELLIPSOID: lambda: numpy.sqrt((turn ** 2) @ (size ** 2)),
            G.mjGEOM_BOX: lambda: abs(turn) @ size,
        }[kind]()
        low, high = at - reach, at + reach
    print('geom', model.geom(id).name, *low, *high)
for id in range(model.njnt):
    # A ball joint has no axis.
    axis = data.xaxis[id] * (model.jnt_type[id] != mujoco.mjtJoint.mjJNT_BALL)
    if model.jnt_type[id] != mujoco.mjtJoint.mjJNT_FREE:
        print('joint', model.joint(id).name, *data.xanchor[id][:2], *axis[:2])
";

/// Copies share a name, and are sorted by X.
type Extents = BTreeMap<String, Vec<[f64; 6]>>;
type Joints = BTreeMap<String, [f64; 4]>;

fn numbers<const N: usize>(text: &str) -> [f64; N] {
    let numbers = text
        .split([' ', 'M', 'L', 'Z'])
        .filter(|number| !number.is_empty());
    let numbers: Vec<f64> = numbers.map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

fn collect(geoms: impl IntoIterator<Item = (String, [f64; 6])>) -> Extents {
    let mut extents = Extents::new();
    for (name, extent) in geoms {
        // MuJoCo numbers the copies.
        let copy = name.strip_prefix("peg").map(|_| "peg".to_owned());
        extents
            .entry(copy.unwrap_or(name))
            .or_default()
            .push(extent);
    }
    for copies in extents.values_mut() {
        copies.sort_by(|a, b| a[0].total_cmp(&b[0]));
    }
    extents
}

fn expected(said: &str) -> (Extents, Joints) {
    let (mut geoms, mut joints) = (Vec::new(), Joints::new());
    for line in said.lines() {
        let mut parts = line.splitn(3, ' ');
        let (kind, name, rest) = (parts.next(), parts.next().unwrap(), parts.next().unwrap());
        match kind {
            Some("geom") => geoms.push((name.to_owned(), numbers(rest))),
            _ => drop(joints.insert(name.to_owned(), numbers(rest))),
        }
    }
    (collect(geoms), joints)
}

/// The same of a drawing, whose own coordinates are metres.
fn drawn(svg: &str) -> (Extents, Joints) {
    let geom =
        r#"<path d="([^"]*)Z"[^>]*><title>(?:[^<]* / )?(\S+) \((\S+) to (\S+) m high\)</title>"#;
    let geoms = Regex::new(geom).unwrap();
    let geoms = geoms.captures_iter(svg).map(|geom| {
        let points: Vec<[f64; 2]> = geom[1].split('L').map(numbers).collect();
        let bound = |axis: usize, pick: fn(f64, f64) -> f64| {
            points.iter().map(|point| point[axis]).reduce(pick).unwrap()
        };
        let extent = [
            bound(0, f64::min),
            bound(1, f64::min),
            geom[3].parse().unwrap(),
            bound(0, f64::max),
            bound(1, f64::max),
            geom[4].parse().unwrap(),
        ];
        (geom[2].to_owned(), extent)
    });
    let joint = r#"translate\((\S+) (\S+)\)[^"]*rotate\((\S+)\)">.*<title>(\S+)</title></g>"#;
    let joints = Regex::new(joint).unwrap();
    let joints = joints.captures_iter(svg).map(|joint| {
        let angle: f64 = joint[3].parse().unwrap();
        let (y, x) = angle.to_radians().sin_cos();
        let [at_x, at_y] = [&joint[1], &joint[2]].map(|number| number.parse().unwrap());
        (joint[4].to_owned(), [at_x, at_y, x, y])
    });
    (collect(geoms), joints.collect())
}

/// Draws a model, and compares all of it with what `MuJoCo` says; `false` without `MuJoCo`.
fn is_where_mujoco_has_it(dir: &Path, least: usize) -> bool {
    let bundle = Bundle::open(dir).unwrap();
    let svg = bundle.preview().unwrap();
    let Some(said) = in_mujoco(EXTENTS, bundle.model()) else {
        return false;
    };
    let (geoms, joints) = drawn(&svg);
    let (wanted_geoms, wanted_joints) = expected(&said);
    assert!(wanted_geoms.len() >= least, "{said}");
    assert!(
        geoms.keys().eq(wanted_geoms.keys()),
        "{geoms:?} {wanted_geoms:?}"
    );
    for (name, wanted) in wanted_geoms {
        let mut pairs = wanted.iter().flatten().zip(geoms[&name].iter().flatten());
        let close = wanted.len() == geoms[&name].len() && pairs.all(|(a, b)| (a - b).abs() < 2e-3);
        assert!(close, "{name}: {wanted:?}, drawn at {:?}", geoms[&name]);
    }
    assert!(
        joints.keys().eq(wanted_joints.keys()),
        "{joints:?} {wanted_joints:?}"
    );
    for (name, [x, y, axis_x, axis_y]) in wanted_joints {
        let drawn = joints[&name];
        assert!((x - drawn[0]).abs() + (y - drawn[1]).abs() < 2e-3, "{name}");
        // An upright axis has no angle on the ground.
        let flat = axis_x.hypot(axis_y);
        let along = (axis_x * drawn[2] + axis_y * drawn[3]) / flat;
        assert!(flat < 1e-6 || (along - 1.0).abs() < 1e-3, "{name}: {along}");
    }
    true
}

/// A tetrahedron with nothing the same on two sides.
const CORNERS: [[f32; 3]; 4] = [
    [0.1, 0.2, 0.3],
    [0.9, 0.3, 0.2],
    [0.2, 0.8, 0.1],
    [0.3, 0.4, 1.1],
];
const FACES: [[u8; 3]; 4] = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]];

fn bytes(points: impl IntoIterator<Item = [f32; 3]>) -> Vec<u8> {
    points
        .into_iter()
        .flatten()
        .flat_map(f32::to_le_bytes)
        .collect()
}

/// The tetrahedron in every format.
fn write_meshes(dir: &Path) {
    fs::create_dir(dir.join("meshes")).unwrap();
    let mut obj = String::new();
    let mut stl = vec![b' '; 80];
    stl.extend(4_u32.to_le_bytes());
    for [x, y, z] in CORNERS {
        writeln!(obj, "v {x} {y} {z}").unwrap();
    }
    for face in FACES {
        let [a, b, c] = face.map(|corner| corner + 1);
        writeln!(obj, "f {a} {b} {c}").unwrap();
        let corners = face.map(|corner| CORNERS[usize::from(corner)]);
        stl.extend(bytes([[0.0; 3]].into_iter().chain(corners)));
        stl.extend([0, 0]);
    }
    let mut msh: Vec<u8> = [4_u32, 0, 0, 4]
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect();
    msh.extend(bytes(CORNERS));
    msh.extend(
        FACES
            .into_iter()
            .flatten()
            .flat_map(|corner| u32::from(corner).to_le_bytes()),
    );
    fs::write(dir.join("meshes/a.obj"), obj).unwrap();
    fs::write(dir.join("meshes/b.stl"), stl).unwrap();
    fs::write(dir.join("meshes/c.msh"), msh).unwrap();
}

/// Every way to place a thing that is drawn.
const EVERYTHING: &str = r#"<mujoco model="everything">
  <compiler COMPILER meshdir="meshes"/>
  <include file="assets.xml"/>
  <default>
    <geom size="0.1 0.2 0.3"/>
    <default class="round"><geom type="capsule" euler="10 20 30"/><joint type="slide" axis="1 2 3"/>
      <default class="rounder"><geom type="ellipsoid"/></default></default>
    <default class="large"><mesh scale="1.5 1.5 1.5"/></default>
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 1"/>
    <geom name="ball" pos="1 2 3"/>
    <geom name="cuboid" type="box" pos="-1 2 0.5" quat="0.5 0.1 -0.7 0.3"/>
    <geom name="egg" type="ellipsoid" pos="-2 2 0.5" axisangle="1 2 3 ANGLE"/>
    <geom name="can" type="cylinder" pos="-3 2 0.5" xyaxes="1 2 3 0 1 -1"/>
    <geom name="upright" type="cylinder" pos="-4 2 0.5"/>
    <geom name="pill" type="capsule" pos="-3 1 0.5" zaxis="-1 2 -3"/>
    <geom name="down" type="box" pos="-3 0 0.5" zaxis="0 0 -1"/>
    <geom name="from_to_pill" type="capsule" size="0.05" fromto="0 0 0 1 0.5 0.7"/>
    <geom name="from_to_box" type="box" size="0.05" fromto="0 1 0 1 0.5 -0.7"/>
    <geom name="from_to_can" type="cylinder" size="0.05" fromto="2 1 0 1 -0.5 0.7"/>
    <geom name="from_to_egg" type="ellipsoid" size="0.05" fromto="2 2 0 1 -0.5 0.7"/>
    <geom name="flat_pill" type="capsule" size="0.05" fromto="2 3 0 1 3 0"/>
    <geom name="hidden" type="box" size="9 9 9" group="3"/>
    <body name="outer" pos="0.5 -2 0.3" euler="15 -40 70" childclass="round">
      <joint name="turn" type="hinge" pos="0.1 0.2 0.3" axis="1 1 0"/>
      <geom name="of_class" mass="1"/>
      <geom name="of_inner_class" class="rounder" mass="1" pos="0.4 0 0"/>
      <geom name="own_turn" quat="1 0 0 1" mass="1"/>
      <body name="inner" pos="0.7 0.2 0.1" zaxis="1 1 1">
        <joint name="push"/><joint name="roll" type="ball" pos="0 0.2 0"/>
        <geom name="deep" type="box" mass="1" axisangle="0 1 0 ANGLE"/>
        <include file="part.xml"/>
      </body>
    </body>
    <frame pos="3 -2 0" euler="0 0 ANGLE" childclass="round">
      <geom name="framed" pos="0.5 0 0"/>
      <frame pos="0 1 0"><body name="in_frame" pos="0 0.5 0"><freejoint/><geom name="framed_too" mass="1"/></body></frame>
    </frame>
    <replicate count="4" offset="0.5 0.1 0.2" euler="5 0 ANGLE">
      <body name="peg" pos="-4 -2 0"><geom name="peg" type="box" size="0.05 0.1 0.2" mass="1"/></body>
    </replicate>
    <geom name="obj" type="mesh" mesh="a" pos="3 1 0" euler="ANGLE 0 30"/>
    <geom name="stl" type="mesh" mesh="stl" pos="4 1 0" quat="1 0.5 0 0"/>
    <geom name="msh" type="mesh" mesh="msh" pos="3 3 1"/>
    <geom name="inline" type="mesh" mesh="inline" pos="4 3 1" zaxis="1 0 1"/>
  </worldbody>
</mujoco>"#;
const ASSETS: &str = r#"<mujocoinclude><asset>
    <mesh file="a.obj"/>
    <mesh name="stl" file="b.stl" scale="1 -2 0.5"/>
    <mesh name="msh" file="c.msh" class="large" refpos="0.3 0.2 0.1" refquat="0.5 0.5 0.1 -0.3"/>
    <mesh name="inline" vertex="0 0 0  1 0 0  0 0.5 0  0 0 0.7"/>
  </asset></mujocoinclude>"#;
const PART: &str =
    r#"<mujocoinclude><geom name="included" pos="0.3 0 0" mass="1"/></mujocoinclude>"#;

#[test]
fn every_geom_and_joint_is_drawn_where_mujoco_has_it() {
    for (compiler, angle) in [
        ("", "50"),
        (r#"angle="radian" eulerseq="ZYX""#, "0.9"),
        (
            r#"angle="degree" eulerseq="zXy" coordinate="local""#,
            "-110",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        write_meshes(dir.path());
        let model = EVERYTHING
            .replace("COMPILER", compiler)
            .replace("ANGLE", angle);
        fs::write(dir.path().join("scene.xml"), model).unwrap();
        fs::write(dir.path().join("assets.xml"), ASSETS).unwrap();
        fs::write(dir.path().join("part.xml"), PART).unwrap();
        if !is_where_mujoco_has_it(dir.path(), 24) {
            return;
        }
    }
}

#[tokio::test]
async fn a_generated_room_is_drawn_where_mujoco_has_it() {
    let lab = Lab::start(Options::instant()).await;
    let dir = tempfile::tempdir().unwrap();
    let prompt = "two workbenches, a lamp, a vase, a stool, a bin, a crate and a shelf";
    let bake = lab.client.bake(prompt).robot_profile("franka");
    let bundle = bake.into_dir(dir.path().join("lab")).await.unwrap();
    let svg = bundle.preview().unwrap();
    for name in ["workbench_1", "lamp_3", "shelf_8"] {
        assert!(
            svg.contains(&format!(">{name}</text>")),
            "{name} has no label"
        );
    }
    assert!(svg.contains("hinge: ") && svg.contains("slide: ") && svg.contains(" m</text>"));
    is_where_mujoco_has_it(bundle.dir(), 30);
}

#[tokio::test]
async fn a_bake_leaves_the_plan_beside_the_model() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let bake = |format| {
        lab.client
            .bake("a lab")
            .format(format)
            .into_dir(dir.path().join(format.to_string()))
    };
    let bundle = bake(Format::Mjcf).await.unwrap();
    let plan = fs::read_to_string(bundle.dir().join("preview.svg")).unwrap();
    assert_eq!(plan, bundle.preview().unwrap());
    assert!(
        bundle
            .files()
            .iter()
            .any(|file| file.path == Path::new("preview.svg"))
    );
    // Baked again it is the same bundle, and there is one picture for one format.
    assert_eq!(bake(Format::Mjcf).await.unwrap().files(), bundle.files());
    let bundle = bake(Format::Usd).await.unwrap();
    assert!(!bundle.dir().join("preview.svg").exists());
}

/// A ZIP archive of one file, as it is.
fn zip(name: &str, contents: &str) -> Vec<u8> {
    let crc = zlib_rs::crc32::crc32(0, contents.as_bytes());
    let [length, name_length] =
        [contents.len(), name.len()].map(|length| u32::try_from(length).unwrap());
    let mut header = vec![10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for number in [crc, length, length, name_length] {
        header.extend(number.to_le_bytes());
    }
    let local = [
        b"PK\x03\x04",
        &header[..],
        name.as_bytes(),
        contents.as_bytes(),
    ]
    .concat();
    let central = [b"PK\x01\x02\x0a\0", &header[..], &[0; 14], name.as_bytes()].concat();
    let mut end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec();
    for length in [central.len(), local.len()] {
        end.extend(u32::try_from(length).unwrap().to_le_bytes());
    }
    [&local[..], &central, &end, &[0, 0]].concat()
}

#[tokio::test]
async fn a_model_that_cannot_be_drawn_is_baked_without_a_plan() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let archive = zip("scene.xml", &world("<geom size='nan'/>"));
    let answer = Canned::empty(200).body(archive);
    lab.handle
        .inject(On::operation("export_scene"), Fault::Answer(answer));
    let bundle = lab
        .client
        .bake("a lab")
        .into_dir(dir.path().join("lab"))
        .await
        .unwrap();
    assert!(bundle.preview().is_err());
    let names: Vec<_> = bundle.files().iter().map(|file| &file.path).collect();
    assert_eq!(names, [Path::new("scene.xml")]);
}

fn preview(model: &str) -> Result<String, gizmo_client::bundle::BundleError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("scene.xml"), model).unwrap();
    Bundle::open(dir.path()).unwrap().preview()
}

fn world(inner: &str) -> String {
    format!("<mujoco><worldbody>{inner}</worldbody></mujoco>")
}

#[test]
fn what_cannot_be_drawn_is_one_clear_line() {
    use BundleErrorKind::{BadModel, TooLarge};
    let deep = "<body>".repeat(300) + &"</body>".repeat(300);
    let wide = format!("<geom {} size='1'/>", "a='1' ".repeat(200));
    let classes: String = (0..1001).fold(String::new(), |mut text, index| {
        write!(text, "<default class='c{index}'/>").unwrap();
        text
    });
    let classes = format!("<mujoco><default>{classes}</default></mujoco>");
    let copies = "<replicate count='1e5'><geom size='1'/></replicate>";
    let many = "<replicate count='999'><replicate count='999'/></replicate>";
    for (model, kind, said) in [
        (
            world("<geom name='a' size='nan'/>"),
            BadModel,
            "`size` of geom `a` is not a list of numbers up to 1e6: `nan`",
        ),
        (
            world("<geom size='1' pos='1 2'/>"),
            BadModel,
            "`pos` of geom is not 3 numbers up to 1e6: `1 2`",
        ),
        (
            world("<geom size='1' pos='1 2 1e7'/>"),
            BadModel,
            "`1 2 1e7`",
        ),
        (
            world("<geom size='1' pos='inf 0 0'/>"),
            BadModel,
            "`inf 0 0`",
        ),
        (
            world("<geom size='1' quat='0 0 0 0'/>"),
            BadModel,
            "`quat` of geom is no orientation: `0 0 0 0`",
        ),
        (
            world("<geom type='box' size='1 2'/>"),
            BadModel,
            "`size` of geom is too short for a box: `1 2`",
        ),
        (
            world("<geom size='-1'/>"),
            BadModel,
            "`size` of geom is below 0: `-1`",
        ),
        (
            world("<geom type='cone'/>"),
            BadModel,
            "`type` of geom is no kind of geom: `cone`",
        ),
        (
            world("<geom type='capsule' size='1' fromto='1 1 1 1 1 1'/>"),
            BadModel,
            "`fromto` of geom has no length",
        ),
        (
            world("<body><joint axis='0 0 0'/></body>"),
            BadModel,
            "`axis` of joint is no direction: `0 0 0`",
        ),
        (world(&deep), TooLarge, "more than 200 levels of elements"),
        (
            world(&wide),
            TooLarge,
            "more than 100 attributes of one element",
        ),
        (
            world(&"<a/>".repeat(200_000)),
            TooLarge,
            "more than 200000 elements",
        ),
        (
            world(copies),
            TooLarge,
            "more than 50000 bodies, geoms and joints",
        ),
        (
            world(many),
            TooLarge,
            "more than 50000 bodies, geoms and joints",
        ),
        (classes, TooLarge, "more than 1000 default classes"),
        (world("<geom"), BadModel, "cannot be parsed"),
    ] {
        let error = preview(&model).unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(said) && !shown.contains('\n'), "{shown}");
        assert_eq!(error.kind(), kind, "{shown}");
        assert!(error.path().ends_with("scene.xml"));
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lab.sdf"), "<sdf/>").unwrap();
    let error = Bundle::open(dir.path()).unwrap().preview().unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::UnsupportedFormat);
    assert!(
        error
            .to_string()
            .ends_with("lab.sdf: only MJCF is drawn, and this is Sdf"),
        "{error}"
    );
}

/// Names of a drawing's elements; it must be well-formed.
fn elements(svg: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                for attribute in tag.attributes() {
                    attribute.unwrap();
                }
                names.push(String::from_utf8(tag.name().as_ref().into()).unwrap());
            }
            quick_xml::events::Event::Eof => return names,
            _ => {}
        }
    }
}

#[test]
fn names_stay_text_and_odd_models_are_drawn_too() {
    let evil = "<body name='&lt;/text>&lt;script>alert(1)&lt;/script>&quot;&#1;'><geom name='\" onload=\"x' size='1'/></body>";
    for (inner, said) in [
        (evil, "&lt;/text&gt;&lt;script&gt;alert(1)"),
        ("", "unnamed model"),
        ("<geom type='plane' size='0 0 1'/>", "1 geom"),
        ("<geom type='plane' size='2 0 1' euler='90 0 0'/>", "1 geom"),
        ("<geom size='0'/>", "0 × 0 m"),
        (
            "<geom size='1e-9'/><geom size='1e-9' pos='1e-6 0 0'/>",
            "2 geoms",
        ),
        (
            "<geom size='1e6' pos='1e6 0 0'/><geom size='1e-6' pos='-1e6 1e6 0'/>",
            "2 geoms",
        ),
        ("<geom type='mesh' mesh='absent'/>", "of unknown shape: 1"),
        ("<geom size='1' group='3'/>", "1 geom<"),
        ("<geom size='1' class='absent'/>", "1 geom<"),
        (
            "<body name='ü€'><freejoint/><geom size='1'/></body>",
            ">ü€</text>",
        ),
    ] {
        let svg = preview(&world(inner)).unwrap();
        assert!(svg.contains(said), "{said}: {svg}");
        let elements = elements(&svg);
        assert!(!elements.iter().any(|name| name == "script"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg, preview(&world(inner)).unwrap());
    }
}

#[test]
fn a_model_that_includes_itself_is_drawn_once() {
    let dir = tempfile::tempdir().unwrap();
    let model =
        "<mujoco><worldbody><geom name='a' size='1'/></worldbody><include file='b.xml'/></mujoco>";
    let other = "<mujoco><include file='scene.xml'/><include file='b.xml'/><include file='gone.xml'/>\
                 <worldbody><geom name='b' size='1'/></worldbody></mujoco>";
    fs::write(dir.path().join("scene.xml"), model).unwrap();
    fs::write(dir.path().join("b.xml"), other).unwrap();
    let svg = Bundle::open(dir.path()).unwrap().preview().unwrap();
    let (geoms, _) = drawn(&svg);
    assert_eq!(geoms.into_keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_ceiling_is_an_outline_and_what_stands_on_something_is_above_it() {
    let svg = preview(&world(
        "<geom name='ceiling' type='box' size='2 2 .1' pos='0 0 2.5'/>\
         <geom name='cup' size='0.1' pos='0 0 0.9'/>\
         <geom name='table' type='box' size='1 1 0.4' pos='0 0 0.4'/>\
         <geom name='floor' type='plane' size='3 3 1'/>",
    ))
    .unwrap();
    let titles = Regex::new(r"<title>(\S+) \(").unwrap();
    let order: Vec<_> = titles
        .captures_iter(&svg)
        .map(|title| title[1].to_owned())
        .collect();
    assert_eq!(order, ["table", "cup", "ceiling"]);
    let ceiling = svg
        .lines()
        .find(|line| line.contains(">ceiling ("))
        .unwrap();
    assert!(ceiling.contains("fill=\"none\"") && ceiling.contains("stroke-dasharray"));
}
