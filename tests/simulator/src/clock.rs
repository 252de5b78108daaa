//! The service's time: a calendar that follows tokio's clock, and durations that pass faster.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gizmo_client::Timestamp;
use tokio::time::Instant;

/// No ping and no window is shorter than this, whatever the speed.
pub(crate) const SHORTEST: Duration = Duration::from_millis(100);

/// Jobs stand still at speed 0: a century for whatever should take seconds.
const LONGEST: f64 = 3.0e9;

/// Tells the time, and how long the real service's durations last here.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    /// Time since 1970 at `start`.
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

    /// Time since 1970.
    pub(crate) fn now(&self) -> Duration {
        self.epoch + self.start.elapsed()
    }

    /// Now, as HTTP writes it.
    pub(crate) fn http_date(&self) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + self.now())
    }

    /// How long a duration of the real service lasts here.
    pub(crate) fn scaled(&self, real: Duration) -> Duration {
        let seconds = real.as_secs_f64() / self.speed.max(1e-9);
        Duration::from_secs_f64(seconds.min(LONGEST))
    }

    /// The same for what must not come too often; it goes on where jobs stand still.
    pub(crate) fn scaled_at_least(&self, real: Duration) -> Duration {
        if self.speed > 0.0 {
            self.scaled(real).max(SHORTEST)
        } else {
            real
        }
    }
}

/// A moment as the service writes it.
pub(crate) fn timestamp(unix_seconds: u64) -> Timestamp {
    serde_json::from_value(unix_seconds.into()).expect("a timestamp takes any value")
}
