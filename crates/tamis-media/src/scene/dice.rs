//! Chance that a seed decides.

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, equal on every machine.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Dice for one thing (`stream`) of a seed; different streams are independent.
    pub(super) fn new(seed: u64, stream: u64) -> Dice {
        let mut dice = Dice(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.next();
        dice
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to below 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A number from `low` to below `high`.
    pub(super) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `n`; 0 for an `n` of 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f32) as usize
    }

    /// True in this share of throws.
    pub(super) fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// One of some things.
    pub(super) fn pick<T: Copy>(&mut self, things: &[T], otherwise: T) -> T {
        things.get(self.below(things.len())).copied().unwrap_or(otherwise)
    }
}
