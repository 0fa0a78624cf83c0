//! Vectors as eight bits a dimension.

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Float32Array, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Float32Type};
use std::sync::Arc;

use super::Metric;
use crate::error::{IndexError, Result};

/// A vector as a code.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Code {
    /// What a step of the code is.
    pub(crate) scale: f32,
    /// The square of the vector's length.
    pub(crate) norm: f32,
    /// A step count a dimension, −127 to 127.
    pub(crate) steps: Vec<u8>,
}

impl Code {
    /// The code of a prepared vector.
    pub(crate) fn of(vector: &[f32]) -> Code {
        let most = vector.iter().fold(0f32, |most, x| most.max(x.abs()));
        let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
        let steps = vector.iter().map(|x| (x / scale).round().clamp(-127.0, 127.0) as i8 as u8).collect();
        let norm = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() as f32;
        Code { scale, norm, steps }
    }

    /// The columns of codes.
    pub(crate) fn fields(dims: usize) -> Fields {
        vec![
            Field::new("scale", DataType::Float32, true),
            Field::new("norm", DataType::Float32, true),
            Field::new("steps", DataType::FixedSizeBinary(i32::try_from(dims).unwrap_or(i32::MAX)), true),
        ]
        .into()
    }

    /// Codes as rows.
    pub(crate) fn rows(dims: usize, codes: &[Code]) -> Result<StructArray> {
        let fields = Code::fields(dims);
        let mut steps = FixedSizeBinaryBuilder::with_capacity(codes.len(), i32::try_from(dims).unwrap_or(i32::MAX));
        for code in codes {
            steps.append_value(&code.steps)?;
        }
        let scale: Float32Array = codes.iter().map(|code| code.scale).collect();
        let norm: Float32Array = codes.iter().map(|code| code.norm).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(scale), Arc::new(norm), Arc::new(steps.finish())];
        Ok(StructArray::try_new(fields, columns, None)?)
    }
}

/// Rows of codes, open for comparing.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    scale: Float32Array,
    norm: Float32Array,
    steps: FixedSizeBinaryArray,
}

impl Codes {
    pub(crate) fn of(rows: &StructArray) -> Result<Codes> {
        let wrong = || IndexError::Corrupt { what: "codes", reason: "its columns are others" };
        let number = |at: usize| rows.columns().get(at).and_then(|c| c.as_primitive_opt::<Float32Type>()).cloned();
        let steps = rows.columns().get(2).and_then(|column| column.as_fixed_size_binary_opt()).cloned();
        let codes = Codes {
            scale: number(0).ok_or_else(wrong)?,
            norm: number(1).ok_or_else(wrong)?,
            steps: steps.ok_or_else(wrong)?,
        };
        if codes.scale.null_count() + codes.norm.null_count() + codes.steps.null_count() > 0 {
            return Err(IndexError::Corrupt { what: "codes", reason: "a code is missing" });
        }
        Ok(codes)
    }

    pub(crate) fn dims(&self) -> usize {
        usize::try_from(self.steps.value_length()).unwrap_or(0)
    }
}

/// What is looked for, as 12 bits a dimension: with codes of eight bits, sums of up to 8,000 dimensions fit 32 bits.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    metric: Metric,
    scale: f32,
    norm: f32,
    steps: Vec<i16>,
}

impl Query {
    /// Of a prepared vector.
    pub(crate) fn new(metric: Metric, vector: &[f32]) -> Query {
        let most = vector.iter().fold(0f32, |most, x| most.max(x.abs()));
        let scale = if most > 0.0 { most / 2047.0 } else { 1.0 };
        let steps = vector.iter().map(|x| (x / scale).round() as i16).collect();
        let norm = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() as f32;
        Query { metric, scale, norm, steps }
    }

    /// About how far a row of codes is.
    pub(crate) fn distance(&self, codes: &Codes, row: usize) -> f32 {
        let dot = dot(&self.steps, codes.steps.value(row)) as f32 * self.scale * codes.scale.value(row);
        let norm = codes.norm.value(row);
        match self.metric {
            Metric::Cosine if norm == 0.0 || self.norm == 0.0 => 1.0,
            Metric::Cosine => 1.0 - dot,
            Metric::Euclidean => (norm + self.norm - 2.0 * dot).max(0.0).sqrt(),
        }
    }
}

/// In lanes, so that the compiler makes vector instructions of it.
fn dot(query: &[i16], steps: &[u8]) -> i32 {
    let mut lanes = [0i32; 16];
    let (queries, codes) = (query.chunks_exact(16), steps.chunks_exact(16));
    let rest: i32 =
        queries.remainder().iter().zip(codes.remainder()).map(|(q, s)| i32::from(*q) * i32::from(*s as i8)).sum();
    for (q, s) in queries.zip(codes) {
        for lane in 0..16 {
            lanes[lane] += i32::from(q[lane]) * i32::from(s[lane] as i8);
        }
    }
    lanes.iter().sum::<i32>() + rest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distances_of_codes_are_close(pairs in prop::collection::vec((-1f32..1.0, -1f32..1.0), 1..200)) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                let (x, y) = (metric.prepared(&a), metric.prepared(&b));
                let codes = Codes::of(&Code::rows(y.len(), &[Code::of(&y)]).unwrap()).unwrap();
                let found = Query::new(metric, &x).distance(&codes, 0);
                let exact = metric.distance(&a, &b);
                // A code is off by half a step a dimension.
                let off = 0.02 * (1.0 + (a.len() as f32).sqrt());
                prop_assert!((found - exact).abs() <= off, "{found} {exact}");
            }
        }
    }
}
