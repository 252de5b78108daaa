//! All behaviour of three workers with one prompt, and of two workers with two prompts: every order of their steps, with
//! crashes and pauses anywhere.
//!
//! A pause needs no step of its own: a worker may be overtaken by any number of steps of the others. A lease counts as
//! expired at any time, so nothing here depends on a clock.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{HashMap, HashSet, VecDeque};

use gizmo_fleet::protocol::{Action, Entry, Lease, Outcome, Phase, WorkerId, next};

const WORKERS: usize = 3;
const PROMPTS: usize = 2;

/// How often the user consents to paying again, for each prompt.
const CONSENTS: u8 = 1;

/// Terms beyond this are one, so that there are finitely many states. No decision depends on a term.
const MAX_TERM: u64 = 1;

/// What is switched off, to show that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// Entries are replaced without comparing the version.
    UnconditionalWrites,
    /// An entry that was taken over in `Requesting` is treated as one for which nothing was requested.
    RequestsAfterTakeover,
    /// The paid request is sent before `Requesting` is written.
    RequestsFirst,
    /// The provenance object is created before it is decided.
    PublishesUndecided,
    /// Nobody takes over.
    NoTakeover,
}

/// The store, the service and the workers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    prompts: [Prompt; PROMPTS],
    workers: [Worker; WORKERS],
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Prompt {
    entry: Option<Entry>,
    provenance: Option<String>,
    /// The accepted paid requests.
    paid: u8,
    consents: u8,
}

/// What a worker is about to do, with what it has read. `is_fresh`: whether the entry still has that version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Worker {
    Dead,
    Idle,
    Read {
        prompt: usize,
        entry: Option<Entry>,
        is_fresh: bool,
    },
    Paying {
        prompt: usize,
        entry: Entry,
        is_fresh: bool,
    },
    Writing {
        prompt: usize,
        to: Entry,
        is_fresh: bool,
    },
}

fn id(worker: usize) -> WorkerId {
    WorkerId(worker as u64)
}

impl State {
    fn start() -> Self {
        Self {
            prompts: std::array::from_fn(|_| Prompt::default()),
            workers: std::array::from_fn(|_| Worker::Idle),
        }
    }

    fn with(&self, worker: usize, at: Worker) -> Self {
        let mut state = self.clone();
        state.workers[worker] = at;
        state
    }

    /// Replaces an entry. Then no other worker has its current version.
    fn store(&mut self, worker: usize, prompt: usize, mut to: Entry) -> Entry {
        to.term = to.term.min(MAX_TERM);
        self.prompts[prompt].entry = Some(to.clone());
        for (index, other) in self.workers.iter_mut().enumerate() {
            let (Worker::Read {
                prompt: of,
                is_fresh,
                ..
            }
            | Worker::Paying {
                prompt: of,
                is_fresh,
                ..
            }
            | Worker::Writing {
                prompt: of,
                is_fresh,
                ..
            }) = other
            else {
                continue;
            };
            if index != worker && *of == prompt {
                *is_fresh = false;
            }
        }
        to
    }

    /// A conditional write: `then` follows if it succeeds. Otherwise the worker starts again.
    fn write(
        &self,
        broken: Broken,
        worker: usize,
        (prompt, to, is_fresh): (usize, Entry, bool),
        then: impl FnOnce(usize, Entry) -> Worker,
    ) -> Self {
        if !is_fresh && broken != Broken::UnconditionalWrites {
            return self.with(worker, Worker::Idle);
        }
        let mut state = self.clone();
        let stored = state.store(worker, prompt, to);
        state.workers[worker] = then(prompt, stored);
        state
    }

    /// Every state that may follow.
    fn successors(&self, broken: Broken) -> Vec<Self> {
        let mut successors = Vec::new();
        let alive = self
            .workers
            .iter()
            .filter(|worker| **worker != Worker::Dead);
        let may_crash = alive.count() > 1;
        for (worker, at) in self.workers.iter().enumerate() {
            if *at != Worker::Dead && may_crash {
                successors.push(self.with(worker, Worker::Dead));
            }
            match at.clone() {
                Worker::Dead => {}
                Worker::Idle => {
                    for (prompt, known) in self.prompts.iter().enumerate() {
                        let entry = known.entry.clone();
                        let read = Worker::Read {
                            prompt,
                            entry,
                            is_fresh: true,
                        };
                        successors.push(self.with(worker, read));
                    }
                }
                Worker::Read {
                    prompt,
                    entry,
                    is_fresh,
                } => {
                    let read = (prompt, entry, is_fresh);
                    self.act(broken, worker, &read, &mut successors);
                }
                Worker::Paying {
                    prompt,
                    entry,
                    is_fresh,
                } => {
                    self.pay(broken, worker, (prompt, &entry, is_fresh), &mut successors);
                }
                Worker::Writing {
                    prompt,
                    to,
                    is_fresh,
                } => {
                    successors.push(self.write(broken, worker, (prompt, to, is_fresh), read));
                }
            }
        }
        successors
    }

