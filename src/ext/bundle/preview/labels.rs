//! Writes the names of the objects that matter.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::drawing::Drawing;
use super::drawn::{OutlineOf, Role};
use super::marks;
use super::name::{kind, short};
use super::plan::{Joint, Plan};
use super::projection::Vec2;
use super::view::{Rect, View};
use crate::ext::svg::{INK, px, text, width};

/// How names are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lettering {
    /// The attributes of their group.
    attributes: &'static str,
    /// The font size in pixels.
    size: f64,
    /// The maximum number of characters of a name.
    letters: usize,
    /// The maximum number of names in a view.
    most: usize,
    /// Whether a name may cover another object, if it would not fit otherwise.
    may_cover: bool,
}

pub(super) const SMALL: Lettering = Lettering {
    attributes: "class=\"names\" stroke-width=\"3.5\"",
    size: 13.0,
    letters: 24,
    most: 16,
    may_cover: true,
};

/// For a picture that is displayed at a quarter of its size.
pub(super) const LARGE: Lettering = Lettering {
    attributes: "class=\"names large\" stroke-width=\"9\" display=\"none\"",
    size: 34.0,
    letters: 12,
    most: 3,
    may_cover: false,
};

/// The height of a line with its margin, as a multiple of the font size.
const LINE: f64 = 1.3;
/// The space beside a name, as a multiple of the font size.
const MARGIN: f64 = 0.5;
/// The distance of a name from its object, in pixels.
const GAP: f64 = 3.0;
/// The maximum number of symbols that names avoid.
const MAX_SYMBOLS: usize = 1000;
/// The maximum number of names for which a place is sought: each is compared with all objects.
const MAX_TRIED: usize = 200;
/// A child of the world with this many joints is a robot.
const ROBOT_JOINTS: usize = 6;

/// The objects of a scene, and their names.
#[derive(Debug)]
pub(super) struct Labels {
    /// The size of each object on the ground, in square metres, by its body. An object is a child of
    /// the world, or, if there is only one, a body in it. Those without geometry have no size.
    objects: BTreeMap<usize, f64>,
    /// The most important first: robots, then the largest objects.
    labels: Vec<Label>,
}

#[derive(Debug)]
struct Label {
    /// The index of the object's body.
    body: usize,
    name: String,
    /// How many objects it names.
    count: usize,
}

impl Labels {
    /// Finds the objects. Those that differ only by the number in their name share a label.
    pub(super) fn of(plan: &Plan<'_>, drawing: &Drawing<'_>) -> Self {
        let objects = objects(plan, drawing);
        let mut kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for body in objects.keys() {
            if let Some(name) = plan.bodies[*body].name.as_deref() {
                kinds.entry(kind(name)).or_default().push(*body);
            }
        }
        let importance = |body: &usize| {
            let is_robot = plan.bodies[*body].joints >= ROBOT_JOINTS;
            (is_robot, objects[body])
        };
        let by_importance = |a: &usize, b: &usize| {
            let ((robot_a, size_a), (robot_b, size_b)) = (importance(a), importance(b));
            robot_b.cmp(&robot_a).then(size_b.total_cmp(&size_a))
        };
        let labels = kinds.into_iter().filter_map(|(kind, bodies)| {
            let body = *bodies.iter().min_by(|a, b| by_importance(a, b))?;
            let name = match bodies.len() {
                1 => short(plan.bodies[body].name.as_deref()?),
                _ => kind,
            };
            Some(Label {
                body,
                name: name.to_owned(),
                count: bodies.len(),
            })
        });
        let mut labels: Vec<Label> = labels.collect();
        labels.sort_by(|a, b| by_importance(&a.body, &b.body).then(a.body.cmp(&b.body)));
        Self { objects, labels }
    }

