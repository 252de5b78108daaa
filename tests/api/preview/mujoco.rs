//! Every geom and joint is drawn where `MuJoCo` places it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use gizmo_client::bundle::Bundle;
use gizmo_simulator::{Layout, Options};
use regex::Regex;

use super::views;
use crate::support::{Lab, in_mujoco};

/// A Python program that prints the bounds of each geom except planes, and the anchor and the axis
/// of each joint on the ground.
const EXTENTS: &str = r"
import mujoco, numpy, sys
model = mujoco.MjModel.from_xml_path(sys.argv[1])
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
G = mujoco.mjtGeom
for id in range(model.ngeom):
    kind, size = G(int(model.geom_type[id])), model.geom_size[id]
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
    axis = data.xaxis[id] * (int(model.jnt_type[id]) != int(mujoco.mjtJoint.mjJNT_BALL))
    if model.jnt_type[id] != mujoco.mjtJoint.mjJNT_FREE:
        print('joint', model.joint(id).name, *data.xanchor[id][:2], *axis[:2])
";

/// The bounds of the geoms by name. Copies share a name and are sorted by X.
type Extents = BTreeMap<String, Vec<[f64; 6]>>;
/// The anchor and the axis of each joint on the ground, by name.
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
        // MuJoCo appends a number to the name of each copy.
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

/// Parses the output of [`EXTENTS`].
fn parse_output(output: &str) -> (Extents, Joints) {
    let (mut geoms, mut joints) = (Vec::new(), Joints::new());
    for line in output.lines() {
        let mut parts = line.splitn(3, ' ');
        let (kind, name, rest) = (parts.next(), parts.next().unwrap(), parts.next().unwrap());
        match kind {
            Some("geom") => geoms.push((name.to_owned(), numbers(rest))),
            _ => drop(joints.insert(name.to_owned(), numbers(rest))),
        }
    }
    (collect(geoms), joints)
}

