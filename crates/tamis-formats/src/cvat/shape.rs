//! One shape element of CVAT as a label.

use std::collections::HashMap;

use serde_json::Value;
use tamis_core::{Box2d, Keypoint, Label, Place, Point, Rle, RotatedBox, Shape};

use crate::labels::{self, Judge};
use crate::lex::text::crop;
use crate::lex::xml::Element;

/// What the head of the file says about labels.
#[derive(Default)]
pub(super) struct Labels {
    /// The input type of each attribute by label and name.
    pub(super) inputs: HashMap<(String, String), String>,
    /// The points of skeletons by label.
    pub(super) skeletons: HashMap<String, Vec<String>>,
}

/// What a shape is read against.
pub(super) struct Context<'c> {
    pub(super) judge: Judge<'c>,
    pub(super) labels: &'c Labels,
    pub(super) size: Option<(u32, u32)>,
    pub(super) file: &'c str,
}

/// Points as `x,y;x,y`.
fn points(text: &str) -> Option<Vec<Point>> {
    let number = |t: &str| t.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let point = |pair: &str| {
        let (x, y) = pair.split_once(',')?;
        Some(Point { x: number(x)?, y: number(y)? })
    };
    text.split(';').filter(|p| !p.trim().is_empty()).map(point).collect()
}

/// The label of a shape; `class` is the track's where the shape has none.
pub(super) fn label_of(element: &Element, class: Option<&str>, ctx: &Context<'_>) -> Option<Label> {
    let place = || Place::line(ctx.file, element.line);
    let bad = |message: &str| {
        ctx.judge.error("shape", place(), message);
        None
    };
    let class = element.attr("label").or(class);
    let listed = || element.attr("points").and_then(points).filter(|p| !p.is_empty());
    let shape = match element.name.as_str() {
        "box" => {
            let side = |name| element.number(name);
            let (Some(x1), Some(y1), Some(x2), Some(y2)) = (side("xtl"), side("ytl"), side("xbr"), side("ybr")) else {
                return bad("a box is not four finite numbers; left out");
            };
            let b = ctx.judge.accept(Box2d::new(x1, y1, x2, y2), ctx.size, place)?;
            match element.number("rotation").filter(|r| *r != 0.0) {
                Some(degrees) => {
                    let [cx, cy, width, height] = b.to_center();
                    Shape::RotatedBox(RotatedBox { cx, cy, width, height, angle: degrees.to_radians() })
                }
                None => Shape::Box2d(b),
            }
        }
        "polygon" => match listed().filter(|p| p.len() >= 3) {
            Some(points) => Shape::Polygon(points),
            None => return bad("a polygon needs at least three pairs of finite numbers; left out"),
        },
        "polyline" => match listed() {
            Some(points) => Shape::Polyline { points, bezier: None },
            None => return bad("`points` are not pairs of finite numbers; left out"),
        },
        "points" => match listed() {
            Some(points) => Shape::Keypoints(points.iter().map(|p| Keypoint { x: p.x, y: p.y, v: None }).collect()),
            None => return bad("`points` are not pairs of finite numbers; left out"),
        },
        "ellipse" => {
            let side = |name| element.number(name);
            let (Some(cx), Some(cy), Some(rx), Some(ry)) = (side("cx"), side("cy"), side("rx"), side("ry")) else {
                return bad("an ellipse is not four finite numbers; left out");
            };
            ctx.judge.note("ellipse", place(), "an ellipse is read as a polygon of 64 corners");
            Shape::Polygon(ellipse(cx, cy, rx, ry, side("rotation").unwrap_or(0.0).to_radians()))
        }
        "mask" => match mask(element, ctx.size) {
            Ok(rle) => Shape::Rle(rle),
            Err(message) => return bad(message),
        },
        "skeleton" => Shape::Keypoints(skeleton(element, class.and_then(|c| ctx.labels.skeletons.get(c)))),
        "tag" => Shape::Classification,
        other => return bad(&format!("a shape `{}`; left out", crop(other))),
    };
    let mut label = Label::new(shape);
    label.class = class.filter(|c| !c.is_empty()).and_then(labels::class);
    rest(element, class.unwrap_or_default(), ctx.labels, &mut label);
    Some(label)
}

fn rest(element: &Element, class: &str, labels: &Labels, label: &mut Label) {
    label.instance = element.attr("group_id").filter(|g| *g != "0" && !g.is_empty()).map(str::to_owned);
    if element.attr("occluded") == Some("1") {
        label.attributes.insert("occluded".to_owned(), true.into());
    }
    if let Some(order) = element.attr("z_order").and_then(|t| t.parse::<i64>().ok()).filter(|z| *z != 0) {
        label.attributes.insert("z_order".to_owned(), order.into());
    }
    if let Some(source) = element.attr("source").filter(|s| *s != "manual") {
        label.attributes.insert("source".to_owned(), source.into());
    }
    for attribute in element.children.iter().filter(|c| c.name == "attribute") {
        let Some(name) = attribute.attr("name") else { continue };
        let input = labels.inputs.get(&(class.to_owned(), name.to_owned())).map(String::as_str);
        let text = attribute.text.as_str();
        let value = match (input, text) {
            (Some("checkbox"), "true" | "True" | "1") => Value::Bool(true),
            (Some("checkbox"), "false" | "False" | "0" | "") => Value::Bool(false),
            (Some("number"), text) => match serde_json::from_str::<Value>(text) {
                Ok(number @ Value::Number(_)) => number,
                _ => text.into(),
            },
            (_, text) => text.into(),
        };
        label.attributes.insert(name.to_owned(), value);
    }
}

