//! Functions of boxes, polygons and masks. Boxes are given as xmin, ymin, xmax, ymax.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, UInt32Type};
use datafusion::common::DataFusionError;
use tamis_core::Box2d;

type Outcome = Result<ArrayRef, DataFusionError>;

/// The numbers of a row; [`None`] where one is null.
fn numbers<const N: usize>(columns: &[&Float64Array], row: usize) -> Option<[f64; N]> {
    let mut found = [0.0; N];
    for (value, column) in found.iter_mut().zip(columns) {
        if column.is_null(row) {
            return None;
        }
        *value = column.value(row);
    }
    Some(found)
}

fn each<const N: usize>(args: &[ArrayRef], rows: usize, of: impl Fn([f64; N]) -> Option<f64>) -> Outcome {
    let columns: Option<Vec<&Float64Array>> = args.iter().map(|arg| arg.as_primitive_opt::<Float64Type>()).collect();
    let columns = columns
        .filter(|columns| columns.len() == N)
        .ok_or_else(|| DataFusionError::Internal("a box is no numbers".to_owned()))?;
    let values = (0..rows).map(|row| numbers::<N>(&columns, row).and_then(&of));
    Ok(Arc::new(values.collect::<Float64Array>()))
}

fn of(corners: &[f64]) -> Option<Box2d> {
    match corners {
        &[xmin, ymin, xmax, ymax] => Some(Box2d::new(xmin, ymin, xmax, ymax)),
        _ => None,
    }
}

pub(crate) fn box_area(args: &[ArrayRef], rows: usize) -> Outcome {
    each::<4>(args, rows, |b| Some((b[2] - b[0]).max(0.0) * (b[3] - b[1]).max(0.0)))
}

pub(crate) fn box_aspect(args: &[ArrayRef], rows: usize) -> Outcome {
    each::<4>(args, rows, |b| (b[3] > b[1]).then(|| (b[2] - b[0]).max(0.0) / (b[3] - b[1])))
}

fn overlap(a: &Box2d, b: &Box2d) -> f64 {
    let width = (a.xmax.min(b.xmax) - a.xmin.max(b.xmin)).max(0.0);
    let height = (a.ymax.min(b.ymax) - a.ymin.max(b.ymin)).max(0.0);
    width * height
}

fn area(b: &Box2d) -> f64 {
    (b.xmax - b.xmin).max(0.0) * (b.ymax - b.ymin).max(0.0)
}

pub(crate) fn box_iou(args: &[ArrayRef], rows: usize) -> Outcome {
    each::<8>(args, rows, |c| {
        let (a, b) = (of(&c[..4])?, of(&c[4..])?);
        let (both, all) = (overlap(&a, &b), area(&a) + area(&b));
        (all > both).then(|| both / (all - both))
    })
}

pub(crate) fn box_containment(args: &[ArrayRef], rows: usize) -> Outcome {
    each::<8>(args, rows, |c| {
        let (a, b) = (of(&c[..4])?, of(&c[4..])?);
        (area(&a) > 0.0).then(|| overlap(&a, &b) / area(&a))
    })
}

/// The area of rings of x, y, x, y …, each by the shoelace formula, added up.
pub(crate) fn polygon_area(args: &[ArrayRef], rows: usize) -> Outcome {
    let list = |inner| DataType::List(Field::new("item", inner, true).into());
    let rings = cast(&args[0], &list(list(DataType::Float64)))?;
    let rings: &ListArray = rings.as_list();
    let area = |row: usize| {
        rings.is_valid(row).then(|| {
            let rings = rings.value(row);
            let rings: &ListArray = rings.as_list();
            (0..rings.len()).filter(|at| rings.is_valid(*at)).map(|at| ring_area(&rings.value(at))).sum::<f64>()
        })
    };
    Ok(Arc::new((0..rows).map(area).collect::<Float64Array>()))
}

fn ring_area(points: &ArrayRef) -> f64 {
    let numbers: &Float64Array = points.as_primitive();
    let points: Vec<(f64, f64)> = numbers.values().chunks_exact(2).map(|p| (p[0], p[1])).collect();
    let next = points.iter().cycle().skip(1);
    let twice: f64 = points.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
    twice.abs() / 2.0
}

/// The pixels of a run-length encoded mask: every second run, from the second on.
pub(crate) fn mask_area(args: &[ArrayRef], rows: usize) -> Outcome {
    let counts = args[0].as_struct_opt().and_then(|rle| rle.column_by_name("counts"));
    let counts = counts.and_then(|counts| counts.as_list_opt::<i32>());
    let counts = counts.ok_or_else(|| {
        DataFusionError::Plan("`mask_area` takes a run-length encoded mask, such as `rle`".to_owned())
    })?;
    let area = |row: usize| {
        (args[0].is_valid(row) && counts.is_valid(row)).then(|| {
            let runs = counts.value(row);
            let runs = runs.as_primitive_opt::<UInt32Type>();
            runs.map_or(0, |runs| runs.values().iter().skip(1).step_by(2).map(|run| u64::from(*run)).sum())
        })
    };
    Ok(Arc::new((0..rows).map(area).collect::<UInt64Array>()))
}
