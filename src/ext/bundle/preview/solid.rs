//! The faces of geoms in the isometric view.

use std::f64::consts::PI;

use super::drawn::{Drawn, Role};
use super::order::Bounds;
use super::plan::Form;
use super::pose::{Vec3, dot};
use super::projection::{ISOMETRIC, Vec2};
use super::shape::{Shape, area, hull};
use super::view::Rect;

/// The light: upper sides are bright, those towards negative Y are darker, and those towards X are
/// the darkest.
const LIGHT: Vec3 = [0.2, -0.6, 1.0];
/// The light of a shape without faces.
const FLAT_LIGHT: f64 = 0.65;
/// The sides of a round solid have a shade for each of this many parts of a circle.
const SHADES: f64 = 16.0;
/// A face is invisible if its normal has less than this part towards the viewer.
const EDGE_ON: f64 = 1e-9;
/// An outline with this many corners is round.
const ROUND: usize = 12;
/// A geom is drawn as a prism if that covers at most this many times the area of its silhouette.
const FAITHFUL: f64 = 1.05;
/// The height to which walls are cut if they would hide the room, in metres.
const CUT: f64 = 0.15;
/// The part of a room, at its far sides, where walls remain.
const FAR_SIDE: f64 = 0.125;

/// A visible face.
#[derive(Debug)]
pub(super) struct Face {
    /// Its outline on the isometric plane, in metres.
    pub(super) outline: Vec<Vec2>,
    /// The light on it, from 0 to 1.
    pub(super) light: f64,
    /// Whether it is a part of a round side, so that its edges are invisible.
    pub(super) is_round: bool,
}

/// A geom with its visible faces.
#[derive(Debug)]
pub(super) struct Solid<'d, 'p> {
    pub(super) drawn: &'d Drawn<'p>,
    pub(super) faces: Vec<Face>,
    pub(super) bounds: Bounds,
    /// Whether its upper part is cut away.
    pub(super) is_cut: bool,
}

/// The room, whose near walls are cut.
#[derive(Debug)]
pub(super) struct Room {
    edges: Rect,
    /// The height of the cut.
    cut: f64,
}

impl Room {
    /// Returns the room within all walls; `None` if there are none.
    pub(super) fn of(geoms: &[Drawn<'_>]) -> Option<Self> {
        let walls = || geoms.iter().filter(|drawn| drawn.role == Role::Wall);
        let base = walls()
            .map(|wall| wall.heights[0])
            .fold(f64::INFINITY, f64::min);
        Some(Self {
            edges: Rect::around(walls().flat_map(|wall| &wall.outline))?,
            cut: base + CUT,
        })
    }

    /// Whether a part of the building hides nothing: it is at a far side of the room.
    fn is_far(&self, part: &Rect) -> bool {
        let [x, y] = part.centre();
        let [width, depth] = self.edges.size;
        let is_west = x - self.edges.at[0] < FAR_SIDE * width;
        let is_north = self.edges.end()[1] - y < FAR_SIDE * depth;
        if part.size[0] < part.size[1] / 2.0 {
            is_west
        } else if part.size[1] < part.size[0] / 2.0 {
            is_north
        } else {
            is_west || is_north
        }
    }
}

impl<'d, 'p> Solid<'d, 'p> {
    /// Returns the solid of a geom; `None` if it is cut away.
    pub(super) fn of(drawn: &'d Drawn<'p>, room: Option<&Room>) -> Option<Self> {
        let flat = Rect::around(&drawn.outline)?;
        let [bottom, mut top] = drawn.heights;
        let mut is_cut = false;
        let faces = match (drawn.role, room) {
            (Role::Ceiling, _) => return None,
            (Role::Wall | Role::Fitting, Some(room)) if !room.is_far(&flat) => {
                if bottom >= room.cut {
                    return None;
                }
                is_cut = top > room.cut;
                top = top.min(room.cut);
                prism(&drawn.outline, [bottom, top])
            }
            _ => faces(drawn),
        };
        let (at, end) = (flat.at, flat.end());
        let bounds = Bounds {
            low: [at[0], at[1], bottom],
            high: [end[0], end[1], top],
            flat: Rect::around(faces.iter().flat_map(|face| &face.outline))?,
        };
        Some(Self {
            drawn,
            faces,
            bounds,
            is_cut,
        })
    }
}

/// Returns the faces of a geom.
fn faces(drawn: &Drawn<'_>) -> Vec<Face> {
    if let Form::Shape(Shape::Box(half)) = &drawn.geom.form {
        return box_faces(drawn, *half);
    }
    let [bottom, top] = drawn.heights;
    let ends = [bottom, top]
        .into_iter()
        .flat_map(|height| lifted(&drawn.outline, height));
    let prism_area = area(&hull(ends.collect()));
    if drawn.outline.len() > 2 && prism_area <= FAITHFUL * area(&drawn.silhouette) {
        return prism(&drawn.outline, drawn.heights);
    }
    vec![Face {
        outline: drawn.silhouette.clone(),
        light: FLAT_LIGHT,
        is_round: false,
    }]
}

/// Returns the visible faces of a box of half this size.
fn box_faces(drawn: &Drawn<'_>, half: Vec3) -> Vec<Face> {
    let pose = &drawn.geom.pose;
    let mut faces = Vec::new();
    for axis in 0..3 {
        for side in [-1.0, 1.0] {
            let mut normal = [0.0; 3];
            normal[axis] = side;
            let normal = pose.direction(normal);
            if dot(normal, ISOMETRIC.towards) < EDGE_ON {
                continue;
            }
            let [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
            let corners = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]];
            let corner = |[along_u, along_v]: Vec2| {
                let mut point = [0.0; 3];
                point[axis] = side * half[axis];
                point[u] = along_u * half[u];
                point[v] = along_v * half[v];
                ISOMETRIC.point(pose.point(point))
            };
            faces.push(Face {
                outline: corners.map(corner).to_vec(),
                light: light(normal),
                is_round: false,
            });
        }
    }
    faces
}

