//! Reading Label Studio's tasks.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tamis_core::{Label, MediaSource, Place, Report, SampleRecord, Shape};

use super::region::{Context, Region};
use super::{PREDICTIONS, SPEC, is_it};
use crate::error::Result;
use crate::format::{ReadOptions, RecordReader};
use crate::gather::Gather;
use crate::items;
use crate::lex::object;
use crate::paths;
use crate::sink::safe;
use crate::source::Source;

pub(super) fn read<'a>(
    source: &'a Source,
    options: &ReadOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordReader + 'a>> {
    let mut gather = Gather::new(&SPEC, source, options, report)?;
    let files = gather.files_like("json", is_it);
    if files.is_empty() {
        return Err(gather.nothing("no JSON file lists tasks with data and annotations"));
    }
    for file in files {
        let judge = gather.judge;
        let head = source.text_head(file, 4096)?;
        if crate::lex::text::decode(&head).trim_start().starts_with('{') {
            // One task a file, as storages hold them.
            if let Some(task) = gather.object(file) {
                one(&mut gather, file, task, &|| Place::line(file, 1))?;
            }
            continue;
        }
        items::each(source.text(file)?, file, "", &judge, |task, place| one(&mut gather, file, task, place))?;
    }
    gather.finish()
}

/// The key of the media among a task's data, and whether it is text.
fn media_key(data: &Map<String, Value>) -> Option<(&str, bool)> {
    let text = |key: &str| object::text(data, key);
    let is_media = |value: &str| {
        let bare = value.split(['?', '#']).next().unwrap_or(value);
        paths::is_media(bare) || paths::is_media(value) || value.starts_with("/data/")
    };
    let known = ["image", "img", "photo", "audio", "video", "url", "path", "file", "document", "ocr"];
    let named = known.iter().find(|k| text(k).is_some_and(|v| !v.contains('\n') && is_media(v)));
    let any = || {
        data.iter().find(|(_, v)| v.as_str().is_some_and(|v| !v.contains('\n') && is_media(v))).map(|(k, _)| k.as_str())
    };
    if let Some(key) = named.copied().or_else(any) {
        return Some((key, false));
    }
    if let Some(key) = ["text", "sentence", "content", "html"].iter().find(|k| text(k).is_some()) {
        return Some((key, true));
    }
    known.iter().find(|k| text(k).is_some()).map(|k| (*k, false))
}

/// The path in an address of Label Studio's own storage.
fn local(address: &str, gather: &Gather<'_>) -> String {
    if let Some((_, path)) = address.split_once("/local-files/?d=") {
        return percent(path);
    }
    if let Some((_, rest)) = address.split_once("/data/upload/").or_else(|| address.split_once("upload/")) {
        let name = percent(paths::name(rest));
        // Uploads have 8 hexadecimal digits and `-` before their name.
        let bare =
            name.split_once('-').filter(|(hash, _)| hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit()));
        return match bare {
            Some((_, bare)) if gather.index.named(&name).is_none() => bare.to_owned(),
            _ => name,
        };
    }
    address.to_owned()
}

