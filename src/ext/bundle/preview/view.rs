//! The parts of the world that the two views show, and their positions on the page.

use super::pose::Vec3;
use super::projection::{ISOMETRIC, PLAN, Projection, Vec2};
use crate::ext::svg::Number;

/// The size of each of the two views, in pixels.
pub(super) const PANEL: Vec2 = [560.0, 460.0];
/// The space for the header, for the scale at the left, and between the views, in pixels.
pub(super) const TOP: f64 = 84.0;
pub(super) const LEFT: f64 = 46.0;
const GAP: f64 = 24.0;
/// The minimum extent of a drawing, in metres.
const MIN_EXTENT: f64 = 0.01;

/// A rectangle: the corner with the minimum X and Y, and the size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rect {
    pub(super) at: Vec2,
    pub(super) size: Vec2,
}

impl Rect {
    /// Returns the smallest rectangle that contains all points; `None` if there are none.
    pub(super) fn around<'p>(points: impl IntoIterator<Item = &'p Vec2>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = *points.next()?;
        let (min, max) = points.fold((first, first), |(min, max), point| {
            let pair = |pick: fn(f64, f64) -> f64, bound: Vec2| {
                [pick(bound[0], point[0]), pick(bound[1], point[1])]
            };
            (pair(f64::min, min), pair(f64::max, max))
        });
        let size = [max[0] - min[0], max[1] - min[1]];
        Some(Self { at: min, size })
    }

    pub(super) fn area(&self) -> f64 {
        self.size[0] * self.size[1]
    }

    pub(super) fn centre(&self) -> Vec2 {
        [0, 1].map(|axis| self.at[axis] + self.size[axis] / 2.0)
    }

    /// Returns the corner with the maximum X and Y.
    pub(super) fn end(&self) -> Vec2 {
        [0, 1].map(|axis| self.at[axis] + self.size[axis])
    }

    /// Returns a rectangle with the same centre and at least this size.
    fn at_least(&self, size: Vec2) -> Self {
        let centre = self.centre();
        let size = [0, 1].map(|axis| self.size[axis].max(size[axis]));
        let at = [0, 1].map(|axis| centre[axis] - size[axis] / 2.0);
        Self { at, size }
    }

    /// Returns the rectangle with a margin all around.
    pub(super) fn grown(&self, margin: f64) -> Self {
        Self {
            at: self.at.map(|at| at - margin),
            size: self.size.map(|size| size + 2.0 * margin),
        }
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        let (end, other_end) = (self.end(), other.end());
        (0..2).all(|axis| self.at[axis] <= other.at[axis] && other_end[axis] <= end[axis])
    }

    /// Whether the rectangles overlap.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (end, other_end) = (self.end(), other.end());
        (0..2).all(|axis| self.at[axis] < other_end[axis] && other.at[axis] < end[axis])
    }
}

/// The part of a plane that a view shows, its scale, and its position on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    projection: Projection,
    /// The part of the plane that is drawn, in metres.
    pub(super) shown: Rect,
    /// Pixels per metre of the plane.
    pub(super) scale: f64,
    /// The rectangle of the view on the page, in pixels.
    pub(super) frame: Rect,
}

impl View {
    /// Returns the view from above of a part of the ground, with a margin.
    pub(super) fn plan(content: Rect) -> Self {
        Self::new(PLAN, content, LEFT)
    }

    /// Returns the isometric view of a part of its plane, with a margin.
    pub(super) fn isometric(content: Rect) -> Self {
        Self::new(ISOMETRIC, content, LEFT + PANEL[0] + GAP)
    }

    fn new(projection: Projection, content: Rect, left: f64) -> Self {
        let margin = content.size[0].max(content.size[1]) * 0.12;
        let size = content.size.map(|size| (size + margin).max(MIN_EXTENT));
        let scale = (PANEL[0] / size[0]).min(PANEL[1] / size[1]);
        Self {
            projection,
            shown: content.at_least(PANEL.map(|size| size / scale)),
            scale,
            frame: Rect {
                at: [left, TOP],
                size: PANEL,
            },
        }
    }

    /// Formats a length in metres with the precision of a tenth of a pixel.
    pub(super) fn metres(&self, value: f64) -> Number {
        let mut decimals = 0;
        let mut tenths = self.scale * 10.0;
        while tenths > 1.0 {
            (decimals, tenths) = (decimals + 1, tenths / 10.0);
        }
        Number(value, decimals)
    }

    /// Formats a length in pixels as metres.
    pub(super) fn pixels(&self, pixels: f64) -> Number {
        self.metres(pixels / self.scale)
    }

    /// Returns the position of a point of the plane on the page, in pixels.
    pub(super) fn on_page(&self, [x, y]: Vec2) -> Vec2 {
        let ([left, _], [_, top]) = (self.shown.at, self.shown.end());
        let [page_left, page_top] = self.frame.at;
        [
            page_left + (x - left) * self.scale,
            page_top + (top - y) * self.scale,
        ]
    }

    /// Returns the position of a point of the world on the page, in pixels.
    pub(super) fn point(&self, point: Vec3) -> Vec2 {
        self.on_page(self.projection.point(point))
    }
}

/// Returns the multiples of `step` between two positions, at most 1,000. Those at the positions are
/// among them, also after a rounding error.
pub(super) fn steps(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (from / step - 1e-6).ceil();
    let last = (to / step + 1e-6).floor();
    // Each is computed from its index, so that rounding errors do not accumulate.
    (0..1000_u32)
        .map(move |index| first + f64::from(index))
        .take_while(move |index| *index <= last)
        .map(move |index| index * step)
}
