//! Reading COCO in two passes. The first walks every annotation file once and keeps, of each image, its path and,
//! of each image and annotation, where its text is in a spool; the second makes one record at a time. Memory: about
//! 150 bytes an image and 40 an annotation, whatever the file's size.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tamis_core::{
    Class, LabelType, Mask, MaskKind, MediaSource, Place, Report, SampleRecord, Shape, Skeleton, Visibility,
};

use super::{Context, MAPS, SPEC, is_coco, is_results, labels_of, panoptic};
use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{Known, ReadOptions, RecordReader, Schema, option};
use crate::index::{self, MediaIndex};
use crate::labels::{self, Judge};
use crate::lex::json::{self, as_id};
use crate::lex::spool::{Piece, Spool};
use crate::paths;
use crate::source::Source;

/// An image as the first pass keeps it.
struct Picture {
    path: String,
    found: bool,
    file: u16,
    id: i64,
    piece: Piece,
    line: u32,
}

/// An annotation as the first pass keeps it; `group` is known after the pass.
struct Note {
    group: u32,
    picture: u32,
    image: i64,
    file: u16,
    index: u32,
    line: u32,
    piece: Piece,
}

/// An annotation file.
#[derive(Default)]
struct File {
    path: String,
    split: Option<String>,
    categories: BTreeMap<i64, String>,
    annotated: bool,
    /// The folder that its images' names start from.
    images: Option<String>,
    /// The layer that its annotations go to, where it is a file of results.
    results: Option<String>,
    top: Map<String, Value>,
}

#[derive(Deserialize)]
struct Head {
    id: Option<Value>,
    file_name: Option<Value>,
    coco_url: Option<Value>,
}

#[derive(Deserialize)]
struct Owner {
    image_id: Option<Value>,
}

/// The pictures of one path and the range of their annotations.
struct Group {
    pictures: Vec<u32>,
    notes: std::ops::Range<usize>,
}

struct First<'a> {
    source: &'a Source,
    index: MediaIndex<'a>,
    judge: Judge<'a>,
    files: Vec<File>,
    pictures: Vec<Picture>,
    notes: Vec<Note>,
    /// Maps of stuff, by their path in their folder without its ending.
    maps: HashMap<&'a str, &'a str>,
    spool: Spool,
    classes: Vec<Class>,
    skeletons: Vec<Skeleton>,
    failed: Option<std::io::Error>,
}

pub(super) fn read<'a>(
    source: &'a Source,
    options: &ReadOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordReader + 'a>> {
    let only = option(&SPEC, &options.options, "file")?;
    let chosen = |p: &&str| if only.is_empty() { is_coco(source, p) } else { **p == *only };
    let json = || source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "json");
    let files: Vec<&str> = json().filter(chosen).collect();
    let results: Vec<&str> = json().filter(|p| only.is_empty() && is_results(source, p)).collect();
    let judge = Judge { format: SPEC.id, report };
    for other in json().filter(|p| only.is_empty() && !files.contains(p) && !results.contains(p)) {
        judge.note("other_file", Place::file(other), "it does not look like annotations of COCO; left out");
    }
    if files.is_empty() && results.is_empty() {
        let reason = "no JSON file has images and annotations".to_owned();
        return Err(FormatError::NotThis { path: source.name().to_owned(), format: SPEC.id, reason });
    }
    let mut first = First {
        source,
        index: MediaIndex::new(source),
        judge,
        files: Vec::new(),
        pictures: Vec::new(),
        notes: Vec::new(),
        maps: maps(source),
        spool: Spool::default(),
        classes: Vec::new(),
        skeletons: Vec::new(),
        failed: None,
    };
    // The layer asked for is that of the truth, but for results that stand alone.
    let is_alone = files.is_empty() && results.len() == 1;
    for file in files {
        first.file(file, None)?;
    }
    let many = results.len() > 1;
    for file in results {
        let layer = options.layer.clone().filter(|layer| is_alone && layer != tamis_core::TRUTH);
        first.file(file, Some(layer.unwrap_or_else(|| super::result_layer(file, many))))?;
    }
    if let Some(e) = first.failed.take() {
        return Err(FormatError::io("write", "a temporary file", e));
    }
    first.imagine(&options.known);
    Ok(first.second(options.layer()))
}

fn maps(source: &Source) -> HashMap<&str, &str> {
    let pngs = source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "png");
    pngs.filter_map(|p| Some((paths::stem(p.split_once(MAPS)?.1), p))).collect()
}