    /// The paid request: accepted with or without a response, refused unread, or lost on the way.
    fn pay(
        &self,
        broken: Broken,
        worker: usize,
        (prompt, entry, is_fresh): (usize, &Entry, bool),
        successors: &mut Vec<Self>,
    ) {
        let writing = |outcome| Worker::Writing {
            prompt,
            to: entry.after(outcome),
            is_fresh,
        };
        // Without a response the entry stays at `Requesting`, which leads to a search.
        let lost = Worker::Read {
            prompt,
            entry: Some(entry.clone()),
            is_fresh,
        };
        let mut accepted = self.clone();
        accepted.prompts[prompt].paid += 1;
        successors.push(accepted.with(worker, writing(job())));
        if broken != Broken::RequestsFirst {
            successors.push(accepted.with(worker, lost.clone()));
            successors.push(self.with(worker, lost));
        }
        successors.push(self.with(worker, writing(Outcome::Refused)));
    }

    /// What a worker does with an entry that it has read.
    fn act(
        &self,
        broken: Broken,
        worker: usize,
        (prompt, entry, is_fresh): &(usize, Option<Entry>, bool),
        successors: &mut Vec<Self>,
    ) {
        let (prompt, is_fresh) = (*prompt, *is_fresh);
        let me = id(worker);
        let mut decided = entry.clone();
        if let (Broken::RequestsAfterTakeover, Some(entry)) = (broken, &mut decided)
            && entry.phase == Phase::Requesting
        {
            entry.phase = Phase::Claimed;
        }
        let mut leases = vec![Lease::Valid];
        let is_others = decided.as_ref().is_some_and(|entry| entry.holder != me);
        if is_others && broken != Broken::NoTakeover {
            leases.push(Lease::Expired);
        }
        for lease in leases {
            let writing = |outcome| {
                let to = entry.as_ref().unwrap().after(outcome);
                self.with(
                    worker,
                    Worker::Writing {
                        prompt,
                        to,
                        is_fresh,
                    },
                )
            };
            match next(decided.as_ref(), me, lease) {
                Action::Claim(to) | Action::TakeOver(to) => {
                    successors.push(self.write(broken, worker, (prompt, to, is_fresh), read));
                }
                Action::Request(to) if broken == Broken::RequestsFirst => {
                    let paying = Worker::Paying {
                        prompt,
                        entry: to,
                        is_fresh,
                    };
                    successors.push(self.with(worker, paying));
                }
                Action::Request(to) => {
                    let paying = |prompt, entry| Worker::Paying {
                        prompt,
                        entry,
                        is_fresh: true,
                    };
                    successors.push(self.write(broken, worker, (prompt, to, is_fresh), paying));
                }
                Action::Reconcile => {
                    if self.prompts[prompt].paid > 0 {
                        successors.push(writing(job()));
                    }
                    successors.push(writing(Outcome::NotFound));
                }
                Action::Follow { .. } => {
                    let scene_id = "s".to_owned();
                    successors.push(writing(Outcome::Scene { scene_id }));
                    let reason = "r".to_owned();
                    successors.push(writing(Outcome::Failed { reason }));
                }
                Action::Store { .. } => {
                    // Two exports of a scene may differ, so each worker would state something else.
                    let provenance = format!("by {worker}");
                    let mut state = writing(Outcome::Stored {
                        provenance: provenance.clone(),
                    });
                    if broken == Broken::PublishesUndecided {
                        state.prompts[prompt].provenance.get_or_insert(provenance);
                    }
                    successors.push(state);
                }
                Action::Publish { provenance } => {
                    let mut state = writing(Outcome::Published);
                    state.prompts[prompt].provenance.get_or_insert(provenance);
                    successors.push(state);
                }
                Action::NeedsConsent => {
                    if self.prompts[prompt].consents < CONSENTS {
                        let mut state = self.clone();
                        state.prompts[prompt].consents += 1;
                        let to = entry.as_ref().unwrap().with_consent(me).unwrap();
                        let writing = Worker::Writing {
                            prompt,
                            to,
                            is_fresh,
                        };
                        successors.push(state.with(worker, writing));
                    }
                    successors.push(self.with(worker, Worker::Idle));
                }
                Action::Wait | Action::Done => successors.push(self.with(worker, Worker::Idle)),
                other => panic!("unknown action {other:?}"),
            }
        }
    }

