//! What the fuzz targets run: any bytes in, no panic out. Wrong bytes are errors.
//!
//! One table for all of them: the targets in `fuzz_targets/` call these by name, and a plain test of the workspace
//! replays the seeds of `corpus/`, with small changes, through the same functions.

use arrow::datatypes::{DataType, Field, Fields};

/// A target: its name, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("chunk_list", chunk_list),
    ("format", format),
    ("image", image),
    ("keys", keys),
    ("object", object),
    ("pack", pack),
    ("page", page),
    ("revision", revision),
    ("syntax", syntax),
    ("tree", tree),
];

/// Runs a target by its name; false when there is none.
#[allow(dead_code, reason = "the replay in tests goes through the table")]
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

/// A pack: header, frames, index, trailer.
pub fn pack(input: &[u8]) {
    tamis_store::fuzz::pack(input);
}

/// The list of chunks of a large blob.
pub fn chunk_list(input: &[u8]) {
    tamis_store::fuzz::chunk_list(input);
}

/// Nodes, roots, summaries and schemas of tables.
pub fn tree(input: &[u8]) {
    tamis_table::fuzz::tree(input);
}

/// Commits, operations, views and sensors.
pub fn object(input: &[u8]) {
    tamis_repo::fuzz::object(input);
}

/// JSON, XML, YAML, CSV and run lengths.
pub fn syntax(input: &[u8]) {
    tamis_formats::fuzz::syntax(input);
}

/// A dataset in a foreign format: the first byte says which file of a small folder, or which archive, the rest is.
pub fn format(input: &[u8]) {
    const NAMES: &[&str] = &[
        "annotations/instances.json",
        "Annotations/a.xml",
        "data.yaml",
        "labels/a.txt",
        "rows.csv",
        "rows.jsonl",
        "rows.parquet",
        "set.zip",
        "set.tar",
        "set.tar.gz",
        "cat/a.jpg",
        "train.tfrecord",
        "train-images-idx3-ubyte",
        "data_batch_1.bin",
        "annotations.xml",
        "tasks.json",
        "meta.json",
        "ds/ann/a.jpg.json",
        "v1.0-mini/sample_data.json",
        "s/gt/gt.txt",
        "train.conll",
        "metadata.csv",
        "manifest.jsonl",
        "segments/a.json",
        "a_polygons.json",
        "training/label_02/0000.txt",
        "drive/tracklet_labels.xml",
    ];
    let Some((first, rest)) = input.split_first() else { return };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let folder = std::env::temp_dir().join(format!("tamis-fuzz-{}", std::process::id()));
    let path = folder.join(name);
    let write = |path: &std::path::Path, bytes: &[u8]| {
        path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok())
            && std::fs::write(path, bytes).is_ok()
    };
    let written = write(&path, rest)
        && (name != "labels/a.txt" || write(&folder.join("data.yaml"), b"names: [cat, dog]\ntrain: images\n"));
    if written {
        tamis_formats::fuzz::source(if name.starts_with("set.") { &path } else { &folder });
    }
    let _ = std::fs::remove_dir_all(&folder);
}

/// A revision as a person types it.
pub fn revision(input: &[u8]) {
    tamis_repo::fuzz::revision(input);
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
