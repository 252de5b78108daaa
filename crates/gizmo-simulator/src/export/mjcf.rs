//! Export as MJCF for `MuJoCo` with mesh files: `scene.xml` and `meshes/`.

use std::fmt::Write as _;

use super::File;
use super::model::{Assembly, Body, Joint, JointKind, Material, Model, Part, number, triple};

/// Returns the files of these parts' meshes.
pub(super) fn mesh_files(parts: Vec<&Part>, directory: &str) -> impl Iterator<Item = File> {
    parts.into_iter().map(move |part| {
        let bytes = if part.material.is_textured() {
            part.mesh.obj()
        } else {
            part.mesh.stl()
        };
        let name = file_name(&part.mesh.name, part.material);
        File::new(format!("{directory}/{name}"), bytes)
    })
}

/// Returns the file name of a mesh. Textured meshes need texture coordinates, which STL lacks.
pub(super) fn file_name(mesh: &str, material: Material) -> String {
    format!(
        "{mesh}.{}",
        if material.is_textured() { "obj" } else { "stl" }
    )
}

/// Returns the model of a scene, whose meshes are files.
pub(super) fn scene(model: &Model) -> String {
    let mut xml = String::new();
    let _ = write!(
        xml,
        "<mujoco model=\"{}\">\n  <compiler angle=\"radian\" meshdir=\"meshes\" texturedir=\"textures\"/>\n  \
         <option timestep=\"0.002\" integrator=\"implicitfast\"/>\n  <visual>\n    \
         <headlight diffuse=\"0.4 0.4 0.4\" ambient=\"0.3 0.3 0.3\"/>\n  </visual>\n  <default>\n    \
         <geom density=\"300\" friction=\"0.8 0.005 0.0001\"/>\n    <joint damping=\"0.5\" frictionloss=\"0.05\"/>\n  \
         </default>\n  <asset>\n    <texture name=\"sky\" type=\"skybox\" builtin=\"gradient\" rgb1=\"0.5 0.6 0.7\" \
         rgb2=\"0.1 0.1 0.15\" width=\"64\" height=\"64\"/>\n",
        model.name
    );
    write_assets(&mut xml, &model.textured(), &model.parts(), "");
    xml.push_str(
        "  </asset>\n  <worldbody>\n    <light name=\"sun\" pos=\"0 0 6\" dir=\"0 0 -1\" directional=\"true\"/>\n    \
         <light name=\"lamp\" pos=\"3 -3 4\" dir=\"-0.6 0.6 -0.8\" diffuse=\"0.5 0.5 0.5\"/>\n    \
         <camera name=\"overview\" pos=\"0 -9 5\" xyaxes=\"1 0 0 0 0.5 0.87\"/>\n    \
         <geom name=\"floor\" type=\"plane\" size=\"8 8 0.1\" material=\"floor\"/>\n",
    );
    for assembly in &model.assemblies {
        write_assembly(&mut xml, assembly);
    }
    xml.push_str("  </worldbody>\n");
    write_contacts(&mut xml, &model.assemblies);
    if let (_, Some(robot)) = model.split_robot() {
        write_actuators(&mut xml, robot);
    }
    xml.push_str("</mujoco>\n");
    xml
}

/// Writes materials with their textures, and meshes. `directory` is the prefix of their files.
pub(super) fn write_assets(
    xml: &mut String,
    textured: &[Material],
    parts: &[&Part],
    directory: &str,
) {
    for material in textured {
        let name = material.name();
        let repeat = if *material == Material::Floor {
            " texrepeat=\"8 8\" texuniform=\"true\""
        } else {
            ""
        };
        let _ = write!(
            xml,
            "    <texture name=\"{name}\" type=\"2d\" file=\"{directory}{name}.png\"/>\n    \
             <material name=\"{name}\" texture=\"{name}\"{repeat} specular=\"0.3\" shininess=\"0.4\"/>\n"
        );
    }
    let _ = writeln!(
        xml,
        "    <material name=\"steel\" rgba=\"{} 1\" reflectance=\"0.2\"/>",
        Material::Steel.rgb().join(" ")
    );
    for part in parts {
        let name = &part.mesh.name;
        let _ = writeln!(
            xml,
            "    <mesh name=\"{name}\" file=\"{directory}{}\"/>",
            file_name(name, part.material)
        );
    }
}

