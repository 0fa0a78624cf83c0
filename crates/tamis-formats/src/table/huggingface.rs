//! Writing Hugging Face's layouts: Parquet files a split with the images inside (`data/<split>-00000-of-00001.parquet`),
//! or folders of images a split with a `metadata.jsonl` each. Classes are numbers of a `ClassLabel`, boxes a column
//! `objects` of lists side by side.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Float64Builder, Int32Array, Int64Array, Int64Builder, ListBuilder, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema as Columns};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;
use serde_json::{Map, Value, json};
use tamis_core::{Label, LabelType, Report, SampleRecord, Shape};

use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, option};
use crate::lex::number::{extent, json as number};
use crate::out::{self, ATTRIBUTES, FIELDS, FUSION, LABELS, LAYERS, MEDIA, Out, PATH, Put, SHAPE};
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, Wanted};
use crate::source::Source;
use crate::spec::{Loss, OptionSpec, Spec};

pub(super) static SPEC: Spec = Spec {
    id: "huggingface",
    title: "Hugging Face datasets (Parquet with images inside, image folders with metadata)",
    homepage: "https://huggingface.co/docs/datasets/image_dataset",
    extensions: &["parquet", "jsonl"],
    media: &["image"],
    reads: &[LabelType::Classification, LabelType::Box2d],
    writes: &[LabelType::Classification, LabelType::Box2d],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        LABELS,
        SHAPE,
        PATH,
        MEDIA,
        Loss { code: "embedded", what: "boxes given beside another box", instead: "left out" },
        Loss { code: "classes", what: "numbers, colours and parents of classes", instead: "numbered from 0" },
        Loss { code: "more", what: "classes of a sample beyond the first", instead: "left out" },
        Loss { code: "label_id", what: "ids of classes of whole samples", instead: "new ones are given" },
        Loss { code: "split", what: "splits of unusual names, and none", instead: "read back as none" },
    ],
    options: &[OptionSpec {
        name: "layout",
        values: &["parquet", "folder"],
        default: "parquet",
        help: "write Parquet files with the images inside, or folders of images with `metadata.jsonl`",
    }],
};

/// Hugging Face's layouts.
pub(crate) struct HuggingFace;

