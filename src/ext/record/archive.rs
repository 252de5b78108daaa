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
