//! Immutable bytes by hash on any object store, and small named values swapped atomically.
