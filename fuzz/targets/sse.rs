//! Any bytes as a stream of server-sent events: the chunks in which they arrive change nothing.

#![no_main]

use gizmo_client::sse::Decoder;
use libfuzzer_sys::fuzz_target;

/// The events of a stream that arrives in chunks of `size` bytes, and whether it ends with an error.
fn decode(data: &[u8], size: usize) -> (Vec<String>, bool) {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for chunk in data.chunks(size) {
        let mut rest = chunk;
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(event)) => events.push(format!("{event:?}")),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}

fuzz_target!(|data: &[u8]| {
    let whole = decode(data, data.len().max(1));
    for size in [1, 3] {
        assert_eq!(decode(data, size), whole);
    }
});
