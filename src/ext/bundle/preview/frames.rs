//! Reads the frames of elements.

use super::pose;
use super::pose::{Matrix, Pose, Vec3};
use crate::ext::bundle::mjcf::{Attributes, Compiler};
use crate::ext::error::one_line;

/// The attributes for the orientation of a frame. One of the element has precedence over one of its
/// class. (Before `MuJoCo` 4, one of the class had precedence over the element's `quat`.) Within a
/// class, `quat` is last.
const ORIENTATIONS: [&str; 5] = ["axisangle", "xyaxes", "zaxis", "euler", "quat"];

impl Attributes<'_> {
    /// Returns the pose of the element's frame in its parent frame.
    pub(super) fn pose(&self, compiler: &Compiler) -> Result<Pose, String> {
        let mut pose = Pose::IDENTITY;
        pose.position = self.array("pos")?.unwrap_or_default();
        let find = |has: &dyn Fn(&str) -> bool| ORIENTATIONS.into_iter().find(|name| has(name));
        let explicit = find(&|name| self.element.value(name).is_some());
        let Some(name) = explicit.or_else(|| find(&|name| self.inherited(name).is_some())) else {
            return Ok(pose);
        };
        let rotation = match name {
            "quat" => self.array(name)?.and_then(pose::quaternion),
            "axisangle" => self
                .array(name)?
                .and_then(|[x, y, z, angle]| pose::axis_angle([x, y, z], compiler.radians(angle))),
            "xyaxes" => self
                .array(name)?
                .and_then(|[a, b, c, d, e, f]| pose::xy_axes([a, b, c], [d, e, f])),
            "zaxis" => self.array(name)?.and_then(pose::z_axis),
            _ => {
                let angles = self.array(name)?.unwrap_or_default();
                Some(self.euler(name, compiler, angles)?)
            }
        };
        pose.rotation = rotation.ok_or_else(|| self.invalid(name, "is not an orientation"))?;
        Ok(pose)
    }

    /// Returns the rotation for three angles, which an error attributes to `attribute`.
    pub(super) fn euler(
        &self,
        attribute: &str,
        compiler: &Compiler,
        angles: Vec3,
    ) -> Result<Matrix, String> {
        let angles = angles.map(|angle| compiler.radians(angle));
        let sequence = &compiler.euler_sequence;
        pose::euler(sequence, angles).ok_or_else(|| {
            self.invalid(
                attribute,
                &format!("has the invalid `eulerseq` `{}`", one_line(sequence, 20)),
            )
        })
    }
}