impl Format for HuggingFace {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let metadata = probe.with_extension("jsonl").iter().find(|e| paths::name(&e.path) == "metadata.jsonl");
        let found = super::found(&SPEC, probe);
        let ours =
            |p: &str| metadata.is_some_and(|m| m.path == p) || super::parquet_rows::has_features(probe.source(), p);
        match found.iter().take(20).find(|(path, _)| ours(path)) {
            Some((first, columns)) => {
                Confidence::new(70, format!("found `{first}` with columns {}", columns.describe()))
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
        super::read(&SPEC, source, options, report)
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        match option(&SPEC, &options.options, "layout")? {
            "folder" => Ok(out::write(&SPEC, sink, schema, options, report, Folders::default())),
            _ => Ok(out::write(&SPEC, sink, schema, options, report, Tables::default())),
        }
    }
}

/// An object: left, top, width and height, class, id, score.
type Object = ([f64; 4], usize, u64, Option<f64>);

/// What a row says of a sample beside its image.
#[derive(Default)]
struct Said {
    class: Option<usize>,
    /// None = nobody looked.
    objects: Option<Vec<Object>>,
}

fn split_of(out: &mut Out<'_>, record: &SampleRecord) -> Result<String> {
    match record.split.as_deref() {
        Some("val") => Ok("validation".to_owned()),
        Some(split @ ("train" | "test")) => Ok(split.to_owned()),
        other => {
            out.losses.add("split", &record.path)?;
            Ok(other.map_or("train".to_owned(), |s| crate::sink::safe(s).replace(['-', ' ', '.'], "_")))
        }
    }
}

fn said(out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<Said> {
    let Some(labels) = labels else { return Ok(Said::default()) };
    let mut said = Said { class: None, objects: Some(Vec::new()) };
    for label in labels {
        if label.label_type() == LabelType::Classification {
            out.keeps(record, label, &[])?;
            out.lose_if("label_id", record, label.id != 0)?;
            if said.class.is_some() || label.class.is_none() {
                out.losses.add("more", &record.path)?;
                continue;
            }
            said.class = Some(out.classes.of(label));
            out.done.labels += 1;
            continue;
        }
        let Some(b) = label.bounds() else {
            out.losses.add("labels", &record.path)?;
            continue;
        };
        match &label.shape {
            Shape::Box2d(_) => out.lose_if("embedded", record, label.bbox.is_some())?,
            _ => out.losses.add("shape", &record.path)?,
        }
        out.keeps(record, label, &["confidence"])?;
        let b = if let Shape::Box2d(own) = &label.shape { *own } else { b };
        let sides = [b.xmin, b.ymin, extent(b.xmin, b.xmax), extent(b.ymin, b.ymax)];
        let class = out.classes.of(label);
        said.objects.get_or_insert_default().push((sides, class, label.id, label.confidence));
        out.done.labels += 1;
    }
    Ok(said)
}

fn fail(path: &str, e: impl std::error::Error + Send + Sync + 'static) -> FormatError {
    FormatError::io("write", path, std::io::Error::other(e))
}

/// Images beside `metadata.jsonl`.
#[derive(Default)]
struct Folders {
    lists: BTreeMap<String, BufWriter<File>>,
}

impl Put for Folders {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let split = split_of(out, record)?;
        let first = record.path.split('/').next().unwrap_or_default();
        // A folder that names the split already stays.
        let named = record.split.is_some() && paths::split_of(first) == record.split;
        let home = if named { first.to_owned() } else { split };
        let (_, rest) = record.path.split_once('/').filter(|_| named).unwrap_or(("", &record.path));
        let path = out.media(record, &paths::join(&home, rest))?;
        let said = said(out, record, labels)?;
        let mut row = Map::new();
        let name = path.strip_prefix(&format!("{home}/")).unwrap_or(&path);
        row.insert("file_name".to_owned(), name.into());
        if let Some((width, height)) = record.stated_size {
            row.insert("width".to_owned(), width.into());
            row.insert("height".to_owned(), height.into());
        }
        let class = |at: usize| out.classes.classes.get(at).map(|c| c.name.clone()).unwrap_or_default();
        if let Some(at) = said.class {
            row.insert("label".to_owned(), class(at).into());
        }
        if let Some(objects) = said.objects.filter(|o| said.class.is_none() || !o.is_empty()) {
            let boxes: Vec<[Value; 4]> = objects.iter().map(|o| o.0.map(number)).collect();
            let mut lists = json!({"bbox": boxes, "category": objects.iter().map(|o| class(o.1)).collect::<Vec<_>>()});
            if objects.iter().any(|o| o.2 != 0) {
                lists["id"] = json!(objects.iter().map(|o| o.2).collect::<Vec<_>>());
            }
            if objects.iter().any(|o| o.3.is_some()) {
                lists["score"] = json!(objects.iter().map(|o| o.3).collect::<Vec<_>>());
            }
            row.insert("objects".to_owned(), lists);
        }
        let file = format!("{home}/metadata.jsonl");
        let list = match self.lists.entry(file.clone()) {
            Entry::Occupied(list) => list.into_mut(),
            Entry::Vacant(free) => free.insert(out.sink.create(&file)?),
        };
        writeln!(list, "{}", Value::from(row)).map_err(|e| fail(&file, e))
    }

    fn end(&mut self, _: &mut Out<'_>) -> Result<()> {
        self.lists.iter_mut().try_for_each(|(file, list)| list.flush().map_err(|e| fail(file, e)))
    }
}

/// Rows that wait to be written, at most so many bytes of images.
const WAITING: usize = 32 << 20;

#[derive(Default)]
struct Rows {
    bytes: Vec<Vec<u8>>,
    paths: Vec<String>,
    sizes: Vec<Option<(u32, u32)>>,
    said: Vec<Said>,
    waiting: usize,
}

/// Parquet files with the images inside.
#[derive(Default)]
struct Tables {
    files: BTreeMap<String, (ArrowWriter<BufWriter<File>>, Rows)>,
}

fn list(of: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", of, true)))
}

fn object_fields() -> Fields {
    Fields::from(vec![
        Field::new("bbox", list(list(DataType::Float64)), true),
        Field::new("category", list(DataType::Int64), true),
        Field::new("id", list(DataType::Int64), true),
        Field::new("score", list(DataType::Float64), true),
    ])
}

fn image_fields() -> Fields {
    Fields::from(vec![Field::new("bytes", DataType::Binary, true), Field::new("path", DataType::Utf8, true)])
}

fn columns() -> Arc<Columns> {
    Arc::new(Columns::new(vec![
        Field::new("image", DataType::Struct(image_fields()), true),
        Field::new("width", DataType::Int32, true),
        Field::new("height", DataType::Int32, true),
        Field::new("label", DataType::Int64, true),
        Field::new("objects", DataType::Struct(object_fields()), true),
    ]))
}

/// What the `datasets` library wants to know about the columns.
fn features(classes: &[tamis_core::Class]) -> String {
    let value = |dtype: &str| json!({"dtype": dtype, "_type": "Value"});
    let sequence = |of: Value| json!({"feature": of, "_type": "Sequence"});
    let names: Vec<&str> = classes.iter().map(|c| c.name.as_str()).collect();
    let label = json!({"names": names, "_type": "ClassLabel"});
    let objects = json!({
        "bbox": sequence(sequence(value("float64"))),
        "category": sequence(label.clone()),
        "id": sequence(value("int64")),
        "score": sequence(value("float64")),
    });
    let features = json!({
        "image": {"_type": "Image"}, "width": value("int32"), "height": value("int32"), "label": label,
        "objects": objects,
    });
    json!({"info": {"features": features}}).to_string()
}

impl Rows {
    fn batch(&mut self) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
        let rows = std::mem::take(self);
        let images: Vec<ArrayRef> = vec![
            Arc::new(BinaryArray::from_iter_values(&rows.bytes)),
            Arc::new(StringArray::from_iter_values(&rows.paths)),
        ];
        let side = |of: fn((u32, u32)) -> u32| -> ArrayRef {
            let one = |size: &Option<(u32, u32)>| size.and_then(|s| i32::try_from(of(s)).ok());
            Arc::new(rows.sizes.iter().map(one).collect::<Int32Array>())
        };
        let labels: Int64Array = rows.said.iter().map(|s| s.class.map(|c| c as i64)).collect();
        let mut boxes = ListBuilder::new(ListBuilder::new(Float64Builder::new()));
        let mut classes = ListBuilder::new(Int64Builder::new());
        let mut ids = ListBuilder::new(Int64Builder::new());
        let mut scores = ListBuilder::new(Float64Builder::new());
        for said in &rows.said {
            for (sides, class, id, score) in said.objects.iter().flatten() {
                boxes.values().values().append_slice(sides);
                boxes.values().append(true);
                classes.values().append_value(*class as i64);
                ids.values().append_option(i64::try_from(*id).ok().filter(|id| *id != 0));
                scores.values().append_option(*score);
            }
            boxes.append(true);
            classes.append(true);
            ids.append(true);
            scores.append(true);
        }
        let is_there: Vec<bool> =
            rows.said.iter().map(|s| s.objects.as_ref().is_some_and(|o| s.class.is_none() || !o.is_empty())).collect();
        let lists: Vec<ArrayRef> = vec![
            Arc::new(boxes.finish()),
            Arc::new(classes.finish()),
            Arc::new(ids.finish()),
            Arc::new(scores.finish()),
        ];
        RecordBatch::try_new(
            columns(),
            vec![
                Arc::new(StructArray::try_new(image_fields(), images, None)?),
                side(|s| s.0),
                side(|s| s.1),
                Arc::new(labels),
                Arc::new(StructArray::try_new(object_fields(), lists, Some(NullBuffer::from(is_there)))?),
            ],
        )
    }
}

