//! A directory with a model that a simulator opens.

mod error;
mod find;
mod mjcf;
mod path;
#[cfg(feature = "preview")]
mod preview;
mod sdf;
mod xml;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub(crate) use error::moved;
pub use error::{BundleError, BundleErrorKind};
pub(crate) use mjcf::Slimmed;

/// The maximum size of a model's XML in bytes: ten times that of a large scene.
const MAX_XML_BYTES: u64 = 64 * 1024 * 1024;
/// The maximum number of a model's XML files: ten times the objects of a large scene.
const MAX_FILES: usize = 10_000;
/// The maximum size of a `metadata.json` in bytes.
const MAX_METADATA_BYTES: u64 = 16 * 1024 * 1024;

/// An export on disk: a directory with a model, the files that it names, and its metadata.
///
/// [`unpack`](crate::archive::unpack) returns it, and [`open`](Self::open) reads it from a
/// directory that was unpacked before. It is a snapshot, except for [`metadata`](Self::metadata)
/// and [`missing_files`](Self::missing_files), which read the directory when they are called.
///
/// # Examples
/// ```no_run
/// use gizmo_client::bundle::Bundle;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bundle = Bundle::open("lab")?;
/// println!("{}", bundle.model().display()); // lab/scene.xml
/// for missing in bundle.missing_files()? {
///     eprintln!("{missing}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Bundle {
    dir: PathBuf,
    files: Vec<BundleFile>,
    model: PathBuf,
    /// The model's path below `dir`.
    inner: PathBuf,
    format: ModelFormat,
}

/// A file of a [`Bundle`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct BundleFile {
    /// Its path, relative to the bundle's directory.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// The format of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelFormat {
    /// [MJCF](https://mujoco.readthedocs.io/en/stable/XMLreference.html), for `MuJoCo`.
    Mjcf,
    /// [USD](https://openusd.org): `.usd`, `.usda`, `.usdc` or `.usdz`, for Isaac Sim.
    Usd,
    /// [SDF](http://sdformat.org), for Gazebo.
    Sdf,
    /// URDF, which the early-access API exports for Isaac Sim.
    Urdf,
}

/// A file that a model refers to and that is missing in the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingFile {
    /// The name in the model.
    pub name: String,
    /// The file that refers to it, relative to the bundle's directory.
    pub named_by: PathBuf,
    /// Why it is missing.
    pub reason: MissingReason,
}

/// Why a file is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissingReason {
    /// The file does not exist.
    Absent,
    /// The name is an absolute path, or leads out of the bundle's directory. The file may exist on
    /// this machine, but not on another.
    Outside,
}

impl std::fmt::Display for MissingFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.reason {
            MissingReason::Absent => "does not exist",
            MissingReason::Outside => "is outside the directory",
        };
        let (name, by) = (&self.name, self.named_by.display());
        write!(f, "{name:?}, referenced by {by}, {what}")
    }
}

