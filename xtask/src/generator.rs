//! The generator, compiled from the files that the crate's build script uses, so that both generate
//! the same code.

#[path = "../../build/generate.rs"]
mod generate;
#[path = "../../build/names.rs"]
mod names;
#[path = "../../build/rewrite.rs"]
mod rewrite;
#[path = "../../build/tables.rs"]
mod tables;
#[path = "../../build/verbs.rs"]
mod verbs;

pub(crate) use generate::{client, mocks};
pub(crate) use tables::rust_name;
