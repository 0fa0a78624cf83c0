//! Models in ONNX: predictions and embeddings.
//!
//! A model is a file that a parameter names; its hash is part of the function's id. Before a runtime sees the bytes,
//! [`wire`] has looked whether the file is whole and its weights are there. A runtime's panic is caught at three places,
//! loading, the trial that every model has to pass when it is looked up, and each run, and becomes an error.

mod classify;
mod detect;
mod embed;
mod frame;
mod heads;
mod loaded;
mod ort;
mod rten;
mod session;
mod wire;

pub(crate) use classify::CLASSIFY;
pub(crate) use detect::DETECT;
pub(crate) use embed::EMBED;
