//! Draws a plan and its isometric view as one SVG page, with a header and a legend.

use std::fmt::Write as _;

use super::drawing::Drawing;
use super::from_above;
use super::isometric::Isometric;
use super::labels::{LARGE, Labels, SMALL};
use super::marks;
use super::plan::Plan;
use super::pose::Vec3;
use super::projection::{ISOMETRIC, PLAN, Projection, Vec2};
use super::view::{LEFT, PANEL, Rect, TOP, View};
use crate::ext::svg::{FAINT, INK, Number, PAPER, px, round_step, text};

/// The space at the right, and for the scales and the footer, in pixels.
const RIGHT: f64 = 26.0;
const BOTTOM: f64 = 78.0;
/// In a thumbnail, small letters give way to fewer, large ones.
const STYLE: &str = "<style>@media (max-width: 520px) { .gizmo-scene .fine, .gizmo-scene .names \
    { display: none } .gizmo-scene .large { display: inline } .gizmo-scene .title { font-size: 38px } }</style>";
/// The axes of the world, with their names and colours.
const AXES: [(char, Vec3, &str); 3] = [
    ('X', [1.0, 0.0, 0.0], "#c0392b"),
    ('Y', [0.0, 1.0, 0.0], "#2e8b57"),
    ('Z', [0.0, 0.0, 1.0], "#3b6ea5"),
];

/// Draws a plan as SVG.
pub(super) fn svg(plan: &Plan<'_>, drawing: &Drawing<'_>) -> String {
    let view = View::plan(drawing.extent(plan));
    let isometric = Isometric::of(plan, drawing);
    let views = [view.frame, isometric.view.frame];
    let (w, h) = (
        px(views[1].end()[0] + RIGHT),
        px(views[1].end()[1] + BOTTOM),
    );
    let mut out = String::new();
    let name = text(plan.name.as_deref().unwrap_or("unnamed model"), 48);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         class=\"gizmo-scene\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"12\">\n\
         <title>{name}: plan and isometric view</title>\n\
         {STYLE}\n<rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>"
    );
    header(&mut out, plan, drawing, &name);
    captions(&mut out, &isometric);
    from_above::draw(&mut out, &view, plan, drawing);
    isometric.draw(&mut out, plan, drawing);
    for Rect {
        at: [x, y],
        size: [width, height],
    } in views
    {
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"{FAINT}\"/>"
        );
    }
    let labels = Labels::of(plan, drawing);
    let scene = (plan, drawing);
    for lettering in [SMALL, LARGE] {
        labels.draw(
            &mut out,
            &view,
            scene,
            |drawn| &drawn.outline,
            &plan.joints,
            lettering,
        );
        labels.draw(
            &mut out,
            &isometric.view,
            scene,
            |drawn| &drawn.silhouette,
            &[],
            lettering,
        );
    }
    footer(&mut out, &view, &isometric.view, plan, drawing);
    out.push_str("</svg>\n");
    out
}

/// Writes the name, the size and the numbers of bodies and geoms.
fn header(out: &mut String, plan: &Plan<'_>, drawing: &Drawing<'_>, name: &str) {
    let (_, solids) = drawing.planes_and_solids();
    let extent = Rect::around(solids.iter().flat_map(|drawn| &drawn.outline));
    let [width, depth] = extent.map_or([0.0; 2], |extent| extent.size);
    let heights = solids.iter().map(|drawn| drawn.heights);
    let heights = heights.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    let height = heights.map_or(0.0, |[bottom, top]| top - bottom);
    let decimals = if width.max(depth) < 1.0 { 3 } else { 2 };
    let [width, depth, height] = [width, depth, height].map(|size| Number(size, decimals));
    let count =
        |count: usize, one, many| format!("{count} {}", if count == 1 { one } else { many });
    let bodies = count(plan.bodies.len() - 1, "body", "bodies");
    let geoms = count(drawing.geoms.len(), "geom", "geoms");
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
        "<text x=\"{LEFT}\" y=\"38\" class=\"title\" font-size=\"20\" font-weight=\"600\" fill=\"{INK}\">{name}</text>\n\
         <text class=\"fine\" x=\"{LEFT}\" y=\"56\" fill=\"{FAINT}\">{width} × {depth} × {height} m · {bodies} · {geoms}{undrawn}</text>",
    );
}

/// Writes what each view shows.
fn captions(out: &mut String, isometric: &Isometric<'_, '_>) {
    let cut = match (isometric.has_cut_walls, isometric.has_cut_ceiling) {
        (false, false) => "",
        (true, false) => ", without the near walls",
        (false, true) => ", without the ceiling",
        (true, true) => ", without the ceiling and the near walls",
    };
    let [x, _] = isometric.view.frame.at;
    let y = TOP - 9.0;
    let _ = writeln!(
        out,
        "<g class=\"fine\" fill=\"{INK}\"><text x=\"{LEFT}\" y=\"{y}\">Plan</text>\
         <text x=\"{x}\" y=\"{y}\">Isometric view{cut}</text></g>"
    );
}

/// Draws the axes, the scale bar and the legend.
fn footer(out: &mut String, view: &View, isometric: &View, plan: &Plan<'_>, drawing: &Drawing<'_>) {
    let y = TOP + PANEL[1] + 56.0;
    let origin = LEFT + 4.0;
    axes(out, [origin, y], PLAN);
    axes(out, [isometric.frame.end()[0] - 40.0, y - 6.0], ISOMETRIC);
    // A round length of 64 to 160 pixels.
    let step = round_step(64.0 / view.scale);
    let length = step * view.scale;
    let bar = origin + 76.0;
    let _ = writeln!(
        out,
        "<g class=\"scale fine\"><path d=\"M{} {}v5h{}v-5\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.4\"/>\
         <text x=\"{}\" y=\"{}\" fill=\"{INK}\" text-anchor=\"middle\">{} m</text></g>",
        px(bar),
        px(y - 2.0),
        px(length),
        px(bar + length / 2.0),
        px(y - 6.0),
        view.metres(step),
    );
    marks::legend(out, plan, drawing, [bar + length + 40.0, y]);
}

/// Draws the axes of the world from `[x, y]`, with their names.
fn axes(out: &mut String, [x, y]: Vec2, projection: Projection) {
    for (name, axis, colour) in AXES {
        let [right, up] = projection.point(axis);
        let length = right.hypot(up);
        // An axis towards the viewer has no direction.
        if length < 0.5 {
            continue;
        }
        let [right, up] = [right, up].map(|part| part / length);
        let degrees = Number(-up.atan2(right).to_degrees(), 1);
        let _ = writeln!(
            out,
            "<g class=\"fine\" transform=\"translate({} {})\"><path transform=\"rotate({degrees})\" d=\"M0 0h24m-5 -3.5l5 3.5l-5 3.5\" \
             fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>\
             <text x=\"{}\" y=\"{}\" font-size=\"11\" text-anchor=\"middle\" fill=\"{INK}\">{name}</text></g>",
            px(x),
            px(y),
            px(right * 32.0),
            px(4.0 - up * 32.0),
        );
    }
}
