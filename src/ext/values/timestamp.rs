//! A moment as the service writes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A moment, as Unix seconds, Unix milliseconds or ISO 8601 text.
///
/// Whatever the service sends is kept as it came, so that a notation this crate does not know
/// fails nothing; [`system_time`](Self::system_time) reads those it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Timestamp(Value);

impl Timestamp {
    /// The moment, or `None` where the notation is not known.
    pub fn system_time(&self) -> Option<SystemTime> {
        let seconds = match &self.0 {
            Value::Number(number) => from_epoch(number.as_f64()?),
            Value::String(text) => match text.trim().parse::<f64>() {
                Ok(number) => from_epoch(number),
                Err(_) => iso_8601(text.trim())?,
            },
            _ => return None,
        };
        UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    }

    /// What the service sent.
    pub fn as_value(&self) -> &Value {
        &self.0
    }
}

/// Unix seconds; a number too large for seconds (the year 5138) counts milliseconds.
fn from_epoch(number: f64) -> f64 {
    if number >= 1e11 { number / 1e3 } else { number }
}

/// `2024-11-12T09:41:00.25Z` or `…+01:00` in Unix seconds; without an offset it is UTC.
fn iso_8601(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let clock_end = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, offset) = time.split_at(clock_end);
    let mut clock = clock.splitn(3, ':');
    let (hour, minute): (i64, i64) = (clock.next()?.parse().ok()?, clock.next()?.parse().ok()?);
    let second: f64 = clock.next().unwrap_or("0").parse().ok()?;
    let plausible = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..61.0).contains(&second);
    if !plausible {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds up to the year 9999 fit 52 bits"
    )]
    let whole = (days(year, month, day) * 86_400 + hour * 3_600 + minute * 60
        - offset_seconds(offset)?) as f64;
    Some(whole + second)
}

/// `Z`, nothing, `+01:00`, `-0530` or `+01` in seconds.
fn offset_seconds(offset: &str) -> Option<i64> {
    let sign = match offset.chars().next() {
        None | Some('Z' | 'z') => return Some(0),
        Some('-') => -1,
        _ => 1,
    };
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    let number: i64 = digits.parse().ok()?;
    let (hours, minutes) = if digits.len() <= 2 {
        (number, 0)
    } else {
        (number / 100, number % 100)
    };
    Some(sign * (hours * 3_600 + minutes * 60))
}

/// Days from 1970-01-01 in the Gregorian calendar, counted from March so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_every_notation() {
        for (json, wanted) in [
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
            ("\"2024-13-01T00:00:00Z\"", None),
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
            assert_eq!(read, wanted, "{json}");
            assert_eq!(
                serde_json::to_string(&timestamp).unwrap(),
                serde_json::from_str::<Value>(json).unwrap().to_string()
            );
        }
    }
}
