//! The SSE decoder against WHATWG's algorithm: tables, every split, and a second implementation.

use std::time::Duration;

use gizmo_client::sse::{Decoder, Event, TooLarge};
use proptest::prelude::*;

/// What a decoder has to say of some bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Seen {
    events: Vec<Owned>,
    last_event_id: String,
    retry: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    event: String,
    data: String,
    id: String,
    own_id: bool,
}

impl From<Event<'_>> for Owned {
    fn from(event: Event<'_>) -> Self {
        Self {
            event: event.event.to_owned(),
            data: event.data.to_owned(),
            id: event.id.to_owned(),
            own_id: event.own_id,
        }
    }
}

impl Seen {
    fn feed(&mut self, decoder: &mut Decoder, chunk: &[u8]) -> Result<(), TooLarge> {
        let mut rest = chunk;
        while let Some(event) = decoder.next(&mut rest)? {
            self.events.push(event.into());
        }
        assert!(rest.is_empty(), "{rest:?} was left of {chunk:?}");
        self.last_event_id = decoder.last_event_id().to_owned();
        self.retry = decoder.retry();
        Ok(())
    }
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut seen = Seen::default();
    let mut decoder = Decoder::new();
    for chunk in chunks {
        seen.feed(&mut decoder, chunk).unwrap();
    }
    seen
}

/// The algorithm as WHATWG writes it down, on the whole stream at once.
fn specified(bytes: &[u8]) -> Seen {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop(); // the last line has no end

    let mut seen = Seen::default();
    let (mut data, mut event_type, mut own_id) = (String::new(), String::new(), false);
    let mut id_buffer = String::new();
    for line in lines {
        if line.is_empty() {
            seen.last_event_id.clone_from(&id_buffer);
            if let Some(data) = data.strip_suffix('\n') {
                seen.events.push(Owned {
                    event: if event_type.is_empty() {
                        "message".into()
                    } else {
                        event_type.clone()
                    },
                    data: data.to_owned(),
                    id: id_buffer.clone(),
                    own_id,
                });
            }
            data.clear();
            event_type.clear();
            own_id = false;
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut event_type),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => {
                value.clone_into(&mut id_buffer);
                own_id = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let milliseconds = value.parse().unwrap_or(u64::MAX);
                seen.retry = Some(Duration::from_millis(milliseconds));
            }
            _ => {}
        }
    }
    seen
}

fn event(event: &str, data: &str, id: &str, own_id: bool) -> Owned {
    Owned {
        event: event.into(),
        data: data.into(),
        id: id.into(),
        own_id,
    }
}

/// Has every feature; in the comments and the data there is UTF-8 of two to four bytes, and some
/// that is none.
const EVERYTHING: &[u8] = b"\xEF\xBB\xBFdata: marked

