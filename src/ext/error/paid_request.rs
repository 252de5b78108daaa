//! A paid request, remembered so that its job can be looked for.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// A paid request whose response was lost: its job may be running.
///
/// It can be stored, and another process can look for its job with
/// [`Client::reconcile_request`](crate::Client::reconcile_request).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PaidRequest {
    /// `generate_scene`, `generate_asset` or `edit_scene`; `create_asset` in the early-access API.
    pub operation: String,
    /// The prompt, or the change that was requested.
    pub prompt: String,
    /// The scene to change, or to attach the asset to.
    pub scene_id: Option<String>,
    /// Whether the result is kept in the library. The lists show nothing else.
    pub persist: bool,
    /// When the request was sent, by this machine's clock.
    pub at: SystemTime,
}

impl PaidRequest {
    /// Describes a request for a new scene, sent at `at`.
    pub fn scene(prompt: impl Into<String>, at: SystemTime) -> Self {
        Self {
            operation: "generate_scene".to_owned(),
            prompt: prompt.into(),
            scene_id: None,
            persist: true,
            at,
        }
    }

    /// Describes a request for a new asset in a scene, sent at `at`.
    pub fn asset(scene_id: impl Into<String>, prompt: impl Into<String>, at: SystemTime) -> Self {
        Self {
            operation: "generate_asset".to_owned(),
            scene_id: Some(scene_id.into()),
            ..Self::scene(prompt, at)
        }
    }

    /// Describes a request to change a scene, sent at `at`.
    pub fn edit(scene_id: impl Into<String>, prompt: impl Into<String>, at: SystemTime) -> Self {
        Self {
            operation: "edit_scene".to_owned(),
            ..Self::asset(scene_id, prompt, at)
        }
    }
}
