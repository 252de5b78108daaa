//! ZIP archives: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// How entries are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Deflated,
    Stored,
    /// Stored, with data at multiples of 64 bytes: USDZ.
    Aligned,
}

/// An archive that is being written. Every entry is of 1980-01-01, so that the bytes repeat.
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
    /// When the archive would need ZIP64: at 4 GiB.
    pub(crate) fn add(&mut self, path: &str, data: &[u8]) {
        let deflated = (self.method == Method::Deflated)
            .then(|| deflate(data))
            .filter(|packed| packed.len() < data.len());
        let method: u16 = if deflated.is_some() { 8 } else { 0 };
        let packed = deflated.as_deref().unwrap_or(data);
        let offset = small(self.bytes.len());
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
            small(packed.len()),
            small(data.len()),
        ] {
            common.extend(field.to_le_bytes());
        }
        common.extend(shorter(path.len()).to_le_bytes());

        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&common);
        self.bytes.extend(shorter(extra.len()).to_le_bytes());
        self.bytes.extend(path.as_bytes());
        self.bytes.extend(extra);
        self.bytes.extend(packed);

        // Made by Unix; a plain file that its owner may write.
        self.directory.extend(b"PK\x01\x02\x14\x03");
        self.directory.extend(&common);
        self.directory.extend([0; 8]);
        self.directory.extend((0o100_644_u32 << 16).to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(path.as_bytes());
        self.entries += 1;
    }

    /// An extra field that puts what follows it at a multiple of 64.
    fn padding(&self, path: &str) -> Vec<u8> {
        let start = self.bytes.len() + 30 + path.len() + 4;
        let length = start.next_multiple_of(64) - start;
        let mut extra = vec![0x86, 0x19];
        extra.extend(shorter(length).to_le_bytes());
        extra.resize(4 + length, 0);
        extra
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let offset = small(self.bytes.len());
        let length = small(self.directory.len());
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
    // Noise is as large at any level, and large only in benches.
    let level = if data.len() > 1 << 20 {
        Compression::fast()
    } else {
        Compression::default()
    };
    let mut encoder = DeflateEncoder::new(Vec::new(), level);
    encoder
        .write_all(data)
        .and_then(|()| encoder.finish())
        .expect("memory takes any byte")
}

fn small(length: usize) -> u32 {
    u32::try_from(length).expect("no archive here needs ZIP64")
}

fn shorter(length: usize) -> u16 {
    u16::try_from(length).expect("names and paddings are short")
}
