//! Draws the isometric view, back to front.

use std::fmt::Write as _;

use super::drawing::Drawing;
use super::drawn::{Drawn, Role};
use super::marks;
use super::order::{Bounds, back_to_front};
use super::plan::Plan;
use super::pose::Vec3;
use super::projection::{ISOMETRIC, Vec2};
use super::shape::hull;
use super::solid::{Room, Solid};
use super::view::{Rect, View, steps};
use crate::ext::svg::{FAINT, INK, Number, px, round_step, tint};

/// The maximum number of solids, the largest ones. All pairs of them are compared.
const MAX_SOLIDS: usize = 3000;
/// The minimum distances between the lines of the grid and between the marks of the height scale,
/// in pixels.
const GRID: f64 = 36.0;
const HEIGHTS: f64 = 22.0;
/// The width of the height scale, as a part of that of the scene.
const SCALE_WIDTH: f64 = 0.08;

/// What the isometric view shows.
#[derive(Debug)]
pub(super) struct Isometric<'d, 'p> {
    pub(super) view: View,
    ground: Ground,
    planes: &'d [Drawn<'p>],
    /// The solids, from the back to the front.
    solids: Vec<Solid<'d, 'p>>,
    /// What is cut away, because it would hide the room.
    pub(super) has_cut_walls: bool,
    pub(super) has_cut_ceiling: bool,
}

/// The rectangle with the grid.
#[derive(Debug)]
struct Ground {
    area: Rect,
    height: f64,
    /// The height of the highest point of the scene.
    top: f64,
}

impl Ground {
    /// Returns the upper side of the floor; without one, the lower side of all solids.
    fn of(plan: &Plan<'_>, drawing: &Drawing<'_>, solids: &[Solid<'_, '_>]) -> Self {
        let (planes, _) = drawing.planes_and_solids();
        let floors = || {
            let solids = solids.iter();
            solids.filter(|solid| solid.drawn.role == Role::Floor)
        };
        let floor = Rect::around(floors().flat_map(|floor| &floor.drawn.outline));
        let heights = |end: fn(&Bounds) -> f64, pick: fn(f64, f64) -> f64| {
            let heights = solids.iter().map(move |solid| end(&solid.bounds));
            heights.reduce(pick)
        };
        let plane = planes.iter().map(|plane| plane.heights[1]).reduce(f64::max);
        let lowest = heights(|bounds| bounds.low[2], f64::min).unwrap_or_default();
        let floor_height = floors().map(|floor| floor.bounds.high[2]).reduce(f64::max);
        let height = floor_height.or(plane).unwrap_or(lowest);
        Self {
            area: floor.unwrap_or_else(|| drawing.extent(plan)),
            height,
            top: heights(|bounds| bounds.high[2], f64::max).map_or(height, |top| top.max(height)),
        }
    }

    /// Returns the corners, counterclockwise from the one with the minimum X and Y.
    fn corners(&self) -> [Vec3; 4] {
        let ([left, front], [right, back]) = (self.area.at, self.area.end());
        [[left, front], [right, front], [right, back], [left, back]]
            .map(|[x, y]| [x, y, self.height])
    }
}

impl<'d, 'p> Isometric<'d, 'p> {
    pub(super) fn of(plan: &Plan<'_>, drawing: &'d Drawing<'p>) -> Self {
        let (planes, drawn) = drawing.planes_and_solids();
        let room = Room::of(drawn);
        let (mut cut_walls, mut cut_ceiling) = (false, false);
        let mut solids = Vec::new();
        for drawn in largest(drawn) {
            let solid = Solid::of(drawn, room.as_ref());
            let is_whole = solid.as_ref().is_some_and(|solid| !solid.is_cut);
            match drawn.role {
                Role::Ceiling => cut_ceiling = true,
                _ => cut_walls |= !is_whole,
            }
            solids.extend(solid);
        }
        let ground = Ground::of(plan, drawing, &solids);
        let mut points: Vec<Vec2> = ground
            .corners()
            .map(|corner| ISOMETRIC.point(corner))
            .into();
        points.extend(solids.iter().flat_map(|solid| {
            let flat = &solid.bounds.flat;
            [flat.at, flat.end()]
        }));
        points.extend(drawing.marks(plan).map(|point| ISOMETRIC.point(point)));
        let mut content = Rect::around(&points).unwrap_or(ground.area);
        let scale = SCALE_WIDTH * content.size[0];
        content.at[0] -= scale;
        content.size[0] += scale;
        Self {
            view: View::isometric(content),
            ground,
            planes,
            solids: sorted(solids),
            has_cut_walls: cut_walls,
            has_cut_ceiling: cut_ceiling,
        }
    }

