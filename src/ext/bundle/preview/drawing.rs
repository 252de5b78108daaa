//! Computes what is drawn of a plan.

use std::collections::HashMap;

use super::drawn::{Drawn, Role};
use super::meshes::Meshes;
use super::name::kind;
use super::plan::{Form, Plan};
use super::pose::Vec3;
use super::projection::{ISOMETRIC, PLAN, Vec2};
use super::role;
use super::view::Rect;
use crate::ext::bundle::BundleError;
use crate::ext::svg::{GREY, PALETTE};

/// What is drawn of a plan.
#[derive(Debug)]
pub(super) struct Drawing<'p> {
    /// The geoms, in the order in which the plan shows them.
    pub(super) geoms: Vec<Drawn<'p>>,
    /// The positions of geoms whose shape is not known, in bodies with other geometry.
    pub(super) unknown: Vec<Vec3>,
    /// The indices of the bodies without geometry; of nested ones only the outermost.
    pub(super) empty: Vec<usize>,
}

/// The footprint, the silhouette and the heights of a geom.
type Outlines = ([Vec<Vec2>; 2], [f64; 2]);

impl<'p> Drawing<'p> {
    /// Computes the outlines. Each mesh is read once, and only one is in memory at a time.
    pub(super) fn of(plan: &'p Plan<'_>, mut meshes: Meshes<'_>) -> Result<Self, BundleError> {
        // By the indices of the geoms.
        let mut outlines: Vec<Option<Outlines>> = Vec::new();
        let mut users = vec![Vec::new(); plan.meshes.len()];
        for (index, geom) in plan.geoms.iter().enumerate() {
            outlines.push(match &geom.form {
                Form::Shape(shape) => {
                    let outlines = [PLAN, ISOMETRIC].map(|view| shape.outline(&geom.pose, view));
                    Some((outlines, shape.heights(&geom.pose)))
                }
                Form::Mesh(mesh) => {
                    users[*mesh].push(index);
                    None
                }
                Form::Unknown => None,
            });
        }
        for (asset, users) in plan.meshes.iter().zip(users) {
            if users.is_empty() {
                continue;
            }
            let Some(mesh) = meshes.read(asset, users.len())? else {
                continue;
            };
            for user in users {
                let pose = &plan.geoms[user].pose;
                outlines[user] = Some(mesh.outlines(pose, [PLAN, ISOMETRIC]));
            }
        }
        let mut geoms = Vec::new();
        let mut unknown = Vec::new();
        for (geom, outlines) in plan.geoms.iter().zip(outlines) {
            let Some(([outline, silhouette], heights)) = outlines else {
                unknown.push(geom);
                continue;
            };
            geoms.push(Drawn {
                geom,
                role: Role::Object,
                colour: GREY,
                outline,
                silhouette,
                heights,
            });
        }
        role::assign(plan, &mut geoms);
        colour(plan, &mut geoms);
        sort(&mut geoms);
        let filled = filled(plan, &geoms);
        // The world itself has no mark.
        unknown.retain(|geom| geom.body == 0 || filled[geom.body]);
        let empty = (1..plan.bodies.len()).filter(|body| {
            let parent = plan.bodies[*body].parent;
            !filled[*body] && (parent == 0 || filled[parent])
        });
        Ok(Self {
            empty: empty.collect(),
            unknown: unknown.iter().map(|geom| geom.pose.position).collect(),
            geoms,
        })
    }
}

impl<'p> Drawing<'p> {
    /// Returns the planes, and all other geoms.
    pub(super) fn planes_and_solids(&self) -> (&[Drawn<'p>], &[Drawn<'p>]) {
        let solids = self.geoms.partition_point(Drawn::is_plane);
        self.geoms.split_at(solids)
    }

    /// Returns the positions of geoms and bodies of which only the position is known.
    pub(super) fn marks(&self, plan: &Plan<'_>) -> impl Iterator<Item = Vec3> {
        let empty = self.empty.iter().map(|body| plan.bodies[*body].position);
        self.unknown.iter().copied().chain(empty)
    }

    /// Returns the rectangle that contains all solids and marks; without them, that of all finite
    /// planes.
    pub(super) fn extent(&self, plan: &Plan<'_>) -> Rect {
        let (planes, solids) = self.planes_and_solids();
        let marks: Vec<Vec2> = self.marks(plan).map(|[x, y, _]| [x, y]).collect();
        let solids = solids.iter().flat_map(|drawn| &drawn.outline);
        let planes = planes.iter().filter(|plane| !plane.is_infinite());
        Rect::around(solids.chain(&marks))
            .or_else(|| Rect::around(planes.flat_map(|plane| &plane.outline)))
            .unwrap_or(Rect {
                at: [-1.0; 2],
                size: [2.0; 2],
            })
    }
}

/// Gives the objects the colours of the palette in turn. Those that differ only by the number in
/// their name have the same. The building and the geoms of the world itself are grey.
fn colour(plan: &Plan<'_>, geoms: &mut [Drawn<'_>]) {
    let mut palette = PALETTE.into_iter().cycle();
    let mut colours: HashMap<&str, [u8; 3]> = HashMap::new();
    // By the indices of the bodies.
    let mut of_body = vec![None; plan.bodies.len()];
    for drawn in geoms.iter_mut().filter(|drawn| drawn.role == Role::Object) {
        let top = plan.bodies[drawn.geom.body].top;
        if top == 0 {
            continue;
        }
        let mut next = || palette.next().unwrap_or(GREY);
        drawn.colour = *of_body[top].get_or_insert_with(|| match &plan.bodies[top].name {
            Some(name) => *colours.entry(kind(name)).or_insert_with(&mut next),
            None => next(),
        });
    }
}

/// Sorts geoms so that each covers those before it, seen from above. Planes are the ground, so they
/// come first. The sort is stable, so geoms of equal heights keep the model's order.
fn sort(geoms: &mut [Drawn<'_>]) {
    geoms.sort_by(|a, b| {
        let planes = b.is_plane().cmp(&a.is_plane());
        let lower = a.heights[0].total_cmp(&b.heights[0]);
        planes
            .then(lower)
            .then(a.heights[1].total_cmp(&b.heights[1]))
    });
}

/// Returns for each body whether it, or a body below it, has geometry.
fn filled(plan: &Plan<'_>, geoms: &[Drawn<'_>]) -> Vec<bool> {
    let mut filled: Vec<bool> = plan.bodies.iter().map(|body| body.has_undrawn).collect();
    for drawn in geoms {
        filled[drawn.geom.body] = true;
    }
    // A parent comes before its children.
    for body in (1..filled.len()).rev() {
        if filled[body] {
            filled[plan.bodies[body].parent] = true;
        }
    }
    filled
}
