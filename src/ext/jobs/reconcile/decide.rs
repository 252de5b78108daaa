//! Which of the listed results belongs to a lost request. Pure.
//!
//! A result belongs to the request if it is new since the request's baseline, shows its prompt, and
//! belongs to no other request. Nothing distinguishes it from the result of another user of the same
//! account who requested the same in that time, so a match is never certain.

use std::time::SystemTime;

use super::similar::{Similarity, similarity};
use crate::ext::error::{Baseline, PaidRequest};
use crate::ext::jobs::candidate::Candidate;

/// How well a result fits the request that it was found for.
///
/// It is never certain: another user of the account who requests the same prompt at the same time gets a
/// result that looks the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Confidence {
    /// It is new since the request, shows the same prompt, and is the only one.
    High,
    /// It is the only one, but the service shows its prompt altered, or only clocks tell that it is
    /// new.
    Low,
}

/// Whether a listed result is new since a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// It was not listed before the request.
    New,
    /// By the clocks, it was created after the request.
    ByClocks,
    /// It was not listed before the request, but by the service's clocks it was created before. The
    /// clocks may differ.
    Late,
    /// It may be new.
    Unclear,
}

/// Returns the results that may be new, in the order of the list.
///
/// `since` is the time of the request by the service's clock, for a request without a baseline.
pub(super) fn new_among(
    listed: Vec<Candidate>,
    baseline: Option<&Baseline>,
    since: SystemTime,
) -> Vec<(Candidate, Novelty)> {
    let is_known =
        |candidate: &Candidate| baseline.is_some_and(|baseline| baseline.contains(candidate.id()));
    // What a list shows between entries of the baseline was not there before.
    // Assumption: list-newest-first.
    let last_known = listed.iter().rposition(is_known);
    let mut new = Vec::new();
    for (index, candidate) in listed.into_iter().enumerate() {
        let Some(baseline) = baseline else {
            match candidate.created_at {
                Some(created) if created < since => {}
                Some(_) => new.push((candidate, Novelty::ByClocks)),
                None => new.push((candidate, Novelty::Unclear)),
            }
            continue;
        };
        let created = candidate.created_at;
        let is_newer = created.and_then(|created| baseline.is_newer(created));
        if is_known(&candidate) || is_newer == Some(false) {
            continue;
        }
        let is_before_known = last_known.is_some_and(|last_known| index < last_known);
        let was_unlisted = baseline.is_complete() || is_before_known || is_newer == Some(true);
        let is_after = created.and_then(|created| baseline.is_after_request(created));
        let novelty = match (was_unlisted, is_after) {
            (true, Some(false)) => Novelty::Late,
            (true, _) => Novelty::New,
            (false, Some(true)) => Novelty::ByClocks,
            // It is old, and was not in the part of the list that is the baseline.
            (false, Some(false)) => continue,
            (false, None) => Novelty::Unclear,
        };
        new.push((candidate, novelty));
    }
    new
}

/// Another request of which the result is not known completely.
#[derive(Debug, Clone)]
pub(crate) struct Rival {
    pub(crate) request: PaidRequest,
    /// Its response may arrive and name the result, so this is waited for.
    pub(crate) is_pending: bool,
}

/// Which result belongs to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    One(Candidate, Confidence),
    /// Several match, or it is unclear whether one does.
    Several(Vec<Candidate>),
    /// The result may belong to a request whose response is still awaited.
    Pending,
    NotFound,
}

/// Decides which of the new results belongs to a request that was sent `attempts` times.
///
/// `candidates` belong to no other request yet.
pub(super) fn decide(
    request: &PaidRequest,
    attempts: usize,
    candidates: Vec<(Candidate, Novelty)>,
    rivals: &[Rival],
) -> Verdict {
    let (mut equal, mut altered, mut unclear) = (Vec::new(), Vec::new(), Vec::new());
    for (candidate, novelty) in candidates {
        let shown = candidate.prompt.as_deref();
        let confidence = if novelty == Novelty::New {
            Confidence::High
        } else {
            Confidence::Low
        };
        match (
            // Assumption: list-prompt.
            shown.map(|shown| similarity(shown, &request.prompt)),
            novelty,
        ) {
            (Some(Similarity::Different), _) | (None, Novelty::Unclear) => {}
            (None, _) | (Some(_), Novelty::Unclear) => unclear.push(candidate),
            (Some(Similarity::Equal), _) => equal.push((candidate, novelty, confidence)),
            (Some(Similarity::Altered), _) => altered.push((candidate, novelty, Confidence::Low)),
        }
    }
    let mut matching = if equal.is_empty() { altered } else { equal };
    if matching
        .iter()
        .any(|(_, novelty, _)| *novelty != Novelty::Late)
    {
        matching.retain(|(_, novelty, _)| *novelty != Novelty::Late);
    }
    let mut matching: Vec<(Candidate, Confidence)> = matching
        .into_iter()
        .map(|(candidate, _, confidence)| (candidate, confidence))
        .collect();
    if matching.is_empty() {
        return if unclear.is_empty() {
            Verdict::NotFound
        } else {
            Verdict::Several(unclear)
        };
    }
    let mut interchangeable = attempts;
    for rival in rivals {
        let other = &rival.request;
        let may_be_its = |(candidate, _): &(Candidate, Confidence)| {
            let shown = candidate.prompt.as_deref().unwrap_or_default();
            similarity(shown, &other.prompt) != Similarity::Different
        };
        let is_rival = other.operation == request.operation && other.scene_id == request.scene_id;
        if !is_rival || !matching.iter().any(may_be_its) {
            continue;
        }
        if rival.is_pending {
            return Verdict::Pending;
        }
        if !other.requests_same(request) {
            // The list does not show enough to tell the two prompts apart.
            return Verdict::Several(matching.into_iter().map(|(one, _)| one).collect());
        }
        interchangeable += 1;
    }
    if matching.len() > interchangeable {
        return Verdict::Several(matching.into_iter().map(|(one, _)| one).collect());
    }
    let (candidate, confidence) = matching.remove(0);
    Verdict::One(candidate, confidence)
}
