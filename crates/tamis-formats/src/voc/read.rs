//! Reading Pascal VOC: every image, with the objects of its XML file.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};
use tamis_core::{Box2d, Label, LabelType, MaskKind, MediaSource, Place, Report, SampleRecord, Shape};

use super::masks::{self, Masks};
use super::{FLAGS, SPEC};
use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{ReadOptions, RecordReader, Schema};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::lex::xml::{self, Element};
use crate::paths::{self, folder, join, stem};
use crate::source::Source;

/// XML larger than this is no annotation of one image.
const XML: u64 = 256 << 20;

struct Item<'a> {
    path: String,
    image: Option<&'a str>,
    xml: Option<&'a str>,
    masks: Vec<(MaskKind, &'a str)>,
}

pub(super) fn read<'a>(
    source: &'a Source,
    options: &ReadOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordReader + 'a>> {
    let judge = Judge { format: SPEC.id, report };
    let index = MediaIndex::new(source);
    let files: Vec<&str> =
        source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "xml").collect();
    if files.is_empty() {
        let reason = "there are no XML files".to_owned();
        return Err(FormatError::NotThis { path: source.name().to_owned(), format: SPEC.id, reason });
    }
    let mut items: BTreeMap<String, Item<'a>> = BTreeMap::new();
    let mut by_id: HashMap<String, String> = HashMap::new();
    for xml in files {
        let Some((image, name)) = pair(source, &index, xml, &judge) else { continue };
        let path = match image {
            Some(image) => short(image, name.as_deref()),
            None => format!(
                "{}{}",
                stem(xml),
                name.as_deref().map(|n| n.strip_prefix(stem(n)).unwrap_or_default()).unwrap_or_default()
            ),
        };
        if image.is_none() {
            judge.error("missing_image", Place::file(xml), "there is no image for this file");
        }
        by_id.insert(id_of(xml).to_owned(), path.clone());
        if let Some(before) = items.get(&path) {
            let message =
                format!("`{}` describes the same image; this file is left out", before.xml.unwrap_or_default());
            judge.error("duplicate", Place::file(xml), message);
            continue;
        }
        items.insert(path.clone(), Item { path, image, xml: Some(xml), masks: Vec::new() });
    }
    let taken: std::collections::HashSet<&str> = items.values().filter_map(|i| i.image).collect();
    let in_masks = |p: &str| p.split('/').any(|f| f.starts_with("Segmentation"));
    for image in index.all().filter(|p| paths::is_image(p) && !taken.contains(p) && !in_masks(p)) {
        let path = image.to_owned();
        by_id.entry(id_of(image).to_owned()).or_insert_with(|| path.clone());
        items.entry(path.clone()).or_insert(Item { path, image: Some(image), xml: None, masks: Vec::new() });
    }
    let splits = splits(source, &by_id, &judge);
    let layer = options.layer();
    let mut items: Vec<Item<'a>> = items.into_values().collect();
    let mut schema = Schema::default();
    let mut all = Masks::find(source);
    if !all.is_empty() {
        labels::declare(&mut schema, &masks::classes(source, &judge), LabelType::SemanticMask);
        items.iter_mut().for_each(|item| item.masks = all.take(item.image, item.xml));
        for mask in all.left() {
            judge.error("missing_image", Place::file(mask), "there is no image for this mask");
        }
    }
    Ok(Box::new(Each::new(items, schema, move |item: Item<'_>, schema| {
        let mut record = SampleRecord { path: item.path, ..SampleRecord::default() };
        record.media = item.image.map(|i| MediaSource::File(i.to_owned()));
        record.split =
            if splits.is_empty() { paths::split_of_folders(&record.path) } else { splits.get(&record.path).cloned() };
        if let Some(file) = item.xml {
            annotate(&mut record, source, file, &judge, &layer, schema);
        }
        if !item.masks.is_empty() {
            let size = record.stated_size.or_else(|| source.image_size(item.image?));
            let found = item.masks.into_iter().map(|mask| masks::label(source, mask, size, &judge));
            record.layers.entry(layer.clone()).or_default().extend(found);
        }
        Ok(Some(record))
    })))
}

/// The id by which lists of splits name a file: its path below `Annotations` or `JPEGImages`, without extension.
fn id_of(path: &str) -> &str {
    let below = ["Annotations/", "JPEGImages/"]
        .iter()
        .find_map(|dir| path.strip_prefix(dir).or_else(|| path.rsplit_once(&format!("/{dir}")).map(|(_, rest)| rest)));
    stem(below.unwrap_or(paths::name(path)))
}

