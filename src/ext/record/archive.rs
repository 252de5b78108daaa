//! The entries of an archive of which only the end was kept.

use std::io;

use rawzip::{MAX_CENTRAL_DIRECTORY_RECORD_SIZE, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipLocator};

use super::exchange::RecordedEntry;

/// How much of the end is kept. The directory of 40,000 entries fits.
const KEPT: usize = 4 * 1024 * 1024;

/// The most entries that are recorded.
const MAX_ENTRIES: usize = 65_536;

/// The end of a body.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// The number of bytes before those that are kept.
    start: u64,
    bytes: Vec<u8>,
}

impl Tail {
    pub(super) fn push(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
        // Bytes are moved once for every `KEPT` that arrive.
        if self.bytes.len() > 2 * KEPT {
            let dropped = self.bytes.len() - KEPT;
            self.bytes.drain(..dropped);
            self.start += dropped as u64;
        }
    }

    /// Reads the entries; `None` if the archive is incomplete, or its directory does not fit.
    pub(super) fn entries(&self) -> Option<Vec<RecordedEntry>> {
        let length = self.start + self.bytes.len() as u64;
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let located = ZipLocator::new().locate_in_reader(self, &mut buffer, length);
        let archive = located.ok()?;
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let mut records = archive.entries(&mut buffer);
        let mut entries = Vec::new();
        while let Some(record) = records.next_entry().ok()? {
            if entries.len() == MAX_ENTRIES {
                return None;
            }
            entries.push(RecordedEntry {
                name: String::from_utf8_lossy(record.file_path().as_ref()).into_owned(),
                size: record.uncompressed_size_hint(),
                compressed: record.compressed_size_hint(),
                method: record.compression_method().as_u16(),
            });
        }
        Some(entries)
    }
}

impl ReaderAt for Tail {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = offset
            .checked_sub(self.start)
            .ok_or_else(|| io::Error::other("not kept"))?;
        let Some(rest) = usize::try_from(from)
            .ok()
            .and_then(|from| self.bytes.get(from..))
        else {
            return Ok(0);
        };
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive with one stored file, of which the directory is read.
    pub(in crate::ext::record) fn archive(name: &str, size: usize) -> Vec<u8> {
        let (length, size) = (
            u16::try_from(name.len()).unwrap(),
            u32::try_from(size).unwrap(),
        );
        let sizes = [size.to_le_bytes(), size.to_le_bytes()].concat();
        let local = [
            &b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
            &sizes,
            &length.to_le_bytes(),
            &[0; 2],
        ];
        let mut all = [&local.concat(), name.as_bytes(), &vec![b'a'; size as usize]].concat();
        let offset = u32::try_from(all.len()).unwrap();
        let entry = [
            &b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
            &sizes,
            &length.to_le_bytes(),
            &[0; 16],
        ];
        let directory = [&entry.concat(), name.as_bytes()].concat();
        let directory_size = u32::try_from(directory.len()).unwrap();
        all.extend(directory);
        all.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        all.extend(directory_size.to_le_bytes());
        all.extend(offset.to_le_bytes());
        all.extend([0; 2]);
        all
    }

    #[test]
    fn the_entries_are_read_from_the_end() {
        for size in [0, 1, KEPT, 3 * KEPT] {
            let bytes = archive("a/lab.xml", size);
            for piece in [100_000, usize::MAX] {
                let mut tail = Tail::default();
                bytes
                    .chunks(piece.min(bytes.len()))
                    .for_each(|piece| tail.push(piece));
                assert!(tail.bytes.len() <= 2 * KEPT);
                let entries = tail.entries().unwrap();
                assert_eq!(entries.len(), 1);
                assert_eq!(
                    (entries[0].name.as_str(), entries[0].size, entries[0].method),
                    ("a/lab.xml", size as u64, 0)
                );
            }
        }
    }

    #[test]
    fn an_incomplete_archive_has_no_entries() {
        let bytes = archive("lab.xml", 1000);
        for length in 0..bytes.len() {
            let mut tail = Tail::default();
            tail.push(&bytes[..length]);
            assert_eq!(tail.entries(), None, "{length}");
        }
    }
}
