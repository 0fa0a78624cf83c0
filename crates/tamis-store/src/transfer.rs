//! Moves frames between packs as they are: few large reads, every frame checked on the way.
//!
//! Merging, compacting and copying between lakes are all this. A remote pack is read in ranges
//! that join neighbouring frames; a gap is read along while all gaps together stay below a
//! twenty-fifth of what is wanted. Memory is bounded by a few ranges and one pack being written.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use rayon::prelude::*;
use tamis_core::Hash;

use crate::blob::List;
use crate::blocked::Blocked;
use crate::error::{Result, StoreError};
use crate::pack::{Codec, ObjectKind, Pack, PackBuilder, Record, decode};
use crate::store::Store;

/// Largest range that is read at once.
const RANGE: u64 = 16 << 20;
/// Bytes of the ranges that are read side by side.
const GROUP: u64 = 32 << 20;
/// One part of this many may be gaps.
const GAPS: u64 = 25;

/// Checks an object's stored bytes against its id: codec, length, hash, and the hash of every
/// block. A chunk list is checked by its own checksum.
pub(crate) fn check_frame(record: &Record, frame: Bytes, place: &str) -> Result<()> {
    let bad = |reason: &str| StoreError::corrupt(format!("object {}", record.id), place, reason);
    // One bit of a zstd header means nothing and is always written as zero.
    if record.codec == Codec::Zstd && frame.get(4).is_none_or(|descriptor| descriptor & 0x10 != 0) {
        return Err(bad("its zstd header is not as it was written"));
    }
    let bytes = decode(record, frame).map_err(|reason| bad(&reason))?;
    match record.kind {
        ObjectKind::Plain if Hash::of(&bytes) == record.id => Ok(()),
        ObjectKind::Plain => Err(bad("its bytes do not have the hash that is its id")),
        ObjectKind::ChunkList => List::decode(&bytes).map(drop).map_err(bad),
        ObjectKind::Blocked => {
            let object = Blocked::from_bytes(record.id, bytes, place)?;
            (0..object.blocks()).try_for_each(|at| object.block(at).map(drop))
        }
    }
}

/// A range of a pack and which of the wanted records (sorted by offset) lie in it.
type Span = (Range<u64>, Range<usize>);

/// Joins records, sorted by offset, into ranges. The smallest gaps are bridged first.
fn spans(records: &[Record]) -> Vec<Span> {
    let end = |record: &Record| record.offset + u64::from(record.stored);
    let wanted: u64 = records.iter().map(|record| u64::from(record.stored)).sum();
    let mut gaps: Vec<(u64, usize)> = records
        .windows(2)
        .enumerate()
        .map(|(at, pair)| (pair[1].offset.saturating_sub(end(&pair[0])), at + 1))
        .filter(|(gap, _)| *gap > 0)
        .collect();
    gaps.sort_unstable();
    let mut allowed = wanted / GAPS;
    let mut cuts: Vec<usize> = Vec::new();
    for (gap, at) in gaps {
        match allowed.checked_sub(gap) {
            Some(rest) => allowed = rest,
            None => {
                allowed = 0;
                cuts.push(at);
            }
        }
    }
    cuts.sort_unstable();
    let (mut out, mut cuts) = (Vec::<Span>::new(), cuts.into_iter().peekable());
    for (at, record) in records.iter().enumerate() {
        let is_cut = cuts.next_if_eq(&at).is_some();
        match out.last_mut() {
            Some((range, members)) if !is_cut && end(record).max(range.end) - range.start <= RANGE => {
                range.end = range.end.max(end(record));
                members.end = at + 1;
            }
            _ => out.push((record.offset..end(record), at..at + 1)),
        }
    }
    out
}

/// Handles a group of frames.
type Take<'a> = dyn FnMut(&[(Record, Bytes)]) -> Result<()> + 'a;

