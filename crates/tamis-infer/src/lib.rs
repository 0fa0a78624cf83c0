//! Values computed from media: facts, hashes, embeddings, predictions.

#![forbid(unsafe_code)]
