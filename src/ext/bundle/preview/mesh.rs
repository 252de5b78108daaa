//! The vertices of mesh files: [OBJ, STL and MSH][files].
//!
//! [files]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#asset-mesh

use std::path::Path;

use crate::ext::bundle::has_extension;

/// Bytes before the triangles of an STL file: a comment, and their number.
const STL_HEAD: usize = 84;
/// Bytes of a triangle in an STL file: its normal, three vertices, and two bytes that say nothing.
const STL_TRIANGLE: usize = 50;
/// Bytes before the vertices of an MSH file: the number of vertices, normals, texture coordinates
/// and faces.
const MSH_HEAD: usize = 16;

/// The vertices in a file, by its `content_type` or else by its name; `None` when it is not a mesh
/// that `MuJoCo` reads.
pub(super) fn vertices(
    path: &Path,
    content_type: Option<&str>,
    bytes: &[u8],
) -> Option<Vec<[f32; 3]>> {
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

fn obj(bytes: &[u8]) -> Option<Vec<[f32; 3]>> {
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

fn stl(bytes: &[u8]) -> Option<Vec<[f32; 3]>> {
    let (head, triangles) = bytes.split_at_checked(STL_HEAD)?;
    let count = usize::try_from(u32::from_le_bytes(*head.last_chunk()?)).ok()?;
    if count.checked_mul(STL_TRIANGLE)? != triangles.len() {
        return None;
    }
    let corners = triangles
        .chunks_exact(STL_TRIANGLE)
        .flat_map(|triangle| triangle[12..48].chunks_exact(12));
    Some(corners.map(point).collect())
}

fn msh(bytes: &[u8]) -> Option<Vec<[f32; 3]>> {
    let (head, rest) = bytes.split_at_checked(MSH_HEAD)?;
    let count = usize::try_from(u32::from_le_bytes(*head.first_chunk()?)).ok()?;
    let vertices = rest.get(..count.checked_mul(12)?)?;
    Some(vertices.chunks_exact(12).map(point).collect())
}

/// Three numbers of four bytes, little-endian.
fn point(bytes: &[u8]) -> [f32; 3] {
    [0, 4, 8].map(|at| f32::from_le_bytes([0, 1, 2, 3].map(|byte| bytes[at + byte])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertices_are_read_or_the_file_is_no_mesh() {
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
        for (name, content_type, bytes, read) in [
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
                read,
                "{name}"
            );
        }
    }
}
