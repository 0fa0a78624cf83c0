//! Reads and writes other people's annotation and dataset formats.
