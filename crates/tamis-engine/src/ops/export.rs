//! Exporting: a revision written in somebody's format.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tamis_core::{Finding, MediaSource, Report, Sample, SampleRecord};
use tamis_formats::{Fetched, Linking, Schema, Sink, Wanted, WriteOptions};
use tamis_query::Filter;
use tamis_repo::Snapshot;

use super::search::fitting;
use crate::error::{EngineError, Result};
use crate::references::{Found, References};
use crate::{Address, Ctx, Engine};

/// What becomes of media files in an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportMedia {
    /// They are written beside the labels.
    #[default]
    Copy,
    /// Files that are referenced on this disk are hard links where the file system can, the rest is copied.
    Link,
    /// Files that are referenced on this disk are symbolic links, the rest is copied.
    SymbolicLink,
    /// Labels alone.
    Leave,
    /// Labels, and in `urls.csv` where each file can be read: signed URLs, valid for this long, for objects in buckets.
    Urls(Duration),
}

/// The file of [`ExportMedia::Urls`]: a line `path,url` for each media file.
const URLS: &str = "urls.csv";

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// Which revision; its path is a prefix of samples.
    pub address: Address,
    /// A folder that is empty or not there.
    pub out: PathBuf,
    /// The format's name.
    pub format: String,
    /// The format's own options.
    pub options: BTreeMap<String, String>,
    /// Only samples that fit this filter; empty: all.
    pub filter: String,
    /// The layer whose labels are written.
    pub layer: String,
    /// What becomes of the media files.
    pub media: ExportMedia,
    /// Write nothing when the format cannot hold something.
    pub refuse_losses: bool,
}

/// What was exported.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// The commit's id.
    pub commit: String,
    /// The format.
    pub format: String,
    /// Samples written.
    pub samples: u64,
    /// Labels written.
    pub labels: u64,
    /// Things the format cannot hold, counted one by one.
    pub losses: u64,
    /// What the format cannot hold, kind by kind, and other findings.
    pub findings: Vec<Finding>,
}

/// A format as the list of formats tells it.
#[derive(Clone, Debug, Serialize)]
pub struct FormatLine {
    /// The name.
    pub id: String,
    /// The title.
    pub title: String,
    /// Where it is described.
    pub homepage: String,
    /// Kinds of media.
    pub media: Vec<String>,
    /// Label types it reads.
    pub reads: Vec<String>,
    /// Label types it writes.
    pub writes: Vec<String>,
    /// What it cannot hold, and what is written instead.
    pub losses: Vec<String>,
    /// Its options, with what they do.
    pub options: BTreeMap<String, String>,
}

/// Every format, from the one table.
pub fn formats() -> Vec<FormatLine> {
    let names = |types: &[tamis_core::LabelType]| types.iter().map(ToString::to_string).collect();
    let line = |spec: &'static tamis_formats::Spec| FormatLine {
        id: spec.id.to_owned(),
        title: spec.title.to_owned(),
        homepage: spec.homepage.to_owned(),
        media: spec.media.iter().map(|m| (*m).to_owned()).collect(),
        reads: names(spec.reads),
        writes: names(spec.writes),
        losses: spec.losses.iter().map(|loss| format!("{}: {}", loss.what, loss.instead)).collect(),
        options: spec.options.iter().map(|o| (o.name.to_owned(), o.help.to_owned())).collect(),
    };
    tamis_formats::specs().into_iter().map(line).collect()
}

/// The formats in words: one with its layout, losses and options, or what all can hold as a matrix.
///
/// # Errors
/// An unknown name, with those there are.
pub fn formats_text(name: Option<&str>) -> Result<String> {
    match name {
        Some(name) => Ok(tamis_formats::describe(tamis_formats::find(name)?.spec())),
        None => Ok(tamis_formats::capability_text(&tamis_formats::specs())),
    }
}

