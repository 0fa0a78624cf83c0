//! Where sorted rows are cut into leaves, and leaves into nodes.
//!
//! The rule looks at key hashes only: min, a rare cut, then a frequent one, max. So changed values
//! never move a cut, and the cuts depend on the set of keys alone, PROVIDED that cutting always
//! starts at a cut and the end of the table is no cut. docs/spec/table.md §2.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The fixed seed of key hashes: "tamiscut" in ASCII.
const SEED: u64 = u64::from_be_bytes(*b"tamiscut");

/// When a run of rows (or of children of a node) ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutRule {
    /// No cut before this many rows.
    pub min: u32,
    /// Up to this many rows a cut is rare.
    pub target: u32,
    /// Always a cut at this many rows.
    pub max: u32,
    /// One in this many keys ends a run before `target`.
    pub rare: u32,
    /// One in this many keys ends a run after `target`.
    pub frequent: u32,
}

impl CutRule {
    /// Leaves of about 16 k rows.
    pub const LEAF: CutRule = CutRule { min: 8192, target: 14_336, max: 32_768, rare: 32_768, frequent: 3072 };
    /// Nodes of about 128 children.
    pub(crate) const NODE: CutRule = CutRule { min: 64, target: 96, max: 256, rare: 256, frequent: 48 };

    /// A rule for leaves of about `rows` rows, for tests on small tables.
    pub fn about(rows: u32) -> CutRule {
        let rows = rows.max(4);
        CutRule { min: rows / 2, target: rows, max: rows * 2, rare: rows * 2, frequent: (rows / 4).max(2) }
    }

    /// Whether a run of `count` rows (this one included) ends after the row of this key.
    pub(crate) fn ends(&self, count: u32, key: &[u8]) -> bool {
        if count < self.min {
            return false;
        }
        if count >= self.max {
            return true;
        }
        let odds = if count < self.target { self.rare } else { self.frequent };
        // The high bits decide, scaled to the odds: 1 in `odds` of all hashes.
        let hash = xxh3_64_with_seed(key, SEED);
        ((u128::from(hash) * u128::from(odds)) >> 64) == 0
    }
}

impl Default for CutRule {
    fn default() -> CutRule {
        CutRule::LEAF
    }
}
