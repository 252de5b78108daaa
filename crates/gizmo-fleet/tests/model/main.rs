//! All behaviour of three workers with two prompts: every order of their steps, with crashes and pauses anywhere.
//!
//! A pause needs no step of its own: a worker may be overtaken by any number of steps of the others. A lease counts as
//! expired at any time, so nothing here depends on a clock. The decisions are those of the protocol itself. States that
//! differ only in the names of workers or prompts are one.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod table;

use std::collections::{HashMap, VecDeque};

use gizmo_fleet::protocol::{Lease, Outcome};

use crate::table::{EntryNumber, Step, Table};

const WORKERS: usize = 3;
const PROMPTS: usize = 2;

/// How often the user consents to paying again, for each prompt.
const CONSENTS: u8 = 1;

/// What is switched off, to show that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// Entries are replaced without comparing the version.
    UnconditionalWrites,
    /// An entry in `Requesting` is treated as one for which nothing was requested.
    RequestsAfterTakeover,
    /// The paid request is sent before `Requesting` is written.
    RequestsFirst,
    /// The provenance object is created before it is decided.
    PublishesUndecided,
    /// Nobody takes over.
    NoTakeover,
}

/// What may happen.
#[derive(Debug, Clone, Copy)]
struct Rules {
    broken: Broken,
    /// Whether a write may land without a response.
    loses_responses: bool,
}

/// The store, the service and the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct State {
    prompts: [Prompt; PROMPTS],
    workers: [Worker; WORKERS],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Prompt {
    entry: Option<EntryNumber>,
    /// Whose content the provenance object has, if it exists.
    shown: Option<u8>,
    /// The accepted paid requests.
    paid: u8,
    consents: u8,
}

/// What a worker is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Worker {
    Dead,
    Idle,
    /// It has read the entry.
    Decides(Read),
    /// It has announced the paid request.
    Pays(Read),
    /// It has read an entry, and replaces it by this one.
    Writes(Read),
}

/// An entry of a prompt, and whether what the worker has read is still the current version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Read {
    prompt: u8,
    entry: Option<EntryNumber>,
    is_fresh: bool,
}

impl Worker {
    fn read(&mut self) -> Option<&mut Read> {
        match self {
            Self::Dead | Self::Idle => None,
            Self::Decides(read) | Self::Pays(read) | Self::Writes(read) => Some(read),
        }
    }
}

impl State {
    fn with(mut self, worker: usize, at: Worker) -> Self {
        self.workers[worker] = at;
        self
    }

    fn prompt(&mut self, read: Read) -> &mut Prompt {
        &mut self.prompts[usize::from(read.prompt)]
    }

    /// A conditional write. If it fails, or has landed without a response, the worker starts again.
    fn write(
        mut self,
        rules: Rules,
        worker: usize,
        read: Read,
        then: fn(Read) -> Worker,
        successors: &mut Vec<Self>,
    ) {
        if !read.is_fresh && rules.broken != Broken::UnconditionalWrites {
            successors.push(self.with(worker, Worker::Idle));
            return;
        }
        self.prompt(read).entry = read.entry;
        for other in self.workers.iter_mut().filter_map(Worker::read) {
            other.is_fresh &= other.prompt != read.prompt;
        }
        let is_fresh = true;
        successors.push(self.with(worker, then(Read { is_fresh, ..read })));
        if rules.loses_responses {
            successors.push(self.with(worker, Worker::Idle));
        }
    }

    /// Every state that may follow.
    fn successors(self, table: &mut Table, rules: Rules, successors: &mut Vec<Self>) {
        let alive = self.workers.iter().filter(|at| **at != Worker::Dead);
        let may_crash = alive.count() > 1;
        for (worker, at) in self.workers.into_iter().enumerate() {
            if at != Worker::Dead && may_crash {
                successors.push(self.with(worker, Worker::Dead));
            }
            match at {
                Worker::Dead => {}
                Worker::Idle => {
                    for (prompt, known) in (0..).zip(self.prompts) {
                        let (entry, is_fresh) = (known.entry, true);
                        let read = Read {
                            prompt,
                            entry,
                            is_fresh,
                        };
                        successors.push(self.with(worker, Worker::Decides(read)));
                    }
                }
                Worker::Decides(read) => self.decide(table, rules, worker, read, successors),
                Worker::Pays(read) => self.pay(table, rules, worker, read, successors),
                Worker::Writes(read) => {
                    self.write(rules, worker, read, Worker::Decides, successors);
                }
            }
        }
    }