impl Engine {
    /// Writes the samples of a revision in a format. Where losses are refused they are counted first, and nothing is
    /// written when there are any.
    ///
    /// # Errors
    /// `format.lossy` with all that would be lost; a folder that is not empty; an unknown format or option.
    pub fn export(&self, ctx: &Ctx, request: &ExportRequest) -> Result<Exported> {
        if request.refuse_losses {
            let plan = self.plan_export(ctx, request)?;
            if plan.losses > 0 {
                return Err(refused(&plan));
            }
        }
        let snapshot = self.dataset(&request.address.dataset)?.snapshot(request.address.revision())?;
        let filter = self.filter(&snapshot, &request.filter)?;
        let current = Rc::default();
        let urls: Rc<RefCell<String>> = Rc::default();
        let sink = Sink::folder(&request.out, self.fetcher(request, &snapshot, &current, &urls))?;
        let sink = sink.with_linking(match request.media {
            ExportMedia::Link => Linking::Hard,
            ExportMedia::SymbolicLink => Linking::Symbolic,
            _ => Linking::Copy,
        });
        let done = write(ctx, request, &snapshot, &filter, &sink, &current)?;
        if matches!(request.media, ExportMedia::Urls(_)) {
            sink.put(URLS, format!("path,url\n{}", urls.borrow()).as_bytes())?;
        }
        Ok(done)
    }

    /// Says what an export would write and lose: the same with labels into a temporary folder and without media.
    ///
    /// # Errors
    /// As [`Engine::export`], but for the folder and for losses.
    pub fn plan_export(&self, ctx: &Ctx, request: &ExportRequest) -> Result<Exported> {
        let snapshot = self.dataset(&request.address.dataset)?.snapshot(request.address.revision())?;
        let filter = self.filter(&snapshot, &request.filter)?;
        let folder = tempfile::tempdir().map_err(|e| {
            let message = format!("cannot make a temporary folder: {e}");
            EngineError::new("format.io", message).hint("set TMPDIR to another disk")
        })?;
        let current = Rc::default();
        let fetch = self.fetcher(request, &snapshot, &current, &Rc::default());
        let sink = Sink::folder(folder.path(), fetch)?.leaving_media();
        write(ctx, request, &snapshot, &filter, &sink, &current)
    }

    fn fetcher(
        &self,
        request: &ExportRequest,
        snapshot: &Snapshot,
        current: &Current,
        urls: &Rc<RefCell<String>>,
    ) -> impl FnMut(&str, Wanted<'_>) -> std::io::Result<Fetched> + 'static {
        let media = Media {
            snapshot: snapshot.clone(),
            references: Arc::clone(self.references()),
            mode: request.media,
            urls: Rc::clone(urls),
        };
        let shown = Rc::clone(current);
        move |path, wanted| media.fetch(path, wanted, shown.borrow().as_ref())
    }
}

/// The medium of the sample that is written now.
type Current = Rc<RefCell<Option<tamis_core::Media>>>;

fn refused(plan: &Exported) -> EngineError {
    let lost: Vec<&str> = plan.findings.iter().map(|f| f.message.as_str()).collect();
    let message = format!("{} cannot hold all of it, nothing was written: {}", plan.format, lost.join("; "));
    EngineError::new("format.lossy", message).hint("choose another format, or allow it with --on-loss report")
}

fn write(
    ctx: &Ctx,
    request: &ExportRequest,
    snapshot: &Snapshot,
    filter: &Filter,
    sink: &Sink,
    current: &Current,
) -> Result<Exported> {
    let format = tamis_formats::find(&request.format)?;
    let report = Report::new();
    let mut options = WriteOptions::default().with_layer(&request.layer);
    options.options.clone_from(&request.options);
    let mut writer = format.write(sink, &schema_with_notes(snapshot)?, &options, &report)?;
    ctx.progress.begin("export", Some(snapshot.len()), "samples");
    for sample in fitting(ctx, snapshot, filter, request.address.prefix(), None)? {
        let sample = sample?;
        let bytes = sample.media.as_ref().map_or(0, |media| media.size);
        current.borrow_mut().clone_from(&sample.media);
        writer.write(&record_of(sample))?;
        ctx.progress.advance(1, bytes)?;
    }
    let written = writer.finish()?;
    ctx.progress.end();
    Ok(Exported {
        commit: snapshot.commit().id.to_string(),
        format: request.format.clone(),
        samples: written.samples,
        labels: written.labels,
        losses: written.losses,
        findings: report.findings(),
    })
}

/// Finds the bytes that a writer asks for.
struct Media {
    snapshot: Snapshot,
    references: Arc<References>,
    mode: ExportMedia,
    urls: Rc<RefCell<String>>,
}

/// How a blob is named in a record's media source.
pub(crate) const BLOB: &str = "blob:";

impl Media {
    /// The bytes of what is wanted for the sample whose medium is `current`.
    fn fetch(&self, path: &str, wanted: Wanted<'_>, current: Option<&tamis_core::Media>) -> std::io::Result<Fetched> {
        match (self.mode, wanted) {
            (ExportMedia::Leave, Wanted::Media(_)) => return Ok(Fetched::Taken),
            (ExportMedia::Urls(valid), Wanted::Media(source)) => return self.list(path, source, valid),
            _ => {}
        }
        let missing = |what: String| std::io::Error::new(std::io::ErrorKind::NotFound, what);
        let id = match wanted {
            Wanted::Blob(id) => *id,
            Wanted::Media(MediaSource::Uri(uri)) => match uri.strip_prefix(BLOB) {
                Some(hex) => hex.parse().map_err(std::io::Error::other)?,
                None => {
                    let found = self.references.open(uri, current.unwrap_or(&tamis_core::Media::default()))?;
                    return Ok(match found {
                        Found::Disk(local) => Fetched::Local(local),
                        Found::Stream(stream) => Fetched::Stream(stream),
                    });
                }
            },
            Wanted::Media(_) => return Err(missing(format!("`{path}` has no bytes in the lake"))),
        };
        let blob = self.snapshot.blob(&id).map_err(std::io::Error::other)?;
        if blob.len() <= 16 << 20 {
            Ok(Fetched::Bytes(blob.read().map_err(std::io::Error::other)?))
        } else {
            Ok(Fetched::Stream(Box::new(blob.reader())))
        }
    }

