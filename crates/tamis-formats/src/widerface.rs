//! WIDER FACE: `wider_face_<split>_bbx_gt.txt` with, for each image, its path, the number of faces, and a row for each.

use std::collections::BTreeMap;
use std::fmt::Write;

use tamis_core::{Box2d, Label, LabelType, Place, Report, SampleRecord, Shape};

use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::number::{extent, json, text as number};
use crate::lex::text;
use crate::out::{self, ATTRIBUTES, FIELDS, FUSION, IDS, LAYERS, Lists, MEDIA, NO_BOX, Out, PATH, Put, SHAPE};
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "widerface",
    title: "WIDER FACE",
    homepage: "http://shuoyang1213.me/WIDERFACE/",
    extensions: &["txt"],
    media: &["image"],
    reads: &[LabelType::Box2d],
    writes: &[LabelType::Box2d],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        SHAPE,
        NO_BOX,
        PATH,
        MEDIA,
        IDS,
        Loss { code: "classes", what: "classes other than `face`", instead: "left out" },
        Loss { code: "unlabelled", what: "samples that nobody looked at", instead: "written without faces" },
    ],
    options: &[],
};

const ATTRIBUTE_NAMES: [&str; 6] = ["blur", "expression", "illumination", "invalid", "occlusion", "pose"];

/// WIDER FACE.
pub(crate) struct WiderFace;

fn is_list(path: &str) -> bool {
    let name = paths::name(path);
    name.starts_with("wider_face_") && name.ends_with(".txt") && (name.contains("_bbx_gt") || name.contains("filelist"))
}

struct Found<'a> {
    path: String,
    image: Option<&'a str>,
    split: Option<String>,
    rows: Option<Vec<(u64, Vec<f64>)>>,
    file: &'a str,
}

