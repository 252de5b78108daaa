//! The handwritten layer.

pub mod sse;
