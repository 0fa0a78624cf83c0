//! Writing Pascal VOC: `JPEGImages/<path>` (or in place where the path has such a folder), `Annotations/<id>.xml`,
//! `ImageSets/Main/<split>.txt`; masks in `SegmentationClass`, `SegmentationObject` and `ImageSets/Segmentation`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use tamis_core::{Label, Report, SampleRecord, Shape};

use super::masks::MaskWriter;
use super::{FLAGS, SPEC};
use crate::error::Result;
use crate::format::{RecordWriter, Schema, WriteOptions, Written, option};
use crate::labels::{Losses, UNLABELLED};
use crate::lex::number::text;
use crate::lex::xml::escape;
use crate::paths::{self, UniqueNames, folder, name, stem};
use crate::sink::{Sink, Wanted};

struct Writer<'a> {
    sink: &'a Sink,
    layer: String,
    /// Lists by what stands above `ImageSets`, the set, and the split.
    lists: BTreeMap<(String, &'static str, String), String>,
    masks: MaskWriter,
    ids: UniqueNames,
    losses: Losses<'a>,
    done: Written,
}

pub(super) fn write<'a>(
    sink: &'a Sink,
    schema: &Schema,
    options: &WriteOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordWriter + 'a>> {
    let losses = Losses::new(&SPEC, options, report);
    let (lists, ids, done) = (BTreeMap::new(), UniqueNames::default(), Written::default());
    let masks = MaskWriter::new(schema, option(&SPEC, &options.options, "paint")? == "yes");
    Ok(Box::new(Writer { sink, layer: options.layer(), lists, masks, ids, losses, done }))
}

/// Splits a path at its folder `JPEGImages`: what is above (with `/` at its end), what is below.
fn home(path: &str) -> Option<(&str, &str)> {
    match path.strip_prefix("JPEGImages/") {
        Some(rest) => Some(("", rest)),
        None => {
            path.rfind("/JPEGImages/").and_then(|at| Some((path.get(..=at)?, path.get(at + "/JPEGImages/".len()..)?)))
        }
    }
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(plain)
        && !text.to_ascii_lowercase().starts_with("xml")
}