/// The split by the file's name (`instances_train2017.json`) or folder (`train/_annotations.coco.json`).
fn split_of(path: &str) -> Option<String> {
    let stem = paths::stem(paths::name(path));
    stem.split(['_', '-', '.']).rev().find_map(paths::split_of).or_else(|| paths::split_of_folders(path))
}

impl<'a> First<'a> {
    fn file(&mut self, path: &str, results: Option<String>) -> Result<()> {
        let number = u16::try_from(self.files.len()).unwrap_or(u16::MAX);
        let mut file = File { path: path.to_owned(), split: split_of(path), results, ..File::default() };
        let mut seen: HashMap<i64, ()> = HashMap::new();
        let reader = self.source.text(path)?;
        let end = json::walk(reader, |item| {
            let at = item.at;
            let line = u32::try_from(at.line).unwrap_or(u32::MAX);
            let place = |index: usize| Place {
                column: Some(at.column),
                ..Place::line(path, at.line).at(format!("/{}/{index}", item.key))
            };
            match (item.key, item.index) {
                ("images", Some(index)) => {
                    self.picture(&mut file, number, item.text, at, line, &mut seen, &|| place(index))
                }
                ("", Some(index)) if file.results.is_some() => self.note(path, number, index, item.text, at, line),
                ("", _) => self.judge.error("syntax", Place::line(path, at.line), "the file is a list"),
                ("annotations", Some(index)) => {
                    file.annotated = true;
                    self.note(path, number, index, item.text, at, line);
                }
                ("categories", Some(index)) => self.category(&mut file, item.text, at, index),
                ("annotations" | "images" | "categories", None) => {
                    self.judge.error("syntax", Place::line(path, at.line), format!("`{}` is not a list", item.key));
                }
                (key, index) => match serde_json::from_slice::<Value>(item.text) {
                    Ok(value) => match (index, file.top.get_mut(key)) {
                        (Some(_), Some(Value::Array(list))) => list.push(value),
                        (Some(_), _) => drop(file.top.insert(key.to_owned(), json!([value]))),
                        (None, _) => drop(file.top.insert(key.to_owned(), value)),
                    },
                    Err(e) => {
                        let fault = at.fault(&e);
                        self.judge.error("syntax", fault.place(path), fault.message);
                    }
                },
            }
        });
        if let Err(fault) = end {
            self.judge.error("syntax", fault.place(path), fault.message);
        }
        self.files.push(file);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // One call, from the walk's closure.
    fn picture(
        &mut self,
        file: &mut File,
        number: u16,
        text: &[u8],
        at: json::At,
        line: u32,
        seen: &mut HashMap<i64, ()>,
        place: &dyn Fn() -> Place,
    ) {
        let head: Head = match serde_json::from_slice(text) {
            Ok(head) => head,
            Err(e) => {
                let fault = at.fault(&e);
                return self.judge.error("syntax", fault.place(&file.path), fault.message);
            }
        };
        let Some(id) = head.id.as_ref().and_then(as_id) else {
            return self.judge.error("image_id", place(), "an image has no number as `id`; left out");
        };
        if seen.insert(id, ()).is_some() {
            return self.judge.error(
                "duplicate_image",
                place(),
                format!("image {id} is listed twice; the first is read"),
            );
        }
        let name = match (head.file_name, head.coco_url) {
            (Some(Value::String(name)), _) if !name.is_empty() => name,
            // LVIS names its images by their address: `…/val2017/000000397133.jpg`.
            (_, Some(Value::String(url))) if url.contains('/') => {
                let tail: Vec<&str> = url.rsplitn(3, '/').take(2).collect();
                tail.into_iter().rev().collect::<Vec<_>>().join("/")
            }
            _ => format!("{id:012}.jpg"),
        };
        let found = index::resolve(&self.index, &file.path, &name, file.split.as_deref());
        let path = match (found, paths::normal(&name)) {
            (Some(found), _) => found.to_owned(),
            (None, Some(path)) => match crate::source::check(&path) {
                Ok(()) => {
                    self.judge.error(
                        "missing_image",
                        place(),
                        format!("there is no image file `{}`", crate::lex::text::crop(&name)),
                    );
                    path
                }
                Err(reason) => return self.judge.error("image_path", place(), reason),
            },
            (None, None) => {
                return self.judge.error("image_path", place(), "the image's name leaves the folder; left out");
            }
        };
        if found.is_some() && file.images.is_none() {
            let folder = paths::normal(&name).and_then(|n| path.strip_suffix(&n).map(str::to_owned));
            file.images = folder;
        }
        match self.spool.put(text) {
            Ok(piece) => self.pictures.push(Picture { path, found: found.is_some(), file: number, id, piece, line }),
            Err(e) => self.failed = Some(e),
        }
    }

    fn note(&mut self, path: &str, file: u16, index: usize, text: &[u8], at: json::At, line: u32) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let owner: Owner = match serde_json::from_slice(text) {
            Ok(owner) => owner,
            Err(e) => {
                let fault = at.fault(&e);
                return self.judge.error(
                    "syntax",
                    fault.place(path).at(format!("/annotations/{index}")),
                    fault.message,
                );
            }
        };
        let Some(image) = owner.image_id.as_ref().and_then(as_id) else {
            let place = Place::line(path, at.line).at(format!("/annotations/{index}"));
            return self.judge.error("unknown_image", place, "an annotation has no number as `image_id`; left out");
        };
        match self.spool.put(text) {
            Ok(piece) => self.notes.push(Note { group: u32::MAX, picture: 0, image, file, index, line, piece }),
            Err(e) => self.failed = Some(e),
        }
    }

