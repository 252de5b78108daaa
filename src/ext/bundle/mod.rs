//! A directory with a model that a simulator opens.

mod error;
mod find;
mod mjcf;
mod path;
#[cfg(feature = "preview")]
mod preview;
mod sdf;
mod usd;
mod warnings;
mod xml;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use error::moved;
pub use error::{BundleError, BundleErrorKind};
pub(crate) use mjcf::{Slimmed, copy_without};
pub(crate) use path::slashed;
pub use warnings::{Warning, WarningKind};

/// The maximum size of a `metadata.json` in bytes.
const MAX_METADATA_BYTES: u64 = 16 * 1024 * 1024;

/// An export on disk: a directory with a model, the files that it names, and its metadata.
///
/// [`unpack`](crate::archive::unpack) returns it, and [`open`](Self::open) reads it from a
/// directory that was unpacked before. It is a snapshot, except for [`metadata`](Self::metadata),
/// [`missing_files`](Self::missing_files) and [`warnings`](Self::warnings), which read the
/// directory when they are called.
///
/// # Examples
/// ```no_run
/// use gizmo_client::bundle::Bundle;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bundle = Bundle::open("lab")?;
/// println!("{}", bundle.model().display()); // lab/js7….xml
/// for warning in bundle.warnings()? {
///     eprintln!("{warning}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    dir: PathBuf,
    files: Vec<BundleFile>,
    models: Vec<ModelFile>,
}

/// The file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelFile {
    /// Its path, including the bundle's directory: `lab/js7….xml`.
    pub path: PathBuf,
    /// Its format.
    pub format: ModelFormat,
    /// Its path, relative to the bundle's directory.
    inner: PathBuf,
}

/// The model of a [`Bundle`], which may contain none or several.
#[derive(Clone, Copy, Debug)]
pub struct Model<'b> {
    bundle: &'b Bundle,
}

impl<'b> Model<'b> {
    /// Returns the file that a simulator opens, including the bundle's directory: `lab/js7….xml`.
    ///
    /// `MuJoCo` 4.0 does not find the files of an included robot if it opens the model by a relative
    /// path, so pass [`std::path::absolute`] of it.
    ///
    /// # Errors
    ///
    /// [`NoModel`](BundleErrorKind::NoModel) and
    /// [`SeveralModels`](BundleErrorKind::SeveralModels) if the bundle has none or several.
    pub fn path(self) -> Result<&'b Path, BundleError> {
        Ok(&self.bundle.single_model()?.path)
    }

    /// Returns the format of the model.
    ///
    /// # Errors
    ///
    /// As those of [`path`](Self::path).
    pub fn format(self) -> Result<ModelFormat, BundleError> {
        Ok(self.bundle.single_model()?.format)
    }

    /// Formats the path for a person. If there is none, the text says so.
    pub fn display(self) -> impl fmt::Display + 'b {
        self
    }
}

impl fmt::Display for Model<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bundle.models.as_slice() {
            [model] => model.path.display().fmt(f),
            [] => write!(f, "{} (no model)", self.bundle.dir.display()),
            [first, others @ ..] => {
                write!(
                    f,
                    "{} (and {} other models)",
                    first.path.display(),
                    others.len()
                )
            }
        }
    }
}

/// A file of a [`Bundle`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BundleFile {
    /// Its path, relative to the bundle's directory.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// The format of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Who supplies it.
    pub supplier: Supplier,
}

/// Who supplies a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Supplier {
    /// The export: it is incomplete.
    Export,
    /// The user. The file belongs to a robot (`robot_profile`), whose model the scene includes from
    /// a directory of its own. An export may come without it.
    User,
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
        write!(f, "{name:?}, referenced by {by}, {what}")?;
        match self.supplier {
            Supplier::Export => Ok(()),
            Supplier::User => write!(f, "; it belongs to a robot, which you supply"),
        }
    }
}

