//! Export of one item as binary glTF 2.0: <https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html>.

use serde_json::{Value, json};

use super::brief::Item;
use super::furniture;
use super::mesh::{Mesh, single};
use super::model::add;
use crate::random::Random;

/// Returns the item as GLB, with all parts in one buffer.
pub(crate) fn glb(item: &Item) -> Vec<u8> {
    let base = furniture::build(item.kind, &item.name, &mut Random::of(&[&item.id]));
    let mut buffer = Vec::new();
    let (mut views, mut accessors, mut meshes, mut nodes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    base.visit(&mut |body, origin| {
        for part in &body.parts {
            let index = accessors.len();
            write_mesh(&part.mesh, &mut buffer, &mut views, &mut accessors);
            let colour = part.material.colour().map(|value| f64::from(value) / 255.0);
            meshes.push(json!({
                "name": part.mesh.name,
                "primitives": [{ "attributes": { "POSITION": index, "NORMAL": index + 1 }, "material": meshes.len() }],
                "colour": colour,
            }));
            let at = add(origin, part.position);
            // The y axis of glTF points up.
            nodes.push(json!({ "name": part.mesh.name, "mesh": nodes.len(), "translation": [at[0], at[2], -at[1]] }));
        }
    });
    let materials: Vec<Value> = meshes
        .iter_mut()
        .map(|mesh: &mut Value| {
            let colour = mesh["colour"].take();
            mesh.as_object_mut().and_then(|mesh| mesh.remove("colour"));
            json!({ "pbrMetallicRoughness": { "baseColorFactor": [colour[0], colour[1], colour[2], 1.0], "metallicFactor": 0.0 } })
        })
        .collect();
    let roots: Vec<usize> = (0..nodes.len()).collect();
    let document = json!({
        "asset": { "version": "2.0", "generator": "gizmo-simulator" },
        "scene": 0,
        "scenes": [{ "name": item.name, "nodes": roots }],
        "nodes": nodes,
        "meshes": meshes,
        "materials": materials,
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{ "byteLength": buffer.len() }],
    });
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let mut bytes = b"glTF".to_vec();
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(length(12 + 8 + text.len() + 8 + buffer.len()));
    for (kind, chunk) in [(b"JSON", text), (b"BIN\0", buffer)] {
        bytes.extend(length(chunk.len()));
        bytes.extend(kind);
        bytes.extend(chunk);
    }
    bytes
}

/// Appends the positions and normals of a mesh, three of each per triangle.
fn write_mesh(
    mesh: &Mesh,
    buffer: &mut Vec<u8>,
    views: &mut Vec<Value>,
    accessors: &mut Vec<Value>,
) {
    let y_up = |[x, y, z]: [f64; 3]| [single(x), single(z), single(-y)];
    let corners = mesh
        .triangles
        .iter()
        .flat_map(|corners| corners.map(|(vertex, _)| y_up(mesh.vertices[vertex])));
    let normals = mesh
        .triangles
        .iter()
        .flat_map(|corners| [y_up(mesh.normal(corners)); 3]);
    for (index, points) in [corners.collect::<Vec<_>>(), normals.collect()]
        .into_iter()
        .enumerate()
    {
        let start = buffer.len();
        let bound = |pick: fn(f32, f32) -> f32, from: f32| {
            points.iter().fold([from; 3], |bound, point| {
                std::array::from_fn(|axis| pick(bound[axis], point[axis]))
            })
        };
        let mut accessor = json!({
            "bufferView": views.len(), "componentType": 5126, "count": points.len(), "type": "VEC3",
        });
        if index == 0 {
            accessor["min"] = json!(bound(f32::min, f32::INFINITY));
            accessor["max"] = json!(bound(f32::max, f32::NEG_INFINITY));
        }
        buffer.extend(
            points
                .iter()
                .flatten()
                .flat_map(|value| value.to_le_bytes()),
        );
        views.push(json!({ "buffer": 0, "byteOffset": start, "byteLength": buffer.len() - start, "target": 34962 }));
        accessors.push(accessor);
    }
}
