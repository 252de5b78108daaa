//! Closed triangle meshes, and their file formats.

use std::fmt::Write as _;

use super::model::number;

/// A corner of a triangle: the indices of a vertex and of its texture coordinates.
pub(crate) type Corner = (usize, usize);

/// A closed surface. Seen from outside, the corners of each triangle are in counter-clockwise order.
#[derive(Debug, Clone)]
pub(crate) struct Mesh {
    pub(crate) name: String,
    pub(crate) vertices: Vec<[f64; 3]>,
    pub(crate) uvs: Vec<[f64; 2]>,
    pub(crate) triangles: Vec<[Corner; 3]>,
}

impl Mesh {
    /// Returns a box centred on the origin.
    pub(crate) fn cuboid(name: String, size: [f64; 3]) -> Self {
        let half = size.map(|side| side / 2.0);
        let sign = |corner: usize, axis: usize| {
            if corner >> axis & 1 == 1 {
                half[axis]
            } else {
                -half[axis]
            }
        };
        let vertices = (0..8)
            .map(|corner| std::array::from_fn(|axis| sign(corner, axis)))
            .collect();
        // The bits of a corner's index select the sides: 1 for x, 2 for y, 4 for z.
        let faces = [
            [0, 4, 6, 2],
            [1, 3, 7, 5],
            [0, 1, 5, 4],
            [2, 6, 7, 3],
            [0, 2, 3, 1],
            [4, 5, 7, 6],
        ];
        let uvs = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        let triangles = faces
            .iter()
            .flat_map(|[a, b, c, d]| [[(*a, 0), (*b, 1), (*c, 2)], [(*a, 0), (*c, 2), (*d, 3)]])
            .collect();
        Self {
            name,
            vertices,
            uvs,
            triangles,
        }
    }

    /// Returns a cylinder along z, centred on the origin.
    pub(crate) fn cylinder(name: String, radius: f64, height: f64, sides: usize) -> Self {
        let (top, bottom) = (height / 2.0, -height / 2.0);
        Self::lathe(
            name,
            &[(0.0, bottom), (radius, bottom), (radius, top), (0.0, top)],
            sides,
        )
    }

    /// Returns the surface that a profile of (radius, height) sweeps around z. The profile starts and ends
    /// on the axis, with the outside on its right.
    pub(crate) fn lathe(name: String, profile: &[(f64, f64)], sides: usize) -> Self {
        let mut mesh = Self {
            name,
            vertices: Vec::new(),
            uvs: Vec::new(),
            triangles: Vec::new(),
        };
        let part = |index: usize, of: usize| {
            f64::from(u32::try_from(index).unwrap_or(0)) / f64::from(u32::try_from(of).unwrap_or(1))
        };
        let last = profile.len() - 1;
        let mut rings = Vec::new();
        for (row, (radius, height)) in profile.iter().enumerate() {
            rings.push(mesh.vertices.len());
            let corners = if row == 0 || row == last { 1 } else { sides };
            for side in 0..corners {
                let angle = part(side, sides) * std::f64::consts::TAU;
                mesh.vertices
                    .push([radius * angle.cos(), radius * angle.sin(), *height]);
            }
            mesh.uvs
                .extend((0..=sides).map(|side| [part(side, sides), part(row, last)]));
        }
        let corner = |row: usize, side: usize| {
            let vertex = if row == 0 || row == last {
                rings[row]
            } else {
                rings[row] + side % sides
            };
            (vertex, row * (sides + 1) + side)
        };
        for row in 0..last {
            for side in 0..sides {
                let (a, b) = (corner(row, side), corner(row, side + 1));
                let (c, d) = (corner(row + 1, side + 1), corner(row + 1, side));
                // A quad that touches the axis is a triangle, because two of its corners coincide.
                if row > 0 {
                    mesh.triangles.push([a, b, c]);
                }
                if row + 1 < last {
                    mesh.triangles.push([a, c, d]);
                }
            }
        }
        mesh
    }

    /// Returns the enclosed volume.
    pub(crate) fn volume(&self) -> f64 {
        let signed = self.triangles.iter().map(|triangle| {
            let [a, b, c] = triangle.map(|(vertex, _)| self.vertices[vertex]);
            dot(a, cross(b, c)) / 6.0
        });
        signed.sum()
    }

    /// Returns the mesh as Wavefront OBJ with texture coordinates.
    pub(crate) fn obj(&self) -> Vec<u8> {
        let mut text = format!("# {}\no {}\n", self.name, self.name);
        for vertex in &self.vertices {
            let _ = writeln!(text, "v {}", vertex.map(number).join(" "));
        }
        for uv in &self.uvs {
            let _ = writeln!(text, "vt {}", uv.map(number).join(" "));
        }
        for triangle in &self.triangles {
            let corners = triangle.map(|(vertex, uv)| format!("{}/{}", vertex + 1, uv + 1));
            let _ = writeln!(text, "f {}", corners.join(" "));
        }
        text.into_bytes()
    }

    /// Returns the mesh as binary STL.
    pub(crate) fn stl(&self) -> Vec<u8> {
        let mut bytes = self.name.as_bytes().to_vec();
        bytes.resize(80, b' ');
        bytes.extend(
            u32::try_from(self.triangles.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        for triangle in &self.triangles {
            let corners = triangle.map(|(vertex, _)| self.vertices[vertex]);
            for point in [self.normal(triangle)].iter().chain(&corners) {
                for value in point {
                    bytes.extend(single(*value).to_le_bytes());
                }
            }
            bytes.extend([0, 0]);
        }
        bytes
    }

    /// Returns the unit normal of a triangle.
    pub(crate) fn normal(&self, triangle: &[Corner; 3]) -> [f64; 3] {
        let [a, b, c] = triangle.map(|(vertex, _)| self.vertices[vertex]);
        let normal = cross(subtract(b, a), subtract(c, a));
        let length = dot(normal, normal).sqrt();
        if length > 0.0 {
            normal.map(|value| value / length)
        } else {
            [0.0, 0.0, 1.0]
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "mesh formats use single precision"
)]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

fn subtract(left: [f64; 3], right: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| left[axis] - right[axis])
}

fn dot(left: [f64; 3], right: [f64; 3]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}

fn cross(left: [f64; 3], right: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| {
        let (next, last) = ((axis + 1) % 3, (axis + 2) % 3);
        left[next] * right[last] - left[last] * right[next]
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn meshes_are_closed_and_face_outwards() {
        let meshes = [
            (Mesh::cuboid("box".to_owned(), [1.0, 2.0, 3.0]), 6.0),
            (
                Mesh::cylinder("can".to_owned(), 1.0, 2.0, 64),
                std::f64::consts::TAU,
            ),
            (
                Mesh::lathe("cone".to_owned(), &[(0.0, 0.0), (1.0, 0.0), (0.0, 3.0)], 64),
                std::f64::consts::PI,
            ),
        ];
        for (mesh, volume) in meshes {
            assert!(
                (mesh.volume() / volume - 1.0).abs() < 0.01,
                "{}: {}",
                mesh.name,
                mesh.volume()
            );
            let mut edges = HashMap::new();
            for triangle in &mesh.triangles {
                for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                    *edges.entry((triangle[from].0, triangle[to].0)).or_insert(0) += 1;
                }
            }
            for ((from, to), count) in &edges {
                assert_eq!(
                    (*count, edges.get(&(*to, *from))),
                    (1, Some(&1)),
                    "{} {from} {to}",
                    mesh.name
                );
            }
            assert_eq!(mesh.stl().len(), 84 + 50 * mesh.triangles.len());
        }
    }
}
