//! Writes the names of bodies where there is room.

use std::fmt::Write as _;

use super::drawn::Drawn;
use super::plan::Plan;
use super::shape::Vec2;
use super::view::{Rect, View};
use crate::ext::svg::{INK, px, text, width};

/// The font size in pixels.
const SIZE: f64 = 11.0;
/// The height of a line with its margin, in pixels.
const LINE: f64 = 15.0;
/// Half the size of a joint's symbol, in pixels.
const JOINT: f64 = 5.0;
/// The maximum number of labels, and of joints that they avoid.
const MAX_LABELS: usize = 1000;
/// The maximum number of characters of a name.
const MAX_LETTERS: usize = 32;

/// A body that may be labelled.
struct Labelled<'a> {
    name: &'a str,
    /// The rectangle that it covers on the page.
    bounds: Rect,
    /// Whether it is a child of the world, so that its name may be above or below it.
    top: bool,
}

/// Writes the names of small bodies first, because they have the fewest positions for a name. A
/// name covers no other name, no joint and no smaller child of the world.
pub(super) fn draw(out: &mut String, view: &View, plan: &Plan<'_>, geoms: &[Drawn<'_>]) {
    let mut bodies = labelled(view, plan, geoms);
    bodies.sort_by(|a, b| {
        b.top
            .cmp(&a.top)
            .then(a.bounds.area().total_cmp(&b.bounds.area()))
    });
    bodies.truncate(MAX_LABELS);
    let frame = view.frame();
    let joints = plan.joints.iter().map(|joint| Rect {
        at: view
            .on_page([joint.anchor[0], joint.anchor[1]])
            .map(|at| at - JOINT),
        size: [2.0 * JOINT; 2],
    });
    let mut taken: Vec<Rect> = joints.take(MAX_LABELS).collect();
    let _ = writeln!(
        out,
        "<g class=\"names\" font-size=\"{SIZE}\" fill=\"{INK}\" text-anchor=\"middle\" \
         stroke=\"#fff\" stroke-opacity=\"0.8\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\">"
    );
    for (index, body) in bodies.iter().enumerate() {
        let name = text(body.name, MAX_LETTERS);
        let letters: String = body.name.chars().take(MAX_LETTERS + 1).collect();
        let size = [width(&letters) * SIZE + 4.0, LINE];
        let smaller = bodies[..index].iter().filter(|other| other.top);
        let fits = |place: &Rect| {
            let inside = (0..2).all(|axis| {
                place.at[axis] >= frame.at[axis] && place.end()[axis] <= frame.end()[axis]
            });
            inside
                && !taken.iter().any(|other| other.overlaps(place))
                && !smaller.clone().any(|other| other.bounds.overlaps(place))
        };
        let Some(place) = candidates(body, size).into_iter().find(fits) else {
            continue;
        };
        let [x, y] = place.centre();
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\">{name}</text>",
            px(x),
            px(y + 4.0)
        );
        taken.push(place);
    }
    out.push_str("</g>\n");
}

/// Returns the possible positions of a name of this size, the best one first.
fn candidates(body: &Labelled<'_>, [width, height]: Vec2) -> Vec<Rect> {
    let [x, y] = body.bounds.centre();
    let at = |y: f64| Rect {
        at: [x - width / 2.0, y - height / 2.0],
        size: [width, height],
    };
    let mut candidates = Vec::new();
    if width <= body.bounds.size[0] && height <= body.bounds.size[1] {
        candidates.push(at(y));
    }
    if body.top {
        let (top, bottom) = (body.bounds.at[1], body.bounds.end()[1]);
        candidates.extend([at(bottom + height / 2.0), at(top - height / 2.0)]);
    }
    candidates
}

/// Returns the bodies that have a name and a footprint.
fn labelled<'a>(view: &View, plan: &'a Plan<'_>, geoms: &[Drawn<'_>]) -> Vec<Labelled<'a>> {
    let mut corners: Vec<Vec<Vec2>> = vec![Vec::new(); plan.bodies.len()];
    for drawn in geoms {
        let body = drawn.geom.body;
        let top = plan.bodies[body].top;
        for owner in [Some(top), (top != body).then_some(body)]
            .into_iter()
            .flatten()
        {
            corners[owner].extend(
                Rect::around(&drawn.outline).iter().flat_map(|bounds| {
                    [bounds.at, bounds.end()].map(|corner| view.on_page(corner))
                }),
            );
        }
    }
    let named = plan.bodies.iter().zip(&corners).enumerate();
    let named = named.filter_map(|(index, (body, corners))| {
        Some(Labelled {
            name: body.name.as_deref()?,
            bounds: Rect::around(corners)?,
            top: body.top == index,
        })
    });
    named.collect()
}
