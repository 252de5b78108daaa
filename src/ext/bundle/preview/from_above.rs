//! Draws the plan: the ground, the grid and the geoms from above, and the joints.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::drawing::Drawing;
use super::drawn::{Drawn, Role};
use super::marks;
use super::plan::Plan;
use super::projection::Vec2;
use super::view::{LEFT, PANEL, TOP, View, steps};
use crate::ext::svg::{FAINT, LINE, px, round_step, tint};

/// The minimum distance between grid lines, in pixels.
const GRID: f64 = 48.0;

/// Draws the plan. Its coordinates are metres, with Y upwards.
pub(super) fn draw(out: &mut String, view: &View, plan: &Plan<'_>, drawing: &Drawing<'_>) {
    scales(out, view);
    let [x, y] = view.shown.at.map(|value| view.metres(value));
    let top = view.metres(-view.shown.end()[1]);
    let [w, h] = view.shown.size.map(|value| view.metres(value));
    let line = view.pixels(1.0);
    let [width, height] = PANEL;
    let _ = writeln!(
        out,
        "<svg class=\"plan\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" viewBox=\"{x} {top} {w} {h}\">\n\
         <g transform=\"scale(1 -1)\" stroke-width=\"{line}\" stroke-linejoin=\"round\">\n\
         <rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>",
    );
    let (planes, solids) = drawing.planes_and_solids();
    let (floors, others): (Vec<_>, Vec<_>) =
        solids.iter().partition(|drawn| drawn.role == Role::Floor);
    ground(out, view, planes);
    objects(out, view, plan, &floors);
    grid(out, view);
    objects(out, view, plan, &others);
    marks::draw(out, view, plan, drawing);
    out.push_str("</g>\n</svg>\n");
}

/// Returns the positions of the grid lines along an axis, in metres.
fn lines(view: &View, axis: usize) -> impl Iterator<Item = f64> {
    let step = round_step(GRID / view.scale);
    steps(view.shown.at[axis], view.shown.end()[axis], step)
}

/// Writes the metres along the left and the lower edge.
fn scales(out: &mut String, view: &View) {
    let [width, height] = PANEL;
    let _ = writeln!(out, "<g class=\"fine\" font-size=\"10\" fill=\"{FAINT}\">");
    for x in lines(view, 0) {
        let [at, _] = view.on_page([x, 0.0]);
        let (at, y, x) = (px(at), px(TOP + height + 13.0), view.metres(x));
        if at.0 < LEFT + width - 8.0 {
            let _ = writeln!(
                out,
                "<text x=\"{at}\" y=\"{y}\" text-anchor=\"middle\">{x}</text>"
            );
        }
    }
    for y in lines(view, 1) {
        let [_, at] = view.on_page([0.0, y]);
        let (x, at, y) = (px(LEFT - 6.0), px(at + 3.0), view.metres(y));
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"{at}\" text-anchor=\"end\">{y}</text>"
        );
    }
    out.push_str("</g>\n");
}

/// Draws the planes.
fn ground(out: &mut String, view: &View, planes: &[Drawn<'_>]) {
    let _ = writeln!(out, "<g fill=\"#f4f1ea\" stroke=\"#cfc9bb\">");
    let end = view.shown.end();
    // An infinite plane is clipped a little outside of the drawing.
    let margin = view.shown.size.map(|size| size * 0.1);
    let clipped = |point: &Vec2| {
        [0, 1].map(|axis| {
            let (from, to) = (view.shown.at[axis] - margin[axis], end[axis] + margin[axis]);
            point[axis].clamp(from, to)
        })
    };
    for drawn in planes {
        let mut outline = drawn.outline.clone();
        if drawn.is_infinite() {
            outline = outline.iter().map(clipped).collect();
        }
        let _ = writeln!(out, "<path d=\"{}\"/>", path(view, &outline));
    }
    out.push_str("</g>\n");
}

fn grid(out: &mut String, view: &View) {
    let ([left, bottom], [right, top]) = (view.shown.at, view.shown.end());
    let mut faint = String::new();
    let mut axes = String::new();
    for (axis, [from, to]) in [[bottom, top], [left, right]].into_iter().enumerate() {
        for at in lines(view, axis) {
            let target = if at == 0.0 { &mut axes } else { &mut faint };
            let [at, from, to] = [at, from, to].map(|value| view.metres(value));
            let _ = if axis == 0 {
                write!(target, "M{at} {from}V{to}")
            } else {
                write!(target, "M{from} {at}H{to}")
            };
        }
    }
    let _ = writeln!(
        out,
        "<path d=\"{faint}\" stroke=\"{LINE}\"/>\n<path d=\"{axes}\" stroke=\"#b9b3a4\"/>"
    );
}

/// Draws the solid geoms, which are sorted by height.
fn objects(out: &mut String, view: &View, plan: &Plan<'_>, geoms: &[&Drawn<'_>]) {
    // The lowest and the highest upper end of the geoms of each child of the world.
    let mut reach = BTreeMap::new();
    for drawn in geoms {
        let at = drawn.heights[1];
        let [from, to] = reach
            .entry(plan.bodies[drawn.geom.body].top)
            .or_insert([at; 2]);
        (*from, *to) = (from.min(at), to.max(at));
    }
    out.push_str("<g class=\"geoms\" fill-opacity=\"0.94\">\n");
    for drawn in geoms {
        let body = &plan.bodies[drawn.geom.body];
        let [from, to] = reach[&body.top];
        let height = match body.top {
            0 => 1.0,
            _ if to > from => (drawn.heights[1] - from) / (to - from),
            _ => 0.5,
        };
        let (white, line) = match drawn.role {
            Role::Floor => (0.84, 0.45),
            Role::Wall => (0.3, 0.0),
            Role::Fitting => (0.55, 0.1),
            Role::Ceiling | Role::Object => (0.72 - 0.36 * height, 0.0),
        };
        let is_ceiling = drawn.role == Role::Ceiling;
        let fill = if is_ceiling {
            "none".to_owned()
        } else {
            tint(drawn.colour, white)
        };
        let mut style = format!("fill=\"{fill}\" stroke=\"{}\"", tint(drawn.colour, line));
        if is_ceiling || plan.bodies[body.top].free {
            let dash = view.pixels(if is_ceiling { 9.0 } else { 4.0 });
            let _ = write!(style, " stroke-dasharray=\"{dash} {}\"", view.pixels(2.5));
        }
        let _ = writeln!(
            out,
            "<path d=\"{}\" {style}><title>{}</title></path>",
            path(view, &drawn.outline),
            drawn.title(plan),
        );
    }
    out.push_str("</g>\n");
}

/// Formats an outline as path data, in metres.
fn path(view: &View, outline: &[Vec2]) -> String {
    let mut data = String::new();
    for (index, point) in outline.iter().enumerate() {
        let [x, y] = point.map(|value| view.metres(value));
        let _ = write!(data, "{}{x} {y}", if index == 0 { 'M' } else { 'L' });
    }
    data.push('Z');
    data
}
