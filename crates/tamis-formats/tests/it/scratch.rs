//! Reading and writing folders in tests.

use std::path::{Path, PathBuf};

use tamis_core::{MediaSource, Report, SampleRecord};
use tamis_formats::{ReadOptions, Schema, Sink, Source, SourceLimits, WriteOptions, Written, find};

pub(crate) fn open(path: &Path, report: &Report) -> Source {
    Source::open(path, &SourceLimits::default(), report).unwrap()
}

pub(crate) fn read_as(path: &Path, format: &str, report: &Report) -> (Schema, Vec<SampleRecord>) {
    let source = open(path, report);
    let mut reader = find(format).unwrap().read(&source, &ReadOptions::default(), report).unwrap();
    let records: Vec<SampleRecord> = reader.by_ref().map(|r| r.unwrap()).collect();
    let sorted = records.windows(2).all(|w| w[0].path < w[1].path);
    assert!(sorted, "{format}: records come ordered by path, each once");
    (reader.schema().clone(), records)
}

pub(crate) fn write_as(
    path: &Path,
    format: &str,
    schema: &Schema,
    records: &[SampleRecord],
    options: &WriteOptions,
) -> (Written, Report) {
    let report = Report::new();
    let sink = Sink::folder(path, |_, _| Err(std::io::Error::other("nothing to fetch"))).unwrap();
    let mut writer = find(format).unwrap().write(&sink, schema, options, &report).unwrap();
    for record in records {
        writer.write(record).unwrap_or_else(|e| panic!("{format}: {e}"));
    }
    let written = writer.finish().unwrap();
    (written, report)
}

/// Every file of a folder with its bytes.
pub(crate) fn files(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut out = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for item in std::fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                out.push((path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    out.sort();
    out
}

pub(crate) fn put(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let image = tamis_media::Image::rgb8(width, height, vec![7; (width * height * 3) as usize]).unwrap();
    tamis_media::encode_png(&image).unwrap()
}

pub(crate) fn with_png(record: SampleRecord) -> SampleRecord {
    let (width, height) = record.stated_size.unwrap();
    SampleRecord { media: Some(MediaSource::Bytes(png(width, height))), ..record }
}

/// The folder of real datasets; [`None`] with a message when it is not here.
pub(crate) fn real(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TAMIS_TEST_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no `{}` (set TAMIS_TEST_DATA)", path.display());
    None
}
