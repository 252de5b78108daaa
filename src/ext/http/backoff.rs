//! The delay before a retry. Pure: randomness is an argument.

use std::time::Duration;

/// Exponential backoff with full jitter: a random delay between zero and `base · 2^retries`, at most
/// `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The longest delay before the first retry. It doubles with each further one.
    pub base: Duration,
    /// The longest delay before any retry.
    pub cap: Duration,
}

impl Backoff {
    /// Returns the delay before a retry; `attempt` is 0 for the first, and `random` is in 0..1.
    pub(crate) fn delay(self, attempt: u32, random: f64) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX))
            .min(self.cap);
        ceiling.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// Returns a random number in 0..1, to spread clients out.
pub(crate) fn random() -> f64 {
    fastrand::f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_doubles_up_to_its_cap_and_is_scaled_by_randomness() {
        let backoff = Backoff {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(10),
        };
        let full: Vec<u128> = (0..7)
            .map(|attempt| backoff.delay(attempt, 1.0).as_millis())
            .collect();
        assert_eq!(full, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(backoff.delay(u32::MAX, 1.0).as_secs(), 10);
        assert_eq!(backoff.delay(1, 0.25).as_millis(), 250);
        assert_eq!(backoff.delay(3, 0.0), Duration::ZERO);
        let (a, b) = (random(), random());
        assert!((0.0..1.0).contains(&a) && (0.0..1.0).contains(&b) && a.to_bits() != b.to_bits());
    }
}
