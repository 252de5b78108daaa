//! Reads meshes: [OBJ, STL and MSH files][files], and the attributes of an asset.
//!
//! [files]: https://mujoco.readthedocs.io/en/stable/XMLreference.html#asset-mesh

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::files::{Reference, Use};
use super::tree::Element;
use super::{Model, path};
use crate::ext::bundle::has_extension;
#[cfg(feature = "preview")]
use crate::ext::bundle::{BundleError, read_limited};

/// The maximum size of a mesh file in bytes.
#[cfg(feature = "preview")]
const MAX_BYTES: u64 = 1 << 30;
/// The size of an STL header in bytes: a comment, and the number of triangles.
const STL_HEADER: usize = 84;
#[cfg(feature = "preview")]
/// The size of an STL triangle in bytes: a normal, three vertices, and two unused bytes.
const STL_TRIANGLE: usize = 50;
/// The size of an MSH header in bytes: the numbers of vertices, normals, texture coordinates and
/// faces.
const MSH_HEADER: usize = 16;

/// The size of a vertex in STL and MSH files: three floats.
#[cfg(feature = "preview")]
const VERTEX: usize = 12;

/// A point of a mesh.
#[cfg(feature = "preview")]
pub(in crate::ext::bundle) type Vertex = [f32; 3];

/// The format of a mesh file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Obj,
    Stl,
    Msh,
}

impl Format {
    /// Returns the format of the type `content_type`, or of the file's extension. `None` if
    /// `MuJoCo` does not read it.
    fn of(path: &Path, content_type: Option<&str>) -> Option<Self> {
        let is = |kind: &str| match content_type {
            Some(content_type) => content_type.strip_prefix("model/") == Some(kind),
            None => has_extension(path, &[kind]),
        };
        if is("obj") {
            Some(Self::Obj)
        } else if is("stl") {
            Some(Self::Stl)
        } else if has_extension(path, &["msh"]) {
            Some(Self::Msh)
        } else {
            None
        }
    }
}

impl Model {
    /// Returns the vertices of a mesh asset; `None` if they are missing or invalid.
    #[cfg(feature = "preview")]
    pub(in crate::ext::bundle) fn vertices(
        &self,
        root: &Path,
        asset: &Element,
    ) -> Result<Option<Vec<Vertex>>, BundleError> {
        if let Some(reference) = Reference::of(asset, Use::Mesh) {
            let Ok(path) = path::first_present(root, self.candidates(reference)) else {
                return Ok(None);
            };
            let path = root.join(path);
            let bytes = read_limited(&path, MAX_BYTES)?;
            return Ok(vertices(&path, asset.value("content_type"), &bytes));
        }
        // Assumption: export-inline-meshes.
        let text = match asset.long_value("vertex") {
            Some(span) => read_span(&root.join(&self.parts[asset.part]), span)?,
            None => asset.value("vertex").unwrap_or_default().into(),
        };
        Ok(inline(&text))
    }

    /// Whether a mesh asset has vertices, but no faces.
    pub(super) fn lacks_faces(&self, root: &Path, asset: &Element) -> bool {
        let Some(reference) = Reference::of(asset, Use::Mesh) else {
            // Assumption: export-inline-meshes.
            return asset.has("vertex") && !asset.has("face");
        };
        let Ok(path) = path::first_present(root, self.candidates(reference)) else {
            return false;
        };
        let content_type = asset.value("content_type");
        // A file that cannot be read is no mesh without faces.
        file_lacks_faces(&root.join(path), content_type).unwrap_or(false)
    }
}

/// Whether a mesh file in a known format has no faces.
fn file_lacks_faces(path: &Path, content_type: Option<&str>) -> io::Result<bool> {
    let Some(format) = Format::of(path, content_type) else {
        return Ok(false);
    };
    let mut file = BufReader::new(File::open(path)?);
    match format {
        Format::Obj => Ok(!has_obj_face(file)?),
        Format::Stl => {
            let mut header = [0; STL_HEADER];
            file.read_exact(&mut header)?;
            Ok(header.ends_with(&[0; 4]))
        }
        Format::Msh => {
            let mut header = [0; MSH_HEADER];
            file.read_exact(&mut header)?;
            Ok(header.ends_with(&[0; 4]))
        }
    }
}

/// Whether a line starts with `f`, after white space.
fn has_obj_face(mut file: impl BufRead) -> io::Result<bool> {
    // The bytes of the line before the current one that matter: none, `f`, or anything else.
    let (mut starts, mut is_face) = (true, false);
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        for byte in bytes {
            match byte {
                b'\n' => (starts, is_face) = (true, false),
                byte if is_face && byte.is_ascii_whitespace() => return Ok(true),
                byte if starts && byte.is_ascii_whitespace() => {}
                b'f' if starts => (starts, is_face) = (false, true),
                _ => (starts, is_face) = (false, false),
            }
        }
        let length = bytes.len();
        file.consume(length);
    }
}

/// Reads a part of a file.
#[cfg(feature = "preview")]
fn read_span(path: &Path, span: std::ops::Range<u64>) -> Result<Vec<u8>, BundleError> {
    use std::io::{Seek, SeekFrom};

    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| {
            file.seek(SeekFrom::Start(span.start))?;
            file.take(span.end - span.start).read_to_end(&mut bytes)
        })
        .map_err(|e| BundleError::io(path, e))?;
    Ok(bytes)
}

/// Parses the vertices in the attribute `vertex`.
#[cfg(feature = "preview")]
fn inline(text: &[u8]) -> Option<Vec<Vertex>> {
    let mut numbers = std::str::from_utf8(text).ok()?.split_ascii_whitespace();
    let mut vertices = Vec::new();
    while let Some(x) = numbers.next() {
        let (Some(y), Some(z)) = (numbers.next(), numbers.next()) else {
            // `MuJoCo` ignores what is left.
            break;
        };
        vertices.push([x.parse().ok()?, y.parse().ok()?, z.parse().ok()?]);
    }
    Some(vertices)
}

/// Returns the vertices in a file of the type `content_type`, or of the type of its extension.
/// `None` if it is not a mesh that `MuJoCo` reads.
#[cfg(feature = "preview")]
fn vertices(path: &Path, content_type: Option<&str>, bytes: &[u8]) -> Option<Vec<Vertex>> {
    match Format::of(path, content_type)? {
        Format::Obj => obj(bytes),
        Format::Stl => stl(bytes),
        Format::Msh => msh(bytes),
    }
}

#[cfg(feature = "preview")]
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

#[cfg(feature = "preview")]
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

#[cfg(feature = "preview")]
fn msh(bytes: &[u8]) -> Option<Vec<Vertex>> {
    let (header, rest) = bytes.split_at_checked(MSH_HEADER)?;
    let count = count(*header.first_chunk()?)?;
    let vertices = rest.get(..count.checked_mul(VERTEX)?)?;
    Some(binary_vertices(vertices).collect())
}

#[cfg(feature = "preview")]
/// Reads a little-endian number of elements.
fn count(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

#[cfg(feature = "preview")]
/// Reads vertices of three little-endian floats each.
fn binary_vertices(bytes: &[u8]) -> impl Iterator<Item = Vertex> {
    bytes.chunks_exact(VERTEX).map(|vertex| {
        [0, 4, 8].map(|at| f32::from_le_bytes([0, 1, 2, 3].map(|byte| vertex[at + byte])))
    })
}

#[cfg(all(test, feature = "preview"))]
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
