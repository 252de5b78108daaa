//! The SSE decoder, checked against the WHATWG algorithm by tables, by all splits of a stream, and
//! by a second implementation.

use std::time::{Duration, Instant};

use gizmo_client::sse::{Decoder, Event, TooLarge};
use proptest::prelude::*;

/// The events and the state of a decoder after some bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Decoded {
    events: Vec<OwnedEvent>,
    last_event_id: String,
    retry: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OwnedEvent {
    event: String,
    data: String,
    id: String,
    has_id: bool,
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        Self {
            event: event.event.to_owned(),
            data: event.data.to_owned(),
            id: event.id.to_owned(),
            has_id: event.has_id,
        }
    }
}

impl Decoded {
    fn feed(&mut self, decoder: &mut Decoder, chunk: &[u8]) -> Result<(), TooLarge> {
        let mut rest = chunk;
        while let Some(event) = decoder.next(&mut rest)? {
            self.events.push(event.into());
        }
        assert!(rest.is_empty(), "{rest:?} of {chunk:?} was not consumed");
        decoder.last_event_id().clone_into(&mut self.last_event_id);
        self.retry = decoder.retry();
        Ok(())
    }
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut output = Decoded::default();
    let mut decoder = Decoder::new();
    for chunk in chunks {
        let fed = output.feed(&mut decoder, chunk);
        fed.expect("no event exceeds the limit");
    }
    output
}

/// Decodes a complete stream with the algorithm as the WHATWG standard describes it.
fn reference_decode(bytes: &[u8]) -> Decoded {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop(); // the last line is not terminated

    let mut output = Decoded::default();
    let (mut data, mut event_type, mut has_id) = (String::new(), String::new(), false);
    let mut id_buffer = String::new();
    for line in lines {
        if line.is_empty() {
            output.last_event_id.clone_from(&id_buffer);
            if let Some(data) = data.strip_suffix('\n') {
                output.events.push(OwnedEvent {
                    event: if event_type.is_empty() {
                        "message".into()
                    } else {
                        event_type.clone()
                    },
                    data: data.to_owned(),
                    id: id_buffer.clone(),
                    has_id,
                });
            }
            data.clear();
            event_type.clear();
            has_id = false;
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
                has_id = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let milliseconds = value.parse().unwrap_or(u64::MAX);
                output.retry = Some(Duration::from_millis(milliseconds));
            }
            _ => {}
        }
    }
    output
}

fn event(event: &str, data: &str, id: &str, has_id: bool) -> OwnedEvent {
    OwnedEvent {
        event: event.into(),
        data: data.into(),
        id: id.into(),
        has_id,
    }
}

/// A stream with every feature. Its comments and data have UTF-8 sequences of two to four bytes and
/// invalid ones.
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

event: dropped without data
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



data: \xEF\xBB\xBFa mark inside

data: not terminated, not output
id: not used
event";

fn everything() -> Decoded {
    Decoded {
        events: vec![
            event("message", "marked", "", false),
            event("stage_start", "{\"stage\":\"layout → 🤖\"}", "1", true),
            event("message", "first\n second\n\n\nlast", "2", true),
            event("message", "inherits an id", "2", false),
            event("broken \u{FFFD}", "\u{FFFD}\u{FFFD}\n\u{FFFD}", "3", false),
            event("message", "no id", "", true),
            event("message", "a message", "", false),
            event("over", "no space:colon", "5", true),
            event("message", "\u{FEFF}a mark inside", "5", false),
        ],
        last_event_id: "5".into(),
        retry: Some(Duration::from_millis(1500)),
    }
}

/// Returns `EVERYTHING` with LF, with CRLF, with CR, and with mixed line endings.
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
                let joins = bytes.ends_with(b"\r") && *end == "\n"; // CR and LF would form one CRLF
                bytes.extend_from_slice(if joins { b"\r" } else { end.as_bytes() });
                bytes.extend_from_slice(line);
            }
            bytes
        })
        .collect()
}

#[test]
fn every_feature_is_decoded_with_every_line_ending() {
    for bytes in in_all_line_endings() {
        assert_eq!(decode([&bytes[..]]), everything());
        assert_eq!(reference_decode(&bytes), everything());
    }
}

