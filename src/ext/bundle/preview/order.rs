//! The order in which solids are painted in the isometric view, so that each covers those behind it.

use super::pose::{Vec3, dot};
use super::projection::ISOMETRIC;
use super::view::Rect;

/// The bounds of a solid, in metres.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) low: Vec3,
    pub(super) high: Vec3,
    /// Its bounds on the isometric plane.
    pub(super) flat: Rect,
}

impl Bounds {
    /// Returns how far this is behind `other`: the largest distance between them along an axis. It
    /// is negative if they overlap along all axes.
    fn behind(&self, other: &Self) -> f64 {
        let west = other.low[0] - self.high[0];
        let north = self.low[1] - other.high[1];
        let below = other.low[2] - self.high[2];
        west.max(north).max(below)
    }

    /// Whether `other` covers a part of this.
    fn is_covered_by(&self, other: &Self) -> bool {
        self.flat.overlaps(&other.flat) && self.behind(other) > other.behind(self)
    }

    fn depth(&self) -> f64 {
        let centre = [0, 1, 2].map(|axis| f64::midpoint(self.low[axis], self.high[axis]));
        dot(ISOMETRIC.towards, centre)
    }
}

/// Returns the indices of solids from the back to the front.
///
/// Each comes after all that it covers, unless solids cover each other in a cycle. This compares
/// all pairs.
pub(super) fn back_to_front(solids: &[Bounds]) -> Vec<usize> {
    let mut farthest: Vec<usize> = (0..solids.len()).collect();
    farthest.sort_by(|a, b| solids[*a].depth().total_cmp(&solids[*b].depth()));
    let mut order = Vec::with_capacity(solids.len());
    let mut is_visited = vec![false; solids.len()];
    // The solids that wait for those that they cover, each with the number of solids that were
    // compared with it.
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    for start in &farthest {
        if std::mem::replace(&mut is_visited[*start], true) {
            continue;
        }
        waiting.push((*start, 0));
        while let Some((solid, compared)) = waiting.last_mut() {
            let rest = &farthest[*compared..];
            let covers = |other: &&usize| {
                !is_visited[**other] && solids[**other].is_covered_by(&solids[*solid])
            };
            let Some(offset) = rest.iter().position(|other| covers(&other)) else {
                order.push(*solid);
                waiting.pop();
                continue;
            };
            let behind = rest[offset];
            *compared += offset + 1;
            is_visited[behind] = true;
            waiting.push((behind, 0));
        }
    }
    order
}
