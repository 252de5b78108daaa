//! The progress of a scene, by its pipeline's status.

use crate::ext::values::status_words::StatusWord;
use crate::raw::types::SceneStatus;

/// The meaning of a `pipeline_status`. Gizmo's pages do not list its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SceneProgress {
    Running,
    Ready,
    Failed,
    /// An unknown value, or none.
    Unknown,
}

impl SceneProgress {
    pub(crate) fn of(status: &SceneStatus) -> Self {
        let word = status.pipeline_status.as_deref().unwrap_or_default();
        // Assumption: scene-status-words.
        match StatusWord::of(word) {
            Some(StatusWord::Waiting | StatusWord::Working) => Self::Running,
            Some(StatusWord::Succeeded) => Self::Ready,
            Some(StatusWord::Failed | StatusWord::Cancelled) => Self::Failed,
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_in_any_case_and_may_be_unknown() {
        for (word, meaning) in [
            (Some("running"), SceneProgress::Running),
            (Some("Completed"), SceneProgress::Ready),
            (Some("canceled"), SceneProgress::Failed),
            (Some("texturing"), SceneProgress::Unknown),
            (Some(""), SceneProgress::Unknown),
            (None, SceneProgress::Unknown),
        ] {
            let status = serde_json::json!({ "pipeline_status": word });
            let status = serde_json::from_value(status).unwrap();
            assert_eq!(SceneProgress::of(&status), meaning, "{word:?}");
        }
    }
}
