//! Folders of images and of masks that number or colour the classes: CamVid (`train/`, `trainannot/`, lists),
//! ADE-style (`x.jpg`, `x_seg.png`), `images/` + `masks/`, with the classes in `dataset_meta.json`, `label_colors.txt`,
//! `labelmap.txt`, `class_dict.csv` or `classes.txt`.
//!
//! A mask stays the image that it is; the ontology says which number or colour is which class.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use tamis_core::{Class, Label, LabelType, Mask, MaskKind, Place, Report, SampleRecord, Shape};

use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::out::{self, ATTRIBUTES, FIELDS, FUSION, IDS, LABELS, LAYERS, MEDIA, NO_SIZE, Out, PATH, Put};
use crate::paths::{self, folder, join, name, stem};
use crate::pixels;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "masks",
    title: "Images and masks with a list of classes (CamVid, SYNTHIA and their kin)",
    homepage: "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
    extensions: &["png", "txt", "csv", "json"],
    media: &["image"],
    reads: &[LabelType::SemanticMask],
    writes: &[LabelType::SemanticMask, LabelType::Polygon, LabelType::MultiPolygon, LabelType::Rle],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        LABELS,
        NO_SIZE,
        PATH,
        MEDIA,
        IDS,
        Loss {
            code: "painted",
            what: "polygons and run-length masks",
            instead: "painted into one mask, later over earlier",
        },
        Loss { code: "masks", what: "masks of a sample beyond the first", instead: "left out" },
        Loss { code: "too_many", what: "classes beyond the 255th", instead: "painted as the background" },
    ],
    options: &[],
};

/// Images and masks.
pub(crate) struct Masks;

/// Folders of masks.
const HOMES: &[&str] =
    &["masks", "mask", "annotations", "labels", "SegmentationClass", "gt", "GT", "GTLeft", "GTRight", "SemSeg"];
/// Folders of images beside them.
const IMAGES: &[&str] = &["images", "image", "imgs", "img", "JPEGImages", "RGB", "RGBLeft", "RGBRight"];
/// Ends of a mask's name after the image's.
const TAILS: &[&str] = &["_seg", "_mask", "_label", "_L", "_gt", "_labels"];
const PREFIXES: &[(&str, &str)] = &[("gt_", "image_"), ("mask_", ""), ("mask_", "image_")];

/// The classes of SYNTHIA, numbered from 0; its masks are coloured.
const SYNTHIA: &[(&str, [u8; 3])] = &[
    ("Void", [0, 0, 0]),
    ("Sky", [128, 128, 128]),
    ("Building", [128, 0, 0]),
    ("Road", [128, 64, 128]),
    ("Sidewalk", [0, 0, 192]),
    ("Fence", [64, 64, 128]),
    ("Vegetation", [128, 128, 0]),
    ("Pole", [192, 192, 128]),
    ("Car", [64, 0, 128]),
    ("TrafficSign", [192, 128, 128]),
    ("Pedestrian", [64, 64, 0]),
    ("Bicycle", [0, 128, 192]),
    ("LaneMarking", [0, 172, 0]),
    ("Reserved13", [128, 128, 64]),
    ("Reserved14", [64, 128, 64]),
    ("TrafficLight", [0, 128, 128]),
];

/// The classes of SYNTHIA, where the masks are in its folders and no file lists others.
fn synthia<'p>(mut masks: impl Iterator<Item = &'p str>) -> Option<Vec<Class>> {
    let is_one = |mask: &str| folder(mask).split('/').any(|part| HOMES.iter().skip(6).any(|home| *home == part));
    let all = || SYNTHIA.iter().enumerate().map(|(i, (name, color))| class(name, i, Some(*color))).collect();
    masks.any(is_one).then(all)
}

/// Whether a file is a mask by its name and folders, and of which image (a path without extension, several guesses).
fn images_of(mask: &str) -> Vec<String> {
    let mut out = Vec::new();
    let home = name(folder(mask));
    let above = folder(folder(mask));
    let bare = stem(name(mask));
    let mut names = vec![bare.to_owned()];
    names.extend(TAILS.iter().filter_map(|t| bare.strip_suffix(t)).map(str::to_owned));
    names.extend(PREFIXES.iter().filter_map(|(p, i)| bare.strip_prefix(p).map(|rest| format!("{i}{rest}"))));
    if let Some(split) = home.strip_suffix("annot").filter(|s| !s.is_empty()) {
        out.extend(names.iter().map(|n| join(&join(above, split), n)));
    }
    for own in HOMES {
        let (top, rest) = out::below(mask, own);
        if rest.len() == mask.len() {
            continue;
        }
        for images in IMAGES {
            out.extend(names.iter().map(|n| join(&format!("{top}{images}"), &join(folder(rest), n))));
        }
        out.extend(names.iter().map(|n| join(format!("{top}{}", folder(rest)).trim_end_matches('/'), n)));
    }
    out.extend(names.iter().filter(|n| n.as_str() != bare).map(|n| join(folder(mask), n)));
    out
}

