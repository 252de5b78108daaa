//! How workers share prompts, with conditional writes of a store as their only coordination.
//!
//! Each prompt has one object in the store, its [`Entry`]. A worker reads it together with its version (the `ETag`),
//! asks [`next`] what to do, and replaces it only if its version is still the same. The version is the fencing token: a
//! worker that was paused while another took over fails to write, and reads again. No decision depends on a clock for
//! its safety; the lease only decides when a holder counts as dead.
//!
//! ```text
//! (no entry) ──claim──▶ Claimed ──▶ Requesting ──▶ Running ──▶ Committing ──▶ Committed
//!                          ▲            │             │
//!                          │            ▼             ▼
//!                          └─consent─ Unknown       Failed
//! ```
//!
//! Two steps have an effect that the version cannot undo, so each is announced by a conditional write first:
//!
//! - **The paid request.** `Requesting` is written before it is sent. Whoever takes over an entry in this phase looks
//!   for the job, and never requests again without consent, because the request of the former holder may be on its way.
//! - **The provenance object**, whose existence makes a scene visible. `Committing` contains what it will state. Whoever
//!   has an entry in this phase creates that very object, so it does not matter who does it, how often, or how late.

use std::num::ParseIntError;

use gizmo_client::Confidence;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A process that works on prompts. Each process chooses a random one when it starts.
///
/// In JSON it is a string of 16 hexadecimal digits: many programs read a number of 64 bits as another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct WorkerId(pub u64);

impl From<WorkerId> for String {
    fn from(id: WorkerId) -> Self {
        format!("{:016x}", id.0)
    }
}

impl TryFrom<String> for WorkerId {
    type Error = ParseIntError;

    fn try_from(text: String) -> Result<Self, ParseIntError> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

/// What the store knows about a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Who works on it.
    pub holder: WorkerId,
    /// How often the holder has changed.
    pub term: u64,
    /// Raised by every write. In some stores the version is a hash of the content, so that the same content would have
    /// the version of an earlier write, and a delayed write could replace an entry that it must not.
    pub revision: u64,
    /// How far it is.
    pub phase: Phase,
}

/// How far a prompt is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Nothing was requested. Leads to `Requesting`.
    Claimed,
    /// A paid request may have been sent. Leads to `Running` if it was accepted or its job was found, to `Claimed` if
    /// the service refused it unread, and to `Unknown` if nothing is found.
    Requesting {
        /// The request as it was before it was sent, by which its job is looked for. The protocol does not read it.
        request: Value,
    },
    /// The job or its scene is known, and not stored so far. Leads to `Committing` or `Failed`.
    Running(Made),
    /// All files are stored, and it is decided what the provenance object states. Leads to `Committed`.
    Committing {
        /// What the request has made.
        made: Made,
        /// The content of the provenance object.
        provenance: String,
    },
    /// The provenance object exists. Final.
    Committed(Made),
    /// A paid request may have been accepted, and its job was not found. Leads to `Claimed` if the user consents to
    /// paying again, and otherwise nowhere.
    Unknown,
    /// The job has failed. Final.
    Failed {
        /// What the request has made.
        made: Made,
        /// Why, as the service says it.
        reason: String,
    },
}

/// What a paid request has made. The protocol does not read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Made {
    /// The scene, if the service has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene_id: Option<String>,
    /// The job, if the service has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// How well it fits, if the response to the request was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// When it was requested, in the notation of RFC 3339, by the clock of the machine that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<String>,
}

/// Whether the holder of an entry still renews it, as far as the reader can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lease {
    /// The entry may have been written recently.
    Valid,
    /// The reader has seen the same version a lease ago. The holder counts as dead, but may only be slow.
    Expired,
}

