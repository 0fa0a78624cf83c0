#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Field, Fields};
use proptest::prelude::*;

use super::*;
use crate::page::tests::{random_group, take_struct};

fn keys(n: usize) -> BinaryArray {
    BinaryArray::from_iter_values((0..n).map(|i| format!("key {i:06}")))
}

fn one(name: &str, column: ArrayRef) -> StructArray {
    let fields = Fields::from(vec![Field::new(name, column.data_type().clone(), true)]);
    StructArray::new(fields, vec![column], None)
}

#[test]
fn the_hash_is_the_one_that_is_written_down() {
    let rows = one("n", Arc::new(Int32Array::from(vec![Some(-2), None])));
    let hashes = row_hashes("base", &BinaryArray::from_iter_values(["a", "b"]), &rows).unwrap();
    let mut bytes = b"\x04base\x01a\x0a".to_vec();
    bytes.extend_from_slice(&(xxhash_rust::xxh3::xxh3_64(b"n") as u32).to_le_bytes());
    bytes.extend_from_slice(b"\x03\xfe\xff\xff\xff\xff\xff\xff\xff\0\0\0\0");
    assert_eq!(hashes[0], xxh3_128_with_seed(&bytes, SEED));
    assert_eq!(hashes[1], xxh3_128_with_seed(b"\x04base\x01b\x0a\0\0\0\0", SEED));
}

#[test]
fn dictionaries_and_large_strings_hash_as_strings() {
    let plain: ArrayRef = Arc::new(StringArray::from(vec![Some("bus"), None, Some("car"), Some("bus"), Some("")]));
    let expected = row_hashes("g", &keys(5), &one("c", plain.clone())).unwrap();
    for data_type in [
        DataType::LargeUtf8,
        DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)),
        DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::LargeUtf8)),
    ] {
        let other = one("c", cast(&plain, &data_type).unwrap());
        assert_eq!(row_hashes("g", &keys(5), &other).unwrap(), expected, "{data_type}");
    }
    let binary = one("c", cast(&plain, &DataType::Binary).unwrap());
    assert_ne!(row_hashes("g", &keys(5), &binary).unwrap()[0], expected[0]);
}

#[test]
fn zeroes_of_different_sign_differ_and_a_new_null_field_does_not() {
    let rows = one("x", Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, f64::NAN])));
    let view = Rows::new(&rows).unwrap();
    assert!(!view.equal(0, &view, 1) && view.equal(2, &view, 3));
    let fields = Fields::from(vec![Field::new("a", DataType::Utf8, true), Field::new("x", DataType::Float64, true)]);
    let more =
        StructArray::new(fields, vec![arrow::array::new_null_array(&DataType::Utf8, 4), rows.column(0).clone()], None);
    assert!((0..4).all(|i| rows_equal(&rows, i, &more, i).unwrap()));
    assert_eq!(row_hashes("g", &keys(4), &rows).unwrap(), row_hashes("g", &keys(4), &more).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn slices_and_copies_hash_alike(seed in any::<u64>(), n in 1usize..80) {
        let rows = random_group(seed, n);
        let expected = row_hashes("g", &keys(n), &rows).unwrap();
        let twice = concat(&[&rows, &rows]).unwrap();
        let sliced = twice.slice(n, n);
        prop_assert_eq!(&row_hashes("g", &keys(n), sliced.as_any().downcast_ref().unwrap()).unwrap(), &expected);
        let order: Vec<u32> = (0..n as u32).rev().collect();
        let back = take_struct(&rows, &order);
        let back_keys = take(&keys(n), &arrow::array::UInt32Array::from(order.clone()), None).unwrap();
        let mut hashes = row_hashes("g", back_keys.as_any().downcast_ref().unwrap(), &back).unwrap();
        hashes.reverse();
        prop_assert_eq!(&hashes, &expected);
        for i in 0..n {
            prop_assert!(rows_equal(&rows, i, &back, n - 1 - i).unwrap());
        }
        let distinct: std::collections::HashSet<u128> = expected.iter().copied().collect();
        prop_assert_eq!(distinct.len(), n);
    }
}