    /// Notes where a file can be read.
    fn list(&self, path: &str, source: &MediaSource, valid: Duration) -> std::io::Result<Fetched> {
        let url = match source {
            MediaSource::Uri(uri) if !uri.starts_with(BLOB) => self.references.url(uri, valid)?,
            _ => {
                let what = format!("`{path}` is in the lake, where it has no URL; export with --media copy");
                return Err(std::io::Error::new(std::io::ErrorKind::Unsupported, what));
            }
        };
        let cell = |text: &str| match text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
        self.urls.borrow_mut().push_str(&format!("{},{}\n", cell(path), cell(&url)));
        Ok(Fetched::Taken)
    }
}

/// What a writer is told of the whole.
pub(crate) fn schema_of(snapshot: &Snapshot) -> Result<Schema> {
    let mut schema = Schema { ontology: snapshot.ontology()?, ..Schema::default() };
    for (segment, sensor) in snapshot.sensors()?.iter() {
        schema.sensors.entry(segment.to_owned()).or_default().push(sensor.clone());
    }
    Ok(schema)
}

/// The same with what formats noted of their own when the samples came in.
pub(crate) fn schema_with_notes(snapshot: &Snapshot) -> Result<Schema> {
    let mut schema = schema_of(snapshot)?;
    for name in snapshot.commit().extra.keys() {
        let Some(format) = name.strip_prefix("format/") else { continue };
        if let Some(value) = snapshot.extra(name)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            schema.extra.insert(format.to_owned(), value);
        }
    }
    Ok(schema)
}

/// A sample as a writer takes it.
pub(crate) fn record_of(sample: Sample) -> SampleRecord {
    let media = sample.media.as_ref().and_then(|media| match (&media.uri, &media.blob) {
        (Some(uri), _) => Some(MediaSource::Uri(uri.clone())),
        (None, Some(blob)) => Some(MediaSource::Uri(format!("{BLOB}{blob}"))),
        (None, None) => None,
    });
    SampleRecord {
        stated_size: sample.media.as_ref().and_then(|media| media.width.zip(media.height)),
        media,
        path: sample.path,
        split: sample.split,
        frame: sample.frame,
        sensor: sample.sensor,
        timestamp: sample.timestamp,
        fields: sample.fields,
        layers: sample.layers,
    }
}
