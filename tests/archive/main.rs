//! Unpacking archives into bundles: sound ones, hostile ones, and what is left on disk.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod bundle;
mod disk;
mod hostile;
mod mutations;
mod place;
mod slim;
mod sound;
mod zip;
