//! Why a directory is not a bundle.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Tells the reasons apart for which a directory cannot be used as a [`Bundle`](super::Bundle).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BundleErrorKind {
    /// No file that a simulator opens.
    NoModel,
    /// More than one such file, and no way to tell which one is meant.
    SeveralModels,
    /// A model that is not well-formed XML, or not in UTF-8, or has values that make no sense.
    BadModel,
    /// A `metadata.json` that is not JSON.
    BadMetadata,
    /// A model beyond 64 MiB of XML or 10,000 files that include each other, or a `metadata.json`
    /// beyond 16 MiB; or more than can be drawn.
    TooLarge,
    /// A model in a language that this is not done for.
    UnsupportedFormat,
    /// The file system refused.
    Io,
}

/// Says why a directory cannot be used as a [`Bundle`](super::Bundle).
#[derive(Debug)]
pub struct BundleError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: BundleErrorKind,
    path: PathBuf,
    detail: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl BundleError {
    pub(super) fn new(
        kind: BundleErrorKind,
        path: impl Into<PathBuf>,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            path: path.into(),
            detail: detail.into(),
            source: None,
        }))
    }

    pub(super) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::new(BundleErrorKind::Io, path, "cannot be read").because(source)
    }

    pub(super) fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// The reason, to be matched on.
    pub fn kind(&self) -> BundleErrorKind {
        self.0.kind
    }

    /// The file or directory that the error is about.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The same error about the same file where it is going to be: below `to` instead of `from`.
    pub(crate) fn moved(mut self, from: &Path, to: &Path) -> Self {
        self.0.path = moved(&self.0.path, from, to);
        self
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, detail) = (self.0.path.display(), &self.0.detail);
        match self.0.kind {
            BundleErrorKind::NoModel => {
                write!(f, "no model file found in {path}; it has: {detail}")
            }
            BundleErrorKind::SeveralModels => {
                write!(f, "several models in {path}, and none is scene: {detail}")
            }
            BundleErrorKind::BadModel => write!(f, "model {path} cannot be parsed: {detail}"),
            BundleErrorKind::BadMetadata
            | BundleErrorKind::TooLarge
            | BundleErrorKind::UnsupportedFormat
            | BundleErrorKind::Io => {
                write!(f, "{path}: {detail}")
            }
        }
    }
}

impl StdError for BundleError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Where `path` is after the directory `from`, which it may be in, was renamed to `to`.
pub(crate) fn moved(path: &Path, from: &Path, to: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Ok(inner) if inner.as_os_str().is_empty() => to.to_owned(),
        Ok(inner) => to.join(inner),
        Err(_) => path.to_owned(),
    }
}

impl From<BundleError> for crate::ext::error::Error {
    fn from(source: BundleError) -> Self {
        let kind = if source.kind() == BundleErrorKind::Io {
            crate::ext::error::ErrorKind::Io
        } else {
            crate::ext::error::ErrorKind::Archive
        };
        Self::new(kind, "the directory is not a bundle").with_source(source)
    }
}
