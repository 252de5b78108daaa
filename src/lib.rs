//! Client for the Gizmo API.
mod ext;
pub use ext::{archive, bundle};
