//! Measures functions on one image: `cargo run --release -p tamis-infer --example measure -- FILE [NAME[:PARAM=VALUE…]…]`.
//! One thread; the best of five rounds of as many calls as take a fifth of a second.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Instant;

use tamis_infer::{Input, lookup};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let bytes = std::fs::read(arguments.next().unwrap()).unwrap();
    for wanted in arguments {
        let mut parts = wanted.split(':');
        let name = parts.next().unwrap();
        let params: BTreeMap<String, serde_json::Value> =
            parts.map(|part| part.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into())).collect();
        let function = lookup(name, &params).unwrap();
        let inputs = vec![Input::Media(&bytes); function.batch_size().min(8)];
        let mut best = f64::MAX;
        for _ in 0..5 {
            let (start, mut calls) = (Instant::now(), 0);
            while start.elapsed().as_millis() < 200 {
                assert!(function.batch(&inputs, NonZeroUsize::MIN).iter().all(Result::is_ok));
                calls += inputs.len();
            }
            best = best.min(start.elapsed().as_secs_f64() / calls as f64);
        }
        println!("{wanted}: {:.3} ms, {:.0} a second", best * 1e3, 1.0 / best);
    }
}
