//! Every function there is, in one slice.

use std::collections::BTreeMap;

use tamis_core::Value as Json;

use crate::error::{InferError, Result};
use crate::function::{Function, Spec};
use crate::image;
use crate::model;
use crate::params::Arguments;
use crate::text;

/// Every function, in the order of the page about them.
pub static FUNCTIONS: &[&Spec] = &[
    &image::hash::PHASH,
    &image::hash::DHASH,
    &image::light::DIMENSIONS,
    &image::light::BRIGHTNESS,
    &image::light::CONTRAST,
    &image::light::ENTROPY,
    &image::light::BLUR,
    &image::light::EXPOSURE,
    &image::light::QUALITY,
    &image::colours::COLOURS,
    &image::picture::THUMBNAIL,
    &image::embed::EMBED_BASIC,
    &text::EMBED_TEXT,
    &model::EMBED,
    &model::CLASSIFY,
    &model::DETECT,
];

/// The function of a name with parameters; those not given have their defaults. Values may be JSON of the parameter's
/// type or its text, as a command line gives it. Reads the files that parameters name.
///
/// # Errors
/// [`InferError::UnknownFunction`], [`InferError::UnknownParameter`] and [`InferError::BadParameter`];
/// [`InferError::File`] and [`InferError::Model`] for a file that cannot be used.
pub fn lookup(name: &str, params: &BTreeMap<String, Json>) -> Result<Box<dyn Function>> {
    let known = || FUNCTIONS.iter().map(|spec| spec.name).collect();
    let spec = FUNCTIONS.iter().copied().find(|spec| spec.name == name);
    let spec = spec.ok_or_else(|| InferError::UnknownFunction { name: crate::error::plain(&name), known: known() })?;
    let arguments = Arguments::read(spec.name, spec.params, params)?;
    (spec.make)(spec, &arguments)
}