/// Returns the visible faces of an upright prism: its sides, then its upper end.
fn prism(outline: &[Vec2], [bottom, top]: [f64; 2]) -> Vec<Face> {
    let mut faces: Vec<Face> = Vec::new();
    let mut last_shade = None;
    let corners = outline.len();
    let side = |index: usize| {
        let (a, b) = (outline[index % corners], outline[(index + 1) % corners]);
        // The outline is counterclockwise, so this points outwards.
        let normal = [b[1] - a[1], a[0] - b[0], 0.0];
        let length = normal[0].hypot(normal[1]);
        let is_visible = dot(normal, ISOMETRIC.towards) > EDGE_ON * length;
        is_visible.then_some((a, b, normal))
    };
    // The visible sides of a convex outline are contiguous. Start with the first of them.
    let first = (0..corners)
        .find(|index| side(*index).is_none())
        .unwrap_or(0);
    for (a, b, normal) in (first..first + corners).filter_map(side) {
        let angle = normal[1].atan2(normal[0]);
        let shade = (angle * SHADES / (2.0 * PI)).floor();
        let [a_up, b_up] = [a, b].map(|[x, y]| ISOMETRIC.point([x, y, top]));
        let [a, b] = [a, b].map(|[x, y]| ISOMETRIC.point([x, y, bottom]));
        match faces.last_mut() {
            // The lower end of the face is at its start, and the upper end in reverse at its end.
            Some(face) if last_shade == Some(shade) => {
                let middle = face.outline.len() / 2;
                face.outline.splice(middle..middle, [b, b_up]);
            }
            _ => faces.push(Face {
                outline: vec![a, b, b_up, a_up],
                light: light([angle.cos(), angle.sin(), 0.0]),
                is_round: corners >= ROUND,
            }),
        }
        last_shade = Some(shade);
    }
    faces.push(Face {
        outline: lifted(outline, top).collect(),
        light: light([0.0, 0.0, 1.0]),
        is_round: false,
    });
    faces
}

/// Projects an outline at a height.
fn lifted(outline: &[Vec2], height: f64) -> impl Iterator<Item = Vec2> {
    outline
        .iter()
        .map(move |[x, y]| ISOMETRIC.point([*x, *y, height]))
}

/// Returns the light on a face, from 0 to 1.
fn light(normal: Vec3) -> f64 {
    dot(LIGHT, normal).clamp(0.0, 1.0)
}
