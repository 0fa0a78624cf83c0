//! Functions of a layer's column in `samples`: a list of labels.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::DataFusionError;

type Outcome = Result<ArrayRef, DataFusionError>;

/// How many labels (of a class, where one is named) each row has; [`None`] where the layer is absent.
fn counts(name: &str, args: &[ArrayRef], rows: usize) -> Result<Vec<Option<u64>>, DataFusionError> {
    let wrong = || DataFusionError::Plan(format!("`{name}` takes a layer's column of `samples`, such as `truth`"));
    let lists: &ListArray = args[0].as_list_opt::<i32>().ok_or_else(wrong)?;
    let Some(class) = args.get(1) else {
        return Ok((0..rows).map(|row| lists.is_valid(row).then(|| lists.value_length(row).max(0) as u64)).collect());
    };
    let class = cast(class, &DataType::Utf8)?;
    let class: &StringArray = class.as_string();
    let classes = lists.values().as_struct_opt().and_then(|labels| labels.column_by_name("class"));
    let classes = cast(classes.ok_or_else(wrong)?, &DataType::Utf8)?;
    let classes: &StringArray = classes.as_string();
    let offsets = lists.value_offsets();
    let count = |row: usize| {
        (lists.is_valid(row) && class.is_valid(row)).then(|| {
            let wanted = class.value(row);
            let labels = offsets[row] as usize..offsets[row + 1] as usize;
            labels.filter(|at| classes.is_valid(*at) && classes.value(*at) == wanted).count() as u64
        })
    };
    Ok((0..rows).map(count).collect())
}

pub(crate) fn count_labels(args: &[ArrayRef], rows: usize) -> Outcome {
    Ok(Arc::new(counts("count_labels", args, rows)?.into_iter().collect::<UInt64Array>()))
}

pub(crate) fn has_class(args: &[ArrayRef], rows: usize) -> Outcome {
    let found = counts("has_class", args, rows)?;
    Ok(Arc::new(found.into_iter().map(|count| Some(count.is_some_and(|count| count > 0))).collect::<BooleanArray>()))
}