pub(super) fn write_assembly(xml: &mut String, assembly: &Assembly) {
    let position = super::model::add(assembly.position, assembly.base.position);
    let euler = if assembly.yaw == 0.0 {
        String::new()
    } else {
        format!(" euler=\"0 0 {}\"", number(assembly.yaw))
    };
    write_body(xml, &assembly.base, position, &euler, 2, write_geoms);
}

fn write_geoms(xml: &mut String, parts: &[Part], depth: usize) {
    let indent = "  ".repeat(depth);
    for part in parts {
        let _ = writeln!(
            xml,
            "{indent}<geom name=\"{0}\" type=\"mesh\" mesh=\"{0}\" material=\"{1}\" pos=\"{2}\"/>",
            part.mesh.name,
            part.material.name(),
            triple(part.position, " ")
        );
    }
}

/// Writes a body, which has this further attribute, and its descendants.
pub(super) fn write_body(
    xml: &mut String,
    body: &Body,
    position: [f64; 3],
    attribute: &str,
    depth: usize,
    write_geoms: fn(&mut String, &[Part], usize),
) {
    let indent = "  ".repeat(depth);
    let _ = writeln!(
        xml,
        "{indent}<body name=\"{}\" pos=\"{}\"{attribute}>",
        body.name,
        triple(position, " ")
    );
    if let Some(joint) = &body.joint {
        write_joint(xml, joint, depth + 1);
    }
    write_geoms(xml, &body.parts, depth + 1);
    for child in &body.children {
        write_body(xml, child, child.position, "", depth + 1, write_geoms);
    }
    let _ = writeln!(xml, "{indent}</body>");
}

fn write_joint(xml: &mut String, joint: &Joint, depth: usize) {
    let indent = "  ".repeat(depth);
    let (name, axis) = (&joint.name, triple(joint.axis, " "));
    let range = joint.range.map(number).join(" ");
    let _ = match joint.kind {
        JointKind::Free => writeln!(xml, "{indent}<freejoint name=\"{name}\"/>"),
        JointKind::Hinge | JointKind::Slide => writeln!(
            xml,
            "{indent}<joint name=\"{name}\" type=\"{}\" axis=\"{axis}\" limited=\"true\" range=\"{range}\"/>",
            joint.kind.name()
        ),
    };
}

/// Excludes contacts between the bodies of an assembly, because they touch at their joints.
pub(super) fn write_contacts(xml: &mut String, assemblies: &[Assembly]) {
    let mut pairs = String::new();
    for assembly in assemblies {
        for [first, second] in assembly.pairs() {
            let _ = writeln!(pairs, "    <exclude body1=\"{first}\" body2=\"{second}\"/>");
        }
    }
    if !pairs.is_empty() {
        let _ = write!(xml, "  <contact>\n{pairs}  </contact>\n");
    }
}

/// Adds a position actuator for each joint of the robot.
pub(super) fn write_actuators(xml: &mut String, robot: &Assembly) {
    xml.push_str("  <actuator>\n");
    robot.base.visit(&mut |body, _| {
        if let Some(joint) = &body.joint {
            let range = joint.range.map(number).join(" ");
            let _ = writeln!(
                xml,
                "    <position name=\"{0}\" joint=\"{0}\" kp=\"40\" kv=\"4\" ctrlrange=\"{range}\"/>",
                joint.name
            );
        }
    });
    xml.push_str("  </actuator>\n");
}
