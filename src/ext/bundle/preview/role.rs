//! Decides which geoms are the building, so that its contents stand out.

use super::drawn::{Drawn, Role};
use super::name::is_asset;
use super::plan::{Body, Plan};
use super::shape::area;
use super::view::Rect;

/// The words in the names of the bodies of a building.
const FLOOR: [&str; 3] = ["floor", "ground", "slab"];
const CEILING: [&str; 2] = ["ceiling", "roof"];
const FITTING: [&str; 9] = [
    "baseboard",
    "divider",
    "door",
    "partition",
    "room",
    "trim",
    "wall",
    "walls",
    "window",
];

/// The minimum width of a floor, the maximum height of its upper side above the lowest geom, and the
/// minimum height of the lower side of a ceiling, in metres.
const FLOOR_WIDTH: f64 = 1.0;
const MAX_FLOOR: f64 = 0.5;
const MIN_CEILING: f64 = 1.9;
/// The minimum height and the maximum thickness of a wall in metres, and its minimum length as a
/// part of the scene's.
const WALL_HEIGHT: f64 = 1.5;
const WALL_THICKNESS: f64 = 0.5;
const WALL_LENGTH: f64 = 0.2;
/// A fitting may protrude this far from the wall that contains it, in metres.
const FLUSH: f64 = 0.01;
/// The maximum number of walls that are searched for fittings. A building has fewer.
const MAX_WALLS: usize = 100;

/// Sets the roles of geoms.
pub(super) fn assign(plan: &Plan<'_>, geoms: &mut [Drawn<'_>]) {
    let solid = || geoms.iter().filter(|drawn| !drawn.is_plane());
    let Some(extent) = Rect::around(solid().flat_map(|drawn| &drawn.outline)) else {
        return;
    };
    let lowest = solid()
        .map(|drawn| drawn.heights[0])
        .fold(f64::INFINITY, f64::min);
    for drawn in geoms.iter_mut().filter(|drawn| !drawn.is_plane()) {
        let body = &plan.bodies[plan.bodies[drawn.geom.body].top];
        if may_be_building(body) {
            let by_shape = by_shape(drawn, &extent, lowest);
            drawn.role = by_shape
                .or_else(|| by_name(body, drawn))
                .unwrap_or(Role::Object);
        }
    }
    let walls = geoms.iter().filter(|drawn| drawn.role == Role::Wall);
    let walls = walls.filter_map(|drawn| Rect::around(&drawn.outline));
    // The bounds of an oblique wall contain much of a room.
    let walls = walls.filter(|wall| wall.size[0].min(wall.size[1]) < WALL_THICKNESS);
    let walls: Vec<Rect> = walls
        .take(MAX_WALLS)
        .map(|wall| wall.grown(FLUSH))
        .collect();
    for drawn in geoms.iter_mut().filter(|drawn| drawn.role == Role::Object) {
        let body = &plan.bodies[plan.bodies[drawn.geom.body].top];
        let is_inside = |bounds: &Rect| walls.iter().any(|wall| wall.contains(bounds));
        if may_be_building(body) && Rect::around(&drawn.outline).as_ref().is_some_and(is_inside) {
            drawn.role = Role::Fitting;
        }
    }
}

/// Whether a child of the world, or the world itself, does not move and is not named as an asset.
fn may_be_building(body: &Body) -> bool {
    let name = body.name.as_deref().unwrap_or_default();
    !body.free && body.joints == 0 && !is_asset(name)
}

// Assumptions: export-building-meshes, export-units.
fn by_shape(drawn: &Drawn<'_>, extent: &Rect, lowest: f64) -> Option<Role> {
    let bounds = Rect::around(&drawn.outline)?;
    let [bottom, top] = drawn.heights;
    if bounds.area() > extent.area() / 2.0 {
        if bottom - lowest > MIN_CEILING {
            return Some(Role::Ceiling);
        }
        let width = bounds.size[0].min(bounds.size[1]);
        let is_flat = top - bottom < width / 10.0;
        if top - lowest < MAX_FLOOR && width > FLOOR_WIDTH && is_flat {
            return Some(Role::Floor);
        }
    }
    // The length of a thin outline in any direction is about that of its diagonal.
    let length = bounds.size[0].hypot(bounds.size[1]);
    let thickness = area(&drawn.outline) / length;
    let is_wall = top - bottom > WALL_HEIGHT
        && thickness < WALL_THICKNESS
        && length > WALL_LENGTH * extent.size[0].max(extent.size[1]);
    is_wall.then_some(Role::Wall)
}

fn by_name(body: &Body, drawn: &Drawn<'_>) -> Option<Role> {
    let name = body.name.as_deref()?.to_ascii_lowercase();
    let has = |words: &[&str]| {
        name.split(|letter: char| !letter.is_ascii_alphabetic())
            .any(|word| words.contains(&word))
    };
    let [bottom, top] = drawn.heights;
    if has(&CEILING) {
        Some(Role::Ceiling)
    } else if has(&FLOOR) && top - bottom < MAX_FLOOR {
        Some(Role::Floor)
    } else {
        has(&FITTING).then_some(Role::Fitting)
    }
}