impl Writer<'_> {
    /// An element with a value: texts and flags as such, objects as elements inside.
    fn element(
        &mut self,
        out: &mut String,
        name: &str,
        value: &Value,
        indent: usize,
        loss: &'static str,
        path: &str,
    ) -> Result<()> {
        let tabs = "\t".repeat(indent);
        let inner = match value {
            Value::String(text) => escape(text),
            Value::Object(map) if !map.is_empty() && map.keys().all(|k| is_name(k)) => {
                let _ = writeln!(out, "{tabs}<{name}>");
                for (key, value) in map {
                    self.element(out, key, value, indent + 1, loss, path)?;
                }
                let _ = writeln!(out, "{tabs}</{name}>");
                return Ok(());
            }
            Value::Array(list) if list.len() > 1 && list.iter().all(|v| !v.is_array()) => {
                return list.iter().try_for_each(|v| self.element(out, name, v, indent, loss, path));
            }
            other => {
                self.losses.add(loss, path)?;
                escape(&other.to_string())
            }
        };
        let _ = writeln!(out, "{tabs}<{name}>{inner}</{name}>");
        Ok(())
    }

    fn object(&mut self, out: &mut String, label: &Label, tag: &str, indent: usize, path: &str) -> Result<()> {
        let Some(bounds) = label.bounds() else { return Ok(()) };
        let b = if let Shape::Box2d(b) = label.shape { b } else { bounds };
        let tabs = "\t".repeat(indent);
        let class = label.class.as_deref().unwrap_or(UNLABELLED);
        let _ = writeln!(out, "{tabs}<{tag}>\n{tabs}\t<name>{}</name>", self.clean(class, path)?);
        let mut rest = String::new();
        for (key, value) in &label.attributes {
            match value {
                _ if key == "part_of" => {}
                Value::Bool(flag) if FLAGS.contains(&key.as_str()) => {
                    let _ = writeln!(out, "{tabs}\t<{key}>{}</{key}>", u8::from(*flag));
                }
                value if is_name(key) && !matches!(key.as_str(), "name" | "bndbox" | "part" | "attributes") => {
                    self.element(out, key, value, indent + 1, "attributes", path)?;
                }
                value => {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    self.losses.add_many("attributes", path, usize::from(!value.is_string()))?;
                    let _ = writeln!(
                        rest,
                        "<attribute><name>{}</name><value>{}</value></attribute>",
                        self.clean(key, path)?,
                        self.clean(&text, path)?
                    );
                }
            }
        }
        if !rest.is_empty() {
            let _ = writeln!(out, "{tabs}\t<attributes>{}</attributes>", rest.replace('\n', ""));
        }
        let sides = [("xmin", b.xmin), ("ymin", b.ymin), ("xmax", b.xmax), ("ymax", b.ymax)];
        let sides: String = sides.iter().map(|(n, v)| format!("<{n}>{}</{n}>", text(*v))).collect();
        let _ = writeln!(out, "{tabs}\t<bndbox>{sides}</bndbox>");
        self.done.labels += 1;
        Ok(())
    }

    fn clean(&mut self, text: &str, path: &str) -> Result<String> {
        let escaped = escape(text);
        self.losses.add_many(
            "control",
            path,
            usize::from(escaped.contains('\u{fffd}') && !text.contains('\u{fffd}')),
        )?;
        Ok(escaped)
    }

    fn objects(&mut self, out: &mut String, labels: &[Label], path: &str) -> Result<()> {
        let part_of = |l: &Label| l.attributes.get("part_of").and_then(Value::as_u64);
        let is_part =
            |l: &Label| part_of(l).is_some_and(|p| p != 0 && labels.iter().any(|o| o.id == p && part_of(o).is_none()));
        for label in labels.iter().filter(|l| !is_part(l)) {
            match &label.shape {
                Shape::Box2d(_) => {}
                Shape::Mask(_) => continue,
                _ if label.bounds().is_some() => self.losses.add("shape", path)?,
                _ => {
                    self.losses.add("no_box", path)?;
                    continue;
                }
            }
            self.losses.add_many(
                "instance",
                path,
                usize::from(label.instance.is_some() || label.confidence.is_some()),
            )?;
            self.object(out, label, "object", 1, path)?;
            for part in labels
                .iter()
                .filter(|l| label.id != 0 && is_part(l) && part_of(l) == Some(label.id) && l.bounds().is_some())
            {
                self.object(out, part, "part", 2, path)?;
                out.push_str("\t\t</part>\n");
            }
            out.push_str("\t</object>\n");
        }
        Ok(())
    }

    fn xml(&mut self, record: &SampleRecord, media: &str, labels: &[Label]) -> Result<String> {
        let path = &record.path;
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotation>\n");
        let _ = writeln!(out, "\t<folder>{}</folder>", self.clean(name(folder(media)), path)?);
        let _ = writeln!(out, "\t<filename>{}</filename>", self.clean(name(media), path)?);
        let _ = writeln!(out, "\t<path>{}</path>", self.clean(path, path)?);
        if let Some((width, height)) = record.stated_size {
            let depth = record.fields.get("depth").and_then(Value::as_str).unwrap_or("3");
            let depth = escape(depth);
            let _ = writeln!(
                out,
                "\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>{depth}</depth>\n\t</size>"
            );
        }
        for (key, value) in &record.fields {
            if key == "depth" && record.stated_size.is_some() {
                continue;
            }
            if is_name(key) && !matches!(key.as_str(), "filename" | "folder" | "path" | "size" | "object") {
                self.element(&mut out, key, value, 1, "fields", path)?;
            } else {
                self.losses.add("fields", path)?;
            }
        }
        self.objects(&mut out, labels, path)?;
        out.push_str("</annotation>\n");
        Ok(out)
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        self.losses.check_record(record, &self.layer)?;
        let Some(media) = &record.media else { return self.losses.add("media", &record.path) };
        let (above, below) = home(&record.path).unwrap_or(("", &record.path));
        let path = format!("{above}JPEGImages/{below}");
        self.sink.media(&path, Wanted::Media(media))?;
        // Two images that differ in the extension only: the second's id has its whole name.
        let mut id = stem(below).to_owned();
        let taken = self.ids.take(&paths::join(above, &id));
        if taken != paths::join(above, &id) {
            id = below.to_owned();
        }
        let mut has_masks = false;
        if let Some(labels) = record.layers.get(&self.layer) {
            let xml = self.xml(record, &path, labels)?;
            self.sink.put(&format!("{above}Annotations/{id}.xml"), xml.as_bytes())?;
            let written;
            (has_masks, written) = self.masks.put(self.sink, &mut self.losses, record, labels, (above, &id))?;
            self.done.labels += written;
        } else {
            self.losses.add_many("fields", &record.path, usize::from(!record.fields.is_empty()))?;
            self.losses.add_many("path", &record.path, usize::from(path != record.path))?;
        }
        if let Some(split) = &record.split {
            self.losses.add_many("control", &record.path, usize::from(id.contains(['\n', '\r'])))?;
            for set in ["Main", "Segmentation"].into_iter().take(1 + usize::from(has_masks)) {
                let list = self.lists.entry((above.to_owned(), set, split.clone())).or_default();
                let _ = writeln!(list, "{}", id.replace(['\n', '\r'], " "));
            }
        }
        self.done.samples += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        for ((above, set, split), list) in &self.lists {
            self.sink.put(&format!("{above}ImageSets/{set}/{}.txt", crate::sink::safe(split)), list.as_bytes())?;
        }
        self.masks.finish(self.sink)?;
        self.done.losses = self.losses.finish();
        Ok(self.done)
    }
}
