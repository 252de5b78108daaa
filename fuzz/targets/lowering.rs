//! Any JSON as an `OpenAPI` document: it is lowered or refused, and lowering twice changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(mut document) = serde_json::from_slice::<serde_json::Value>(data) else {
        return;
    };
    if xtask::lower::lower(&mut document).is_ok() {
        let once = document.clone();
        xtask::lower::lower(&mut document).expect("a lowered document can be lowered");
        assert_eq!(document, once);
    }
});
