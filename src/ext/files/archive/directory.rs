//! The central directory, which is read once, and checked completely before anything is written.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;

use rawzip::extra_fields::ExtraFieldId;
use rawzip::{
    CompressionMethod, ErrorKind, FileReader, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive,
    ZipFileHeaderRecord, ZipLocator,
};

use super::name;
use super::name::{Name, Names};
use super::window::Window;
use super::{Limits, UnpackError, UnpackErrorKind as Kind};
use crate::ext::files::zip;

/// The maximum length of a local header's name and extra field together.
const MAX_LOCAL_FIELDS: usize = 2 * u16::MAX as usize;

/// The flags that affect how an entry is read: encrypted, streamed, strongly encrypted, UTF-8, masked.
/// The other flags describe the effort of the compressor.
const READING_FLAGS: u16 = 1 | 1 << 3 | 1 << 6 | 1 << 11 | 1 << 13;

/// The archive on disk. The threads share it: each read names its offset in the archive, so they need no
/// cursor.
#[derive(Debug)]
pub(super) struct Archive {
    file: FileReader,
    found: zip::Found,
}

impl ReaderAt for Archive {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.found.start.checked_add(offset) {
            Some(offset) => self.file.read_at(buffer, offset),
            None => Ok(0),
        }
    }
}

/// How the contents of an entry are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflate,
}

/// An entry that has passed all checks that do not need its contents.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) method: Method,
    pub(super) crc: u32,
    /// The size of its data in the archive, in bytes.
    pub(super) compressed: u64,
    /// The announced size of its contents, in bytes.
    pub(super) size: u64,
    /// The offset of its data in the archive.
    pub(super) data: u64,
}

/// Opens the file with the archive and finds it there.
pub(super) fn open(path: &Path) -> Result<Archive, UnpackError> {
    find(File::open(path), path)
}

/// Finds the archive in an opened file. `path` is for errors.
pub(super) fn find(opened: io::Result<File>, path: &Path) -> Result<Archive, UnpackError> {
    let io = |e| UnpackError::io(path, "cannot open the archive", e);
    let mut file = opened.map_err(io)?;
    if let Some(found) = zip::find(&mut file).map_err(io)? {
        let file = FileReader::from(file);
        return Ok(Archive { file, found });
    }
    // Truncation removes the end and keeps the start.
    let kind = if zip::starts_like_zip(&zip::start(&mut file).map_err(io)?) {
        Kind::Truncated
    } else {
        Kind::NotAZip
    };
    let length = file.metadata().map_err(io)?.len();
    let detail = format!("no central directory at the end of its {length} bytes");
    Err(UnpackError::new(kind).at(path).detail(detail))
}

/// Reads all entries in the order of the archive. Checks each one, and all of them against each other.
pub(super) fn read(
    archive: &Archive,
    path: &Path,
    limits: &Limits,
) -> Result<Vec<Entry>, UnpackError> {
    let found = archive.found;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipLocator::new()
        .max_search_space(zip::SIGNATURE as u64)
        .locate_in_reader(
            Window::new(archive),
            &mut buffer,
            found.end_record - found.start + zip::SIGNATURE as u64,
        )
        .map_err(|(_, error)| unreadable(error, path))?;
    let declared = archive.entries_hint();
    if declared > limits.entries {
        return Err(too_many(declared, limits).at(path));
    }
    let mut reader = Reader {
        archive: &archive,
        path,
        limits,
        local: vec![0; MAX_LOCAL_FIELDS],
        names: Names::default(),
        extents: Vec::new(),
        total: 0,
        compressed: 0,
    };
    let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut records = archive.entries(&mut buffer);
    let mut entries = Vec::new();
    while let Some(record) = records
        .next_entry()
        .map_err(|error| reader.broken_directory(error))?
    {
        if entries.len() as u64 == limits.entries {
            return Err(too_many(limits.entries + 1, limits).at(path));
        }
        let entry = reader.entry(&record).map_err(|error| {
            let name = record.file_path();
            error.entry(&String::from_utf8_lossy(name.as_ref()))
        })?;
        entries.push(entry);
    }
    if entries.len() as u64 != declared {
        return Err(UnpackError::new(Kind::NotAZip).at(path).detail(format!(
            "its central directory has {} entries instead of {declared}",
            entries.len()
        )));
    }
    reader.check_together(&entries)?;
    Ok(entries)
}

fn too_many(found: u64, limits: &Limits) -> UnpackError {
    let detail = format!("{found}, the maximum is {}", limits.entries);
    UnpackError::new(Kind::TooManyEntries).detail(detail)
}

