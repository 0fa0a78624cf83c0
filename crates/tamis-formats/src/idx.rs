//! Small images packed in one file: MNIST (`idx`, also gzipped) and CIFAR-10 and -100 (`.bin`). Each image becomes a
//! PNG of its own. Read only.

use std::io::Read;

use tamis_core::{Class, Label, LabelType, MediaSource, Place, Report, SampleRecord, Shape};

use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::paths::{self, folder, join, name};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::Spec;

static MNIST: Spec = Spec {
    id: "mnist",
    title: "MNIST and its kin (idx files)",
    homepage: "http://yann.lecun.com/exdb/mnist/",
    extensions: &["gz", "idx"],
    media: &["image"],
    reads: &[LabelType::Classification],
    writes: &[],
    losses: &[],
    options: &[],
};

static CIFAR: Spec = Spec {
    id: "cifar",
    title: "CIFAR-10 and CIFAR-100 (binary version)",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    extensions: &["bin"],
    media: &["image"],
    reads: &[LabelType::Classification],
    writes: &[],
    losses: &[],
    options: &[],
};

/// MNIST.
pub(crate) struct Mnist;

/// CIFAR.
pub(crate) struct Cifar;

/// A side of an image in an idx file at most.
const SIDE: u32 = 1 << 14;

fn is_images(path: &str) -> bool {
    let name = name(path);
    name.contains("images-idx3-ubyte") || name.contains("images.idx3-ubyte")
}

fn open(source: &Source, path: &str) -> Result<Box<dyn Read + Send>> {
    let reader = source.reader(path)?;
    let head = source.head(path, 2)?;
    match head.as_slice() {
        [0x1f, 0x8b] => Ok(Box::new(flate2::read::MultiGzDecoder::new(reader))),
        _ => Ok(reader),
    }
}

/// The sizes of an idx file: its type must be unsigned bytes, its dimensions so many.
fn header(reader: &mut dyn Read, dimensions: u8) -> std::io::Result<Vec<u32>> {
    let mut word = [0u8; 4];
    reader.read_exact(&mut word)?;
    if word != [0, 0, 8, dimensions] {
        return Err(std::io::Error::other(format!("it is no idx file of bytes in {dimensions} dimensions")));
    }
    let mut sizes = Vec::new();
    for _ in 0..dimensions {
        reader.read_exact(&mut word)?;
        sizes.push(u32::from_be_bytes(word));
    }
    Ok(sizes)
}

/// Images of one size, one after the other, with their labels before or beside them.
struct Packed<'a> {
    path: String,
    split: Option<String>,
    reader: Box<dyn Read + Send + 'a>,
    labels: Option<Box<dyn Read + Send + 'a>>,
    left: u64,
    at: u64,
    size: (u32, u32),
}

struct Reader<'a> {
    files: std::vec::IntoIter<(&'a str, Option<&'a str>)>,
    kind: Kind,
    source: &'a Source,
    open: Option<Packed<'a>>,
    schema: Schema,
    judge: Judge<'a>,
    layer: String,
    expected: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Idx,
    /// Bytes before the image; the last of them is the class.
    Cifar(usize),
}

