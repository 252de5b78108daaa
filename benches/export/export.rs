//! The archives that are unpacked: an export with textures, and many small files.

use std::fmt::Write as _;

use zlib_rs::crc32::crc32;
use zlib_rs::{Deflate, DeflateFlush};

/// The number of small files, besides the model.
const SMALL_FILES: usize = 20_000;
/// The number of small files in one directory.
const FILES_PER_DIRECTORY: usize = 200;

/// The name and the contents of a file.
type NamedFile = (String, Vec<u8>);

/// An archive.
pub(crate) struct Export {
    pub(crate) zip: Vec<u8>,
    files: usize,
    /// Total size of the files in bytes.
    contents: u64,
}

impl Export {
    /// Builds an archive like the export of a scene: textures as PNG, which deflate cannot shrink, meshes as
    /// text, and a model that refers to them.
    pub(crate) fn textured() -> Self {
        Self::of(&textured_files())
    }

    /// Builds an archive of meshes of about a kilobyte, as parts of many objects.
    pub(crate) fn small() -> Self {
        Self::of(&small_files())
    }

    /// Describes its size in a sentence.
    pub(crate) fn describe(&self, what: &str) -> String {
        format!(
            "{what}: {} files, {:.1} MB, compressed to {:.1} MB.",
            self.files,
            megabytes(self.contents),
            megabytes(self.zip.len() as u64),
        )
    }

    fn of(files: &[NamedFile]) -> Self {
        Self {
            zip: archive_of(files),
            files: files.len(),
            contents: files
                .iter()
                .map(|(_, contents)| contents.len() as u64)
                .sum(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn small_files() -> Vec<NamedFile> {
    let mut noise = Noise(11);
    let meshes = (0..SMALL_FILES).map(|i| {
        let name = format!("meshes/{}/{i}.obj", i / FILES_PER_DIRECTORY);
        (name, noise.mesh(5 + i % 50))
    });
    let mut files: Vec<NamedFile> = meshes.collect();
    files.push(("scene.xml".to_owned(), b"<mujoco/>".to_vec()));
    files
}

fn textured_files() -> Vec<NamedFile> {
    let mut noise = Noise(7);
    let mut assets = String::new();
    let mut files = Vec::new();
    for i in 0..40 {
        line(
            &mut assets,
            format_args!("<texture name=\"t{i}\" type=\"2d\" file=\"textures/{i}.png\"/>"),
        );
        let picture = noise.picture(400_000 + i * 45_000);
        files.push((format!("textures/{i}.png"), picture));
    }
    for i in 0..120 {
        line(
            &mut assets,
            format_args!("<mesh name=\"m{i}\" file=\"meshes/{i}.obj\"/>"),
        );
        files.push((format!("meshes/{i}.obj"), noise.mesh(500 + i * 20)));
    }
    let scene = format!("<mujoco><asset>\n{assets}</asset></mujoco>");
    files.push(("scene.xml".to_owned(), scene.into_bytes()));
    files.push(("metadata.json".to_owned(), b"{}".to_vec()));
    files
}

fn archive_of(files: &[NamedFile]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut directory = Vec::new();
    for (name, contents) in files {
        let header = local_header(name, contents, &mut zip);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&header.fixed);
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(header.offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let number = |number: usize| {
        u32::try_from(number)
            .expect("a small archive")
            .to_le_bytes()
    };
    let (at, length) = (number(zip.len()), number(directory.len()));
    let count = &number(files.len())[..2];
    let end = [b"PK\x05\x06\0\0\0\0", count, count, &length, &at, &[0; 2]].concat();
    [zip, directory, end].concat()
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to memory cannot fail");
}

struct Header {
    /// The fields that both headers share, from the version to the length of the extra field.
    fixed: Vec<u8>,
    offset: u32,
}

/// Appends an entry to the archive: its local header and its data.
fn local_header(name: &str, contents: &[u8], zip: &mut Vec<u8>) -> Header {
    let mut data = vec![0; contents.len() + contents.len() / 1000 + 1024];
    let mut deflate = Deflate::new(6, false, 15);
    deflate
        .compress(contents, &mut data, DeflateFlush::Finish)
        .expect("the buffer is large enough");
    data.truncate(usize::try_from(deflate.total_out()).expect("the data fits in memory"));
    let number = |number: usize| {
        u32::try_from(number)
            .expect("a small archive")
            .to_le_bytes()
    };
    let fixed = [
        // Version 2.0, no flags, deflated, 1980-01-01.
        &[20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0][..],
        &crc32(0, contents).to_le_bytes(),
        &number(data.len()),
        &number(contents.len()),
        &number(name.len())[..2],
        &[0; 2],
    ]
    .concat();
    let offset = u32::try_from(zip.len()).expect("a small archive");
    zip.extend(b"PK\x03\x04");
    zip.extend(&fixed);
    zip.extend(name.as_bytes());
    zip.extend(data);
    Header { fixed, offset }
}

/// Pseudo-random numbers that are the same in every run (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns data like a PNG: already compressed, so that deflate cannot shrink it.
    fn picture(&mut self, bytes: usize) -> Vec<u8> {
        let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
        while picture.len() < bytes {
            picture.extend(self.next().to_le_bytes());
        }
        picture
    }

    fn mesh(&mut self, vertices: usize) -> Vec<u8> {
        let mut mesh = String::new();
        for _ in 0..vertices {
            let [x, y, z, ..] = self.next().to_le_bytes();
            line(
                &mut mesh,
                format_args!("v {}.{:02} 0.{:03} -0.{:03}", x % 4, x / 4, y, z),
            );
        }
        for i in 1..vertices {
            line(
                &mut mesh,
                format_args!("f {i} {} {}", i + 1, (i * 7) % vertices + 1),
            );
        }
        mesh.into_bytes()
    }
}
