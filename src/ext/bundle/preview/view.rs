//! The part of the world that is drawn, and its position on the page.

use super::shape::Vec2;
use crate::ext::svg::Number;

/// The maximum and the minimum size of the drawing, in pixels.
const MAX_SIZE: Vec2 = [960.0, 720.0];
const MIN_SIZE: Vec2 = [560.0, 320.0];
/// The space for the header, and for the scale at the left, in pixels.
pub(super) const TOP: f64 = 66.0;
pub(super) const LEFT: f64 = 46.0;
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

    /// Whether the rectangles overlap.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (end, other_end) = (self.end(), other.end());
        (0..2).all(|axis| self.at[axis] < other_end[axis] && other.at[axis] < end[axis])
    }
}

/// The part of the world that is drawn, and its scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// The part that is drawn, in metres.
    pub(super) shown: Rect,
    /// Pixels per metre.
    pub(super) scale: f64,
}

impl View {
    /// Returns a view of `content` with a margin.
    pub(super) fn around(content: Rect) -> Self {
        let margin = content.size[0].max(content.size[1]) * 0.12;
        let size = content.size.map(|size| (size + margin).max(MIN_EXTENT));
        let scale = (MAX_SIZE[0] / size[0]).min(MAX_SIZE[1] / size[1]);
        let size = [0, 1].map(|axis| size[axis].max(MIN_SIZE[axis] / scale));
        Self {
            shown: content.at_least(size),
            scale,
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

    /// Returns the size of the drawing in pixels.
    pub(super) fn size(&self) -> Vec2 {
        self.shown.size.map(|size| size * self.scale)
    }

    /// Returns the position of a point of the world on the page, in pixels.
    pub(super) fn on_page(&self, [x, y]: Vec2) -> Vec2 {
        let [left, top] = [self.shown.at[0], self.shown.end()[1]];
        [LEFT + (x - left) * self.scale, TOP + (top - y) * self.scale]
    }

    /// Returns the rectangle of the drawing on the page, in pixels.
    pub(super) fn frame(&self) -> Rect {
        Rect {
            at: [LEFT, TOP],
            size: self.size(),
        }
    }
}
