//! Unpacking valid and hostile archives into bundles, and the state of the disk afterwards.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stderr, reason = "a skipped test prints why")]

mod bundle;
mod disk;
mod hostile;
mod mutations;
mod names;
mod place;
mod slim;
mod valid;
mod zip;