    fn category(&mut self, file: &mut File, text: &[u8], at: json::At, index: usize) {
        let place = || Place::line(&file.path, at.line).at(format!("/categories/{index}"));
        let mut all: Map<String, Value> = match serde_json::from_slice(text) {
            Ok(all) => all,
            Err(e) => {
                let fault = at.fault(&e);
                return self.judge.error("syntax", fault.place(&file.path), fault.message);
            }
        };
        let (id, name) = (all.remove("id").as_ref().and_then(as_id), all.remove("name"));
        let (Some(id), Some(Value::String(name))) = (id, name) else {
            return self.judge.error("category", place(), "a category needs a number as `id` and a `name`; left out");
        };
        if let Some(before) = file.categories.insert(id, name.clone()) {
            self.judge.error("duplicate_category", place(), format!("category {id} was `{before}` before"));
        }
        let parent = match all.remove("supercategory") {
            Some(Value::String(parent)) => Some(parent),
            Some(other) => {
                all.insert("supercategory".to_owned(), other);
                None
            }
            None => None,
        };
        let names: Vec<String> = strings(all.get("keypoints"));
        if !names.is_empty() && !self.skeletons.iter().any(|s| s.classes.first() == Some(&name)) {
            let edge = |pair: &Value| Some((index_of(pair.get(0)?)?, index_of(pair.get(1)?)?));
            let edges = all.get("skeleton").and_then(Value::as_array).map(|e| e.iter().filter_map(edge).collect());
            self.skeletons.push(Skeleton {
                number: names.len() as u32,
                names,
                edges: edges.unwrap_or_default(),
                visibility: Some(Visibility::Ternary),
                classes: vec![name.clone()],
                description: String::new(),
            });
            all.remove("keypoints");
            all.remove("skeleton");
        }
        if labels::class(&name).is_none() {
            return;
        }
        match self.classes.iter().find(|c| c.name == name) {
            Some(known) if known.id != Some(id) => {
                self.judge.warn("category_ids", place(), format!("`{name}` has other numbers in other places"));
            }
            Some(_) => {}
            None => {
                let extra = all.into_iter().collect();
                self.classes.push(Class { name, id: Some(id), parent, extra, ..Class::default() });
            }
        }
    }

    /// Images for results that stand alone: by the numbers that the dataset knows, else by files named after them.
    fn imagine(&mut self, known: &Known) {
        if !self.pictures.is_empty() || !self.files.iter().any(|f| f.results.is_some()) {
            return;
        }
        self.files.iter_mut().for_each(|file| file.categories.clone_from(&known.classes));
        let ids: BTreeSet<i64> = self.notes.iter().map(|n| n.image).collect();
        for id in ids {
            let names = [format!("{id:012}"), id.to_string()];
            let named =
                |n: &String| self.index.named(&format!("{n}.jpg")).or_else(|| self.index.named(&format!("{n}.png")));
            let found = names.iter().find_map(named);
            let path = known.images.get(&id).map(String::as_str).or(found);
            let path = path.map_or_else(|| format!("{id:012}.jpg"), str::to_owned);
            let text = format!("{{\"id\":{id}}}");
            match self.spool.put(text.as_bytes()) {
                Ok(piece) => {
                    self.pictures.push(Picture { path, found: found.is_some(), file: 0, id, piece, line: 1 });
                }
                Err(e) => self.failed = Some(e),
            }
        }
    }

