//! The shapes of geoms, and their outlines in a projection.
//!
//! All shapes are convex, or drawn as their convex hull. Their farthest point in each direction
//! defines them.

use std::f64::consts::TAU;

use super::pose::{Pose, Vec3, unit};
use super::projection::{Projection, Vec2};
use crate::ext::bundle::mjcf::Vertex;

/// The number of corners of a round outline.
const CORNERS: u32 = 48;
/// The maximum number of corners of the outline of a mesh: it bounds the size of the drawing.
const MAX_CORNERS: u32 = 96;
/// Half the size of an infinite plane, in metres: beyond every drawing.
pub(super) const FAR: f64 = 1e7;

/// The shape of a geom in its own frame.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Half the size along each axis.
    Box(Vec3),
    /// The radii. Those of a sphere are equal.
    Ellipsoid(Vec3),
    /// The radius, and half the length along Z without the caps.
    Capsule(f64, f64),
    /// The radius, and half the length along Z.
    Cylinder(f64, f64),
    /// Half the size along X and Y.
    Plane(f64, f64),
}

impl Shape {
    /// Returns a plane of half this size; 0 is infinite.
    pub(super) fn plane(x: f64, y: f64) -> Self {
        let [x, y] = [x, y].map(|half| if half > 0.0 { half } else { FAR });
        Self::Plane(x, y)
    }

    /// Returns the farthest point in a direction.
    fn support(&self, direction: Vec3) -> Vec3 {
        let side = |half: f64, along: f64| if along < 0.0 { -half } else { half };
        match self {
            Self::Box(half) => [0, 1, 2].map(|axis| side(half[axis], direction[axis])),
            Self::Plane(x, y) => [side(*x, direction[0]), side(*y, direction[1]), 0.0],
            Self::Ellipsoid(radii) => {
                let scaled = [0, 1, 2].map(|axis| radii[axis] * direction[axis]);
                let [x, y, z] = unit(scaled).unwrap_or_default();
                [x * radii[0], y * radii[1], z * radii[2]]
            }
            Self::Capsule(radius, half) => {
                let [x, y, z] = unit(direction).unwrap_or_default();
                [x * radius, y * radius, z * radius + side(*half, z)]
            }
            Self::Cylinder(radius, half) => {
                let [x, y, _] = unit([direction[0], direction[1], 0.0]).unwrap_or_default();
                [x * radius, y * radius, side(*half, direction[2])]
            }
        }
    }

    /// Returns the outline in a projection, counterclockwise.
    pub(super) fn outline(&self, pose: &Pose, projection: Projection) -> Vec<Vec2> {
        let flat = |point: Vec3| projection.point(pose.point(point));
        let round = || {
            directions(CORNERS)
                .map(|direction| self.support(pose.direction_in(projection.direction(direction))))
        };
        hull(match self {
            Self::Box([x, y, z]) => corners([*x, *y, *z]).map(flat).collect(),
            Self::Plane(x, y) => corners([*x, *y, 0.0]).map(flat).collect(),
            Self::Ellipsoid(_) => round().map(flat).collect(),
            // The sides have two farthest points, one at each end, and rounding picks one of them.
            Self::Capsule(_, half) | Self::Cylinder(_, half) => round()
                .flat_map(|[x, y, z]| {
                    let other = if z > 0.0 {
                        z - 2.0 * half
                    } else {
                        z + 2.0 * half
                    };
                    [[x, y, z], [x, y, other]]
                })
                .map(flat)
                .collect(),
        })
    }

    /// Returns the heights of the lowest and the highest point.
    pub(super) fn heights(&self, pose: &Pose) -> [f64; 2] {
        [-1.0, 1.0].map(|up| pose.point(self.support(pose.direction_in([0.0, 0.0, up])))[2])
    }
}

/// A mesh, drawn as its convex hull: its vertices, at least one.
#[derive(Debug)]
pub(super) struct Mesh(pub(super) Vec<Vertex>);

impl Mesh {
    /// Returns the outline in each projection, counterclockwise, and the heights of the lowest and
    /// the highest point.
    pub(super) fn outlines<const N: usize>(
        &self,
        pose: &Pose,
        projections: [Projection; N],
    ) -> ([Vec<Vec2>; N], [f64; 2]) {
        let mut heights = [f64::INFINITY, f64::NEG_INFINITY];
        for vertex in &self.0 {
            let [_, _, z] = pose.point(vertex.map(f64::from));
            heights = [heights[0].min(z), heights[1].max(z)];
        }
        let outlines = projections.map(|projection| {
            let points = self.0.iter();
            let points = points.map(|point| projection.point(pose.point(point.map(f64::from))));
            with_fewer_corners(hull(without_inner(points.collect())))
        });
        (outlines, heights)
    }
}

/// Returns a number of directions all around a plane, counterclockwise. Those along the axes are
/// among them if the number is a multiple of four.
fn directions(count: u32) -> impl Iterator<Item = Vec2> {
    (0..count).map(move |index| {
        let (y, x) = (TAU * f64::from(index) / f64::from(count)).sin_cos();
        [x, y]
    })
}

