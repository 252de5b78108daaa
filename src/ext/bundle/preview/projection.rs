//! The two directions from which a scene is drawn.

use super::pose::{Vec3, dot};

/// A point of a plane, in metres.
pub(super) type Vec2 = [f64; 2];

/// 1/√2, 1/√3, 1/√6 and √(2/3): the parts of the isometric axes.
const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;
const THIRD: f64 = 0.577_350_269_189_625_8;
const SIXTH: f64 = 0.408_248_290_463_863;
const TWO_THIRDS: f64 = 0.816_496_580_927_726;

/// A parallel projection of the world to a plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Projection {
    /// The directions of the world that point to the right and up on the plane, of length 1.
    right: Vec3,
    up: Vec3,
    /// The direction towards the viewer.
    pub(super) towards: Vec3,
}

/// The view from above, with X to the right and Y upwards.
pub(super) const PLAN: Projection = Projection {
    right: [1.0, 0.0, 0.0],
    up: [0.0, 1.0, 0.0],
    towards: [0.0, 0.0, 1.0],
};

/// The view along the diagonal of a cube, from its corner with the maximum X, the minimum Y and the
/// maximum Z. Lengths along the three axes appear at the same scale.
pub(super) const ISOMETRIC: Projection = Projection {
    right: [HALF, HALF, 0.0],
    up: [-SIXTH, SIXTH, TWO_THIRDS],
    towards: [THIRD, -THIRD, THIRD],
};

impl Projection {
    /// Projects a point of the world.
    pub(super) fn point(&self, point: Vec3) -> Vec2 {
        [dot(self.right, point), dot(self.up, point)]
    }

    /// Returns the direction of the world that has these parts on the plane.
    pub(super) fn direction(&self, [right, up]: Vec2) -> Vec3 {
        [0, 1, 2].map(|axis| right * self.right[axis] + up * self.up[axis])
    }
}
