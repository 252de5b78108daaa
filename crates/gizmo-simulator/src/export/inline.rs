//! Export as MJCF in the observed shape: one file that contains all meshes, and textures in layers.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use super::brief::place;
use super::mesh::Mesh;
use super::mjcf::{write_body, write_contacts};
use super::model::{Assembly, JointKind, Material, Model, Part, add, number, triple};
use super::texture::{Role, file_name};
use super::{robot, room};
use crate::random::Random;
use crate::shape::ExportShape;

/// The textures of a material.
pub(super) const ROLES: &[Role] = &[Role::Colour, Role::Normal];

/// The size of the buffer in bytes for the text of meshes, of which there can be hundreds of megabytes.
const BUFFER: usize = 1 << 16;

/// The contents of a scene or an asset.
struct Scene<'a> {
    model: &'a Model,
    /// The furniture with geometry.
    complete: &'a [Assembly],
    /// The furniture without geometry.
    empty: &'a [Assembly],
    shape: &'a ExportShape,
}

/// Writes the model of the scene or the asset with this id.
pub(super) fn write(
    id: &str,
    model: &Model,
    shape: &ExportShape,
    output: &mut dyn Write,
) -> io::Result<()> {
    let (furniture, _) = model.split_robot();
    let (complete, empty) = furniture.split_at(furniture.len().saturating_sub(shape.empty_assets));
    let scene = Scene {
        model,
        complete,
        empty,
        shape,
    };
    let mut output = BufWriter::with_capacity(BUFFER, output);
    write!(
        output,
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <!-- A simulated export: metres, radians, z ↑, 9.81 m/s² -->\n<mujoco model=\"{id}\">\n  \
         <compiler angle=\"radian\" autolimits=\"true\" balanceinertia=\"true\" boundmass=\"1e-6\" boundinertia=\"1e-8\"/>\n  \
         <option timestep=\"0.002\" integrator=\"implicitfast\" cone=\"elliptic\">\n    <flag energy=\"enable\"/>\n  </option>\n  \
         <visual>\n    <headlight diffuse=\"0.4 0.4 0.4\" ambient=\"0.2 0.2 0.2\"/>\n  </visual>\n  <default>\n    \
         <geom density=\"300\" friction=\"0.8 0.005 0.0001\"/>\n    <joint damping=\"0.5\" frictionloss=\"0.05\"/>\n  \
         </default>\n  <asset>\n"
    )?;
    output.write_all(scene.materials().as_bytes())?;
    scene.write_meshes(&mut output)?;
    output.write_all(b"  </asset>\n")?;
    output.write_all(scene.world().as_bytes())?;
    output.write_all(scene.rest().as_bytes())?;
    output.flush()
}