    pub(super) fn draw(&self, out: &mut String, plan: &Plan<'_>, drawing: &Drawing<'_>) {
        let Rect {
            at: [x, y],
            size: [width, height],
        } = self.view.frame;
        let _ = writeln!(
            out,
            "<g class=\"isometric\" stroke-linejoin=\"round\">\n\
             <rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>",
        );
        let (floors, others): (Vec<_>, Vec<_>) = self
            .solids
            .iter()
            .partition(|solid| solid.drawn.role == Role::Floor);
        self.ground(out);
        for floor in floors {
            self.solid(out, plan, floor);
        }
        self.grid(out);
        self.heights(out);
        for solid in others {
            self.solid(out, plan, solid);
        }
        self.stems(out, plan, drawing);
        marks::positions(out, plan, drawing, |point| {
            let [x, y] = self.view.point(point).map(px);
            format!("translate({x} {y})")
        });
        out.push_str("</g>\n");
    }

    /// Draws the planes, and the rectangle below the grid.
    fn ground(&self, out: &mut String) {
        let path = self.path(&self.ground.corners().map(|corner| ISOMETRIC.point(corner)));
        let fill = if self.planes.is_empty() {
            "none"
        } else {
            "#f4f1ea"
        };
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"{fill}\" stroke=\"#cfc9bb\"/>"
        );
        for plane in self.planes.iter().filter(|plane| !plane.is_infinite()) {
            let path = self.path(&plane.silhouette);
            let _ = writeln!(
                out,
                "<path d=\"{path}\" fill=\"#f4f1ea\" stroke=\"#cfc9bb\"/>"
            );
        }
    }

    fn grid(&self, out: &mut String) {
        let step = round_step(GRID / self.pixels_per_metre());
        let Ground { area, height, .. } = self.ground;
        let mut path = String::new();
        for axis in 0..2 {
            let (from, to) = (area.at[axis], area.end()[axis]);
            for at in steps(from, to, step) {
                let mut ends = [area.at, area.end()].map(|[x, y]| [x, y, height]);
                for end in &mut ends {
                    end[axis] = at;
                }
                let [[x1, y1], [x2, y2]] = ends.map(|end| self.view.point(end).map(px));
                let _ = write!(path, "M{x1} {y1}L{x2} {y2}");
            }
        }
        let _ = writeln!(
            out,
            "<path d=\"{path}\" stroke=\"#8f949e\" stroke-opacity=\"0.25\"/>"
        );
    }

    /// Draws the scale of heights at the leftmost corner of the ground.
    fn heights(&self, out: &mut String) {
        let Ground { area, height, top } = self.ground;
        let step = round_step(HEIGHTS / self.pixels_per_metre());
        if top - height < step {
            return;
        }
        let [left, front] = area.at;
        let on_page = |height| {
            let [x, y] = self.view.point([left, front, height]);
            [px(x - 10.0), px(y)]
        };
        let ([x, foot], [_, head]) = (on_page(height), on_page(top));
        let mut path = format!("M{x} {foot}V{head}");
        let mut labels = String::new();
        for at in steps(height, top, step) {
            let [x, y] = on_page(at);
            let _ = write!(path, "M{x} {y}h-5");
            let _ = write!(
                labels,
                "<text x=\"{}\" y=\"{}\">{} m</text>",
                px(x.0 - 8.0),
                px(y.0 + 3.5),
                Number(at, 6),
            );
        }
        let _ = writeln!(
            out,
            "<g class=\"heights fine\" font-size=\"10\" fill=\"{FAINT}\" text-anchor=\"end\">\
             <path d=\"{path}\" fill=\"none\" stroke=\"{INK}\"/>{labels}</g>",
        );
    }

    /// Draws lines to the level of the ground, which show where things are: from marks, and from
    /// objects that are not above the floor.
    fn stems(&self, out: &mut String, plan: &Plan<'_>, drawing: &Drawing<'_>) {
        let outside = self.solids.iter().filter_map(|solid| {
            let bounds = Rect::around(&solid.drawn.outline)?;
            let is_outside =
                solid.drawn.role == Role::Object && !self.ground.area.overlaps(&bounds);
            let [x, y] = bounds.centre();
            is_outside.then_some([x, y, solid.bounds.low[2]])
        });
        let mut path = String::new();
        for [x, y, z] in drawing.marks(plan).chain(outside) {
            let [top, foot] = [z, self.ground.height].map(|z| self.view.point([x, y, z]).map(px));
            let _ = write!(path, "M{} {}V{}", top[0], top[1], foot[1]);
        }
        if !path.is_empty() {
            let _ = writeln!(
                out,
                "<path d=\"{path}\" stroke=\"{FAINT}\" stroke-dasharray=\"2 2\"/>"
            );
        }
    }

    fn solid(&self, out: &mut String, plan: &Plan<'_>, solid: &Solid<'_, '_>) {
        let Drawn { role, colour, .. } = *solid.drawn;
        // How much white the darkest and the brightest face have.
        let (dark, bright, line) = match role {
            Role::Floor => (0.6, 0.84, 0.45),
            Role::Wall => (0.5, 0.82, 0.3),
            Role::Fitting => (0.42, 0.78, 0.3),
            Role::Ceiling | Role::Object => (0.1, 0.62, 0.0),
        };
        let _ = write!(
            out,
            "<g stroke=\"{}\" stroke-width=\"0.8\">",
            tint(colour, line)
        );
        for face in &solid.faces {
            let path = self.path(&face.outline);
            let fill = tint(colour, dark + (bright - dark) * face.light);
            let edge = if face.is_round {
                format!(" stroke=\"{fill}\"")
            } else {
                String::new()
            };
            let _ = write!(out, "<path d=\"{path}\" fill=\"{fill}\"{edge}/>");
        }
        if solid.faces.iter().any(|face| face.is_round) {
            let corners = solid.faces.iter().flat_map(|face| &face.outline);
            let path = self.path(&hull(corners.copied().collect()));
            let _ = write!(out, "<path d=\"{path}\" fill=\"none\"/>");
        }
        let _ = writeln!(out, "<title>{}</title></g>", solid.drawn.title(plan));
    }

    /// Returns the number of pixels for a metre along an axis of the world.
    fn pixels_per_metre(&self) -> f64 {
        ISOMETRIC.point([0.0, 0.0, self.view.scale])[1]
    }

    /// Formats an outline as path data.
    fn path(&self, outline: &[Vec2]) -> String {
        let mut data = String::new();
        for (index, point) in outline.iter().enumerate() {
            let [x, y] = self.view.on_page(*point).map(px);
            let _ = write!(data, "{}{x} {y}", if index == 0 { 'M' } else { 'L' });
        }
        data.push('Z');
        data
    }
}

/// Returns the solids with the largest silhouettes, in their order.
fn largest<'d, 'p>(solids: &'d [Drawn<'p>]) -> Vec<&'d Drawn<'p>> {
    let mut largest: Vec<(usize, f64)> = solids
        .iter()
        .map(|drawn| Rect::around(&drawn.silhouette).map_or(0.0, |bounds| bounds.area()))
        .enumerate()
        .collect();
    largest.sort_by(|a, b| b.1.total_cmp(&a.1));
    largest.truncate(MAX_SOLIDS);
    largest.sort_by_key(|(index, _)| *index);
    largest
        .into_iter()
        .map(|(index, _)| &solids[index])
        .collect()
}

/// Sorts solids from the back to the front.
fn sorted<'d, 'p>(solids: Vec<Solid<'d, 'p>>) -> Vec<Solid<'d, 'p>> {
    let bounds: Vec<Bounds> = solids.iter().map(|solid| solid.bounds.clone()).collect();
    let mut solids: Vec<Option<Solid<'d, 'p>>> = solids.into_iter().map(Some).collect();
    let order = back_to_front(&bounds).into_iter();
    order.filter_map(|index| solids[index].take()).collect()
}
