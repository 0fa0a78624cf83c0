//! Log-structured Merkle tables of column pages: scan, edit, fold, diff, merge, summaries.
