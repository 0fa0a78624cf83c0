//! Lists of classified images: `train.txt` with `path number` a line, and `synsets.txt` (or `classes.txt`) with a class
//! a line, as ImageNet and Caffe have them.

use std::collections::BTreeMap;
use std::fmt::Write;

use tamis_core::{Label, LabelType, Place, Report, SampleRecord, Shape};

use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::index::{MediaIndex, resolve};
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::out::{self, ATTRIBUTES, CLASSES, FIELDS, FUSION, IDS, LABELS, LAYERS, Lists, MEDIA, NAME, Out, Put};
use crate::paths::{self, folder, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "imagenet-txt",
    title: "Lists of classified images (ImageNet)",
    homepage: "https://github.com/BVLC/caffe/tree/master/data/ilsvrc12",
    extensions: &["txt"],
    media: &["image"],
    reads: &[LabelType::Classification],
    writes: &[LabelType::Classification],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        LABELS,
        NAME,
        MEDIA,
        IDS,
        CLASSES,
        Loss { code: "no_split", what: "samples without split", instead: "listed in `all.txt`" },
        Loss { code: "empty", what: "samples looked at without a class", instead: "written as not looked at" },
    ],
    options: &[],
};

/// Lists of classified images.
pub(crate) struct ImageNetTxt;

const NAMES: &[&str] = &["synsets.txt", "classes.txt", "labels.txt"];

/// The file of class names, and the lists beside it.
fn lists(source: &Source) -> Option<(&str, Vec<&str>)> {
    let all = || source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "txt");
    let named = all().filter(|p| NAMES.contains(&name(p)) || name(p).starts_with("synsets")).min_by_key(|p| p.len())?;
    let is_list = |p: &&str| {
        *p != named && folder(p) == folder(named) && {
            let head = source.head(p, 4096).unwrap_or_default();
            let head = text::decode(&head).into_owned();
            text::lines(&head).take(20).any(|(_, row)| row_of(row).is_some_and(|r| paths::is_image(r.0)))
        }
    };
    let lists: Vec<&str> = all().filter(is_list).collect();
    (!lists.is_empty()).then_some((named, lists))
}

/// A path and the numbers of its classes.
fn row_of(row: &str) -> Option<(&str, Vec<usize>)> {
    let mut rest = row;
    let mut numbers = Vec::new();
    while let Some((before, last)) = rest.rsplit_once(char::is_whitespace) {
        let Ok(number) = last.parse::<usize>() else { break };
        if paths::is_image(rest) {
            break;
        }
        numbers.insert(0, number);
        rest = before.trim_end();
    }
    (!rest.is_empty()).then_some((rest.trim_matches('"'), numbers))
}

impl Format for ImageNetTxt {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match lists(probe.source()) {
            Some((names, lists)) => {
                let first = lists.first().unwrap_or(&"");
                Confidence::new(91, format!("found `{names}` and images with numbers in `{first}`"))
            }
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
        let Some((named, lists)) = lists(source) else {
            return Err(labels::not_this(source, SPEC.id, "there is no `synsets.txt` with lists beside it"));
        };
        let texts = source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "txt");
        let beside = |p: &&str| folder(p) == folder(named) && *p != named && !lists.contains(p);
        for other in texts.filter(beside) {
            judge.note("other_file", Place::file(other), "it does not look like a list of images; left out");
        }
        let index = MediaIndex::new(source);
        let names: Vec<String> = judge
            .text(source, named)
            .map(|all| text::lines(&all).map(|(_, n)| n.to_owned()).collect())
            .unwrap_or_default();
        let mut schema = Schema::default();
        labels::declare(&mut schema, &labels::classes(&names, 0), LabelType::Classification);
        type Item = (String, bool, Option<String>, Vec<Label>);
        let mut items: BTreeMap<String, Item> = BTreeMap::new();
        for file in lists {
            let Some(all) = judge.text(source, file) else { continue };
            let split =
                paths::split_of(stem(name(file))).or_else(|| Some(stem(name(file)).to_owned()).filter(|s| s != "all"));
            for (line, row) in text::lines(&all) {
                let place = || Place::line(file, line);
                let Some((path, numbers)) = row_of(row) else { continue };
                let Some(path) = paths::normal(path) else {
                    judge.error("path", place(), format!("`{}` leaves the dataset's folder", text::crop(path)));
                    continue;
                };
                let found = resolve(&index, file, &path, split.as_deref());
                if found.is_none() {
                    judge.error("missing_image", place(), format!("there is no image `{}`", text::crop(&path)));
                }
                let label = |number: usize| match names.get(number) {
                    Some(name) => Label { class: labels::class(name), ..Label::new(Shape::Classification) },
                    None => {
                        judge.warn(
                            "unknown_class",
                            place(),
                            format!("there is no name for class {number}; the number is taken"),
                        );
                        Label::new(Shape::Classification).with_class(number.to_string())
                    }
                };
                let here = found.is_some();
                let path = found.map_or(path, str::to_owned);
                let labels: Vec<Label> = numbers.into_iter().map(label).collect();
                if items.contains_key(&path) {
                    judge.error("duplicate", place(), "the image stands in a list already; this line is left out");
                } else {
                    items.insert(path.clone(), (path, here, split.clone(), labels));
                }
            }
        }
        let layer = options.layer();
        let items: Vec<Item> = items.into_values().collect();
        Ok(Box::new(Each::new(items, schema, move |(path, here, split, found): Item, schema| {
            let mut record = labels::of_file(&path);
            record.split = split;
            if !here {
                record.media = None;
            }
            if !found.is_empty() {
                labels::learn(schema, &found);
                record.layers.insert(layer.clone(), found);
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
        Ok(out::write(&SPEC, sink, schema, options, report, Rows::default()))
    }
}

#[derive(Default)]
struct Rows {
    lists: Lists,
}

impl Put for Rows {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let path = record.path.replace(out::breaks_line, "_");
        out.lose_if("name", record, path != record.path)?;
        let path = out.media(record, &path)?;
        let split = record.split.as_deref().map_or("all".to_owned(), crate::sink::safe);
        out.lose_if("no_split", record, record.split.is_none())?;
        let mut row = path;
        for label in labels.unwrap_or_default() {
            if label.shape != Shape::Classification {
                out.losses.add("labels", &record.path)?;
                continue;
            }
            out.keeps(record, label, &[])?;
            let _ = write!(row, " {}", out.classes.of(label));
            out.done.labels += 1;
        }
        out.lose_if("empty", record, labels.is_some_and(<[Label]>::is_empty))?;
        let _ = writeln!(self.lists.of(&format!("{split}.txt")), "{row}");
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        let names: Vec<String> = out.classes.classes.iter().map(|c| c.name.replace(out::breaks_line, "_")).collect();
        out.sink.put("synsets.txt", format!("{}\n", names.join("\n")).as_bytes())?;
        self.lists.end(out)
    }
}
