//! Measures functions on one image:
//! `cargo run --release -p tamis-infer --example measure -- FILE [--threads N] NAME[:PARAM=VALUE…]…`.
//! The best of five rounds of as many calls as take a fifth of a second.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Instant;

use tamis_infer::{Input, lookup};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let bytes = std::fs::read(arguments.next().unwrap()).unwrap();
    let mut threads = NonZeroUsize::MIN;
    while let Some(wanted) = arguments.next() {
        if wanted == "--threads" {
            threads = arguments.next().unwrap().parse().unwrap();
            continue;
        }
        let mut parts = wanted.split(':');
        let name = parts.next().unwrap();
        let params: BTreeMap<String, serde_json::Value> =
            parts.map(|part| part.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into())).collect();
        let function = lookup(name, &params).unwrap();
        let inputs = vec![Input::Media(&bytes); function.batch_size().min(16)];
        let mut best = f64::MAX;
        for _ in 0..5 {
            let (start, mut calls) = (Instant::now(), 0);
            while start.elapsed().as_millis() < 200 {
                assert!(function.batch(&inputs, threads).iter().all(Result::is_ok));
                calls += inputs.len();
            }
            best = best.min(start.elapsed().as_secs_f64() / calls as f64);
        }
        println!("{wanted}, threads {threads}: {:.3} ms, {:.0} a second", best * 1e3, 1.0 / best);
    }
}