/// An ellipse as a ring of 64 points.
pub(crate) fn ellipse(cx: f64, cy: f64, rx: f64, ry: f64, angle: f64) -> Vec<Point> {
    let (sin, cos) = angle.sin_cos();
    let at = |i: i32| {
        let turn = f64::from(i) / 64.0 * std::f64::consts::TAU;
        let (x, y) = (rx * turn.cos(), ry * turn.sin());
        Point { x: cx + x * cos - y * sin, y: cy + x * sin + y * cos }
    };
    (0..64).map(at).collect()
}

/// Points of a skeleton in the order of its label's points; those that are missing or outside are not labelled.
fn skeleton(element: &Element, names: Option<&Vec<String>>) -> Vec<Keypoint> {
    let nodes: Vec<&Element> = element.children.iter().filter(|c| c.name == "points").collect();
    let of = |node: &&Element| {
        let at = node.attr("points").and_then(points).and_then(|p| p.first().copied()).unwrap_or_default();
        let v = match (node.attr("outside"), node.attr("occluded")) {
            (Some("1"), _) => 0,
            (_, Some("1")) => 1,
            _ => 2,
        };
        Keypoint { x: at.x, y: at.y, v: Some(v) }
    };
    match names {
        Some(names) => {
            let find = |name: &String| nodes.iter().find(|n| n.attr("label") == Some(name));
            names.iter().map(|n| find(n).map_or(Keypoint { x: 0.0, y: 0.0, v: Some(0) }, of)).collect()
        }
        None => nodes.iter().map(of).collect(),
    }
}

/// A mask: runs along the rows of a box, starting with background.
fn mask(element: &Element, size: Option<(u32, u32)>) -> Result<Rle, &'static str> {
    let (width, height) = size.ok_or("a mask needs the image's size; left out")?;
    let side = |name| element.number(name).filter(|n| *n >= 0.0 && *n < 65536.0).map(|n| n as u32);
    let (Some(left), Some(top), Some(w), Some(h)) = (side("left"), side("top"), side("width"), side("height")) else {
        return Err("a mask's place is not four numbers; left out");
    };
    if left + w > width || top + h > height {
        return Err("a mask leaves the image; left out");
    }
    let area = u64::from(width) * u64::from(height);
    if area > 1 << 28 {
        return Err("the image is too large for a mask; left out");
    }
    let mut mask = vec![0u8; area as usize];
    let (mut at, mut on) = (0u64, false);
    for run in element.attr("rle").unwrap_or_default().split(',') {
        let run: u64 = run.trim().parse().map_err(|_| "a mask's `rle` is not a list of numbers; left out")?;
        let end = at.saturating_add(run).min(u64::from(w) * u64::from(h) + 1);
        for pixel in at..end {
            let (x, y) = (pixel % u64::from(w.max(1)) + u64::from(left), pixel / u64::from(w.max(1)) + u64::from(top));
            if let Some(slot) = mask.get_mut((y * u64::from(width) + x) as usize).filter(|_| on) {
                *slot = 1;
            }
        }
        (at, on) = (end, !on);
    }
    if at != u64::from(w) * u64::from(h) {
        return Err("a mask's runs do not add up to its size; left out");
    }
    Rle::from_mask(width, height, &mask).map_err(|_| "a mask is no mask; left out")
}

/// A mask as CVAT writes it: the runs along the rows of its box, and the box.
pub(super) fn runs(rle: &Rle) -> Option<(String, [u32; 4])> {
    let b = rle.bounds()?;
    let mask = rle.to_mask().ok()?;
    let (left, top, right, lower) = (b.xmin as usize, b.ymin as usize, b.xmax as usize, b.ymax as usize);
    let mut counts: Vec<u64> = vec![0];
    let mut on = false;
    for y in top..lower {
        for pixel in mask.get(y * rle.width as usize + left..y * rle.width as usize + right).unwrap_or_default() {
            if (*pixel > 0) != on {
                on = !on;
                counts.push(0);
            }
            if let Some(last) = counts.last_mut() {
                *last += 1;
            }
        }
    }
    let text: Vec<String> = counts.iter().map(u64::to_string).collect();
    Some((text.join(", "), [left as u32, top as u32, (right - left) as u32, (lower - top) as u32]))
}
