//! Development only: fault injection, generators, conformance suites.
