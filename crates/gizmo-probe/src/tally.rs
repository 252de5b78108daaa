//! What speaks for an assumption, and what against it.

use serde::{Deserialize, Serialize};

use crate::evidence::Seen;

/// The most sightings that one assumption keeps. The others are counted.
const MAX_SIGHTINGS: usize = 10;

/// The longest text of a place or of what was found there.
const MAX_TEXT: usize = 200;

/// What the recording shows about an assumption.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) confirmations: usize,
    pub(crate) contradictions: usize,
    /// The first contradictions, each place once.
    pub(crate) sightings: Vec<Sighting>,
}

/// A place in a recorded exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sighting {
    /// The number of the exchange.
    pub(crate) exchange: u32,
    /// The operation, or the method and the path if no operation has them.
    pub(crate) request: String,
    /// A JSON pointer, `status`, the name of a header, of an event, or of an entry of an archive.
    pub(crate) place: String,
    /// What was found there.
    pub(crate) found: String,
}

impl Sighting {
    pub(crate) fn new(seen: Seen<'_>, place: &str, found: &str) -> Self {
        let request = &seen.exchange.request;
        let request = match &seen.exchange.operation {
            Some(operation) => operation.clone(),
            None => format!(
                "{} {}",
                request.method,
                request.target.split('?').next().unwrap_or_default()
            ),
        };
        Self {
            exchange: seen.exchange.number,
            request,
            place: place.chars().take(MAX_TEXT).collect(),
            found: found.chars().take(MAX_TEXT).collect(),
        }
    }
}

impl Tally {
    /// Notes a confirmation.
    pub(crate) fn holds(&mut self) {
        self.confirmations += 1;
    }

    /// Notes a contradiction.
    pub(crate) fn fails(&mut self, seen: Seen<'_>, place: &str, found: impl AsRef<str>) {
        self.contradictions += 1;
        let sighting = Sighting::new(seen, place, found.as_ref());
        let is_known = self.sightings.iter().any(|known| {
            known.request == sighting.request
                && known.place == sighting.place
                && known.found == sighting.found
        });
        if !is_known && self.sightings.len() < MAX_SIGHTINGS {
            self.sightings.push(sighting);
        }
    }

    /// Notes one or the other.
    pub(crate) fn expect(
        &mut self,
        holds: bool,
        seen: Seen<'_>,
        place: &str,
        found: impl AsRef<str>,
    ) {
        if holds {
            self.holds();
        } else {
            self.fails(seen, place, found);
        }
    }

    /// Notes one or the other about the status of a response.
    pub(crate) fn expect_status(&mut self, holds: bool, seen: Seen<'_>) {
        self.expect(holds, seen, "status", seen.status().to_string());
    }

    pub(crate) fn verdict(&self) -> Verdict {
        if self.contradictions > 0 {
            Verdict::Contradicted
        } else if self.confirmations > 0 {
            Verdict::Confirmed
        } else {
            Verdict::NotSeen
        }
    }
}

/// What a recording says about an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Contradicted,
    Confirmed,
    NotSeen,
}

impl Verdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Contradicted => "contradicted",
            Self::Confirmed => "confirmed",
            Self::NotSeen => "not seen",
        }
    }
}
