//! Tamis's turn in W2 and W4 of `bench/`: a table of samples with boxes, edited, compared, merged, read.
//!
//! ```text
//! label_rows table FILE.arrow WORK QUICK    W2: the rows that all peers get
//! label_rows build ROWS WORK QUICK          W4: rows that are generated
//! label_rows touch WORK ROWS                first touch of the lake in WORK by a new process
//! ```
//!
//! Each step prints one line, `@` and JSON, in the form of `bench/measure.py`. A commit here is a pack made durable and
//! a ref swapped; answers are checked.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod rows;
mod steps;

use std::path::Path;
use std::time::Instant;

use tamis_store::{Location, Store, StoreOptions};
use tamis_table::{BuildOptions, Table, TableCache};

use steps::Turn;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["table", file, work, quick] => {
            let batches = rows::read(file);
            let count = batches.iter().map(|batch| batch.len() as u64).sum();
            turn(work, count, *quick == "1", batches.into_iter().map(Ok));
        }
        ["build", count, work, quick] => {
            let count = count.parse().unwrap();
            turn(work, count, *quick == "1", rows::generate(count).map(Ok));
        }
        ["touch", work, count] => touch(work, count.parse().unwrap()),
        other => panic!("not understood: {other:?}"),
    }
}

fn lake(work: &str) -> Location {
    Location::Folder(Path::new(work).join("lake"))
}

fn turn(
    work: &str,
    count: u64,
    quick: bool,
    batches: impl Iterator<Item = tamis_table::Result<tamis_table::RowBatch>>,
) {
    std::fs::create_dir_all(work).unwrap();
    let store = Store::create(&lake(work), StoreOptions::default()).unwrap();
    let cache = TableCache::new(&store);
    let start = Instant::now();
    let writer = store.writer().unwrap();
    let table = Table::build(&cache, &writer, rows::schema(), batches, &BuildOptions::default()).unwrap();
    writer.finish().unwrap();
    let version = store.swap_ref("main", None, steps::named(&table, None)).unwrap().unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(table.len(), count);
    let (bytes, files) = steps::size(Path::new(work));
    println!(r#"@{{"step":"first commit","seconds":{seconds},"n":1,"bytes":{bytes},"files":{files}}}"#);
    Turn::new(store, table, version, Path::new(work), count, quick).run();
}

/// What a new process sees: opening, 1,000 lookups of old values and the edit of those rows, all for the first time.
fn touch(work: &str, count: u64) {
    let start = Instant::now();
    let store = Store::open(&lake(work), StoreOptions::default()).unwrap();
    let found = store.read_ref("main").unwrap().unwrap();
    let table = Table::open(&TableCache::new(&store), steps::table_of(&found.bytes)).unwrap();
    println!(r#"@{{"step":"open","seconds":{}}}"#, start.elapsed().as_secs_f64());
    let before = store.stats();
    let mut turn = Turn::new(store.clone(), table, found.version, Path::new(work), count, true);
    turn.first_touch();
    let after = store.stats();
    println!(
        r#"@{{"step":"reads of the first touch","answer":{},"bytes":{}}}"#,
        after.requests - before.requests,
        after.bytes_read - before.bytes_read
    );
}
