//! A time as the service sends it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A time: Unix seconds, Unix milliseconds, or ISO 8601 text.
///
/// The value is kept as the service sent it, so an unknown notation is not a decoding error.
/// [`system_time`](Self::system_time) reads the known ones.
///
/// `Display` prints the time in UTC as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) has it. Timestamps are
/// equal if they are the same time in any notation, and ordered by time. Those in an unknown notation are printed
/// as they are, come first, and are ordered as text.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

    /// Returns the time, or `None` if the notation is unknown.
    pub fn to_jiff(&self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::try_from(self.system_time()?).ok()
    }

    /// Returns the value that the service sent.
    pub fn as_value(&self) -> &Value {
        &self.0
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self(Value::String(time.to_string()))
    }
}

impl Timestamp {
    /// Returns what timestamps are compared by: the time, or else the text.
    fn key(&self) -> (Option<SystemTime>, Option<Cow<'_, str>>) {
        match self.system_time() {
            Some(time) => (Some(time), None),
            None => (None, Some(self.text())),
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Value::String(text) => text.into(),
            other => other.to_string().into(),
        }
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Timestamp {}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_jiff() {
            Some(time) => time.fmt(f),
            None => f.write_str(&self.text()),
        }
    }
}

/// Reads Unix seconds. A number too large for seconds (the year 5138) is in milliseconds.
// Assumption: job-times-unix.
fn from_epoch(number: f64) -> Option<SystemTime> {
    let seconds = if number >= 1e11 { number / 1e3 } else { number };
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

/// Reads `2024-11-12T09:41:00.25Z` or `…+01:00`. Without an offset the time is UTC.
// Assumption: alpha-times-iso.
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

    fn timestamp(json: &str) -> Timestamp {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_time_is_printed_in_utc() {
        for (json, expected) in [
            ("1717800000", "2024-06-07T22:40:00Z"),
            ("1717800000500", "2024-06-07T22:40:00.5Z"),
            ("\"2024-06-08T00:40:00+02:00\"", "2024-06-07T22:40:00Z"),
            ("\"yesterday\"", "yesterday"),
            ("null", "null"),
            ("1e300", "1e+300"),
        ] {
            assert_eq!(timestamp(json).to_string(), expected);
        }
    }

    #[test]
    fn timestamps_are_ordered_by_time_in_any_notation() {
        let seconds = timestamp("1717800000");
        assert_eq!(seconds, timestamp("\"2024-06-08T00:40:00+02:00\""));
        let mut sorted = [
            "\"yesterday\"",
            "1717800001",
            "\"2024-06-07T22:40:00Z\"",
            "\"later\"",
            "1717799999000",
        ]
        .map(timestamp);
        sorted.sort();
        assert_eq!(
            sorted.map(|timestamp| timestamp.as_value().to_string()),
            [
                "\"later\"",
                "\"yesterday\"",
                "1717799999000",
                "\"2024-06-07T22:40:00Z\"",
                "1717800001"
            ]
        );
    }

    #[test]
    fn jiff_and_the_standard_library_give_the_same_time() {
        let seconds = timestamp("1717800000.25");
        let time = seconds.to_jiff().unwrap();
        assert_eq!(SystemTime::from(time), seconds.system_time().unwrap());
        assert_eq!(timestamp("\"yesterday\"").to_jiff(), None);
    }

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
