//! The report of a recording. Everything in it comes from the recording and from files of the repository.

use serde::Serialize;

use crate::behaviour::{self, Behaviour};
use crate::checks;
use crate::evidence::Evidence;
use crate::measurements::{self, Measurement};
use crate::refresh::{self, Refresh};
use crate::repository::Repository;
use crate::responses::{self, Responses};
use crate::tally::{Sighting, Tally, Verdict};

/// What a recording shows.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The program that recorded.
    pub(crate) client: String,
    /// The number of exchanges.
    pub(crate) exchanges: usize,
    /// The number of paid requests.
    pub(crate) paid: usize,
    /// Every assumption with its verdict, in the order of the table.
    pub(crate) assumptions: Vec<Assessed>,
    pub(crate) responses: Responses,
    /// How the service does what its documentation leaves open.
    pub(crate) behaviour: Vec<Behaviour>,
    /// What a refresh with the served document would change. None if none was served.
    pub(crate) document: Option<Refresh>,
    /// Times and sizes, which differ from one run to the next.
    pub(crate) measurements: Vec<Measurement>,
}

/// An assumption with its verdict.
#[derive(Debug, Serialize)]
pub(crate) struct Assessed {
    pub(crate) id: String,
    pub(crate) statement: String,
    pub(crate) evidence: String,
    pub(crate) code: Vec<String>,
    pub(crate) verdict: Verdict,
    /// Whether a check of the probe can see it.
    pub(crate) has_check: bool,
    pub(crate) confirmations: usize,
    pub(crate) contradictions: usize,
    pub(crate) sightings: Vec<Sighting>,
}

impl Report {
    /// Assesses a recording.
    pub(crate) fn of(evidence: &Evidence, repository: &Repository) -> Self {
        let assumptions = repository.assumptions.iter().map(|assumption| {
            let mut tally = Tally::default();
            let own = || checks::all().filter(|(id, _)| *id == assumption.id);
            own().for_each(|(_, check)| check(evidence, &mut tally));
            Assessed {
                id: assumption.id.clone(),
                statement: assumption.statement.clone(),
                evidence: assumption.evidence.clone(),
                code: assumption.code.clone(),
                verdict: tally.verdict(),
                has_check: own().next().is_some(),
                confirmations: tally.confirmations,
                contradictions: tally.contradictions,
                sightings: tally.sightings,
            }
        });
        Self {
            client: evidence.about.client.clone(),
            exchanges: evidence.exchanges.len(),
            paid: evidence.paid().count(),
            assumptions: assumptions.collect(),
            responses: responses::compare(evidence, repository),
            behaviour: behaviour::of(evidence),
            document: refresh::compare(evidence, repository),
            measurements: measurements::of(evidence),
        }
    }

    /// The contradicted assumptions: first those on which most code relies.
    pub(crate) fn contradicted(&self) -> Vec<&Assessed> {
        let mut contradicted = self.with(Verdict::Contradicted);
        contradicted.sort_by_key(|assessed| std::cmp::Reverse(assessed.code.len()));
        contradicted
    }

    pub(crate) fn with(&self, verdict: Verdict) -> Vec<&Assessed> {
        let all = self.assumptions.iter();
        all.filter(|assessed| assessed.verdict == verdict).collect()
    }

    /// Whether the client relies on something that the recording contradicts.
    pub(crate) fn contradicts(&self) -> bool {
        !self.responses.undecodable.is_empty() || !self.contradicted().is_empty()
    }
}
