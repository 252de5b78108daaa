//! A paid request, remembered so that its job can be looked for.

use std::hash::{Hash, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    /// Whether the service adds the result to its lists. If not, it cannot be found.
    pub persist: bool,
    /// When the request was sent, by this machine's clock.
    pub at: SystemTime,
    /// What the service listed before the request was sent. `None` if it could not be listed: then
    /// only clocks can tell what is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// A hash of the body, which tells equal prompts with other settings apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body_hash: Option<u64>,
    /// A hash of the credential. Another account lists other scenes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credential_hash: Option<u32>,
}

/// What the service listed before a paid request was sent. A result of the request is not in it.
///
/// It comes with a [`PaidRequest`], and is stored with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// In the order of the list. For an edit, the job that the scene named.
    ids: Vec<String>,
    /// Whether these are all that the service lists.
    is_complete: bool,
    /// The latest creation time among them, by the service's clock.
    newest: Option<SystemTime>,
    /// Whether the list starts with the newest, so that nothing else was newer.
    is_newest_first: bool,
    /// The time of the request by the service's clock, as far as that was known before it was sent.
    sent_at: Option<SystemTime>,
}

impl Baseline {
    /// `listed` are the ids and the creation times, in the order of the list.
    pub(crate) fn new(listed: Vec<(String, Option<SystemTime>)>, is_complete: bool) -> Self {
        let times: Vec<SystemTime> = listed.iter().filter_map(|(_, created)| *created).collect();
        Self {
            is_complete,
            newest: times.iter().max().copied(),
            // Assumption: list-newest-first.
            is_newest_first: times.len() > 1
                && times.len() == listed.len()
                && times.first() != times.last()
                && times.is_sorted_by(|newer, older| newer >= older),
            sent_at: None,
            ids: listed.into_iter().map(|(id, _)| id).collect(),
        }
    }

    pub(crate) fn sent_at(self, sent_at: Option<SystemTime>) -> Self {
        Self { sent_at, ..self }
    }

    /// Whether something with this creation time is new. `None` if that is unclear.
    pub(crate) fn is_newer(&self, created: SystemTime) -> Option<bool> {
        let newest = self.newest?;
        // A result of the request is newer than everything that was listed before it.
        if created + CLOCK_TOLERANCE < newest {
            return Some(false);
        }
        self.is_newest_first.then_some(true)
    }

    /// Whether something was created after the request was sent, by the service's clocks. `None` if
    /// those are unknown.
    pub(crate) fn is_after_request(&self, created: SystemTime) -> Option<bool> {
        Some(created + CLOCK_TOLERANCE >= self.sent_at?)
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.ids.iter().any(|known| known == id)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// `created_at` and `Date` have whole seconds, and several servers may set them.
// Assumptions: date-header, list-created-at.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(3);

impl PaidRequest {
    /// Describes a request for a new scene that was sent at `at`, by this machine's clock.
    ///
    /// It is for a request that another program sent. It has no baseline, so that creation times decide,
    /// and the [`Confidence`](crate::Confidence) is at most low.
    pub fn scene(prompt: impl Into<String>, at: SystemTime) -> Self {
        Self {
            operation: "generate_scene".to_owned(),
            prompt: prompt.into(),
            scene_id: None,
            persist: true,
            at,
            baseline: None,
            body_hash: None,
            credential_hash: None,
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

    /// Whether both request the same, so that their results are interchangeable.
    pub(crate) fn requests_same(&self, other: &Self) -> bool {
        let bodies = self.body_hash.zip(other.body_hash);
        self.operation == other.operation
            && self.prompt == other.prompt
            && self.scene_id == other.scene_id
            && bodies.is_none_or(|(one, other)| one == other)
    }

    /// Identifies this request among all others, also after it was stored.
    pub(crate) fn identity(&self) -> RequestId {
        let at = self.at.duration_since(UNIX_EPOCH);
        let mut hash = Fnv1a::default();
        self.operation.hash(&mut hash);
        self.prompt.hash(&mut hash);
        self.scene_id.hash(&mut hash);
        at.unwrap_or_else(|before| before.duration())
            .hash(&mut hash);
        RequestId(hash.finish())
    }

    /// Returns the time since the request was sent, by this machine's clock.
    pub(crate) fn age(&self) -> Duration {
        SystemTime::now()
            .duration_since(self.at)
            .unwrap_or_default()
    }
}

/// Identifies a paid request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestId(u64);

/// FNV-1a. Unlike the standard library's hashes it is the same in every version of Rust.
#[derive(Debug)]
pub(crate) struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv1a {
    /// Hashes bytes.
    pub(crate) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::default();
        hash.write(bytes);
        hash.finish()
    }
}

impl Hasher for Fnv1a {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
