//! History over tables: commits, refs, operation log, merge, sync, gc, verify.