impl Put for Tables {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let split = split_of(out, record)?;
        let Some(media) = &record.media else { return out.losses.add("media", &record.path) };
        let path = out.names.take(&record.path);
        out.lose_if("path", record, path != record.path)?;
        let bytes = out.sink.bytes(&path, Wanted::Media(media))?;
        let said = said(out, record, labels)?;
        let file = format!("data/{split}-00000-of-00001.parquet");
        let (writer, rows) = match self.files.entry(file.clone()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(free) => {
                // The library looks for its features beside Arrow's schema only where there is none.
                let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true);
                let writer = ArrowWriter::try_new_with_options(out.sink.create(&file)?, columns(), options);
                free.insert((writer.map_err(|e| fail(&file, e))?, Rows::default()))
            }
        };
        rows.waiting += bytes.len();
        rows.bytes.push(bytes);
        rows.paths.push(path);
        rows.sizes.push(record.stated_size);
        rows.said.push(said);
        if rows.waiting >= WAITING || rows.said.len() >= 4096 {
            let batch = rows.batch().map_err(|e| fail(&file, e))?;
            writer.write(&batch).and_then(|()| writer.flush()).map_err(|e| fail(&file, e))?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        let features = features(&out.classes.classes);
        for (file, (mut writer, mut rows)) in std::mem::take(&mut self.files) {
            if !rows.said.is_empty() {
                let batch = rows.batch().map_err(|e| fail(&file, e))?;
                writer.write(&batch).map_err(|e| fail(&file, e))?;
            }
            writer.append_key_value_metadata(KeyValue::new("huggingface".to_owned(), features.clone()));
            writer.close().map_err(|e| fail(&file, e))?;
        }
        Ok(())
    }
}
