//! The robot of a scene as the real service exports it: a directory with an MJCF model that the scene includes.

use super::File;
use super::mjcf::{mesh_files, write_actuators, write_assembly, write_assets, write_contacts};
use super::model::{Assembly, Material, Model, identifier};
use super::texture::{self, Role};

/// The directory of the meshes and textures, below that of the model.
const ASSETS: &str = "assets";

/// Returns the path of the model of the robot with this profile.
pub(super) fn path(profile: &str) -> String {
    format!("{}/robot.xml", identifier(profile))
}

/// Returns the files of the scene's robot, if it has one. The model refers to files relative to its own
/// directory.
pub(super) fn files(model: &Model) -> Vec<File> {
    let ((_, Some(robot)), Some(profile)) = (model.split_robot(), &model.robot_profile) else {
        return Vec::new();
    };
    let parts = robot.parts();
    let textured = Material::textured(parts.iter().map(|part| part.material));
    let directory = format!("{}/{ASSETS}", identifier(profile));
    let mut files = vec![File::new(
        path(profile),
        robot_model(profile, robot, &textured),
    )];
    files.extend(mesh_files(parts, &directory));
    files.extend(texture::files(
        &directory,
        model.seed,
        &textured,
        &[Role::Colour],
        0,
    ));
    files
}

fn robot_model(profile: &str, robot: &Assembly, textured: &[Material]) -> String {
    let mut xml = format!("<mujoco model=\"{}\">\n  <asset>\n", identifier(profile));
    write_assets(&mut xml, textured, &robot.parts(), &format!("{ASSETS}/"));
    xml.push_str("  </asset>\n  <worldbody>\n");
    write_assembly(&mut xml, robot);
    xml.push_str("  </worldbody>\n");
    write_contacts(&mut xml, std::slice::from_ref(robot));
    write_actuators(&mut xml, robot);
    xml.push_str("</mujoco>\n");
    xml
}
