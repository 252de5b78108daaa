//! The generator as the crate's build runs it: the very files, so that a trial here is the truth.

#[path = "../../build/generate.rs"]
mod generate;
#[path = "../../build/rewrite.rs"]
mod rewrite;
#[path = "../../build/tables.rs"]
mod tables;
#[path = "../../build/verbs.rs"]
mod verbs;

pub(crate) use generate::{client, mocks};
