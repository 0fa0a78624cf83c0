//! A small source of numbers that is the same on every machine: resampling must be repeatable.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A source that depends on a seed and on which of its streams is wanted.
    pub(crate) fn new(seed: u64, stream: u64) -> Random {
        let mut random = Random(seed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95));
        random.next();
        random
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is above 0; the bias is below 2⁻³² for ends below 2³².
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// How often each of `n` things is drawn in `n` draws with replacement.
    pub(crate) fn resample(&mut self, n: usize) -> Vec<u32> {
        let mut times = vec![0; n];
        for _ in 0..n {
            let at = self.below(n);
            if let Some(count) = times.get_mut(at) {
                *count += 1;
            }
        }
        times
    }
}
