//! The document: parsing, JSON pointers, its operations and schemas, and their names.

pub(crate) mod names;
pub(crate) mod parse;
pub(crate) mod pointer;
pub(crate) mod reach;
mod value;
pub(crate) mod walk;
