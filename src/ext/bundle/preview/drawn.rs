//! A geom as the picture shows it.

use super::plan::Geom;
use super::shape::{FAR, Shape, Vec2};

/// A geom with its outline and its lowest and highest point.
#[derive(Debug)]
pub(super) struct Drawn<'p> {
    pub(super) geom: &'p Geom<'p>,
    pub(super) outline: Vec<Vec2>,
    pub(super) heights: [f64; 2],
}

impl Drawn<'_> {
    pub(super) fn is_plane(&self) -> bool {
        matches!(self.geom.shape, Shape::Plane(..))
    }

    /// Whether it is a plane without an end.
    pub(super) fn is_endless(&self) -> bool {
        matches!(self.geom.shape, Shape::Plane(x, y) if x.max(y) >= FAR)
    }
}