/// Parses a drawing, whose coordinates are metres.
fn parse_drawing(svg: &str) -> (Extents, Joints) {
    let geom =
        r#"<path d="([^"]*)Z"[^>]*><title>(?:[^<]* / )?(\S+) \((\S+) to (\S+) m high\)</title>"#;
    let geoms = Regex::new(geom).unwrap();
    let (plan, _) = views(svg);
    let geoms = geoms.captures_iter(plan).map(|geom| {
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
    let joints = joints.captures_iter(plan).map(|joint| {
        let angle: f64 = joint[3].parse().unwrap();
        let (y, x) = angle.to_radians().sin_cos();
        let [at_x, at_y] = [&joint[1], &joint[2]].map(|number| number.parse().unwrap());
        (joint[4].to_owned(), [at_x, at_y, x, y])
    });
    (collect(geoms), joints.collect())
}

/// Draws a model and compares its geoms and joints with those in `MuJoCo`. Returns `false` without
/// `MuJoCo`.
fn matches_mujoco(dir: &Path, min_geoms: usize) -> bool {
    let bundle = Bundle::open(dir).unwrap();
    let svg = bundle.preview().unwrap();
    let Some(output) = in_mujoco(EXTENTS, bundle.model().path().unwrap()) else {
        return false;
    };
    let (geoms, joints) = parse_drawing(&svg);
    let (expected_geoms, expected_joints) = parse_output(&output);
    assert!(expected_geoms.len() >= min_geoms, "{output}");
    assert!(
        geoms.keys().eq(expected_geoms.keys()),
        "{geoms:?} {expected_geoms:?}"
    );
    for (name, expected) in expected_geoms {
        let mut pairs = expected.iter().flatten().zip(geoms[&name].iter().flatten());
        let close =
            expected.len() == geoms[&name].len() && pairs.all(|(a, b)| (a - b).abs() < 2e-3);
        assert!(
            close,
            "{name}: {expected:?}, but drawn at {:?}",
            geoms[&name]
        );
    }
    assert!(
        joints.keys().eq(expected_joints.keys()),
        "{joints:?} {expected_joints:?}"
    );
    for (name, [x, y, axis_x, axis_y]) in expected_joints {
        let drawn = joints[&name];
        assert!((x - drawn[0]).abs() + (y - drawn[1]).abs() < 2e-3, "{name}");
        // An upright axis has no direction on the ground.
        let flat = axis_x.hypot(axis_y);
        let along = (axis_x * drawn[2] + axis_y * drawn[3]) / flat;
        assert!(flat < 1e-6 || (along - 1.0).abs() < 1e-3, "{name}: {along}");
    }
    true
}

/// The corners of a tetrahedron without any symmetry.
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

/// Writes the tetrahedron in every mesh format.
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

/// A model with every way to place a geom or a joint.
const EVERYTHING: &str = r#"<mujoco model="everything">
  <compiler COMPILER meshdir="meshes"/>
  <include file="assets.xml"/>
  <default>
    <geom size="0.1 0.2 0.3"/>
    <default class="round"><geom type="capsule" euler="10 20 30"/><joint type="slide" axis="1 2 3"/>
      <default class="rounder"><geom type="ellipsoid"/></default></default>
    <default class="large"><mesh scale="1.5 1.5 1.5"/></default>
    <default class="tetrahedron"><geom type="mesh" mesh="stl"/></default>
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
      <geom name="own_turn" xyaxes="0 1 0 -1 0 0" mass="1"/>
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
    <geom name="mesh_of_class" class="tetrahedron" pos="5 3 1"/>
    <frame pos="6 0 0" euler="0 0 ANGLE"><attach model="inner" body="cart" prefix="a_"/></frame>
    <body name="carrier" pos="6 2 0"><attach model="inner" body="wheel" prefix="b_"/></body>
    <frame pos="8 0 0"><attach model="inner" frame="stand" prefix="c_"/></frame>
    <frame pos="10 0 0"><attach model="inner" prefix="d_"/></frame>
  </worldbody>
</mujoco>"#;
const ASSETS: &str = r#"<mujocoinclude><asset>
    <mesh file="a.obj"/>
    <mesh name="stl" file="b.stl" scale="1 -2 0.5"/>
    <mesh name="msh" file="c.msh" class="large" refpos="0.3 0.2 0.1" refquat="0.5 0.5 0.1 -0.3"/>
    <mesh name="inline" vertex="0 0 0  1 0 0  0 0.5 0  0 0 0.7"/>
    <model name="inner" file="sub/inner.xml"/>
  </asset></mujocoinclude>"#;
const PART: &str =
    r#"<mujocoinclude><geom name="included" pos="0.3 0 0" mass="1"/></mujocoinclude>"#;

/// A model that is attached. Its settings are its own.
const INNER: &str = r#"<mujoco>
  <compiler angle="radian" meshdir="../meshes"/>
  <default><geom size="0.2"/><default class="flat"><geom type="box" size="0.3 0.2 0.1"/></default></default>
  <asset><mesh name="a" file="a.obj" scale="0.5 0.5 0.5"/></asset>
  <worldbody>
    <geom name="ground" type="box" size="0.1 0.1 0.1" pos="0 0 2"/>
    <frame name="stand" pos="0 1 0" euler="0 0 0.5"><geom name="top" class="flat"/></frame>
    <body name="cart" pos="1 0 0" childclass="flat">
      <geom name="bed" euler="0 0 0.7"/>
      <body name="wheel" pos="0.5 0 0"><joint name="spin"/><geom name="tyre"/>
        <geom name="hub" type="mesh" mesh="a"/></body>
    </body>
  </worldbody>
</mujoco>"#;

#[test]
fn every_geom_and_joint_is_drawn_where_mujoco_places_it() {
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
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/inner.xml"), INNER).unwrap();
        if !matches_mujoco(dir.path(), 34) {
            return;
        }
    }
}

#[tokio::test]
async fn a_generated_room_is_drawn_where_mujoco_places_it() {
    for (layout, robot) in [(Layout::Observed, ""), (Layout::Files, "franka")] {
        let mut options = Options::instant();
        options.exports.layout = layout;
        let lab = Lab::start(options).await;
        let dir = tempfile::tempdir().unwrap();
        let prompt = "two workbenches, a lamp, a vase, a stool, a bin, a crate and a shelf";
        let bake = lab.client.bake(prompt).robot_profile(robot);
        let bundle = bake.into_dir(dir.path().join("lab")).await.unwrap();
        let svg = bundle.preview().unwrap();
        for name in ["workbench ×2", "lamp_3", "shelf_8"] {
            assert!(
                svg.contains(&format!(">{name}</text>")),
                "{name} has no label"
            );
        }
        assert!(svg.contains("hinge: ") && svg.contains("slide: ") && svg.contains(" m</text>"));
        matches_mujoco(bundle.dir(), 30);
    }
}
