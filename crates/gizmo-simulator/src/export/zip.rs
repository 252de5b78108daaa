//! ZIP archives: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// The storage method of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Deflated,
    Stored,
    /// Stored, with data aligned to 64 bytes, as USDZ requires.
    Aligned,
}

/// Writes an archive. Every entry is dated 1980-01-01, so that equal files result in equal archives.
pub(crate) struct Archive {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
    method: Method,
}

const DATE: u16 = 0x21;
/// Names are UTF-8.
const FLAGS: u16 = 0x800;

impl Archive {
    pub(crate) fn new(method: Method) -> Self {
        Self {
            bytes: Vec::new(),
            directory: Vec::new(),
            entries: 0,
            method,
        }
    }

    /// Adds a file.
    ///
    /// # Panics
    ///
    /// Panics if the archive would require ZIP64, at 4 GiB.
    pub(crate) fn add(&mut self, path: &str, data: &[u8]) {
        let deflated = (self.method == Method::Deflated)
            .then(|| deflate(data))
            .filter(|packed| packed.len() < data.len());
        let method: u16 = if deflated.is_some() { 8 } else { 0 };
        let packed = deflated.as_deref().unwrap_or(data);
        let offset = length_u32(self.bytes.len());
        let extra = if self.method == Method::Aligned {
            self.padding(path)
        } else {
            Vec::new()
        };

        let mut common = Vec::new();
        for field in [20, FLAGS, method, 0, DATE] {
            common.extend(field.to_le_bytes());
        }
        for field in [
            crc32fast::hash(data),
            length_u32(packed.len()),
            length_u32(data.len()),
        ] {
            common.extend(field.to_le_bytes());
        }
        common.extend(length_u16(path.len()).to_le_bytes());

        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&common);
        self.bytes.extend(length_u16(extra.len()).to_le_bytes());
        self.bytes.extend(path.as_bytes());
        self.bytes.extend(extra);
        self.bytes.extend(packed);

        // Created on Unix: a regular file with mode 644.
        self.directory.extend(b"PK\x01\x02\x14\x03");
        self.directory.extend(&common);
        self.directory.extend([0; 8]);
        self.directory.extend((0o100_644_u32 << 16).to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(path.as_bytes());
        self.entries += 1;
    }

    /// Returns an extra field that aligns the data after it to 64 bytes.
    fn padding(&self, path: &str) -> Vec<u8> {
        let start = self.bytes.len() + 30 + path.len() + 4;
        let length = start.next_multiple_of(64) - start;
        let mut extra = vec![0x86, 0x19];
        extra.extend(length_u16(length).to_le_bytes());
        extra.resize(4 + length, 0);
        extra
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let offset = length_u32(self.bytes.len());
        let length = length_u32(self.directory.len());
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend([0, 0]);
        self.bytes
    }
}

fn deflate(data: &[u8]) -> Vec<u8> {
    // Large files occur only in benchmarks. They contain noise, which no level compresses.
    let level = if data.len() > 1 << 20 {
        Compression::fast()
    } else {
        Compression::default()
    };
    let mut encoder = DeflateEncoder::new(Vec::new(), level);
    encoder
        .write_all(data)
        .and_then(|()| encoder.finish())
        .expect("writes to memory cannot fail")
}

fn length_u32(length: usize) -> u32 {
    u32::try_from(length).expect("archives are smaller than 4 GiB")
}

fn length_u16(length: usize) -> u16 {
    u16::try_from(length).expect("names and padding are shorter than 64 KiB")
}
