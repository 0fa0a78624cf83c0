//! Pairs of 64-bit hashes within a Hamming radius.
//!
//! Multi-index hashing (Norouzi, Punjani, Fleet: "Fast exact search in Hamming space with multi-index hashing", 2014):
//! the bits are cut into m parts. Two hashes that differ in at most r bits differ in at most a bits in some part, for
//! any a₁ + … + aₘ + m = r + 1; so only hashes whose parts are that near are compared. How many parts, and how wide,
//! follows from an estimate of the work.

use pulp::Arch;
use rayon::prelude::*;

use super::{Pair, check_splits, split_of};
use crate::error::{QualityError, Result};

/// A part of the bits, and by how many two hashes may differ in it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    shift: u32,
    width: u32,
    differ: u32,
}

impl Part {
    fn of(self, hash: u64) -> usize {
        ((hash >> self.shift) & ((1u64 << self.width) - 1)) as usize
    }

    fn is_near(self, differing: u64) -> bool {
        self.of(differing).count_ones() <= self.differ
    }
}

/// A hash with the position of its sample.
#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    at: u32,
}

/// Gives `found` every pair of samples whose hashes differ in at most `radius` bits (0 to 64), each once, in an order
/// that depends on the input alone. `splits` has the split of each sample, or is empty; see the module for samples of
/// equal hashes.
///
/// About O(n · C) for C near parts of a hash: with radius 8 on evenly spread hashes some 700 look-ups a hash. Hashes that
/// crowd together cost more, up to O(n²) comparisons. Memory: 40 bytes a sample; parallel.
///
/// # Errors
/// A radius above 64, splits that are not as many as hashes, more than 2³² − 1 hashes.
pub fn near_hashes(hashes: &[u64], splits: &[u32], radius: u32, mut found: impl FnMut(Pair)) -> Result<()> {
    if radius > 64 {
        let value = f64::from(radius);
        return Err(QualityError::OutOfRange { what: "radius", at: 0, value, expected: "0 to 64" });
    }
    if u32::try_from(hashes.len()).is_err() {
        let (expected, found) = (u32::MAX as usize, hashes.len());
        return Err(QualityError::Length { what: "hashes: at most", expected, found });
    }
    check_splits(hashes.len(), splits)?;
    let entries = firsts(hashes, splits, &mut found);
    let parts = plan(entries.len(), radius);
    for (number, &part) in parts.iter().enumerate() {
        let table = Table::new(&entries, part);
        let masks = masks(part.width, part.differ);
        let before = parts.get(..number).unwrap_or_default();
        let pieces: Vec<usize> = (0..entries.len()).step_by(PIECE).collect();
        for wave in pieces.chunks(256) {
            let met: Vec<Vec<Pair>> = wave
                .par_iter()
                .map(|&from| Arch::new().dispatch(|| table.meet(from, &masks, radius, before)))
                .collect();
            met.into_iter().flatten().for_each(&mut found);
        }
    }
    Ok(())
}

/// How many hashes a thread takes at once.
const PIECE: usize = 4096;

/// The first sample of each hash and split; the others are paired with it.
fn firsts(hashes: &[u64], splits: &[u32], found: &mut impl FnMut(Pair)) -> Vec<Entry> {
    let mut sorted: Vec<(u64, u32, u32)> =
        hashes.iter().enumerate().map(|(at, &hash)| (spread(hash), split_of(splits, at), at as u32)).collect();
    sorted.par_sort_unstable();
    let mut entries = Vec::with_capacity(sorted.len());
    for same in sorted.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        if let Some((&(hash, _, first), rest)) = same.split_first() {
            entries.push(Entry { hash, at: first });
            rest.iter().for_each(|&(_, _, other)| found(Pair::new(first, other, 0.0)));
        }
    }
    entries
}

/// Turns the bits as an 8 × 8 square about its diagonal: neighbouring bits of perceptual hashes go together, and would
/// crowd one part. Distances stay. (Warren, "Hacker's Delight", 7-3.)
fn spread(hash: u64) -> u64 {
    let swap = |x: u64, mask: u64, by: u32| {
        let t = (x ^ (x >> by)) & mask;
        x ^ t ^ (t << by)
    };
    let x = swap(hash, 0x00AA_00AA_00AA_00AA, 7);
    let x = swap(x, 0x0000_CCCC_0000_CCCC, 14);
    swap(x, 0x0000_0000_F0F0_F0F0, 28)
}

