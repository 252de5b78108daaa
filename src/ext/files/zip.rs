//! Where a ZIP archive is in a file, and whether it is complete (APPNOTE 4.3).
//!
//! Downloads and unpacking decide both here, so they agree. Other bytes may precede an archive, as in a
//! self-extracting one, and follow it.

#[cfg(feature = "bundle")]
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
#[cfg(feature = "bundle")]
use std::path::Path;

use memchr::memmem;

/// The length of a signature.
pub(super) const SIGNATURE: usize = 4;

/// The start of a local header, and so of an archive with entries.
const LOCAL_HEADER: &[u8; SIGNATURE] = b"PK\x03\x04";
/// The start of an entry of the central directory.
const CENTRAL_HEADER: &[u8; SIGNATURE] = b"PK\x01\x02";
/// The start of the record at the end of the central directory. An empty archive contains only that.
const END: &[u8; SIGNATURE] = b"PK\x05\x06";
/// The start of the ZIP64 record at the end of the central directory.
const END_64: &[u8; SIGNATURE] = b"PK\x06\x06";
/// The start of the locator of the ZIP64 record, which directly precedes the end record.
const LOCATOR_64: &[u8; SIGNATURE] = b"PK\x06\x07";
/// The start of a data descriptor, and of a split archive.
pub(super) const DATA_DESCRIPTOR: &[u8; SIGNATURE] = b"PK\x07\x08";

/// The length of the end record without its comment.
const END_LENGTH: usize = 22;
/// The length of the ZIP64 record without the extensible data, which no writer is known to use.
const END_64_LENGTH: usize = 56;
/// The length of the locator of the ZIP64 record.
const LOCATOR_64_LENGTH: usize = 20;

/// How many bytes at the end of a file are searched for the end record: those that suffice for most archives,
/// then all. A comment of at most 64 KiB follows it, and what others have appended.
const SEARCHED: [u64; 2] = [4 << 10, 1 << 20];

/// Where an archive is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The offset from which the offsets in the archive count.
    pub(super) start: u64,
    /// The offset of the end record in the file.
    pub(super) end_record: u64,
}

/// Whether data starts like a ZIP archive.
pub(super) fn starts_like_zip(start: &[u8]) -> bool {
    [LOCAL_HEADER, END, DATA_DESCRIPTOR]
        .iter()
        .any(|signature| start.starts_with(*signature))
}

/// Reads the bytes that show how a file starts.
pub(super) fn start(file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    read(file, 0, SIGNATURE as u64)
}

/// Whether a file exists and contains a complete archive.
#[cfg(feature = "bundle")]
pub(crate) fn is_complete(path: &Path) -> bool {
    let contained = File::open(path).and_then(|mut file| contains_archive(&mut file));
    contained.unwrap_or(false)
}

/// Whether a file contains a complete archive.
pub(super) fn contains_archive(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    Ok(find(file)?.is_some())
}

/// Finds the archive in a file; `None` if there is none or it is incomplete.
///
/// Its end record is the last one with a complete comment and directly behind the central directory. In a
/// file that starts like an archive it must be the end of this one: if a broken download contains a
/// complete archive, that is only an entry of the incomplete one.
///
/// An archive without entries has no directory to check. It is found if there is no other, at the start of
/// the file or at its end.
pub(super) fn find(file: &mut (impl Read + Seek)) -> io::Result<Option<Found>> {
    let length = file.seek(SeekFrom::End(0))?;
    let has_prefix = !starts_like_zip(&start(file)?);
    let mut without_entries = None;
    for searched in SEARCHED {
        let tail_start = length.saturating_sub(searched);
        let tail = read(file, tail_start, searched)?;
        for position in memmem::rfind_iter(&tail, END) {
            let Some(record) = tail[position..].first_chunk::<END_LENGTH>() else {
                continue;
            };
            let comment = usize::from(u16::from_le_bytes([record[20], record[21]]));
            let behind = tail.len() - position - END_LENGTH;
            if comment > behind {
                continue;
            }
            let end_record = tail_start + position as u64;
            let directory = Directory::read(file, end_record, record)?;
            let Some(start) = directory.archive_start() else {
                continue;
            };
            let found = Found { start, end_record };
            if directory.size == 0 {
                let is_alone = start == 0 || comment == behind;
                without_entries = without_entries.or(is_alone.then_some(found));
            } else if (start == 0 || has_prefix) && directory.is_at(start, file)? {
                return Ok(Some(found));
            }
        }
        if tail_start == 0 {
            break;
        }
    }
    Ok(without_entries)
}

/// What the end record of an archive states about its central directory.
struct Directory {
    size: u64,
    /// Counts from the start of the archive.
    offset: u64,
    /// The offset in the file of the record that follows it.
    end: u64,
}

impl Directory {
    fn read(
        file: &mut (impl Read + Seek),
        end_record: u64,
        record: &[u8; END_LENGTH],
    ) -> io::Result<Self> {
        let wide = Self::read_64(file, end_record)?;
        Ok(wide.unwrap_or_else(|| Self {
            size: u32_at(record, 12),
            offset: u32_at(record, 16),
            end: end_record,
        }))
    }

