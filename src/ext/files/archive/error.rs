//! The errors of unpacking: a kind for each reason, and the entry that it concerns.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::ext::bundle::{BundleError, BundleErrorKind, moved};

/// The reasons for which [`unpack`](super::unpack) rejects an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnpackErrorKind {
    /// The file is not a ZIP archive, or its directory cannot be read.
    NotAZip,
    /// The archive is truncated, usually because its download broke.
    Truncated,
    /// A name starts at the root of the file system.
    AbsolutePath,
    /// A name leads out of the directory with `..`.
    ParentPath,
    /// A name contains a backslash, which is a separator on some systems only.
    Backslash,
    /// A name starts with a drive letter, as in `C:`.
    DriveLetter,
    /// A name contains a NUL byte.
    NulInName,
    /// A name is empty, or has an empty part, as in `a//b`.
    EmptyName,
    /// The name contains a control character, or on Windows, this system cannot store it: `CON`, `a:b`,
    /// `a?`, a dot or a space at the end.
    ReservedName,
    /// A name is longer than [`Limits::name`](super::Limits::name), or a part of it than 255 bytes.
    NameTooLong,
    /// A name is flagged as UTF-8 and is not.
    NameEncoding,
    /// An entry is a symbolic link or a reparse point.
    Link,
    /// An entry is a device, a pipe or a socket.
    SpecialFile,
    /// Two entries have the same name.
    Duplicate,
    /// Two entries have names that differ only in case.
    CaseDuplicate,
    /// A file has the path of a directory that another entry needs, or a directory entry has contents.
    FileAsDirectory,
    /// The local header of an entry is missing, or differs from the archive's directory.
    HeaderMismatch,
    /// An entry is encrypted.
    Encrypted,
    /// An entry uses a compression method other than deflate.
    UnsupportedMethod,
    /// The compressed data of an entry is damaged.
    CorruptData,
    /// The contents of an entry do not match the checksum in the archive's directory.
    WrongChecksum,
    /// The contents of an entry do not match the size in the archive's directory.
    WrongSize,
    /// Two entries share bytes of the archive, as in a ZIP bomb.
    Overlap,
    /// The archive has more entries than [`Limits::entries`](super::Limits::entries).
    TooManyEntries,
    /// The contents are larger than [`Limits::total`](super::Limits::total).
    TooLarge,
    /// The contents are compressed more than [`Limits::ratio`](super::Limits::ratio) allows.
    RatioTooHigh,
    /// The target directory is not empty, and
    /// [`UnpackOptions::replace`](super::UnpackOptions::replace) is off.
    NotEmpty,
    /// The target exists and is not a directory.
    NotADirectory,
    /// Another call has been replacing the target for 30 s. The message names its process.
    Busy,
    /// The file system failed: the disk is full, permission is missing, the archive does not exist.
    Io,
    /// The unpacking was stopped, because its future was dropped or the runtime shut down.
    Cancelled,
    /// The archive is valid, but its contents are not a bundle, for example because the model is missing.
    Bundle(BundleErrorKind),
}

impl UnpackErrorKind {
    /// The reason in a few words.
    fn rule(self) -> &'static str {
        match self {
            Self::NotAZip => "not a zip archive",
            Self::Truncated => "the archive is truncated",
            Self::AbsolutePath => "absolute path",
            Self::ParentPath => "the path leads out of the directory",
            Self::Backslash => "backslash in the name",
            Self::DriveLetter => "drive letter in the name",
            Self::NulInName => "NUL byte in the name",
            Self::EmptyName => "empty name",
            Self::ReservedName => "reserved name",
            Self::NameTooLong => "name too long",
            Self::NameEncoding => "name is not valid UTF-8",
            Self::Link => "links are not unpacked",
            Self::SpecialFile => "devices, pipes and sockets are not unpacked",
            Self::Duplicate => "name occurs twice",
            Self::CaseDuplicate => "name differs from another only in case",
            Self::FileAsDirectory => "both a file and a directory",
            Self::HeaderMismatch => "local header and central directory differ",
            Self::Encrypted => "encrypted",
            Self::UnsupportedMethod => "compression method not supported",
            Self::CorruptData => "compressed data is damaged",
            Self::WrongChecksum => "wrong checksum",
            Self::WrongSize => "wrong size",
            Self::Overlap => "overlaps other data of the archive",
            Self::TooManyEntries => "too many entries",
            Self::TooLarge => "contents too large",
            Self::RatioTooHigh => "compression ratio too high",
            Self::NotEmpty => "directory is not empty",
            Self::NotADirectory => "not a directory",
            Self::Busy => "another process is replacing the directory",
            Self::Io => "file system error",
            Self::Cancelled => "unpacking was cancelled",
            Self::Bundle(_) => "not a bundle",
        }
    }
}

