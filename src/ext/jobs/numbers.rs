//! Event numbers: where a stream resumes if they have gaps or arrive out of order. Pure.

use std::collections::BTreeSet;

/// The maximum number of events that may wait for a missing number.
const MAX_AHEAD: usize = 1024;

/// The numbers of the events that have arrived.
///
/// They may arrive out of order, so a stream resumes after the last number before which none is
/// missing. They may have permanent gaps, so each gap is requested once: when a later connection has
/// passed it, it is settled.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// All numbers up to this have arrived, or never will.
    pub(super) settled: Option<u64>,
    /// The highest number.
    pub(super) highest: Option<u64>,
    /// Those beyond `settled`.
    ahead: BTreeSet<u64>,
    /// The highest number before this connection.
    target: Option<u64>,
    /// Two events followed each other without a gap.
    contiguous: bool,
}

impl Numbers {
    pub(super) fn after(settled: Option<u64>) -> Self {
        Self {
            settled,
            highest: settled,
            ..Self::default()
        }
    }

    /// Whether any event had a number.
    pub(super) fn any(&self) -> bool {
        self.highest.is_some()
    }

    /// A connection was opened.
    pub(super) fn connected(&mut self) {
        self.target = self.highest;
    }

    /// Takes a number. Returns whether numbers are missing before it in a sequence without gaps.
    pub(super) fn seen(&mut self, number: u64) -> bool {
        if self.target.is_some_and(|target| number >= target) {
            let passed = self.target.take();
            self.settle(passed);
        }
        let gap = self
            .highest
            .is_some_and(|highest| number > highest.saturating_add(1));
        self.contiguous |= self
            .highest
            .is_some_and(|highest| number == highest.saturating_add(1));
        self.highest = self.highest.max(Some(number));
        // Assumption: event-numbers-grow.
        let is_next = self
            .settled
            .map_or(number <= 1, |settled| number == settled.saturating_add(1));
        if is_next {
            self.settle(Some(number));
        } else if self.settled.is_none_or(|settled| number > settled) {
            self.ahead.insert(number);
            if self.ahead.len() > MAX_AHEAD {
                self.settle(self.highest);
            }
        }
        gap && self.contiguous
    }

    /// Settles all numbers up to `number`.
    pub(super) fn settle(&mut self, number: Option<u64>) {
        self.settled = self.settled.max(number);
        while let Some(settled) = self.settled
            && let Some(first) = self.ahead.first().copied()
            && first <= settled.saturating_add(1)
        {
            self.ahead.pop_first();
            self.settled = Some(settled.max(first));
        }
    }
}
