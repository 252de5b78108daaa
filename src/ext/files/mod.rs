//! Files on disk: locks, downloads and unpacked archives.

#[cfg(feature = "bundle")]
pub(crate) mod archive;
pub(crate) mod download;
pub(crate) mod lock;
