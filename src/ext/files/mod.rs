//! Files on disk: locks, atomic replacement, downloads and unpacked archives.

#[cfg(feature = "bundle")]
pub(crate) mod archive;
pub(crate) mod download;
pub(crate) mod lock;
pub(crate) mod replace;
pub(crate) mod zip;