impl Bundle {
    /// Opens a directory with an export.
    ///
    /// The model is in the directory itself, or else in the topmost level of directories with a
    /// model. MJCF has precedence over USD, and USD over SDF. Of several models in one format,
    /// `scene` has precedence, then `world`, `model` and `main`. A file that others include is not
    /// the model. A directory without a model, or with several, is opened, too. This reads the
    /// complete directory tree and blocks. Links to directories are not followed.
    ///
    /// # Errors
    ///
    /// [`BadModel`](BundleErrorKind::BadModel) for a `model.config` that is not XML,
    /// [`Io`](BundleErrorKind::Io) if the directory cannot be read.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, BundleError> {
        let dir = dir.as_ref();
        let files = files_below(dir)?;
        let (inner, format) = find::models(dir, &files)?;
        let models = inner.into_iter().map(|inner| ModelFile {
            path: dir.join(&inner),
            format,
            inner,
        });
        Ok(Self {
            dir: dir.to_owned(),
            models: models.collect(),
            files,
        })
    }

    /// Chooses a model by its path, with or without the bundle's directory: one of several, or a file
    /// that [`open`](Self::open) does not take for the model, such as a robot.
    ///
    /// # Errors
    ///
    /// [`NoModel`](BundleErrorKind::NoModel) if the bundle has no model at this path,
    /// [`Io`](BundleErrorKind::Io) if the file cannot be read.
    pub fn with_model(mut self, path: impl AsRef<Path>) -> Result<Self, BundleError> {
        let path = path.as_ref();
        let inner = path.strip_prefix(&self.dir).unwrap_or(path);
        let known = self.files.iter().any(|file| file.path == inner);
        let format = if known {
            find::format(&self.dir, inner)?
        } else {
            None
        };
        let Some(format) = format else {
            let models = self.models.iter().map(|model| model.inner.as_path());
            let detail = find::contents(&models.collect::<Vec<_>>());
            return Err(BundleError::new(BundleErrorKind::NoModel, path, detail));
        };
        self.models = vec![ModelFile {
            path: self.dir.join(inner),
            format,
            inner: inner.to_owned(),
        }];
        Ok(self)
    }

    /// Returns the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns all files below the directory, sorted by path.
    pub fn files(&self) -> &[BundleFile] {
        &self.files
    }

    /// Returns the model, or what reports that there is none or that there are several.
    pub fn model(&self) -> Model<'_> {
        Model { bundle: self }
    }

    /// Returns the models: one, none, or several of equal precedence. They have the same format.
    pub fn models(&self) -> &[ModelFile] {
        &self.models
    }

    fn single_model(&self) -> Result<&ModelFile, BundleError> {
        match self.models.as_slice() {
            [model] => Ok(model),
            [] => {
                let files: Vec<&Path> = self.files.iter().map(|file| file.path.as_path()).collect();
                let detail = find::contents(&files);
                Err(BundleError::new(
                    BundleErrorKind::NoModel,
                    &self.dir,
                    detail,
                ))
            }
            several => {
                let models: Vec<&Path> =
                    several.iter().map(|model| model.inner.as_path()).collect();
                let detail = find::contents(&models);
                Err(BundleError::new(
                    BundleErrorKind::SeveralModels,
                    &self.dir,
                    detail,
                ))
            }
        }
    }

    /// Reads the `metadata.json` next to the model, or in the directory if there is no model. `None`
    /// if it does not exist.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](BundleErrorKind::TooLarge) beyond 16 MiB,
    /// [`BadMetadata`](BundleErrorKind::BadMetadata) if it is not JSON,
    /// [`Io`](BundleErrorKind::Io) if it cannot be read.
    pub fn metadata(&self) -> Result<Option<serde_json::Value>, BundleError> {
        let path = match self.models.first() {
            // Assumption: export-no-metadata.
            Some(model) => model.path.with_file_name("metadata.json"),
            None => self.dir.join("metadata.json"),
        };
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

    /// Lists the files that the models refer to and that are missing, in the order of their text.
    ///
    /// For MJCF these are meshes, textures, height fields, skins, and included and attached files,
    /// found as `MuJoCo` 4 does; for SDF all URIs of files, with `model://` resolved in the bundle;
    /// for URDF meshes and textures; for USD in text form (`.usda`) the asset paths, without
    /// [UDIM] tiles beyond the first. Included, attached and referenced files are read as well.
    /// This reads the models and blocks.
    ///
    /// [UDIM]: https://openusd.org/release/spec_usdpreviewsurface.html#texture-reader
    ///
    /// # Errors
    ///
    /// [`BadModel`](BundleErrorKind::BadModel) if the model or an included file is not XML,
    /// [`TooLarge`](BundleErrorKind::TooLarge) beyond its limits,
    /// [`UnsupportedFormat`](BundleErrorKind::UnsupportedFormat) for USD in binary form,
    /// [`Io`](BundleErrorKind::Io) if a file cannot be read.
    pub fn missing_files(&self) -> Result<Vec<MissingFile>, BundleError> {
        let mut missing = Vec::new();
        for model in &self.models {
            missing.extend(match model.format {
                ModelFormat::Mjcf => mjcf::Models::read(&self.dir, &model.inner)?.missing(),
                ModelFormat::Sdf | ModelFormat::Urdf => sdf::missing(&self.dir, &model.inner)?,
                ModelFormat::Usd => {
                    let layers = usd::Layers::of(&self.dir, &model.inner)?;
                    if let Some(binary) = layers.binary.first() {
                        let detail = "it is in binary form, so its references cannot be listed";
                        let kind = BundleErrorKind::UnsupportedFormat;
                        return Err(BundleError::new(kind, self.dir.join(binary), detail));
                    }
                    layers.missing
                }
            });
        }
        Ok(missing)
    }

    /// Lists what the models lack, although a simulator may open them.
    ///
    /// These are the [missing files](Self::missing_files), and for MJCF also bodies without
    /// geometry, free bodies without mass, materials without their texture, and meshes without
    /// faces. This reads the models and their meshes, and blocks.
    ///
    /// # Errors
    ///
    /// As those of [`missing_files`](Self::missing_files), except that USD in binary form yields a
    /// [warning](WarningKind::NotChecked).
    pub fn warnings(&self) -> Result<Vec<Warning>, BundleError> {
        let mut warnings = Vec::new();
        for model in &self.models {
            let missing = match model.format {
                ModelFormat::Mjcf => {
                    let models = mjcf::Models::read(&self.dir, &model.inner)?;
                    warnings.extend(models.warnings());
                    models.missing()
                }
                ModelFormat::Sdf | ModelFormat::Urdf => sdf::missing(&self.dir, &model.inner)?,
                ModelFormat::Usd => {
                    let layers = usd::Layers::of(&self.dir, &model.inner)?;
                    warnings.extend(layers.binary.into_iter().map(|file| Warning {
                        kind: WarningKind::NotChecked,
                        file,
                        name: None,
                    }));
                    layers.missing
                }
            };
            warnings.extend(missing.into_iter().map(|missing| Warning {
                file: missing.named_by.clone(),
                name: None,
                kind: WarningKind::MissingFile(missing),
            }));
        }
        Ok(warnings)
    }

    /// Returns how to remove the textures of the models.
    pub(crate) fn slimmed(&self) -> Result<Slimmed, BundleError> {
        let mut slimmed = Slimmed::default();
        for model in &self.models {
            if model.format != ModelFormat::Mjcf {
                let detail = format!(
                    "textures are removed only from MJCF, and this is {:?}",
                    model.format
                );
                let kind = BundleErrorKind::UnsupportedFormat;
                return Err(BundleError::new(kind, &model.path, detail));
            }
            slimmed.add(&mjcf::Models::read(&self.dir, &model.inner)?)?;
        }
        if self.models.is_empty() {
            self.single_model()?;
        }
        Ok(slimmed)
    }

    /// Returns the bundle after its directory was renamed.
    pub(crate) fn moved_to(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        for model in &mut self.models {
            model.path = dir.join(&model.inner);
        }
        self
    }
}

/// Returns all files below a directory, sorted by path.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<BundleFile>, BundleError> {
    let mut files = Vec::new();
    list(dir, Path::new(""), &mut files).map_err(|(path, e)| BundleError::io(path, e))?;
    files.sort_unstable();
    Ok(files)
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

pub(crate) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, BundleError> {
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

pub(crate) fn is_not_found(error: &BundleError) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::NotFound)
}
