//! Numbers that look random and follow from a seed.

/// A sequence of numbers that a seed determines (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence that belongs to some texts.
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

    /// A number from `low` up to `high`, to a tenth of a millimetre so that texts stay short.
    #[expect(clippy::cast_precision_loss, reason = "twenty bits fit")]
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        let part = (self.next() >> 44) as f64 / (1_u64 << 20) as f64;
        ((low + (high - low) * part) * 1e4).round() / 1e4
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Bytes that nothing compresses.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// An id such as `sc_4f1c09aa2b7d`, unlike any other of its kind.
    pub(crate) fn id(seed: u64, prefix: &str, number: u64) -> String {
        let mut random = Self::new(hash(&[prefix]) ^ seed.wrapping_mul(0x9e37_79b9));
        let salt = random.next();
        let mixed = Self::new(salt.wrapping_add(number.wrapping_mul(0xd134_2543_de82_ef95))).next();
        // The number itself keeps two ids apart whatever the mixing does.
        format!("{prefix}_{:09x}{number:x}", mixed & 0xf_ffff_ffff)
    }
}

/// FNV-1a over the texts and the gaps between them.
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
    fn ids_differ_and_follow_from_the_seed() {
        let ids = |seed| {
            (0..1000)
                .map(|number| Random::id(seed, "sc", number))
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
