//! Reads every byte of a lake's packs and says what is wrong, and where.
//!
//! Each byte of a pack belongs to its header, a frame, the index or the trailer, and each is
//! checked: no bit can change unseen. Work goes on after a problem.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use rayon::prelude::*;
use tamis_core::{BlobId, Hash, Progress};

use crate::error::{Result, StoreError};
use crate::pack::{HEADER, MAGIC, ObjectKind, Pack, RECORD, Record, TRAILER};
use crate::store::Store;
use crate::transfer::{check_frame, read_frames};

/// What is wrong with something stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A pack's header, index or trailer: none of its objects can be trusted to be found.
    Pack,
    /// An object's bytes.
    Object,
    /// Bytes of a pack that belong to no object.
    Stray,
    /// A blob whose chunks are absent, or do not make the blob.
    Blob,
    /// A file could not be read at all.
    Unreadable,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The pack's path in the lake.
    pub pack: String,
    /// The object, where it is one.
    pub object: Option<Hash>,
    /// Where in the pack, in bytes, where it is known.
    pub offset: Option<u64>,
    /// What was found.
    pub reason: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Packs read.
    pub packs: u64,
    /// Objects checked.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is wrong; empty for a sound lake.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Chunk lists and the packs they are in.
type Lists = Vec<(Arc<Pack>, Record)>;

impl Store {
    /// Reads and checks every byte of every pack. An error means that verifying itself could not
    /// go on (the listing failed, or it was cancelled); what is wrong with packs is in the report.
    pub fn verify(&self, progress: &Progress) -> Result<VerifyReport> {
        let listed = self.backend().list("packs/")?;
        let mut report = VerifyReport::default();
        let mut lists = Lists::new();
        progress.begin("verify", Some(listed.iter().map(|entry| entry.size).sum()), "bytes");
        for entry in listed {
            let Some(id) = crate::pack::id_of(&entry.path) else { continue };
            report.packs += 1;
            report.bytes += entry.size;
            let before = report.problems.len();
            match self.verify_pack(id, &entry.path, &mut report) {
                Ok(Some(found)) => lists.extend(found),
                Ok(None) => {}
                Err(StoreError::Cancelled(cancelled)) => return Err(cancelled.into()),
                Err(error) if report.problems.len() == before => {
                    let kind = match error {
                        StoreError::Io { .. } => ProblemKind::Unreadable,
                        _ => ProblemKind::Pack,
                    };
                    report.problems.push(problem(kind, &entry.path, None, None, error.to_string()));
                }
                Err(_) => {}
            }
            progress.advance(entry.size, entry.size)?;
        }
        self.verify_blobs(&lists, &mut report)?;
        progress.end();
        report.problems.sort_by(|a, b| (&a.pack, a.offset, a.object).cmp(&(&b.pack, b.offset, b.object)));
        Ok(report)
    }

