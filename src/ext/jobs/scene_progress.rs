//! How far a scene has come, by its pipeline's status.

use crate::ext::values::status_words::StatusWord;
use crate::raw::types::SceneStatus;

/// What a `pipeline_status` means; Gizmo's pages list no words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pipeline {
    AtWork,
    Made,
    Failed,
    /// Another word, or none.
    Unknown,
}

impl Pipeline {
    pub(crate) fn of(status: &SceneStatus) -> Self {
        let word = status.pipeline_status.as_deref().unwrap_or_default();
        match StatusWord::of(word) {
            Some(StatusWord::Waiting | StatusWord::Working) => Self::AtWork,
            Some(StatusWord::Succeeded) => Self::Made,
            Some(StatusWord::Failed | StatusWord::Cancelled) => Self::Failed,
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_in_any_case_and_may_be_unknown() {
        for (word, meaning) in [
            (Some("running"), Pipeline::AtWork),
            (Some("Completed"), Pipeline::Made),
            (Some("canceled"), Pipeline::Failed),
            (Some("texturing"), Pipeline::Unknown),
            (Some(""), Pipeline::Unknown),
            (None, Pipeline::Unknown),
        ] {
            let status = serde_json::json!({ "pipeline_status": word });
            let status = serde_json::from_value(status).unwrap();
            assert_eq!(Pipeline::of(&status), meaning, "{word:?}");
        }
    }
}