/// The parts that cost least for so many hashes, by an estimate in nanoseconds.
fn plan(n: usize, radius: u32) -> Vec<Part> {
    let n = n as f64;
    let mut best = (f64::INFINITY, Vec::new());
    for count in 1..=(radius + 1).min(64) {
        let differ = (radius + 1) / count - 1;
        let more = (radius + 1) % count;
        for width in 0..=(64 / count).min(22) {
            let buckets = 2f64.powi(width as i32);
            let cost = |differ: u32| {
                let masks: f64 = (0..=differ.min(width)).map(|bits| choose(width, bits)).sum();
                buckets + 20.0 * n + masks * n * (1.5 + 0.5 * n / buckets)
            };
            let all = f64::from(more) * cost(differ + 1) + f64::from(count - more) * cost(differ);
            if all < best.0 {
                let part = |i: u32| Part { shift: i * (64 / count), width, differ: differ + u32::from(i < more) };
                best = (all, (0..count).map(part).collect());
            }
        }
    }
    best.1
}

fn choose(n: u32, k: u32) -> f64 {
    (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product()
}

/// All numbers of `width` bits of which at most `most` are set, few first.
fn masks(width: u32, most: u32) -> Vec<usize> {
    let mut masks = vec![0usize];
    let mut start = 0;
    for _ in 0..most.min(width) {
        let end = masks.len();
        for i in start..end {
            let mask = masks[i];
            let above = usize::BITS - mask.leading_zeros();
            masks.extend((above..width).map(|bit| mask | 1 << bit));
        }
        start = end;
    }
    masks
}

/// Hashes in the order of one part.
struct Table {
    part: Part,
    entries: Vec<Entry>,
    /// Where the hashes of each value of the part start.
    starts: Vec<u32>,
}

impl Table {
    fn new(entries: &[Entry], part: Part) -> Table {
        let mut starts = vec![0u32; (1 << part.width) + 1];
        entries.iter().for_each(|entry| starts[part.of(entry.hash) + 1] += 1);
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![Entry { hash: 0, at: 0 }; entries.len()];
        for &entry in entries {
            let place = &mut next[part.of(entry.hash)];
            sorted[*place as usize] = entry;
            *place += 1;
        }
        Table { part, entries: sorted, starts }
    }

    /// The pairs of a piece's hashes with all hashes whose part differs by one of the masks, without those that an
    /// earlier part has found.
    #[inline(always)]
    fn meet(&self, from: usize, masks: &[usize], radius: u32, before: &[Part]) -> Vec<Pair> {
        let mut pairs = Vec::new();
        let to = (from + PIECE).min(self.entries.len());
        for &mask in masks {
            for (at, entry) in self.entries[from..to].iter().enumerate() {
                let value = self.part.of(entry.hash);
                let other = value ^ mask;
                if other < value {
                    continue;
                }
                let start = if mask == 0 { from + at + 1 } else { self.starts[other] as usize };
                for near in &self.entries[start..self.starts[other + 1] as usize] {
                    let differing = entry.hash ^ near.hash;
                    let bits = differing.count_ones();
                    if bits <= radius && !before.iter().any(|part| part.is_near(differing)) {
                        pairs.push(Pair::new(entry.at, near.at, bits as f32));
                    }
                }
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_keeps_distances_and_is_its_own_inverse() {
        for (a, b) in [(0u64, 1u64), (0xdead_beef_1234_5678, 0x0123_4567_89ab_cdef), (u64::MAX, 0x8000_0000_0000_0001)]
        {
            assert_eq!((a ^ b).count_ones(), (spread(a) ^ spread(b)).count_ones());
            assert_eq!(spread(spread(a)), a);
        }
        assert_eq!(spread(0b10), 1 << 8);
    }

    #[test]
    fn parts_obey_the_pigeonhole() {
        for n in [10, 50_000, 1_000_000] {
            for radius in 0..=64 {
                let parts = plan(n, radius);
                let holes: u32 = parts.iter().map(|part| part.differ + 1).sum();
                assert_eq!(holes, radius + 1);
                assert!(parts.windows(2).all(|p| p[0].shift + p[0].width <= p[1].shift), "{parts:?}");
                assert!(parts.iter().all(|part| part.shift + part.width <= 64));
            }
        }
        assert_eq!(masks(4, 2).len(), 1 + 4 + 6);
    }
}