    /// What must never be.
    fn violation(&self) -> Option<&'static str> {
        for prompt in &self.prompts {
            if prompt.paid > 1 + prompt.consents {
                return Some("paid twice without consent");
            }
            let phase = prompt.entry.as_ref().map(|entry| &entry.phase);
            match (&prompt.provenance, phase) {
                (None, Some(Phase::Committed)) => return Some("committed and not visible"),
                (None, _) | (Some(_), Some(Phase::Committed)) => {}
                (Some(visible), Some(Phase::Committing { provenance }))
                    if visible == provenance => {}
                (Some(_), _) => return Some("visible without the decision of a holder"),
            }
        }
        None
    }

    /// Whether every prompt has ended: stored, failed, or waiting for the user.
    fn is_finished(&self) -> bool {
        self.prompts.iter().all(|prompt| {
            let phase = prompt.entry.as_ref().map(|entry| &entry.phase);
            matches!(
                phase,
                Some(Phase::Committed | Phase::Failed { .. } | Phase::Unknown)
            )
        })
    }
}

fn read(prompt: usize, entry: Entry) -> Worker {
    Worker::Read {
        prompt,
        entry: Some(entry),
        is_fresh: true,
    }
}

fn job() -> Outcome {
    Outcome::Job {
        job_id: "j".to_owned(),
    }
}

/// What a search has found.
#[derive(Debug)]
struct Explored {
    states: usize,
    violation: Option<&'static str>,
    /// The states from which no sequence of steps finishes, although a worker lives.
    stuck: usize,
}

/// Visits every state that can be reached with this many prompts and workers.
fn explore(broken: Broken, prompts: usize, workers: usize) -> Explored {
    let mut start = State::start();
    for worker in workers..WORKERS {
        start.workers[worker] = Worker::Dead;
    }
    for prompt in &mut start.prompts[prompts..] {
        prompt.entry = Some(ended());
    }
    let mut numbers = HashMap::from([(start.clone(), 0_usize)]);
    let mut queue = VecDeque::from([start]);
    let mut before: Vec<Vec<usize>> = vec![Vec::new()];
    let mut finished = Vec::new();
    while let Some(state) = queue.pop_front() {
        if let Some(violation) = state.violation() {
            return Explored {
                states: numbers.len(),
                violation: Some(violation),
                stuck: 0,
            };
        }
        let number = numbers[&state];
        if state.is_finished() {
            finished.push(number);
        }
        for next in state.successors(broken) {
            let new = numbers.len();
            let to = *numbers.entry(next.clone()).or_insert(new);
            if to == new {
                before.push(Vec::new());
                queue.push_back(next);
            }
            before[to].push(number);
        }
    }
    let mut can_finish: HashSet<usize> = finished.iter().copied().collect();
    let mut queue = VecDeque::from(finished);
    while let Some(number) = queue.pop_front() {
        for &earlier in &before[number] {
            if can_finish.insert(earlier) {
                queue.push_back(earlier);
            }
        }
    }
    Explored {
        states: numbers.len(),
        violation: None,
        stuck: numbers.len() - can_finish.len(),
    }
}

/// An entry about which nothing is left to do.
fn ended() -> Entry {
    let entry = serde_json::json!({"holder": 0, "term": 1, "phase": {"failed": {"reason": "r"}}});
    serde_json::from_value(entry).unwrap()
}

#[test]
fn no_prompt_is_paid_twice_or_shown_by_a_former_holder_and_all_prompts_finish() {
    for (prompts, workers) in [(1, 3), (2, 2)] {
        let explored = explore(Broken::Nothing, prompts, workers);
        assert_eq!(explored.violation, None);
        assert_eq!(explored.stuck, 0, "{explored:?}");
        assert!(explored.states > 1000, "{explored:?}");
    }
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
        let explored = explore(broken, 1, 3);
        assert_eq!(explored.violation, Some(expected), "{broken:?}");
    }
    let explored = explore(Broken::NoTakeover, 1, 2);
    assert!(explored.stuck > 0, "{explored:?}");
}
