//! Draws a plan as SVG: the page, the ground, the geoms and the scale.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::drawn::{Drawing, Drawn};
use super::labels;
use super::marks;
use super::plan::Plan;
use super::shape::Vec2;
use super::view::{LEFT, Rect, TOP, View};
use crate::ext::svg::{FAINT, GREY, INK, LINE, Number, PALETTE, PAPER, px, round_step, text, tint};

/// The space at the right, and for the scales and the footer, in pixels.
const RIGHT: f64 = 26.0;
const BOTTOM: f64 = 78.0;
/// The minimum distance between grid lines, in pixels.
const GRID: f64 = 48.0;
/// A geom that is this much higher than the lowest one, in metres, and covers more than half of the
/// plan is a ceiling.
const CEILING: f64 = 1.9;

/// Draws a plan as SVG.
pub(super) fn svg(plan: &Plan<'_>, drawing: Drawing<'_>) -> String {
    let view = View::around(extent(&drawing));
    let Drawing { mut geoms, unknown } = drawing;
    // Planes are the ground, so they come first. Then come the lower geoms, which others cover. The
    // sort is stable, so geoms of equal heights keep the model's order.
    geoms.sort_by(|a, b| {
        let planes = b.is_plane().cmp(&a.is_plane());
        let lower = a.heights[0].total_cmp(&b.heights[0]);
        planes
            .then(lower)
            .then(a.heights[1].total_cmp(&b.heights[1]))
    });
    let [width, height] = view.size();
    let (w, h) = (px(LEFT + width + RIGHT), px(TOP + height + BOTTOM));
    let mut out = String::new();
    let name = text(plan.name.as_deref().unwrap_or("unnamed model"), 80);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"11\">\n\
         <title>{name}, seen from above</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>"
    );
    header(&mut out, plan, &geoms, &name);
    scales(&mut out, &view);
    let [x, y] = view.shown.at.map(|value| view.metres(value));
    let top = view.metres(-view.shown.end()[1]);
    let [w, h] = view.shown.size.map(|value| view.metres(value));
    let line = view.pixels(1.0);
    let _ = writeln!(
        out,
        "<svg x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\" viewBox=\"{x} {top} {w} {h}\">\n\
         <g transform=\"scale(1 -1)\" stroke-width=\"{line}\" stroke-linejoin=\"round\">\n\
         <rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>",
        px(width),
        px(height),
    );
    let first_solid = geoms.partition_point(Drawn::is_plane);
    ground(&mut out, &view, &geoms[..first_solid]);
    grid(&mut out, &view);
    objects(&mut out, &view, plan, &geoms[first_solid..]);
    marks::draw(&mut out, &view, plan, &unknown);
    let _ = writeln!(
        out,
        "</g>\n</svg>\n<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"{FAINT}\"/>",
        px(width),
        px(height),
    );
    labels::draw(&mut out, &view, plan, &geoms[first_solid..]);
    footer(&mut out, &view, plan, unknown.len());
    out.push_str("</svg>\n");
    out
}

/// Returns the rectangle to draw: that of all solid geoms, or else that of all finite planes.
fn extent(drawing: &Drawing<'_>) -> Rect {
    let unknown: Vec<Vec2> = drawing.unknown.iter().map(|[x, y, _]| [*x, *y]).collect();
    let outlines = |planes: bool| {
        let geoms = drawing.geoms.iter();
        let chosen = geoms.filter(move |drawn| drawn.is_plane() == planes);
        let outlines = chosen.filter(|drawn| !drawn.is_infinite());
        Rect::around(outlines.flat_map(|drawn| &drawn.outline).chain(&unknown))
    };
    let extent = outlines(false).or_else(|| outlines(true));
    extent.unwrap_or(Rect {
        at: [-1.0; 2],
        size: [2.0; 2],
    })
}

/// Writes the name, the size and the numbers of bodies and geoms.
fn header(out: &mut String, plan: &Plan<'_>, geoms: &[Drawn<'_>], name: &str) {
    let solid = geoms.iter().filter(|drawn| !drawn.is_plane());
    let extent = Rect::around(solid.flat_map(|drawn| &drawn.outline));
    let size = extent.map_or([0.0; 2], |extent| extent.size);
    let decimals = if size[0].max(size[1]) < 1.0 { 3 } else { 2 };
    let [width, depth] = size.map(|size| Number(size, decimals));
    let count =
        |count: usize, one, many| format!("{count} {}", if count == 1 { one } else { many });
    let bodies = count(plan.bodies.len() - 1, "body", "bodies");
    let geoms = count(geoms.len(), "geom", "geoms");
    let undrawn: Vec<String> = plan
        .undrawn
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let undrawn = if undrawn.is_empty() {
        String::new()
    } else {
        format!(" · not drawn: {}", undrawn.join(", "))
    };
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"32\" font-size=\"17\" font-weight=\"600\" fill=\"{INK}\">{name}</text>\n\
         <text x=\"{LEFT}\" y=\"52\" fill=\"{FAINT}\">seen from above · {width} × {depth} m · {bodies} · {geoms}{undrawn}</text>",
    );
}