/// Masks with their images, by image.
fn pairs<'a>(index: &MediaIndex<'a>) -> BTreeMap<&'a str, &'a str> {
    let mut out = BTreeMap::new();
    for mask in index.all().filter(|p| matches!(paths::extension(p).as_str(), "png" | "bmp" | "tif" | "tiff")) {
        let image = images_of(mask).iter().find_map(|stem| index.stem(stem)).filter(|i| *i != mask);
        if let Some(image) = image {
            out.entry(image).or_insert(mask);
        }
    }
    out
}

impl Format for Masks {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        if probe.with_extension("png").is_empty() {
            return Confidence::NONE;
        }
        let index = MediaIndex::new(probe.source());
        let pairs = pairs(&index);
        let Some((image, mask)) = pairs.iter().next() else { return Confidence::NONE };
        let listed = classes(probe.source(), &Judge { format: SPEC.id, report: &Report::new() }).is_some();
        let known = listed || synthia(pairs.values().copied()).is_some();
        let score = if known { 88 } else { 60 };
        Confidence::new(score, format!("found {} masks, `{mask}` of `{image}`", pairs.len()))
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let judge = Judge { format: SPEC.id, report };
        let index = MediaIndex::new(source);
        let pairs = pairs(&index);
        if pairs.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there are no images with masks"));
        }
        let taken: HashSet<&str> = pairs.values().copied().collect();
        let splits = splits(source, &index, &judge);
        let mut schema = Schema::default();
        match classes(source, &judge).or_else(|| synthia(pairs.values().copied())) {
            Some(found) => schema.ontology.schema_mut(LabelType::SemanticMask).classes = found,
            None => {
                judge.warn("no_classes", Place::file(source.name()), "there is no list of classes; masks keep numbers")
            }
        }
        let is_part = |p: &str| TAILS.iter().any(|t| stem(p).ends_with(t)) || stem(name(p)).contains("_parts_");
        let orphan =
            |p: &&str| !taken.contains(*p) && (HOMES.contains(&name(folder(p))) || folder(p).ends_with("annot"));
        for mask in index.all().filter(orphan) {
            judge.error("missing_image", Place::file(mask), "there is no image for this mask");
        }
        let images = index.all().filter(|p| paths::is_image(p) && !taken.contains(p) && !orphan(p));
        let items: Vec<(&str, Option<&str>)> =
            images.filter(|p| !is_part(p)).map(|p| (p, pairs.get(p).copied())).collect();
        let layer = options.layer();
        Ok(Box::new(Each::new(items, schema, move |(path, mask): (&str, Option<&str>), _| {
            let mut record = labels::of_file(path);
            record.split = splits.get(path).cloned().or(record.split);
            record.stated_size = source.image_size(path);
            if let Some(mask) = mask {
                let size = source.image_size(mask);
                if size.is_some() && record.stated_size.is_some() && size != record.stated_size {
                    judge.warn("size", Place::file(mask), "the mask and its image differ in size");
                }
                let shape =
                    Mask { kind: MaskKind::Semantic, blob: None, file: Some(mask.to_owned()), info: Vec::new() };
                record.layers.insert(layer.clone(), vec![Label::new(Shape::Mask(shape))]);
            }
            Ok(Some(record))
        })))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(out::write(&SPEC, sink, schema, options, report, Pictures::default()))
    }
}

/// Splits by image, from lists of `image mask` a line.
fn splits(source: &Source, index: &MediaIndex<'_>, judge: &Judge<'_>) -> HashMap<String, String> {
    let mut out = HashMap::new();
    for file in source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "txt") {
        let Some(split) = paths::split_of(stem(name(file))) else { continue };
        let Some(all) = judge.text(source, file) else { continue };
        for (line, row) in text::lines(&all) {
            let first = row.split_whitespace().next().unwrap_or(row).trim_start_matches('/');
            let Some(wanted) = paths::normal(first) else {
                judge.error("path", Place::line(file, line), "the path leaves the dataset's folder");
                continue;
            };
            let found = index.exact(&join(folder(file), &wanted)).or_else(|| index.named(&wanted));
            let found = found.or_else(|| index.stem(&join(folder(file), &wanted)));
            if let Some(image) = found {
                out.insert(image.to_owned(), split.clone());
            }
        }
    }
    out
}

