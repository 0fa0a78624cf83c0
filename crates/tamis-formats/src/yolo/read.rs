//! Reading YOLO: every image, with the rows of its label file.

use std::collections::{BTreeSet, HashMap, HashSet};

use tamis_core::{
    Class, Label, LabelType, MediaSource, Place, Point, Report, RotatedBox, SampleRecord, Shape, Visibility,
};

use super::layout::{self, Layout};
use super::{Row, SPEC, label_path, parse, row};
use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{ReadOptions, RecordReader, Schema, option};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::paths;
use crate::source::Source;

pub(super) fn read<'a>(
    source: &'a Source,
    options: &ReadOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordReader + 'a>> {
    let judge = Judge { format: SPEC.id, report };
    let settings = layout::find(source).ok_or_else(|| FormatError::NotThis {
        path: source.name().to_owned(),
        format: SPEC.id,
        reason: "there is no `data.yaml` with names, no `.names` file and no `classes.txt`".to_owned(),
    })?;
    let index = MediaIndex::new(source);
    let mut layout = layout::load(source, &index, settings, &judge)?;
    match option(&SPEC, &options.options, "task")? {
        "auto" => {}
        task => layout.rows.turned = task == "obb",
    }
    let texts: Vec<&str> = source
        .entries()
        .iter()
        .map(|e| e.path.as_str())
        .filter(|p| paths::extension(p) == "txt" && layout::may_be_labels(p))
        .collect();
    let known: HashSet<&str> = texts.iter().copied().collect();
    let mut by_name: HashMap<&str, Vec<&str>> = HashMap::new();
    for text in &texts {
        by_name.entry(paths::stem(paths::name(text))).or_default().push(text);
    }
    let mut used: HashSet<&str> = HashSet::new();
    let mut items: Vec<(&'a str, Option<&'a str>)> = Vec::new();
    for image in index.all().filter(|p| paths::is_image(p)) {
        let beside = format!("{}.txt", paths::stem(image));
        let cased = image.replace("Images", "Annotations");
        let near = [label_path(image), beside, label_path(&cased), label_path(&format!("images/{image}"))];
        let exact = near.iter().find_map(|p| known.get(p.as_str()).copied());
        let only = || match by_name.get(paths::stem(paths::name(image))).map(Vec::as_slice) {
            Some([one]) => Some(*one),
            _ => None,
        };
        let label = exact.or_else(only);
        if let Some(label) = label
            && !used.insert(label)
        {
            judge.warn("shared_labels", Place::file(label), "two images have this label file");
        }
        items.push((image, label));
    }
    for text in texts.iter().filter(|t| !used.contains(*t)) {
        let folder = paths::folder(text).to_ascii_lowercase();
        let named = folder.split('/').any(|f| f == "labels" || f.starts_with("obj_"));
        if named || super::looks_like_rows(source, text) {
            judge.error("missing_image", Place::file(*text), "there is no image for this label file");
        }
    }
    let classes: Vec<Class> =
        layout.names.iter().map(|(id, name)| Class { name: name.clone(), id: Some(*id), ..Class::default() }).collect();
    let unique: BTreeSet<&String> = layout.names.values().collect();
    if unique.len() < layout.names.len() {
        judge.warn("names", Place::file(settings), "two classes have the same name; they become one");
    }
    let mut seen = BTreeSet::new();
    let classes: Vec<Class> =
        classes.into_iter().filter(|c| labels::class(&c.name).is_some() && seen.insert(c.name.clone())).collect();
    let mut schema = Schema::default();
    labels::declare(&mut schema, &classes, LabelType::Box2d);
    let layer = options.layer();
    let folders = layout.splits.is_empty();
    Ok(Box::new(Each::new(items, schema, move |(image, label): (&str, Option<&str>), schema| {
        let split = if folders { paths::split_of_folders(image) } else { layout.splits.get(image).cloned().flatten() };
        let media = Some(MediaSource::File(image.to_owned()));
        let size = source.image_size(image);
        let mut record = SampleRecord { path: image.to_owned(), media, stated_size: size, split, ..Default::default() };
        if let Some(file) = label {
            let found = rows(source, file, &layout, size, &judge);
            for label in &found {
                labels::declare(schema, &classes, label.label_type());
                if let Shape::Keypoints(points) = &label.shape {
                    let skeletons = &mut schema.ontology.schema_mut(LabelType::Keypoints).skeletons;
                    if skeletons.is_empty() {
                        let visibility = (layout.rows.point == 3).then_some(Visibility::Ternary);
                        skeletons.push(tamis_core::Skeleton {
                            number: points.len() as u32,
                            visibility,
                            ..Default::default()
                        });
                    }
                }
            }
            record.layers.insert(layer.clone(), found);
        }
        Ok(Some(record))
    })))
}

fn rows(source: &Source, file: &str, layout: &Layout, size: Option<(u32, u32)>, judge: &Judge<'_>) -> Vec<Label> {
    let bytes = match source.read(file) {
        Ok(bytes) => bytes,
        Err(e) => {
            judge.error("unreadable", Place::file(file), e);
            return Vec::new();
        }
    };
    let mut out = Vec::new();
    for (line, row) in text::lines(&text::decode(&bytes)) {
        let parsed = match parse(line, row, layout.rows) {
            Ok(parsed) => parsed,
            Err(fault) => {
                judge.error("syntax", fault.place(file), fault.message);
                continue;
            }
        };
        let Some(size) = size else {
            judge.error("no_size", Place::line(file, line), "the image's size cannot be read; its labels are left out");
            break;
        };
        out.extend(label(parsed, layout, size, judge, &|| Place::line(file, line)));
    }
    out
}

fn label(
    (class, row): (i64, Row),
    layout: &Layout,
    size: (u32, u32),
    judge: &Judge<'_>,
    place: &dyn Fn() -> Place,
) -> Option<Label> {
    let scale = |x: f64, y: f64| (x * f64::from(size.0), y * f64::from(size.1));
    let mut label = match row {
        Row::Box(normal, sure) => {
            let b = judge.accept(row::to_pixels(normal, size), Some(size), place)?;
            let mut label = Label::new(Shape::Box2d(b));
            label.confidence = sure;
            label
        }
        Row::Polygon(mut points) => {
            for p in &mut points {
                (p.x, p.y) = scale(p.x, p.y);
            }
            Label::new(Shape::Polygon(points))
        }
        Row::Turned(corners) => {
            let corners = corners.map(|p| {
                let (x, y) = scale(p.x, p.y);
                Point { x, y }
            });
            let turned = RotatedBox::from_corners(&corners);
            // What the corners span is judged as a box is; what is kept is the rotated box.
            judge.accept(turned.bounds(), Some(size), place)?;
            Label::new(Shape::RotatedBox(turned))
        }
        Row::Points(normal, mut points) => {
            for p in &mut points {
                (p.x, p.y) = scale(p.x, p.y);
            }
            let mut label = Label::new(Shape::Keypoints(points));
            label.bbox = Some(judge.accept(row::to_pixels(normal, size), Some(size), place)?);
            label
        }
    };
    label.class = match layout.names.get(&class) {
        Some(name) => labels::class(name),
        None => {
            judge.warn("unknown_class", place(), format!("there is no name for class {class}; the number is taken"));
            Some(class.to_string())
        }
    };
    Some(label)
}