impl Scene<'_> {
    /// Returns the textures and materials.
    fn materials(&self) -> String {
        let mut xml = String::from(
            "    <texture name=\"sky\" type=\"skybox\" builtin=\"gradient\" rgb1=\"0.5 0.6 0.7\" \
             rgb2=\"0.1 0.1 0.15\" width=\"64\" height=\"64\"/>\n",
        );
        let textured = self.model.textured();
        for material in Material::ALL {
            if textured.contains(material) {
                write_layers(&mut xml, *material);
            } else if !material.is_textured() {
                let (name, rgb) = (material_name(*material), material.rgb().join(" "));
                let _ = writeln!(
                    xml,
                    "    <material name=\"{name}\" rgba=\"{rgb} 1\" roughness=\"0.7\"/>"
                );
            }
        }
        xml
    }

    fn write_meshes(&self, output: &mut impl Write) -> io::Result<()> {
        let slabs = room::slabs(self.pieces(), self.shape.extra_meshes);
        for slab in slabs.iter().filter(|slab| slab.mesh == slab.name) {
            let mesh = Mesh::cuboid(slab.name.to_owned(), slab.size);
            write_mesh(output, "bake", &mesh)?;
        }
        for part in self.complete.iter().flat_map(Assembly::parts) {
            write_mesh(output, "mod", &part.mesh)?;
        }
        for index in 0..self.shape.extra_meshes {
            let mut random = Random::of(&[&self.model.seed.to_string(), &rock_name(index)]);
            let mesh = room::rock(rock_name(index), self.shape.extra_faces, &mut random);
            write_mesh(output, "cutout", &mesh)?;
        }
        Ok(())
    }

    /// Returns the bodies.
    fn world(&self) -> String {
        let mut xml = String::from(
            "  <worldbody>\n    <light name=\"sun_0\" pos=\"0 0 6\" dir=\"0 0 -1\" directional=\"true\"/>\n    \
             <light name=\"fill_1\" pos=\"3 -3 4\" dir=\"-0.6 0.6 -0.8\" diffuse=\"0.5 0.5 0.5\"/>\n    \
             <!-- the room -->\n",
        );
        for slab in room::slabs(self.pieces(), self.shape.extra_meshes) {
            open_fixed(&mut xml, slab.name, slab.position);
            let mesh = format!("bake_{}", slab.mesh);
            write_fixed(&mut xml, slab.name, 0.0, &mesh, slab.material);
            xml.push_str("    </body>\n");
        }
        let rocks: Vec<usize> = (0..self.shape.extra_meshes).collect();
        for (row, rocks) in rocks.chunks(room::ROW).enumerate() {
            let position = room::row_position(self.pieces(), row);
            open_fixed(&mut xml, &format!("rocks_{row}_rigid_body"), position);
            for (column, index) in rocks.iter().enumerate() {
                let name = rock_name(*index);
                let mesh = format!("cutout_{name}");
                write_fixed(
                    &mut xml,
                    &name,
                    room::column_offset(column),
                    &mesh,
                    Material::Plaster,
                );
            }
            xml.push_str("    </body>\n");
        }
        xml.push_str("    <!-- the assets -->\n");
        for assembly in self.complete {
            write_assembly(&mut xml, assembly, true);
        }
        for assembly in self.empty {
            write_assembly(&mut xml, assembly, false);
        }
        let _ = write!(
            xml,
            "    <site name=\"spawn_Robot_Spawn\" pos=\"{}\" size=\"0.05\"/>\n  </worldbody>\n",
            triple(place(self.pieces()), " ")
        );
        xml
    }

    /// Returns the elements after the bodies.
    fn rest(&self) -> String {
        let mut xml = String::new();
        write_contacts(&mut xml, self.complete);
        xml.push_str("  <sensor>\n");
        let all = self.complete.iter().chain(self.empty);
        for name in all.filter(|assembly| is_free(assembly)).map(root_name) {
            let _ = write!(
                xml,
                "    <framepos name=\"pos_{name}\" objtype=\"body\" objname=\"{name}\"/>\n    \
                 <framequat name=\"quat_{name}\" objtype=\"body\" objname=\"{name}\"/>\n"
            );
        }
        xml.push_str(
            "    <clock name=\"time\"/>\n  </sensor>\n  <keyframe>\n    <key name=\"simstudio_home\"/>\n    \
             <key name=\"simstudio_reset\"/>\n  </keyframe>\n",
        );
        if let Some(profile) = &self.model.robot_profile {
            let _ = writeln!(xml, "  <include file=\"{}\"/>", robot::path(profile));
        }
        xml.push_str("</mujoco>\n");
        xml
    }

    /// Returns the number of pieces of furniture.
    fn pieces(&self) -> usize {
        self.complete.len() + self.empty.len()
    }
}

fn material_name(material: Material) -> String {
    format!("mat_{}", material as usize)
}

/// Writes a material with its textures.
fn write_layers(xml: &mut String, material: Material) {
    let mut layers = String::new();
    for role in ROLES {
        let file = file_name(material, *role);
        let texture = format!("tex_{}", file.trim_end_matches(".png"));
        let name = match role {
            Role::Colour => "rgb",
            Role::Normal => "normal",
        };
        let _ = writeln!(
            xml,
            "    <texture name=\"{texture}\" type=\"2d\" file=\"textures/{file}\"/>"
        );
        let _ = writeln!(
            layers,
            "      <layer role=\"{name}\" texture=\"{texture}\"/>"
        );
    }
    let _ = write!(
        xml,
        "    <material name=\"{}\" rgba=\"1 1 1 1\" roughness=\"0.7\" texrepeat=\"1 1\" texuniform=\"true\">\n\
         {layers}    </material>\n",
        material_name(material)
    );
}

