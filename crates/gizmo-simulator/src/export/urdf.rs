//! Export as `URDF` for Isaac Sim: `asset.urdf` and mesh files.

use std::fmt::Write as _;

use super::File;
use super::model::{Assembly, Body, JointKind, Model, number, triple};

/// Returns the model of an asset, whose meshes are files.
pub(super) fn urdf(model: &Model) -> String {
    let mut urdf = format!(
        "<?xml version=\"1.0\"?>\n<robot name=\"{}\">\n  <link name=\"world\"/>\n",
        model.name
    );
    for assembly in &model.assemblies {
        write_assembly(&mut urdf, assembly);
    }
    urdf.push_str("</robot>\n");
    urdf
}

/// Returns the files of the model's meshes.
pub(super) fn mesh_files(model: &Model) -> impl Iterator<Item = File> {
    let parts = model.parts().into_iter();
    parts.map(|part| File::new(format!("meshes/{}.stl", part.mesh.name), part.mesh.stl()))
}

fn write_assembly(urdf: &mut String, assembly: &Assembly) {
    write_body(
        urdf,
        &assembly.base,
        "world",
        assembly.position,
        assembly.yaw,
    );
}

fn write_body(urdf: &mut String, body: &Body, parent: &str, at: [f64; 3], yaw: f64) {
    let (name, mass) = (&body.name, body.mass());
    let inertia = number((mass * 0.02).max(1e-5));
    let _ = write!(
        urdf,
        "  <link name=\"{name}\">\n    <inertial>\n      <mass value=\"{}\"/>\n      \
         <inertia ixx=\"{inertia}\" ixy=\"0\" ixz=\"0\" iyy=\"{inertia}\" iyz=\"0\" izz=\"{inertia}\"/>\n    </inertial>\n",
        number(mass)
    );
    for part in &body.parts {
        for element in ["visual", "collision"] {
            let _ = writeln!(
                urdf,
                "    <{element}><origin xyz=\"{}\"/><geometry><mesh filename=\"meshes/{}.stl\"/></geometry></{element}>",
                triple(part.position, " "),
                part.mesh.name
            );
        }
    }
    let kind = body
        .joint
        .as_ref()
        .map_or("fixed", |joint| match joint.kind {
            JointKind::Free => "floating",
            JointKind::Hinge => "revolute",
            JointKind::Slide => "prismatic",
        });
    let joint = body
        .joint
        .as_ref()
        .map_or_else(|| format!("{name}_mount"), |joint| joint.name.clone());
    let place = triple(super::model::add(at, body.position), " ");
    let _ = writeln!(
        urdf,
        "  </link>\n  <joint name=\"{joint}\" type=\"{kind}\">\n    <parent link=\"{parent}\"/>\n    \
         <child link=\"{name}\"/>\n    <origin xyz=\"{place}\" rpy=\"0 0 {}\"/>",
        number(yaw)
    );
    if let Some(joint) = body
        .joint
        .as_ref()
        .filter(|joint| joint.kind != JointKind::Free)
    {
        let [low, high] = joint.range.map(number);
        let _ = writeln!(
            urdf,
            "    <axis xyz=\"{}\"/>\n    <limit lower=\"{low}\" upper=\"{high}\" effort=\"100\" velocity=\"2\"/>",
            triple(joint.axis, " ")
        );
    }
    urdf.push_str("  </joint>\n");
    for child in &body.children {
        write_body(urdf, child, name, [0.0; 3], 0.0);
    }
}
