//! A ZIP writer that checks nothing, so that tests can set every field to a wrong value.

use zlib_rs::crc32::crc32;
use zlib_rs::{Deflate, DeflateFlush, Status};

/// The fields that a local header and a central directory entry have in common.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) compressed: u64,
    pub(crate) size: u64,
    pub(crate) name: Vec<u8>,
    pub(crate) extra: Vec<u8>,
    /// Whether the sizes, and in the central directory the offset, are in the ZIP64 field.
    pub(crate) zip64: bool,
}

/// An entry of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) local: Header,
    pub(crate) central: Header,
    /// The contents as stored in the archive, compressed or not.
    pub(crate) data: Vec<u8>,
    pub(crate) descriptor: Vec<u8>,
    pub(crate) made_by: u16,
    pub(crate) attributes: u32,
    /// The offset of the local header in the central directory; `None` means the real offset.
    pub(crate) offset: Option<u64>,
    /// Whether the local header and the data are omitted.
    pub(crate) phantom: bool,
}

/// An archive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zip {
    pub(crate) before: Vec<u8>,
    pub(crate) items: Vec<Item>,
    pub(crate) zip64: bool,
    pub(crate) comment: Vec<u8>,
    pub(crate) after: Vec<u8>,
    /// The number of entries in the end record; `None` means the real number.
    pub(crate) count: Option<u16>,
    /// Whether offsets count from the end of `before` rather than from the start of the file.
    pub(crate) offsets_ignore_before: bool,
}

pub(crate) const UTF8: u16 = 1 << 11;
pub(crate) const STREAMED: u16 = 1 << 3;
pub(crate) const UNIX: u16 = 0x0314;

impl Item {
    pub(crate) fn stored(name: impl AsRef<[u8]>, contents: impl AsRef<[u8]>) -> Self {
        let contents = contents.as_ref();
        Self::raw(name, 0, contents, contents.to_vec())
    }

    pub(crate) fn deflated(name: impl AsRef<[u8]>, contents: impl AsRef<[u8]>) -> Self {
        let contents = contents.as_ref();
        Self::raw(name, 8, contents, deflate(contents))
    }

    pub(crate) fn directory(name: &str) -> Self {
        Self::stored(name, "").attributes(0o040_755 << 16 | 0x10)
    }

    pub(crate) fn raw(name: impl AsRef<[u8]>, method: u16, contents: &[u8], data: Vec<u8>) -> Self {
        let header = Header {
            flags: 0,
            method,
            crc: crc32(0, contents),
            compressed: data.len() as u64,
            size: contents.len() as u64,
            name: name.as_ref().to_vec(),
            extra: Vec::new(),
            zip64: false,
        };
        Self {
            local: header.clone(),
            central: header,
            data,
            descriptor: Vec::new(),
            made_by: UNIX,
            attributes: 0o100_644 << 16,
            offset: None,
            phantom: false,
        }
    }

    pub(crate) fn attributes(mut self, attributes: u32) -> Self {
        self.attributes = attributes;
        self
    }

    /// Applies a change to both headers.
    pub(crate) fn both(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    pub(crate) fn local(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        self
    }

    pub(crate) fn central(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.central);
        self
    }

    pub(crate) fn utf8(self) -> Self {
        self.both(|header| header.flags |= UTF8)
    }

    /// Writes the entry as a writer that cannot seek does.
    ///
    /// The local header has zeros. A descriptor with the checksum and sizes follows the data.
    pub(crate) fn streamed(mut self, signature: bool, wide: bool) -> Self {
        let Header {
            crc,
            compressed,
            size,
            ..
        } = self.central;
        if signature {
            self.descriptor.extend(b"PK\x07\x08");
        }
        self.descriptor.extend(crc.to_le_bytes());
        for size in [compressed, size] {
            let width = if wide { 8 } else { 4 };
            self.descriptor.extend(&size.to_le_bytes()[..width]);
        }
        self.both(|header| header.flags |= STREAMED)
            .local(|header| {
                (header.crc, header.compressed, header.size) = (0, 0, 0);
                header.zip64 = wide;
            })
    }
}

