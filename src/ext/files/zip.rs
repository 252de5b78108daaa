//! The signatures of a ZIP archive (APPNOTE 4.3), which identify a download and show that it is complete.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
#[cfg(feature = "bundle")]
use std::path::Path;

/// The length of a signature.
pub(super) const SIGNATURE: usize = 4;

/// The start of a local header, and so of an archive with entries.
pub(super) const LOCAL_HEADER: &[u8; SIGNATURE] = b"PK\x03\x04";

/// The start of the record at the end of the central directory. An empty archive contains only that.
const END: &[u8; SIGNATURE] = b"PK\x05\x06";

/// The start of a data descriptor, and of a split archive.
pub(super) const DATA_DESCRIPTOR: &[u8; SIGNATURE] = b"PK\x07\x08";

/// The length of the record at the end of the central directory, without its comment.
const END_RECORD: usize = 22;

/// The maximum length of the end of an archive: the record and a comment of 64 KiB.
const MAX_END: u64 = 65_535 + END_RECORD as u64;

/// Whether data starts like a ZIP archive.
pub(super) fn starts_like_zip(start: &[u8]) -> bool {
    [LOCAL_HEADER, END, DATA_DESCRIPTOR]
        .iter()
        .any(|signature| start.starts_with(*signature))
}

/// Whether data ends like a ZIP archive: with the record at the end of the central directory, and a comment
/// of the announced length (APPNOTE 4.3.16).
pub(super) fn ends_like_zip(tail: &[u8]) -> bool {
    let positions = tail.len().saturating_sub(END_RECORD - 1);
    (0..positions).rev().any(|at| {
        let record = &tail[at..at + END_RECORD];
        let comment = usize::from(u16::from_le_bytes([record[20], record[21]]));
        record.starts_with(END) && at + END_RECORD + comment == tail.len()
    })
}

/// Whether a file exists and ends like a ZIP archive.
#[cfg(feature = "bundle")]
pub(crate) fn is_complete(path: &Path) -> bool {
    let tail = File::open(path).and_then(|file| tail(&file));
    tail.is_ok_and(|tail| ends_like_zip(&tail))
}

/// Reads the last bytes of a file, as many as the end of an archive can have.
pub(super) fn tail(mut file: &File) -> io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_END)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_archive_is_recognised_by_its_end() {
        let mut end = b"PK\x05\x06".to_vec();
        end.extend([0; 18]);
        assert!(ends_like_zip(&end));
        assert!(ends_like_zip(&[b"data", &end[..]].concat()));
        assert!(!ends_like_zip(&end[..21]));
        assert!(!ends_like_zip(&[&end[..], b"more"].concat()));
        assert!(!ends_like_zip(b""));
        end[20] = 3;
        assert!(!ends_like_zip(&end));
        assert!(ends_like_zip(&[&end[..], b"abc"].concat()));
    }
}