impl Reader<'_> {
    fn begin(&mut self, images: &str, beside: Option<&str>) -> Result<()> {
        let mut reader = open(self.source, images)?;
        let fail = |e| FormatError::io("read", images, e);
        let split = name(images)
            .split(['-', '_', '.'])
            .find_map(|w| if w == "t10k" { Some("test".into()) } else { paths::split_of(w) });
        let split = split.or_else(|| name(images).starts_with("data_batch").then(|| "train".to_owned()));
        let path = name(images).split('.').next().unwrap_or_default().to_owned();
        let path = path.strip_suffix("-images-idx3-ubyte").or(path.strip_suffix("-images")).unwrap_or(&path).to_owned();
        let path = join(folder(images), &path);
        let mut packed =
            Packed { path, split, reader: Box::new(std::io::empty()), labels: None, left: 0, at: 0, size: (32, 32) };
        match self.kind {
            Kind::Idx => {
                let sizes = header(&mut reader, 3).map_err(fail)?;
                let &[count, height, width] = sizes.as_slice() else { return Ok(()) };
                if width == 0 || height == 0 || width > SIDE || height > SIDE {
                    return Err(fail(std::io::Error::other(format!("images of {width} × {height} are not read"))));
                }
                (packed.left, packed.size) = (u64::from(count), (width, height));
                if let Some(path) = beside {
                    let mut labels = open(self.source, path)?;
                    let found = header(&mut labels, 1).map_err(|e| FormatError::io("read", path, e))?;
                    if found.first() != Some(&count) {
                        let message = format!("there are {count} images and {} labels", found.first().unwrap_or(&0));
                        self.judge.error("count", Place::file(path), message);
                    }
                    packed.labels = Some(labels);
                }
            }
            Kind::Cifar(before) => {
                let size = self.source.find(images).map_or(0, |e| e.size);
                let each = before as u64 + 3072;
                packed.left = size / each;
                if !size.is_multiple_of(each) {
                    self.judge.error("truncated", Place::file(images), format!("{} bytes are left over", size % each));
                }
            }
        }
        packed.reader = reader;
        self.open = Some(packed);
        Ok(())
    }

    fn one(&mut self) -> Option<Result<SampleRecord>> {
        let packed = self.open.as_mut()?;
        if packed.left == 0 {
            return None;
        }
        let (width, height) = packed.size;
        let area = width as usize * height as usize;
        let (mut class, mut coarse) = (None, None);
        let mut bytes = vec![0; if self.kind == Kind::Idx { area } else { 3 * area }];
        let read = match self.kind {
            Kind::Idx => packed.reader.read_exact(&mut bytes),
            Kind::Cifar(before) => {
                let mut numbers = vec![0; before];
                let read = packed.reader.read_exact(&mut numbers).and_then(|()| packed.reader.read_exact(&mut bytes));
                class = numbers.last().copied();
                coarse = (before > 1).then(|| numbers.first().copied()).flatten();
                read
            }
        };
        if let Err(e) = read {
            let message = format!("the file ends before image {} of {}: {e}", packed.at + 1, packed.at + packed.left);
            self.judge.error("truncated", Place::file(&packed.path), message);
            packed.left = 0;
            return None;
        }
        if let Some(labels) = &mut packed.labels {
            let mut byte = [0];
            class = labels.read_exact(&mut byte).is_ok().then_some(byte[0]);
        }
        let image = match self.kind {
            Kind::Idx => tamis_media::Image::grey8(width, height, bytes),
            Kind::Cifar(_) => {
                let plane = |c: usize, i: usize| bytes.get(c * area + i).copied().unwrap_or_default();
                let pixels = (0..area).flat_map(|i| [plane(0, i), plane(1, i), plane(2, i)]).collect();
                tamis_media::Image::rgb8(width, height, pixels)
            }
        };
        let png = image.and_then(|i| tamis_media::encode_png(&i));
        let path = format!("{}/{:05}.png", packed.path, packed.at);
        packed.at += 1;
        packed.left -= 1;
        let png = match png {
            Ok(png) => png,
            Err(e) => return Some(Err(FormatError::io("read", path, std::io::Error::other(e)))),
        };
        let mut record = SampleRecord {
            media: Some(MediaSource::Bytes(png)),
            stated_size: Some((width, height)),
            split: packed.split.clone(),
            path,
            ..SampleRecord::default()
        };
        if let Some(class) = class {
            let named = |schema: &mut Schema, number: u8, at: usize| {
                let known = &mut schema.ontology.schema_mut(LabelType::Classification).classes;
                let id = i64::from(number) + 1000 * at as i64;
                match known.iter().find(|c| c.id == Some(id)) {
                    Some(class) => class.name.clone(),
                    None => {
                        known.push(Class { name: number.to_string(), id: Some(id), ..Class::default() });
                        number.to_string()
                    }
                }
            };
            let mut label = Label::new(Shape::Classification).with_class(named(&mut self.schema, class, 0));
            if let Some(coarse) = coarse {
                label.attributes.insert("coarse".to_owned(), named(&mut self.schema, coarse, 1).into());
            }
            record.layers.insert(self.layer.clone(), vec![label]);
        }
        Some(Ok(record))
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<SampleRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.one() {
                return Some(record);
            }
            let (images, labels) = self.files.next()?;
            self.open = None;
            if let Err(e) = self.begin(images, labels) {
                self.judge.error("unreadable", Place::file(images), e);
            }
        }
    }
}

