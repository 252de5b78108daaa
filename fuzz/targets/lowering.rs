//! Any JSON as an `OpenAPI` document: it is lowered or refused, and lowering twice changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openapi_lowering::{Dialect, lower};

fuzz_target!(|data: &[u8]| {
    let Ok(mut document) = serde_json::from_slice::<serde_json::Value>(data) else {
        return;
    };
    for dialect in [Dialect::Plain, Dialect::Extended] {
        if lower(&mut document, dialect).is_ok() {
            let once = document.clone();
            lower(&mut document, dialect).expect("a lowered document can be lowered");
            assert_eq!(document, once);
        }
    }
});
