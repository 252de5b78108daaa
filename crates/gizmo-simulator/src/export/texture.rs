//! Textures as PNG images. They are small by default, and of any size for benchmarks.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::File;
use super::model::Material;
use crate::random::{Random, hash};

/// The width and height of a small texture, in pixels.
const SIDE: u32 = 64;

/// The use of a texture in a material.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Colour,
    Normal,
}

/// Returns the name of a texture's file.
pub(super) fn file_name(material: Material, role: Role) -> String {
    match role {
        Role::Colour => format!("{}.png", material.name()),
        Role::Normal => format!("{}_normal.png", material.name()),
    }
}

/// Returns the textures of these materials, each in all roles. Unless `total` is 0, they have about `total`
/// bytes together.
pub(super) fn files(
    directory: &str,
    seed: u64,
    materials: &[Material],
    roles: &[Role],
    total: u64,
) -> impl Iterator<Item = File> {
    let count = materials.len() * roles.len();
    let share = total / u64::try_from(count.max(1)).unwrap_or(1);
    let textures = materials
        .iter()
        .flat_map(|material| roles.iter().map(|role| (*material, *role)));
    textures.map(move |(material, role)| {
        let name = file_name(material, role);
        let mut random = Random::new(seed ^ hash(&[&name]));
        let image = match role {
            _ if share > 0 => noise(share, &mut random),
            Role::Colour => pattern(material, &mut random),
            Role::Normal => flat(),
        };
        File::new(format!("{directory}/{name}"), image)
    })
}

/// Returns the normal map of a flat surface.
pub(crate) fn flat() -> Vec<u8> {
    let pixels = [128, 128, 255].repeat((SIDE * SIDE) as usize);
    png(SIDE, &pixels, Compression::default())
}

/// Returns a small image that resembles the material.
fn pattern(material: Material, random: &mut Random) -> Vec<u8> {
    let colour = material.colour();
    let mut pixels = Vec::new();
    for y in 0..SIDE {
        for x in 0..SIDE {
            let shade: i16 = match material {
                Material::Wood => i16::from(y % 8 < 2) * -25,
                Material::Floor => i16::from((x / 32 + y / 32) % 2 == 0) * 30,
                Material::Fabric => i16::from((x + y) % 4 == 0) * -20,
                _ => 0,
            };
            let grain = i16::from(random.byte() % 16) - 8;
            pixels.extend(colour.map(|value| {
                u8::try_from((i16::from(value) + shade + grain).clamp(0, 255)).unwrap_or(0)
            }));
        }
    }
    png(SIDE, &pixels, Compression::default())
}

/// Returns an image of about this many bytes that does not compress.
fn noise(bytes: u64, random: &mut Random) -> Vec<u8> {
    let side = (bytes / 3).isqrt().clamp(1, 16_384);
    let side = u32::try_from(side).unwrap_or(1);
    let mut pixels = vec![0; usize::try_from(side * side * 3).unwrap_or(0)];
    random.fill(&mut pixels);
    png(side, &pixels, Compression::none())
}

/// Encodes a square PNG with eight bits each of red, green and blue: <https://www.w3.org/TR/png-3/>.
fn png(side: u32, pixels: &[u8], compression: Compression) -> Vec<u8> {
    let mut rows = ZlibEncoder::new(Vec::new(), compression);
    let width = usize::try_from(side).unwrap_or(0) * 3;
    for row in pixels.chunks(width.max(1)) {
        // Each row starts with its filter type; 0 means none.
        rows.write_all(&[0])
            .and_then(|()| rows.write_all(row))
            .expect("writes to memory cannot fail");
    }
    let data = rows.finish().expect("writes to memory cannot fail");
    let mut header = Vec::new();
    header.extend(side.to_be_bytes());
    header.extend(side.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", data), (b"IEND", Vec::new())] {
        image.extend(
            u32::try_from(data.len())
                .expect("textures are smaller than 4 GiB")
                .to_be_bytes(),
        );
        let start = image.len();
        image.extend(kind);
        image.extend(data);
        image.extend(crc32fast::hash(&image[start..]).to_be_bytes());
    }
    image
}