/// What a worker does next about a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Create this entry, if there is still none.
    Claim(Entry),
    /// Replace the entry of a holder that counts as dead by this one.
    TakeOver(Entry),
    /// Replace the entry by [`Entry::requesting`] and, only if that succeeded, send the paid request. Then
    /// [`Entry::after`].
    Request,
    /// Look for the job of a request that may have been sent. Then [`Entry::after`]. Send none.
    Reconcile {
        /// The request.
        request: Value,
    },
    /// Wait for the end of the job, and store the files of its scene apart from those of every other holder. Then
    /// [`Entry::after`].
    Store(Made),
    /// Create the provenance object with this content, unless it exists. Then [`Entry::after`].
    Publish {
        /// The content of the provenance object.
        provenance: String,
    },
    /// Leave it to its holder, and look again later.
    Wait,
    /// Only the user can decide: the prompt may be paid for.
    NeedsConsent,
    /// Nothing is left to do.
    Done,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The paid request was accepted, or its job was found.
    Job(Made),
    /// The service refused the paid request without reading it, so that nothing was started.
    Refused,
    /// No job was found for as long as a scene may need to appear.
    NotFound,
    /// The job has failed or was cancelled.
    Failed {
        /// Why, as the service says it.
        reason: String,
    },
    /// The job has succeeded, and all files are stored.
    Stored {
        /// What the request has made, with its scene.
        made: Made,
        /// What the provenance object will state.
        provenance: String,
    },
    /// The provenance object exists.
    Published,
}

/// Decides what a worker does about a prompt whose entry it has just read.
pub fn next(entry: Option<&Entry>, me: WorkerId, lease: Lease) -> Action {
    let Some(entry) = entry else {
        return Action::Claim(Entry {
            holder: me,
            term: 1,
            revision: 1,
            phase: Phase::Claimed,
        });
    };
    match &entry.phase {
        Phase::Committed(_) | Phase::Failed { .. } => return Action::Done,
        Phase::Unknown => return Action::NeedsConsent,
        _ => {}
    }
    if entry.holder != me {
        return match lease {
            Lease::Valid => Action::Wait,
            Lease::Expired => Action::TakeOver(entry.held_by(me)),
        };
    }
    match entry.phase.clone() {
        Phase::Claimed => Action::Request,
        Phase::Requesting { request } => Action::Reconcile { request },
        Phase::Running(made) => Action::Store(made),
        Phase::Committing { provenance, .. } => Action::Publish { provenance },
        Phase::Committed(_) | Phase::Failed { .. } => Action::Done,
        Phase::Unknown => Action::NeedsConsent,
    }
}

impl Entry {
    /// Returns the entry that states an outcome; `None` if no action in this phase has such an outcome. It replaces this
    /// one only if the version is still the same.
    #[must_use]
    pub fn after(&self, outcome: Outcome) -> Option<Self> {
        let phase = match (self.phase.clone(), outcome) {
            (Phase::Requesting { .. }, Outcome::Job(made)) => Phase::Running(made),
            (Phase::Requesting { .. }, Outcome::Refused) => Phase::Claimed,
            (Phase::Requesting { .. }, Outcome::NotFound) => Phase::Unknown,
            (Phase::Running(made), Outcome::Failed { reason }) => Phase::Failed { made, reason },
            (Phase::Running(_), Outcome::Stored { made, provenance }) => {
                Phase::Committing { made, provenance }
            }
            (Phase::Committing { made, .. }, Outcome::Published) => Phase::Committed(made),
            _ => return None,
        };
        Some(self.at(phase))
    }

    /// Returns the entry that announces a paid request; `None` unless the entry is claimed.
    #[must_use]
    pub fn requesting(&self, request: Value) -> Option<Self> {
        let is_claimed = self.phase == Phase::Claimed;
        is_claimed.then(|| self.at(Phase::Requesting { request }))
    }

    /// Returns the entry by which its holder renews the lease.
    #[must_use]
    pub fn renewed(&self) -> Self {
        self.at(self.phase.clone())
    }

    /// Returns the entry of a worker whose user consents to paying again; `None` unless the outcome is unknown.
    #[must_use]
    pub fn with_consent(&self, me: WorkerId) -> Option<Self> {
        let is_unknown = self.phase == Phase::Unknown;
        is_unknown.then(|| self.held_by(me).at(Phase::Claimed))
    }

    fn held_by(&self, holder: WorkerId) -> Self {
        Self {
            holder,
            term: self.term.saturating_add(1),
            ..self.renewed()
        }
    }

