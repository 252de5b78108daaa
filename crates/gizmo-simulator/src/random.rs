//! Pseudorandom numbers and ids.

/// A pseudorandom number generator (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

/// The number of base 36 digits that encode 35 bits.
const UNIQUE_DIGITS: usize = 7;

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a generator that is seeded with strings.
    pub(crate) fn of(parts: &[&str]) -> Self {
        Self(hash(parts))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number between `low` and `high`, rounded to four decimal places so that exports stay
    /// short.
    #[expect(clippy::cast_precision_loss, reason = "twenty bits fit")]
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        let part = (self.next() >> 44) as f64 / (1_u64 << 20) as f64;
        ((low + (high - low) * part) * 1e4).round() / 1e4
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Fills a slice with noise, which does not compress.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// Returns an id such as `job_4f1c09aa2b7d`. It is unique for each `number`.
    pub(crate) fn id(seed: u64, prefix: &str, number: u64) -> String {
        let mut random = Self::new(hash(&[prefix]) ^ seed.wrapping_mul(0x9e37_79b9));
        let salt = random.next();
        let mixed = Self::new(salt.wrapping_add(number.wrapping_mul(0xd134_2543_de82_ef95))).next();
        // The number itself guarantees that ids are unique.
        format!("{prefix}_{:09x}{number:x}", mixed & 0xf_ffff_ffff)
    }

    /// Returns an id of 32 lower-case letters and digits. It is unique for each `number`.
    pub(crate) fn long_id(seed: u64, prefix: &str, number: u64) -> String {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut random = Self::new(hash(&[prefix]) ^ seed.wrapping_mul(0x9e37_79b9));
        let salt = random.next();
        let mut random = Self::new(salt ^ number);
        let mut id = prefix.to_owned();
        let mut push = |value: u64| {
            let digit = usize::try_from(value % 36).unwrap_or_default();
            id.push(char::from(DIGITS[digit]));
        };
        for _ in prefix.len()..32 - UNIQUE_DIGITS {
            push(random.next() >> 32);
        }
        // Multiplication by an odd factor permutes the numbers below 2^35, so these digits are unique.
        let mut rest = number.wrapping_mul(0x9e37_79b9).wrapping_add(salt) & ((1 << 35) - 1);
        for _ in 0..UNIQUE_DIGITS {
            push(rest);
            rest /= 36;
        }
        id
    }
}

/// Returns the FNV-1a hash of the strings, each followed by a separator.
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_determined_by_the_seed() {
        for id in [Random::id, Random::long_id] {
            let ids = |seed| {
                (0..1000)
                    .map(|number| id(seed, "js7", number))
                    .collect::<Vec<_>>()
            };
            assert_eq!(ids(1), ids(1));
            assert_ne!(ids(1), ids(2));
            let mut sorted = ids(1);
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), 1000);
        }
    }

    #[test]
    fn a_long_id_has_32_lower_case_letters_and_digits() {
        for number in [0, 1, 35, 1 << 34] {
            let id = Random::long_id(7, "js7", number);
            assert!(id.starts_with("js7") && id.len() == 32, "{id}");
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            assert!(id.bytes().all(fits), "{id}");
        }
    }
}