fn class(name: &str, number: usize, color: Option<[u8; 3]>) -> Class {
    Class { name: name.trim().to_owned(), id: Some(number as i64), color, ..Class::default() }
}

fn color(words: &[&str]) -> Option<[u8; 3]> {
    match words {
        [r, g, b] => Some([r.trim().parse().ok()?, g.trim().parse().ok()?, b.trim().parse().ok()?]),
        _ => None,
    }
}

/// The classes, from whichever list there is.
pub(crate) fn classes(source: &Source, judge: &Judge<'_>) -> Option<Vec<Class>> {
    let find = |wanted: &[&str]| source.entries().iter().map(|e| e.path.as_str()).find(|p| wanted.contains(&name(p)));
    if let Some(file) = find(&["dataset_meta.json", "class_id_to_name.json"]) {
        let all = judge.text(source, file)?;
        let json: serde_json::Value = judge.json(file, &all, crate::lex::json::At::START)?;
        let map = json.get("label_map").or_else(|| json.get("labels")).unwrap_or(&json);
        let colors = json.get("segmentation_colors").and_then(|c| c.as_array());
        let of = |at: usize| {
            let rgb = colors?.get(at)?.as_array()?;
            let part = |i: usize| rgb.get(i)?.as_u64()?.try_into().ok();
            Some([part(0)?, part(1)?, part(2)?])
        };
        let mut out: Vec<Class> = match map {
            serde_json::Value::Object(map) => {
                let pair =
                    |(at, name): (&String, &serde_json::Value)| Some((at.parse().ok()?, name.as_str()?.to_owned()));
                let mut all: Vec<(usize, String)> = map.iter().filter_map(pair).collect();
                all.sort();
                all.into_iter().enumerate().map(|(i, (at, name))| class(&name, at, of(i))).collect()
            }
            serde_json::Value::Array(list) => {
                list.iter().enumerate().filter_map(|(i, n)| Some(class(n.as_str()?, i, of(i)))).collect()
            }
            _ => Vec::new(),
        };
        out.dedup_by(|a, b| a.name == b.name);
        return (!out.is_empty()).then_some(out);
    }
    let file = find(&["label_colors.txt", "labelmap.txt", "class_dict.csv", "classes.txt", "labels.txt"])?;
    let all = judge.text(source, file)?;
    let mut out: Vec<Class> = Vec::new();
    for (line, row) in text::lines(&all).filter(|(_, row)| !row.starts_with('#') && *row != "name,r,g,b") {
        let found = match name(file) {
            // `name:r,g,b:parts:actions`
            "labelmap.txt" => row.split_once(':').map(|(name, rest)| {
                let words: Vec<&str> = rest.split(':').next().unwrap_or_default().split(',').collect();
                (name, color(&words))
            }),
            "class_dict.csv" => {
                let words: Vec<&str> = row.split(',').collect();
                words.split_first().map(|(name, rest)| (*name, color(rest)))
            }
            // `r g b name`
            "label_colors.txt" => {
                let words: Vec<&str> = row.split_whitespace().collect();
                let at = words.iter().take_while(|w| w.parse::<u8>().is_ok()).count().min(3);
                words.get(..at).and_then(color).and_then(|c| Some((row.split_whitespace().nth(3)?, Some(c))))
            }
            _ => Some((row, None)),
        };
        match found {
            Some((name, _)) if out.iter().any(|c| c.name == name) => {
                judge.warn(
                    "classes",
                    Place::line(file, line),
                    format!("the class `{}` stands twice", text::crop(name)),
                );
            }
            Some((name, color)) => out.push(class(name, out.len(), color)),
            None => judge.error("classes", Place::line(file, line), format!("no class: `{}`", text::crop(row))),
        }
    }
    (!out.is_empty()).then_some(out)
}

#[derive(Default)]
struct Pictures {
    lists: out::Lists,
}

