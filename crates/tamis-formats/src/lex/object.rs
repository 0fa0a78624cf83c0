//! Looking into JSON objects of annotation tools.

use serde_json::{Map, Value};
use tamis_core::Point;

/// A finite number under a key; numbers as text count.
pub(crate) fn number(map: &Map<String, Value>, key: &str) -> Option<f64> {
    map.get(key).and_then(number_of)
}

/// A finite number.
pub(crate) fn number_of(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok()));
    number.filter(|n| n.is_finite())
}

/// The text under a key.
pub(crate) fn text<'m>(map: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
    map.get(key).and_then(Value::as_str)
}

/// The elements of the list under a key; none where there is no list.
pub(crate) fn list<'m>(map: &'m Map<String, Value>, key: &str) -> &'m [Value] {
    map.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
}

/// The objects in the list under a key.
pub(crate) fn objects<'m>(
    map: &'m Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'m Map<String, Value>> + use<'m> {
    list(map, key).iter().filter_map(Value::as_object)
}

/// A size in whole pixels from two keys.
pub(crate) fn size(map: &Map<String, Value>, width: &str, height: &str) -> Option<(u32, u32)> {
    let side = |key| number(map, key).filter(|n| *n >= 1.0 && *n < 4e9).map(|n| n as u32);
    side(width).zip(side(height))
}

/// Points as pairs of numbers.
pub(crate) fn pairs(values: &[Value]) -> Option<Vec<Point>> {
    let pair = |v: &Value| match v.as_array()?.as_slice() {
        [x, y, ..] => Some(Point { x: number_of(x)?, y: number_of(y)? }),
        _ => None,
    };
    values.iter().map(pair).collect()
}

/// Points as objects with `x` and `y`.
pub(crate) fn corners(values: &[Value]) -> Option<Vec<Point>> {
    let point = |v: &Value| Some(Point { x: number(v.as_object()?, "x")?, y: number(v.as_object()?, "y")? });
    values.iter().map(point).collect()
}

/// Points out of numbers x, y, x, y, …
pub(crate) fn flat(values: &[Value]) -> Option<Vec<Point>> {
    let numbers: Option<Vec<f64>> = values.iter().map(number_of).collect();
    let numbers = numbers.filter(|n| n.len() % 2 == 0)?;
    Some(numbers.chunks_exact(2).map(|p| Point { x: p[0], y: p[1] }).collect())
}

/// Points as pairs, for writing.
pub(crate) fn to_pairs(points: &[Point]) -> Value {
    let pair = |p: &Point| Value::from(vec![super::number::json(p.x), super::number::json(p.y)]);
    points.iter().map(pair).collect::<Vec<Value>>().into()
}

/// Points as numbers x, y, x, y, …, for writing.
pub(crate) fn to_flat(points: &[Point]) -> Value {
    points.iter().flat_map(|p| [super::number::json(p.x), super::number::json(p.y)]).collect::<Vec<Value>>().into()
}

/// Points as objects with `x` and `y`, for writing.
pub(crate) fn to_corners(points: &[Point]) -> Value {
    let point = |p: &Point| serde_json::json!({"x": super::number::json(p.x), "y": super::number::json(p.y)});
    points.iter().map(point).collect::<Vec<Value>>().into()
}
