//! Unpacks an export: a ZIP archive that is treated as hostile.
//!
//! The central directory is checked completely before anything is written. The contents are written to
//! a staging directory next to the target, while sizes and checksums are verified. One rename moves all
//! of them to their place.

mod directory;
mod error;
mod inflate;
mod name;
mod place;
mod slim;
mod window;

use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ext::bundle::Bundle;
use crate::ext::http::runtime;

pub use error::{UnpackError, UnpackErrorKind};
pub(crate) use name::is_portable_part;

/// The options of unpacking an archive.
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
    /// Whether a directory that is not empty is replaced. Defaults to `false`: it is an error.
    ///
    /// The directory is replaced atomically: old and new contents are never mixed. Calls that replace the
    /// same directory at the same time, also in several processes, do so one after the other.
    pub replace: bool,

    /// Whether textures are omitted, for physics without pictures. Defaults to `false`.
    ///
    /// An MJCF model loses the `<texture>` elements that refer to files, the references to them, and what
    /// a material sets only for them; all other bytes stay the same. Files that only textures name are
    /// omitted, and pictures that nothing names; height fields stay. Omitted files are neither inflated
    /// nor checked. An archive with another model, or with none, is an error.
    pub slim: bool,

    /// Whether the contents are synced to disk before they are moved to their place. Defaults to `false`.
    ///
    /// A killed process never leaves half an export in either case. Syncing protects against power
    /// failures and kernel crashes, after which files could be empty; it makes unpacking as slow as the
    /// disk.
    pub sync: bool,

    /// The limits for an archive.
    pub limits: Limits,
}

/// The limits for an archive, which stop one that is made to fill the disk.
///
/// An archive that exceeds one is rejected before anything is written. Unpacking has no others: what else it
/// rejects is damaged or cannot be stored. While contents are written, they are checked against the sizes
/// that the archive announces.
///
/// # Examples
/// ```
/// use gizmo_client::archive::UnpackOptions;
///
/// let mut options = UnpackOptions::default();
/// options.limits.total = 512 << 20;
/// options.limits.entries = 1_000;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum number of entries. Defaults to 65,536, a hundred times a large scene. Beyond it the error
    /// is [`TooManyEntries`](UnpackErrorKind::TooManyEntries).
    pub entries: u64,
    /// The maximum size of the contents in bytes. Defaults to 8 GiB, a hundred times a large scene. Beyond it
    /// the error is [`TooLarge`](UnpackErrorKind::TooLarge).
    pub total: u64,
    /// The maximum ratio of contents to compressed data, for an entry and in total. Defaults to 200. Text
    /// has a ratio of about 10, and deflate allows at most 1,032. Beyond it the error is
    /// [`RatioTooHigh`](UnpackErrorKind::RatioTooHigh).
    pub ratio: u64,
    /// The size in bytes up to which contents may have any ratio. Defaults to 256 MiB: a mesh of zeros or a
    /// flat height field of 8,192 by 8,192 points is legitimate.
    pub ratio_from: u64,
    /// The maximum length of a name in bytes, with its directories. Defaults to 1,024. Linux stores paths of
    /// 4,096 bytes and macOS of 1,024, including the path of the target; each part may have 255 bytes
    /// everywhere. Beyond it the error is [`NameTooLong`](UnpackErrorKind::NameTooLong).
    pub name: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 65_536,
            total: 8 << 30,
            ratio: 200,
            ratio_from: 256 << 20,
            name: 1024,
        }
    }
}

impl Limits {
    fn check_ratio(&self, compressed: u64, size: u64) -> Result<(), UnpackError> {
        if size > self.ratio_from && size > compressed.saturating_mul(self.ratio) {
            return Err(
                UnpackError::new(UnpackErrorKind::RatioTooHigh).detail(format!(
                    "{size} bytes from {compressed}, the maximum ratio is {}",
                    self.ratio
                )),
            );
        }
        Ok(())
    }
}

/// Unpacks the archive at `path` to the directory `dir`, with the default [`UnpackOptions`].
///
/// See [`unpack_with`] for the details.
///
/// # Errors
///
/// Those of [`unpack_with`].
///
/// # Cancel safety
///
/// That of [`unpack_with`].
///
/// # Examples
/// ```no_run
/// # async fn example() -> Result<(), gizmo_client::archive::UnpackError> {
/// let bundle = gizmo_client::archive::unpack("lab.zip", "lab").await?;
/// println!("{}", bundle.model().display()); // lab/js7….xml
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
/// `dir` must not exist, or be empty, unless [`replace`](UnpackOptions::replace) is set. Missing
/// parent directories are created. The archive may be stored or deflated, and use ZIP64 or data
/// descriptors. Other bytes may precede it, as in a self-extracting archive, and less than a megabyte may
/// follow it; a [`Download`](crate::Download) accepts the same. Its modes, owners and times are ignored.
/// Inflating uses up to eight separate threads, never the runtime's workers.
///
/// Names must be valid on every common system: no absolute or parent paths, no backslash or drive
/// letter, none of the names and characters that Windows reserves, and no two names that differ only in
/// case.
///
/// If the process is killed, `dir` is unchanged or complete. A staging directory may remain next to it,
/// `.<dir>.gizmo-unpack-<16 digits>`, and the file `.<dir>.gizmo-unpack-lock`. The next unpack to the same
/// `dir` removes them.
///
/// # Errors
///
/// One [`UnpackErrorKind`] for each reason to reject an archive, [`Io`](UnpackErrorKind::Io) for an
/// error of the file system or outside of a Tokio runtime, [`Busy`](UnpackErrorKind::Busy) if another call replaces `dir` for 30 s, and
/// [`Bundle`](UnpackErrorKind::Bundle) for an archive without a file, or one whose models cannot be
/// slimmed. An archive without a model, or with several, is unpacked: [`Bundle::model`] reports that.
/// After an error `dir` is unchanged, and nothing remains next to it.
///
/// # Cancel safety
///
/// If the future is dropped, the work stops within a megabyte and nothing remains, unless the rename
/// was reached; then `dir` is complete.
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
    runtime::require_for_io().map_err(|error| UnpackError::io(&path, "cannot unpack", error))?;
    on_thread(move |cancelled| run(&directory::open(&path)?, &path, &dir, &options, cancelled))
        .await
}

