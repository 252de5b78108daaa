//! The errors of bundles.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The reasons for which a directory cannot be used as a [`Bundle`](super::Bundle).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BundleErrorKind {
    /// There is no file that a simulator opens.
    NoModel,
    /// There are several such files, and none has precedence.
    SeveralModels,
    /// The model is not well-formed XML, or has invalid values.
    BadModel,
    /// The `metadata.json` is not JSON.
    BadMetadata,
    /// The `gizmo-provenance.json` is damaged, or of a newer version.
    BadProvenance,
    /// There is no `gizmo-provenance.json` to compare the files with.
    NoProvenance,
    /// The model exceeds 10,000 files, 4 GiB of XML, 500 levels of elements, 1 GiB for a tag, or 512
    /// MiB of memory for its elements without the numbers of meshes; the `metadata.json` exceeds 16 MiB; or the
    /// model is too large to be drawn.
    TooLarge,
    /// The format of the model is not supported here.
    UnsupportedFormat,
    /// The file system failed.
    Io,
}

/// The reason why a directory cannot be used as a [`Bundle`](super::Bundle).
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
    pub(crate) fn new(
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

    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::new(BundleErrorKind::Io, path, "cannot be read").because(source)
    }

    pub(crate) fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Returns the reason.
    pub fn kind(&self) -> BundleErrorKind {
        self.0.kind
    }

    /// Returns the file or directory that the error concerns.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns the error with its path below `to` instead of `from`.
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
                write!(
                    f,
                    "several models found in {path}; rename one to scene: {detail}"
                )
            }
            BundleErrorKind::BadModel => write!(f, "model {path} cannot be parsed: {detail}"),
            BundleErrorKind::BadMetadata
            | BundleErrorKind::BadProvenance
            | BundleErrorKind::NoProvenance
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

/// Returns `path` after the directory `from`, which may contain it, was renamed to `to`.
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
