//! Unpacking archives into bundles: sound ones, hostile ones, and what is left on disk.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod bundle;
mod disk;
mod hostile;
mod mutations;
mod place;
mod slim;
mod sound;
mod zip;