fn unreadable(error: rawzip::Error, path: &Path) -> UnpackError {
    match error.into_kind() {
        ErrorKind::IO(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            UnpackError::io(path, "cannot read the archive", source)
        }
        ErrorKind::IO(_) | ErrorKind::Eof => UnpackError::new(Kind::Truncated).at(path),
        other => UnpackError::new(Kind::NotAZip)
            .at(path)
            .detail(other.to_string().to_lowercase()),
    }
}

/// The bytes of the archive that belong to one entry: local header, data and data descriptor.
struct Extent {
    start: u64,
    end: u64,
    /// The index of the entry.
    entry: usize,
}

struct Reader<'a> {
    archive: &'a ZipArchive<Window<'a, Archive>>,
    path: &'a Path,
    limits: &'a Limits,
    local: Vec<u8>,
    names: Names,
    extents: Vec<Extent>,
    total: u64,
    compressed: u64,
}

impl Reader<'_> {
    fn entry(&mut self, record: &ZipFileHeaderRecord<'_>) -> Result<Entry, UnpackError> {
        let flags = record.flags();
        let raw = record.file_path();
        let raw: &[u8] = raw.as_ref();
        let mut fields = record.extra_fields();
        let unicode = fields.find_map(|(id, field)| {
            let is_path = id == ExtraFieldId::INFO_ZIP_UNICODE_PATH;
            name::unicode_path(field, raw).filter(|_| is_path)
        });
        let decoded = match unicode {
            Some(path) => Ok(Cow::Borrowed(path)),
            None => name::decode(raw, flags.is_utf8()),
        };
        let decoded = decoded.map_err(UnpackError::new)?;
        let name = name::check(&decoded, self.limits.name, cfg!(windows));
        let name = name.map_err(UnpackError::new)?;
        check_type(record.external_attributes(), &name)?;
        if flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked() {
            return Err(UnpackError::new(Kind::Encrypted));
        }
        let method = match record.compression_method() {
            // Assumption: export-zip-entries.
            CompressionMethod::STORE => Method::Stored,
            CompressionMethod::DEFLATE => Method::Deflate,
            CompressionMethod::AES => return Err(UnpackError::new(Kind::Encrypted)),
            other => {
                return Err(UnpackError::new(Kind::UnsupportedMethod)
                    .detail(format!("method {}", other.as_u16())));
            }
        };
        let size = record.uncompressed_size_hint();
        let compressed = record.compressed_size_hint();
        if name.directory && size > 0 {
            return Err(UnpackError::new(Kind::FileAsDirectory).detail("a directory with contents"));
        }
        if method == Method::Stored && size != compressed {
            return Err(UnpackError::new(Kind::WrongSize)
                .detail(format!("{compressed} stored bytes instead of {size}")));
        }
        self.total = self.total.saturating_add(size);
        self.compressed = self.compressed.saturating_add(compressed);
        if self.total > self.limits.total {
            return Err(UnpackError::new(Kind::TooLarge)
                .detail(format!("more than {} bytes", self.limits.total)));
        }
        self.limits.check_ratio(compressed, size)?;
        self.names.claim(&name).map_err(|(kind, other)| {
            let detail = other.map_or(String::new(), |other| format!("{other:?}"));
            UnpackError::new(kind).detail(detail)
        })?;
        let data = self.extent(record)?;
        Ok(Entry {
            name,
            method,
            crc: record.crc32(),
            compressed,
            size,
            data,
        })
    }

    /// Compares the local header, and the data descriptor if it exists, with the central directory.
    /// Returns the offset of the data.
    fn extent(&mut self, record: &ZipFileHeaderRecord<'_>) -> Result<u64, UnpackError> {
        let differ = |what: &'static str| UnpackError::new(Kind::HeaderMismatch).detail(what);
        let start = record.local_header_offset();
        let entry = self
            .archive
            .get_entry(record.wayfinder())
            .and_then(|entry| {
                let local = entry.local_header(&mut self.local)?;
                Ok((entry.compressed_data_range(), local))
            });
        let ((data, end), local) = entry.map_err(|error| match error.kind() {
            ErrorKind::IO(_) | ErrorKind::Eof => unreadable(error, self.path),
            _ => differ("no local header at the offset in the central directory"),
        })?;
        let streamed = record.flags().has_data_descriptor();
        if AsRef::<[u8]>::as_ref(&local.file_path()) != AsRef::<[u8]>::as_ref(&record.file_path()) {
            return Err(differ("name"));
        }
        if (local.flags().bits() ^ record.flags().bits()) & READING_FLAGS != 0 {
            return Err(differ("flags"));
        }
        if local.compression_method() != record.compression_method() {
            return Err(differ("compression method"));
        }
        // A streaming writer knows the values only after the data, so its local header has zeros.
        let agrees = |local: u64, central: u64| local == central || (streamed && local == 0);
        if !agrees(u64::from(local.crc32()), u64::from(record.crc32())) {
            return Err(differ("checksum"));
        }
        let unknown = u64::from(u32::MAX);
        let sizes = [
            (local.compressed_size_hint(), record.compressed_size_hint()),
            (
                local.uncompressed_size_hint(),
                record.uncompressed_size_hint(),
            ),
        ];
        for (local, central) in sizes {
            if !(agrees(local, central) || streamed && local == unknown) {
                return Err(differ("size"));
            }
        }
        let directory = self.archive.directory_offset();
        if end > directory {
            return Err(UnpackError::new(Kind::Overlap).detail("the central directory"));
        }
        let end = if streamed {
            end + self.descriptor(record, end)?
        } else {
            end
        };
        self.extents.push(Extent {
            start,
            end,
            entry: self.extents.len(),
        });
        Ok(data)
    }

    /// Returns the length of the data descriptor at `at`, which must match the central directory.
    ///
    /// Its signature is optional, and its sizes have four or eight bytes. Writers differ, so all four
    /// forms are tried.
    fn descriptor(&self, record: &ZipFileHeaderRecord<'_>, at: u64) -> Result<u64, UnpackError> {
        let mut buffer = [0; 24];
        let room = self.archive.directory_offset().saturating_sub(at);
        let room = usize::try_from(room).map_or(buffer.len(), |room| room.min(buffer.len()));
        let mut filled = 0;
        while filled < room {
            let read = self
                .archive
                .get_ref()
                .read_at(&mut buffer[filled..room], at + filled as u64)
                .map_err(|e| UnpackError::io(self.path, "cannot read the archive", e))?;
            if read == 0 {
                break;
            }
            filled += read;
        }
        let (crc, compressed, size) = (
            record.crc32().to_le_bytes(),
            record.compressed_size_hint().to_le_bytes(),
            record.uncompressed_size_hint().to_le_bytes(),
        );
        let fits = u32::try_from(record.compressed_size_hint()).is_ok()
            && u32::try_from(record.uncompressed_size_hint()).is_ok();
        for signature in [&zip::DATA_DESCRIPTOR[..], &[]] {
            for width in [8, 4] {
                if width == 4 && !fits {
                    continue;
                }
                let form = [signature, &crc, &compressed[..width], &size[..width]].concat();
                if buffer[..filled].starts_with(&form) {
                    return Ok(form.len() as u64);
                }
            }
        }
        Err(UnpackError::new(Kind::HeaderMismatch).detail("data descriptor"))
    }

    /// Checks the total ratio, and that no two entries share bytes.
    fn check_together(&mut self, entries: &[Entry]) -> Result<(), UnpackError> {
        self.limits
            .check_ratio(self.compressed, self.total)
            .map_err(|error| error.at(self.path))?;
        self.extents.sort_unstable_by_key(|extent| extent.start);
        let name = |extent: &Extent| entries[extent.entry].name.path.as_str();
        for pair in self.extents.windows(2) {
            if let [one, next] = pair
                && next.start < one.end
            {
                return Err(UnpackError::new(Kind::Overlap)
                    .entry(name(next))
                    .detail(format!("entry {:?}", name(one))));
            }
        }
        if let Some(last) = self.extents.last()
            && last.end > self.archive.directory_offset()
        {
            return Err(UnpackError::new(Kind::Overlap)
                .entry(name(last))
                .detail("the central directory"));
        }
        Ok(())
    }

    fn broken_directory(&self, error: rawzip::Error) -> UnpackError {
        match error.kind() {
            ErrorKind::IO(_) => unreadable(error, self.path),
            _ => UnpackError::new(Kind::NotAZip)
                .at(self.path)
                .detail("its central directory is damaged"),
        }
    }
}

/// Rejects an entry that is neither a file nor a directory.
///
/// The high half is read as a Unix mode, whichever system the archive names, because a hostile archive can
/// name any. Permissions, including set-user-ID, are never applied.
fn check_type(attributes: u32, name: &Name) -> Result<(), UnpackError> {
    const REPARSE_POINT: u32 = 0x400;
    const DEVICE: u32 = 0x40;
    match (attributes >> 16) & 0o170_000 {
        // No type, or a file.
        0 | 0o100_000 => {}
        0o040_000 if name.directory => {}
        0o040_000 => {
            return Err(UnpackError::new(Kind::FileAsDirectory)
                .detail("its mode is that of a directory, its name that of a file"));
        }
        0o120_000 => return Err(UnpackError::new(Kind::Link)),
        _ => return Err(UnpackError::new(Kind::SpecialFile)),
    }
    if attributes & REPARSE_POINT != 0 {
        return Err(UnpackError::new(Kind::Link));
    }
    if attributes & DEVICE != 0 {
        return Err(UnpackError::new(Kind::SpecialFile));
    }
    Ok(())
}
