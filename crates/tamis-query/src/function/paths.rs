//! Parts of paths.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::DataFusionError;

type Outcome = Result<ArrayRef, DataFusionError>;

fn each(args: &[ArrayRef], part: impl Fn(&str) -> &str) -> Outcome {
    let paths = cast(&args[0], &DataType::Utf8)?;
    let paths: &StringArray = paths.as_string();
    Ok(Arc::new(paths.iter().map(|path| path.map(&part)).collect::<StringArray>()))
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

pub(crate) fn path_segment(args: &[ArrayRef], _: usize) -> Outcome {
    each(args, |path| path.split_once('/').map_or("", |(head, _)| head))
}

pub(crate) fn path_dir(args: &[ArrayRef], _: usize) -> Outcome {
    each(args, |path| path.rsplit_once('/').map_or("", |(dir, _)| dir))
}

pub(crate) fn path_name(args: &[ArrayRef], _: usize) -> Outcome {
    each(args, name)
}

pub(crate) fn path_ext(args: &[ArrayRef], _: usize) -> Outcome {
    // A name that begins with its only dot has no ending.
    each(args, |path| name(path).rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or("", |(_, ext)| ext))
}
