//! Export as `SDFormat` for Gazebo: `model.config` and `model.sdf`. Only this format has a camera sensor.

use std::fmt::Write as _;

use super::mjcf::file_name;
use super::model::{Assembly, Body, JointKind, Model, Part, number, triple};

/// Returns the file that describes the model to Gazebo.
pub(super) fn config(model: &Model) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<model>\n  <name>{}</name>\n  <version>1.0</version>\n  \
         <sdf version=\"1.9\">model.sdf</sdf>\n  <author>\n    <name>gizmo-simulator</name>\n  </author>\n  \
         <description>A generated scene</description>\n</model>\n",
        model.name
    )
}

/// Returns the model of a scene, whose meshes are files.
pub(super) fn sdf(model: &Model) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\"?>\n<sdf version=\"1.9\">\n  <model name=\"{}\">\n",
        model.name
    );
    for assembly in &model.assemblies {
        write_assembly(&mut xml, assembly, &model.name);
    }
    xml.push_str(
        "    <link name=\"camera\">\n      <pose>0 -6 3 0 0.4 1.5708</pose>\n      \
         <inertial>\n        <mass>0.1</mass>\n      </inertial>\n      \
         <sensor name=\"camera\" type=\"camera\">\n        <update_rate>30</update_rate>\n        <camera>\n          \
         <horizontal_fov>1.047</horizontal_fov>\n          <image>\n            <width>640</width>\n            \
         <height>480</height>\n            <format>R8G8B8</format>\n          </image>\n          <clip>\n            \
         <near>0.1</near>\n            <far>100</far>\n          </clip>\n        </camera>\n      </sensor>\n    </link>\n    \
         <joint name=\"camera_mount\" type=\"fixed\">\n      <parent>world</parent>\n      <child>camera</child>\n    </joint>\n  \
         </model>\n</sdf>\n",
    );
    xml
}

fn write_assembly(xml: &mut String, assembly: &Assembly, model: &str) {
    let (sin, cos) = assembly.yaw.sin_cos();
    assembly.base.visit(&mut |body, at| {
        let turned = [at[0] * cos - at[1] * sin, at[0] * sin + at[1] * cos, at[2]];
        let place = super::model::add(assembly.position, turned);
        write_link(xml, body, place, assembly.yaw, model);
    });
    if assembly.base.joint.is_none() {
        let name = &assembly.base.name;
        let _ = write!(
            xml,
            "    <joint name=\"{name}_mount\" type=\"fixed\">\n      <parent>world</parent>\n      \
             <child>{name}</child>\n    </joint>\n"
        );
    }
    write_joints(xml, &assembly.base);
}

fn write_link(xml: &mut String, body: &Body, place: [f64; 3], yaw: f64, model: &str) {
    let mass = body.mass();
    let inertia = number((mass * 0.02).max(1e-5));
    let _ = write!(
        xml,
        "    <link name=\"{}\">\n      <pose>{} 0 0 {}</pose>\n      <inertial>\n        <mass>{}</mass>\n        \
         <inertia>\n          <ixx>{inertia}</ixx>\n          <iyy>{inertia}</iyy>\n          <izz>{inertia}</izz>\n        \
         </inertia>\n      </inertial>\n",
        body.name,
        triple(place, " "),
        number(yaw),
        number(mass)
    );
    for part in &body.parts {
        write_part(xml, part, model);
    }
    xml.push_str("    </link>\n");
}

fn write_part(xml: &mut String, part: &Part, model: &str) {
    let name = &part.mesh.name;
    let file = file_name(name, part.material);
    let shape = format!(
        "        <pose>{} 0 0 0</pose>\n        <geometry>\n          <mesh>\n            <uri>meshes/{file}</uri>\n          \
         </mesh>\n        </geometry>\n",
        triple(part.position, " ")
    );
    let [red, green, blue] = part.material.rgb();
    let texture = if part.material.is_textured() {
        format!(
            "          <pbr>\n            <metal>\n              \
             <albedo_map>model://{model}/textures/{}.png</albedo_map>\n            </metal>\n          </pbr>\n",
            part.material.name()
        )
    } else {
        String::new()
    };
    let _ = write!(
        xml,
        "      <visual name=\"{name}_visual\">\n{shape}        <material>\n          \
         <diffuse>{red} {green} {blue} 1</diffuse>\n{texture}        </material>\n      </visual>\n      \
         <collision name=\"{name}_collision\">\n{shape}      </collision>\n"
    );
}

fn write_joints(xml: &mut String, parent: &Body) {
    for child in &parent.children {
        if let Some(joint) = &child.joint {
            let kind = match joint.kind {
                JointKind::Hinge => "revolute",
                JointKind::Slide => "prismatic",
                JointKind::Free => continue,
            };
            let [low, high] = joint.range.map(number);
            let _ = write!(
                xml,
                "    <joint name=\"{}\" type=\"{kind}\">\n      <parent>{}</parent>\n      <child>{}</child>\n      <axis>\n        \
                 <xyz>{}</xyz>\n        <limit>\n          <lower>{low}</lower>\n          <upper>{high}</upper>\n        \
                 </limit>\n      </axis>\n    </joint>\n",
                joint.name,
                parent.name,
                child.name,
                triple(joint.axis, " ")
            );
        }
        write_joints(xml, child);
    }
}
