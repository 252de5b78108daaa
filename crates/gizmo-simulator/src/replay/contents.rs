//! Files of the recorded names and sizes, whose contents a recording lacks.

use std::io;
use std::ops::Range;
use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::stream;
use gizmo_client::record::RecordedEntry;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use crate::export::flat_texture;
use crate::export::zip::{Archive, Method};
use crate::response::{Body, full};

/// The bytes of all files of an archive together, at most. Further files are empty.
const MAX_ARCHIVE: u64 = 256 * 1024 * 1024;

/// The period of the pattern, a prime number.
const PERIOD: usize = 251;

/// The bytes of the pattern that are sent at once.
const CHUNK: usize = 64 * 1024;

/// As much of the pattern as a chunk needs wherever it starts.
static PATTERN: LazyLock<Bytes> =
    LazyLock::new(|| (0..=250).cycle().take(CHUNK + PERIOD).collect());

/// A texture.
static TEXTURE: LazyLock<Vec<u8>> = LazyLock::new(flat_texture);

const MJCF: &[u8] = b"<mujoco model=\"replay\">\n  <worldbody/>\n</mujoco>\n";
const SDF: &[u8] =
    b"<?xml version=\"1.0\"?>\n<sdf version=\"1.9\">\n  <world name=\"replay\"/>\n</sdf>\n";
const URDF: &[u8] = b"<robot name=\"replay\">\n  <link name=\"base\"/>\n</robot>\n";
const USDA: &[u8] = b"#usda 1.0\n(\n    defaultPrim = \"World\"\n)\n\ndef Xform \"World\"\n{\n}\n";

/// A file that stands in for a recorded one.
#[derive(Debug, Clone)]
pub(crate) enum File {
    Bytes(Bytes),
    /// This many bytes of the pattern.
    Pattern(usize),
}

impl File {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Pattern(length) => *length,
        }
    }

    /// Returns a part of the file as a body.
    pub(crate) fn part(&self, range: Range<usize>) -> Body {
        match self {
            Self::Bytes(bytes) => full(bytes.slice(range)),
            Self::Pattern(_) => {
                let frames = stream::iter(chunks(range).map(|chunk| Ok(Frame::data(chunk))));
                StreamBody::new(frames).boxed_unsync()
            }
        }
    }
}

/// Returns a part of the pattern in chunks.
fn chunks(range: Range<usize>) -> impl Iterator<Item = Bytes> {
    let starts = range.clone().step_by(CHUNK);
    starts.map(move |start| {
        let length = CHUNK.min(range.end - start);
        let phase = start % PERIOD;
        PATTERN.slice(phase..phase + length)
    })
}

/// Returns an archive with these files. Equal entries result in equal bytes.
///
/// # Errors
///
/// Those of [`Archive::add`].
pub(crate) fn archive(entries: &[RecordedEntry]) -> io::Result<Bytes> {
    let mut archive = Archive::in_memory(Method::Stored);
    let mut left = MAX_ARCHIVE;
    for entry in entries {
        let method = match entry.method {
            8 if !entry.name.ends_with('/') => Method::Deflated,
            _ => Method::Stored,
        };
        let size = entry.size.min(left);
        archive.add_by(method, &entry.name, |output| {
            if let Some(content) = content(&entry.name) {
                return output.write_all(content);
            }
            left -= size;
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            chunks(0..size).try_for_each(|chunk| output.write_all(&chunk))
        })?;
    }
    Ok(archive.finish()?.into_inner().into())
}

/// Returns an archive with one model, for an archive of which a recording contains only parts.
///
/// # Errors
///
/// Those of [`Archive::add`].
pub(crate) fn unknown_archive() -> io::Result<Bytes> {
    let mut archive = Archive::in_memory(Method::Deflated);
    archive.add("scene.xml", MJCF)?;
    Ok(archive.finish()?.into_inner().into())
}

/// Returns the content of a file into which clients look, or `None` for another one.
fn content(name: &str) -> Option<&'static [u8]> {
    if name.ends_with('/') {
        return Some(&[]);
    }
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "xml" => MJCF,
        "sdf" => SDF,
        "urdf" => URDF,
        "usda" => USDA,
        "json" => b"{}",
        "png" => &TEXTURE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_pattern_is_that_part_of_the_whole() {
        let joined = |range: Range<usize>| chunks(range).flatten().collect::<Vec<u8>>();
        let whole = joined(0..3 * CHUNK);
        assert_eq!(whole.len(), 3 * CHUNK);
        for range in [0..0, 0..1, 250..252, 1..CHUNK + 2, CHUNK - 1..3 * CHUNK] {
            assert_eq!(joined(range.clone()), whole[range.clone()], "{range:?}");
        }
    }
}