impl Bundle {
    /// Opens a directory with an export.
    ///
    /// The model is in the directory itself, or else in the topmost level of directories with a
    /// model. MJCF has precedence over USD, and USD over SDF. Of several models in one format,
    /// `scene` has precedence, then `world`, `model` and `main`. An MJCF file that others include
    /// is not the model. This reads the complete directory tree and blocks. Links to directories
    /// are not followed.
    ///
    /// # Errors
    ///
    /// [`NoModel`](BundleErrorKind::NoModel) and
    /// [`SeveralModels`](BundleErrorKind::SeveralModels) if there is none or it is ambiguous,
    /// [`BadModel`](BundleErrorKind::BadModel) for a `model.config` that is not XML,
    /// [`Io`](BundleErrorKind::Io) if the directory cannot be read.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, BundleError> {
        let dir = dir.as_ref();
        let mut files = Vec::new();
        list(dir, Path::new(""), &mut files).map_err(|(path, e)| BundleError::io(path, e))?;
        files.sort_unstable();
        let (inner, format) = find::model(dir, &files)?;
        Ok(Self {
            dir: dir.to_owned(),
            files,
            model: dir.join(&inner),
            inner,
            format,
        })
    }

    /// Returns the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns all files below the directory, sorted by path.
    pub fn files(&self) -> &[BundleFile] {
        &self.files
    }

    /// Returns the file that a simulator opens, including the directory: `lab/scene.xml`.
    pub fn model(&self) -> &Path {
        &self.model
    }

    /// Returns the format of the model.
    pub fn format(&self) -> ModelFormat {
        self.format
    }

    /// Reads the `metadata.json` next to the model; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](BundleErrorKind::TooLarge) beyond 16 MiB,
    /// [`BadMetadata`](BundleErrorKind::BadMetadata) if it is not JSON,
    /// [`Io`](BundleErrorKind::Io) if it cannot be read.
    pub fn metadata(&self) -> Result<Option<serde_json::Value>, BundleError> {
        let path = self.model.with_file_name("metadata.json");
        let bytes = match read_limited(&path, MAX_METADATA_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let json = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        serde_json::from_slice(json).map(Some).map_err(|e| {
            BundleError::new(BundleErrorKind::BadMetadata, path, "it is not JSON").because(e)
        })
    }

    /// Lists the files that the model refers to and that are missing, in the order of its text.
    ///
    /// For MJCF these are meshes, textures, height fields, skins and included files, resolved with
    /// `meshdir`, `texturedir`, `assetdir` and `strippath`; for SDF all URIs of files, with
    /// `model://` resolved in the bundle; for URDF meshes and textures. Included and attached files
    /// are read as well. USD is not read, so its list is always empty. This reads the model and
    /// blocks.
    ///
    /// # Errors
    ///
    /// [`BadModel`](BundleErrorKind::BadModel) if the model or an included file is not XML,
    /// [`TooLarge`](BundleErrorKind::TooLarge) beyond 64 MiB of XML or 10,000 files,
    /// [`Io`](BundleErrorKind::Io) if a file cannot be read.
    pub fn missing_files(&self) -> Result<Vec<MissingFile>, BundleError> {
        match self.format {
            ModelFormat::Mjcf => mjcf::missing(&self.dir, &self.inner),
            ModelFormat::Sdf | ModelFormat::Urdf => sdf::missing(&self.dir, &self.inner),
            ModelFormat::Usd => Ok(Vec::new()),
        }
    }

    /// Returns the model without its textures; `None` for formats that are not supported.
    pub(crate) fn slimmed(&self) -> Result<Option<Slimmed>, BundleError> {
        match self.format {
            ModelFormat::Mjcf => mjcf::slim(&self.dir, &self.inner).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns the bundle after its directory was renamed.
    pub(crate) fn moved_to(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        self.model = dir.join(&self.inner);
        self
    }
}

/// Collects the files below `root.join(directory)`.
fn list(
    root: &Path,
    directory: &Path,
    files: &mut Vec<BundleFile>,
) -> Result<(), (PathBuf, io::Error)> {
    let at = root.join(directory);
    let fail = |e| (at.clone(), e);
    for entry in fs::read_dir(&at).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let path = directory.join(entry.file_name());
        let kind = entry.file_type().map_err(fail)?;
        if kind.is_dir() {
            list(root, &path, files)?;
            continue;
        }
        // A link to a file counts as that file.
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        if metadata.is_file() {
            files.push(BundleFile {
                path,
                size: metadata.len(),
            });
        }
    }
    Ok(())
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| {
            extensions
                .iter()
                .any(|one| extension.eq_ignore_ascii_case(one))
        })
}

/// The bytes and files of a model that may still be read.
#[derive(Debug)]
struct Budget {
    bytes: u64,
    files: usize,
}

impl Budget {
    fn new() -> Self {
        Self {
            bytes: MAX_XML_BYTES,
            files: MAX_FILES,
        }
    }

    /// Reads an XML file that belongs to the model.
    fn read(&mut self, path: &Path) -> Result<String, BundleError> {
        self.files = self.files.checked_sub(1).ok_or_else(|| {
            let detail = format!("the model has more than {MAX_FILES} files");
            BundleError::new(BundleErrorKind::TooLarge, path, detail)
        })?;
        let bytes = read_limited(path, self.bytes)?;
        self.bytes -= bytes.len() as u64;
        String::from_utf8(bytes).map_err(|e| {
            BundleError::new(BundleErrorKind::BadModel, path, "it is not UTF-8")
                .because(e.utf8_error())
        })
    }
}

fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|e| BundleError::io(path, e))?;
    if bytes.len() as u64 > limit {
        let detail = format!("it exceeds {limit} bytes");
        return Err(BundleError::new(BundleErrorKind::TooLarge, path, detail));
    }
    Ok(bytes)
}

fn is_not_found(error: &BundleError) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::NotFound)
}