impl Put for Pictures {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let split = record.split.as_deref().map_or("images".to_owned(), crate::sink::safe);
        let (_, rest) = out::below(&record.path, &split);
        let path = out.media(record, &format!("{split}/{rest}").replace(out::breaks_line, "_"))?;
        let Some(labels) = labels else { return Ok(()) };
        let rest = path.strip_prefix(&format!("{split}/")).unwrap_or(&path);
        let home = if record.split.is_some() { format!("{split}annot") } else { "masks".to_owned() };
        let mask_path = format!("{home}/{}.png", stem(rest));
        if let Some(written) = picture(out, record, labels, &mask_path)?
            && record.split.is_some()
        {
            let _ = writeln!(self.lists.of(&format!("{split}.txt")), "/{path} /{written}");
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        let (mut map, mut colors) = (serde_json::Map::new(), Vec::new());
        for (number, class) in numbered(out) {
            map.insert(number.to_string(), class.name.clone().into());
            let color = class.color.unwrap_or_else(|| pixels::voc_color(number as u8));
            colors.push(serde_json::json!(color));
        }
        let meta = serde_json::json!({ "label_map": map, "segmentation_colors": colors });
        out.sink.put("dataset_meta.json", format!("{meta:#}\n").as_bytes())?;
        self.lists.end(out)
    }
}

/// Classes with the number they have in masks: their own, or their place from 1 after `background`.
fn numbered<'o>(out: &'o Out<'_>) -> Vec<(i64, &'o Class)> {
    let own = out.classes.classes.iter().all(|c| c.id.is_some());
    let number = |(i, c): (usize, &'o Class)| (c.id.filter(|_| own).unwrap_or(i as i64 + 1), c);
    let mut all: Vec<(i64, &Class)> = out.classes.classes.iter().enumerate().map(number).collect();
    all.sort_by_key(|(n, _)| *n);
    all
}

/// Writes the one mask of a sample: its own, or one painted from its shapes. Where it was written.
pub(crate) fn picture(
    out: &mut Out<'_>,
    record: &SampleRecord,
    labels: &[Label],
    path: &str,
) -> Result<Option<String>> {
    let semantic = |l: &&Label| l.label_type() == LabelType::SemanticMask;
    let mut masks = labels.iter().filter(semantic);
    if let Some(Label { shape: Shape::Mask(mask), .. }) = masks.next() {
        out.losses.add_many("masks", &record.path, masks.count())?;
        out.losses.add_many("labels", &record.path, labels.iter().filter(|l| !semantic(l)).count())?;
        let written = out.mask(path, mask)?;
        out.done.labels += u64::from(written);
        return Ok(written.then(|| path.to_owned()));
    }
    let shapes: Vec<&Label> = labels.iter().collect();
    let Some(size @ (width, height)) = record.stated_size.filter(|s| s.0 > 0 && s.1 > 0) else {
        out.losses.add_many("no_size", &record.path, shapes.len())?;
        return Ok(None);
    };
    for label in &shapes {
        out.keeps(record, label, &[])?;
        out.classes.of(label);
    }
    let numbers: HashMap<String, i64> = numbered(out).into_iter().map(|(n, c)| (c.name.clone(), n)).collect();
    let of = |l: &Label| numbers.get(l.class.as_deref().unwrap_or(labels::UNLABELLED)).copied().unwrap_or(0);
    let beyond = shapes.iter().filter(|l| !(0..=255).contains(&of(l))).count();
    out.losses.add_many("too_many", &record.path, beyond)?;
    let mut canvas = vec![0u16; width as usize * height as usize];
    let without =
        pixels::paint(&mut canvas, size, &shapes, |_, l| u16::try_from(of(l)).ok().filter(|n| *n < 256).unwrap_or(0));
    out.losses.add_many("labels", &record.path, without)?;
    out.losses.add_many("painted", &record.path, shapes.len() - without)?;
    out.done.labels += (shapes.len() - without) as u64;
    let mut palette: Vec<[u8; 3]> = (0..=255).map(pixels::voc_color).collect();
    for (number, class) in numbered(out) {
        if let (Some(slot), Some(color)) = (usize::try_from(number).ok().and_then(|n| palette.get_mut(n)), class.color)
        {
            *slot = color;
        }
    }
    let canvas: Vec<u8> = canvas.into_iter().map(|n| n as u8).collect();
    let png = pixels::indexed_png(width, height, &canvas, &palette).map_err(|e| FormatError::io("write", path, e))?;
    out.sink.put(path, &png)?;
    Ok(Some(path.to_owned()))
}
