//! Reads the meshes that are drawn.

use std::path::Path;

use super::plan::MeshAsset;
use super::pose::{Pose, quaternion};
use super::shape::Mesh;
use crate::ext::bundle::mjcf::{Vertex, is_drawable, numbers};
use crate::ext::bundle::{BundleError, BundleErrorKind};

/// The maximum number of vertices of all geoms. A mesh counts once for each geom that uses it. A
/// large scene has ten million.
const MAX_VERTICES: usize = 200_000_000;

/// The directory with the meshes, and how many vertices may still be drawn.
#[derive(Debug)]
pub(super) struct Meshes<'a> {
    root: &'a Path,
    vertices_left: usize,
}

impl<'a> Meshes<'a> {
    pub(super) fn new(root: &'a Path) -> Self {
        Self {
            root,
            vertices_left: MAX_VERTICES,
        }
    }

    /// Reads a mesh that a number of geoms use, and transforms it to their frames. `None` if it is
    /// missing or cannot be drawn.
    pub(super) fn read(
        &mut self,
        asset: &MeshAsset<'_>,
        geoms: usize,
    ) -> Result<Option<Mesh>, BundleError> {
        let Some(vertices) = asset.model.vertices(self.root, asset.element)? else {
            return Ok(None);
        };
        let count = vertices.len().saturating_mul(geoms);
        self.vertices_left = self.vertices_left.checked_sub(count).ok_or_else(|| {
            let detail = format!("more than {MAX_VERTICES} vertices to draw");
            BundleError::new(BundleErrorKind::TooLarge, self.root, detail)
        })?;
        Ok(placed(asset, vertices))
    }
}

/// Transforms the vertices to the frame of a geom that uses them. `None` if they cannot be drawn.
fn placed(asset: &MeshAsset<'_>, mut vertices: Vec<Vertex>) -> Option<Mesh> {
    let array = |attribute| match asset.element.value(attribute) {
        Some(text) => numbers(text).map(Some),
        None => Some(None),
    };
    let mut frame = Pose::IDENTITY;
    if let Some(position) = array("refpos")? {
        frame.position = position.try_into().ok()?;
    }
    if let Some(rotation) = array("refquat")? {
        frame.rotation = quaternion(rotation.try_into().ok()?)?;
    }
    let scale = asset
        .element
        .value("scale")
        .or(asset.default_scale.as_deref());
    let scale: [f64; 3] = match scale {
        Some(scale) => numbers(scale)?.try_into().ok()?,
        None => [1.0; 3],
    };
    for vertex in &mut vertices {
        let point = frame.point_in(vertex.map(f64::from));
        let point = [0, 1, 2].map(|axis| point[axis] * scale[axis]);
        if !point.into_iter().all(is_drawable) {
            return None;
        }
        *vertex = point.map(single);
    }
    (!vertices.is_empty()).then_some(Mesh(vertices))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "meshes have single precision, and their numbers are limited"
)]
fn single(number: f64) -> f32 {
    number as f32
}