    /// Writes the names of objects into a view. `outline` returns that of a geom on its plane, and
    /// `joints` are those with a symbol.
    ///
    /// A name covers no other one, and no symbol. It covers another object only if it would not fit
    /// otherwise. It is omitted where there is no room.
    pub(super) fn draw(
        &self,
        out: &mut String,
        view: &View,
        (plan, drawing): (&Plan<'_>, &Drawing<'_>),
        outline: OutlineOf,
        joints: &[Joint],
        lettering: Lettering,
    ) {
        let bounds = self.bounds(view, plan, drawing, outline);
        let symbols = joints
            .iter()
            .map(|joint| joint.anchor)
            .chain(drawing.marks(plan));
        let symbols = symbols.map(|position| marks::around(view.point(position)));
        let mut taken: Vec<Rect> = symbols.take(MAX_SYMBOLS).collect();
        let last = taken.len() + lettering.most;
        let Lettering {
            attributes, size, ..
        } = lettering;
        let _ = writeln!(
            out,
            "<g {attributes} font-size=\"{size}\" fill=\"{INK}\" text-anchor=\"middle\" \
             stroke=\"#fff\" stroke-opacity=\"0.85\" stroke-linejoin=\"round\" paint-order=\"stroke\">"
        );
        for label in self.labels.iter().take(MAX_TRIED) {
            let letters = label.letters(lettering);
            let room = [(width(&letters) + MARGIN) * size, LINE * size];
            let Some(own) = bounds.get(&label.body) else {
                continue;
            };
            let places = candidates(own, room).into_iter();
            let is_free = |place: &Rect| {
                view.frame.contains(place) && !taken.iter().any(|other| other.overlaps(place))
            };
            let places: Vec<Rect> = places.filter(is_free).collect();
            let covers_none = |place: &&Rect| {
                // An object does not conflict with what it is on.
                let mut others = bounds.values().filter(|other| !other.contains(own));
                !others.any(|other| other.overlaps(place))
            };
            let second = places.first().filter(|_| lettering.may_cover);
            let Some(place) = places.iter().find(covers_none).or(second).copied() else {
                continue;
            };
            let [x, y] = place.centre();
            let (x, y) = (px(x), px(y + 0.35 * size));
            let letters = text(&letters, usize::MAX);
            let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\">{letters}</text>");
            taken.push(place);
            if taken.len() == last {
                break;
            }
        }
        out.push_str("</g>\n");
    }

    /// Returns the rectangle that each object covers on the page.
    fn bounds(
        &self,
        view: &View,
        plan: &Plan<'_>,
        drawing: &Drawing<'_>,
        outline: OutlineOf,
    ) -> BTreeMap<usize, Rect> {
        let mut corners: BTreeMap<usize, Vec<Vec2>> = BTreeMap::new();
        for drawn in drawing
            .geoms
            .iter()
            .filter(|drawn| drawn.role == Role::Object)
        {
            let body = drawn.geom.body;
            let mut owners = [body, plan.bodies[body].top].into_iter();
            let owner = owners.find(|owner| self.objects.contains_key(owner));
            if let (Some(owner), Some(bounds)) = (owner, Rect::around(outline(drawn))) {
                let corners = corners.entry(owner).or_default();
                corners.extend([bounds.at, bounds.end()].map(|corner| view.on_page(corner)));
            }
        }
        for body in &drawing.empty {
            let mark = marks::around(view.point(plan.bodies[*body].position));
            let corners = corners.entry(*body).or_default();
            corners.extend([mark.at, mark.end()]);
        }
        let bounds = corners.into_iter();
        bounds
            .filter_map(|(body, corners)| Some((body, Rect::around(&corners)?)))
            .collect()
    }
}

impl Label {
    /// Returns the name, shortened, and the number of objects.
    fn letters(&self, lettering: Lettering) -> String {
        let mut letters: String = self.name.chars().take(lettering.letters).collect();
        if letters.len() < self.name.len() {
            letters.push('…');
        }
        if self.count > 1 {
            let _ = write!(letters, " ×{}", self.count);
        }
        letters
    }
}

/// Returns the objects and their sizes.
fn objects(plan: &Plan<'_>, drawing: &Drawing<'_>) -> BTreeMap<usize, f64> {
    let objects = |owner: &dyn Fn(usize) -> usize| {
        let mut objects: BTreeMap<usize, f64> = BTreeMap::new();
        for drawn in drawing
            .geoms
            .iter()
            .filter(|drawn| drawn.role == Role::Object)
        {
            let size = Rect::around(&drawn.outline).map_or(0.0, |bounds| bounds.area());
            let largest = objects.entry(owner(drawn.geom.body)).or_default();
            *largest = largest.max(size);
        }
        for body in &drawing.empty {
            objects.entry(*body).or_default();
        }
        objects.remove(&0);
        objects
    };
    let tops = objects(&|body| plan.bodies[body].top);
    if tops.len() == 1 {
        return objects(&|body| body);
    }
    tops
}

/// Returns the possible positions of a name of this size, the best one first.
fn candidates(object: &Rect, [width, height]: Vec2) -> Vec<Rect> {
    let [x, y] = object.centre();
    let ([left, top], [right, bottom]) = (object.at, object.end());
    let at = |[x, y]: Vec2| Rect {
        at: [x - width / 2.0, y - height / 2.0],
        size: [width, height],
    };
    let is_inside = width <= object.size[0] && height <= object.size[1];
    let inside = is_inside.then_some([x, y]);
    let around = [
        [x, bottom + GAP + height / 2.0],
        [x, top - GAP - height / 2.0],
        [right + GAP + width / 2.0, y],
        [left - GAP - width / 2.0, y],
    ];
    inside.into_iter().chain(around).map(at).collect()
}
