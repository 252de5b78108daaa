//! Draws the symbols of joints, of bodies without geometry and of unknown geoms, and the legend.

use std::fmt::Write as _;

use super::drawing::Drawing;
use super::drawn::Role;
use super::plan::{JointKind, Plan};
use super::pose::Vec3;
use super::projection::Vec2;
use super::view::{Rect, View};
use crate::ext::svg::{FAINT, INK, Number, px, text, width};

const COLOUR: &str = "#b3261e";
/// The font size of the legend in pixels.
const FONT: f64 = 12.0;
/// Half the size of a symbol in pixels.
const SYMBOL: f64 = 6.0;
/// Half the length of a horizontal axis, in pixels.
const AXIS: f64 = 11.0;
/// An axis points up or down if its horizontal part is shorter than this, with 1 as its length.
const UPRIGHT: f64 = 0.2;

/// Returns the symbol of a joint at the origin, in pixels, with its axis along X. `flat` is the
/// horizontal part of its axis.
fn symbol(kind: JointKind, flat: f64) -> String {
    let half = px(AXIS * flat);
    let tip = px(AXIS * flat - 3.0);
    let dot = format!("<circle r=\"1.2\" fill=\"{COLOUR}\"/>");
    match kind {
        JointKind::Hinge if flat < UPRIGHT => format!("<circle r=\"3.4\"/>{dot}"),
        JointKind::Hinge => format!("<path d=\"M-{half} 0H{half}\"/><circle r=\"2.6\"/>"),
        JointKind::Slide if flat < UPRIGHT => {
            format!("<path d=\"M-3 -3H3V3H-3Z\"/>{dot}")
        }
        JointKind::Slide => format!(
            "<path fill=\"none\" d=\"M-{half} 0H{half}M-{tip} -3L-{half} 0L-{tip} 3M{tip} -3L{half} 0L{tip} 3\"/>"
        ),
        JointKind::Ball => format!("<circle r=\"4\"/><circle r=\"1.8\" fill=\"{COLOUR}\"/>"),
    }
}

/// Draws joints with their axes, and what has only a position, in metres.
pub(super) fn draw(out: &mut String, view: &View, plan: &Plan<'_>, drawing: &Drawing<'_>) {
    let unit = Number(1.0 / view.scale, 9);
    let _ = writeln!(
        out,
        "<g class=\"joints\" fill=\"#fff\" stroke=\"{COLOUR}\" stroke-width=\"1.2\">"
    );
    for joint in &plan.joints {
        let [x, y, _] = joint.anchor.map(|value| view.metres(value));
        let flat = joint.axis[0].hypot(joint.axis[1]);
        let degrees = Number(joint.axis[1].atan2(joint.axis[0]).to_degrees(), 1);
        let name = text(joint.name.as_deref().unwrap_or("joint"), 80);
        let _ = writeln!(
            out,
            "<g transform=\"translate({x} {y}) scale({unit}) rotate({degrees})\">{}<title>{name}</title></g>",
            symbol(joint.kind, flat),
        );
    }
    out.push_str("</g>\n");
    positions(out, plan, drawing, |[x, y, _]| {
        let [x, y] = [x, y].map(|value| view.metres(value));
        format!("translate({x} {y}) scale({unit})")
    });
}

/// Draws geoms and bodies of which only the position is known. `transform` returns how a symbol is
/// moved to it.
pub(super) fn positions(
    out: &mut String,
    plan: &Plan<'_>,
    drawing: &Drawing<'_>,
    transform: impl Fn(Vec3) -> String,
) {
    let _ = writeln!(
        out,
        "<g class=\"marks\" fill=\"#fff\" stroke=\"{COLOUR}\" stroke-width=\"1.4\">"
    );
    for position in &drawing.unknown {
        let transform = transform(*position);
        let _ = writeln!(out, "<path transform=\"{transform}\" d=\"{CROSS}\"/>");
    }
    for body in &drawing.empty {
        let body = &plan.bodies[*body];
        let name = text(body.name.as_deref().unwrap_or("body"), 80);
        let transform = transform(body.position);
        let _ = writeln!(
            out,
            "<path transform=\"{transform}\" d=\"{DIAMOND}\"><title>{name}: no geometry</title></path>"
        );
    }
    out.push_str("</g>\n");
}

/// Returns the rectangle of the symbol at a position on the page, in pixels.
pub(super) fn around(at: Vec2) -> Rect {
    Rect { at, size: [0.0; 2] }.grown(SYMBOL)
}

/// The paths of the symbols for a geom of unknown shape, and for a body without geometry.
const CROSS: &str = "M-4 -4L4 4M-4 4L4 -4";
const DIAMOND: &str = "M-5 0L0 -5L5 0L0 5Z";

/// Writes the legend for the symbols in the drawing, in a row that starts at `[x, y]`.
pub(super) fn legend(out: &mut String, plan: &Plan<'_>, drawing: &Drawing<'_>, [mut x, y]: Vec2) {
    let count = |kind| {
        plan.joints
            .iter()
            .filter(|joint| joint.kind == kind)
            .count()
    };
    let free = plan.bodies.iter().filter(|body| body.free).count();
    let ceilings = drawing
        .geoms
        .iter()
        .filter(|drawn| drawn.role == Role::Ceiling)
        .count();
    let dashed = |dash| {
        format!(
            "<path d=\"M-9 -5H9V5H-9Z\" fill=\"none\" stroke=\"{FAINT}\" stroke-dasharray=\"{dash} 2.5\"/>"
        )
    };
    let path = |data| format!("<path d=\"{data}\"/>");
    for (count, symbol, meaning) in [
        (
            count(JointKind::Hinge),
            symbol(JointKind::Hinge, 1.0),
            "hinge",
        ),
        (
            count(JointKind::Slide),
            symbol(JointKind::Slide, 1.0),
            "slide",
        ),
        (
            count(JointKind::Ball),
            symbol(JointKind::Ball, 1.0),
            "ball joint",
        ),
        (free, dashed(4), "moves freely"),
        (ceilings, dashed(9), "ceiling"),
        (drawing.unknown.len(), path(CROSS), "unknown shape"),
        (drawing.empty.len(), path(DIAMOND), "no geometry"),
    ] {
        if count == 0 {
            continue;
        }
        let label = format!("{meaning}: {count}");
        let _ = writeln!(
            out,
            "<g class=\"fine\" transform=\"translate({} {})\" fill=\"#fff\" stroke=\"{COLOUR}\" stroke-width=\"1.2\">{symbol}\
             <text x=\"16\" y=\"4\" fill=\"{INK}\" stroke=\"none\">{label}</text></g>",
            px(x + 12.0),
            px(y - 4.0),
        );
        x += 12.0 + 16.0 + FONT * width(&label) + 14.0;
    }
}