    /// The file whose images a file of results means: of those with the image the one of the same split, else the
    /// first.
    fn meant(&self, owner: &HashMap<(u16, i64), (u32, u32)>, note: &Note) -> Option<(u32, u32)> {
        let split = self.files.get(note.file as usize).and_then(|f| f.split.as_ref());
        let with = (0..self.files.len() as u16).filter_map(|f| Some((f, *owner.get(&(f, note.image))?)));
        let same = |f: u16| split.is_some() && self.files.get(f as usize).and_then(|f| f.split.as_ref()) == split;
        let mut first = None;
        for (file, found) in with {
            if same(file) {
                return Some(found);
            }
            first = first.or(Some(found));
        }
        first
    }

    /// Sorts what the first pass found by path and makes the reader of the second.
    fn second(mut self, layer: String) -> Box<dyn RecordReader + 'a> {
        let mut order: Vec<u32> = (0..self.pictures.len() as u32).collect();
        let pictures = &self.pictures;
        order.sort_by(|a, b| {
            pictures.get(*a as usize).map(|p| &p.path).cmp(&pictures.get(*b as usize).map(|p| &p.path))
        });
        let mut groups: Vec<Group> = Vec::new();
        let mut owner: HashMap<(u16, i64), (u32, u32)> = HashMap::with_capacity(pictures.len());
        let mut last: Option<&str> = None;
        for number in order {
            let Some(picture) = pictures.get(number as usize) else { continue };
            if last == Some(picture.path.as_str())
                && let Some(group) = groups.last_mut()
            {
                let same_file =
                    group.pictures.iter().any(|p| pictures.get(*p as usize).is_some_and(|p| p.file == picture.file));
                if same_file && let Some(file) = self.files.get(picture.file as usize) {
                    let place = Place::line(&file.path, picture.line.into());
                    self.judge.error(
                        "duplicate_path",
                        place,
                        format!("`{}` is listed twice; its labels are joined", picture.path),
                    );
                }
                group.pictures.push(number);
            } else {
                groups.push(Group { pictures: vec![number], notes: 0..0 });
            }
            last = Some(&picture.path);
            owner.insert((picture.file, picture.id), (groups.len() as u32 - 1, number));
        }
        let mut notes = std::mem::take(&mut self.notes);
        for note in &mut notes {
            let is_result = self.files.get(note.file as usize).is_some_and(|f| f.results.is_some());
            let found = match owner.get(&(note.file, note.image)) {
                None if is_result => self.meant(&owner, note),
                found => found.copied(),
            };
            if let Some((group, picture)) = found {
                (note.group, note.picture) = (group, picture);
            } else if let Some(file) = self.files.get(note.file as usize) {
                let place = Place::line(&file.path, note.line.into()).at(format!("/annotations/{}", note.index));
                self.judge.error("unknown_image", place, format!("there is no image {}; left out", note.image));
            }
        }
        drop(owner);
        self.notes = notes;
        self.notes.sort_by_key(|n| (n.group, n.file, n.index));
        let mut at = 0;
        for (number, group) in groups.iter_mut().enumerate() {
            let start = at;
            while self.notes.get(at).is_some_and(|n| n.group == number as u32) {
                at += 1;
            }
            group.notes = start..at;
        }
        let schema = Schema { extra: self.extra(), ..Schema::default() };
        let (classes, skeletons) = (self.classes.clone(), self.skeletons.clone());
        let names = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::<String>::new()));
        let later = std::sync::Arc::clone(&names);
        let rest = classes.clone();
        let report = self.judge.report;
        let make = move |group: &Group, report: &Report| {
            let mut nested = BTreeSet::new();
            let judge = Judge { format: SPEC.id, report };
            self.record(group, &layer, &judge, &mut nested).map(|record| (record, nested))
        };
        let then = move |(record, mut nested): (SampleRecord, BTreeSet<String>), schema: &mut Schema| {
            for label in record.layers.values().flatten() {
                labels::declare(schema, &classes, label.label_type());
                if label.label_type() == LabelType::Keypoints {
                    let known = &mut schema.ontology.schema_mut(LabelType::Keypoints).skeletons;
                    if known.is_empty() {
                        known.extend(skeletons.iter().cloned());
                    }
                }
            }
            if !nested.is_empty() {
                names.lock().unwrap_or_else(std::sync::PoisonError::into_inner).append(&mut nested);
            }
            record
        };
        Box::new(Each::ahead(groups, schema, report, make, then).and_then(move |schema| {
            if schema.ontology.types.is_empty() && !rest.is_empty() {
                labels::declare(schema, &rest, LabelType::Box2d);
            }
            let names = later.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(Value::Object(extra)) = schema.extra.get_mut(SPEC.id)
                && !names.is_empty()
            {
                extra.insert("nested_attributes".to_owned(), json!(*names));
            }
        }))
    }

    /// What stands beside images, annotations and categories, by split.
    fn extra(&mut self) -> BTreeMap<String, Value> {
        let mut files = Map::new();
        for file in &mut self.files {
            let key = file.split.clone().unwrap_or_default();
            if !files.contains_key(&key) {
                let images = file.images.clone().unwrap_or_default();
                files.insert(key, json!({"path": file.path, "images": images, "top": std::mem::take(&mut file.top)}));
            }
        }
        BTreeMap::from([(SPEC.id.to_owned(), json!({ "files": files }))])
    }

    fn record(
        &self,
        group: &Group,
        layer: &str,
        judge: &Judge<'_>,
        nested: &mut BTreeSet<String>,
    ) -> Result<SampleRecord> {
        let spooled = |e| FormatError::io("read", "a temporary file", e);
        let mut record = SampleRecord::default();
        let mut annotated = false;
        for number in &group.pictures {
            let Some(picture) = self.pictures.get(*number as usize) else { continue };
            let Some(file) = self.files.get(picture.file as usize) else { continue };
            record.path.clone_from(&picture.path);
            if picture.found {
                record.media = Some(MediaSource::File(picture.path.clone()));
            }
            annotated |= file.annotated;
            if record.split.is_none() {
                record.split.clone_from(&file.split);
            }
            let facts: Map<String, Value> =
                serde_json::from_slice(&self.spool.get(picture.piece).map_err(spooled)?).unwrap_or_default();
            let side = |key| facts.get(key).and_then(as_id).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
            if let (Some(width), Some(height)) = (side("width"), side("height")) {
                record.stated_size = Some((width, height));
            }
            record.fields.entry(Known::FIELD.to_owned()).or_insert_with(|| Value::from(picture.id));
            for (key, value) in facts {
                if !matches!(key.as_str(), "id" | "file_name" | "width" | "height") {
                    record.fields.entry(key).or_insert(value);
                }
            }
        }
        let mut found = Vec::new();
        for note in self.notes.get(group.notes.clone()).unwrap_or_default() {
            let Some(file) = self.files.get(note.file as usize) else { continue };
            let ann: Map<String, Value> =
                serde_json::from_slice(&self.spool.get(note.piece).map_err(spooled)?).unwrap_or_default();
            let list = if file.results.is_some() { "" } else { "/annotations" };
            let place = || Place::line(&file.path, note.line.into()).at(format!("{list}/{}", note.index));
            let owner = self.pictures.get(note.picture as usize).and_then(|p| self.files.get(p.file as usize));
            let categories = &if file.results.is_some() { owner.unwrap_or(file) } else { file }.categories;
            let ctx = Context { judge: *judge, categories, size: record.stated_size, place: &place };
            let made = if ann.contains_key("segments_info") {
                panoptic::label_of(ann, &self.index, &file.path, &ctx).into_iter().collect()
            } else {
                labels_of(ann, &ctx, nested)
            };
            let into = match &file.results {
                Some(layer) => record.layers.entry(layer.clone()).or_default(),
                None => &mut found,
            };
            for label in made {
                add(into, label, judge, &place);
            }
        }
        let bare = paths::stem(&record.path);
        if let Some(map) = self.maps.get(bare).or_else(|| self.maps.get(paths::name(bare))) {
            let mask = Mask { kind: MaskKind::Semantic, blob: None, file: Some((*map).to_owned()), info: Vec::new() };
            found.push(tamis_core::Label::new(Shape::Mask(mask)));
        }
        // An image list without annotations (test2017) says nothing about what is in the images.
        if annotated || !found.is_empty() || self.files.iter().all(|f| !f.annotated) && !self.classes.is_empty() {
            found.sort_by_key(|l: &tamis_core::Label| l.id);
            record.layers.insert(layer.to_owned(), found);
        }
        Ok(record)
    }
}

/// Adds a label; one that is there already (several files say the same) is left out, a taken id is given up.
fn add(found: &mut Vec<tamis_core::Label>, mut label: tamis_core::Label, judge: &Judge<'_>, place: &dyn Fn() -> Place) {
    if label.id != 0
        && let Some(same) = found.iter().find(|l| l.id == label.id)
    {
        if same.shape == label.shape && same.class == label.class {
            return;
        }
        judge.warn(
            "duplicate_id",
            place(),
            format!("annotation id {} stands twice on one image; the second gets a new one", label.id),
        );
        label.id = 0;
    }
    found.push(label);
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .map(|v| v.iter().filter_map(|s| s.as_str().map(str::to_owned)).collect())
        .unwrap_or_default()
}

/// A number counted from 1 as one counted from 0.
fn index_of(value: &Value) -> Option<u32> {
    as_id(value).and_then(|n| u32::try_from(n - 1).ok())
}