#[test]
fn splits_into_two_chunks_or_into_single_bytes_do_not_change_the_result() {
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
fn every_byte_takes_effect_immediately() {
    for bytes in in_all_line_endings() {
        let mut decoder = Decoder::new();
        let mut output = Decoded::default();
        for end in 1..=bytes.len() {
            output.feed(&mut decoder, &bytes[end - 1..end]).unwrap();
            assert_eq!(output, reference_decode(&bytes[..end]), "after {end} bytes");
        }
    }
}

/// Returns the events of `bytes` as `event|id|data`.
///
/// Asserts that single bytes and the second implementation give the same events.
fn events(bytes: &[u8]) -> Vec<String> {
    let output = decode([bytes]);
    assert_eq!(output, decode(bytes.chunks(1)));
    assert_eq!(output, reference_decode(bytes));
    output
        .events
        .iter()
        .map(|event| format!("{}|{}|{}", event.event, event.id, event.data))
        .collect()
}

#[test]
fn the_examples_of_the_whatwg_standard_are_decoded_as_it_describes() {
    let table: &[(&str, &[&str])] = &[
        // 9.2.1
        (
            "data: This is the first message.\n\ndata: This is the second message, it\n\
             data: has two lines.\n\ndata: This is the third message.\n\n",
            &[
                "message||This is the first message.",
                "message||This is the second message, it\nhas two lines.",
                "message||This is the third message.",
            ],
        ),
        (
            "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
            &["add||73857293", "remove||2153", "add||113411"],
        ),
        // 9.2.6
        (
            "data: YHOO\ndata: +2\ndata: 10\n\n",
            &["message||YHOO\n+2\n10"],
        ),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
            &["message|1|first event", "message||second event"],
        ),
        ("data\n\ndata\ndata\n\ndata:", &["message||", "message||\n"]),
        (
            "data:test\n\ndata: test\n\n",
            &["message||test", "message||test"],
        ),
    ];
    for (bytes, expected) in table {
        assert_eq!(events(bytes.as_bytes()), *expected, "{bytes:?}");
    }
}