/// Reduces the corners of a convex outline to those that are the farthest in a direction.
fn with_fewer_corners(outline: Vec<Vec2>) -> Vec<Vec2> {
    if outline.len() <= MAX_CORNERS as usize {
        return outline;
    }
    farthest(&outline, MAX_CORNERS)
}

/// Removes most of the points within the hull, which then takes less time.
fn without_inner(mut points: Vec<Vec2>) -> Vec<Vec2> {
    if points.len() <= MAX_CORNERS as usize {
        return points;
    }
    let octagon = farthest(&points, 8);
    if octagon.len() < 3 {
        return points;
    }
    points.retain(|point| {
        let following = octagon.iter().cycle().skip(1);
        let mut sides = octagon.iter().zip(following);
        !sides.all(|(a, b)| turns_left(*a, *b, *point))
    });
    points
}

/// Returns the hull of the points that are the farthest in one of this many directions.
fn farthest(points: &[Vec2], count: u32) -> Vec<Vec2> {
    let along = |[x, y]: Vec2, point: &Vec2| x * point[0] + y * point[1];
    let farthest = directions(count).filter_map(|direction| {
        let by_distance =
            |a: &&Vec2, b: &&Vec2| along(direction, a).total_cmp(&along(direction, b));
        points.iter().max_by(by_distance).copied()
    });
    hull(farthest.collect())
}

/// Returns the corners of a box of half this size.
pub(super) fn corners([x, y, z]: Vec3) -> impl Iterator<Item = Vec3> {
    let sign = |bit: u8, half: f64| if bit == 0 { -half } else { half };
    (0..8_u8).map(move |corner| {
        [
            sign(corner & 1, x),
            sign(corner & 2, y),
            sign(corner & 4, z),
        ]
    })
}

/// Returns the convex hull, counterclockwise, by [Andrew's monotone chain][chain].
///
/// [chain]: https://doi.org/10.1016/0020-0190(79)90072-3
pub(super) fn hull(mut points: Vec<Vec2>) -> Vec<Vec2> {
    points.sort_unstable_by(|left, right| {
        let by_x = left[0].total_cmp(&right[0]);
        by_x.then(left[1].total_cmp(&right[1]))
    });
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let mut lower = half_hull(points.iter());
    let mut upper = half_hull(points.iter().rev());
    // Each half ends where the other starts.
    lower.pop();
    upper.pop();
    lower.append(&mut upper);
    lower
}

fn half_hull<'a>(points: impl Iterator<Item = &'a Vec2>) -> Vec<Vec2> {
    let mut kept: Vec<Vec2> = Vec::new();
    for point in points {
        while let [.., before, last] = kept.as_slice()
            && !turns_left(*before, *last, *point)
        {
            kept.pop();
        }
        kept.push(*point);
    }
    kept
}

fn turns_left(a: Vec2, b: Vec2, c: Vec2) -> bool {
    (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])
}

/// Returns the area of a convex outline, by the shoelace formula.
pub(super) fn area(outline: &[Vec2]) -> f64 {
    let Some(origin) = outline.first() else {
        return 0.0;
    };
    let twice = outline.windows(2).map(|side| {
        let [a, b] = [side[0], side[1]].map(|[x, y]| [x - origin[0], y - origin[1]]);
        a[0] * b[1] - a[1] * b[0]
    });
    twice.sum::<f64>().abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_with_many_corners_keeps_its_bounds() {
        let circle: Vec<Vec2> = directions(10_000).collect();
        let fewer = with_fewer_corners(hull(circle));
        assert!((90..=96).contains(&fewer.len()), "{}", fewer.len());
        for [x, y] in [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]] {
            let near = |point: &Vec2| (point[0] - x).hypot(point[1] - y) < 1e-9;
            assert!(fewer.iter().any(near), "{x} {y}");
        }
    }

    #[test]
    fn points_within_a_hull_do_not_change_it() {
        for radius in [0.999, 0.9, 0.5, 0.0] {
            let circle: Vec<Vec2> = directions(200).collect();
            let inner = circle.iter().map(|point| point.map(|part| part * radius));
            let all: Vec<Vec2> = inner.chain(circle.iter().copied()).collect();
            let fewer = without_inner(all.clone());
            assert_eq!(hull(fewer.clone()), hull(all));
            assert!(radius > 0.9 || fewer.len() == circle.len(), "{radius}");
        }
    }

    #[test]
    fn a_hull_consists_of_the_corners() {
        let square = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        let mut crowded = square.clone();
        crowded.extend([[0.5, 0.5], [0.5, 0.0], [1.0, 1.0], [0.0, 0.25]]);
        crowded.reverse();
        assert_eq!(hull(crowded), square);
        let line = vec![[2.0, 2.0], [0.0, 0.0], [1.0, 1.0]];
        assert_eq!(hull(line), [[0.0, 0.0], [2.0, 2.0]]);
        assert_eq!(hull(vec![[1.0, 2.0]; 3]), [[1.0, 2.0]]);
        assert!(hull(Vec::new()).is_empty());
    }
}
