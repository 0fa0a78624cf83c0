//! Masks of classes and of objects: images in `SegmentationClass` and `SegmentationObject`, named like the image.
//!
//! A mask stays the image that it is; its colours are those of the classes (`labelmap.txt`, else the challenge's own).
//! Polygons and run-length masks are painted into such images where that is asked for: the number of an object is its
//! place in the XML file from 1, as in the challenge.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use tamis_core::{Class, Label, LabelType, Mask, MaskKind, Place, SampleRecord, Shape};

use crate::error::{FormatError, Result};
use crate::format::Schema;
use crate::labels::{ClassList, Judge, Losses};
use crate::out;
use crate::paths::{self, stem};
use crate::pixels;
use crate::sink::Sink;
use crate::source::Source;

/// Folders of masks, and what they hold.
const FOLDERS: [(&str, MaskKind); 2] =
    [("SegmentationClass", MaskKind::Semantic), ("SegmentationObject", MaskKind::Instance)];

/// The classes of the challenge, in the order of their numbers from 0.
const NAMES: &[&str] = &[
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// What a file shares with its image: the path without the folder of its kind and without extension.
fn key(path: &str, kind: &str) -> Option<String> {
    let (above, rest) = out::below(path, kind);
    (rest.len() < path.len()).then(|| format!("{above}{}", stem(rest)))
}

/// The masks of a source by image.
pub(super) struct Masks<'a>(HashMap<String, Vec<(MaskKind, &'a str)>>);

impl<'a> Masks<'a> {
    pub(super) fn find(source: &'a Source) -> Masks<'a> {
        let mut all: HashMap<String, Vec<(MaskKind, &str)>> = HashMap::new();
        for path in source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "png") {
            for (folder, kind) in FOLDERS {
                if let Some(key) = key(path, folder) {
                    all.entry(key).or_default().push((kind, path));
                }
            }
        }
        Masks(all)
    }

    /// The masks of an image (or, where it is missing, of its XML file), each taken once.
    pub(super) fn take(&mut self, image: Option<&str>, xml: Option<&str>) -> Vec<(MaskKind, &'a str)> {
        let keys = [image.and_then(|p| key(p, "JPEGImages")), xml.and_then(|p| key(p, "Annotations"))];
        keys.into_iter().flatten().find_map(|k| self.0.remove(&k)).unwrap_or_default()
    }

