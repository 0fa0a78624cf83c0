//! Open Images: tables of boxes and image labels by image id, names of classes in `class-descriptions*.csv`; boxes in
//! fractions of the image.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use tamis_core::{Box2d, Label, LabelType, Mask, MaskKind, Place, Report, SampleRecord, Shape};

use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::csv::{Rows, separator};
use crate::lex::number::{fewest_decimals, text as number};
use crate::lex::text;
use crate::out::{self, ATTRIBUTES, FIELDS, FUSION, IDS, LAYERS, Lists, MEDIA, NO_BOX, NO_SIZE, Out, PATH, Put, SHAPE};
use crate::paths::{self, folder, name, stem};
use crate::pixels;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "openimages",
    title: "Open Images tables",
    homepage: "https://storage.googleapis.com/openimages/web/download_v7.html",
    extensions: &["csv"],
    media: &["image"],
    reads: &[LabelType::Box2d, LabelType::Classification, LabelType::Rle],
    writes: &[LabelType::Box2d, LabelType::Classification, LabelType::Rle, LabelType::Polygon, LabelType::MultiPolygon],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        SHAPE,
        NO_BOX,
        NO_SIZE,
        PATH,
        MEDIA,
        IDS,
        Loss { code: "classes", what: "numbers and parents of classes", instead: "left out" },
        Loss { code: "id", what: "samples whose names differ only in folder or extension", instead: "numbered" },
        Loss { code: "split", what: "splits of unusual names, and none", instead: "`train` is written" },
        Loss { code: "empty", what: "samples looked at without labels", instead: "written as not looked at" },
        Loss {
            code: "order",
            what: "the order of boxes and image labels among one another",
            instead: "boxes come first",
        },
        Loss { code: "painted", what: "polygons", instead: "their pixels are written" },
        Loss { code: "box_id", what: "masks whose instance is no file name, or that have none", instead: "numbered" },
    ],
    options: &[],
};

/// Open Images.
pub(crate) struct OpenImages;

const FLAGS: [(&str, &str); 5] = [
    ("IsOccluded", "occluded"),
    ("IsTruncated", "truncated"),
    ("IsGroupOf", "is_group_of"),
    ("IsDepiction", "is_depiction"),
    ("IsInside", "is_inside"),
];

fn header(source: &Source, path: &str) -> Vec<String> {
    let head = source.text_head(path, 2048).unwrap_or_default();
    let all = text::decode(&head).into_owned();
    let line = all.lines().next().unwrap_or_default();
    let by = char::from(separator(line.as_bytes()));
    line.split(by).map(|c| c.trim().trim_matches('"').to_owned()).collect()
}

fn has(header: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|w| header.iter().any(|h| h == w))
}

const BOXES: &[&str] = &["ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"];
const MASKS: &[&str] = &["MaskPath", "ImageID", "LabelName"];
const LABELS: &[&str] = &["ImageID", "LabelName", "Confidence"];

