//! What the numbers of the usual detectors mean, and which boxes are kept.

use crate::error::{InferError, Result};
use crate::model::loaded::{Item, Loaded};
use crate::params::Arguments;

/// A box in the model's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    /// Left, top, right, bottom.
    pub(crate) corners: [f32; 4],
    pub(crate) score: f32,
    pub(crate) class: usize,
}

/// The outputs of a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// One row a box: centre, size, objectness, scores of classes. The score is objectness times class.
    Yolov5,
    /// The same in columns and without objectness; versions 8, 9, 11 and 12 too.
    Yolov8,
    /// One row a box: corners, score, class. Kept boxes only.
    Rows,
    /// Three outputs: corners, classes, scores. Kept boxes only.
    Ssd,
}

impl Head {
    /// The names of the parameter's values.
    pub(crate) const NAMES: &'static [&'static str] = &["yolov8", "yolov5", "rows", "ssd"];

    /// The head of a name in [`Head::NAMES`].
    pub(crate) fn named(name: &str) -> Head {
        match name {
            "yolov5" => Head::Yolov5,
            "rows" => Head::Rows,
            "ssd" => Head::Ssd,
            _ => Head::Yolov8,
        }
    }

    /// How many classes outputs of these sizes (the batch left out) have; [`None`] where they do not say.
    ///
    /// # Errors
    /// What is wrong with the sizes.
    pub(crate) fn classes(self, shapes: &[Vec<usize>]) -> std::result::Result<Option<usize>, String> {
        let shape = |at: usize| shapes.get(at).and_then(|shape| shape.get(1..)).unwrap_or_default();
        match (self, shape(0)) {
            (Head::Yolov8, &[rows, _]) if rows > 4 => Ok(Some(rows - 4)),
            (Head::Yolov8, found) => Err(format!("sizes {found:?}, expected [4 + classes, boxes]")),
            (Head::Yolov5, &[_, columns]) if columns > 5 => Ok(Some(columns - 5)),
            (Head::Yolov5, found) => Err(format!("sizes {found:?}, expected [boxes, 5 + classes]")),
            (Head::Rows, &[_, 6]) => Ok(None),
            (Head::Rows, found) => Err(format!("sizes {found:?}, expected [boxes, 6]")),
            (Head::Ssd, &[_, 4]) if shapes.len() == 3 && shape(1).len() == 1 && shape(2).len() == 1 => Ok(None),
            (Head::Ssd, _) => Err(format!("sizes {shapes:?}, expected [_, boxes, 4], [_, boxes], [_, boxes]")),
        }
    }

    /// The boxes of one image whose score is at least `threshold`. O(boxes · classes).
    pub(crate) fn read(self, items: &[Item<'_>], threshold: f32, frame: (f32, f32)) -> Vec<Found> {
        let values = |at: usize| items.get(at).map_or(&[][..], |item| item.values);
        let columns = items.first().and_then(|item| item.shape.last()).copied().unwrap_or(0).max(1);
        let best = |scores: &mut dyn Iterator<Item = f32>| {
            scores
                .enumerate()
                .fold((0, f32::MIN), |best, (class, score)| if score > best.1 { (class, score) } else { best })
        };
        let mut found: Vec<Found> = match self {
            Head::Yolov8 => {
                let rows: Vec<&[f32]> = values(0).chunks_exact(columns).collect();
                let at =
                    |row: usize, column: usize| rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0.0);
                let read = |column: usize| {
                    let (class, score) = best(&mut (4..rows.len()).map(|row| at(row, column)));
                    let corners = around([at(0, column), at(1, column), at(2, column), at(3, column)]);
                    Found { corners, score, class }
                };
                (0..columns).map(read).collect()
            }
            Head::Yolov5 => {
                let read = |row: &[f32]| match *row {
                    [x, y, w, h, object, ref classes @ ..] => {
                        let (class, score) = best(&mut classes.iter().copied());
                        Some(Found { corners: around([x, y, w, h]), score: object * score, class })
                    }
                    _ => None,
                };
                values(0).chunks_exact(columns).filter_map(read).collect()
            }
            Head::Rows => {
                let read = |row: &[f32]| match *row {
                    [x0, y0, x1, y1, score, class] => {
                        Some(Found { corners: [x0, y0, x1, y1], score, class: class as usize })
                    }
                    _ => None,
                };
                values(0).chunks_exact(6).filter_map(read).collect()
            }
            Head::Ssd => {
                let corners = values(0).chunks_exact(4).zip(values(1)).zip(values(2));
                let read = |((corners, &class), &score): ((&[f32], &f32), &f32)| match *corners {
                    [x0, y0, x1, y1] => Some(Found { corners: [x0, y0, x1, y1], score, class: class as usize }),
                    _ => None,
                };
                let mut found: Vec<Found> = corners.filter_map(read).collect();
                // Some exporters give shares of the frame: no real detection lies within two pixels of the corner.
                if found.iter().all(|found| found.corners.iter().all(|v| v.abs() <= 2.0)) {
                    let (width, height) = frame;
                    for Found { corners: [x0, y0, x1, y1], .. } in &mut found {
                        (*x0, *y0, *x1, *y1) = (*x0 * width, *y0 * height, *x1 * width, *y1 * height);
                    }
                }
                found
            }
        };
        found.retain(|found| found.score >= threshold);
        found
    }

    /// Whether boxes still overlap.
    pub(crate) fn is_raw(self) -> bool {
        matches!(self, Head::Yolov5 | Head::Yolov8)
    }
}

