//! Lists of addresses: a text file with one URL a line, each a sample whose media are there.

use std::collections::HashSet;

use tamis_core::{MediaSource, Place, Report, SampleRecord};

use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::lex::text;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::Spec;

static SPEC: Spec = Spec {
    id: "urls",
    title: "A list of URLs, one a line",
    homepage: "https://www.rfc-editor.org/rfc/rfc3986",
    extensions: &["txt", "lst", "urls"],
    media: &["any"],
    reads: &[],
    writes: &[],
    losses: &[],
    options: &[],
};

const SCHEMES: [&str; 7] = ["http://", "https://", "s3://", "gs://", "az://", "abfs://", "file://"];

/// Lists of URLs.
pub(crate) struct Urls;

/// The list of a source, which has nothing else.
fn list(source: &Source) -> Option<&str> {
    match source.entries() {
        [one] if SPEC.extensions.iter().any(|e| e.eq_ignore_ascii_case(paths::raw_extension(&one.path))) => {
            Some(&one.path)
        }
        _ => None,
    }
}

fn is_url(line: &str) -> bool {
    SCHEMES.iter().any(|scheme| line.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))
}

/// The path of an address: host and path, without query and fragment.
fn path_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let rest = rest.split(['?', '#']).next()?;
    // A user or password in the address stays out of the name.
    let rest = rest.split_once('@').filter(|(user, _)| !user.contains('/')).map_or(rest, |(_, host)| host);
    paths::normal(&rest.replace("%20", " ")).filter(|path| path.contains('/'))
}

impl Format for Urls {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let Some(path) = list(probe.source()) else { return Confidence::NONE };
        let head = probe.head(path, 1 << 16);
        let head = text::decode(&head);
        let mut lines = head.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).take(20);
        match lines.next() {
            Some(first) if is_url(first) && lines.all(|line| is_url(line) || head.len() >= 1 << 16) => {
                Confidence::new(90, "found a URL in each line")
            }
            _ => Confidence::NONE,
        }
    }

    fn read<'a>(&self, source: &'a Source, _: &ReadOptions, report: &'a Report) -> Result<Box<dyn RecordReader + 'a>> {
        let none = |reason: &str| FormatError::NotThis {
            path: source.name().to_owned(),
            format: SPEC.id,
            reason: reason.to_owned(),
        };
        let file = list(source).ok_or_else(|| none("it is not one text file"))?;
        let bytes = source.read(file)?;
        let text = text::decode(&bytes).into_owned();
        let lines: Vec<(u64, String)> =
            (1..).zip(text.lines().map(|line| line.trim().to_owned())).filter(|(_, l)| !l.is_empty()).collect();
        let mut seen: HashSet<String> = HashSet::new();
        Ok(Box::new(Each::new(lines, Schema::default(), move |(line, url): (u64, String), _| {
            if url.starts_with('#') {
                return Ok(None);
            }
            let path = Some(&url).filter(|url| is_url(url)).and_then(|url| path_of(url));
            let Some(path) = path else {
                report.error("urls.line", Place::line(file, line), "the line is no URL of a file");
                return Ok(None);
            };
            if !seen.insert(path.clone()) {
                report.warn("urls.twice", Place::line(file, line), "another line names the same host and path");
                return Ok(None);
            }
            let split = paths::split_of_folders(&path);
            Ok(Some(SampleRecord { path, media: Some(MediaSource::Uri(url)), split, ..Default::default() }))
        })))
    }

    fn write<'a>(
        &self,
        _: &'a Sink,
        _: &Schema,
        _: &WriteOptions,
        _: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Err(FormatError::OneWay { verb: "write", format: SPEC.id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_addresses_are_safe_and_hold_no_secrets() {
        for (url, path) in [
            ("https://h.org/a/b%20c.jpg?key=1#x", Some("h.org/a/b c.jpg")),
            ("s3://bucket/k.png", Some("bucket/k.png")),
            ("https://me:secret@h.org/x.png", Some("h.org/x.png")),
            ("https://h.org/../../etc/passwd", None),
            ("https://h.org", None),
        ] {
            assert_eq!(path_of(url).as_deref(), path, "{url}");
        }
    }
}
