//! One record becomes a sample: its media read, stored and probed, its labels given ids.

use std::io::Read;
use std::sync::Arc;

use tamis_core::{BlobId, Label, Media, MediaSource, Place, Report, Sample, SampleRecord, Shape};
use tamis_formats::Source;
use tamis_store::Writer;

use super::fetch::{Fetcher, NotFetched};
use super::journal::Journal;
use super::labels::keep_ids;
use crate::error::Result;

/// Files up to this are read whole; larger ones stream into the lake.
const WHOLE: u64 = 64 << 20;
/// Of a larger file, this much is looked at to say what it is.
const HEAD: u64 = 1 << 20;

/// Facts of media that become fields of the sample.
pub(super) type Facts = std::collections::BTreeMap<String, tamis_core::Value>;

/// Takes records; shared by all threads of an import.
pub(in crate::ops) struct Taker<'a> {
    pub(in crate::ops) source: &'a Source,
    pub(in crate::ops) report: &'a Report,
    pub(in crate::ops) reference: bool,
    /// Absent in a dry run: media are looked at, not kept.
    pub(in crate::ops) blobs: Option<Arc<Writer>>,
    /// What an earlier run that was stopped has read.
    pub(in crate::ops) journal: Option<&'a Journal>,
    /// Fetches media of the web, where hosts were named.
    pub(in crate::ops) fetcher: Option<&'a Fetcher>,
}

