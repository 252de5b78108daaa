//! Events that a service sends again, where they have no numbers to tell.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What tells one event from another.
pub(super) fn fingerprint(event: &str, data: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (event, data).hash(&mut hasher);
    hasher.finish()
}

/// Events without numbers of their own, so that a service which starts over at each connection is
/// noticed.
#[derive(Default)]
pub(super) struct Replay {
    seen: Vec<u64>,
    /// How many of `seen` this connection has brought again, while it brings nothing else.
    repeated: Option<usize>,
    /// Other events have numbers.
    among_numbered: bool,
}

impl Replay {
    /// For a stream that goes on from a cursor, whose events are known to have numbers or not.
    pub(super) fn resumed(among_numbered: bool) -> Self {
        Self {
            among_numbered,
            ..Self::default()
        }
    }

    pub(super) fn reconnected(&mut self) {
        self.repeated = (!self.seen.is_empty()).then_some(0);
    }

    /// An event with a new number has come: what follows it is new as well.
    pub(super) fn numbered(&mut self) {
        self.among_numbered = true;
        self.repeated = None;
    }

    /// Whether an event without a number takes the next one: not where others have their own.
    pub(super) fn counts(&self) -> bool {
        !self.among_numbered
    }

    /// A replay begins with the first event seen, and the ones after it follow.
    pub(super) fn repeats(&mut self, fingerprint: u64) -> bool {
        if let Some(at) = self.repeated
            && self.seen.get(at) == Some(&fingerprint)
        {
            self.repeated = Some(at + 1);
            return true;
        }
        self.repeated = None;
        self.seen.push(fingerprint);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these events, of one connection after the other, are given out.
    fn given_out(connections: &[&[u64]]) -> Vec<u64> {
        let mut replay = Replay::default();
        let mut out = Vec::new();
        for events in connections {
            replay.reconnected();
            out.extend(
                events
                    .iter()
                    .copied()
                    .filter(|event| !replay.repeats(*event)),
            );
        }
        out
    }

    #[test]
    fn a_service_that_starts_over_is_told_from_one_that_goes_on() {
        assert_eq!(given_out(&[&[1, 2, 3]]), [1, 2, 3]);
        assert_eq!(given_out(&[&[1, 2], &[3, 4]]), [1, 2, 3, 4]);
        assert_eq!(
            given_out(&[&[1, 2], &[1, 2, 3], &[1, 2, 3, 4]]),
            [1, 2, 3, 4]
        );
        assert_eq!(given_out(&[&[1, 2, 3], &[1], &[1, 2, 3, 4]]), [1, 2, 3, 4]);
        // The same text twice in one connection is two events.
        assert_eq!(given_out(&[&[1, 1, 2], &[1, 1, 2, 2]]), [1, 1, 2, 2]);
    }
}