/// Unpacks an archive that is open and may be locked, as [`unpack_with`] does. `path` is for errors.
///
/// Where locks are mandatory, as on Windows, a locked file cannot be read through a second handle.
pub(crate) async fn unpack_open(
    file: Arc<File>,
    path: &Path,
    dir: &Path,
    options: UnpackOptions,
) -> Result<Bundle, UnpackError> {
    let (path, dir) = (path.to_owned(), dir.to_owned());
    on_thread(move |cancelled| {
        let archive = directory::find(file.try_clone(), &path)?;
        run(&archive, &path, &dir, &options, cancelled)
    })
    .await
}

/// Checks that the directory `dir` can be written, before anything is downloaded for it.
pub(crate) async fn check_target(dir: &Path, replace: bool) -> Result<(), UnpackError> {
    let dir = dir.to_owned();
    let checked = tokio::task::spawn_blocking(move || place::Target::check(&dir, replace));
    let checked = checked.await;
    let checked = checked.unwrap_or_else(|_| Err(UnpackError::new(UnpackErrorKind::Cancelled)));
    checked.map(drop)
}

/// Writes a model without an archive to the directory `dir` under `name`, as [`unpack_with`] would.
pub(crate) async fn place_single_file(
    file: Arc<File>,
    name: &'static str,
    dir: &Path,
    options: UnpackOptions,
) -> Result<Bundle, UnpackError> {
    let dir = dir.to_owned();
    on_thread(move |cancelled| {
        stage(&dir, &options, cancelled, |root| {
            let to = root.join(name);
            copy(&file, &to, options.sync)
                .map_err(|error| UnpackError::io(&to, "cannot write", error))?;
            // A single file that is not a model is not what was requested.
            Bundle::open(root)?.model().path()?;
            Ok(())
        })
    })
    .await
}

fn copy(mut from: &File, to: &Path, sync: bool) -> io::Result<()> {
    from.rewind()?;
    let mut to = File::create(to)?;
    io::copy(&mut from, &mut to)?;
    if sync { to.sync_all() } else { Ok(()) }
}

/// Runs `work` on a thread that may block, until it ends or the future is dropped.
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
            // Only a runtime that shuts down cancels a blocking task.
            Err(_) => Err(UnpackError::new(UnpackErrorKind::Cancelled)),
        },
    }
}

/// Unpacks the archive at `path` to the directory `dir` without a runtime.
///
/// See [`unpack_with`] for the details.
///
/// # Errors
///
/// Those of [`unpack_with`].
pub fn unpack_blocking(
    path: impl AsRef<Path>,
    dir: impl AsRef<Path>,
    options: &UnpackOptions,
) -> Result<Bundle, UnpackError> {
    let (path, dir) = (path.as_ref(), dir.as_ref());
    let archive = directory::open(path)?;
    run(&archive, path, dir, options, &AtomicBool::new(false))
}

/// Cancels the blocking task when the future is dropped.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn run(
    archive: &directory::Archive,
    path: &Path,
    dir: &Path,
    options: &UnpackOptions,
    cancelled: &AtomicBool,
) -> Result<Bundle, UnpackError> {
    let entries = directory::read(archive, path, &options.limits)?;
    stage(dir, options, cancelled, |root| {
        let job = inflate::Job {
            archive,
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
        job.write_all(&files)
    })
}

/// Writes the contents to a staging directory, opens them as a bundle, and replaces `dir` with them.
///
/// They are opened before the replacement, so that contents without a file leave `dir` unchanged.
fn stage(
    dir: &Path,
    options: &UnpackOptions,
    cancelled: &AtomicBool,
    write: impl FnOnce(&Path) -> Result<(), UnpackError>,
) -> Result<Bundle, UnpackError> {
    let staging = place::Target::check(dir, options.replace)?.stage()?;
    let root = staging.root().to_owned();
    let open = || {
        let bundle = Bundle::open(&root)?;
        if bundle.files().is_empty() {
            bundle.model().path()?;
        }
        Ok(bundle)
    };
    let written = write(&root).and_then(|()| open());
    let bundle = written.map_err(|error| error.moved(&root, dir))?;
    if cancelled.load(Ordering::Relaxed) {
        return Err(UnpackError::new(UnpackErrorKind::Cancelled));
    }
    staging.commit(options.sync, cancelled)?;
    Ok(bundle.moved_to(dir))
}