impl RecordReader for Reader<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn expected(&self) -> Option<u64> {
        (self.expected > 0).then_some(self.expected)
    }
}

impl Format for Mnist {
    fn spec(&self) -> &'static Spec {
        &MNIST
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match probe.source().entries().iter().find(|e| is_images(&e.path)) {
            Some(first) => Confidence::new(97, format!("found `{}`", first.path)),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let images = source.entries().iter().map(|e| e.path.as_str()).filter(|p| is_images(p));
        let pair = |p: &'a str| {
            let labels = name(p).replace("images-idx3", "labels-idx1").replace("images.idx3", "labels.idx1");
            (p, source.find(&join(folder(p), &labels)).map(|e| e.path.as_str()))
        };
        let files: Vec<(&str, Option<&str>)> = images.map(pair).collect();
        if files.is_empty() {
            return Err(labels::not_this(source, MNIST.id, "there is no `…-images-idx3-ubyte`"));
        }
        let judge = Judge { format: MNIST.id, report };
        for (images, _) in files.iter().filter(|f| f.1.is_none()) {
            judge.warn("no_labels", Place::file(*images), "there is no file of labels beside the images");
        }
        let schema = Schema::default();
        let files = files.into_iter();
        Ok(Box::new(Reader {
            files,
            kind: Kind::Idx,
            source,
            open: None,
            schema,
            judge,
            layer: options.layer(),
            expected: 0,
        }))
    }

    fn write<'a>(
        &self,
        _: &'a Sink,
        _: &Schema,
        _: &WriteOptions,
        _: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Err(FormatError::OneWay { verb: "write", format: MNIST.id })
    }
}

/// Bytes before each image: 1 in CIFAR-10, 2 in CIFAR-100; [`None`] for another file.
fn cifar(source: &Source, path: &str) -> Option<usize> {
    let size = source.find(path)?.size;
    let name = name(path);
    let ten = name.starts_with("data_batch") || name == "test_batch.bin";
    let hundred = matches!(name, "train.bin" | "test.bin");
    match paths::extension(path) == "bin" && size > 0 {
        true if ten && size % 3073 == 0 => Some(1),
        true if hundred && size % 3074 == 0 => Some(2),
        _ => None,
    }
}

impl Format for Cifar {
    fn spec(&self) -> &'static Spec {
        &CIFAR
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match probe.with_extension("bin").iter().find(|e| cifar(probe.source(), &e.path).is_some()) {
            Some(first) => Confidence::new(90, format!("found `{}` of whole images of 32 × 32", first.path)),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let all = source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "bin");
        let files: Vec<(&str, Option<&str>)> = all.map(|p| (p, None)).collect();
        let judge = Judge { format: CIFAR.id, report };
        let Some(before) = files.iter().find_map(|f| cifar(source, f.0)) else {
            let names = ["data_batch", "test_batch", "train.bin", "test.bin"];
            let likely = files.iter().find(|f| names.iter().any(|n| name(f.0).starts_with(n)));
            let reason = match likely {
                Some((file, _)) => format!("`{file}` is not of whole images"),
                None => "there is no `data_batch_1.bin`, `test_batch.bin`, `train.bin` or `test.bin`".to_owned(),
            };
            return Err(labels::not_this(source, CIFAR.id, &reason));
        };
        let mut schema = Schema::default();
        let lists =
            if before == 1 { ["batches.meta.txt", ""] } else { ["fine_label_names.txt", "coarse_label_names.txt"] };
        for (at, list) in lists.iter().enumerate() {
            let found = source.entries().iter().find(|e| name(&e.path) == *list);
            let Some(all) = found.and_then(|e| judge.text(source, &e.path)) else { continue };
            let names: Vec<String> = text::lines(&all).map(|(_, n)| n.to_owned()).collect();
            let classes = labels::classes(&names, 1000 * at as i64);
            schema.ontology.schema_mut(LabelType::Classification).classes.extend(classes);
        }
        let files = files.into_iter();
        let kind = Kind::Cifar(before);
        Ok(Box::new(Reader { files, kind, source, open: None, schema, judge, layer: options.layer(), expected: 0 }))
    }

    fn write<'a>(
        &self,
        _: &'a Sink,
        _: &Schema,
        _: &WriteOptions,
        _: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Err(FormatError::OneWay { verb: "write", format: CIFAR.id })
    }
}
