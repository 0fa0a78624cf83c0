//! Functions of one image.
//!
//! Numbers here are made of integers, of the four operations and of square roots, so that they are the same on every
//! machine: no sine, logarithm or power of a library reaches a value unrounded.

pub(crate) mod colours;
pub(crate) mod embed;
pub(crate) mod hash;
pub(crate) mod light;
pub(crate) mod picture;
pub(crate) mod resample;
mod transform;
