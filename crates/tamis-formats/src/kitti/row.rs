//! One row of a KITTI label file: a class, then 14 numbers, then perhaps a score.

use std::fmt::Write;

use tamis_core::{Box2d, Box3d, Label, Place, Shape};

use crate::labels::{self, Judge};
use crate::lex::number::{fewest_decimals, text};
use crate::lex::{Fault, text};

/// The numbers of a row, and where the class stands: a class may have spaces, so the row is read from its end.
pub(super) fn parse(line: u64, words: &[&str]) -> Result<(String, Vec<f64>), Fault> {
    let is_number = |w: &&&str| w.parse::<f64>().is_ok();
    let tail = words.iter().rev().take_while(is_number).count().min(15).min(words.len().saturating_sub(1));
    if tail < 14 {
        return Err(Fault::new(line, 0, format!("expected a class and 14 or 15 numbers, found {tail} numbers")));
    }
    let (class, numbers) = words.split_at(words.len() - tail);
    Ok((class.join(" "), text::numbers(line, numbers)?))
}

/// The label of a row: a cuboid in the camera's frame with its box beside, or the box alone where there is no cuboid.
pub(super) fn label(
    class: &str,
    numbers: &[f64],
    size: Option<(u32, u32)>,
    judge: &Judge<'_>,
    place: &dyn Fn() -> Place,
) -> Option<Label> {
    let &[truncated, occluded, alpha, xmin, ymin, xmax, ymax, h, w, l, x, y, z, turn, ref score @ ..] = numbers else {
        return None;
    };
    let b = judge.accept(Box2d::new(xmin, ymin, xmax, ymax), size, place)?;
    let solid = h > 0.0 && w > 0.0 && l > 0.0 && z > -999.0;
    let mut label = match solid {
        true => {
            let (sin, cos) = (turn / 2.0).sin_cos();
            let shape = Box3d { translation: [x, y - h / 2.0, z], rotation: [cos, 0.0, sin, 0.0], size: [l, h, w] };
            Label { bbox: Some(b), ..Label::new(Shape::Box3d(shape)) }
        }
        false => Label::new(Shape::Box2d(b)),
    };
    label.class = labels::class(class);
    label.confidence = score.first().copied();
    let flags = [("truncated", truncated, -1.0), ("occluded", occluded, -1.0), ("alpha", alpha, -10.0)];
    for (name, value, unknown) in flags.into_iter().filter(|(_, v, unknown)| v != unknown) {
        let _ = unknown;
        label.attributes.insert(name.to_owned(), crate::lex::number::json(value));
    }
    Some(label)
}

/// The row of a label, without its class; [`None`] for one without a box.
pub(super) fn numbers(label: &Label, b: Box2d) -> String {
    let number =
        |name: &str, unknown: f64| label.attributes.get(name).and_then(serde_json::Value::as_f64).unwrap_or(unknown);
    let mut all = vec![number("truncated", -1.0), number("occluded", -1.0), number("alpha", -10.0)];
    all.extend([b.xmin, b.ymin, b.xmax, b.ymax]);
    match &label.shape {
        Shape::Box3d(Box3d { translation: [x, y, z], rotation, size: [l, h, w] }) => {
            let foot = fewest_decimals(y + h / 2.0, |f| f - h / 2.0 == *y);
            let [cos, _, sin, _] = *rotation;
            let turn = fewest_decimals(2.0 * sin.atan2(cos), |t| (t / 2.0).sin_cos() == (sin, cos));
            all.extend([*h, *w, *l, *x, foot, *z, turn]);
        }
        _ => all.extend([-1.0, -1.0, -1.0, -1000.0, -1000.0, -1000.0, -10.0]),
    }
    all.extend(label.confidence);
    let mut out = String::new();
    for number in all {
        let _ = write!(out, " {}", text(number));
    }
    out
}

/// Whether a cuboid turns only about the vertical, as this format has it.
pub(super) fn is_upright(label: &Label) -> bool {
    !matches!(&label.shape, Shape::Box3d(b) if b.rotation[1] != 0.0 || b.rotation[3] != 0.0)
}
