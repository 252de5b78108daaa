//! The SSE `id` and the `seq` of events, and the events that a cursor skips.

use crate::options::Numbering;
use crate::random::Random;

impl Numbering {
    /// All numberings.
    pub const ALL: [Self; 9] = [
        Self::IdAndSeq,
        Self::Id,
        Self::Seq,
        Self::None,
        Self::FromZero,
        Self::Text,
        Self::Prefixed,
        Self::Sparse,
        Self::PerStage,
    ];

    /// Returns the SSE `id` of a job's event. Ordinals count from 1.
    pub(crate) fn id(self, ordinal: usize, job_id: &str) -> Option<String> {
        match self {
            Self::IdAndSeq | Self::Id => Some(ordinal.to_string()),
            Self::FromZero => Some(ordinal.saturating_sub(1).to_string()),
            Self::Text => Some(ulid(ordinal, job_id)),
            Self::Prefixed => Some(format!("job:{ordinal}")),
            Self::Sparse => ordinal.is_multiple_of(2).then(|| ordinal.to_string()),
            Self::Seq | Self::None | Self::PerStage => None,
        }
    }

    /// Returns the `seq` of an event. `in_stage` is its number in its stage.
    pub(crate) fn seq(self, ordinal: usize, in_stage: u32) -> Option<usize> {
        match self {
            Self::IdAndSeq | Self::Seq => Some(ordinal),
            Self::FromZero => Some(ordinal.saturating_sub(1)),
            Self::PerStage => usize::try_from(in_stage).ok(),
            Self::Id | Self::None | Self::Text | Self::Prefixed | Self::Sparse => None,
        }
    }

    /// Returns the number of events that a request skips. `after` is its query parameter, and
    /// `last_event` is the ordinal of the event that its `Last-Event-ID` identifies.
    pub(crate) fn skipped(self, after: Option<u64>, last_event: Option<u64>) -> u64 {
        let skipped = match self {
            Self::Text | Self::Prefixed => last_event.or(after),
            Self::FromZero => after.map(|after| after.saturating_add(1)).or(last_event),
            _ => after.or(last_event),
        };
        skipped.unwrap_or(0)
    }
}

/// Returns a ULID: a 48-bit time in milliseconds and 80 random bits, in Crockford's base 32.
fn ulid(ordinal: usize, job_id: &str) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const YEAR_2026: u64 = 1_767_225_600_000;
    let time = YEAR_2026 + 13 * ordinal as u64;
    let mut random = Random::new(Random::of(&[job_id]).next() ^ ordinal as u64);
    let digit = |value: u64| char::from(DIGITS[usize::try_from(value % 32).unwrap_or_default()]);
    let mut text = String::with_capacity(26);
    text.extend((0..10).rev().map(|place| digit(time >> (5 * place))));
    text.extend((0..16).map(|_| digit(random.next() >> 32)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ids_sort_in_event_order() {
        let ids: Vec<_> = (1..=300).map(|ordinal| ulid(ordinal, "job_1")).collect();
        assert!(ids.is_sorted_by(|id, next| id < next), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 26));
    }

    #[test]
    fn each_numbering_defines_how_many_events_a_cursor_skips() {
        for (numbering, after, last_event, skipped) in [
            (Numbering::IdAndSeq, None, None, 0),
            (Numbering::IdAndSeq, Some(3), Some(5), 3),
            (Numbering::IdAndSeq, None, Some(5), 5),
            (Numbering::FromZero, None, None, 0),
            (Numbering::FromZero, Some(0), None, 1),
            (Numbering::FromZero, Some(u64::MAX), None, u64::MAX),
            (Numbering::Text, Some(3), Some(5), 5),
            (Numbering::Text, Some(3), None, 3),
            (Numbering::Prefixed, Some(3), Some(5), 5),
            (Numbering::Sparse, Some(3), Some(4), 3),
            (Numbering::PerStage, Some(3), None, 3),
            (Numbering::None, Some(3), None, 3),
        ] {
            let found = numbering.skipped(after, last_event);
            assert_eq!(found, skipped, "{numbering:?} {after:?} {last_event:?}");
        }
    }
}