/// Reads the frames of records of one pack, in the order of their offsets, and hands them to
/// `take` in groups. The next group is read while the last is handled.
pub(crate) fn read_frames(pack: &Pack, mut records: Vec<Record>, take: &mut Take<'_>) -> Result<()> {
    records.sort_unstable_by_key(|record| record.offset);
    let spans = spans(&records);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<Result<Vec<(Record, Bytes)>>>(1);
        let records = &records;
        scope.spawn(move || {
            for group in groups(&spans) {
                let read = read_group(pack, records, group);
                let failed = read.is_err();
                // The receiver is gone when the taker failed.
                if sender.send(read).is_err() || failed {
                    return;
                }
            }
        });
        receiver.iter().try_for_each(|group| take(&group?))
    })
}

/// Cuts spans into groups that are read side by side.
fn groups(spans: &[Span]) -> Vec<&[Span]> {
    let (mut out, mut start, mut size) = (Vec::new(), 0, 0);
    for (at, (range, _)) in spans.iter().enumerate() {
        if at > start && size + (range.end - range.start) > GROUP {
            out.push(&spans[start..at]);
            (start, size) = (at, 0);
        }
        size += range.end - range.start;
    }
    if start < spans.len() {
        out.push(&spans[start..]);
    }
    out
}

fn read_group(pack: &Pack, records: &[Record], group: &[Span]) -> Result<Vec<(Record, Bytes)>> {
    let ranges: Vec<Range<u64>> = group.iter().map(|(range, _)| range.clone()).collect();
    let parts = pack.file().read_many(&ranges)?;
    let mut frames = Vec::new();
    for ((range, members), part) in group.iter().zip(parts) {
        for record in &records[members.clone()] {
            let start = (record.offset - range.start) as usize;
            frames.push((*record, part.slice(start..start + record.stored as usize)));
        }
    }
    Ok(frames)
}

/// Writes frames into new packs of a lake.
pub(crate) struct Mover<'a> {
    to: &'a Store,
    open: Option<PackBuilder>,
    packs: Vec<Arc<Pack>>,
}

impl<'a> Mover<'a> {
    pub(crate) fn new(to: &'a Store) -> Mover<'a> {
        Mover { to, open: None, packs: Vec::new() }
    }

    /// Checks frames of a pack, in parallel, and appends them. A full pack is made durable.
    pub(crate) fn add(&mut self, frames: &[(Record, Bytes)], place: &str) -> Result<()> {
        frames.par_iter().try_for_each(|(record, frame)| check_frame(record, frame.clone(), place))?;
        for (record, frame) in frames {
            let builder = match &mut self.open {
                Some(builder) => builder,
                none => none.insert(PackBuilder::new(self.to.backend(), self.to.options().pack_size)?),
            };
            builder.append(record.id, record.kind, record.codec, record.raw as usize, &[frame])?;
            if builder.size() >= self.to.options().pack_size {
                self.publish()?;
            }
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<()> {
        if let Some(builder) = self.open.take() {
            let pack = builder.publish(self.to.backend())?;
            self.to.add_pack(Arc::clone(&pack));
            self.packs.push(pack);
        }
        Ok(())
    }

    /// Makes everything durable; returns the new packs.
    pub(crate) fn finish(mut self) -> Result<Vec<Arc<Pack>>> {
        self.publish()?;
        Ok(self.packs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: u64, stored: u32) -> Record {
        Record { id: Hash::ZERO, offset, codec: Codec::Raw, kind: ObjectKind::Plain, stored, raw: stored }
    }

    #[test]
    fn neighbours_join_and_only_small_gaps_are_bridged() {
        let records = [record(16, 1000), record(1016, 1000), record(2030, 1000), record(900_000, 1000)];
        assert_eq!(spans(&records), [(16..3030, 0..3), (900_000..901_000, 3..4)]);
    }

    #[test]
    fn no_range_is_longer_than_allowed_unless_one_object_is() {
        let records: Vec<Record> = (0..40).map(|at| record(16 + at * (1 << 20), 1 << 20)).collect();
        let spans = spans(&records);
        assert_eq!(spans.len(), 3);
        assert!(spans.iter().all(|(range, _)| range.end - range.start <= RANGE));
        assert_eq!(groups(&spans).len(), 2);
    }
}
