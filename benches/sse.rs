//! Compares the SSE decoder with others: `cargo bench --bench sse [-- ROUNDS [NAME]]`.
//!
//! In each round, every decoder reads the same bytes in the same chunks, one after the other in a
//! rotating order. A ratio is the median of the ratios of all rounds, so a machine whose speed varies
//! favours no decoder. A ratio above 1 means that the other decoder is slower than ours.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

#[path = "support/table.rs"]
mod table;

use std::{
    array,
    convert::Infallible,
    env,
    fmt::Write,
    hint::black_box,
    num::NonZeroUsize,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use futures_util::{Stream, stream};
use table::{Goal, Table, median};

const MIB: usize = 1024 * 1024;

/// Number of events in a stream, and total size of their data in bytes.
type Sum = (usize, usize);

/// Decodes a stream that arrives in these chunks.
type Read = fn(&[&[u8]]) -> Sum;

/// Name and function of each decoder. Ours is the first.
const DECODERS: [(&str, Read); 4] = [
    ("ours", ours),
    ("sse-core", sse_core),
    ("sse-stream", sse_stream),
    ("sse-parse", sse_parse),
];

fn ours(chunks: &[&[u8]]) -> Sum {
    let mut sum = (0, 0);
    let mut decoder = gizmo_client::sse::Decoder::new();
    for chunk in chunks {
        let mut rest = *chunk;
        while let Some(event) = decoder.next(&mut rest).expect("no event is over the limit") {
            let event = black_box(event);
            sum = (sum.0 + 1, sum.1 + event.data.len());
        }
    }
    sum
}

fn sse_core(chunks: &[&[u8]]) -> Sum {
    let mut sum = (0, 0);
    let limit = NonZeroUsize::new(16 * MIB).expect("16 MiB is not zero");
    let mut decoder = sse_core::SseDecoder::with_limit(limit);
    for chunk in chunks {
        let mut rest = *chunk;
        while let Some(event) = decoder.next(&mut rest) {
            let event = black_box(event.expect("no event is over the limit"));
            if let sse_core::SseEvent::Message(message) = event {
                sum = (sum.0 + 1, sum.1 + message.data.len());
            }
        }
    }
    sum
}

fn sse_stream(chunks: &[&[u8]]) -> Sum {
    let mut sum = (0, 0);
    let chunks = stream::iter(chunks.iter().copied().map(Ok::<_, Infallible>));
    let mut events = pin!(sse_stream::SseByteStream::new(chunks));
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(event)) = events.as_mut().poll_next(&mut context) {
        let event = black_box(event.expect("every event is valid"));
        sum = (sum.0 + 1, sum.1 + event.data.map_or(0, |data| data.len()));
    }
    sum
}

fn sse_parse(chunks: &[&[u8]]) -> Sum {
    let mut sum = (0, 0);
    let mut parser = sse_parse::SseParser::new();
    for chunk in chunks {
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            let event = black_box(event);
            sum = (sum.0 + 1, sum.1 + event.data.len());
        }
    }
    sum
}

/// Returns a stream of events of about 120 bytes, as a job sends them.
fn small_events() -> Vec<u8> {
    fill(|text, number| {
        write!(
            text,
            "id: {number}\nevent: stage_complete\ndata: {{\"seq\":{number},\"stage\":\"layout\",\
             \"status\":\"running\",\"message\":\"placed 17 of 42 assets\"}}\n\n"
        )
        .expect("writing to a string cannot fail");
    })
}

fn large_events() -> Vec<u8> {
    let item = "{\"name\":\"workbench\",\"position\":[0.25,-1.5,0.75]},";
    let data = item.repeat(16 * 1024 / item.len());
    fill(|text, number| {
        write!(text, "id: {number}\nevent: done\ndata: [{data}null]\n\n")
            .expect("writing to a string cannot fail");
    })
}

fn comments() -> Vec<u8> {
    fill(|text, number| {
        write!(
            text,
            ": ping - 2026-03-21 09:{:02}:00+00:00\n\n",
            number % 60
        )
        .expect("writing to a string cannot fail");
    })
}

fn short_comments() -> Vec<u8> {
    fill(|text, _| text.push_str(": ping\n\n"))
}

