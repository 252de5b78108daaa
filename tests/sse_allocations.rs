//! The allocations of the SSE decoder.
//!
//! These tests have their own binary because they count in the global allocator.

use allocation_counter::measure;
use gizmo_client::sse::Decoder;

/// Decodes all chunks and returns the number of events.
fn drain(decoder: &mut Decoder, chunks: &[&[u8]]) -> usize {
    let mut events = 0;
    for chunk in chunks {
        let mut rest = *chunk;
        while decoder
            .next(&mut rest)
            .expect("no event exceeds the limit")
            .is_some()
        {
            events += 1;
        }
    }
    events
}

#[test]
fn small_events_allocate_nothing_once_the_buffers_have_grown() {
    let texts = [
        "id: 1\nevent: stage_start\ndata: {\"seq\":1,\"stage\":\"layout\"}\n\n: ping\n\n",
        "event: log\r\ndata: one\r\ndata: two\r\ndata: three\r\nretry: 50\r\nid: 20\r\n\r\n",
        "data: \u{1F916}\n\nid\nevent\ndata\n\nunknown: field\n\n",
    ];
    let mut text = texts.concat().repeat(20).into_bytes();
    text.extend_from_slice(b"id: \xFF\ndata: \xFF\nevent: \xF0\x9F\n\n");
    for size in [1, 7, 64, 1400, text.len()] {
        let chunks: Vec<&[u8]> = text.chunks(size).collect();
        let mut decoder = Decoder::new();
        let mut events = 0;
        for _ in 0..3 {
            // Buffers are swapped, so that all of them have grown only after several rounds.
            events = drain(&mut decoder, &chunks);
        }
        let allocations = measure(|| {
            for _ in 0..10 {
                assert_eq!(drain(&mut decoder, &chunks), events);
            }
        });
        assert_eq!(allocations.count_total, 0, "in chunks of {size}");
    }
}

#[test]
fn events_within_one_chunk_allocate_nothing_from_the_start() {
    let mut decoder = Decoder::new();
    let text = b"event: stage_start\ndata: {\"seq\":1}\n\n".repeat(100);
    let allocations = measure(|| assert_eq!(drain(&mut decoder, &[&text]), 100));
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn comments_of_any_length_and_split_allocate_nothing() {
    let text = [
        &b":"[..],
        &b"x".repeat(100_000),
        b"\n\n",
        &b"unknown: field\n\n".repeat(1000),
    ]
    .concat();
    for size in [1, 64, text.len()] {
        let chunks: Vec<&[u8]> = text.chunks(size).collect();
        let mut decoder = Decoder::new();
        let allocations = measure(|| assert_eq!(drain(&mut decoder, &chunks), 0));
        assert_eq!(allocations.count_total, 0, "in chunks of {size}");
    }
}

#[test]
fn the_buffer_of_a_large_event_is_released() {
    let mut text = b"data: ".to_vec();
    text.resize(10 * 1024 * 1024, b'x');
    text.extend_from_slice(b"\n\n:");
    let chunks: Vec<&[u8]> = text.chunks(1024).collect();
    let mut decoder = Decoder::new();
    let allocations = measure(|| assert_eq!(drain(&mut decoder, &chunks), 1));
    assert!(allocations.bytes_current <= 64 * 1024, "{allocations:?}");
}
