//! The service's clock: the date advances with tokio's clock, and durations are scaled.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gizmo_client::Timestamp;
use tokio::time::Instant;

/// The shortest ping interval and rate limit window at any speed.
pub(crate) const SHORTEST: Duration = Duration::from_millis(100);

/// The longest duration in seconds, about a century. At speed 0 jobs make no progress because
/// each of their steps takes this long.
const LONGEST: f64 = 3.0e9;

/// Provides the time, and converts durations of the real service to those of the simulator.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    /// The time since the Unix epoch at `start`.
    epoch: Duration,
    speed: f64,
}

impl Clock {
    pub(crate) fn new(speed: f64, skew: i64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let skewed = Duration::from_secs(skew.unsigned_abs());
        let epoch = if skew < 0 {
            now.saturating_sub(skewed)
        } else {
            now + skewed
        };
        Self {
            start: Instant::now(),
            epoch,
            speed,
        }
    }

    /// Returns the time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        self.epoch + self.start.elapsed()
    }

    /// Returns the current time in the format of HTTP's `Date`.
    pub(crate) fn http_date(&self) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + self.now())
    }

    /// Returns the duration in the simulator of a duration in the real service.
    pub(crate) fn scaled(&self, real: Duration) -> Duration {
        let seconds = real.as_secs_f64() / self.speed.max(1e-9);
        Duration::from_secs_f64(seconds.min(LONGEST))
    }

    /// Returns the scaled duration plus a delay, which is not scaled.
    pub(crate) fn delayed(&self, real: Duration, delay: Duration) -> Duration {
        let duration = self.scaled(real).saturating_add(delay);
        duration.min(Duration::from_secs_f64(LONGEST))
    }

    /// Like [`scaled`](Self::scaled), but at least [`SHORTEST`]. At speed 0, where jobs make no
    /// progress, it returns the duration of the real service, so that pings and windows continue.
    pub(crate) fn scaled_at_least(&self, real: Duration) -> Duration {
        if self.speed > 0.0 {
            self.scaled(real).max(SHORTEST)
        } else {
            real
        }
    }
}

/// Returns a time in the format of the early-access API: `2024-11-12T09:41:00Z`.
pub(crate) fn iso_8601(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // Years and months count from March 1st of year 0, so that a leap day is the last day of its year.
    let day = days + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year_of_era + next_year;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns a time in the format of the current API.
pub(crate) fn timestamp(unix_seconds: u64) -> Timestamp {
    serde_json::from_value(unix_seconds.into()).expect("a timestamp deserializes from any value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_time_is_formatted_as_a_date() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_731_404_460, "2024-11-12T09:41:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(iso_8601(seconds), expected);
        }
    }
}
