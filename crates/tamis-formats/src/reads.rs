//! Formats that are only read: how each is told from others and how its files become records is all that one says.

use tamis_core::{LabelType, Report};

use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::gather::Gather;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::Spec;

/// A format that is only read.
pub(crate) struct Reads {
    pub(crate) spec: &'static Spec,
    pub(crate) detect: fn(&Probe<'_>) -> Confidence,
    /// Puts every record into the gatherer; an error when nothing of the format is there.
    pub(crate) read: fn(&mut Gather<'_>) -> Result<()>,
}

/// The specification of a format that is only read.
pub(crate) const fn spec(
    id: &'static str,
    title: &'static str,
    homepage: &'static str,
    extensions: &'static [&'static str],
    reads: &'static [LabelType],
) -> Spec {
    Spec { id, title, homepage, extensions, media: &["image"], reads, writes: &[], losses: &[], options: &[] }
}

impl Format for Reads {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        (self.detect)(probe)
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let mut gather = Gather::new(self.spec, source, options, report)?;
        (self.read)(&mut gather)?;
        gather.finish()
    }

    fn write<'a>(
        &self,
        _: &'a Sink,
        _: &Schema,
        _: &WriteOptions,
        _: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Err(FormatError::OneWay { verb: "write", format: self.spec.id })
    }
}
