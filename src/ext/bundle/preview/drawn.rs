//! Geoms with what the drawing needs of them.

use super::meshes::Meshes;
use super::plan::{Form, Geom, Plan};
use super::pose::Vec3;
use super::shape::{FAR, Shape, Vec2};
use crate::ext::bundle::BundleError;

/// What is drawn of a plan.
#[derive(Debug)]
pub(super) struct Drawing<'p> {
    pub(super) geoms: Vec<Drawn<'p>>,
    /// The positions of geoms whose shape is not known.
    pub(super) unknown: Vec<Vec3>,
}

/// A geom with its footprint.
#[derive(Debug)]
pub(super) struct Drawn<'p> {
    pub(super) geom: &'p Geom,
    /// The outline of its footprint, in metres.
    pub(super) outline: Vec<Vec2>,
    /// The heights of its lowest and its highest point, in metres.
    pub(super) heights: [f64; 2],
}

impl Drawn<'_> {
    pub(super) fn is_plane(&self) -> bool {
        matches!(self.geom.form, Form::Shape(Shape::Plane(..)))
    }

    /// Whether it is an infinite plane.
    pub(super) fn is_infinite(&self) -> bool {
        matches!(self.geom.form, Form::Shape(Shape::Plane(x, y)) if x.max(y) >= FAR)
    }
}

impl<'p> Drawing<'p> {
    /// Computes the footprints. Each mesh is read once, and only one is in memory at a time.
    pub(super) fn of(plan: &'p Plan<'_>, mut meshes: Meshes<'_>) -> Result<Self, BundleError> {
        // The footprints, by the indices of the geoms.
        let mut footprints: Vec<Option<(Vec<Vec2>, [f64; 2])>> = Vec::new();
        let mut users = vec![Vec::new(); plan.meshes.len()];
        for (index, geom) in plan.geoms.iter().enumerate() {
            footprints.push(match &geom.form {
                Form::Shape(shape) => {
                    Some((shape.footprint(&geom.pose), shape.heights(&geom.pose)))
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
                footprints[user] = Some(mesh.footprint(&plan.geoms[user].pose));
            }
        }
        let mut drawing = Self {
            geoms: Vec::new(),
            unknown: Vec::new(),
        };
        for (geom, footprint) in plan.geoms.iter().zip(footprints) {
            match footprint {
                Some((outline, heights)) => drawing.geoms.push(Drawn {
                    geom,
                    outline,
                    heights,
                }),
                None => drawing.unknown.push(geom.pose.position),
            }
        }
        Ok(drawing)
    }
}
