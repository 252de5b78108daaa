//! Geoms with what the drawing needs of them.

use super::plan::Geom;
use super::shape::{FAR, Shape, Vec2};

/// A geom with its footprint.
#[derive(Debug)]
pub(super) struct Drawn<'p> {
    pub(super) geom: &'p Geom<'p>,
    /// The outline of its footprint, in metres.
    pub(super) outline: Vec<Vec2>,
    /// The heights of its lowest and its highest point, in metres.
    pub(super) heights: [f64; 2],
}

impl Drawn<'_> {
    pub(super) fn is_plane(&self) -> bool {
        matches!(self.geom.shape, Shape::Plane(..))
    }

    /// Whether it is an infinite plane.
    pub(super) fn is_infinite(&self) -> bool {
        matches!(self.geom.shape, Shape::Plane(x, y) if x.max(y) >= FAR)
    }
}
