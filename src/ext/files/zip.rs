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

/// How many bytes at the end of a file are searched for the end record. It is followed by a comment of at
/// most 64 KiB, and by what others appended. Most archives have it in the first of these ranges.
const SEARCHED: [u64; 2] = [4 << 10, 1 << 20];

/// Where an archive is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "bundle"),
    expect(dead_code, reason = "nothing is unpacked")
)]
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
/// Its end record is the last one with a complete comment and a central directory where the record says. In
/// a file that starts like an archive it must be the end of this one: if a broken download contains a
/// complete archive, that is only an entry of the incomplete one.
pub(super) fn find(file: &mut (impl Read + Seek)) -> io::Result<Option<Found>> {
    let length = file.seek(SeekFrom::End(0))?;
    let has_prefix = !starts_like_zip(&start(file)?);
    for searched in SEARCHED {
        let tail_start = length.saturating_sub(searched);
        let tail = read(file, tail_start, searched)?;
        for position in memmem::rfind_iter(&tail, END) {
            let Some(record) = tail[position..].first_chunk::<END_LENGTH>() else {
                continue;
            };
            let comment = usize::from(u16::from_le_bytes([record[20], record[21]]));
            if position + END_LENGTH + comment > tail.len() {
                continue;
            }
            let end_record = tail_start + position as u64;
            if let Some(start) = start_of(file, end_record, record, has_prefix)? {
                return Ok(Some(Found { start, end_record }));
            }
        }
        if tail_start == 0 {
            break;
        }
    }
    Ok(None)
}

/// Returns the start of the archive that ends with a record; `None` if its central directory is elsewhere.
fn start_of(
    file: &mut (impl Read + Seek),
    end_record: u64,
    record: &[u8; END_LENGTH],
    has_prefix: bool,
) -> io::Result<Option<u64>> {
    let directory = match directory_64(file, end_record)? {
        Some(directory) => directory,
        None => Directory {
            size: u32_at(record, 12),
            offset: u32_at(record, 16),
            end: end_record,
        },
    };
    let Some(free) = directory
        .offset
        .checked_add(directory.size)
        .and_then(|length| directory.end.checked_sub(length))
    else {
        return Ok(None);
    };
    if directory.size == 0 {
        return Ok((free == 0).then_some(0));
    }
    // Offsets count from the start of the file, or from that of the archive.
    for start in [0, free] {
        let header = read(file, start + directory.offset, SIGNATURE as u64)?;
        if header == CENTRAL_HEADER && (start == 0 || has_prefix) {
            return Ok(Some(start));
        }
    }
    Ok(None)
}

/// What an end record states about the central directory.
struct Directory {
    size: u64,
    /// Counts from the start of the archive.
    offset: u64,
    /// The offset in the file of the record that follows it.
    end: u64,
}

/// Reads the ZIP64 record, if an end record has one.
fn directory_64(file: &mut (impl Read + Seek), end_record: u64) -> io::Result<Option<Directory>> {
    let Some(locator_at) = end_record.checked_sub(LOCATOR_64_LENGTH as u64) else {
        return Ok(None);
    };
    let locator = read(file, locator_at, LOCATOR_64_LENGTH as u64)?;
    if !locator.starts_with(LOCATOR_64) {
        return Ok(None);
    }
    // Where the locator says, or directly before it if other bytes precede the archive.
    let before = locator_at.checked_sub(END_64_LENGTH as u64);
    let positions = [Some(u64_at(&locator, 8)), before];
    for end in positions
        .into_iter()
        .flatten()
        .filter(|end| *end < locator_at)
    {
        let record = read(file, end, END_64_LENGTH as u64)?;
        if record.len() == END_64_LENGTH && record.starts_with(END_64) {
            let (size, offset) = (u64_at(&record, 40), u64_at(&record, 48));
            return Ok(Some(Directory { size, offset, end }));
        }
    }
    Ok(None)
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
