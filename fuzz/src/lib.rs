//! What the fuzz targets run: any bytes in, no panic out. Wrong bytes are errors.
//!
//! One table for all of them: the targets in `fuzz_targets/` call these by name, and a plain test of the workspace
//! replays the seeds of `corpus/`, with small changes, through the same functions.

use arrow::datatypes::{DataType, Field, Fields};

/// Each target with its name.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[("image", image), ("keys", keys), ("page", page)];

/// Runs a target by its name; false when there is none.
pub fn run(name: &str, input: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    found.inspect(|(_, target)| target(input)).is_some()
}

/// Headers, checks and pixels of images.
pub fn image(input: &[u8]) {
    tamis_media::fuzz::pixels(input);
}

/// A page of front-coded keys.
pub fn keys(input: &[u8]) {
    tamis_table::page::fuzz::keys(input);
}

/// A page of columns of every kind.
pub fn page(input: &[u8]) {
    tamis_table::page::fuzz::page(input, &fields());
}

/// A schema with each kind of column, nested too.
fn fields() -> Fields {
    let list = |item: DataType| DataType::List(Field::new("item", item, true).into());
    let label = Fields::from(vec![
        Field::new("id", DataType::UInt64, false),
        Field::new("class", DataType::Utf8, true),
        Field::new("confidence", DataType::Float64, true),
        Field::new("points", list(list(DataType::Float64)), true),
        Field::new("mask", DataType::FixedSizeBinary(32), true),
    ]);
    vec![
        Field::new("blob", DataType::FixedSizeBinary(32), true),
        Field::new("size", DataType::UInt64, true),
        Field::new("time", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("score", DataType::Float32, true),
        Field::new("good", DataType::Boolean, true),
        Field::new("labels", list(DataType::Struct(label)), true),
    ]
    .into()
}
