//! Unpacks an export: a ZIP archive that is taken for hostile until it has proved to be sound.
//!
//! Everything that the archive's directory tells is checked before anything is written. The
//! contents go to a temporary directory beside the target, with sizes and checksums verified on the
//! way, and appear at their place by one rename: all of them or none.

mod directory;
mod error;
mod inflate;
mod name;
mod place;
mod slim;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ext::bundle::Bundle;

pub use error::{UnpackError, UnpackErrorKind};

/// How an archive is unpacked.
///
/// # Examples
/// ```
/// use gizmo_client::archive::UnpackOptions;
///
/// let mut options = UnpackOptions::default();
/// options.replace = true;
/// options.limits.total = 20 << 30;
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UnpackOptions {
    /// Whether a directory that is not empty is replaced; default `false`, it is refused.
    ///
    /// It is replaced as a whole and in one step, so nothing of the old contents is left among
    /// the new ones, and nobody sees a half of either.
    pub replace: bool,

    /// Whether textures are left out, for physics without pictures; default `false`.
    ///
    /// An MJCF model loses its `<texture>` elements that are read from files and all that refers
    /// to them, and stays as it is byte for byte elsewhere. Left out are the files that only
    /// textures name, and pictures that nothing names; height fields stay. They are not even
    /// inflated, so they are not checked either. Other formats keep their textures: USD and SDF
    /// are unpacked whole.
    pub slim: bool,

    /// Whether everything is flushed to the disk before it appears under its name; default
    /// `false`.
    ///
    /// A killed process never leaves half an export, flushed or not. This is about power failure
    /// and kernel crashes: without it some files may then be empty after the restart, and with it
    /// unpacking is as slow as the disk. The archive is still there to unpack it again.
    pub sync: bool,

    /// How much an archive may ask for.
    pub limits: Limits,
}

/// How much an archive may ask for; one that wants more is refused before anything is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The most entries; default 65,536, a hundred times a large scene's.
    pub entries: u64,
    /// The most bytes of contents; default 8 GiB, a hundred times a large scene's.
    pub total: u64,
    /// The highest ratio of contents to compressed data, of an entry and of the whole; default
    /// 200. Text compresses to a tenth, deflate at its best to 1/1032.
    pub ratio: u64,
    /// Contents up to these many bytes may have any ratio; default 16 MiB. A mesh of zeros or an
    /// empty height field is not a attack.
    pub ratio_from: u64,
    /// The longest name in bytes, with its directories; default 1,024. Systems store 4,096 (Linux) or
    /// 1,024 (macOS), the path of the target included.
    pub name: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 65_536,
            total: 8 << 30,
            ratio: 200,
            ratio_from: 16 << 20,
            name: 1024,
        }
    }
}

impl Limits {
    fn check_ratio(&self, compressed: u64, size: u64) -> Result<(), UnpackError> {
        if size > self.ratio_from && size > compressed.saturating_mul(self.ratio) {
            return Err(
                UnpackError::new(UnpackErrorKind::RatioTooHigh).detail(format!(
                    "{compressed} bytes for {size}, more than 1 for {}",
                    self.ratio
                )),
            );
        }
        Ok(())
    }
}

/// Unpacks the archive at `path` to the directory `dir`, with the default [`UnpackOptions`].
///
/// See [`unpack_with`] for what happens.
///
/// # Errors
/// As [`unpack_with`].
///
/// # Cancel safety
/// As [`unpack_with`].
///
/// # Panics
/// Outside of a Tokio runtime.
///
/// # Examples
/// ```no_run
/// # async fn example() -> Result<(), gizmo_client::archive::UnpackError> {
/// let bundle = gizmo_client::archive::unpack("lab.zip", "lab").await?;
/// println!("{}", bundle.model().display()); // lab/scene.xml
/// # Ok(())
/// # }
/// ```
pub async fn unpack(
    path: impl AsRef<Path> + Send,
    dir: impl AsRef<Path> + Send,
) -> Result<Bundle, UnpackError> {
    unpack_with(path, dir, UnpackOptions::default()).await
}