impl Format for WiderFace {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match probe.with_extension("txt").iter().find(|e| is_list(&e.path)) {
            Some(first) => Confidence::new(96, format!("found `{}`", first.path)),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let judge = Judge { format: SPEC.id, report };
        let index = MediaIndex::new(source);
        let lists: Vec<&str> = source.entries().iter().map(|e| e.path.as_str()).filter(|p| is_list(p)).collect();
        if lists.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there is no `wider_face_<split>_bbx_gt.txt`"));
        }
        let mut items: BTreeMap<String, Found<'a>> = BTreeMap::new();
        for file in lists {
            let split = paths::name(file).split('_').find_map(paths::split_of);
            list(source, &index, file, split.as_deref(), &judge, &mut items);
        }
        let layer = options.layer();
        let items: Vec<Found<'a>> = items.into_values().collect();
        Ok(Box::new(Each::new(items, Schema::default(), move |found: Found<'_>, schema| {
            let mut record = labels::of_file(&found.path);
            record.split = found.split;
            match found.image {
                Some(image) => record.stated_size = source.image_size(image),
                None => record.media = None,
            }
            if let Some(rows) = found.rows {
                let one = |(line, row): (u64, Vec<f64>)| {
                    let &[x, y, w, h, ref rest @ ..] = row.as_slice() else { return None };
                    let b = Box2d::from_xywh(x, y, w, h);
                    let b = judge.accept(b, record.stated_size, || Place::line(found.file, line))?;
                    let mut label = Label::new(Shape::Box2d(b)).with_class("face");
                    let pairs = ATTRIBUTE_NAMES.iter().zip(rest).map(|(name, v)| ((*name).to_owned(), json(*v)));
                    label.attributes.extend(pairs);
                    Some(label)
                };
                let labels: Vec<Label> = rows.into_iter().filter_map(one).collect();
                labels::learn(schema, &labels);
                record.layers.insert(layer.clone(), labels);
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
        Ok(out::write(&SPEC, sink, schema, options, report, Faces::default()))
    }
}

fn list<'a>(
    source: &'a Source,
    index: &MediaIndex<'a>,
    file: &'a str,
    split: Option<&str>,
    judge: &Judge<'_>,
    items: &mut BTreeMap<String, Found<'a>>,
) {
    let Some(all) = judge.text(source, file) else { return };
    let mut open: Option<(String, u64, Option<u64>)> = None;
    for (line, row) in text::lines(&all) {
        let numbers: Option<Vec<f64>> = row.split_whitespace().map(|w| w.parse::<f64>().ok()).collect();
        let is_path = paths::is_image(row);
        match (numbers, &mut open) {
            (Some(numbers), Some((_, _, count @ None))) if numbers.len() == 1 => {
                *count = numbers.first().map(|n| n.max(0.0) as u64);
            }
            (Some(numbers), Some((path, _, Some(left))))
                if numbers.len() >= 4 && numbers.iter().all(|n| n.is_finite()) =>
            {
                // An image without faces has one row of zeros.
                let nothing = *left == 0 && numbers.iter().all(|n| *n == 0.0);
                if *left == 0 && !nothing {
                    judge.warn("count", Place::line(file, line), "there are more rows than the image's count says");
                }
                *left = left.saturating_sub(1);
                if let (Some(found), false) = (items.get_mut(path.as_str()), nothing) {
                    found.rows.get_or_insert_default().push((line, numbers));
                }
            }
            (_, _) if is_path => {
                if let Some((path, at, Some(left @ 1..))) = &open {
                    judge.warn("count", Place::line(file, *at), format!("`{path}` lacks {left} of its rows"));
                }
                open = None;
                let Some(wanted) = paths::normal(row) else {
                    judge.error("path", Place::line(file, line), "the path leaves the dataset's folder");
                    continue;
                };
                let home = split.map(|s| format!("WIDER_{s}/images/{wanted}"));
                let image = home.as_deref().and_then(|h| index.exact(h)).or_else(|| index.named(&wanted));
                if image.is_none() {
                    judge.error("missing_image", Place::line(file, line), format!("there is no image `{wanted}`"));
                }
                let path = image.map(str::to_owned).or(home).unwrap_or(wanted);
                let split = split.map(str::to_owned);
                let has_faces = file.contains("_bbx_gt");
                let found = Found { path: path.clone(), image, split, rows: has_faces.then(Vec::new), file };
                if items.contains_key(&path) {
                    judge.warn("duplicate", Place::line(file, line), "the image stands twice; its faces are joined");
                } else {
                    items.insert(path.clone(), found);
                }
                open = Some((path, line, None));
            }
            _ => {
                judge.error("syntax", Place::line(file, line), format!("no path, count or face: `{}`", text::crop(row)))
            }
        }
    }
}

#[derive(Default)]
struct Faces {
    lists: Lists,
}

impl Put for Faces {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let split = record.split.as_deref().map_or("train".to_owned(), crate::sink::safe);
        let home = format!("WIDER_{split}/images/");
        let wanted = match record.path.strip_prefix(&home) {
            Some(_) => record.path.clone(),
            None => format!("{home}{}", record.path),
        };
        let path = out.media(record, &wanted.replace(out::breaks_line, "_"))?;
        out.lose_if("unlabelled", record, labels.is_none())?;
        let mut rows = String::new();
        let mut count = 0u32;
        for label in labels.unwrap_or_default() {
            let Some(b) = out.box_of(record, label)? else { continue };
            out.keeps(record, label, &ATTRIBUTE_NAMES)?;
            out.lose_if("classes", record, label.class.as_deref().is_some_and(|c| c != "face"))?;
            let box_numbers = [b.xmin, b.ymin, extent(b.xmin, b.xmax), extent(b.ymin, b.ymax)];
            let attribute =
                |name: &&str| label.attributes.get(*name).and_then(serde_json::Value::as_f64).unwrap_or(0.0);
            let all = box_numbers.into_iter().chain(ATTRIBUTE_NAMES.iter().map(attribute));
            let _ = writeln!(rows, "{} ", all.map(number).collect::<Vec<_>>().join(" "));
            count += 1;
            out.done.labels += 1;
        }
        if count == 0 {
            rows.push_str("0 0 0 0 0 0 0 0 0 0 \n");
        }
        let list = self.lists.of(&format!("wider_face_split/wider_face_{split}_bbx_gt.txt"));
        let _ = write!(list, "{}\n{count}\n{rows}", path.strip_prefix(&home).unwrap_or(&path));
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        self.lists.end(out)
    }
}