/// The sample's path: the image's, or what the XML calls `path` when the image lies there below `JPEGImages`.
fn short(image: &str, name: Option<&str>) -> String {
    match name {
        Some(name) if image.strip_prefix("JPEGImages/") == Some(name) => name.to_owned(),
        _ => image.to_owned(),
    }
}

/// The image of an annotation file, and the name to go by; [`None`] when it is no annotation file.
fn pair<'a>(
    source: &'a Source,
    index: &MediaIndex<'a>,
    xml: &str,
    judge: &Judge<'_>,
) -> Option<(Option<&'a str>, Option<String>)> {
    let head = source.head(xml, 16 << 10).unwrap_or_default();
    let head = match head.strip_prefix(&[0xEF, 0xBB, 0xBF]) {
        Some(rest) => rest.to_vec(),
        None => head,
    };
    let top = crate::lex::text::decode(&head).into_owned();
    if top.contains("<annotations")
        || !top.contains("<annotation") && head.first() != Some(&0xFF) && head.first() != Some(&0xFE)
    {
        if !top.contains('<') || !top.contains("</") {
            judge.error("syntax", Place::file(xml), "the file is no XML document");
        }
        return None;
    }
    let between = |tag: &str| {
        let rest = top.split_once(&format!("<{tag}>"))?.1;
        let inner = rest.split_once('<')?.0;
        xml::parse(format!("<a>{inner}</a>").as_bytes()).ok().map(|e| e.text).filter(|t| !t.is_empty())
    };
    let (filename, path) = (between("filename"), between("path"));
    let swap = |to: &str| {
        let slashed = format!("/{xml}");
        ["/Annotations/", "/annotations/", "/xmls/", "/labels/"].iter().find_map(|dir| {
            let at = slashed.rfind(dir)?;
            Some(
                format!("{}/{to}/{}", slashed.get(..at)?, slashed.get(at + dir.len()..)?)
                    .trim_start_matches('/')
                    .to_owned(),
            )
        })
    };
    let homes = ["JPEGImages", "images", "Images", "img", "data"];
    let named = filename.as_deref().and_then(paths::normal);
    if let Some(name) = &named {
        let mut exact: Vec<String> =
            homes.iter().filter_map(|h| swap(h)).map(|p| join(folder(&p), paths::name(name))).collect();
        exact.push(join(folder(xml), name));
        if let Some(image) = exact.iter().find_map(|p| index.exact(p)) {
            return Some((Some(image), path));
        }
    }
    let by_stem =
        homes.iter().filter_map(|h| swap(h)).find_map(|p| index.stem(stem(&p))).or_else(|| index.stem(stem(xml)));
    let found = by_stem.or_else(|| named.as_deref().and_then(|n| index.named(n)));
    Some((found, if found.is_some() { path } else { named }))
}

/// Lists of splits; what stands in an earlier set is not asked in a later.
const SETS: [&str; 4] = ["Main", "Segmentation", "Layout", "Action"];

/// Splits by path, from `ImageSets`; `trainval` counts only for what is in neither `train` nor `val`.
fn splits(source: &Source, by_id: &HashMap<String, String>, judge: &Judge<'_>) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    let set_of = |p: &str| {
        let home = folder(p);
        let is_set = folder(home) == "ImageSets" || folder(home).ends_with("/ImageSets");
        SETS.iter().position(|s| is_set && paths::name(home) == *s)
    };
    let is_list = |p: &&str| paths::extension(p) == "txt" && set_of(p).is_some();
    let mut lists: Vec<&str> = source.entries().iter().map(|e| e.path.as_str()).filter(is_list).collect();
    lists.sort_by_key(|p| (paths::name(p) == "trainval.txt", set_of(p)));
    for list in lists {
        let word = stem(paths::name(list));
        // `cow_train.txt` lists which images show cows.
        let of_class = word.rsplit_once('_').is_some_and(|(_, tail)| paths::split_of(tail).is_some());
        if of_class {
            continue;
        }
        let split = paths::split_of(word).unwrap_or_else(|| word.to_owned());
        let bytes = match source.read(list) {
            Ok(bytes) => bytes,
            Err(e) => {
                judge.error("unreadable", Place::file(list), e);
                continue;
            }
        };
        for (line, id) in text::lines(&text::decode(&bytes)) {
            let (id, short) = (id.trim_matches('"'), id.split_whitespace().next().unwrap_or(id));
            match by_id.get(id).or_else(|| by_id.get(short)) {
                Some(path) => drop(out.entry(path.clone()).or_insert_with(|| split.clone())),
                None => judge.warn(
                    "split_without_image",
                    Place::line(list, line),
                    format!("there is no image `{}`", text::crop(id)),
                ),
            }
        }
    }
    out
}

