//! A time as the service sends it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A time: Unix seconds, Unix milliseconds, or ISO 8601 text.
///
/// The value is kept as the service sent it, so an unknown notation is not a decoding error.
/// [`system_time`](Self::system_time) reads the known ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Timestamp(Value);

impl Timestamp {
    /// Returns the time, or `None` if the notation is unknown.
    pub fn system_time(&self) -> Option<SystemTime> {
        match &self.0 {
            Value::Number(number) => from_epoch(number.as_f64()?),
            Value::String(text) => match text.trim().parse() {
                Ok(number) => from_epoch(number),
                Err(_) => iso_8601(text.trim()),
            },
            _ => None,
        }
    }

    /// Returns the value that the service sent.
    pub fn as_value(&self) -> &Value {
        &self.0
    }
}

/// Reads Unix seconds. A number too large for seconds (the year 5138) is in milliseconds.
fn from_epoch(number: f64) -> Option<SystemTime> {
    let seconds = if number >= 1e11 { number / 1e3 } else { number };
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

/// Reads `2024-11-12T09:41:00.25Z` or `…+01:00`. Without an offset the time is UTC.
fn iso_8601(text: &str) -> Option<SystemTime> {
    let timestamp = text.parse::<jiff::Timestamp>().or_else(|_| {
        let utc = jiff::tz::Offset::UTC;
        utc.to_timestamp(text.parse::<jiff::civil::DateTime>()?)
    });
    timestamp.ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_every_notation() {
        for (json, expected) in [
            ("1717800000", Some(1_717_800_000.0)),
            ("1717800000.5", Some(1_717_800_000.5)),
            ("1717800000500", Some(1_717_800_000.5)),
            ("\"1717800000\"", Some(1_717_800_000.0)),
            ("\"2024-06-07T22:40:00Z\"", Some(1_717_800_000.0)),
            ("\"2024-06-07T22:40:00.25Z\"", Some(1_717_800_000.25)),
            ("\"2024-06-08T00:40:00+02:00\"", Some(1_717_800_000.0)),
            ("\"2024-06-07 17:10:00-0530\"", Some(1_717_800_000.0)),
            ("\"2024-02-29T00:00:00\"", Some(1_709_164_800.0)),
            ("\"1970-01-01T00:00:00Z\"", Some(0.0)),
            ("\"2024-06-07\"", Some(1_717_718_400.0)),
            ("\"2024-13-01T00:00:00Z\"", None),
            ("\"2024-02-31T00:00:00Z\"", None),
            ("\"yesterday\"", None),
            ("\"2024-06-07T22:40:00+\"", None),
            ("-5", None),
            ("1e300", None),
            ("null", None),
            ("{}", None),
        ] {
            let timestamp: Timestamp = serde_json::from_str(json).unwrap();
            let read = timestamp
                .system_time()
                .map(|time| time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64());
            assert_eq!(read, expected, "{json}");
            assert_eq!(
                serde_json::to_string(&timestamp).unwrap(),
                serde_json::from_str::<Value>(json).unwrap().to_string()
            );
        }
    }
}