impl Zip {
    pub(crate) fn of(items: impl IntoIterator<Item = Item>) -> Self {
        Self {
            items: items.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.before.clone();
        let base = if self.offsets_ignore_before {
            out.len() as u64
        } else {
            0
        };
        let mut offsets = Vec::new();
        for item in &self.items {
            offsets.push(item.offset.unwrap_or(out.len() as u64 - base));
            if item.phantom {
                continue;
            }
            let (sizes, extra) = item.local.sizes(None);
            out.extend(b"PK\x03\x04");
            out.extend(20_u16.to_le_bytes());
            item.local.write_common(&mut out, sizes);
            out.extend(u16::try_from(item.local.name.len()).unwrap().to_le_bytes());
            out.extend(u16::try_from(extra.len()).unwrap().to_le_bytes());
            out.extend(&item.local.name);
            out.extend(extra);
            out.extend(&item.data);
            out.extend(&item.descriptor);
        }
        let directory = out.len() as u64 - base;
        for (item, offset) in self.items.iter().zip(offsets) {
            let (sizes, extra) = item.central.sizes(Some(offset));
            out.extend(b"PK\x01\x02");
            out.extend(item.made_by.to_le_bytes());
            out.extend(20_u16.to_le_bytes());
            item.central.write_common(&mut out, sizes);
            out.extend(
                u16::try_from(item.central.name.len())
                    .unwrap()
                    .to_le_bytes(),
            );
            out.extend(u16::try_from(extra.len()).unwrap().to_le_bytes());
            out.extend([0; 6]);
            out.extend(item.attributes.to_le_bytes());
            let offset = if item.central.zip64 {
                u32::MAX
            } else {
                u32::try_from(offset).unwrap()
            };
            out.extend(offset.to_le_bytes());
            out.extend(&item.central.name);
            out.extend(extra);
        }
        let end = out.len() as u64 - base;
        let count = self.items.len() as u64;
        if self.zip64 {
            out.extend(b"PK\x06\x06");
            out.extend(44_u64.to_le_bytes());
            out.extend([45, 0, 45, 0]);
            out.extend([0; 8]);
            for number in [count, count, end - directory, directory] {
                out.extend(number.to_le_bytes());
            }
            out.extend(b"PK\x06\x07");
            out.extend([0; 4]);
            out.extend(end.to_le_bytes());
            out.extend(1_u32.to_le_bytes());
        }
        out.extend(b"PK\x05\x06");
        out.extend([0; 4]);
        let count = self.count.unwrap_or(u16::try_from(count).unwrap());
        if self.zip64 {
            out.extend([0xff; 12]);
        } else {
            out.extend(count.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(u32::try_from(end - directory).unwrap().to_le_bytes());
            out.extend(u32::try_from(directory).unwrap().to_le_bytes());
        }
        out.extend(u16::try_from(self.comment.len()).unwrap().to_le_bytes());
        out.extend(&self.comment);
        out.extend(&self.after);
        out
    }
}

impl Header {
    /// Returns the two sizes in the fixed part of the header, and the extra field.
    fn sizes(&self, offset: Option<u64>) -> ([u32; 2], Vec<u8>) {
        let mut extra = self.extra.clone();
        if !self.zip64 {
            let sizes = [self.compressed, self.size];
            return (sizes.map(|size| u32::try_from(size).unwrap()), extra);
        }
        extra.extend([1, 0]);
        extra.extend(if offset.is_some() { [24, 0] } else { [16, 0] });
        for number in [Some(self.size), Some(self.compressed), offset]
            .into_iter()
            .flatten()
        {
            extra.extend(number.to_le_bytes());
        }
        ([u32::MAX; 2], extra)
    }

    fn write_common(&self, out: &mut Vec<u8>, sizes: [u32; 2]) {
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        // The modification time is midnight of 1980-01-01.
        out.extend([0, 0, 0x21, 0]);
        out.extend(self.crc.to_le_bytes());
        out.extend(sizes[0].to_le_bytes());
        out.extend(sizes[1].to_le_bytes());
    }
}

pub(crate) fn deflate(contents: &[u8]) -> Vec<u8> {
    let mut out = vec![0; contents.len() + contents.len() / 8 + 64];
    let mut deflate = Deflate::new(6, false, 15);
    let status = deflate.compress(contents, &mut out, DeflateFlush::Finish);
    assert_eq!(status.unwrap(), Status::StreamEnd);
    out.truncate(usize::try_from(deflate.total_out()).unwrap());
    out
}

impl Item {
    /// Returns the number of bytes of the local header, the data and the descriptor.
    pub(crate) fn bytes(&self) -> usize {
        let (_, extra) = self.local.sizes(None);
        30 + self.local.name.len() + extra.len() + self.data.len() + self.descriptor.len()
    }
}
