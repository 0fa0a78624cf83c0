//! Copies objects from one lake to another: few large requests, verified, resumable.
//!
//! Frames go as they are stored. Packs become durable one by one, so that a copy that was killed
//! has kept its whole packs, and the next one skips what they hold. Chunk lists are written last:
//! a list in a lake means that its chunks are there.

use std::collections::HashSet;

use bytes::Bytes;
use tamis_core::{Hash, Progress};

use crate::blob::List;
use crate::error::{Result, StoreError};
use crate::pack::{ObjectKind, Record};
use crate::store::Store;
use crate::transfer::{Mover, read_frames};

/// What a copy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyStats {
    /// Objects copied, chunks included.
    pub objects: u64,
    /// Bytes of their frames.
    pub bytes: u64,
    /// Objects that were there already.
    pub skipped: u64,
    /// Packs written.
    pub packs: u64,
}

/// The records wanted of each pack of the source, by the pack's place in its list.
type Wanted = Vec<(std::sync::Arc<crate::pack::Pack>, Vec<Record>)>;

impl Store {
    /// Copies the objects from another lake into this one, with the chunks of blobs; what is here
    /// already is skipped. Durable when it returns.
    ///
    /// Objects become visible in no particular order, chunks before their lists: a caller whose
    /// object leads to others copies those first, in a call of their own, if it takes the presence
    /// of an object as that of what it leads to.
    pub fn copy_objects(
        &self,
        from: &Store,
        ids: impl IntoIterator<Item = Hash>,
        progress: &Progress,
    ) -> Result<CopyStats> {
        self.check_writable()?;
        self.note_condemned()?;
        self.refresh()?;
        let mut stats = CopyStats::default();
        let mut seen = HashSet::new();
        let mut wanted = Wanted::new();
        for id in ids {
            self.want(from, &id, &mut seen, &mut wanted, &mut stats)?;
        }
        let lists = take_lists(&mut wanted);
        let mut list_frames: Vec<(Record, Bytes, String)> = Vec::new();
        for (pack, records) in lists {
            let mut chunks = Vec::new();
            read_frames(&pack, records, &mut |frames| {
                for (record, frame) in frames {
                    let bytes = pack.decode(record, frame.clone())?;
                    let list = List::decode(&bytes).map_err(|reason| pack.corrupt(&record.id, reason))?;
                    chunks.extend(list.chunks.iter().map(|(id, _)| *id));
                    // Small; a copy, so as not to hold the range that it came with.
                    list_frames.push((*record, Bytes::copy_from_slice(frame), pack.place().to_owned()));
                }
                Ok(())
            })?;
            for id in chunks {
                self.want(from, &id, &mut seen, &mut wanted, &mut CopyStats::default())?;
            }
        }
        let total = wanted.iter().map(|(_, records)| records.len()).sum::<usize>() + list_frames.len();
        progress.begin("copy objects", Some(total as u64), "objects");
        let mut mover = Mover::new(self);
        for (pack, records) in wanted {
            read_frames(&pack, records, &mut |frames| {
                mover.add(frames, pack.place())?;
                let bytes = frames.iter().map(|(record, _)| u64::from(record.stored)).sum();
                stats.objects += frames.len() as u64;
                stats.bytes += bytes;
                Ok(progress.advance(frames.len() as u64, bytes)?)
            })?;
        }
        for (record, frame, place) in list_frames {
            stats.objects += 1;
            stats.bytes += u64::from(record.stored);
            mover.add(&[(record, frame)], &place)?;
            progress.advance(1, u64::from(record.stored))?;
        }
        stats.packs = mover.finish()?.len() as u64;
        progress.end();
        Ok(stats)
    }

    /// Notes where an object lies that is not here.
    fn want(
        &self,
        from: &Store,
        id: &Hash,
        seen: &mut HashSet<Hash>,
        wanted: &mut Wanted,
        stats: &mut CopyStats,
    ) -> Result<()> {
        if !seen.insert(*id) {
            return Ok(());
        }
        if self.contains_blob_lasting(id)? {
            stats.skipped += 1;
            return Ok(());
        }
        let Some((pack, record)) = from.locate(id)? else {
            return Err(StoreError::Missing { id: *id, lake: from.place() });
        };
        match wanted.iter_mut().rev().find(|(known, _)| known.id() == pack.id()) {
            Some((_, records)) => records.push(record),
            None => wanted.push((pack, vec![record])),
        }
        Ok(())
    }
}

/// Takes the chunk lists out of what is wanted.
fn take_lists(wanted: &mut Wanted) -> Wanted {
    let mut lists = Wanted::new();
    for (pack, records) in wanted.iter_mut() {
        let of_pack: Vec<Record> = records.extract_if(.., |r| r.kind == ObjectKind::ChunkList).collect();
        if !of_pack.is_empty() {
            lists.push((pack.clone(), of_pack));
        }
    }
    lists
}