fn rock_name(index: usize) -> String {
    format!("rock_{index}")
}

/// Returns the name of the body of a piece of furniture: `toolbox_2_articulation_interactable`.
fn root_name(assembly: &Assembly) -> String {
    let kind = if is_articulated(assembly) {
        "articulation_interactable"
    } else {
        "rigid_body"
    };
    format!("{}_{kind}", assembly.base.name)
}

fn is_articulated(assembly: &Assembly) -> bool {
    !assembly.base.children.is_empty()
}

/// Returns whether a piece of furniture can be moved. Articulated ones always can.
fn is_free(assembly: &Assembly) -> bool {
    let joint = assembly.base.joint.as_ref();
    is_articulated(assembly) || joint.is_some_and(|joint| joint.kind == JointKind::Free)
}

/// Writes a mesh as separate triangles, so that the numbers of its vertices are consecutive.
fn write_mesh(output: &mut impl Write, prefix: &str, mesh: &Mesh) -> io::Result<()> {
    let corners = || mesh.triangles.iter().flatten();
    let name = &mesh.name;
    write!(output, "    <mesh name=\"{prefix}_{name}\" vertex=\"")?;
    let mut separator = "";
    for (vertex, _) in corners() {
        let [x, y, z] = mesh.vertices[*vertex];
        write!(output, "{separator}{x:.5} {y:.5} {z:.5}")?;
        separator = " ";
    }
    output.write_all(b"\" face=\"0")?;
    for number in 1..3 * mesh.triangles.len() {
        write!(output, " {number}")?;
    }
    output.write_all(b"\" texcoord=\"")?;
    separator = "";
    for (_, uv) in corners() {
        let [u, v] = mesh.uvs[*uv];
        write!(output, "{separator}{u:.5} {v:.5}")?;
        separator = " ";
    }
    output.write_all(b"\"/>\n")
}

/// Writes the start of a body that does not move.
fn open_fixed(xml: &mut String, name: &str, position: [f64; 3]) {
    let position = triple(position, " ");
    let _ = writeln!(xml, "    <body name=\"{name}\" pos=\"{position}\">");
}

/// Writes a geom of a body that does not move. It collides only with what moves.
fn write_fixed(xml: &mut String, name: &str, x: f64, mesh: &str, material: Material) {
    let _ = writeln!(
        xml,
        "      <geom name=\"{name}_geom\" type=\"mesh\" mesh=\"{mesh}\" pos=\"{} 0 0\" material=\"{}\" \
         contype=\"1\" conaffinity=\"2\" density=\"0\"/>",
        number(x),
        material_name(material)
    );
}

/// Writes a piece of furniture. An articulated one is a tree of bodies within a body that can be moved.
fn write_assembly(xml: &mut String, assembly: &Assembly, has_geometry: bool) {
    let base = &assembly.base;
    let (sine, cosine) = (assembly.yaw / 2.0).sin_cos();
    let _ = writeln!(
        xml,
        "    <body name=\"{}\" pos=\"{}\" quat=\"{} 0 0 {}\">",
        root_name(assembly),
        triple(add(assembly.position, base.position), " "),
        number(cosine),
        number(sine)
    );
    if is_free(assembly) {
        xml.push_str("      <freejoint/>\n");
    }
    if is_articulated(assembly) {
        xml.push_str(
            "      <inertial mass=\"0.02\" pos=\"0 0 0\" diaginertia=\"0.0002 0.0002 0.0002\"/>\n",
        );
    }
    if has_geometry && is_articulated(assembly) {
        write_body(xml, base, [0.0; 3], "", 3, write_geoms);
    } else if has_geometry {
        write_geoms(xml, &base.parts, 3);
    }
    xml.push_str("    </body>\n");
}

fn write_geoms(xml: &mut String, parts: &[Part], depth: usize) {
    let indent = "  ".repeat(depth);
    for part in parts {
        let _ = writeln!(
            xml,
            "{indent}<geom name=\"{0}\" type=\"mesh\" mesh=\"mod_{0}\" pos=\"{1}\" material=\"{2}\"/>",
            part.mesh.name,
            triple(part.position, " "),
            material_name(part.material)
        );
    }
}
