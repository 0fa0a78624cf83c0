//! One row of a label file.

use tamis_core::{Box2d, Keypoint, Point};

use crate::lex::Fault;
use crate::lex::text;

/// What a row says, normalised to the image's size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// Centre, size, and how sure a model is.
    Box([f64; 4], Option<f64>),
    /// Corners.
    Polygon(Vec<Point>),
    /// Four corners of a rotated box.
    Turned([Point; 4]),
    /// Centre and size, and key points.
    Points([f64; 4], Vec<Keypoint>),
}

/// What the rows of a dataset are, beside boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// How many key points; 0 = there are none.
    pub(crate) points: usize,
    /// Numbers of a key point: 2 or 3.
    pub(crate) point: usize,
    /// Four corners are a rotated box.
    pub(crate) turned: bool,
}

/// Reads a row: `class cx cy w h [confidence]`, `class x y x y x y …`, or with key points of `point` numbers each.
pub(crate) fn parse(line: u64, row: &str, Rows { points, point, turned }: Rows) -> Result<(i64, Row), Fault> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let [class, rest @ ..] = words.as_slice() else { return Err(Fault::new(line, 0, "the row is empty")) };
    let number = class.parse::<f64>().ok().filter(|c| c.fract() == 0.0 && c.abs() < 1e9);
    let class =
        number.ok_or_else(|| Fault::new(line, 1, format!("`{}` is not a class number", text::crop(class))))? as i64;
    let numbers = text::numbers(line, rest)?;
    if points > 0 && point >= 2 && numbers.len() == 4 + points * point {
        let (frame, list) = numbers.split_at(4);
        let key = |p: &[f64]| Keypoint { x: p[0], y: p[1], v: p.get(2).map(|v| v.clamp(0.0, 255.0) as u8) };
        return Ok((
            class,
            Row::Points([frame[0], frame[1], frame[2], frame[3]], list.chunks_exact(point).map(key).collect()),
        ));
    }
    match numbers.as_slice() {
        &[cx, cy, w, h] => Ok((class, Row::Box([cx, cy, w, h], None))),
        &[cx, cy, w, h, sure] => Ok((class, Row::Box([cx, cy, w, h], Some(sure)))),
        &[ax, ay, bx, by, cx, cy, dx, dy] if turned => {
            let corners = [(ax, ay), (bx, by), (cx, cy), (dx, dy)];
            Ok((class, Row::Turned(corners.map(|(x, y)| Point { x, y }))))
        }
        list if list.len() >= 6 && list.len() % 2 == 0 => {
            Ok((class, Row::Polygon(list.chunks_exact(2).map(|p| Point { x: p[0], y: p[1] }).collect())))
        }
        list => Err(Fault::new(
            line,
            0,
            format!("expected 4 numbers after the class, or pairs for a polygon, found {}", list.len()),
        )),
    }
}

/// The box in pixels of a normalised one.
pub(crate) fn to_pixels([cx, cy, w, h]: [f64; 4], (width, height): (u32, u32)) -> Box2d {
    let (width, height) = (f64::from(width), f64::from(height));
    Box2d::new((cx - w / 2.0) * width, (cy - h / 2.0) * height, (cx + w / 2.0) * width, (cy + h / 2.0) * height)
}

/// The normalised box with the fewest decimals that gives exactly this box back; else with all its digits.
pub(crate) fn from_pixels(b: Box2d, (width, height): (u32, u32)) -> [f64; 4] {
    let axis = |min: f64, max: f64, side: f64| {
        let (centre, extent) = ((min + max) / 2.0 / side, (max - min) / side);
        for decimals in 0..=17usize {
            let round = |v: f64| format!("{v:.decimals$}").parse::<f64>().unwrap_or(v);
            let (c, e) = (round(centre), round(extent));
            if (c - e / 2.0) * side == min && (c + e / 2.0) * side == max {
                return (c, e);
            }
        }
        (centre, extent)
    };
    let (cx, w) = axis(b.xmin, b.xmax, f64::from(width));
    let (cy, h) = axis(b.ymin, b.ymax, f64::from(height));
    [cx, cy, w, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_of_all_kinds() {
        assert_eq!(parse(1, "3 0.5 0.5 0.2 0.1", Rows::default()), Ok((3, Row::Box([0.5, 0.5, 0.2, 0.1], None))));
        assert!(matches!(parse(1, "0 0 0 1 0 1 1", Rows::default()), Ok((0, Row::Polygon(p))) if p.len() == 3));
        assert!(
            matches!(parse(1, "0 .5 .5 1 1 .1 .2 2", Rows { points: 1, point: 3, turned: false }), Ok((0, Row::Points(_, p))) if p.len() == 1)
        );
        let turned = Rows { turned: true, ..Rows::default() };
        assert!(matches!(parse(1, "0 0 0 1 0 1 1 0 1", turned), Ok((0, Row::Turned(_)))));
        assert!(matches!(parse(1, "0 0 0 1 0 1 1 0 1", Rows::default()), Ok((0, Row::Polygon(_)))));
        for bad in ["", "x 1 2 3 4", "1 2 3", "1 2 3 4 nan", "1 2 3 4 inf", "1.5 0 0 1 1"] {
            assert!(parse(1, bad, Rows::default()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_in_six_decimals_is_written_so_again(cx in 0u32..1_000_000, w in 1u32..1_000_000, side in 1u32..5000) {
            let (cx, w) = (f64::from(cx) / 1e6, f64::from(w) / 1e6);
            let b = to_pixels([cx, cx, w, w], (side, side));
            let back = from_pixels(b, (side, side));
            prop_assert_eq!(to_pixels(back, (side, side)), b);
        }
    }
}
