//! Development only: fault injection, generators, conformance suites.

pub mod store;