    /// The paid request: accepted with or without a response, refused unread, or lost on the way. One that outlives
    /// its sender counts as accepted when it is sent, because a search may miss it at any time.
    fn pay(
        self,
        table: &mut Table,
        rules: Rules,
        worker: usize,
        read: Read,
        successors: &mut Vec<Self>,
    ) {
        let mut writes = |outcome| {
            let entry = Some(table.after(read.entry.unwrap(), outcome));
            Worker::Writes(Read { entry, ..read })
        };
        let mut accepted = self;
        accepted.prompt(read).paid += 1;
        successors.push(accepted.with(worker, writes(table::job())));
        if rules.broken != Broken::RequestsFirst {
            // Without a response the entry stays at `Requesting`, which leads to a search.
            let lost = Worker::Decides(read);
            successors.push(accepted.with(worker, lost));
            successors.push(self.with(worker, lost));
        }
        successors.push(self.with(worker, writes(Outcome::Refused)));
    }

    /// What a worker does with an entry that it has read.
    fn decide(
        mut self,
        table: &mut Table,
        rules: Rules,
        worker: usize,
        read: Read,
        successors: &mut Vec<Self>,
    ) {
        let me = u8::try_from(worker).unwrap();
        for lease in [Lease::Valid, Lease::Expired] {
            let step = table.next(
                read.entry,
                me,
                lease,
                rules.broken == Broken::RequestsAfterTakeover,
            );
            let mut writes = |state: Self, outcome| {
                let entry = Some(table.after(read.entry.unwrap(), outcome));
                state.with(worker, Worker::Writes(Read { entry, ..read }))
            };
            match step {
                Step::TakeOver(_) if rules.broken == Broken::NoTakeover => {}
                Step::Claim(to) | Step::TakeOver(to) => {
                    let read = Read {
                        entry: Some(to),
                        ..read
                    };
                    self.write(rules, worker, read, Worker::Decides, successors);
                }
                Step::Request(to) => {
                    let read = Read {
                        entry: Some(to),
                        ..read
                    };
                    if rules.broken == Broken::RequestsFirst {
                        successors.push(self.with(worker, Worker::Pays(read)));
                    } else {
                        self.write(rules, worker, read, Worker::Pays, successors);
                    }
                }
                Step::Reconcile => {
                    if self.prompt(read).paid > 0 {
                        successors.push(writes(self, table::job()));
                    }
                    successors.push(writes(self, Outcome::NotFound));
                }
                // The job fails, or its scene is stored. Two exports of a scene may differ, so each worker would state something else.
                Step::Store => {
                    successors.push(writes(self, table::failed()));
                    let mut state = writes(self, table::stored(me));
                    if rules.broken == Broken::PublishesUndecided {
                        state.prompt(read).shown.get_or_insert(me);
                    }
                    successors.push(state);
                }
                Step::Publish(content) => {
                    let mut state = writes(self, Outcome::Published);
                    state.prompt(read).shown.get_or_insert(content);
                    successors.push(state);
                }
                Step::NeedsConsent => {
                    if self.prompt(read).consents < CONSENTS {
                        let mut state = self;
                        state.prompt(read).consents += 1;
                        let entry = Some(table.with_consent(read.entry.unwrap(), me));
                        let writes = Worker::Writes(Read { entry, ..read });
                        successors.push(state.with(worker, writes));
                    }
                    successors.push(self.with(worker, Worker::Idle));
                }
                Step::Wait | Step::Done => successors.push(self.with(worker, Worker::Idle)),
            }
        }
    }

    /// What must never be.
    fn violation(&self, table: &Table) -> Option<&'static str> {
        for prompt in &self.prompts {
            if prompt.paid > 1 + prompt.consents {
                return Some("paid twice without consent");
            }
            let is_committed = prompt.entry.is_some_and(|entry| table.is_committed(entry));
            let decided = prompt.entry.and_then(|entry| table.decided(entry));
            match prompt.shown {
                None if is_committed => return Some("committed and not visible"),
                Some(shown) if !is_committed && decided != Some(shown) => {
                    return Some("visible without the decision of a holder");
                }
                _ => {}
            }
        }
        None
    }

    /// Whether every prompt has ended: stored, failed, or waiting for the user.
    fn is_finished(&self, table: &Table) -> bool {
        let mut entries = self.prompts.iter().map(|prompt| prompt.entry);
        entries.all(|entry| entry.is_some_and(|entry| table.is_final(entry)))
    }

    /// The least of the states that differ from this one only in the names of workers and prompts.
    fn canonical(&self, table: &mut Table) -> Self {
        let mut least: Option<Self> = None;
        for (renaming, names) in table::RENAMINGS.iter().enumerate() {
            let mut prompts = self.prompts;
            for prompt in &mut prompts {
                prompt.entry = prompt.entry.map(|entry| table.renamed(entry, renaming));
                prompt.shown = prompt.shown.map(|by| names[usize::from(by)]);
            }
            for is_swapped in [false, true] {
                if is_swapped {
                    prompts.swap(0, 1);
                }
                // Prompts are compared first, and most are greater already.
                if least.is_some_and(|least| prompts > least.prompts) {
                    continue;
                }
                let mut workers = self.workers;
                for (name, mut at) in names.iter().zip(self.workers) {
                    if let Some(read) = at.read() {
                        read.entry = read.entry.map(|entry| table.renamed(entry, renaming));
                        read.prompt ^= u8::from(is_swapped);
                    }
                    workers[usize::from(*name)] = at;
                }
                let renamed = Self { prompts, workers };
                least = Some(least.map_or(renamed, |least| least.min(renamed)));
            }
        }
        least.unwrap()
    }
}

