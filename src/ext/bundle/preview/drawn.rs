//! A geom with what the drawing needs of it.

use super::plan::{Form, Geom, Plan};
use super::projection::Vec2;
use super::shape::{FAR, Shape};
use crate::ext::svg::{Number, text};

/// What a geom is in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Floor,
    Wall,
    Ceiling,
    /// A part of the building, such as a window or a skirting board.
    Fitting,
    Object,
}

/// A geom with its outlines.
#[derive(Debug)]
pub(super) struct Drawn<'p> {
    pub(super) geom: &'p Geom,
    pub(super) role: Role,
    pub(super) colour: [u8; 3],
    /// The outline of its footprint, in metres.
    pub(super) outline: Vec<Vec2>,
    /// Its outline in the isometric view, in metres.
    pub(super) silhouette: Vec<Vec2>,
    /// The heights of its lowest and its highest point, in metres.
    pub(super) heights: [f64; 2],
}

/// Returns one of the outlines of a geom.
pub(super) type OutlineOf = for<'d> fn(&'d Drawn<'_>) -> &'d [Vec2];

impl Drawn<'_> {
    pub(super) fn is_plane(&self) -> bool {
        matches!(self.geom.form, Form::Shape(Shape::Plane(..)))
    }

    /// Whether it is an infinite plane.
    pub(super) fn is_infinite(&self) -> bool {
        matches!(self.geom.form, Form::Shape(Shape::Plane(x, y)) if x.max(y) >= FAR)
    }

    /// Returns its names and its heights, for a tooltip.
    pub(super) fn title(&self, plan: &Plan<'_>) -> String {
        let names = [&plan.bodies[self.geom.body].name, &self.geom.name];
        let names = names.into_iter().flatten().map(|name| text(name, 80));
        let [from, to] = self.heights.map(|height| Number(height, 3));
        let names = names.collect::<Vec<_>>().join(" / ");
        format!("{names} ({from} to {to} m high)")
    }
}
