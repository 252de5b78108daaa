//! The names of bodies, where there is room for them.

use std::fmt::Write as _;

use super::drawn::Drawn;
use super::plan::Plan;
use super::shape::Vec2;
use super::view::{Rect, View};
use crate::ext::svg::{INK, px, text, width};

/// The size of letters, in pixels.
const SIZE: f64 = 11.0;
/// The height of a line with the air around it, in pixels.
const LINE: f64 = 15.0;
/// Half the size of a joint's sign, in pixels.
const JOINT: f64 = 5.0;
/// The most bodies that are given a name.
const MOST: usize = 1000;
/// The most letters of a name.
const LETTERS: usize = 32;

/// A body that wants its name beside it, or on it.
struct Wanted<'a> {
    name: &'a str,
    /// What it covers, on the page.
    bounds: Rect,
    /// A child of the world: its name may stand beside it.
    top: bool,
}

/// Writes the names of small bodies first, since they have the fewest places for theirs. A name
/// covers no other one, no joint and no smaller body of the world.
pub(super) fn draw(out: &mut String, view: &View, plan: &Plan<'_>, geoms: &[Drawn<'_>]) {
    let mut wanted = wanted(view, plan, geoms);
    wanted.sort_by(|a, b| {
        b.top
            .cmp(&a.top)
            .then(a.bounds.area().total_cmp(&b.bounds.area()))
    });
    wanted.truncate(MOST);
    let frame = view.frame();
    let joints = plan.joints.iter().map(|joint| Rect {
        at: view
            .on_page([joint.anchor[0], joint.anchor[1]])
            .map(|at| at - JOINT),
        size: [2.0 * JOINT; 2],
    });
    let mut taken: Vec<Rect> = joints.take(MOST).collect();
    let _ = writeln!(
        out,
        "<g class=\"names\" font-size=\"{SIZE}\" fill=\"{INK}\" text-anchor=\"middle\" \
         stroke=\"#fff\" stroke-opacity=\"0.8\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\">"
    );
    for (index, body) in wanted.iter().enumerate() {
        let name = text(body.name, LETTERS);
        let letters: String = body.name.chars().take(LETTERS + 1).collect();
        let size = [width(&letters) * SIZE + 4.0, LINE];
        let smaller = wanted[..index].iter().filter(|other| other.top);
        let fits = |place: &Rect| {
            let inside = (0..2).all(|axis| {
                place.at[axis] >= frame.at[axis] && place.end()[axis] <= frame.end()[axis]
            });
            inside
                && !taken.iter().any(|other| other.meets(place))
                && !smaller.clone().any(|other| other.bounds.meets(place))
        };
        let Some(place) = places(body, size).into_iter().find(fits) else {
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

/// Where a name of this size may stand, the best place first.
fn places(body: &Wanted<'_>, [width, height]: Vec2) -> Vec<Rect> {
    let [x, y] = body.bounds.centre();
    let at = |y: f64| Rect {
        at: [x - width / 2.0, y - height / 2.0],
        size: [width, height],
    };
    let mut places = Vec::new();
    if width <= body.bounds.size[0] && height <= body.bounds.size[1] {
        places.push(at(y));
    }
    if body.top {
        let (top, bottom) = (body.bounds.at[1], body.bounds.end()[1]);
        places.extend([at(bottom + height / 2.0), at(top - height / 2.0)]);
    }
    places
}

/// The bodies that have a name and cover something.
fn wanted<'a>(view: &View, plan: &Plan<'a>, geoms: &[Drawn<'_>]) -> Vec<Wanted<'a>> {
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
        Some(Wanted {
            name: body.name?,
            bounds: Rect::around(corners)?,
            top: body.top == index,
        })
    });
    named.collect()
}