/// Returns the positions of the grid lines along an axis, in metres.
fn lines(view: &View, axis: usize) -> impl Iterator<Item = f64> {
    let step = round_step(GRID / view.scale);
    let (from, to) = (view.shown.at[axis], view.shown.end()[axis]);
    let first = (from / step).ceil();
    // Each position is computed from its index, so that rounding errors do not accumulate.
    (0..1000_u32)
        .map(move |index| (first + f64::from(index)) * step)
        .take_while(move |at| *at <= to)
}

/// Writes the metres along the left and the lower edge.
fn scales(out: &mut String, view: &View) {
    let [width, height] = view.size();
    let _ = writeln!(out, "<g font-size=\"9\" fill=\"{FAINT}\">");
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
fn objects(out: &mut String, view: &View, plan: &Plan<'_>, geoms: &[Drawn<'_>]) {
    let lowest = geoms.first().map_or(0.0, |drawn| drawn.heights[0]);
    // The lowest and the highest upper end of the geoms of each child of the world.
    let mut reach = BTreeMap::new();
    for drawn in geoms {
        let at = drawn.heights[1];
        let [from, to] = reach
            .entry(plan.bodies[drawn.geom.body].top)
            .or_insert([at; 2]);
        (*from, *to) = (from.min(at), to.max(at));
    }
    // The children of the world have the colours of the palette in turn.
    let tops: Vec<usize> = (1..plan.bodies.len())
        .filter(|body| plan.bodies[*body].top == *body)
        .collect();
    let dash = view.pixels(4.0);
    out.push_str("<g class=\"geoms\" fill-opacity=\"0.94\">\n");
    for drawn in geoms {
        let body = &plan.bodies[drawn.geom.body];
        let colour = match tops.binary_search(&body.top) {
            Ok(index) => PALETTE[index % PALETTE.len()],
            // Geoms of the world itself, such as walls.
            Err(_) => GREY,
        };
        let [from, to] = reach[&body.top];
        let height = match body.top {
            0 => 1.0,
            _ if to > from => (drawn.heights[1] - from) / (to - from),
            _ => 0.5,
        };
        let fill = tint(colour, 0.72 - 0.36 * height);
        let mut style = format!("fill=\"{fill}\" stroke=\"{}\"", tint(colour, 0.0));
        let covered = Rect::around(&drawn.outline).map_or(0.0, |bounds| bounds.area());
        let is_ceiling = drawn.heights[0] - lowest > CEILING && covered > view.shown.area() / 2.0;
        if is_ceiling {
            style = format!("fill=\"none\" stroke=\"{}\"", tint(colour, 0.0));
        }
        if is_ceiling || plan.bodies[body.top].free {
            let _ = write!(style, " stroke-dasharray=\"{dash} {}\"", view.pixels(2.5));
        }
        let names = [&body.name, &drawn.geom.name];
        let names: Vec<String> = names
            .into_iter()
            .flatten()
            .map(|name| text(name, 80))
            .collect();
        let [from, to] = drawn.heights.map(|height| Number(height, 3));
        let _ = writeln!(
            out,
            "<path d=\"{}\" {style}><title>{} ({from} to {to} m high)</title></path>",
            path(view, &drawn.outline),
            names.join(" / "),
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

/// Draws the axes, the scale bar and the legend.
fn footer(out: &mut String, view: &View, plan: &Plan<'_>, unknown: usize) {
    let [_, height] = view.size();
    let y = TOP + height + 54.0;
    let origin = LEFT + 4.0;
    let _ = writeln!(
        out,
        "<g fill=\"none\" stroke-width=\"1.6\">\
         <path d=\"M{x} {y}h24m-5 -3.5l5 3.5l-5 3.5\" stroke=\"#c0392b\"/>\
         <path d=\"M{x} {y}v-24m-3.5 5l3.5 -5l3.5 5\" stroke=\"#2e8b57\"/></g>\n\
         <g font-size=\"10\" fill=\"{INK}\"><text x=\"{}\" y=\"{}\">X</text><text x=\"{}\" y=\"{}\">Y</text></g>",
        px(origin + 28.0),
        px(y + 4.0),
        px(origin + 7.0),
        px(y - 19.0),
        x = px(origin),
        y = px(y),
    );
    // A round length of 64 to 160 pixels.
    let step = round_step(64.0 / view.scale);
    let length = step * view.scale;
    let bar = origin + 76.0;
    let _ = writeln!(
        out,
        "<g class=\"scale\"><path d=\"M{} {}v5h{}v-5\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.4\"/>\
         <text x=\"{}\" y=\"{}\" fill=\"{INK}\" text-anchor=\"middle\">{} m</text></g>",
        px(bar),
        px(y - 2.0),
        px(length),
        px(bar + length / 2.0),
        px(y - 6.0),
        view.metres(step),
    );
    marks::legend(out, plan, unknown, [bar + length + 48.0, y]);
}
