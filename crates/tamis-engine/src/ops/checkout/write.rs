//! Writing a commit into a folder: labels through the format, media in parallel.

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use rayon::prelude::*;
use tamis_core::{BlobId, Media, MediaSource, Report, Sample, SampleRecord};
use tamis_formats::{Fetched, Format, Sink, Wanted, WriteOptions, Written};
use tamis_repo::{ScanOptions, Snapshot};

use super::state::{Entry, io};
use crate::error::{EngineError, Result};
use crate::ops::export::schema_of;
use crate::references::Found;
use crate::{Ctx, Engine};

/// A media file or mask that goes into the folder.
pub(super) struct Wish {
    pub(super) file: String,
    /// The sample; empty for masks.
    pub(super) sample: String,
    pub(super) bytes: Origin,
}

/// Where the bytes are.
pub(super) enum Origin {
    Lake(BlobId),
    /// At an address outside the lake.
    Reference(String, Box<Media>),
}

/// Writes the labels; gives the media that belong with them, which are not written yet.
pub(super) fn labels(
    snapshot: &Snapshot,
    format: &'static dyn Format,
    dir: &Path,
    report: &Report,
    ctx: &Ctx,
) -> Result<(Written, Vec<Wish>)> {
    let wishes: Rc<RefCell<Vec<Wish>>> = Rc::default();
    let current: Rc<RefCell<(String, Option<Media>)>> = Rc::default();
    let (list, shown) = (Rc::clone(&wishes), Rc::clone(&current));
    let sink = Sink::folder(dir, move |file, wanted| {
        let current = shown.borrow();
        let (sample, bytes) = match wanted {
            Wanted::Blob(blob) => (String::new(), Origin::Lake(*blob)),
            Wanted::Media(_) => (current.0.clone(), origin(current.1.as_ref())?),
        };
        list.borrow_mut().push(Wish { file: file.to_owned(), sample, bytes });
        Ok(Fetched::Taken)
    })?;
    let mut writer = format.write(&sink, &schema_of(snapshot)?, &WriteOptions::default(), report)?;
    for sample in snapshot.scan(&ScanOptions::default())? {
        let sample = sample?;
        *current.borrow_mut() = (sample.path.clone(), sample.media.clone());
        writer.write(&record(sample))?;
        ctx.progress.advance(1, 0)?;
    }
    let written = writer.finish()?;
    drop(sink);
    Ok((written, wishes.take()))
}

/// A sample as formats take it.
fn record(sample: Sample) -> SampleRecord {
    let size = sample.media.as_ref().and_then(|media| media.width.zip(media.height));
    let media = sample.media.map(|media| match media.uri {
        Some(uri) => MediaSource::Uri(uri),
        None => MediaSource::File(sample.path.clone()),
    });
    SampleRecord {
        media,
        path: sample.path,
        stated_size: size,
        split: sample.split,
        frame: sample.frame,
        sensor: sample.sensor,
        timestamp: sample.timestamp,
        fields: sample.fields,
        layers: sample.layers,
    }
}

fn origin(media: Option<&Media>) -> std::io::Result<Origin> {
    let missing = |what: &str| std::io::Error::new(std::io::ErrorKind::NotFound, what.to_owned());
    let media = media.ok_or_else(|| missing("the sample has no media"))?;
    match (&media.uri, media.blob) {
        (Some(uri), _) => Ok(Origin::Reference(uri.clone(), Box::new(media.clone()))),
        (None, Some(blob)) => Ok(Origin::Lake(blob)),
        (None, None) => Err(missing("the sample's media were never read")),
    }
}

/// Writes media files in parallel and notes them.
pub(super) fn media(engine: &Engine, dir: &Path, wishes: &[Wish], ctx: &Ctx) -> Result<Vec<Entry>> {
    let write = |wish: &Wish| -> Result<Entry> {
        let entry = put(engine, dir, wish)?;
        ctx.progress.advance(1, entry.size)?;
        Ok(entry)
    };
    wishes.par_iter().with_min_len(64).map(write).collect()
}

/// Writes one file and notes it.
pub(super) fn put(engine: &Engine, dir: &Path, wish: &Wish) -> Result<Entry> {
    let path = dir.join(&wish.file);
    let fail = |e| io("write", &path, e);
    let create = || fs::OpenOptions::new().write(true).create_new(true).open(&path);
    match &wish.bytes {
        Origin::Lake(blob) => {
            let blob_ = engine.repo().store().blob(blob)?;
            let mut file = create().map_err(fail)?;
            if blob_.len() <= 16 << 20 {
                file.write_all(&blob_.read()?).map_err(fail)?;
            } else {
                std::io::copy(&mut blob_.reader(), &mut file).map_err(fail)?;
            }
            let facts = file.metadata().map_err(fail)?;
            Ok(Entry::new(&wish.file, &wish.sample, &facts, *blob.hash()))
        }
        Origin::Reference(uri, media) => {
            let copied = match engine.references().open(uri, media) {
                Ok(Found::Disk(from)) => fs::copy(from, &path),
                Ok(Found::Stream(mut from)) => create().and_then(|mut file| std::io::copy(&mut from, &mut file)),
                Err(error) => Err(error),
            };
            copied.map_err(|e| EngineError::new("format.io", format!("cannot write `{}`: {e}", wish.file)))?;
            super::state::note(dir, &wish.file, &wish.sample)
        }
    }
}
