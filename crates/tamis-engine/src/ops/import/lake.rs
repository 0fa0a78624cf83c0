//! Another lake's dataset as a source: a folder in Tamis's exchange format that is not there until it is read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::rc::Rc;

use tamis_core::{BlobId, Media, MediaSource, Report};
use tamis_formats::{Entry, Fetched, Files, Sink, Source, SourceLimits, Wanted, WriteOptions};
use tamis_repo::ScanOptions;

use crate::error::{EngineError, Result};
use crate::ops::export::{BLOB, record_of, schema_with_notes};
use crate::references::Found;
use crate::{Address, Engine};

/// The lake and the dataset in `LAKE#DATASET[@REVISION]`; [`None`] for what is no such address.
pub(super) fn address(text: &str) -> Option<(&str, &str)> {
    let (lake, dataset) = text.rsplit_once('#')?;
    (!lake.is_empty() && !std::path::Path::new(text).exists()).then_some((lake, dataset))
}

/// Where a file's bytes are.
#[derive(Clone)]
enum Origin {
    Blob(BlobId),
    Reference(String, Media),
}

/// Opens a dataset of another lake. Its labels are written to a temporary folder; media are read when they are asked for.
pub(super) fn open(lake: &str, dataset: &str, report: &Report) -> Result<Source> {
    let address: Address = dataset.parse()?;
    if address.path.is_some() {
        let message = format!("cannot import a part of `{dataset}` of another lake");
        return Err(EngineError::new("usage", message).hint("name the dataset, with @REVISION if wanted"));
    }
    let other = Engine::open(lake)?;
    let snapshot = other.dataset(&address.dataset)?.snapshot(address.revision())?;
    let io = |e: io::Error| EngineError::new("format.io", format!("cannot write the labels of `{dataset}`: {e}"));
    let folder = tempfile::tempdir().map_err(io)?;
    let (origins, current) = (Rc::<RefCell<Vec<(String, Origin)>>>::default(), Rc::<RefCell<Option<Media>>>::default());
    let (list, shown) = (Rc::clone(&origins), Rc::clone(&current));
    let sink = Sink::folder(folder.path(), move |file, wanted| {
        let unread = || io::Error::new(io::ErrorKind::NotFound, "the sample has no media");
        let origin = match wanted {
            Wanted::Blob(blob) => Origin::Blob(*blob),
            Wanted::Media(MediaSource::Uri(uri)) => match uri.strip_prefix(BLOB) {
                Some(hex) => Origin::Blob(hex.parse().map_err(io::Error::other)?),
                None => Origin::Reference(uri.clone(), shown.borrow().clone().unwrap_or_default()),
            },
            Wanted::Media(_) => return Err(unread()),
        };
        list.borrow_mut().push((file.to_owned(), origin));
        Ok(Fetched::Taken)
    })?;
    let written = Report::new();
    let schema = schema_with_notes(&snapshot)?;
    let format = tamis_formats::find("tamis")?;
    let mut writer = format.write(&sink, &schema, &WriteOptions::default(), &written)?;
    for sample in snapshot.scan(&ScanOptions::default())? {
        let sample = sample?;
        current.borrow_mut().clone_from(&sample.media);
        writer.write(&record_of(sample))?;
    }
    writer.finish()?;
    drop(sink);

    let labels = Source::open(folder.path(), &SourceLimits::default(), report)?;
    let mut entries: Vec<Entry> = labels.entries().to_vec();
    let origins: HashMap<String, Origin> = origins.take().into_iter().collect();
    let store = other.repo().store();
    for (file, origin) in &origins {
        let (size, etag) = match origin {
            Origin::Blob(blob) => (store.blob(blob)?.len(), Some(blob.to_string())),
            Origin::Reference(_, media) => (media.size, media.etag.clone()),
        };
        let mut entry = Entry::new(file.clone(), size);
        entry.etag = etag;
        entries.push(entry);
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let files = std::sync::Arc::new(Lake { labels, _folder: folder, other, origins });
    Ok(Source::from_files(address.dataset.to_string(), entries, files, SourceLimits::default(), report)?)
}

struct Lake {
    labels: Source,
    /// Removed with the source.
    _folder: tempfile::TempDir,
    other: Engine,
    origins: HashMap<String, Origin>,
}

impl Files for Lake {
    fn open(&self, entry: &Entry) -> io::Result<Box<dyn Read + Send>> {
        match self.origins.get(&entry.path) {
            Some(Origin::Blob(blob)) => {
                Ok(Box::new(self.other.repo().store().blob(blob).map_err(io::Error::other)?.reader()))
            }
            Some(Origin::Reference(uri, media)) => match self.other.references().open(uri, media)? {
                Found::Disk(path) => Ok(Box::new(std::fs::File::open(path)?)),
                Found::Stream(stream) => Ok(stream),
            },
            None => self.labels.reader(&entry.path).map_err(io::Error::other),
        }
    }

    fn local(&self, entry: &Entry) -> Option<PathBuf> {
        if self.origins.contains_key(&entry.path) { None } else { self.labels.local(&entry.path) }
    }

    fn uri(&self, entry: &Entry) -> Option<String> {
        match self.origins.get(&entry.path) {
            Some(Origin::Reference(uri, _)) => Some(uri.clone()),
            _ => None,
        }
    }
}
