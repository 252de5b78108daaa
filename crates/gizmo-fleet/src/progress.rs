//! How far each prompt is.

use gizmo_client::Confidence;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::list::Item;
use crate::protocol::{Entry, Phase, WorkerId};

/// How far a prompt is, as the store knows it. Serialized, it is one JSON object, for a file of JSON Lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PromptProgress {
    /// The position of the prompt in the list, from 0. Blank prompts do not count.
    pub index: usize,
    /// The name of its place in the store. Empty if the prompt is invalid.
    pub name: String,
    /// The prompt.
    pub prompt: String,
    /// How far it is.
    pub state: PromptState,
    /// The process that works on it, or did so last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<WorkerId>,
    /// The scene, if the service has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene_id: Option<String>,
    /// The job, if the service has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// How well the scene fits, if the response to the request was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Why it is not made: the job has failed, the prompt is invalid, or this process has given it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PromptState {
    /// No process works on it.
    Open,
    /// A process has it, and has requested nothing.
    Claimed,
    /// A paid request may have been sent.
    Requesting,
    /// The job is running, or its scene is being stored.
    Running,
    /// The scene is stored, and becomes visible next.
    Committing,
    /// The scene is complete and visible.
    Done,
    /// The job has failed.
    Failed,
    /// A paid request may have been accepted, and its job was not found. Only the user can decide to pay again, with
    /// [`Fleet::ask_again`](crate::Fleet::ask_again).
    Unknown,
    /// The prompt cannot be baked.
    Invalid,
}

impl PromptState {
    /// Whether a process still has to work on it, or does so.
    pub fn is_open(self) -> bool {
        !matches!(
            self,
            Self::Done | Self::Failed | Self::Unknown | Self::Invalid
        )
    }
}

impl PromptProgress {
    pub(crate) fn new(item: &Item, entry: Option<&Entry>) -> Self {
        let (state, made, error) = match entry.map(|entry| &entry.phase) {
            _ if item.invalid.is_some() => (PromptState::Invalid, None, item.invalid.as_ref()),
            None => (PromptState::Open, None, None),
            Some(Phase::Claimed) => (PromptState::Claimed, None, None),
            Some(Phase::Requesting { .. }) => (PromptState::Requesting, None, None),
            Some(Phase::Running(made)) => (PromptState::Running, Some(made), None),
            Some(Phase::Committing { made, .. }) => (PromptState::Committing, Some(made), None),
            Some(Phase::Committed(made)) => (PromptState::Done, Some(made), None),
            Some(Phase::Failed { made, reason }) => (PromptState::Failed, Some(made), Some(reason)),
            Some(Phase::Unknown) => (PromptState::Unknown, None, None),
        };
        Self {
            index: item.index,
            name: item.name.clone(),
            prompt: item.task.request.prompt.clone(),
            state,
            holder: entry.map(|entry| entry.holder),
            scene_id: made.and_then(|made| made.scene_id.clone()),
            job_id: made.and_then(|made| made.job_id.clone()),
            confidence: made.and_then(|made| made.confidence),
            error: error.cloned(),
        }
    }

    /// A prompt whose name belongs to another.
    pub(crate) fn invalid(item: &Item, error: &Error) -> Self {
        Self {
            state: PromptState::Invalid,
            error: Some(error.to_string()),
            ..Self::new(item, None)
        }
    }
}
