//! The mesh assets of a model: each is read once, when it is first drawn.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::attributes::{Defaults, Given};
use super::elements::{Element, is_drawable};
use super::mesh;
use super::pose::{Pose, quaternion};
use crate::ext::bundle::mjcf::Model;
use crate::ext::bundle::path::stem;
use crate::ext::bundle::{BundleError, BundleErrorKind, read_limited};

/// The most bytes of mesh files that are read of one model.
const BYTES: u64 = 512 * 1024 * 1024;
/// The most vertices that are drawn, counted for each geom anew.
const VERTICES: usize = 50_000_000;

#[derive(Debug)]
pub(super) struct Meshes<'a> {
    root: &'a Path,
    model: &'a Model,
    assets: HashMap<&'a str, Given<'a>>,
    read: HashMap<&'a str, Option<Rc<[[f32; 3]]>>>,
    bytes: u64,
    vertices: usize,
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
            Some((name?, Given::new(asset, defaults, None)))
        });
        Self {
            root,
            model,
            assets: named.collect(),
            read: HashMap::new(),
            bytes: BYTES,
            vertices: VERTICES,
        }
    }

    /// The vertices of a mesh; `None` when it is not there, or nothing that can be drawn.
    pub(super) fn vertices(&mut self, name: &str) -> Result<Option<Rc<[[f32; 3]]>>, BundleError> {
        let Some((name, asset)) = self.assets.get_key_value(name) else {
            return Ok(None);
        };
        let vertices = if let Some(vertices) = self.read.get(name) {
            vertices.clone()
        } else {
            let vertices = read(self.root, self.model, asset, &mut self.bytes)?;
            self.read.insert(name, vertices.clone());
            vertices
        };
        let count = vertices.as_ref().map_or(0, |vertices| vertices.len());
        self.vertices = self.vertices.checked_sub(count).ok_or_else(|| {
            let detail = format!("more than {VERTICES} vertices to draw");
            BundleError::new(BundleErrorKind::TooLarge, self.root, detail)
        })?;
        Ok(vertices)
    }
}

/// Reads a mesh, and places it as its asset says.
fn read(
    root: &Path,
    model: &Model,
    asset: &Given<'_>,
    left: &mut u64,
) -> Result<Option<Rc<[[f32; 3]]>>, BundleError> {
    let vertices = if let Some(path) = asset.value("file").and_then(|file| model.mesh(root, file)) {
        let path = root.join(path);
        let bytes = read_limited(&path, *left)?;
        *left -= bytes.len() as u64;
        mesh::vertices(&path, asset.value("content_type"), &bytes)
    } else {
        inline(asset)
    };
    Ok(vertices.and_then(|vertices| placed(asset, vertices)))
}

/// The vertices that stand in the model itself.
fn inline(asset: &Given<'_>) -> Option<Vec<[f32; 3]>> {
    let numbers = asset.numbers("vertex").ok()?;
    let vertices = numbers.chunks_exact(3);
    Some(
        vertices
            .map(|point| [0, 1, 2].map(|axis| single(point[axis])))
            .collect(),
    )
}

/// The vertices in the frame of the geoms that use them.
fn placed(asset: &Given<'_>, mut vertices: Vec<[f32; 3]>) -> Option<Rc<[[f32; 3]]>> {
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
    reason = "meshes are single precision, and numbers are limited"
)]
fn single(number: f64) -> f32 {
    number as f32
}
