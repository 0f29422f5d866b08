//! Random numbers that a seed determines, the same on every platform.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Random(pub(super) u64);

/// SplitMix64's output function: a bijection of 64-bit numbers.
pub(super) fn scramble(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Random {
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// Uniform in [0, 1), a multiple of 2^-52: random fraction bits under the exponent of 1.
    pub(super) fn uniform(&mut self) -> f64 {
        f64::from_bits(1.0_f64.to_bits() | (self.bits() >> 12)) - 1.0
    }

    /// Uniform in 0..items. The bias of the remainder is negligible for few items.
    pub(super) fn index(&mut self, items: u32) -> u32 {
        small(self.bits() % u64::from(items))
    }

    /// Mean 0, standard deviation 1: the sum of twelve uniform numbers (Irwin-Hall), which needs no
    /// logarithm.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// An index drawn by its share. The shares sum to 1; rounding falls to the last one.
    pub(super) fn choose(&mut self, shares: &[f64]) -> usize {
        let mut rest = self.uniform();
        let chosen = shares.iter().position(|share| {
            rest -= share;
            rest < 0.0
        });
        chosen.unwrap_or(shares.len() - 1)
    }
}

/// A number known to be below 2^32.
pub(super) fn small(value: u64) -> u32 {
    u32::try_from(value).expect("the caller bounds the value")
}

/// Rounds to a multiple of `1 / parts`, so that a row equals its CSV form.
pub(super) fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
