//! Differences between the responses that arrive and the types that decode them.

pub(crate) mod compare;
pub(crate) mod report;
pub(crate) mod shape;
