//! Client for the Gizmo API.
