//! Which events are new, and where a stream resumes. Pure.
//!
//! A service may number its events by the SSE `id` or by a `seq` in the data, from 0 or from 1, with
//! gaps or without, by text instead of numbers, only some of them, or not at all; it may honour a
//! cursor or ignore it. An event is a repetition if its id, name and data equal those of a delivered
//! event. In doubt it is delivered: a duplicate is better than a loss. These shapes are ambiguous:
//!
//! - Events without any id, two of which are equal in name and data, where the service continues
//!   and does not replay after a reconnect: the second may be taken for a replay of the first.
//! - A `seq` that starts again (per stage, or with a restarted server): it identifies nothing from
//!   then on, and `after` is not sent any more. What a restarted server withheld because of the
//!   `after` it was sent before is fetched once the job has ended.
//! - A cursor that another process stored, where the service ignores it and its events have text
//!   ids, a `seq` or neither, or where events without an id follow the last one with an id: events before the
//!   cursor are delivered again.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::numbers::Numbers;

/// The position of a reader in a job's events. Another process can resume from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cursor {
    /// The highest event number up to which every event has arrived. If events have no numbers, the
    /// number of events. 0 before the first event.
    #[serde(default)]
    pub after: u64,
    /// The id of the last event that had one ([WHATWG: `Last-Event-ID`][whatwg]).
    ///
    /// [whatwg]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<String>,
}

/// The maximum number of events of a job that are remembered, to recognise a repetition: 128 KiB.
// Assumption: event-count.
const MAX_REMEMBERED: usize = 8 * 1024;

/// The identity and the content of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    /// The hash of its id or its number; 0 if it has neither.
    key: u64,
    /// The hash of its id, its name and its data.
    whole: u64,
}

/// An event as the decoder produced it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received<'a> {
    /// The event's own SSE id.
    pub(super) id: Option<&'a str>,
    /// `seq` in its data.
    pub(super) seq: Option<u64>,
    pub(super) name: &'a str,
    pub(super) data: &'a str,
}

/// Whether an event is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It was delivered before.
    Repeat,
    New {
        /// Its number, or its position if no event has a number.
        seq: Option<u64>,
        /// Numbers are missing before it.
        gap: bool,
    },
}

/// The event to resume after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Resume<'a> {
    pub(super) after: Option<u64>,
    pub(super) last_event_id: Option<&'a str>,
}

impl Resume<'_> {
    /// Whether there is an event to resume after.
    pub(super) fn is_some(&self) -> bool {
        self.after.is_some() || self.last_event_id.is_some()
    }
}

/// The events of a job that were delivered.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts about the service and the connection"
)]
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// In the order of delivery.
    remembered: Vec<Fingerprint>,
    /// Older events were delivered that are not remembered.
    incomplete: bool,
    /// Events up to this number were delivered and are not remembered.
    before: Option<u64>,
    numbers: Numbers,
    /// The number of delivered events.
    count: u64,
    last_event_id: Option<String>,
    /// An id or a number was used twice, with different content.
    keys_reused: bool,
    /// A `seq` was used twice, so it identifies nothing.
    seq_reused: bool,
    /// The service replays from the start, so the count is sent as `after`.
    send_count: bool,
    /// The service has rejected the cursor. None is sent before the next new event.
    cursor_refused: bool,
    /// The positions in `remembered` at which this connection may be replaying: from the start, or
    /// after the last event with a key.
    replaying: [Option<usize>; 2],
    /// This connection repeated an event.
    repeated: bool,
    /// This connection delivered a new event.
    brought_new: bool,
}

impl Delivered {
    pub(super) fn after(cursor: &Cursor) -> Self {
        let started = *cursor != Cursor::default();
        let numbered = cursor
            .last_event_id
            .as_deref()
            .is_none_or(|id| id.parse::<u64>().is_ok());
        // A `seq` may count per stage, so only ids say what was delivered.
        let has_id = cursor.last_event_id.is_some();
        let before = (has_id && numbered && cursor.after > 0).then_some(cursor.after);
        Self {
            incomplete: started,
            before,
            numbers: Numbers::after(before),
            count: cursor.after,
            last_event_id: cursor.last_event_id.clone(),
            send_count: started,
            ..Self::default()
        }
    }

    pub(super) fn cursor(&self) -> Cursor {
        let after = match self.numbers.settled {
            _ if self.keys_reused => self.count,
            Some(settled) => settled,
            None if self.numbers.any() => 0,
            None => self.count,
        };
        Cursor {
            after,
            last_event_id: self.last_event_id.clone(),
        }
    }

