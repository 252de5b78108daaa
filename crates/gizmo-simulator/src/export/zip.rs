//! ZIP archives: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::io::{self, Cursor, Seek, Write};

use crc32fast::Hasher;
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
pub(crate) struct Archive<W> {
    output: W,
    /// Number of bytes written.
    length: usize,
    directory: Vec<u8>,
    entries: u16,
    method: Method,
}

const DATE: u16 = 0x21;
/// Names are UTF-8.
const FLAGS: u16 = 0x800;
/// The length of a local header without the name and the extra field.
const HEADER: usize = 30;

impl Archive<Cursor<Vec<u8>>> {
    /// Starts an archive in memory.
    pub(crate) fn in_memory(method: Method) -> Self {
        Self::new(Cursor::default(), method)
    }
}

impl<W: Write + Seek> Archive<W> {
    /// Starts an archive at the position of `output`.
    pub(crate) fn new(output: W, method: Method) -> Self {
        Self {
            output,
            length: 0,
            directory: Vec::new(),
            entries: 0,
            method,
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// Returns the error of the output, or `FileTooLarge` if the archive would require ZIP64: at 4 GiB, or beyond
    /// 65,535 files.
    pub(crate) fn add(&mut self, path: &str, data: &[u8]) -> io::Result<()> {
        self.add_with(path, |file| file.write_all(data))
    }

    /// Adds a file with the data that `write` writes, which need not fit into memory.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add) and of `write`.
    pub(crate) fn add_with(
        &mut self,
        path: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        self.add_by(self.method, path, write)
    }

    /// Like [`add_with`](Self::add_with), with a method for this file. A path that ends in `/` is a directory.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add) and of `write`.
    pub(crate) fn add_by(
        &mut self,
        method: Method,
        path: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let entries = self.entries.checked_add(1);
        let entries = entries.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        let extra = match method {
            Method::Aligned => padding(self.length + HEADER + path.len())?,
            Method::Deflated | Method::Stored => Vec::new(),
        };
        // The header contains the sizes of the data, so it is written after them.
        let start = HEADER + path.len() + extra.len();
        self.output.write_all(&vec![0; start])?;
        let data = Data::write(&mut self.output, method == Method::Deflated, write)?;
        let end = start + data.packed;

        let mut common = Vec::new();
        let number = if method == Method::Deflated { 8 } else { 0 };
        for field in [20, FLAGS, number, 0, DATE] {
            common.extend(field.to_le_bytes());
        }
        for field in [data.crc, length_u32(data.packed)?, length_u32(data.length)?] {
            common.extend(field.to_le_bytes());
        }
        common.extend(length_u16(path.len())?.to_le_bytes());

        let name = path.as_bytes();
        let extra_length = length_u16(extra.len())?.to_le_bytes();
        let header = [b"PK\x03\x04", &common[..], &extra_length, name, &extra].concat();
        self.output.seek_relative(-i64::from(length_u32(end)?))?;
        self.output.write_all(&header)?;
        self.output
            .seek_relative(i64::from(length_u32(data.packed)?))?;

        // Created on Unix: a regular file with mode 644, or a directory with mode 755.
        let mode: u32 = if path.ends_with('/') {
            0o040_755
        } else {
            0o100_644
        };
        self.directory.extend(b"PK\x01\x02\x14\x03");
        self.directory.extend(&common);
        self.directory.extend([0; 8]);
        self.directory.extend((mode << 16).to_le_bytes());
        self.directory
            .extend(length_u32(self.length)?.to_le_bytes());
        self.directory.extend(name);
        self.entries = entries;
        self.length += end;
        Ok(())
    }

    /// Writes the directory and returns the output.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add).
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let mut end = b"PK\x05\x06\x00\x00\x00\x00".to_vec();
        end.extend(self.entries.to_le_bytes());
        end.extend(self.entries.to_le_bytes());
        end.extend(length_u32(self.directory.len())?.to_le_bytes());
        end.extend(length_u32(self.length)?.to_le_bytes());
        end.extend([0, 0]);
        self.output.write_all(&self.directory)?;
        self.output.write_all(&end)?;
        self.output.flush()?;
        Ok(self.output)
    }
}

/// The data of a file in an archive.
struct Data {
    packed: usize,
    length: usize,
    crc: u32,
}

impl Data {
    /// Writes the data that `write` writes, and measures them.
    fn write(
        output: &mut impl Write,
        deflated: bool,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Self> {
        if deflated {
            let packed = Measured::new(output);
            // Better levels take several times as long.
            let mut data = Measured::new(DeflateEncoder::new(packed, Compression::fast()));
            write(&mut data)?;
            let (length, crc) = (data.length, data.crc.finalize());
            let packed = data.output.finish()?.length;
            Ok(Self {
                packed,
                length,
                crc,
            })
        } else {
            let mut data = Measured::new(output);
            write(&mut data)?;
            Ok(Self {
                packed: data.length,
                length: data.length,
                crc: data.crc.finalize(),
            })
        }
    }
}

/// Computes the length and the CRC-32 of what is written.
struct Measured<W> {
    output: W,
    length: usize,
    crc: Hasher,
}

impl<W> Measured<W> {
    fn new(output: W) -> Self {
        Self {
            output,
            length: 0,
            crc: Hasher::new(),
        }
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = self.output.write(data)?;
        self.length += length;
        self.crc.update(&data[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Returns an extra field that, at this offset, aligns the data after it to 64 bytes.
fn padding(offset: usize) -> io::Result<Vec<u8>> {
    let start = offset + 4;
    let length = start.next_multiple_of(64) - start;
    let mut extra = vec![0x86, 0x19];
    extra.extend(length_u16(length)?.to_le_bytes());
    extra.resize(4 + length, 0);
    Ok(extra)
}

fn length_u32(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))
}

fn length_u16(length: usize) -> io::Result<u16> {
    u16::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_of_4_gib_is_refused() {
        let mut archive = Archive::in_memory(Method::Stored);
        archive.length = usize::try_from(u32::MAX).unwrap();
        archive.add("last", b"").unwrap();
        let refused = archive.add("beyond", b"").map_err(|error| error.kind());
        assert_eq!(refused, Err(io::ErrorKind::FileTooLarge));
        let refused = archive.finish().map_err(|error| error.kind());
        assert_eq!(refused.err(), Some(io::ErrorKind::FileTooLarge));
    }
}