fn percent(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (byte, hex) {
            (b'%', Some(value)) => {
                out.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn one(gather: &mut Gather<'_>, file: &str, task: Map<String, Value>, place: &dyn Fn() -> Place) -> Result<()> {
    let empty = Map::new();
    let data = task.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let Some((key, is_text)) = media_key(data) else {
        gather.judge.error("data", place(), "a task's data names no media and has no text; left out");
        return Ok(());
    };
    let content = object::text(data, key).unwrap_or_default();
    let split = object::text(data, "split");
    let record = if is_text {
        let stated = object::text(data, "path").and_then(paths::normal).filter(|p| crate::source::check(p).is_ok());
        let number = task.get("id").and_then(crate::lex::json::as_id).unwrap_or(0);
        let path = stated.unwrap_or_else(|| format!("task-{number:06}.txt"));
        let media = Some(MediaSource::Bytes(content.as_bytes().to_vec()));
        let split = split.map(str::to_owned).or_else(|| paths::split_of_folders(&path));
        Some(SampleRecord { path, media, split, ..SampleRecord::default() })
    } else {
        let wanted = if gather.index.exact(content).is_some() { content.to_owned() } else { local(content, gather) };
        gather.start(file, &wanted, split, place)
    };
    let Some(mut record) = record else { return Ok(()) };
    for (name, value) in data {
        let own = name == key || name == "split" || is_text && name == "path";
        if !own {
            record.fields.insert(name.clone(), value.clone());
        }
    }
    let list = |key: &str| {
        let mut found = gather.judge.objects(&task, key, place);
        found.retain(|a| a.get("was_cancelled") != Some(&Value::Bool(true)));
        // Its list of results is looked into here, once for all.
        found.iter().for_each(|a| drop(gather.judge.objects(a, "result", place)));
        found
    };
    let annotations = [list("annotations"), list("completions")].concat();
    let predictions = list("predictions");
    let size_of = |a: &&Map<String, Value>| {
        object::objects(a, "result").find_map(|r| object::size(r, "original_width", "original_height"))
    };
    record.stated_size = annotations.iter().chain(&predictions).find_map(size_of);
    let size = record.stated_size.or_else(|| match &record.media {
        Some(MediaSource::File(path)) if paths::is_image(path) => gather.source.image_size(path),
        _ => None,
    });
    let ctx = Context { judge: gather.judge, size, text: is_text.then_some(content), place };
    for (at, annotation) in annotations.iter().enumerate() {
        let layer = if at == 0 {
            gather.layer.clone()
        } else {
            gather.judge.note("annotators", place(), "a task has several annotations; each is a layer");
            free(&record, &format!("annotator/{}", safe(&who(annotation))))
        };
        record.layers.insert(layer, labels(annotation, &ctx));
    }
    let models: BTreeSet<&str> = predictions.iter().filter_map(|p| object::text(p, "model_version")).collect();
    for prediction in &predictions {
        let model = object::text(prediction, "model_version").filter(|_| models.len() > 1);
        let layer = model.map_or_else(|| PREDICTIONS.to_owned(), |m| format!("{PREDICTIONS}/{}", safe(m)));
        let mut found = labels(prediction, &ctx);
        if let Some(score) = object::number(prediction, "score") {
            found.iter_mut().for_each(|l| l.confidence = l.confidence.or(Some(score)));
        }
        record.layers.insert(free(&record, &layer), found);
    }
    gather.put(record, place)
}

fn free(record: &SampleRecord, layer: &str) -> String {
    let mut name = layer.to_owned();
    for number in 2.. {
        if !record.layers.contains_key(&name) {
            break;
        }
        name = format!("{layer}-{number}");
    }
    name
}

fn who(annotation: &Map<String, Value>) -> String {
    match annotation.get("completed_by") {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Object(user)) => {
            let name = user.get("email").or_else(|| user.get("id"));
            name.map_or_else(String::new, |n| n.as_str().map_or_else(|| n.to_string(), str::to_owned))
        }
        Some(Value::String(name)) => name.clone(),
        _ => "unknown".to_owned(),
    }
}

fn labels(annotation: &Map<String, Value>, ctx: &Context<'_>) -> Vec<Label> {
    let mut regions: Vec<Region> = Vec::new();
    for result in object::objects(annotation, "result") {
        ctx.take(result, &mut regions);
    }
    if regions.iter().any(|r| r.from.is_some()) {
        number(&mut regions, ctx);
    }
    regions.into_iter().map(|r| r.label).collect()
}

/// Gives every region a number, so that relations can name them.
fn number(regions: &mut Vec<Region>, ctx: &Context<'_>) {
    let mut taken: BTreeSet<u64> = regions.iter().map(|r| r.label.id).collect();
    let mut next = 1;
    for region in regions.iter_mut().filter(|r| r.from.is_none() && r.label.id == 0) {
        while !taken.insert(next) {
            next += 1;
        }
        region.label.id = next;
    }
    let ids: Vec<(String, u64)> = regions.iter().map(|r| (r.id.clone(), r.label.id)).collect();
    regions.retain_mut(|region| {
        let Some((from, to)) = &region.from else { return true };
        let find = |id: &String| ids.iter().find(|(known, _)| known == id).map(|(_, number)| *number);
        match (find(from), find(to)) {
            (Some(from), Some(to)) => {
                region.label.shape = Shape::Relation { from, to };
                true
            }
            _ => {
                ctx.judge.error("relation", (ctx.place)(), "a relation names a region that is not there; left out");
                false
            }
        }
    });
}