    /// Masks that no image took.
    pub(super) fn left(&self) -> impl Iterator<Item = &'a str> + '_ {
        let all: BTreeMap<&String, &Vec<(MaskKind, &str)>> = self.0.iter().collect();
        all.into_values().flatten().map(|(_, path)| *path)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The label of a mask file; one of another size than the image is doubted.
pub(super) fn label(
    source: &Source,
    (kind, path): (MaskKind, &str),
    size: Option<(u32, u32)>,
    judge: &Judge<'_>,
) -> Label {
    match (source.image_size(path), size) {
        (None, _) => judge.error("mask", Place::file(path), "the mask is no image that can be read"),
        (Some(own), Some(size)) if own != size => {
            let (w, h) = own;
            judge.warn(
                "mask_size",
                Place::file(path),
                format!("the mask has {w} × {h} pixels, its image {} × {}", size.0, size.1),
            );
        }
        _ => {}
    }
    Label::new(Shape::Mask(Mask { kind, blob: None, file: Some(path.to_owned()), info: Vec::new() }))
}

/// The classes that the colours of masks mean.
pub(super) fn classes(source: &Source, judge: &Judge<'_>) -> Vec<Class> {
    let own = |(id, name): (u8, &&str)| Class {
        name: (*name).to_owned(),
        id: Some(i64::from(id)),
        color: Some(pixels::voc_color(id)),
        ..Class::default()
    };
    crate::masks::classes(source, judge).unwrap_or_else(|| (0..).zip(NAMES).map(own).collect())
}

/// Writes masks and `labelmap.txt`.
pub(super) struct MaskWriter {
    paint: bool,
    /// Classes of masks that are written as they are.
    given: Vec<Class>,
    /// Classes of painted masks.
    classes: ClassList,
    any: bool,
    painted: bool,
}

impl MaskWriter {
    pub(super) fn new(schema: &Schema, paint: bool) -> MaskWriter {
        let given = schema.ontology.types.get(&LabelType::SemanticMask).map(|s| s.classes.clone());
        let classes = ClassList::new(schema);
        MaskWriter { paint, given: given.unwrap_or_default(), classes, any: false, painted: false }
    }

    /// Writes the masks of a sample; whether it has any now, and how many labels that are masks were written.
    pub(super) fn put(
        &mut self,
        sink: &Sink,
        losses: &mut Losses<'_>,
        record: &SampleRecord,
        labels: &[Label],
        (above, id): (&str, &str),
    ) -> Result<(bool, u64)> {
        let path = |folder: &str| format!("{above}{folder}/{id}.png");
        let mut done: Vec<MaskKind> = Vec::new();
        for label in labels {
            let Shape::Mask(mask) = &label.shape else {
                // Painting numbers only what it paints.
                if let Some(name) = label.class.as_ref().filter(|_| !self.paint) {
                    self.classes.named(name);
                }
                continue;
            };
            let folder = FOLDERS.iter().find(|(_, kind)| *kind == mask.kind).map(|(folder, _)| *folder);
            match folder.filter(|_| !done.contains(&mask.kind)) {
                Some(folder) if out::put_mask(sink, &path(folder), mask)? => done.push(mask.kind),
                _ => losses.add("masks", &record.path)?,
            }
        }
        self.any |= !done.is_empty();
        if self.paint && done.is_empty() {
            return Ok((self.draw(sink, losses, record, labels, &path)?, 0));
        }
        Ok((!done.is_empty(), done.len() as u64))
    }

    fn draw(
        &mut self,
        sink: &Sink,
        losses: &mut Losses<'_>,
        record: &SampleRecord,
        labels: &[Label],
        path: &dyn Fn(&str) -> String,
    ) -> Result<bool> {
        let area = |l: &Label| {
            matches!(l.shape, Shape::Polygon(_) | Shape::MultiPolygon(_) | Shape::Rle(_) | Shape::RotatedBox(_))
        };
        let objects: Vec<(usize, &Label)> = labels.iter().enumerate().filter(|(_, l)| area(l)).collect();
        let Some(size @ (width, height)) = record.stated_size.filter(|s| s.0 > 0 && s.1 > 0) else {
            losses.add_many("no_size", &record.path, objects.len())?;
            return Ok(false);
        };
        if objects.is_empty() {
            return Ok(false);
        }
        let numbers = [
            objects.iter().map(|(_, l)| self.classes.of(l) + 1).collect::<Vec<usize>>(),
            objects.iter().map(|(at, _)| at + 1).collect(),
        ];
        let painted: Vec<&Label> = objects.iter().map(|(_, l)| *l).collect();
        let palette: Vec<[u8; 3]> = (0..=255).map(pixels::voc_color).collect();
        for ((folder, _), numbers) in FOLDERS.iter().zip(&numbers) {
            let mut canvas = vec![0u16; width as usize * height as usize];
            // 255 is the border that belongs to nobody.
            let number = |at: usize| numbers.get(at).copied().filter(|n| *n < 255).unwrap_or(0) as u16;
            losses.add_many("too_many", &record.path, numbers.iter().filter(|n| **n >= 255).count())?;
            pixels::paint(&mut canvas, size, &painted, |at, _| number(at));
            let canvas: Vec<u8> = canvas.into_iter().map(|n| n as u8).collect();
            let file = path(folder);
            let png = pixels::indexed_png(width, height, &canvas, &palette);
            sink.put(&file, &png.map_err(|e| FormatError::io("write", &file, e))?)?;
        }
        losses.add_many("painted", &record.path, objects.len())?;
        self.painted = true;
        Ok(true)
    }

    /// Writes what the colours mean; without masks, which classes there are unless they are the challenge's.
    pub(super) fn finish(&self, sink: &Sink) -> Result<()> {
        let mut map = String::from("# label:color_rgb:parts:actions\n");
        let mut line = |name: &str, [r, g, b]: [u8; 3]| {
            let _ = writeln!(map, "{}:{r},{g},{b}::", name.replace([':', '\n', '\r'], "_"));
        };
        let number = |at: usize| u8::try_from(at).unwrap_or(0);
        let own = |c: &Class| NAMES.contains(&c.name.as_str());
        if self.painted || !self.any && !self.classes.classes.iter().all(own) {
            line("background", [0; 3]);
            self.classes
                .classes
                .iter()
                .enumerate()
                .for_each(|(at, c)| line(&c.name, pixels::voc_color(number(at + 1))));
        } else if self.any {
            let color = |at, c: &Class| c.color.unwrap_or_else(|| pixels::voc_color(number(at)));
            self.given.iter().enumerate().for_each(|(at, c)| line(&c.name, color(at, c)));
        } else {
            return Ok(());
        }
        sink.put("labelmap.txt", map.as_bytes())
    }
}
