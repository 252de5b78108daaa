//! Reads the mesh assets of a model, each once and on first use.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::attributes::{Attributes, Defaults};
use super::elements::{Element, is_drawable};
use super::mesh;
use super::mesh::Vertex;
use super::pose::{Pose, quaternion};
use crate::ext::bundle::mjcf::Model;
use crate::ext::bundle::path::stem;
use crate::ext::bundle::{BundleError, BundleErrorKind, read_limited};

/// The maximum size of all mesh files of a model in bytes.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// The maximum number of vertices of all geoms. A mesh counts once for each geom that uses it.
const MAX_VERTICES: usize = 50_000_000;

/// The mesh assets of a model, and how much of them may still be read.
#[derive(Debug)]
pub(super) struct Meshes<'a> {
    root: &'a Path,
    model: &'a Model,
    assets: HashMap<&'a str, Attributes<'a>>,
    /// The meshes that were read; `None` for those that cannot be drawn.
    read: HashMap<&'a str, Option<Rc<[Vertex]>>>,
    bytes_left: u64,
    vertices_left: usize,
}

impl<'a> Meshes<'a> {
    pub(super) fn new(
        root: &'a Path,
        model: &'a Model,
        tree: &'a Element<'a>,
        defaults: &'a Defaults<'a>,
    ) -> Self {
        let sections = tree.named("asset");
        let meshes = sections.flat_map(|section| section.named("mesh"));
        let named = meshes.filter_map(|asset| {
            let name = asset
                .value("name")
                .or_else(|| asset.value("file").map(stem));
            Some((name?, Attributes::new(asset, defaults, None)))
        });
        Self {
            root,
            model,
            assets: named.collect(),
            read: HashMap::new(),
            bytes_left: MAX_BYTES,
            vertices_left: MAX_VERTICES,
        }
    }

    /// Returns the vertices of a mesh; `None` if it is missing or cannot be drawn.
    pub(super) fn vertices(&mut self, name: &str) -> Result<Option<Rc<[Vertex]>>, BundleError> {
        let Some((name, asset)) = self.assets.get_key_value(name) else {
            return Ok(None);
        };
        let vertices = if let Some(vertices) = self.read.get(name) {
            vertices.clone()
        } else {
            let vertices = read(self.root, self.model, asset, &mut self.bytes_left)?;
            self.read.insert(name, vertices.clone());
            vertices
        };
        let count = vertices.as_ref().map_or(0, |vertices| vertices.len());
        self.vertices_left = self.vertices_left.checked_sub(count).ok_or_else(|| {
            let detail = format!("more than {MAX_VERTICES} vertices to draw");
            BundleError::new(BundleErrorKind::TooLarge, self.root, detail)
        })?;
        Ok(vertices)
    }
}

/// Reads a mesh, and transforms it as its asset specifies.
fn read(
    root: &Path,
    model: &Model,
    asset: &Attributes<'_>,
    bytes_left: &mut u64,
) -> Result<Option<Rc<[Vertex]>>, BundleError> {
    let vertices = if let Some(path) = asset.value("file").and_then(|file| model.mesh(root, file)) {
        let path = root.join(path);
        let bytes = read_limited(&path, *bytes_left)?;
        *bytes_left -= bytes.len() as u64;
        mesh::vertices(&path, asset.value("content_type"), &bytes)
    } else {
        inline(asset)
    };
    Ok(vertices.and_then(|vertices| placed(asset, vertices)))
}

/// Returns the vertices in the attribute `vertex`.
fn inline(asset: &Attributes<'_>) -> Option<Vec<Vertex>> {
    let numbers = asset.numbers("vertex").ok()?;
    let vertices = numbers.chunks_exact(3);
    Some(
        vertices
            .map(|point| [0, 1, 2].map(|axis| single(point[axis])))
            .collect(),
    )
}

/// Transforms the vertices to the frame of a geom that uses them. `None` if they cannot be drawn.
fn placed(asset: &Attributes<'_>, mut vertices: Vec<Vertex>) -> Option<Rc<[Vertex]>> {
    let mut frame = Pose::IDENTITY;
    frame.position = asset.array("refpos").ok()?.unwrap_or_default();
    if let Some(rotation) = asset.array("refquat").ok()? {
        frame.rotation = quaternion(rotation)?;
    }
    let scale: [f64; 3] = asset.array("scale").ok()?.unwrap_or([1.0; 3]);
    for vertex in &mut vertices {
        let point = frame.point_in(vertex.map(f64::from));
        let point = [0, 1, 2].map(|axis| point[axis] * scale[axis]);
        if !point.into_iter().all(is_drawable) {
            return None;
        }
        *vertex = point.map(single);
    }
    (!vertices.is_empty()).then(|| vertices.into())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "meshes have single precision, and their numbers are limited"
)]
fn single(number: f64) -> f32 {
    number as f32
}
