//! Any bytes as the body of an error response: the error is one line without the key.

#![no_main]

use libfuzzer_sys::fuzz_target;

const KEY: &str = "gk_fuzz_0123456789abcdef";

fuzz_target!(|data: (u16, &[u8])| {
    let (status, body) = data;
    let mut body = body.to_vec();
    body.extend_from_slice(KEY.as_bytes());
    let Some(error) = gizmo_client::fuzzing::error(status, &body, KEY) else {
        return;
    };
    let shown = format!("{error:#} {error:?}");
    assert!(!shown.contains(KEY), "{shown}");
    assert!(!error.to_string().contains(char::is_control), "{error}");
});
