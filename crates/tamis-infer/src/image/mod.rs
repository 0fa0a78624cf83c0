//! Functions of one image.
//!
//! Numbers here are made of integers, of the four operations and of square roots, so that they are the same on every
//! machine: no sine, logarithm or power of a library reaches a value unrounded.

pub(crate) mod colours;
pub(crate) mod embed;
pub(crate) mod hash;
pub(crate) mod light;
pub(crate) mod picture;
#[cfg_attr(not(test), expect(dead_code, reason = "models, which are trained on several filters, come next"))]
pub(crate) mod resample;
mod transform;
