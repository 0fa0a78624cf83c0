//! Near-duplicates: which samples show the same, which of them to keep, and which leak from one split into another.
//!
//! Pairs are found exactly, by perceptual hashes ([`near_hashes`]) or by embeddings ([`near_vectors`]), and handed out
//! one by one, so that memory does not grow with their count. [`Links`] joins them into groups, [`suggest`] says which
//! sample of a group is best, [`Pair::leaks`] which pairs lie in two splits.
//!
//! Of samples that are the same to the bit within one split, only the first is compared with others, and each of the
//! rest makes one pair with it: a thousand black images make 999 pairs, not half a million.
//!
//! ```
//! use tamis_quality::duplicates::{Links, near_hashes};
//! # fn main() -> Result<(), tamis_quality::QualityError> {
//! let mut links = Links::new(4);
//! near_hashes(&[0xff00, 0xff01, 0x1234_5678_9abc_def0, 0xff03], &[], 1, |pair| links.join(pair.first, pair.second))?;
//! assert_eq!(links.groups(), [[0, 1, 3]]);
//! # Ok(())
//! # }
//! ```

mod groups;
mod hashes;
mod vectors;

pub use groups::{Links, Suggestion, Worth, suggest};
pub use hashes::near_hashes;
pub use vectors::near_vectors;

use crate::error::{Result, same_length};

/// Two samples that are near to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The position of one, the lower.
    pub first: u32,
    /// The position of the other.
    pub second: u32,
    /// Differing bits of hashes, or 1 less the cosine of embeddings.
    pub distance: f32,
}

impl Pair {
    fn new(a: u32, b: u32, distance: f32) -> Pair {
        Pair { first: a.min(b), second: a.max(b), distance }
    }

    /// Whether the two lie in different splits: what a model learns from one it is asked about in the other.
    pub fn leaks(&self, splits: &[u32]) -> bool {
        splits.get(self.first as usize) != splits.get(self.second as usize)
    }
}

/// The split of a sample; all are of one where none are given.
fn split_of(splits: &[u32], at: usize) -> u32 {
    splits.get(at).copied().unwrap_or_default()
}

fn check_splits(samples: usize, splits: &[u32]) -> Result<()> {
    if splits.is_empty() { Ok(()) } else { same_length("splits of samples", samples, splits.len()) }
}
