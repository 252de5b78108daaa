//! The decisions of the protocol by numbers of entries, so that a state is some bytes.

use std::collections::HashMap;

use gizmo_fleet::protocol::{Action, Entry, Lease, Made, Outcome, Phase, WorkerId, next};
use serde_json::Value;

/// The number of an entry in the table.
pub(crate) type EntryNumber = u8;

/// The ways to give the workers other names.
pub(crate) const RENAMINGS: [[u8; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// An [`Action`] with numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Claim(EntryNumber),
    TakeOver(EntryNumber),
    Request(EntryNumber),
    Reconcile,
    Store,
    /// The worker whose content is published.
    Publish(u8),
    Wait,
    NeedsConsent,
    Done,
}

/// All entries that occurred, and the decisions about them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    numbers: HashMap<Entry, EntryNumber>,
    renamed: Vec<[Option<EntryNumber>; 6]>,
    steps: HashMap<(Option<EntryNumber>, u8, bool), Step>,
    after: HashMap<(EntryNumber, u8), EntryNumber>,
}

impl Table {
    fn number(&mut self, mut entry: Entry) -> EntryNumber {
        // No decision depends on a term or a revision. With one of each there are finitely many states. The model
        // tells versions apart by itself.
        (entry.term, entry.revision) = (1, 1);
        if let Some(number) = self.numbers.get(&entry) {
            return *number;
        }
        let number = EntryNumber::try_from(self.entries.len()).unwrap();
        self.entries.push(entry.clone());
        self.renamed.push([None; 6]);
        self.numbers.insert(entry, number);
        number
    }

    fn entry(&self, number: EntryNumber) -> &Entry {
        &self.entries[usize::from(number)]
    }

    /// Asks the protocol. With `forgets`, an entry in `Requesting` looks like one in `Claimed`.
    pub(crate) fn next(
        &mut self,
        entry: Option<EntryNumber>,
        me: u8,
        lease: Lease,
        forgets: bool,
    ) -> Step {
        let key = (entry, me, lease == Lease::Expired);
        if let Some(step) = self.steps.get(&key) {
            return *step;
        }
        let mut read = entry.map(|entry| self.entry(entry).clone());
        if let Some(read) = &mut read
            && forgets
            && matches!(read.phase, Phase::Requesting { .. })
        {
            read.phase = Phase::Claimed;
        }
        let step = match next(read.as_ref(), WorkerId(u64::from(me)), lease) {
            Action::Claim(to) => Step::Claim(self.number(to)),
            Action::TakeOver(to) => Step::TakeOver(self.number(to)),
            Action::Request => {
                let to = read.and_then(|read| read.requesting(Value::Null));
                Step::Request(self.number(to.unwrap()))
            }
            Action::Reconcile { .. } => Step::Reconcile,
            Action::Store(_) => Step::Store,
            Action::Publish { provenance } => Step::Publish(provenance.parse().unwrap()),
            Action::Wait => Step::Wait,
            Action::NeedsConsent => Step::NeedsConsent,
            Action::Done => Step::Done,
            other => panic!("unknown action {other:?}"),
        };
        self.steps.insert(key, step);
        step
    }

    /// The entry after an outcome.
    pub(crate) fn after(&mut self, entry: EntryNumber, outcome: Outcome) -> EntryNumber {
        let kind = match &outcome {
            Outcome::Job(_) => 10,
            Outcome::Refused => 11,
            Outcome::NotFound => 12,
            Outcome::Failed { .. } => 14,
            Outcome::Published => 15,
            Outcome::Stored { provenance, .. } => provenance.parse().unwrap(),
            other => panic!("unknown outcome {other:?}"),
        };
        if let Some(after) = self.after.get(&(entry, kind)) {
            return *after;
        }
        let after = self.entry(entry).after(outcome).unwrap();
        let after = self.number(after);
        self.after.insert((entry, kind), after);
        after
    }

    pub(crate) fn with_consent(&mut self, entry: EntryNumber, me: u8) -> EntryNumber {
        let consented = self.entry(entry).with_consent(WorkerId(u64::from(me)));
        self.number(consented.unwrap())
    }

    /// The entry in which the workers have other names.
    pub(crate) fn renamed(&mut self, number: EntryNumber, renaming: usize) -> EntryNumber {
        if let Some(renamed) = self.renamed[usize::from(number)][renaming] {
            return renamed;
        }
        let mut entry = self.entry(number).clone();
        let name = |old: u64| RENAMINGS[renaming][usize::try_from(old).unwrap()];
        entry.holder = WorkerId(u64::from(name(entry.holder.0)));
        if let Phase::Committing { provenance, .. } = &mut entry.phase {
            *provenance = name(provenance.parse().unwrap()).to_string();
        }
        let renamed = self.number(entry);
        self.renamed[usize::from(number)][renaming] = Some(renamed);
        renamed
    }

    pub(crate) fn is_committed(&self, number: EntryNumber) -> bool {
        matches!(self.entry(number).phase, Phase::Committed(_))
    }

    /// The worker whose content was decided.
    pub(crate) fn decided(&self, number: EntryNumber) -> Option<u8> {
        match &self.entry(number).phase {
            Phase::Committing { provenance, .. } => Some(provenance.parse().unwrap()),
            _ => None,
        }
    }

    pub(crate) fn is_final(&self, number: EntryNumber) -> bool {
        let phase = &self.entry(number).phase;
        matches!(
            phase,
            Phase::Committed(_) | Phase::Failed { .. } | Phase::Unknown
        )
    }

    /// An entry about which nothing is left to do.
    pub(crate) fn failed_entry(&mut self) -> EntryNumber {
        let Action::Claim(mut entry) = next(None, WorkerId(0), Lease::Valid) else {
            panic!("a prompt without an entry is claimed");
        };
        let reason = "r".to_owned();
        let made = Made::default();
        entry.phase = Phase::Failed { made, reason };
        self.number(entry)
    }
}

pub(crate) fn job() -> Outcome {
    Outcome::Job(Made::default())
}

pub(crate) fn failed() -> Outcome {
    let reason = "r".to_owned();
    Outcome::Failed { reason }
}

/// The content is named after the worker that has stored it.
pub(crate) fn stored(by: u8) -> Outcome {
    let provenance = by.to_string();
    let made = Made::default();
    Outcome::Stored { made, provenance }
}