/// The reason why an archive was not unpacked, and the entry or file that it concerns.
///
/// After this error nothing of the contents is on disk, neither in the target directory nor next to it.
pub struct UnpackError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: UnpackErrorKind,
    entry: Option<String>,
    path: Option<PathBuf>,
    detail: Cow<'static, str>,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    None,
    Io(io::Error),
    /// The contents are not a bundle. Its message, path and source are those of this error.
    Bundle(BundleError),
}

impl UnpackError {
    pub(super) fn new(kind: UnpackErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            entry: None,
            path: None,
            detail: Cow::Borrowed(""),
            cause: Cause::None,
        }))
    }

    /// Creates an error of the file system that concerns `path`. `failure` completes its message.
    pub(super) fn io(path: &Path, failure: &'static str, source: io::Error) -> Self {
        let mut error = Self::new(UnpackErrorKind::Io).at(path).detail(failure);
        error.0.cause = Cause::Io(source);
        error
    }

    /// Adds the name of the entry, unless it is known.
    pub(super) fn entry(mut self, name: &str) -> Self {
        if self.0.entry.is_none() {
            self.0.entry = Some(name.to_owned());
        }
        self
    }

    /// Adds the path, unless it is known.
    pub(super) fn at(mut self, path: &Path) -> Self {
        if self.0.path.is_none() {
            self.0.path = Some(path.to_owned());
        }
        self
    }

    pub(super) fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Returns the error with paths below `to`, the target, instead of `from`, the staging directory.
    pub(super) fn moved(mut self, from: &Path, to: &Path) -> Self {
        if let Some(path) = &mut self.0.path {
            *path = moved(path, from, to);
        }
        self.0.cause = match self.0.cause {
            Cause::Bundle(error) => Cause::Bundle(error.moved(from, to)),
            other => other,
        };
        self
    }

    /// Returns the reason.
    pub fn kind(&self) -> UnpackErrorKind {
        self.0.kind
    }

    /// Returns the name of the rejected entry as the archive has it; `None` if the error concerns the
    /// archive or the file system.
    pub fn entry_name(&self) -> Option<&str> {
        self.0.entry.as_deref()
    }

    /// Returns the archive, file or directory on disk that the error concerns.
    pub fn path(&self) -> Option<&Path> {
        match &self.0.cause {
            Cause::Bundle(error) => Some(error.path()),
            _ => self.0.path.as_deref(),
        }
    }
}

impl From<BundleError> for UnpackError {
    fn from(error: BundleError) -> Self {
        let mut wrapped = Self::new(UnpackErrorKind::Bundle(error.kind()));
        wrapped.0.cause = Cause::Bundle(error);
        wrapped
    }
}

impl fmt::Debug for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnpackError")
            .field("kind", &self.0.kind)
            .field("entry", &self.0.entry)
            .field("path", &self.0.path)
            .field("detail", &self.0.detail)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Cause::Bundle(error) = &self.0.cause {
            return error.fmt(f);
        }
        if let Some(path) = &self.0.path {
            write!(f, "{}: ", path.display())?;
        }
        if let Some(entry) = &self.0.entry {
            // `{:?}` escapes line breaks and control characters of a hostile name.
            write!(f, "entry {entry:?}: ")?;
        }
        match (self.0.kind, self.0.detail.as_ref()) {
            (UnpackErrorKind::Io, detail) if !detail.is_empty() => f.write_str(detail),
            (kind, "") => f.write_str(kind.rule()),
            (kind, detail) => write!(f, "{}: {detail}", kind.rule()),
        }
    }
}

impl StdError for UnpackError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Cause::None => None,
            Cause::Io(error) => Some(error),
            Cause::Bundle(error) => error.source(),
        }
    }
}

impl From<UnpackError> for crate::ext::error::Error {
    fn from(source: UnpackError) -> Self {
        let kind = if source.kind() == UnpackErrorKind::Io {
            crate::ext::error::ErrorKind::Io
        } else {
            crate::ext::error::ErrorKind::Archive
        };
        Self::new(kind, "the archive was not unpacked").with_source(source)
    }
}
