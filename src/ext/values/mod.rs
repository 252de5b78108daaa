//! The value types that the generated code and all layers share.

pub(crate) mod id;
pub(crate) mod json;
pub(crate) mod open_enum;
pub(crate) mod secret;
pub(crate) mod status_words;
pub(crate) mod timestamp;