    fn at(&self, phase: Phase) -> Self {
        Self {
            phase,
            revision: self.revision.saturating_add(1),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: WorkerId = WorkerId(1);
    const OTHER: WorkerId = WorkerId(2);

    fn entry(holder: WorkerId, phase: Phase) -> Entry {
        Entry {
            holder,
            term: 3,
            revision: 5,
            phase,
        }
    }

    fn text() -> String {
        "x".to_owned()
    }

    fn request() -> Value {
        serde_json::json!({"prompt": "a lab"})
    }

    fn made() -> Made {
        Made {
            job_id: Some("job_1".to_owned()),
            ..Made::default()
        }
    }

    fn requesting() -> Phase {
        Phase::Requesting { request: request() }
    }

    fn phases() -> [Phase; 7] {
        [
            Phase::Claimed,
            requesting(),
            Phase::Running(made()),
            Phase::Committing {
                made: made(),
                provenance: text(),
            },
            Phase::Committed(made()),
            Phase::Unknown,
            Phase::Failed {
                made: made(),
                reason: text(),
            },
        ]
    }

    #[test]
    fn an_outcome_is_accepted_only_in_the_phase_of_its_action() {
        let outcomes = [
            Outcome::Job(made()),
            Outcome::Refused,
            Outcome::NotFound,
            Outcome::Failed { reason: text() },
            Outcome::Stored {
                made: made(),
                provenance: text(),
            },
            Outcome::Published,
        ];
        // By phase: the outcomes that it accepts.
        let accepted = ["", "0 1 2", "3 4", "5", "", "", ""];
        for (phase, accepted) in phases().into_iter().zip(accepted) {
            for (number, outcome) in outcomes.iter().enumerate() {
                let after = entry(ME, phase.clone()).after(outcome.clone());
                let expected = accepted.contains(&number.to_string());
                assert_eq!(after.is_some(), expected, "{phase:?} {outcome:?}");
            }
        }
    }

    #[test]
    fn no_two_writes_of_an_entry_are_the_same() {
        let requesting = entry(ME, requesting());
        let refused = requesting.after(Outcome::Refused).unwrap();
        let again = refused.requesting(request()).unwrap();
        assert_eq!(again.phase, requesting.phase);
        assert_ne!(again, requesting);
        assert_ne!(requesting.renewed(), requesting);
    }

    #[test]
    fn only_a_claimed_entry_of_ones_own_leads_to_a_paid_request() {
        for phase in phases() {
            for holder in [ME, OTHER] {
                for lease in [Lease::Valid, Lease::Expired] {
                    let entry = entry(holder, phase.clone());
                    let requests = next(Some(&entry), ME, lease) == Action::Request;
                    let announces = entry.requesting(request()).is_some();
                    assert_eq!(announces, phase == Phase::Claimed, "{phase:?}");
                    assert_eq!(
                        requests,
                        holder == ME && phase == Phase::Claimed,
                        "{phase:?} {holder:?} {lease:?}"
                    );
                }
            }
        }
        assert!(matches!(next(None, ME, Lease::Valid), Action::Claim(_)));
    }

    #[test]
    fn a_holder_is_left_alone_until_its_lease_has_expired() {
        let of_other = entry(OTHER, requesting());
        assert_eq!(next(Some(&of_other), ME, Lease::Valid), Action::Wait);
        let Action::TakeOver(mine) = next(Some(&of_other), ME, Lease::Expired) else {
            panic!("not taken over");
        };
        assert_eq!((mine.holder, mine.term), (ME, 4));
        // What the other may have requested is looked for, and not requested again.
        let request = request();
        assert_eq!(
            next(Some(&mine), ME, Lease::Valid),
            Action::Reconcile { request }
        );
    }

    #[test]
    fn consent_is_possible_only_for_an_unknown_outcome() {
        let unknown = entry(OTHER, Phase::Unknown);
        let claimed = unknown.with_consent(ME).unwrap();
        assert_eq!((claimed.holder, claimed.phase), (ME, Phase::Claimed));
        assert_eq!(entry(ME, requesting()).with_consent(ME), None);
    }

    #[test]
    fn an_entry_is_readable_json() {
        let running = entry(WorkerId(u64::MAX - 1), Phase::Running(made()));
        let json = serde_json::to_value(&running).unwrap();
        let phase = serde_json::json!({"running": {"job_id": "job_1"}});
        let expected = serde_json::json!(
            {"holder": "fffffffffffffffe", "term": 3, "revision": 5, "phase": phase}
        );
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), running);
    }
}
