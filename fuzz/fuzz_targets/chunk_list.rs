//! Fuzzes `chunk_list`; see `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tamis_fuzz::chunk_list(input));
