//! A stateful Gizmo over real sockets.
