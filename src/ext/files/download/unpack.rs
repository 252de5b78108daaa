//! A download that is unpacked when it is complete.

use std::path::Path;
use std::time::Duration;

use super::Download;
use super::file::Part;
use crate::ext::bundle::Bundle;
use crate::ext::error::Error;
use crate::ext::files::archive::{UnpackOptions, check_target, place_single_file, unpack_open};
use crate::ext::http::runtime;

/// How long an unpack that replaces a directory waits for another download to the same one. A large export
/// takes some minutes on a slow connection.
const MAX_WAIT: Duration = Duration::from_secs(10 * 60);

impl Download {
    /// Downloads the archive and unpacks it into the directory `dir`, which must be empty or not exist.
    ///
    /// # Errors
    ///
    /// Those of [`to_file`](Self::to_file), and [`ErrorKind::Archive`](crate::ErrorKind::Archive)
    /// if `dir` is not empty, before anything is received, or if the archive is rejected. `dir` is
    /// unchanged. A complete archive that cannot be unpacked is kept as `{dir}.zip`, unless there is such
    /// a file, and the message names it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, `dir` is unchanged or complete.
    pub async fn unpack(self, dir: impl AsRef<Path> + Send) -> Result<Bundle, Error> {
        self.unpack_with(dir, UnpackOptions::default()).await
    }

    /// Downloads and unpacks as [`unpack`](Self::unpack) does, with options.
    ///
    /// With [`replace`](UnpackOptions::replace), it waits for another download that is unpacked into the
    /// same directory, for at most 10 minutes. Then it fails with [`ErrorKind::Io`](crate::ErrorKind::Io).
    ///
    /// # Errors
    ///
    /// Those of [`unpack`](Self::unpack).
    ///
    /// # Cancel safety
    ///
    /// That of [`unpack`](Self::unpack).
    pub async fn unpack_with(
        mut self,
        dir: impl AsRef<Path> + Send,
        options: UnpackOptions,
    ) -> Result<Bundle, Error> {
        runtime::require()?;
        let dir = dir.as_ref();
        let operation = self.source.operation();
        // `lab/` becomes `lab`, so that the archive is written next to the directory, not into it.
        let mut archive = dir.components().as_path().as_os_str().to_owned();
        archive.push(".zip");
        let archive = Path::new(&archive);
        let mut part = Part::for_target(archive)?;
        if options.replace {
            part = part.patient(MAX_WAIT);
        }
        let failed = |error| Error::from(error).with_operation(operation);
        check_target(dir, options.replace).await.map_err(failed)?;
        let is_archive = self.receive(&mut part).await?;
        let unpacked = match self.model_name.filter(|_| !is_archive) {
            Some(name) => place_single_file(part.file(), name, dir, options).await,
            None => unpack_open(part.file(), part.path(), dir, options).await,
        };
        let error = match unpacked {
            Ok(bundle) => return Ok(bundle),
            Err(error) => failed(error),
        };
        let may_keep = is_archive && archive.symlink_metadata().is_err();
        if !may_keep || part.place(archive).await.is_err() {
            return Err(error);
        }
        let kept = format!("the archive is kept as `{}`", archive.display());
        Err(error.with_advice(&kept))
    }
}
