//! CelebA, aligned or in the wild: `identity_CelebA.txt`, `list_attr_celeba.txt`, `list_bbox_celeba.txt`,
//! `list_landmarks[_align]_celeba.txt` and `list_eval_partition.txt`, each a row of words (or of CSV) an image.

use std::collections::BTreeMap;

use tamis_core::{Box2d, LabelType, Place, Value};

use super::Face;
use crate::error::Result;
use crate::gather::Gather;
use crate::lex::text;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "celeba",
    "CelebA faces",
    "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    &["txt", "csv"],
    &[LabelType::Classification, LabelType::Box2d, LabelType::Keypoints, LabelType::Attributes],
);

/// CelebA.
pub(crate) static CELEBA: Reads = Reads { spec: &SPEC, detect, read };

#[derive(Clone, Copy)]
enum Table {
    Identity,
    Attributes,
    Boxes,
    Points,
    Splits,
}

fn table_of(path: &str) -> Option<Table> {
    match paths::stem(paths::name(path)).to_ascii_lowercase().as_str() {
        "identity_celeba" => Some(Table::Identity),
        "list_attr_celeba" => Some(Table::Attributes),
        "list_bbox_celeba" => Some(Table::Boxes),
        "list_landmarks_celeba" | "list_landmarks_align_celeba" => Some(Table::Points),
        "list_eval_partition" => Some(Table::Splits),
        _ => None,
    }
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let files = ["txt", "csv"].iter().flat_map(|e| probe.with_extension(e));
    match files.into_iter().find(|e| e.path.to_ascii_lowercase().contains("celeba") && table_of(&e.path).is_some()) {
        Some(first) => Confidence::new(94, format!("found `{}`", first.path)),
        None => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let files: Vec<(&str, Table)> =
        gather.source.entries().iter().filter_map(|e| Some((e.path.as_str(), table_of(&e.path)?))).collect();
    if files.is_empty() {
        return Err(gather.nothing("there is no `list_attr_celeba.txt` or other table of CelebA"));
    }
    gather.classes = crate::masks::classes(gather.source, &gather.judge).unwrap_or_default();
    gather.skeletons.push(super::skeleton());
    let mut faces: BTreeMap<String, (&str, u64, Face)> = BTreeMap::new();
    for (file, table) in files {
        table_into(gather, file, table, &mut faces);
    }
    for (wanted, (file, line, face)) in faces {
        super::put(gather, &wanted, face, &|| Place::line(file, line))?;
    }
    Ok(())
}

fn table_into<'a>(
    gather: &Gather<'a>,
    file: &'a str,
    table: Table,
    faces: &mut BTreeMap<String, (&'a str, u64, Face)>,
) {
    let Some(all) = gather.judge.text(gather.source, file) else { return };
    let mut header: Vec<&str> = Vec::new();
    for (line, row) in text::lines(&all) {
        let mut words = row.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty());
        let Some(first) = words.next() else { continue };
        let rest: Vec<&str> = words.collect();
        if !paths::is_image(first) && line > 2 {
            gather.judge.error("image", Place::line(file, line), "a row names no image; left out");
            continue;
        }
        if !paths::is_image(first) {
            // The count of rows, then the names of columns (with or without one for the images' names).
            header = if first == "image_id" { rest } else { row.split_whitespace().collect() };
            continue;
        }
        let numbers = match text::numbers(line, &rest) {
            Ok(numbers) => numbers,
            Err(fault) => {
                gather.judge.error("syntax", fault.place(file), fault.message);
                continue;
            }
        };
        let (_, _, face) = faces.entry(first.to_owned()).or_insert_with(|| (file, line, Face::default()));
        match (table, numbers.as_slice()) {
            (Table::Identity, [number]) => {
                let named = gather.classes.iter().find(|c| c.id == Some(*number as i64));
                face.identity = Some(named.map_or_else(|| (*number as i64).to_string(), |c| c.name.clone()));
            }
            (Table::Splits, [number]) => {
                let split = ["train", "val", "test"].get(*number as usize).filter(|_| *number >= 0.0);
                face.split = split.map(|s| (*s).to_owned());
                if split.is_none() {
                    gather.judge.error("split", Place::line(file, line), "a partition is none of 0, 1 and 2");
                }
            }
            (Table::Boxes, &[x, y, w, h]) => face.bbox = Some(Box2d::from_xywh(x, y, w, h)),
            (Table::Points, points) if points.len() == 10 => face.points = Some(numbers),
            (Table::Attributes, values) if values.len() == header.len() => {
                let pair = |(name, value): (&&str, &f64)| ((*name).to_owned(), Value::from(*value > 0.0));
                face.attributes = header.iter().zip(values).map(pair).collect();
            }
            _ => {
                let message = format!("a row has {} numbers, which is not what its table has; left out", numbers.len());
                gather.judge.error("syntax", Place::line(file, line), message);
            }
        }
    }
}