fn annotate(
    record: &mut SampleRecord,
    source: &Source,
    file: &str,
    judge: &Judge<'_>,
    layer: &str,
    schema: &mut Schema,
) {
    let bytes = match source.read_at_most(file, XML) {
        Ok(bytes) => bytes,
        Err(e) => return judge.error("unreadable", Place::file(file), e),
    };
    let root = match xml::parse(&bytes) {
        Ok(root) => root,
        Err(fault) => return judge.error("syntax", fault.place(file), fault.message),
    };
    if let Some(size) = root.child("size") {
        let side = |name| {
            size.text_of(name).and_then(|t| t.parse::<f64>().ok()).filter(|n| *n >= 1.0 && *n < 4e9).map(|n| n as u32)
        };
        record.stated_size = side("width").zip(side("height"));
        if let Some(depth) = size.text_of("depth").filter(|d| *d != "3" && !d.is_empty()) {
            record.fields.insert("depth".to_owned(), depth.into());
        }
    }
    for child in &root.children {
        if !matches!(child.name.as_str(), "filename" | "folder" | "path" | "size" | "object") && !blank(child) {
            record.fields.insert(child.name.clone(), value(child));
        }
    }
    let mut out: Vec<Label> = Vec::new();
    let objects = root.children.iter().filter(|c| c.name == "object");
    for object in objects {
        let place = || Place::line(file, object.line);
        let Some(label) = object_label(object, record.stated_size, judge, &place) else { continue };
        out.push(label);
        let parent = out.len() as u64;
        for part in object.children.iter().filter(|c| c.name == "part") {
            let place = || Place::line(file, part.line);
            if let Some(mut label) = object_label(part, record.stated_size, judge, &place) {
                label.attributes.insert("part_of".to_owned(), parent.into());
                out.push(label);
            }
        }
    }
    // Parts name their object by its id, so labels have ids where there are parts.
    if out.iter().any(|l| l.attributes.contains_key("part_of")) {
        for (label, id) in out.iter_mut().zip(1u64..) {
            label.id = id;
        }
    }
    for label in &out {
        if let Some(class) = &label.class {
            schema.ontology.add_class(LabelType::Box2d, class);
        }
    }
    record.layers.insert(layer.to_owned(), out);
}

fn object_label(
    object: &Element,
    size: Option<(u32, u32)>,
    judge: &Judge<'_>,
    place: &dyn Fn() -> Place,
) -> Option<Label> {
    let Some(frame) = object.child("bndbox") else {
        judge.error("no_box", place(), "an object has no `bndbox`; left out");
        return None;
    };
    let side = |name: &str| frame.text_of(name).and_then(|t| t.trim().parse::<f64>().ok());
    let (Some(xmin), Some(ymin), Some(xmax), Some(ymax)) = (side("xmin"), side("ymin"), side("xmax"), side("ymax"))
    else {
        judge.error("box", place(), "a `bndbox` has no four numbers; left out");
        return None;
    };
    let b = judge.accept(Box2d::new(xmin, ymin, xmax, ymax), size, place)?;
    let mut label = Label::new(Shape::Box2d(b));
    match object.text_of("name").filter(|n| !n.is_empty()) {
        Some(name) => label.class = labels::class(name),
        None => judge.warn("no_name", place(), "an object has no name; kept without class"),
    }
    for child in &object.children {
        let name = child.name.as_str();
        match (name, child.text.as_str()) {
            ("name" | "bndbox" | "part", _) => {}
            ("attributes", _) => {
                let pairs = child.children.iter().filter_map(|a| Some((a.text_of("name")?, a.text_of("value")?)));
                label.attributes.extend(pairs.map(|(name, value)| (name.to_owned(), value.into())));
            }
            (_, "0" | "1") if FLAGS.contains(&name) => {
                drop(label.attributes.insert(name.to_owned(), (child.text == "1").into()))
            }
            _ if blank(child) => {}
            _ => drop(label.attributes.insert(name.to_owned(), value(child))),
        }
    }
    Some(label)
}

fn blank(element: &Element) -> bool {
    element.text.is_empty() && element.children.is_empty()
}

/// An element as text, or as an object of what is in it.
fn value(element: &Element) -> Value {
    if element.children.is_empty() {
        return element.text.as_str().into();
    }
    let mut map = Map::new();
    for child in &element.children {
        match map.get_mut(&child.name) {
            Some(Value::Array(list)) => list.push(value(child)),
            Some(one) => *one = Value::Array(vec![one.take(), value(child)]),
            None => drop(map.insert(child.name.clone(), value(child))),
        }
    }
    Value::Object(map)
}