    /// Checks one pack; returns its chunk lists, or [`None`] when it vanished meanwhile.
    fn verify_pack(&self, id: Hash, path: &str, report: &mut VerifyReport) -> Result<Option<Lists>> {
        let Some(file) = self.backend().open(path)? else { return Ok(None) };
        file.will_scan();
        let pack = Arc::new(Pack::open(file, id, format!("{}/{path}", self.place()))?);
        pack.check_index()?;
        let mut push = |kind, record: Option<&Record>, offset, reason: String| {
            report.problems.push(problem(kind, path, record.map(|r| r.id), offset, reason));
        };
        check_frame_of_pack(&pack, &mut |reason, offset| push(ProblemKind::Pack, None, Some(offset), reason.into()))?;
        let mut records = Vec::with_capacity(pack.len());
        let mut last = Hash::ZERO;
        for (at, record) in pack.records().enumerate() {
            match record {
                Ok(record) => {
                    if record.id < last {
                        let offset = pack.frames_end() + (at * RECORD) as u64;
                        push(ProblemKind::Pack, Some(&record), Some(offset), "the index is not in order".into());
                    }
                    last = record.id;
                    records.push(record);
                }
                Err(error) => push(ProblemKind::Pack, None, None, error.to_string()),
            }
        }
        records.sort_unstable_by_key(|record| record.offset);
        let mut end = HEADER as u64;
        for record in &records {
            if record.offset > end {
                let reason = format!("{} bytes belong to no object", record.offset - end);
                push(ProblemKind::Stray, None, Some(end), reason);
            }
            end = end.max(record.offset + u64::from(record.stored));
        }
        if end < pack.frames_end() {
            push(ProblemKind::Stray, None, Some(end), format!("{} bytes belong to no object", pack.frames_end() - end));
        }
        let lists = records.iter().filter(|r| r.kind == ObjectKind::ChunkList);
        let lists = lists.map(|record| (Arc::clone(&pack), *record)).collect();
        report.objects += records.len() as u64;
        read_frames(&pack, records, &mut |frames| {
            report.problems.par_extend(frames.par_iter().filter_map(|(record, frame)| {
                let error = check_frame(record, frame.clone(), path).err()?;
                let reason = match error {
                    StoreError::Corrupt { reason, .. } => reason,
                    other => other.to_string(),
                };
                Some(problem(ProblemKind::Object, path, Some(record.id), Some(record.offset), reason))
            }));
            Ok(())
        })?;
        Ok(Some(lists))
    }

    /// Reads every blob that is kept in chunks and compares its hash with its id.
    fn verify_blobs(&self, lists: &[(Arc<Pack>, Record)], report: &mut VerifyReport) -> Result<()> {
        if lists.is_empty() {
            return Ok(());
        }
        self.refresh()?;
        // A list that is itself damaged is in the report already.
        let damaged: HashSet<Hash> = report.problems.iter().filter_map(|problem| problem.object).collect();
        let mut seen = HashSet::new();
        let sound: Vec<_> = lists.iter().filter(|(_, r)| !damaged.contains(&r.id) && seen.insert(r.id)).collect();
        report.problems.par_extend(sound.par_iter().filter_map(|(pack, record)| {
            let outcome = self.blob(&BlobId(record.id)).and_then(|blob| {
                let mut reader = blob.reader();
                let mut hasher = blake3::Hasher::new();
                std::io::copy(&mut reader, &mut hasher)
                    .map_err(|e| StoreError::corrupt(format!("blob {}", record.id), pack.place(), e.to_string()))?;
                Ok(Hash(*hasher.finalize().as_bytes()))
            });
            let reason = match outcome {
                Ok(found) if found == record.id => return None,
                Ok(_) => "its chunks together do not have the hash that is its id".to_owned(),
                Err(error) => error.to_string(),
            };
            let path = crate::pack::path_of(pack.id());
            Some(problem(ProblemKind::Blob, &path, Some(record.id), Some(record.offset), reason))
        }));
        Ok(())
    }
}

fn problem(kind: ProblemKind, pack: &str, object: Option<Hash>, offset: Option<u64>, reason: String) -> Problem {
    Problem { kind, pack: pack.to_owned(), object, offset, reason }
}

/// Checks the bytes of a pack's header and trailer that nothing else looks at.
fn check_frame_of_pack(pack: &Pack, push: &mut dyn FnMut(&str, u64)) -> Result<()> {
    let header: Bytes = pack.file().read(0..HEADER as u64)?;
    if !header.starts_with(&MAGIC) {
        push("it does not start as a pack", 0);
    } else if header[MAGIC.len()..].iter().any(|byte| *byte != 0) {
        push("reserved bytes of its header are not zero", MAGIC.len() as u64);
    }
    let trailer = pack.file().read(pack.size() - TRAILER as u64..pack.size())?;
    if trailer[48..56].iter().any(|byte| *byte != 0) {
        push("reserved bytes of its trailer are not zero", pack.size() - TRAILER as u64 + 48);
    }
    Ok(())
}
