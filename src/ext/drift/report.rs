//! The report of differences through `tracing`: each kind once for each client.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tracing::{Level, warn};

use super::compare::{Difference, differences};
use super::shape::Shape;

/// The tracing target of differences between responses and types.
const TARGET: &str = "gizmo_client::drift";

/// The largest body that is compared, 1 MiB. A larger one is the graph of a scene, which no type describes.
const MAX_BODY: usize = 1024 * 1024;

/// The most kinds of differences that a client reports. A service that invents names must not fill memory and logs.
const MAX_KINDS: usize = 500;

/// The differences that a client has reported.
#[derive(Debug, Default)]
pub(crate) struct Reported(Mutex<HashSet<String>>);

impl Reported {
    /// Reports what is new in the body of a response. Without a subscriber for it, this does nothing.
    pub(crate) fn report(&self, operation: &str, shape: &Shape, body: &[u8]) {
        let is_free = matches!(shape, Shape::Any) || body.len() > MAX_BODY;
        if is_free || !tracing::enabled!(target: TARGET, Level::WARN) {
            return;
        }
        // Text that is not JSON is a decoding error with the text.
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        for difference in differences(shape, &value) {
            if self.is_new(operation, &difference) {
                let Difference {
                    pointer,
                    expected,
                    found,
                    ..
                } = difference;
                warn!(
                    target: TARGET,
                    operation, pointer, expected, found, "a response differs from its type"
                );
            }
        }
    }

    fn is_new(&self, operation: &str, difference: &Difference) -> bool {
        let kind = difference.kind;
        let key = format!(
            "{operation} {kind:?} {} {}",
            difference.pattern(),
            difference.found
        );
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.len() < MAX_KINDS && reported.insert(key)
    }
}