/// What a search has found.
#[derive(Debug)]
struct Explored {
    states: usize,
    violation: Option<&'static str>,
    /// The states from which no sequence of steps finishes, although a worker lives.
    stuck: usize,
    /// The states in which every scene is stored.
    stored: usize,
}

/// Visits every state that can be reached.
fn explore(broken: Broken, prompts: usize) -> Explored {
    let rules = Rules {
        broken,
        // With two prompts this takes four times as long, and shows no more: a write concerns one of them.
        loses_responses: prompts == 1,
    };
    let mut table = Table::default();
    let mut start = State {
        prompts: [Prompt::default(); PROMPTS],
        workers: [Worker::Idle; WORKERS],
    };
    for prompt in &mut start.prompts[prompts..] {
        prompt.entry = Some(table.failed_entry());
    }
    let start = start.canonical(&mut table);
    let mut numbers = HashMap::from([(start, 0_u32)]);
    let mut queue = VecDeque::from([start]);
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let (mut finished, mut stored) = (Vec::new(), 0);
    let mut successors = Vec::new();
    while let Some(state) = queue.pop_front() {
        if let Some(violation) = state.violation(&table) {
            return Explored {
                states: numbers.len(),
                violation: Some(violation),
                stuck: 0,
                stored,
            };
        }
        let number = numbers[&state];
        if state.is_finished(&table) {
            finished.push(number);
            let mut entries = state.prompts.iter().filter_map(|prompt| prompt.entry);
            stored += usize::from(entries.all(|entry| table.is_committed(entry)));
        }
        state.successors(&mut table, rules, &mut successors);
        for next in successors.drain(..) {
            let next = next.canonical(&mut table);
            let new = u32::try_from(numbers.len()).unwrap();
            let to = *numbers.entry(next).or_insert(new);
            if to == new {
                queue.push_back(next);
            }
            edges.push((to, number));
        }
    }
    let states = numbers.len();
    drop(numbers);
    Explored {
        states,
        violation: None,
        stuck: states - that_reach(states, &finished, edges),
        stored,
    }
}

/// Counts the states from which one of `finished` can be reached. An edge is a state and one before it.
fn that_reach(states: usize, finished: &[u32], mut edges: Vec<(u32, u32)>) -> usize {
    edges.sort_unstable();
    edges.dedup();
    let mut reach = vec![false; states];
    let mut queue: Vec<u32> = finished.to_vec();
    for number in finished {
        reach[*number as usize] = true;
    }
    while let Some(number) = queue.pop() {
        let first = edges.partition_point(|(to, _)| *to < number);
        for (_, earlier) in edges[first..].iter().take_while(|(to, _)| *to == number) {
            if !std::mem::replace(&mut reach[*earlier as usize], true) {
                queue.push(*earlier);
            }
        }
    }
    reach.into_iter().filter(|reaches| *reaches).count()
}

#[test]
fn no_prompt_is_paid_twice_or_shown_by_a_former_holder_and_all_prompts_finish() {
    let explored = explore(Broken::Nothing, PROMPTS);
    assert_eq!(explored.violation, None);
    assert_eq!(explored.stuck, 0, "{explored:?}");
    assert!(explored.stored > 0, "{explored:?}");
    assert!(explored.states > 100_000, "{explored:?}");
}

#[test]
fn writes_whose_responses_are_lost_change_nothing() {
    let explored = explore(Broken::Nothing, 1);
    assert_eq!((explored.violation, explored.stuck), (None, 0));
    assert!(explored.states > 10_000, "{explored:?}");
}

#[test]
fn the_search_finds_each_missing_safeguard() {
    for (broken, expected) in [
        (Broken::UnconditionalWrites, "paid twice without consent"),
        (Broken::RequestsAfterTakeover, "paid twice without consent"),
        (Broken::RequestsFirst, "paid twice without consent"),
        (
            Broken::PublishesUndecided,
            "visible without the decision of a holder",
        ),
    ] {
        let explored = explore(broken, 1);
        assert_eq!(explored.violation, Some(expected), "{broken:?}");
    }
    let explored = explore(Broken::NoTakeover, 1);
    assert!(explored.stuck > 0, "{explored:?}");
}