    /// What the next connection resumes after.
    pub(super) fn resume(&self) -> Resume<'_> {
        if self.cursor_refused {
            return Resume::default();
        }
        let after = match self.numbers.settled {
            _ if self.keys_reused => self.send_count.then_some(self.count),
            Some(settled) => Some(settled),
            None if self.numbers.any() => None,
            None => (self.send_count && self.count > 0).then_some(self.count),
        };
        Resume {
            after,
            last_event_id: self.last_event_id.as_deref(),
        }
    }

    /// The `after` that the next connection sends.
    pub(super) fn cursor_sent(&self) -> Option<u64> {
        self.resume().after
    }

    /// Whether no event was delivered, by this stream or before its cursor.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether a replay from the start would be recognised as such.
    pub(super) fn knows_all(&self) -> bool {
        !self.incomplete
    }

    pub(super) fn cursor_refused(&mut self) {
        self.cursor_refused = true;
    }

    /// A connection has been opened.
    pub(super) fn connected(&mut self) {
        let last_key = self.remembered.iter().rposition(|event| event.key != 0);
        self.replaying = [(!self.incomplete).then_some(0), last_key.map(|at| at + 1)];
        (self.repeated, self.brought_new) = (false, false);
        self.numbers.connected();
    }

    /// The connection has ended. Returns whether it delivered a new event.
    pub(super) fn disconnected(&mut self) -> bool {
        if self.repeated && !self.brought_new {
            self.send_count = true;
        }
        std::mem::take(&mut self.brought_new)
    }

    /// Takes the id of a ping, which may be numbered like the events.
    pub(super) fn ping(&mut self, id: Option<&str>) {
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            return;
        };
        if let Ok(number) = id.parse() {
            self.numbers.seen(number);
        }
        self.last_event_id = Some(id.to_owned());
    }

    /// Decides whether an event is delivered.
    pub(super) fn receive(&mut self, event: Received<'_>) -> Delivery {
        let id = event.id.filter(|id| !id.is_empty());
        // Assumption: event-number.
        let number = match id {
            Some(id) => id.parse().ok(),
            None => event.seq.filter(|_| !self.seq_reused),
        };
        let key = match (id, number) {
            (Some(id), _) => hash(&("id", id)),
            (None, Some(seq)) => hash(&("seq", seq)),
            (None, None) => 0,
        };
        let whole = hash(&(id, event.name, event.data));
        let known = if key == 0 {
            self.replayed(whole)
        } else {
            self.known(Fingerprint { key, whole }, number, id.is_none())
        };
        if known {
            self.repeated = true;
            if let Some(number) = number {
                self.numbers.seen(number);
            }
            return Delivery::Repeat;
        }
        self.replaying = [None; 2];
        self.brought_new = true;
        self.cursor_refused = false;
        self.count += 1;
        if self.remembered.len() == MAX_REMEMBERED {
            self.remembered.drain(..MAX_REMEMBERED / 2);
            self.incomplete = true;
            self.before = self.numbers.settled.filter(|_| !self.keys_reused);
        }
        // The number may just have been found to identify nothing.
        let (key, number) = if id.is_none() && self.seq_reused {
            (0, None)
        } else {
            (key, number)
        };
        self.remembered.push(Fingerprint { key, whole });
        let gap = number.is_some_and(|number| self.numbers.seen(number));
        if number == Some(self.count) {
            // The number is the event's position, so none is missing, though some have no number.
            self.numbers.settle(number);
        }
        if let Some(id) = event.id {
            self.last_event_id = Some(id.to_owned()).filter(|id| !id.is_empty());
        }
        let counted = !self.numbers.any() && !self.seq_reused;
        let seq = number
            .or(event.seq)
            .or_else(|| counted.then_some(self.count));
        Delivery::New { seq, gap }
    }

    /// Whether an event with an id or a number was delivered.
    fn known(&mut self, event: Fingerprint, number: Option<u64>, by_seq: bool) -> bool {
        // Numbers usually grow, and need no search.
        // Assumption: event-numbers-grow.
        let highest = self.numbers.highest.max(self.before);
        if number.is_some_and(|number| highest.is_none_or(|highest| number > highest))
            && !self.keys_reused
        {
            return false;
        }
        let at = self.remembered.iter().rposition(|seen| *seen == event);
        if let Some(at) = at {
            self.replaying = [Some(at + 1), None];
            return true;
        }
        if self.remembered.iter().any(|seen| seen.key == event.key) {
            self.keys_reused = true;
            self.seq_reused |= by_seq;
            return false;
        }
        let before = self.before.filter(|_| !self.keys_reused);
        number.is_some_and(|number| before.is_some_and(|before| number <= before))
    }

    /// Whether an event without a key continues a replay.
    fn replayed(&mut self, whole: u64) -> bool {
        for place in &mut self.replaying {
            *place = place.and_then(|at| {
                let same = self
                    .remembered
                    .get(at)
                    .is_some_and(|seen| seen.whole == whole);
                same.then_some(at + 1)
            });
        }
        self.replaying.iter().any(Option::is_some)
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event: its id, its seq, and its name, which stands for all it says.
    type Event = (Option<&'static str>, Option<u64>, &'static str);

    fn receive(delivered: &mut Delivered, (id, seq, name): Event) -> Delivery {
        delivered.receive(Received {
            id,
            seq,
            name,
            data: "{}",
        })
    }

    /// The names of the events that are delivered, of one connection after the other.
    fn names(delivered: &mut Delivered, connections: &[&[Event]]) -> String {
        let mut names = String::new();
        for events in connections {
            delivered.connected();
            for event in *events {
                if receive(delivered, *event) != Delivery::Repeat {
                    names.push_str(event.2);
                }
            }
            delivered.disconnected();
        }
        names
    }

    fn id(id: &'static str, name: &'static str) -> Event {
        (Some(id), None, name)
    }

    fn seq(seq: u64, name: &'static str) -> Event {
        (None, Some(seq), name)
    }

    fn bare(name: &'static str) -> Event {
        (None, None, name)
    }

    /// What is delivered, and the `after` that the next connection would send.
    fn run(connections: &[&[Event]]) -> (String, Option<u64>) {
        let mut delivered = Delivered::default();
        let names = names(&mut delivered, connections);
        (names, delivered.resume().after)
    }

    /// A shape, the events of each connection, the names that are delivered, and the next `after`.
    type Shape<'a> = (&'a str, &'a [&'a [Event]], &'a str, Option<u64>);

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn each_event_is_delivered_once_in_every_shape() {
        let table: &[Shape<'_>] = &[
            (
                "from one",
                &[&[id("1", "a"), id("2", "b")], &[id("3", "c")]],
                "abc",
                Some(3),
            ),
            (
                "from zero",
                &[&[id("0", "a"), id("1", "b")], &[id("2", "c")]],
                "abc",
                Some(2),
            ),
            ("from zero, one event", &[&[id("0", "a")]], "a", Some(0)),
            (
                "seq from zero",
                &[&[seq(0, "a"), seq(1, "b")]],
                "ab",
                Some(1),
            ),
            (
                "cursor ignored",
                &[
                    &[id("1", "a"), id("2", "b")],
                    &[id("1", "a"), id("2", "b"), id("3", "c")],
                ],
                "abc",
                Some(3),
            ),
            (
                "each twice",
                &[&[id("1", "a"), id("1", "a"), id("2", "b"), id("2", "b")]],
                "ab",
                Some(2),
            ),
            (
                "text",
                &[
                    &[id("01J", "a"), id("01K", "b")],
                    &[id("01J", "a"), id("01K", "b"), id("01L", "c")],
                ],
                "abc",
                None,
            ),
            (
                "out of order",
                &[&[id("2", "b"), id("1", "a"), id("4", "d"), id("3", "c")]],
                "badc",
                Some(4),
            ),
            (
                "cut out of order",
                &[&[id("1", "a"), id("3", "c")]],
                "ac",
                Some(1),
            ),
            (
                "resumed out of order",
                &[
                    &[id("1", "a"), id("3", "c")],
                    &[id("2", "b"), id("3", "c"), id("4", "d")],
                ],
                "acbd",
                Some(4),
            ),
            (
                "gaps for good",
                &[
                    &[id("10", "a"), id("20", "b")],
                    &[id("10", "a"), id("20", "b"), id("30", "c")],
                ],
                "abc",
                Some(20),
            ),
            (
                "gaps, settled one by one",
                &[
                    &[id("1", "a"), id("5", "b")],
                    &[id("5", "b"), id("9", "c")],
                    &[id("9", "c"), id("12", "d")],
                ],
                "abcd",
                Some(9),
            ),
            (
                "restarted",
                &[
                    &[id("1", "a"), id("2", "b")],
                    &[id("1", "c"), id("2", "d")],
                    &[id("1", "c"), id("2", "d"), id("3", "e")],
                ],
                "abcde",
                None,
            ),
            (
                "per stage",
                &[&[
                    seq(1, "a"),
                    seq(2, "b"),
                    seq(1, "c"),
                    seq(2, "b"),
                    seq(3, "d"),
                ]],
                "abcbd",
                None,
            ),
            (
                "some ids",
                &[
                    &[bare("a"), id("2", "b"), bare("c")],
                    &[bare("c"), id("4", "d")],
                ],
                "abcd",
                Some(4),
            ),
            (
                "some ids, cursor ignored",
                &[
                    &[bare("a"), id("2", "b"), bare("c")],
                    &[bare("a"), id("2", "b"), bare("c"), id("4", "d")],
                ],
                "abcd",
                Some(4),
            ),
            (
                "no ids, replayed",
                &[&[bare("a"), bare("b")], &[bare("a"), bare("b"), bare("c")]],
                "abc",
                None,
            ),
            (
                "no ids, continued",
                &[&[bare("a"), bare("b")], &[bare("c"), bare("d")]],
                "abcd",
                None,
            ),
            (
                "no ids, only repeated",
                &[&[bare("a"), bare("b")], &[bare("a"), bare("b")]],
                "ab",
                Some(2),
            ),
            (
                "no ids, the same text twice",
                &[&[bare("a"), bare("a")], &[bare("a"), bare("a"), bare("a")]],
                "aaa",
                None,
            ),
        ];
        for (shape, connections, wanted, after) in table {
            assert_eq!(run(connections), ((*wanted).to_owned(), *after), "{shape}");
        }
    }

    /// A shape, the events before and after the cursor, what is delivered, and what was sent.
    type Stored<'a> = (&'a str, &'a [Event], &'a [Event], &'a str, Resume<'a>);

    #[test]
    fn another_process_resumes_after_what_was_delivered() {
        let table: &[Stored<'_>] = &[
            (
                "ids",
                &[id("1", "a"), id("2", "b")],
                &[id("1", "a"), id("2", "b"), id("3", "c")],
                "c",
                Resume {
                    after: Some(2),
                    last_event_id: Some("2"),
                },
            ),
            (
                "seq",
                &[seq(1, "a"), seq(2, "b")],
                &[seq(3, "c")],
                "c",
                Resume {
                    after: Some(2),
                    last_event_id: None,
                },
            ),
            (
                "text",
                &[id("x", "a"), id("y", "b")],
                &[id("z", "c")],
                "c",
                Resume {
                    after: Some(2),
                    last_event_id: Some("y"),
                },
            ),
            (
                "none",
                &[bare("a"), bare("b")],
                &[bare("c")],
                "c",
                Resume {
                    after: Some(2),
                    last_event_id: None,
                },
            ),
        ];
        for (shape, first, then, wanted, resume) in table {
            let mut delivered = Delivered::default();
            names(&mut delivered, &[first]);
            let stored = serde_json::to_string(&delivered.cursor()).unwrap();
            let cursor: Cursor = serde_json::from_str(&stored).unwrap();
            let mut delivered = Delivered::after(&cursor);
            assert_eq!(delivered.resume(), *resume, "{shape}");
            assert_eq!(names(&mut delivered, &[then]), *wanted, "{shape}");
        }
    }

    #[test]
    fn a_ping_may_have_a_number_and_leaves_no_gap() {
        let mut delivered = Delivered::default();
        delivered.connected();
        receive(&mut delivered, id("1", "a"));
        delivered.ping(Some("2"));
        let next = receive(&mut delivered, id("3", "b"));
        assert_eq!(
            next,
            Delivery::New {
                seq: Some(3),
                gap: false
            }
        );
        assert_eq!(delivered.resume().after, Some(3));
    }

    #[test]
    fn a_gap_is_reported_where_there_are_usually_none() {
        let mut delivered = Delivered::default();
        delivered.connected();
        let gaps: Vec<bool> = [1, 2, 4, 5]
            .map(|number| receive(&mut delivered, seq(number, "x")))
            .into_iter()
            .map(|delivery| matches!(delivery, Delivery::New { gap: true, .. }))
            .collect();
        assert_eq!(gaps, [false, false, true, false]);
    }

    #[test]
    fn memory_is_bounded_and_old_numbers_stay_known() {
        let mut delivered = Delivered::default();
        delivered.connected();
        for number in 1..=20_000 {
            assert_ne!(receive(&mut delivered, seq(number, "x")), Delivery::Repeat);
        }
        assert!(delivered.remembered.len() <= MAX_REMEMBERED && !delivered.knows_all());
        delivered.connected();
        for number in [1, 10_000, 19_999] {
            assert_eq!(receive(&mut delivered, seq(number, "x")), Delivery::Repeat);
        }
    }
}
