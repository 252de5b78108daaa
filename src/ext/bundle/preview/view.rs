//! Which part of the world is on the page, and where.

use super::shape::Vec2;
use crate::ext::svg::Number;

/// The largest and the smallest size of the drawing, in pixels.
const LARGEST: Vec2 = [960.0, 720.0];
const SMALLEST: Vec2 = [560.0, 320.0];
/// Room for the header and for the scale at the left, in pixels.
pub(super) const TOP: f64 = 66.0;
pub(super) const LEFT: f64 = 46.0;
/// The least extent of a drawing, in metres.
const TINY: f64 = 0.01;

/// A rectangle: its corner with the least X and Y, and its size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rect {
    pub(super) at: Vec2,
    pub(super) size: Vec2,
}

impl Rect {
    /// The smallest one around all points; `None` without any.
    pub(super) fn around<'p>(points: impl IntoIterator<Item = &'p Vec2>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = *points.next()?;
        let (least, most) = points.fold((first, first), |(least, most), point| {
            let pair = |pick: fn(f64, f64) -> f64, bound: Vec2| {
                [pick(bound[0], point[0]), pick(bound[1], point[1])]
            };
            (pair(f64::min, least), pair(f64::max, most))
        });
        let size = [most[0] - least[0], most[1] - least[1]];
        Some(Self { at: least, size })
    }

    pub(super) fn area(&self) -> f64 {
        self.size[0] * self.size[1]
    }

    pub(super) fn centre(&self) -> Vec2 {
        [0, 1].map(|axis| self.at[axis] + self.size[axis] / 2.0)
    }

    pub(super) fn end(&self) -> Vec2 {
        [0, 1].map(|axis| self.at[axis] + self.size[axis])
    }

    /// The same centre, and at least this size.
    fn at_least(&self, size: Vec2) -> Self {
        let centre = self.centre();
        let size = [0, 1].map(|axis| self.size[axis].max(size[axis]));
        let at = [0, 1].map(|axis| centre[axis] - size[axis] / 2.0);
        Self { at, size }
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        let (end, other_end) = (self.end(), other.end());
        (0..2).all(|axis| self.at[axis] < other_end[axis] && other.at[axis] < end[axis])
    }
}

/// Which part of the world is shown, and how large.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// In metres.
    pub(super) shown: Rect,
    /// Pixels to a metre.
    pub(super) scale: f64,
}

impl View {
    /// Shows all of this, and a margin around it.
    pub(super) fn around(everything: Rect) -> Self {
        let margin = everything.size[0].max(everything.size[1]) * 0.12;
        let size = everything.size.map(|size| (size + margin).max(TINY));
        let scale = (LARGEST[0] / size[0]).min(LARGEST[1] / size[1]);
        let size = [0, 1].map(|axis| size[axis].max(SMALLEST[axis] / scale));
        Self {
            shown: everything.at_least(size),
            scale,
        }
    }

    /// A length in metres, precise to a tenth of a pixel.
    pub(super) fn metres(&self, value: f64) -> Number {
        let mut decimals = 0;
        let mut tenths = self.scale * 10.0;
        while tenths > 1.0 {
            (decimals, tenths) = (decimals + 1, tenths / 10.0);
        }
        Number(value, decimals)
    }

    /// Pixels as metres.
    pub(super) fn pixels(&self, pixels: f64) -> Number {
        self.metres(pixels / self.scale)
    }

    pub(super) fn size(&self) -> Vec2 {
        self.shown.size.map(|size| size * self.scale)
    }

    /// Where a point of the world is on the page, in pixels.
    pub(super) fn on_page(&self, [x, y]: Vec2) -> Vec2 {
        let [left, top] = [self.shown.at[0], self.shown.end()[1]];
        [LEFT + (x - left) * self.scale, TOP + (top - y) * self.scale]
    }

    /// The drawing's place on the page, in pixels.
    pub(super) fn frame(&self) -> Rect {
        Rect {
            at: [LEFT, TOP],
            size: self.size(),
        }
    }
}
