//! Distances of vectors and of hashes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Float64Array, ListArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, UInt64Type};
use datafusion::common::DataFusionError;

type Outcome = Result<ArrayRef, DataFusionError>;

/// Calls `distance` with two vectors of the same length for each row; null where one is null.
fn each(name: &str, args: &[ArrayRef], rows: usize, distance: impl Fn(&[f64], &[f64]) -> Option<f64>) -> Outcome {
    let list = DataType::List(Field::new("item", DataType::Float64, true).into());
    let wrong = |_| DataFusionError::Plan(format!("`{name}` takes two vectors of numbers"));
    let (a, b) = (cast(&args[0], &list).map_err(wrong)?, cast(&args[1], &list).map_err(wrong)?);
    let (a, b): (&ListArray, &ListArray) = (a.as_list(), b.as_list());
    let mut found: Vec<Option<f64>> = Vec::with_capacity(rows);
    for row in 0..rows {
        if a.is_null(row) || b.is_null(row) {
            found.push(None);
            continue;
        }
        let (x, y) = (a.value(row), b.value(row));
        let (x, y): (&Float64Array, &Float64Array) = (x.as_primitive(), y.as_primitive());
        if x.len() != y.len() {
            let reason = format!("`{name}`: one vector has {} numbers, the other {}", x.len(), y.len());
            return Err(DataFusionError::Execution(reason));
        }
        found.push(if x.null_count() + y.null_count() > 0 { None } else { distance(x.values(), y.values()) });
    }
    Ok(Arc::new(Float64Array::from(found)))
}

pub(crate) fn cosine_distance(args: &[ArrayRef], rows: usize) -> Outcome {
    each("cosine_distance", args, rows, |x, y| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let length = (dot(x, x) * dot(y, y)).sqrt();
        (length > 0.0).then(|| 1.0 - dot(x, y) / length)
    })
}

pub(crate) fn l2_distance(args: &[ArrayRef], rows: usize) -> Outcome {
    each("l2_distance", args, rows, |x, y| Some(x.iter().zip(y).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()))
}

pub(crate) fn hamming_distance(args: &[ArrayRef], rows: usize) -> Outcome {
    let wrong = || DataFusionError::Plan("`hamming_distance` takes two whole numbers or two binary values".to_owned());
    if let (Some(a), Some(b)) = (bits(&args[0]), bits(&args[1])) {
        let far = |row: usize| {
            (a.is_valid(row) && b.is_valid(row)).then(|| u64::from((a.value(row) ^ b.value(row)).count_ones()))
        };
        return Ok(Arc::new((0..rows).map(far).collect::<UInt64Array>()));
    }
    let (a, b) = (cast(&args[0], &DataType::Binary), cast(&args[1], &DataType::Binary));
    let (Ok(a), Ok(b)) = (a, b) else { return Err(wrong()) };
    let (a, b): (&BinaryArray, &BinaryArray) = (a.as_binary(), b.as_binary());
    let mut found: Vec<Option<u64>> = Vec::with_capacity(rows);
    for row in 0..rows {
        if a.is_null(row) || b.is_null(row) {
            found.push(None);
            continue;
        }
        let (x, y) = (a.value(row), b.value(row));
        if x.len() != y.len() {
            let reason = format!("`hamming_distance`: one value has {} bytes, the other {}", x.len(), y.len());
            return Err(DataFusionError::Execution(reason));
        }
        found.push(Some(x.iter().zip(y).map(|(x, y)| u64::from((x ^ y).count_ones())).sum()));
    }
    Ok(Arc::new(UInt64Array::from(found)))
}

/// Whole numbers as 64 bits.
fn bits(values: &ArrayRef) -> Option<UInt64Array> {
    match values.data_type() {
        DataType::UInt64 => Some(values.as_primitive::<UInt64Type>().clone()),
        other if other.is_integer() => {
            let signed = cast(values, &DataType::Int64).ok()?;
            Some(signed.as_primitive::<Int64Type>().unary(|value| value as u64))
        }
        _ => None,
    }
}