impl Format for OpenImages {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let tables = probe.with_extension("csv").iter().take(40).map(|e| e.path.as_str());
        let is_one = |p: &&str| {
            let columns = header(probe.source(), p);
            has(&columns, BOXES)
                || has(&columns, LABELS)
                || has(&columns, MASKS)
                || has(&columns, &["ImageID", "Subset"])
        };
        match tables.into_iter().find(is_one) {
            Some(first) => Confidence::new(96, format!("found `{first}` with columns ImageID and LabelName")),
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
        let tables: Vec<&str> =
            source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "csv").collect();
        let is_one = |p: &&str| {
            let columns = header(source, p);
            has(&columns, &["ImageID"])
        };
        if !tables.iter().any(is_one) {
            return Err(labels::not_this(source, SPEC.id, "there is no table with a column ImageID"));
        }
        let names = names(source, &tables, &judge);
        let mut all = Found::new(source);
        for table in tables.iter().filter(|p| is_one(p)) {
            all.table(source, table, &names, &judge);
        }
        let mut schema = Schema::default();
        for (id, name) in &names {
            let extra = BTreeMap::from([("label_name".to_owned(), id.as_str().into())]);
            let class = tamis_core::Class { name: name.clone(), extra, ..Default::default() };
            let known = &mut schema.ontology.schema_mut(LabelType::Box2d).classes;
            if known.iter().all(|c| c.name != *name) {
                known.push(class);
            }
        }
        let layer = options.layer();
        let items: Vec<(String, Sample<'a>)> = all.samples.into_values().map(|s| (s.path.clone(), s)).collect();
        let items: BTreeMap<String, Sample<'a>> = items.into_iter().collect();
        let items: Vec<Sample<'a>> = items.into_values().collect();
        Ok(Box::new(Each::new(items, schema, move |sample: Sample<'_>, schema| {
            let mut record = labels::of_file(&sample.path);
            record.split = sample.split.or(record.split);
            match sample.image {
                Some(image) => record.stated_size = source.image_size(image),
                None => record.media = None,
            }
            if !sample.labels.is_empty() {
                let size = record.stated_size;
                let found: Vec<Label> =
                    sample.labels.into_iter().filter_map(|(at, l)| scaled(source, at, l, size, &judge)).collect();
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
        Ok(out::write(&SPEC, sink, schema, options, report, Tables::default()))
    }
}

/// A label with its fractions turned into pixels.
fn scaled(
    source: &Source,
    (table, line): (&str, u64),
    mut label: Label,
    size: Option<(u32, u32)>,
    judge: &Judge<'_>,
) -> Option<Label> {
    let place = || Place::line(table, line);
    let scale = |b: &Box2d| size.map(|(w, h)| b.from_fractions(w, h));
    let no_size = || judge.error("no_size", place(), "the image's size is not known; the box is left out");
    if let Shape::Box2d(b) = &label.shape {
        let Some(b) = scale(b) else {
            no_size();
            return None;
        };
        label.shape = Shape::Box2d(judge.accept(b, size, place)?);
    }
    label.bbox = label.bbox.and_then(|b| scale(&b));
    if let Shape::Mask(Mask { file: Some(file), .. }) = &label.shape {
        label.shape = Shape::Rle(pixels_of(source, file, size, judge)?);
        label.bbox = label.bbox.filter(|b| label.shape.bounds() != Some(*b));
    }
    Some(label)
}

/// The pixels of an object; masks are often of another size than the image, whose pixels then ask the nearest of the
/// mask.
fn pixels_of(source: &Source, file: &str, size: Option<(u32, u32)>, judge: &Judge<'_>) -> Option<tamis_core::Rle> {
    let (width, height, numbers) = pixels::numbers(source, file, judge)?;
    let (wide, high) = size.filter(|(w, h)| u64::from(*w) * u64::from(*h) <= 1 << 28).unwrap_or((width, height));
    if (wide, high) == (width, height) {
        return pixels::where_is(&(width, height, numbers), |n| n > 0);
    }
    let near = |at: u32, of: u32, side: u32| (u64::from(at) * u64::from(side) / u64::from(of.max(1))) as usize;
    let one = |y: u32, x: u32| numbers.get(near(y, high, height) * width as usize + near(x, wide, width)).copied();
    let bits = (0..high).flat_map(|y| (0..wide).map(move |x| (y, x))).map(|(y, x)| one(y, x).unwrap_or(0)).collect();
    pixels::where_is(&(wide, high, bits), |n| n > 0)
}

/// Names by class id.
fn names(source: &Source, tables: &[&str], judge: &Judge<'_>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for table in
        tables.iter().filter(|t| name(t).contains("class-descriptions") || name(t).contains("class_descriptions"))
    {
        let by = separator(&source.text_head(table, 4096).unwrap_or_default());
        let Ok(reader) = source.text(table) else { continue };
        let Some((mut rows, header)) = judge.take(table, Rows::new(reader, by)) else { continue };
        // Older tables have no header: its cells are the first class.
        let mut next = Some(header);
        while let Some(cells) = next.take() {
            if let [id, name, ..] = cells.as_slice()
                && id.trim_start_matches('\u{feff}') != "LabelName"
            {
                out.insert(id.clone(), name.trim().to_owned());
            }
            next = rows.next().map(|row| judge.take(table, row).map(|r| r.cells).unwrap_or_default());
        }
    }
    out
}

struct Sample<'a> {
    path: String,
    image: Option<&'a str>,
    split: Option<String>,
    labels: Vec<((&'a str, u64), Label)>,
}

struct Found<'a> {
    by_id: HashMap<&'a str, Vec<&'a str>>,
    masks: HashMap<&'a str, &'a str>,
    samples: BTreeMap<(Option<String>, String), Sample<'a>>,
    missing: BTreeSet<String>,
}

impl<'a> Found<'a> {
    fn new(source: &'a Source) -> Found<'a> {
        let is_mask = |p: &str| format!("/{}/", folder(p)).contains("/masks/");
        let mut by_id: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut samples = BTreeMap::new();
        let index = MediaIndex::new(source);
        for image in index.all().filter(|p| paths::is_image(p) && !is_mask(p)) {
            by_id.entry(stem(name(image))).or_default().push(image);
            let sample = Sample {
                path: image.to_owned(),
                image: Some(image),
                split: paths::split_of_folders(image),
                labels: Vec::new(),
            };
            samples.insert((None, image.to_owned()), sample);
        }
        let masks = source.entries().iter().map(|e| e.path.as_str()).filter(|p| is_mask(p)).map(|p| (name(p), p));
        Found { by_id, masks: masks.collect(), samples, missing: BTreeSet::new() }
    }

    /// The sample of an image id; an id that has no image gets a sample without media.
    fn sample(&mut self, id: &str, split: Option<&str>, place: Place, judge: &Judge<'_>) -> Option<&mut Sample<'a>> {
        let bare = if paths::is_image(id) { stem(id) } else { id };
        let found = self.by_id.get(name(bare)).map(Vec::as_slice).unwrap_or_default();
        let own = found.iter().find(|p| split.is_some() && paths::split_of_folders(p).as_deref() == split);
        if let Some(image) = own.or(found.first()) {
            return self.samples.get_mut(&(None, (*image).to_owned()));
        }
        let Some(id) = paths::normal(id) else {
            judge.error("image_id", place, "the image id is no name of a file; left out");
            return None;
        };
        if self.missing.insert(id.clone()) {
            judge.error("missing_image", place, format!("there is no image `{}`", text::crop(&id)));
        }
        let path = if paths::is_image(&id) { id.clone() } else { format!("{id}.jpg") };
        let path = match split {
            Some(split) => format!("images/{split}/{path}"),
            None => path,
        };
        let make = || Sample { path: path.clone(), image: None, split: split.map(str::to_owned), labels: Vec::new() };
        Some(self.samples.entry((None, path.clone())).or_insert_with(make))
    }

    fn table(&mut self, source: &'a Source, table: &'a str, names: &BTreeMap<String, String>, judge: &Judge<'_>) {
        let by = separator(&source.text_head(table, 4096).unwrap_or_default());
        let Ok(reader) = source.text(table) else {
            return judge.error("unreadable", Place::file(table), "the table cannot be opened");
        };
        let Some((mut rows, header)) = judge.take(table, Rows::new(reader, by)) else { return };
        let header: Vec<String> = header.iter().map(|h| h.trim_start_matches('\u{feff}').to_owned()).collect();
        let (boxes, masks) = (has(&header, BOXES), has(&header, MASKS));
        let split = name(table).split(['-', '_', '.']).find_map(paths::split_of);
        while let Some(row) = rows.next() {
            let Some(row) = judge.take(table, row) else { continue };
            let cell = |column: &str| {
                let at = header.iter().position(|h| h == column)?;
                row.cells.get(at).map(|c| c.trim()).filter(|c| !c.is_empty())
            };
            let place = || Place::line(table, row.line);
            let Some(id) = cell("ImageID") else {
                judge.error("no_image", place(), "the row has no ImageID; left out");
                continue;
            };
            let own = cell("Subset").and_then(paths::split_of).or_else(|| split.clone());
            let class = cell("LabelName").map(|c| names.get(c).cloned().unwrap_or_else(|| c.to_owned()));
            // A decimal comma is what some tools of other languages write.
            let decimal = |column: &str| cell(column).and_then(|c| c.replace(',', ".").parse::<f64>().ok());
            let bad = |what: &str| judge.error("number", place(), format!("{what} is no number; the row is left out"));
            let mut label = if masks {
                let file = cell("MaskPath").and_then(|m| self.masks.get(name(m)).copied());
                let Some(file) = file else {
                    judge.error("missing_mask", place(), "the mask is not there; left out");
                    continue;
                };
                let mask = Mask { kind: MaskKind::Semantic, blob: None, file: Some(file.to_owned()), info: Vec::new() };
                let mut label = Label::new(Shape::Mask(mask));
                let edges = ["BoxXMin", "BoxYMin", "BoxXMax", "BoxYMax"].map(decimal);
                if let [Some(a), Some(b), Some(c), Some(d)] = edges {
                    label.bbox = Some(Box2d::new(a, b, c, d));
                }
                label.instance = cell("BoxID").map(str::to_owned);
                label.confidence = decimal("PredictedIoU");
                label
            } else if boxes {
                let edges = ["XMin", "YMin", "XMax", "YMax"].map(decimal);
                let [Some(xmin), Some(ymin), Some(xmax), Some(ymax)] = edges else {
                    bad("an edge of the box");
                    continue;
                };
                Label::new(Shape::Box2d(Box2d::new(xmin, ymin, xmax, ymax)))
            } else if class.is_some() {
                Label::new(Shape::Classification)
            } else {
                if let Some(sample) = self.sample(id, own.as_deref(), place(), judge) {
                    sample.split = sample.split.take().or(own);
                }
                continue;
            };
            label.class = class.as_deref().and_then(labels::class);
            if !masks {
                label.confidence = decimal("Confidence").filter(|c| c.is_finite() && *c != 1.0);
            }
            if let Some(from) = cell("Source") {
                label.attributes.insert("source".to_owned(), from.into());
            }
            for (column, attribute) in FLAGS {
                if let Some(flag @ ("0" | "1")) = cell(column) {
                    label.attributes.insert(attribute.to_owned(), (flag == "1").into());
                }
            }
            let line = row.line;
            if let Some(sample) = self.sample(id, own.as_deref(), place(), judge) {
                sample.split = sample.split.take().or(own);
                sample.labels.push(((table, line), label));
            }
        }
    }
}

#[derive(Default)]
struct Tables {
    lists: Lists,
    ids: paths::UniqueNames,
}

const BOX_HEADER: &str =
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n";

/// A text as a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) || text.trim() != text {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

impl Put for Tables {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let split = match record.split.as_deref() {
            Some("val") => "validation",
            Some(split @ ("train" | "test")) => split,
            _ => {
                out.losses.add("split", &record.path)?;
                "train"
            }
        };
        let own = stem(name(&record.path)).to_owned();
        let id = self.ids.take(&own);
        out.lose_if("id", record, own != id)?;
        let in_place = paths::split_of_folders(&record.path) == record.split && own == id;
        let wanted = match in_place {
            true => record.path.clone(),
            false => format!("images/{split}/{id}.{}", paths::extension(&record.path)),
        };
        out.media(record, &wanted)?;
        let _ = writeln!(self.images(), "{},{split}", cell(&id));
        out.lose_if("empty", record, labels.is_some_and(<[Label]>::is_empty))?;
        let (mut seen_class, mut mixed) = (false, false);
        for label in labels.unwrap_or_default() {
            let class = label.class.clone().unwrap_or_else(|| labels::UNLABELLED.to_owned());
            out.classes.of(label);
            let sure = number(label.confidence.unwrap_or(1.0));
            let source = label.attributes.get("source").and_then(serde_json::Value::as_str).unwrap_or_default();
            let start = format!("{},{},{},{sure}", cell(&id), cell(source), cell(&class));
            if label.shape == Shape::Classification {
                out.keeps(record, label, &["source", "confidence"])?;
                seen_class = true;
                let file = format!("annotations/oidv6-{split}-annotations-human-imagelabels.csv");
                let list = self.lists.of(&file);
                if list.is_empty() {
                    list.push_str("ImageID,Source,LabelName,Confidence\n");
                }
                let _ = writeln!(list, "{start}");
                out.done.labels += 1;
                continue;
            }
            mixed |= seen_class;
            if matches!(label.label_type(), LabelType::Rle | LabelType::Polygon | LabelType::MultiPolygon) {
                self.mask(out, record, label, (&id, split, &class))?;
                continue;
            }
            let Some(b) = out.box_of(record, label)? else { continue };
            let Some((width, height)) = record.stated_size.filter(|s| s.0 > 0 && s.1 > 0) else {
                out.losses.add("no_size", &record.path)?;
                continue;
            };
            let kept: Vec<&str> = FLAGS.iter().map(|f| f.1).chain(["source", "confidence"]).collect();
            out.keeps(record, label, &kept)?;
            let part = |v: f64, side: u32| number(fewest_decimals(v / f64::from(side), |n| n * f64::from(side) == v));
            let edges = [part(b.xmin, width), part(b.xmax, width), part(b.ymin, height), part(b.ymax, height)];
            let flags = FLAGS.map(|(_, a)| match label.attributes.get(a).and_then(serde_json::Value::as_bool) {
                Some(flag) => {
                    if flag {
                        "1"
                    } else {
                        "0"
                    }
                }
                None => "-1",
            });
            let list = self.lists.of(&format!(
                "annotations/{}-annotations-bbox.csv",
                if split == "train" { "oidv6-train" } else { split }
            ));
            if list.is_empty() {
                list.push_str(BOX_HEADER);
            }
            let _ = writeln!(list, "{start},{},{}", edges.join(","), flags.join(","));
            out.done.labels += 1;
        }
        out.lose_if("order", record, mixed)
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        let mut names = String::from("LabelName,DisplayName\n");
        for class in &out.classes.classes {
            let _ = writeln!(names, "{0},{0}", cell(&class.name));
        }
        out.sink.put("annotations/oidv6-class-descriptions.csv", names.as_bytes())?;
        self.lists.end(out)
    }
}

impl Tables {
    /// A mask as a file and its row: of the image, its class, the object's box.
    fn mask(
        &mut self,
        out: &mut Out<'_>,
        record: &SampleRecord,
        label: &Label,
        (id, split, class): (&str, &str, &str),
    ) -> Result<()> {
        let size = record.stated_size.filter(|s| s.0 > 0 && s.1 > 0);
        let Some((size, rle)) = size.and_then(|size| Some((size, pixels::mask_of(&label.shape, size)?))) else {
            return out.losses.add("no_size", &record.path);
        };
        out.keeps(record, label, &["confidence", "instance"])?;
        out.lose_if("painted", record, label.label_type() != LabelType::Rle)?;
        let own = label.instance.as_deref().filter(|i| !i.is_empty() && crate::sink::safe(i) == **i);
        out.lose_if("box_id", record, own.is_none())?;
        let bare = format!("{}_{}", crate::sink::safe(id), crate::sink::safe(class));
        let free = |box_id: &String| out.sink.is_new(&format!("masks/{split}/{bare}_{box_id}.png"));
        let named = own.map(str::to_owned).filter(free);
        let Some(box_id) = named.or_else(|| (0u32..).map(|n| format!("{n:08x}")).find(free)) else { return Ok(()) };
        let path = format!("masks/{split}/{bare}_{box_id}.png");
        let fail = |e: String| FormatError::io("write", &path, std::io::Error::other(e));
        let bits = rle.to_mask().map_err(|e| fail(e.to_string()))?;
        let white = bits.into_iter().map(|b| if b > 0 { 255 } else { 0 }).collect();
        let image = tamis_media::Image::grey8(size.0, size.1, white).map_err(|e| fail(e.to_string()))?;
        out.sink.put(&path, &tamis_media::encode_png(&image).map_err(|e| fail(e.to_string()))?)?;
        let part = |v: f64, side: u32| number(fewest_decimals(v / f64::from(side), |n| n * f64::from(side) == v));
        let b = label.bounds().or(rle.bounds()).unwrap_or(Box2d::new(0.0, 0.0, 0.0, 0.0));
        let edges = [part(b.xmin, size.0), part(b.xmax, size.0), part(b.ymin, size.1), part(b.ymax, size.1)];
        let list = self.lists.of(&format!("annotations/{split}-annotations-object-segmentation.csv"));
        if list.is_empty() {
            list.push_str("MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n");
        }
        let sure = label.confidence.map(number).unwrap_or_default();
        let (file, id, class) = (cell(name(&path)), cell(id), cell(class));
        let _ = writeln!(list, "{file},{id},{class},{},{},{sure},", cell(&box_id), edges.join(","));
        out.done.labels += 1;
        Ok(())
    }

    fn images(&mut self) -> &mut String {
        let list = self.lists.of("annotations/image_ids_and_rotation.csv");
        if list.is_empty() {
            list.push_str("ImageID,Subset\n");
        }
        list
    }
}
