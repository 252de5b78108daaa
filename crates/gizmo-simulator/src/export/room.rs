//! The parts of a scene that the prompt does not name: the floor and the walls, and rocks on the floor that
//! make a scene as large as requested.

use std::f64::consts::PI;

use super::brief::place;
use super::mesh::Mesh;
use super::model::Material;
use crate::random::Random;

/// The distance of the walls from the furniture, in metres.
const MARGIN: f64 = 2.0;
const WALL_HEIGHT: f64 = 2.6;
const THICKNESS: f64 = 0.2;
/// The distance between two rocks, in metres.
const PITCH: f64 = 0.6;
/// Number of rocks in a row. Each row is one body, because the default memory of `MuJoCo` suffices for 2,900
/// bodies only.
pub(super) const ROW: usize = 12;

/// A box that does not move.
pub(super) struct Slab {
    pub(super) name: &'static str,
    /// The name of its mesh. Opposite walls share one.
    pub(super) mesh: &'static str,
    pub(super) size: [f64; 3],
    pub(super) position: [f64; 3],
    pub(super) material: Material,
}

/// Returns the floor and the walls around this number of pieces of furniture and of rocks.
pub(super) fn slabs(pieces: usize, rocks: usize) -> [Slab; 5] {
    let [west, south, _] = place(0).map(|least| least - MARGIN);
    let east = -west;
    let north = if rocks == 0 {
        place(pieces)[1]
    } else {
        row_position(pieces, (rocks - 1) / ROW)[1]
    } + MARGIN;
    let (width, depth) = (east - west, north - south);
    let (middle, height) = (f64::midpoint(south, north), WALL_HEIGHT / 2.0);
    let slab = |name, mesh, size, position| Slab {
        name,
        mesh,
        size,
        position,
        material: Material::Plaster,
    };
    let across = [width, THICKNESS, WALL_HEIGHT];
    let along = [THICKNESS, depth, WALL_HEIGHT];
    [
        Slab {
            material: Material::Floor,
            ..slab(
                "ground_slab_0",
                "ground_slab_0",
                [width, depth, THICKNESS],
                [0.0, middle, -THICKNESS / 2.0],
            )
        },
        slab("wall_n_1", "wall_n_1", across, [0.0, north, height]),
        slab("wall_s_2", "wall_n_1", across, [0.0, south, height]),
        slab("wall_e_3", "wall_e_3", along, [east, middle, height]),
        slab("wall_w_4", "wall_e_3", along, [west, middle, height]),
    ]
}

/// Returns the position of the first rock of a row. The rows lie behind the furniture, from west to east.
pub(super) fn row_position(pieces: usize, row: usize) -> [f64; 3] {
    let [west, ..] = place(0);
    [west, place(pieces)[1] + MARGIN + float(row) * PITCH, 0.15]
}

/// Returns the distance of a rock from the first one of its row.
pub(super) fn column_offset(column: usize) -> f64 {
    float(column) * PITCH
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Returns a rock with at least `faces` triangles, around the origin.
pub(super) fn rock(name: String, faces: usize, random: &mut Random) -> Mesh {
    let sides = faces.isqrt().max(3);
    // The rows at the poles have one triangle for each side, the others two.
    let rows = faces.div_ceil(2 * sides).max(1) + 1;
    let profile: Vec<(f64, f64)> = (0..=rows)
        .map(|row| {
            let (sine, cosine) = (float(row) / float(rows) * PI).sin_cos();
            (0.2 * sine, -0.15 * cosine)
        })
        .collect();
    let mut mesh = Mesh::lathe(name, &profile, sides);
    for vertex in &mut mesh.vertices {
        let scale = random.between(0.97, 1.03);
        *vertex = vertex.map(|coordinate| coordinate * scale);
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rock_has_at_least_the_requested_triangles() {
        for faces in [0, 1, 6, 7, 100, 1_000, 1_001, 1_000_000] {
            let mesh = rock("rock".to_owned(), faces, &mut Random::new(1));
            let found = mesh.triangles.len();
            let limit = faces.max(6) + 2 * faces.isqrt().max(3);
            assert!((faces..limit).contains(&found), "{faces}: {found}");
            assert!(mesh.volume() > 0.005, "{faces}: {}", mesh.volume());
        }
    }
}