: a comment, with a colon: and \xC3\xA9
::
event: stage_start
id: 1
data: {\"stage\":\"layout \xE2\x86\x92 \xF0\x9F\xA4\x96\"}

id: 2
data:first
data:  second
data
data:
data: last

data: inherits an id

id: 3

event: dropped for want of data
retry: 2500

retry: 12x
retry:
retry
retry: -1
id: not\0this
data: \xFF\xC3
data: \xE2\x86
event: broken \xF0\x9F

id
data: no id

event: replaced
event
data: a message

unknown: field
dat: a
datas: b
 data: c
data : d
da
d
id: 4
id: 5
event: twice
event: over
data:no space:colon
retry: 0001500



data: \xEF\xBB\xBFa mark within

data: not ended, not seen
id: not taken
event";

fn everything() -> Seen {
    Seen {
        events: vec![
            event("message", "marked", "", false),
            event("stage_start", "{\"stage\":\"layout → 🤖\"}", "1", true),
            event("message", "first\n second\n\n\nlast", "2", true),
            event("message", "inherits an id", "2", false),
            event("broken \u{FFFD}", "\u{FFFD}\u{FFFD}\n\u{FFFD}", "3", false),
            event("message", "no id", "", true),
            event("message", "a message", "", false),
            event("over", "no space:colon", "5", true),
            event("message", "\u{FEFF}a mark within", "5", false),
        ],
        last_event_id: "5".into(),
        retry: Some(Duration::from_millis(1500)),
    }
}

/// `EVERYTHING` with LF, CRLF, CR, and each in turn.
fn in_all_line_endings() -> Vec<Vec<u8>> {
    let ends: [&[&str]; 5] = [
        &["\n"],
        &["\r\n"],
        &["\r"],
        &["\n", "\r\n", "\r"],
        &["\r", "\r\n"],
    ];
    ends.iter()
        .map(|ends| {
            let lines: Vec<&[u8]> = EVERYTHING.split(|byte| *byte == b'\n').collect();
            let mut bytes = lines[0].to_vec();
            for (line, end) in lines[1..].iter().zip(ends.iter().cycle()) {
                let joins = bytes.ends_with(b"\r") && *end == "\n"; // two ends would be one CRLF
                bytes.extend_from_slice(if joins { b"\r" } else { end.as_bytes() });
                bytes.extend_from_slice(line);
            }
            bytes
        })
        .collect()
}

#[test]
fn every_feature_is_decoded_in_every_line_ending() {
    for bytes in in_all_line_endings() {
        assert_eq!(decode([&bytes[..]]), everything());
        assert_eq!(specified(&bytes), everything());
    }
}

#[test]
fn every_split_into_two_and_byte_at_a_time_give_the_same() {
    for bytes in in_all_line_endings() {
        for middle in 0..=bytes.len() {
            let (left, right) = bytes.split_at(middle);
            assert_eq!(decode([left, right]), everything(), "split at {middle}");
            assert_eq!(
                decode([left, b"", right]),
                everything(),
                "split at {middle}, empty chunk"
            );
        }
        assert_eq!(decode(bytes.chunks(1)), everything());
    }
}

#[test]
fn every_byte_has_its_effect_at_once() {
    for bytes in in_all_line_endings() {
        let mut decoder = Decoder::new();
        let mut seen = Seen::default();
        for end in 1..=bytes.len() {
            seen.feed(&mut decoder, &bytes[end - 1..end]).unwrap();
            assert_eq!(seen, specified(&bytes[..end]), "after {end} bytes");
        }
    }
}

/// Pieces of which streams are made, the treacherous ones above all.
fn piece() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        &b"\n"[..],
        b"\n",
        b"\n",
        b"\r",
        b"\r",
        b"\r\n",
        b"\n\n",
        b":",
        b":",
        b" ",
        b"\0",
        b"\xEF\xBB\xBF",
        b"\xEF",
        b"\xBB",
        b"\xBF",
        b"\xFF",
        b"\xE2\x86",
        b"\x92",
        b"\xF0\x9F\xA4\x96",
        b"\xED\xA0\x80",
        b"\xC0",
        b"id",
        b"id:",
        b"id: 7\n",
        b"data",
        b"data:",
        b"data: x\n",
        b"data:y\n\n",
        b"d",
        b"ata",
        b"event",
        b"event:",
        b"event: e\r",
        b"retry",
        b"retry:",
        b"retry: 1",
        b"9",
        b"18446744073709551616",
        b"message",
        b"abc",
    ])
}

/// A stream and where it is cut.
fn cut_stream() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let stream = prop::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat());
    (stream, prop::collection::vec(0..12_u8, 1..6))
}

/// Cuts `bytes` into chunks of these lengths, over and over; of one byte where all are zero.
fn chunks<'a>(bytes: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let mut rest = bytes;
    for (turn, length) in lengths.iter().cycle().enumerate() {
        let length = usize::from(*length)
            .max(turn / lengths.len())
            .min(rest.len());
        let (chunk, after) = rest.split_at(length);
        chunks.push(chunk);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_stream_is_decoded_as_specified((bytes, lengths) in cut_stream()) {
        let expected = specified(&bytes);
        prop_assert_eq!(&decode([&bytes[..]]), &expected);
        prop_assert_eq!(&decode(chunks(&bytes, &lengths)), &expected);
    }
}
