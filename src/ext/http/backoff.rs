//! How long to wait before another try: pure, randomness comes in.

use std::time::Duration;

/// Exponential backoff with full jitter: between nothing and `base · 2^attempt`, at most `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// Longest delay before the first retry; it doubles with each.
    pub base: Duration,
    /// Longest delay before any.
    pub cap: Duration,
}

impl Backoff {
    /// The delay before try number `attempt` (the first retry is 0); `random` lies in 0..1.
    pub(crate) fn delay(self, attempt: u32, random: f64) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX))
            .min(self.cap);
        ceiling.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// A number in 0..1, different at each call; good enough to spread clients out, for nothing else.
pub(crate) fn random() -> f64 {
    use std::hash::{BuildHasher, RandomState};

    // Every RandomState has keys of its own, so hashing nothing gives a new number each time.
    let bits = RandomState::new().hash_one(()) >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let number = bits as f64 / (1_u64 << 53) as f64;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_doubles_up_to_its_cap_and_is_scaled_by_chance() {
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
