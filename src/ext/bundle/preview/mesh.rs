//! Reads the vertices of mesh files: [OBJ, STL and MSH][files].
//!
//! [files]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#asset-mesh

use std::path::Path;

use crate::ext::bundle::has_extension;

/// The size of an STL header in bytes: a comment, and the number of triangles.
const STL_HEADER: usize = 84;
/// The size of an STL triangle in bytes: a normal, three vertices, and two unused bytes.
const STL_TRIANGLE: usize = 50;
/// The size of an MSH header in bytes: the numbers of vertices, normals, texture coordinates and
/// faces.
const MSH_HEADER: usize = 16;

/// The size of a vertex in STL and MSH files: three floats.
const VERTEX: usize = 12;

/// A point of a mesh.
pub(super) type Vertex = [f32; 3];

/// Returns the vertices in a file of the type `content_type`, or of the type of its extension.
/// `None` if it is not a mesh that `MuJoCo` reads.
pub(super) fn vertices(
    path: &Path,
    content_type: Option<&str>,
    bytes: &[u8],
) -> Option<Vec<Vertex>> {
    let is = |kind: &str| match content_type {
        Some(content_type) => content_type.strip_prefix("model/") == Some(kind),
        None => has_extension(path, &[kind]),
    };
    if is("obj") {
        obj(bytes)
    } else if is("stl") {
        stl(bytes)
    } else if has_extension(path, &["msh"]) {
        msh(bytes)
    } else {
        None
    }
}

fn obj(bytes: &[u8]) -> Option<Vec<Vertex>> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let vertices = lines.filter_map(|line| line.trim_ascii_start().strip_prefix(b"v"));
    vertices
        .filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace))
        .map(|rest| {
            let mut numbers = std::str::from_utf8(rest).ok()?.split_ascii_whitespace();
            let mut number = || numbers.next()?.parse().ok();
            Some([number()?, number()?, number()?])
        })
        .collect()
}

fn stl(bytes: &[u8]) -> Option<Vec<Vertex>> {
    let (header, triangles) = bytes.split_at_checked(STL_HEADER)?;
    let count = count(*header.last_chunk()?)?;
    if count.checked_mul(STL_TRIANGLE)? != triangles.len() {
        return None;
    }
    let triangles = triangles.chunks_exact(STL_TRIANGLE);
    Some(
        triangles
            .flat_map(|triangle| binary_vertices(&triangle[VERTEX..4 * VERTEX]))
            .collect(),
    )
}

fn msh(bytes: &[u8]) -> Option<Vec<Vertex>> {
    let (header, rest) = bytes.split_at_checked(MSH_HEADER)?;
    let count = count(*header.first_chunk()?)?;
    let vertices = rest.get(..count.checked_mul(VERTEX)?)?;
    Some(binary_vertices(vertices).collect())
}

/// Reads a little-endian number of elements.
fn count(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

/// Reads vertices of three little-endian floats each.
fn binary_vertices(bytes: &[u8]) -> impl Iterator<Item = Vertex> {
    bytes.chunks_exact(VERTEX).map(|vertex| {
        [0, 4, 8].map(|at| f32::from_le_bytes([0, 1, 2, 3].map(|byte| vertex[at + byte])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertices_are_read_and_other_files_are_rejected() {
        let numbers = |numbers: &[f32]| -> Vec<u8> {
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect()
        };
        let triangle = [0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let mut stl = vec![b' '; 80];
        stl.extend(1_u32.to_le_bytes());
        stl.extend(numbers(&triangle));
        stl.extend([0, 0]);
        let mut msh: Vec<u8> = [2_u32, 0, 0, 0]
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect();
        msh.extend(numbers(&triangle[3..9]));
        let two = vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let three = [two.clone(), vec![[7.0, 8.0, 9.0]]].concat();
        let obj = b"# v 9 9 9\nv 1 2 3\r\n  v\t4 5 6 1.0\nvn 0 0 1\nf 1 2 1\n";
        for (name, content_type, bytes, expected) in [
            ("a.obj", None, &obj[..], Some(two.clone())),
            ("a.OBJ", None, b"v 1 2\n", None),
            ("a.obj", None, b"v 1 2 x\n", None),
            ("a.obj", None, b"f 1 2 3\n", Some(vec![])),
            ("a.stl", None, &stl, Some(three.clone())),
            ("a.bin", Some("model/stl"), &stl, Some(three)),
            ("a.stl", Some("model/obj"), &stl, Some(vec![])),
            ("a.stl", None, &stl[..130], None),
            ("a.stl", None, &stl[..40], None),
            ("a.msh", None, &msh, Some(two)),
            ("a.msh", None, &msh[..30], None),
            ("a.msh", None, &[0xff; 40], None),
            ("a.dae", None, &stl, None),
        ] {
            assert_eq!(
                vertices(Path::new(name), content_type, bytes),
                expected,
                "{name}"
            );
        }
    }
}
