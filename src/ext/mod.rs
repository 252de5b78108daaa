//! The handwritten layer.
pub mod archive;
pub mod bundle;