#[test]
fn edge_cases_are_decoded_as_specified() {
    let table: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (b"\n\r\r\n\n", &[]),
        // Only a complete byte order mark at the start of the stream is skipped, and only once.
        (b"\xEF\xBB\xBF", &[]),
        (
            b"\xEF\xBB\xBF\xEF\xBB\xBFdata: x\n\ndata: y\n\n",
            &["message||y"],
        ),
        (b"\xEF\xBBdata: x\n\ndata: y\n\n", &["message||y"]),
        (b"\xEF\xBB\n\ndata: y\n\n", &["message||y"]),
        (b"\n\xEF\xBB\xBFdata: x\n\ndata: y\n\n", &["message||y"]),
        // A field name must be complete, in lower case, and at the start of the line.
        (
            b"Data: x\nDATA: x\n data: x\ndata : x\ndata\0: x\ndatum: x\nda: x\n\n",
            &[],
        ),
        (b"id: 1\nidx: 2\nId: 3\ni: 4\ndata: x\n\n", &["message|1|x"]),
        // One leading space is removed, but no second space and no tab.
        (
            b"data:  x \n\ndata:\tx\n\ndata: \n\ndata:\n\n",
            &["message|| x ", "message||\tx", "message||", "message||"],
        ),
        (b"event: e\nevent:  f\ndata: x\n\n", &[" f||x"]),
        // The type of an event without data is discarded, but its id is kept.
        (b"event: e\n\ndata: x\n\n", &["message||x"]),
        (b"id: 1\n\ndata: x\n\n", &["message|1|x"]),
        (b"id: 1\n\nid: 2\n", &[]),
        // An id that contains NUL is ignored. An empty id is valid.
        (b"id: 1\nid: \0\nid: 2\0\ndata: x\n\n", &["message|1|x"]),
        (
            b"id: 1\ndata: x\n\nid\ndata: y\n\ndata: z\n\n",
            &["message|1|x", "message||y", "message||z"],
        ),
        (b"id: 1\nid:\ndata: y\n\n", &["message||y"]),
        // CR ends a line, and CRLF ends it only once.
        (
            b"data: x\r\rdata: y\r\n\r\ndata: z\n\rdata: not terminated\r\n",
            &["message||x", "message||y", "message||z"],
        ),
        (b"data: x\r\n\ndata: y\r\r\n", &["message||x", "message||y"]),
        // Other control characters and the line separators of Unicode are text.
        (
            b"data: a\0b\x0Bc\x0Cd\xC2\x85e\xE2\x80\xA8f\n\n",
            &["message||a\0b\u{B}c\u{C}d\u{85}e\u{2028}f"],
        ),
        // Invalid UTF-8 is replaced within its value and never consumes a line ending.
        (
            b"data: \xF0\x9F\ndata: \xA4\n\n",
            &["message||\u{FFFD}\n\u{FFFD}"],
        ),
        (
            b"event: \xFF\nid: \xC0\ndata: x\n\ndata: y\n\n",
            &["\u{FFFD}|\u{FFFD}|x", "message|\u{FFFD}|y"],
        ),
        (
            b"data: \xE2\x82\n\ndata: \xE2\x82\xAC\n\n",
            &["message||\u{FFFD}", "message||\u{20AC}"],
        ),
        (
            b"data: \xED\xA0\x80\n\n",
            &["message||\u{FFFD}\u{FFFD}\u{FFFD}"],
        ),
        (b"data\xFF: x\n\xFFdata: x\n\n", &[]),
        (b": \xFF\xFE\n:\ndata: x\n:\n\n", &["message||x"]),
    ];
    for (bytes, expected) in table {
        assert_eq!(events(bytes), *expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn retry_accepts_only_ascii_digits() {
    let table: [(&[u8], Option<u64>); 12] = [
        (b"retry: 0\n", Some(0)),
        (b"retry:3000\r", Some(3000)),
        (b"retry: 007\n", Some(7)),
        (b"retry: 1\nretry: x\n", Some(1)),
        (b"retry: 99999999999999999999999999\n", Some(u64::MAX)),
        (b"retry: 5", None),
        (b"retry:  5\n", None),
        (b"retry: +5\n", None),
        (b"retry: 5 \n", None),
        (b"retry: \xD9\xA5\n", None),
        (b"retry:\n", None),
        (b"retry\n", None),
    ];
    for (bytes, milliseconds) in table {
        assert_eq!(events(bytes), [""; 0]);
        let expected = milliseconds.map(Duration::from_millis);
        assert_eq!(decode([bytes]).retry, expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn an_event_within_one_chunk_is_borrowed_from_the_chunk() {
    let chunk = b"id: 1\nevent: done\ndata: {}\n\n".to_vec();
    let mut decoder = Decoder::new();
    let mut rest = &chunk[..];
    let event = decoder.next(&mut rest).unwrap().unwrap();
    for text in [event.event, event.data] {
        assert!(chunk.as_ptr_range().contains(&text.as_ptr()));
    }
}

#[test]
fn the_bytes_after_an_event_are_not_consumed() {
    let mut decoder = Decoder::new();
    let mut rest = &b"data: 1\n\ndata: 2\n\ndata: 3"[..];
    assert_eq!(decoder.next(&mut rest).unwrap().unwrap().data, "1");
    assert_eq!(rest, b"data: 2\n\ndata: 3");
    assert_eq!(decoder.next(&mut rest).unwrap().unwrap().data, "2");
    assert_eq!(rest, b"data: 3");
    assert_eq!(decoder.next(&mut rest), Ok(None));
    assert_eq!(rest, b"");
}

#[test]
fn a_reset_drops_the_partial_event_and_keeps_the_last_id_and_retry() {
    let before = b"\xEF\xBB\xBFid: 1\nretry: 20\ndata: x\n\nevent: e\nid: 2\ndata: y\ndata: z";
    for end in 0..=before.len() {
        let mut decoder = Decoder::new().with_last_event_id("0");
        let mut output = Decoded::default();
        output.feed(&mut decoder, &before[..end]).unwrap();
        let (ids, retry) = (output.events.len().to_string(), decoder.retry());

        decoder.reset();
        let mut output = Decoded::default();
        output
            .feed(&mut decoder, b"\xEF\xBB\xBFdata: a\n\nid: 3\ndata: b\n\n")
            .unwrap();
        assert_eq!(
            output.events,
            [
                event("message", "a", &ids, false),
                event("message", "b", "3", true)
            ]
        );
        assert_eq!((output.last_event_id.as_str(), output.retry), ("3", retry));
    }
}

#[test]
fn an_initial_id_is_inherited_until_the_stream_sends_one() {
    let mut decoder = Decoder::new().with_last_event_id("41");
    assert_eq!(decoder.last_event_id(), "41");
    let mut output = Decoded::default();
    output
        .feed(
            &mut decoder,
            b"data: a\n\nid: 42\ndata: b\n\nid: 43\ndata: not terminated\n",
        )
        .unwrap();
    assert_eq!(
        output.events,
        [
            event("message", "a", "41", false),
            event("message", "b", "42", true)
        ]
    );
    assert_eq!(output.last_event_id, "42");
}

/// Returns the events and errors of a decoder with a limit in order, and its last event ID.
fn decode_limited(limit: usize, chunks: &[&[u8]]) -> (Vec<Result<OwnedEvent, TooLarge>>, String) {
    let mut decoder = Decoder::new().with_limit(limit);
    let mut output = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        while let Some(next) = decoder
            .next(&mut rest)
            .map(|event| event.map(OwnedEvent::from))
            .transpose()
        {
            output.push(next);
        }
        assert!(rest.is_empty());
    }
    (output, decoder.last_event_id().to_owned())
}

#[test]
fn an_event_over_the_limit_is_one_error_and_the_next_event_is_complete() {
    // The first event of each stream counts as 10 bytes.
    let table: [&[u8]; 10] = [
        b"data: 0123456789\n\n",
        b"data:0123\ndata:\ndata:5678\n\n",
        b"data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n",
        b"event: abc\nid: 12\ndata: 01234\n\n",
        b"id: 0123456789\ndata\n\n",
        b"event: 0123456789\ndata\n\n",
        b"event: 01234\nevent: 56789\ndata\n\n",
        b"retry: 0123456789\ndata\n\n",
        b"data: 0123456789\r\r",
        b"data: \xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\r\n\r\n",
    ];
    for bytes in table {
        let text = [bytes, b"id: 7\nevent: ok\ndata: fine\n\n"].concat();
        let accepted = decode_limited(10, &[&text]);
        assert!(
            accepted.0.iter().all(Result::is_ok),
            "{}: {accepted:?}",
            bytes.escape_ascii()
        );
        let refused = decode_limited(9, &[&text]);
        assert_eq!(refused.0[0].as_ref().unwrap_err().limit(), 9);
        assert_eq!(refused.0[1..], [Ok(event("ok", "fine", "7", true))]);
        for (limit, expected) in [(10, accepted), (9, refused)] {
            assert_eq!(
                decode_limited(limit, &text.chunks(1).collect::<Vec<_>>()),
                expected
            );
            for middle in 0..=text.len() {
                let (left, right) = text.split_at(middle);
                assert_eq!(
                    decode_limited(limit, &[left, right]),
                    expected,
                    "split at {middle}"
                );
            }
        }
    }
}

#[test]
fn the_id_of_an_event_over_the_limit_is_ignored() {
    for bytes in [
        "id: 2\ndata: 0123456789\n\n",
        "data: 0123456789\nid: 2\ndata\n\n",
    ] {
        let text = format!("id: 1\ndata: x\n\n{bytes}");
        for size in 1..=text.len() {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let (output, last_event_id) = decode_limited(9, &chunks);
            assert_eq!(
                output,
                [Ok(event("message", "x", "1", true)), output[1].clone()]
            );
            assert_eq!(output[1].as_ref().unwrap_err().limit(), 9);
            assert_eq!(last_event_id, "1");
        }
    }
}

#[test]
fn comments_and_unknown_fields_have_no_limit() {
    let long = "x".repeat(1000);
    let text = format!(":{long}\nunknown: {long}\ndata{long}: x\ndata: ok\n\n");
    for size in [1, 7, 64, 5000] {
        let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        assert_eq!(
            decode_limited(2, &chunks).0,
            [Ok(event("message", "ok", "", false))]
        );
    }
}

#[test]
fn the_default_limit_is_sixteen_mebibytes() {
    let mut text = b"data:".to_vec();
    text.resize(text.len() + 16 * 1024 * 1024, b'x');
    let mut decoder = Decoder::new();
    let mut rest = &[&text, &b"\n\n"[..]].concat()[..];
    assert_eq!(
        decoder.next(&mut rest).unwrap().unwrap().data.len(),
        16 * 1024 * 1024
    );
    let mut rest = &[&text, &b"x\n\n"[..]].concat()[..];
    let error = decoder.next(&mut rest).unwrap_err();
    assert_eq!(error.limit(), 16 * 1024 * 1024);
    assert_eq!(
        error.to_string(),
        "server-sent event exceeds the limit of 16777216 bytes"
    );
}

/// Returns the duration of the fastest of three runs.
fn time_to_decode(text: &[u8], size: usize) -> Duration {
    let run = || {
        let start = Instant::now();
        let mut decoder = Decoder::new();
        let mut last = None;
        for chunk in text.chunks(size) {
            let mut rest = chunk;
            while let Some(event) = decoder.next(&mut rest).expect("no event exceeds the limit") {
                last = event.data.chars().last();
            }
        }
        assert_eq!(last, Some('.'));
        start.elapsed()
    };
    run().min(run()).min(run())
}

/// With quadratic work, 16 times the bytes would take about 256 times as long in every attempt. The
/// bound of 64 and the ten attempts allow for a busy machine.
#[test]
fn hostile_streams_are_decoded_in_linear_time() {
    let streams: [(&str, &[u8]); 9] = [
        ("data:", b"x"),
        ("data:", b"\xE2\x86"),
        ("data:", b"\t"),
        ("id:", b"1"),
        (":", b":"),
        ("", b"data\n"),
        ("", b"\r"),
        ("", b"id:\xFF\n"),
        ("", b"event:x\ndata\n\n"),
    ];
    for (start, piece) in streams {
        let text = |size: usize| {
            [
                start.as_bytes(),
                &piece.repeat(size / piece.len()),
                b"\n\ndata: .\n\n",
            ]
            .concat()
        };
        let (short, long) = (text(1 << 16), text(1 << 20));
        for size in [1, 17] {
            let ratio =
                || time_to_decode(&long, size).div_duration_f64(time_to_decode(&short, size));
            assert!(
                (0..10).any(|_| ratio() < 64.0),
                "{start}{} in {size}",
                piece.escape_ascii()
            );
        }
    }
}

#[test]
fn debug_output_shows_the_buffered_size_but_not_the_contents() {
    let mut decoder = Decoder::new();
    assert_eq!(
        decoder.next(&mut &b"data: secret\nevent: hidden"[..]),
        Ok(None)
    );
    let shown = format!("{decoder:?}");
    assert!(shown.contains("size: 12"), "{shown}");
    assert!(
        !shown.contains("secret") && !shown.contains("hidden"),
        "{shown}"
    );
}

/// Generates a piece of a stream. Most of the pieces are hard to decode.
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

/// Generates a stream and the lengths of its chunks.
fn split_stream() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let stream = prop::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat());
    (stream, prop::collection::vec(0..12_u8, 1..6))
}

/// Splits `bytes` into chunks of these lengths, which repeat.
///
/// The minimum length grows by one with each repetition, so that a list of zeros reaches the end.
fn chunks<'a>(bytes: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let mut rest = bytes;
    for (index, length) in lengths.iter().cycle().enumerate() {
        let length = usize::from(*length)
            .max(index / lengths.len())
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
    fn any_stream_is_decoded_as_specified((bytes, lengths) in split_stream()) {
        let expected = reference_decode(&bytes);
        prop_assert_eq!(&decode([&bytes[..]]), &expected);
        prop_assert_eq!(&decode(chunks(&bytes, &lengths)), &expected);
    }
}