/// Corners of a centre and a size.
fn around([x, y, w, h]: [f32; 4]) -> [f32; 4] {
    [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]
}

/// The best boxes, best first, none of which overlaps a better one of its class by more than `overlap` (intersection
/// over union); at most `most`. Greedy non-maximum suppression. O(boxes · kept).
pub(crate) fn suppress(mut found: Vec<Found>, overlap: f32, most: usize) -> Vec<Found> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Found> = Vec::new();
    for one in found {
        if kept.len() == most {
            break;
        }
        if kept.iter().all(|better| better.class != one.class || iou(&better.corners, &one.corners) <= overlap) {
            kept.push(one);
        }
    }
    kept
}

fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |[x0, y0, x1, y1]: &[f32; 4]| (x1 - x0).max(0.0) * (y1 - y0).max(0.0);
    let shared = area(&[a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let both = area(a) + area(b) - shared;
    if both > 0.0 { shared / both } else { 0.0 }
}

/// The names of classes: of the `labels` file, of the model's notes, or numbers.
///
/// # Errors
/// [`InferError::BadParameter`] when the file has another count of names than the model of classes.
pub(crate) fn class_names(arguments: &Arguments, loaded: &Loaded, count: usize) -> Result<Vec<String>> {
    if let Some(file) = arguments.file("labels") {
        let text = String::from_utf8_lossy(&file.bytes);
        let names: Vec<String> =
            text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        if count != 0 && names.len() != count {
            let reason = format!("it names {} classes, and the model has {count}", names.len());
            return Err(InferError::BadParameter {
                function: loaded.function(),
                name: "labels",
                value: path(file),
                reason,
            });
        }
        return Ok(names);
    }
    let noted = loaded.notes.get("names").map(|text| noted(text)).unwrap_or_default();
    if !noted.is_empty() && (count == 0 || noted.len() == count) {
        return Ok(noted);
    }
    Ok((0..count).map(|class| format!("class_{class}")).collect())
}

fn path(file: &crate::params::File) -> String {
    format!("`{}`", file.path.display())
}

/// Names as exporters of YOLO note them: `{0: 'person', 1: "men's shoe"}`, in the order of their numbers.
fn noted(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text.trim().trim_start_matches('{');
    while let Some((number, after)) = rest.split_once(':') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '\'' | '"')) else { return Vec::new() };
        let Some((name, after)) = after.get(1..).and_then(|after| after.split_once(quote)) else { return Vec::new() };
        if number.trim_matches([',', ' ', '"', '\'']).parse() != Ok(names.len()) {
            return Vec::new();
        }
        names.push(name.to_owned());
        rest = after;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(corners: [f32; 4], score: f32, class: usize) -> Found {
        Found { corners, score, class }
    }

    #[test]
    fn worse_boxes_on_the_same_thing_go() {
        let best = found([0.0, 0.0, 10.0, 10.0], 0.9, 1);
        let worse = found([1.0, 0.0, 11.0, 10.0], 0.8, 1);
        let other = found([1.0, 0.0, 11.0, 10.0], 0.7, 2);
        let apart = found([20.0, 0.0, 30.0, 10.0], 0.6, 1);
        assert_eq!(suppress(vec![apart, worse, other, best], 0.45, 10), [best, other, apart]);
        assert_eq!(suppress(vec![apart, worse, other, best], 0.9, 10), [best, worse, other, apart]);
        assert_eq!(suppress(vec![apart, worse, other, best], 0.45, 2), [best, other]);
    }

    #[test]
    fn all_heads_say_the_same() {
        let frame = (64.0, 64.0);
        let read = |head: Head, outputs: &[(&[usize], &[f32])]| {
            let items: Vec<Item<'_>> = outputs.iter().map(|(shape, values)| Item { shape, values }).collect();
            head.read(&items, 0.5, frame)
        };
        let wanted = [found([8.0, 16.0, 24.0, 48.0], 0.75, 1)];
        // Two boxes, two classes; the second box is too unsure.
        let columns = [16.0, 1.0, 32.0, 1.0, 16.0, 2.0, 32.0, 2.0, 0.25, 0.1, 0.75, 0.2];
        assert_eq!(read(Head::Yolov8, &[(&[6, 2], &columns)]), wanted);
        let rows = [16.0, 32.0, 16.0, 32.0, 1.0, 0.25, 0.75, 1.0, 1.0, 2.0, 2.0, 0.5, 0.1, 0.9];
        assert_eq!(read(Head::Yolov5, &[(&[2, 7], &rows)]), wanted);
        let kept = [8.0, 16.0, 24.0, 48.0, 0.75, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(read(Head::Rows, &[(&[2, 6], &kept)]), wanted);
        let shares = [0.125, 0.25, 0.375, 0.75];
        assert_eq!(read(Head::Ssd, &[(&[1, 4], &shares), (&[1], &[1.0]), (&[1], &[0.75])]), wanted);
    }

    #[test]
    fn names_in_notes_are_read() {
        assert_eq!(noted("{0: 'person', 1: \"men's shoe\"}"), ["person", "men's shoe"]);
        assert_eq!(noted("{\"0\": \"a\", \"1\": \"b\"}"), ["a", "b"]);
        assert_eq!(noted("{1: 'a'}"), Vec::<String>::new());
        assert_eq!(noted("{0: 'a"), Vec::<String>::new());
    }
}