    /// Reads the ZIP64 record, if there is one.
    fn read_64(file: &mut (impl Read + Seek), end_record: u64) -> io::Result<Option<Self>> {
        let Some(locator_at) = end_record.checked_sub(LOCATOR_64_LENGTH as u64) else {
            return Ok(None);
        };
        let locator = read(file, locator_at, LOCATOR_64_LENGTH as u64)?;
        if !locator.starts_with(LOCATOR_64) {
            return Ok(None);
        }
        // It is where the locator says, or directly before it if other bytes precede the archive.
        let directly_before = locator_at.checked_sub(END_64_LENGTH as u64);
        let positions = [Some(u64_at(&locator, 8)), directly_before];
        for end in positions.into_iter().flatten() {
            if end >= locator_at {
                continue;
            }
            let record = read(file, end, END_64_LENGTH as u64)?;
            if record.len() == END_64_LENGTH && record.starts_with(END_64) {
                let (size, offset) = (u64_at(&record, 40), u64_at(&record, 48));
                return Ok(Some(Self { size, offset, end }));
            }
        }
        Ok(None)
    }

    /// Returns the start of the archive in the file: the directory ends at the record that follows it.
    fn archive_start(&self) -> Option<u64> {
        self.end.checked_sub(self.offset.checked_add(self.size)?)
    }

    /// Whether the file has a directory there, if the archive starts at `start`.
    fn is_at(&self, start: u64, file: &mut (impl Read + Seek)) -> io::Result<bool> {
        Ok(read(file, start + self.offset, SIGNATURE as u64)? == CENTRAL_HEADER)
    }
}

/// Reads `length` bytes, or fewer at the end of the file.
fn read(file: &mut (impl Read + Seek), offset: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes[at..].first_chunk().expect("the record is longer");
    u64::from(u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the record is longer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an archive with one empty file, or none, and a comment.
    fn archive(has_entry: bool, comment: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (mut local, mut central) = (Vec::new(), Vec::new());
        if has_entry {
            local = [&LOCAL_HEADER[..], &[0; 26]].concat();
            central = [&CENTRAL_HEADER[..], &[0; 42]].concat();
        }
        let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
        bytes.extend([&local[..], &central, END, &[0; 8]].concat());
        bytes.extend([number(central.len()), number(local.len())].concat());
        bytes.extend(&number(comment.len())[..2]);
        bytes.extend(comment);
        bytes
    }

    fn find_in(bytes: &[u8]) -> Option<Found> {
        find(&mut io::Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn an_archive_is_found_among_other_bytes() {
        let zip = archive(true, b"");
        let large = vec![b'x'; 64 << 10];
        for before in [&b""[..], b"x", b"#!/bin/sh\n", &large] {
            for after in [&b""[..], b"\n", &[0; 512], &large] {
                let file = [before, &zip, after].concat();
                let start = before.len() as u64;
                let end_record = start + 76;
                let case = (before.len(), after.len());
                assert_eq!(
                    find_in(&file),
                    Some(Found { start, end_record }),
                    "{case:?}"
                );
            }
        }
        let too_far = [&zip[..], &vec![0; 1 << 20]].concat();
        assert_eq!(find_in(&too_far), None);
    }

    #[test]
    fn a_comment_is_part_of_the_archive() {
        let inner = archive(true, b"");
        for comment in [
            &b"a comment"[..],
            END,
            &archive(false, b""),
            &inner,
            &vec![b'x'; 0xffff],
        ] {
            let zip = archive(true, comment);
            let found = Found {
                start: 0,
                end_record: 76,
            };
            assert_eq!(find_in(&zip), Some(found), "{} bytes", comment.len());
            assert_eq!(
                find_in(&zip[..zip.len() - 1]),
                None,
                "{} bytes",
                comment.len()
            );
        }
    }

    #[test]
    fn an_archive_without_entries_starts_or_ends_the_file() {
        let empty = archive(false, b"");
        let found = |start| {
            Some(Found {
                start,
                end_record: start,
            })
        };
        assert_eq!(find_in(&empty), found(0));
        assert_eq!(find_in(&[b"x", &empty[..]].concat()), found(1));
        assert_eq!(find_in(&[&empty[..], b"x"].concat()), found(0));
        assert_eq!(find_in(&[b"x", &empty[..], b"x"].concat()), None);
        assert_eq!(find_in(&empty[..21]), None);
        assert_eq!(find_in(b""), None);
    }

    #[test]
    fn the_end_of_an_entry_is_not_that_of_the_archive() {
        let inner = archive(true, b"");
        let outer = [&LOCAL_HEADER[..], &[0; 26], &inner].concat();
        for after in 0..100 {
            let broken = [&outer[..], &vec![0; after]].concat();
            assert_eq!(find_in(&broken), None, "{after} bytes after it");
        }
    }

    #[test]
    fn a_directory_must_be_where_the_record_says() {
        let zip = archive(true, b"");
        for (at, what) in [(30, "signature"), (76 + 12, "size"), (76 + 16, "offset")] {
            let mut broken = zip.clone();
            broken[at] ^= 0x40;
            assert_eq!(find_in(&broken), None, "{what}");
        }
        let mut beyond = zip;
        beyond[76 + 16..76 + 20].fill(0xff);
        assert_eq!(find_in(&beyond), None);
    }
}
