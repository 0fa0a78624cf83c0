//! Nearest vectors.
//!
//! Up to some ten thousand vectors, [`exact`] compares with all of them. Beyond, an inverted file (Jégou, Douze, Schmid: "Product
//! quantization for nearest neighbor search", 2011, §IV): k-means cuts space into cells, a row of the index has the key
//! (cell, path), and a search reads the cells nearest to what is looked for. Codes are eight bits a dimension with a scale a
//! vector, which costs a quarter of the vectors and keeps nearly all of the order, so that no codebook has to be learnt and
//! an update does not depend on what was learnt before.

mod cells;
mod code;
mod exact;
mod search;

pub use cells::Cells;
pub use exact::{Nearest, exact};
pub use search::{Changed, Found, VectorIndex};

pub(crate) use code::{Code, Query};

/// How far two vectors are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// 1 − cosine of the angle: 0 to 2. A vector of zeros is 1 away from all.
    #[default]
    Cosine,
    /// The length of the difference.
    Euclidean,
}

impl Metric {
    /// The distance of two vectors of one length. O(dimensions).
    pub fn distance(self, a: &[f32], b: &[f32]) -> f32 {
        match self {
            Metric::Cosine => {
                let (mut dot, mut x, mut y) = (0f64, 0f64, 0f64);
                for (a, b) in a.iter().zip(b) {
                    let (a, b) = (f64::from(*a), f64::from(*b));
                    dot += a * b;
                    x += a * a;
                    y += b * b;
                }
                if x == 0.0 || y == 0.0 { 1.0 } else { (1.0 - dot / (x.sqrt() * y.sqrt())) as f32 }
            }
            Metric::Euclidean => {
                let sum: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
                sum.sqrt() as f32
            }
        }
    }

    /// A vector as cells and codes take it: for the cosine of length 1.
    pub(crate) fn prepared(self, vector: &[f32]) -> Vec<f32> {
        match self {
            Metric::Euclidean => vector.to_vec(),
            Metric::Cosine => {
                let norm = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
                if norm == 0.0 {
                    vector.to_vec()
                } else {
                    vector.iter().map(|x| (f64::from(*x) / norm) as f32).collect()
                }
            }
        }
    }
}