/// Unpacks the archive at `path` to the directory `dir`.
///
/// `dir` must not exist, or be empty, unless [`replace`](UnpackOptions::replace) is set; missing
/// directories above it are made. The archive may be stored or deflated, in ZIP64, written to a
/// stream, and may have other bytes before and after it. Modes, owners and times in it are
/// ignored. Inflating runs on up to eight threads of its own, never on the runtime's workers.
///
/// Names must suit every common system, on any system: no absolute or parent paths, no
/// backslash or drive letter, none of the names and characters that Windows reserves, no two names
/// that differ only in case.
///
/// A process that is killed leaves `dir` as it was or complete. It may leave a temporary directory
/// beside it, `.<dir>.gizmo-unpack-<16 digits>`, which the next unpack to the same `dir` removes.
///
/// # Errors
/// One [`UnpackErrorKind`] for each reason to refuse an archive, [`Io`](UnpackErrorKind::Io) when
/// the file system does, and [`Bundle`](UnpackErrorKind::Bundle) for an archive without a model.
/// After an error `dir` is as it was, and there is nothing beside it.
///
/// # Cancel safety
/// When the future is dropped, the work stops within a megabyte and nothing is left; if it had
/// come to the rename by then, all is there.
///
/// # Panics
/// Outside of a Tokio runtime.
///
/// # Examples
/// ```no_run
/// use gizmo_client::archive::{self, UnpackOptions};
///
/// # async fn example() -> Result<(), archive::UnpackError> {
/// let mut options = UnpackOptions::default();
/// options.replace = true;
/// options.slim = true;
/// let bundle = archive::unpack_with("lab.zip", "lab", options).await?;
/// # Ok(())
/// # }
/// ```
pub async fn unpack_with(
    path: impl AsRef<Path> + Send,
    dir: impl AsRef<Path> + Send,
    options: UnpackOptions,
) -> Result<Bundle, UnpackError> {
    let (path, dir) = (path.as_ref().to_owned(), dir.as_ref().to_owned());
    on_thread(move |cancelled| run(&path, &dir, &options, cancelled)).await
}

/// Puts a model that came without an archive into the directory `dir`, as [`unpack_with`] would: alone,
/// and under this name.
pub(crate) async fn place_single_file(
    path: &Path,
    name: &'static str,
    dir: &Path,
    options: UnpackOptions,
) -> Result<Bundle, UnpackError> {
    let (path, dir) = (path.to_owned(), dir.to_owned());
    on_thread(move |cancelled| {
        stage(&dir, &options, cancelled, |root| {
            let to = root.join(name);
            let copied = std::fs::copy(&path, &to).and_then(|_| std::fs::File::open(&to));
            let copied = copied.and_then(|file| {
                if options.sync {
                    file.sync_all()
                } else {
                    Ok(())
                }
            });
            copied.map_err(|error| UnpackError::io(&to, "cannot be written", error))?;
            Bundle::open(root).map_err(UnpackError::from)
        })
    })
    .await
}

/// Works on a thread that may block, until it is done or the future is dropped.
async fn on_thread(
    work: impl FnOnce(&AtomicBool) -> Result<Bundle, UnpackError> + Send + 'static,
) -> Result<Bundle, UnpackError> {
    let cancel = CancelOnDrop(Arc::new(AtomicBool::new(false)));
    let cancelled = Arc::clone(&cancel.0);
    let task = tokio::task::spawn_blocking(move || work(&cancelled));
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels a blocking task, and before it starts.
            Err(_) => Err(UnpackError::new(UnpackErrorKind::Cancelled)),
        },
    }
}

/// Unpacks the archive at `path` to the directory `dir`, on this thread and its helpers.
///
/// For programs without a runtime; see [`unpack_with`] for what happens.
///
/// # Errors
/// As [`unpack_with`].
pub fn unpack_blocking(
    path: impl AsRef<Path>,
    dir: impl AsRef<Path>,
    options: &UnpackOptions,
) -> Result<Bundle, UnpackError> {
    run(
        path.as_ref(),
        dir.as_ref(),
        options,
        &AtomicBool::new(false),
    )
}

/// Tells the blocking task that nobody waits for it any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn run(
    path: &Path,
    dir: &Path,
    options: &UnpackOptions,
    cancelled: &AtomicBool,
) -> Result<Bundle, UnpackError> {
    let archive = directory::open(path)?;
    let entries = directory::read(&archive, path, &options.limits)?;
    stage(dir, options, cancelled, |root| {
        let job = inflate::Job {
            archive: &archive,
            path,
            root,
            cancelled,
            sync: options.sync,
        };
        job.create_directories(&entries)?;
        if options.slim {
            return slim::write(&job, &entries);
        }
        let files: Vec<_> = entries
            .iter()
            .filter(|entry| !entry.name.directory)
            .collect();
        job.write_all(&files)?;
        Bundle::open(root).map_err(UnpackError::from)
    })
}

/// Lets the contents be written to a temporary directory, and puts that in place of `dir`.
fn stage(
    dir: &Path,
    options: &UnpackOptions,
    cancelled: &AtomicBool,
    write: impl FnOnce(&Path) -> Result<Bundle, UnpackError>,
) -> Result<Bundle, UnpackError> {
    let staging = place::Target::look(dir, options.replace)?.stage()?;
    let root = staging.root().to_owned();
    let bundle = write(&root).map_err(|error| error.moved(&root, dir))?;
    if cancelled.load(Ordering::Relaxed) {
        return Err(UnpackError::new(UnpackErrorKind::Cancelled));
    }
    staging.commit(options.sync)?;
    Ok(bundle.moved_to(dir))
}