impl Taker<'_> {
    /// The sample of a record. `old` is the sample at its path, whose media need not be read again
    /// when the file's size and time are the same, and whose labels lend their ids.
    pub(in crate::ops) fn take(&self, record: SampleRecord, old: Option<&Sample>) -> Result<Sample> {
        let (media, facts) = self.media(&record, old)?;
        let mut sample = Sample {
            media,
            path: record.path,
            split: record.split,
            frame: record.frame,
            sensor: record.sensor,
            timestamp: record.timestamp,
            fields: record.fields,
            layers: record.layers,
        };
        sample.fields.extend(facts);
        for (layer, labels) in &mut sample.layers {
            for label in labels.iter_mut() {
                self.mask(label)?;
            }
            let before = old.and_then(|old| old.layers.get(layer)).map_or(&[][..], Vec::as_slice);
            keep_ids(before, labels);
        }
        // Layers that the source does not speak of (predictions, reviews) stay.
        for (layer, labels) in old.map(|old| &old.layers).into_iter().flatten() {
            if !sample.layers.contains_key(layer) && layer != tamis_core::TRUTH {
                sample.layers.insert(layer.clone(), labels.clone());
            }
        }
        Ok(sample)
    }

    /// The sample that is there with the labels of a record; layers that the record has not stay.
    pub(in crate::ops) fn labels(&self, record: SampleRecord, old: &Sample) -> Result<Sample> {
        let mut sample = old.clone();
        for (layer, mut labels) in record.layers {
            for label in &mut labels {
                self.mask(label)?;
            }
            keep_ids(old.layers.get(&layer).map_or(&[][..], Vec::as_slice), &mut labels);
            sample.layers.insert(layer, labels);
        }
        Ok(sample)
    }

    /// The media and its facts that are fields.
    fn media(&self, record: &SampleRecord, old: Option<&Sample>) -> Result<(Option<Media>, Facts)> {
        let mut facts = Facts::new();
        let before = old.and_then(|old| old.media.as_ref());
        let media = match &record.media {
            None => None,
            Some(MediaSource::Bytes(bytes)) => {
                let mut media = self.look(&record.path, bytes, &mut facts);
                media.size = bytes.len() as u64;
                media.blob = Some(self.keep(bytes)?);
                Some(same_as(before, media))
            }
            Some(MediaSource::File(file)) => self.file(file, old, &mut facts)?,
            Some(MediaSource::Uri(uri)) => self.at(uri, &record.path, old, &mut facts)?,
            Some(_) => None,
        };
        Ok((media, facts))
    }

    /// Media at an address: fetched where its host was named, else only referenced.
    fn at(&self, uri: &str, path: &str, sample: Option<&Sample>, facts: &mut Facts) -> Result<Option<Media>> {
        let old = sample.and_then(|sample| sample.media.as_ref());
        let mime = tamis_media::mime_of_name(uri.split(['?', '#']).next().unwrap_or(uri)).map(str::to_owned);
        let left = Media { uri: Some(uri.to_owned()), mime, ..Media::default() };
        if self.reference || !(uri.starts_with("https://") || uri.starts_with("http://")) {
            return Ok(Some(left));
        }
        // What was fetched once is not asked for again: its address is its version.
        let etag = Some(format!("url-{}", tamis_core::Hash::of(uri.as_bytes()).short()));
        if let Some(old) = old.filter(|old| old.etag == etag && old.blob.is_some()) {
            facts.extend(facts_of(sample));
            return Ok(Some(old.clone()));
        }
        if let Some(known) = self.known(uri, &etag, None, facts)? {
            return Ok(Some(known));
        }
        let fetched = match self.fetcher {
            Some(fetcher) => fetcher.fetch(uri),
            None => Err(NotFetched::NotAllowed(host(uri))),
        };
        let bytes = match fetched {
            Ok(bytes) => bytes,
            Err(NotFetched::NotAllowed(host)) => {
                let message = format!("left where it is: its host was not named (--allow-host {host} fetches it)");
                self.report.warn("import.not_fetched", Place::file(path), message);
                return Ok(Some(left));
            }
            Err(NotFetched::Failed(reason)) => {
                self.report.error("import.fetch", Place::file(path), format!("cannot fetch it: {reason}"));
                return Ok(Some(left));
            }
        };
        let mut media = self.look(path, &bytes, facts);
        (media.size, media.blob, media.etag) = (bytes.len() as u64, Some(self.keep(&bytes)?), etag);
        self.note(uri, &media, facts);
        Ok(Some(media))
    }

    /// What an earlier run has read of a file that is the same, if the lake has its bytes.
    fn known(&self, file: &str, etag: &Option<String>, size: Option<u64>, facts: &mut Facts) -> Result<Option<Media>> {
        let Some((known, found)) = self.journal.and_then(|journal| journal.find(file)) else { return Ok(None) };
        let is_same = known.etag.is_some() && known.etag == *etag && size.is_none_or(|size| size == known.size);
        let (true, Some(blob), Some(blobs)) = (is_same, known.blob, &self.blobs) else { return Ok(None) };
        let is_there = self.reference || blobs.contains(&blob.0)?;
        if !is_there {
            return Ok(None);
        }
        facts.extend(found.clone());
        Ok(Some(known.clone()))
    }

    fn note(&self, file: &str, media: &Media, facts: &Facts) {
        if let Some(journal) = self.journal {
            journal.note(file, media, facts);
        }
    }

    fn file(&self, file: &str, sample: Option<&Sample>, facts: &mut Facts) -> Result<Option<Media>> {
        let old = sample.and_then(|sample| sample.media.as_ref());
        let Some(entry) = self.source.find(file) else {
            self.report.error("import.missing_file", Place::file(file), "the media file is not there");
            return Ok(None);
        };
        if let Some(old) = old
            && old.etag.is_some()
            && old.etag == entry.etag
            && old.size == entry.size
            && old.uri.is_some() == self.reference
        {
            facts.extend(facts_of(sample));
            return Ok(Some(old.clone()));
        }
        if let Some(known) = self.known(file, &entry.etag, Some(entry.size), facts)? {
            return Ok(Some(same_as(old, known)));
        }
        let mut media = if entry.size <= WHOLE {
            let bytes = match self.source.read_at_most(file, WHOLE) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.report.error("import.unreadable", Place::file(file), error);
                    return Ok(None);
                }
            };
            let mut media = self.look(file, &bytes, facts);
            media.size = bytes.len() as u64;
            media.blob = Some(self.keep(&bytes)?);
            media
        } else {
            match self.large(file, facts) {
                Ok(media) => media,
                Err(error) if error.code.id == "format.io" => {
                    self.report.error("import.unreadable", Place::file(file), error);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        };
        media.etag.clone_from(&entry.etag);
        if self.reference {
            media.uri = self.source.uri(file);
            if media.uri.is_none() {
                let message = "files inside an archive cannot be referenced; it was copied";
                self.report.warn("import.not_referenced", Place::file(file), message);
            }
        }
        self.note(file, &media, facts);
        Ok(Some(same_as(old, media)))
    }

    /// A file too large to hold: looked at by its head, streamed into the lake.
    fn large(&self, file: &str, facts: &mut Facts) -> Result<Media> {
        let mut head = Vec::new();
        let mut reader = self.source.reader(file)?;
        reader
            .by_ref()
            .take(HEAD)
            .read_to_end(&mut head)
            .map_err(|e| crate::EngineError::new("format.io", format!("cannot read `{file}`: {e}")))?;
        let mut media = Media {
            mime: tamis_media::sniff_named(&head, file).map(str::to_owned),
            size: self.source.find(file).map_or(0, |entry| entry.size),
            ..Media::default()
        };
        // Indexes of films stand anywhere: a file on this disk is looked through, of others the head has to do.
        let local = self.source.local(file).and_then(|path| std::fs::File::open(path).ok());
        let found = match local {
            Some(local) => tamis_media::facts_of(&mut std::io::BufReader::new(local), file),
            None => tamis_media::facts(&head, file),
        };
        if let Ok(found) = found {
            describe(&mut media, &found, facts);
        }
        let mut whole = head.as_slice().chain(reader);
        media.blob = match &self.blobs {
            Some(blobs) if !self.reference => Some(blobs.put_blob_from(&mut whole)?),
            _ => {
                let mut hasher = tamis_core::Hasher::default();
                std::io::copy(&mut whole, &mut hasher)
                    .map_err(|e| crate::EngineError::new("format.io", format!("cannot read `{file}`: {e}")))?;
                Some(BlobId(hasher.finish()))
            }
        };
        Ok(media)
    }

    /// What the bytes are; what is wrong with them is a finding.
    fn look(&self, file: &str, bytes: &[u8], facts: &mut Facts) -> Media {
        let mime = tamis_media::sniff_named(bytes, file);
        let mut media = Media { mime: mime.map(str::to_owned), ..Media::default() };
        let is_image = mime.is_some_and(|mime| mime.starts_with("image/"))
            || tamis_media::mime_of_name(file).is_some_and(|mime| mime.starts_with("image/"));
        if is_image {
            for problem in tamis_media::check(bytes) {
                self.report.error(problem.code, Place::file(file), problem.message);
            }
        }
        match tamis_media::facts(bytes, file) {
            Ok(found) => describe(&mut media, &found, facts),
            Err(tamis_media::MediaError::Unsupported { .. } | tamis_media::MediaError::NotAnImage { .. }) => {}
            // What is wrong with images was said above.
            Err(_) if is_image => {}
            Err(error) => self.report.error("media.header", Place::file(file), error),
        }
        media
    }

    fn keep(&self, bytes: &[u8]) -> Result<BlobId> {
        match &self.blobs {
            Some(blobs) if !self.reference => Ok(blobs.put_blob(bytes)?),
            _ => Ok(BlobId(tamis_core::Hash::of(bytes))),
        }
    }

    /// A mask's image into the lake; masks are always copied.
    fn mask(&self, label: &mut Label) -> Result<()> {
        let Shape::Mask(mask) = &mut label.shape else { return Ok(()) };
        let (None, Some(file)) = (mask.blob, &mask.file) else { return Ok(()) };
        match self.source.read_at_most(file, WHOLE) {
            Ok(bytes) => {
                mask.blob = Some(match &self.blobs {
                    Some(blobs) => blobs.put_blob(&bytes)?,
                    None => BlobId(tamis_core::Hash::of(&bytes)),
                });
            }
            Err(error) => self.report.error("import.unreadable", Place::file(file.clone()), error),
        }
        Ok(())
    }
}

fn host(uri: &str) -> String {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default().to_owned()
}

/// The facts of media among a sample's fields.
fn facts_of(sample: Option<&Sample>) -> Facts {
    let fields = sample.into_iter().flat_map(|sample| &sample.fields);
    fields.filter(|(name, _)| name.starts_with("media.")).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn describe(media: &mut Media, found: &tamis_media::Facts, facts: &mut Facts) {
    media.mime = Some(found.mime().to_owned());
    (media.width, media.height) = found.size().unzip();
    if let tamis_media::Facts::Image(probe) = found {
        media.orientation = (probe.orientation > 1).then_some(probe.orientation);
    }
    facts.extend(found.fields());
}

/// The old description when only the file's time differs, so that touching files changes nothing.
fn same_as(old: Option<&Media>, new: Media) -> Media {
    match old {
        Some(old) if old.blob == new.blob && old.blob.is_some() && old.uri == new.uri => {
            Media { etag: old.etag.clone(), ..new }
        }
        _ => new,
    }
}
