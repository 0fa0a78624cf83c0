//! The last resort: any folder of files, each a sample, without labels.

use tamis_core::{MediaSource, Report, SampleRecord};

use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::labels::Losses;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, Wanted};
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "files",
    title: "A folder of files without labels",
    homepage: "https://en.wikipedia.org/wiki/Directory_(computing)",
    extensions: &[],
    media: &["any"],
    reads: &[],
    writes: &[],
    losses: &[
        Loss { code: "labels", what: "labels", instead: "left out" },
        Loss { code: "fields", what: "fields, splits, frames and sensors", instead: "left out" },
        Loss { code: "media", what: "samples without media", instead: "left out" },
    ],
    options: &[],
};

/// Plain files.
pub(crate) struct Files;

impl Format for Files {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match (probe.media(), probe.source().entries().len()) {
            (_, 0) => Confidence::NONE,
            (0, all) => Confidence::new(1, format!("found {all} files of other kinds")),
            (media, _) => Confidence::new(10, format!("found {media} media files and no annotations")),
        }
    }

    fn read<'a>(&self, source: &'a Source, _: &ReadOptions, _: &'a Report) -> Result<Box<dyn RecordReader + 'a>> {
        let items: Vec<&str> = source.entries().iter().map(|e| e.path.as_str()).collect();
        Ok(Box::new(Each::new(items, Schema::default(), |path, _| {
            let media = Some(MediaSource::File(path.to_owned()));
            Ok(Some(SampleRecord {
                path: path.to_owned(),
                media,
                split: paths::split_of_folders(path),
                ..Default::default()
            }))
        })))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        _: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(Box::new(Writer { sink, losses: Losses::new(&SPEC, options, report), done: Written::default() }))
    }
}

struct Writer<'a> {
    sink: &'a Sink,
    losses: Losses<'a>,
    done: Written,
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        self.losses.add_many("labels", &record.path, record.layers.values().map(Vec::len).sum())?;
        let split = record.split.is_some() && record.split != paths::split_of_folders(&record.path);
        let more = split
            || !record.fields.is_empty()
            || record.frame.is_some()
            || record.sensor.is_some()
            || record.timestamp.is_some();
        self.losses.add_many("fields", &record.path, usize::from(more))?;
        match &record.media {
            Some(media) => self.sink.media(&record.path, Wanted::Media(media))?,
            None => return self.losses.add("media", &record.path),
        }
        self.done.samples += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        self.done.losses = self.losses.finish();
        Ok(self.done)
    }
}