/// Returns at least 1 MiB of events. `write` appends one event.
fn fill(write: impl Fn(&mut String, usize)) -> Vec<u8> {
    let mut text = String::new();
    for number in 1.. {
        write(&mut text, number);
        if text.len() >= MIB {
            break;
        }
    }
    text.into_bytes()
}

/// Returns one event of 10 MiB.
fn huge_event() -> Vec<u8> {
    let mut text = b"event: done\ndata: ".to_vec();
    text.resize(10 * MIB, b'x');
    text.extend_from_slice(b"\n\n");
    text
}

fn main() {
    // Raises the threshold above which glibc returns freed memory to the system. Otherwise the largest
    // event of one decoder could add the cost of a new mapping to the time of the next decoder.
    drop(black_box(vec![0_u8; 31 * MIB]));

    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let rounds = match arguments.next() {
        _ if !env::args().any(|argument| argument == "--bench") => 1, // `cargo test --benches`
        Some(rounds) => rounds.parse().expect("the argument is a number of rounds"),
        None => 101,
    };

    println!("## Decoding server-sent events\n");
    println!(
        "Medians of {rounds} rounds. The column of another decoder is its time over ours. The goal applies \
         to the fastest of them, or to our time in ms.\n"
    );
    let [ours, others @ ..] = DECODERS.map(|(name, _)| name);
    let [first, second, third] = others;
    let ours = format!("{ours}, ms");
    let mut table = Table::new(&[
        &"stream", &"chunks", &ours, &"MB/s", &first, &second, &third, &"goal",
    ]);

    let streams = [
        (
            "small events (120 B)",
            small_events(),
            &[64, 1400, 16 << 10, 64 << 10][..],
        ),
        (
            "events of 16 KiB",
            large_events(),
            &[64, 1400, 16 << 10, 64 << 10],
        ),
        (
            "comments (38 B)",
            comments(),
            &[64, 1400, 16 << 10, 64 << 10],
        ),
        (
            "comments (8 B)",
            short_comments(),
            &[64, 1400, 16 << 10, 64 << 10],
        ),
        ("one event of 10 MiB", huge_event(), &[1 << 10]),
    ];
    let filter = arguments.next().unwrap_or_default();
    for (name, bytes, sizes) in streams.iter().filter(|(name, ..)| name.contains(&filter)) {
        for &size in *sizes {
            compare(&mut table, name, bytes, size, rounds);
        }
    }
    println!("{table}");
}

/// Adds one row to the table.
fn compare(table: &mut Table, name: &str, bytes: &[u8], size: usize, rounds: usize) {
    let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
    let expected = ours(&chunks);
    let mut times = vec![[Duration::ZERO; DECODERS.len()]; rounds];
    let mut order: [usize; DECODERS.len()] = array::from_fn(|turn| turn);
    for (round, times) in times.iter_mut().enumerate() {
        // The order runs through all permutations, so that no decoder always follows the same one.
        order.swap(
            round % DECODERS.len(),
            (round + 1 + round / DECODERS.len()) % DECODERS.len(),
        );
        for turn in order {
            let (decoder, read) = DECODERS[turn];
            let start = Instant::now();
            let sum = read(black_box(&chunks));
            times[turn] = start.elapsed();
            assert_eq!(sum, expected, "{decoder} decodes {name} differently");
        }
    }

    let our_time = median(times.iter().map(|times| times[0].as_secs_f64()));
    let [_, ratios @ ..]: [f64; DECODERS.len()] = array::from_fn(|turn| {
        let ratios = times
            .iter()
            .map(|times| times[turn].as_secs_f64() / times[0].as_secs_f64());
        median(ratios)
    });
    let fastest = ratios.into_iter().fold(f64::INFINITY, f64::min);
    let goal = match (name, size) {
        ("one event of 10 MiB", _) => Goal::AtMost(30.0).of(our_time * 1e3),
        ("small events (120 B)", 1400) => Goal::AtLeast(1.4).of(fastest),
        _ => Goal::AtLeast(1.0).of(fastest),
    };
    let megabytes = u32::try_from(bytes.len()).map_or(f64::INFINITY, f64::from) / 1e6;
    let [first, second, third] = ratios.map(|ratio| format!("{ratio:.2}"));
    table.row(&[
        &name,
        &size,
        &format_args!("{:.3}", our_time * 1e3),
        &format_args!("{:.0}", megabytes / our_time),
        &first,
        &second,
        &third,
        &goal,
    ]);
}
