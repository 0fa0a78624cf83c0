//! Garbage collection: removes what no ref leads to, without harm to anybody who is writing.
//!
//! The caller marks: a [`LiveSet`] of every object that its refs reach. Collecting takes two
//! runs, at least a grace period apart. The first *condemns* packs that are dead, or more than
//! three tenths so: it writes their names to `gc/condemned.json`. A write session that starts
//! later does not count on a condemned pack, but keeps its own copy of what it needs. The second
//! run, with a new mark, deletes condemned packs, after it has copied what is alive in them. A
//! session that counted on the pack has begun before the pack was condemned and has moved its ref
//! before the second mark began, if it took less than the grace period. See docs/spec/gc.md.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tamis_core::{Hash, Progress};

use crate::backend::{Backend, FileVersion};
use crate::blob::List;
use crate::error::{Result, StoreError};
use crate::pack::{ObjectKind, Pack, Record, path_of};
use crate::store::Store;
use crate::transfer::{Mover, check_frame, read_frames};

pub(crate) const CONDEMNED: &str = "gc/condemned.json";
/// A pack is rewritten when more than this share of its bytes is dead.
const DEAD_SHARE: f64 = 0.3;

/// The objects that must stay. Make it before marking begins: it remembers when that was.
///
/// Keeps 16 bytes of each id, so that 100 million objects take about 3 GiB.
#[derive(Debug)]
pub struct LiveSet {
    ids: HashSet<u128>,
    since: i64,
}

fn prefix(id: &Hash) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&id.0[..16]);
    u128::from_le_bytes(half)
}

impl LiveSet {
    /// An empty set; marking begins now.
    pub fn new(store: &Store) -> LiveSet {
        LiveSet { ids: HashSet::new(), since: store.options().clock.now_micros() }
    }

    /// Marks an object as alive; whether it was not yet marked. Chunks of a marked blob are alive
    /// without being marked.
    pub fn insert(&mut self, id: &Hash) -> bool {
        self.ids.insert(prefix(id))
    }

    /// Whether an object is marked.
    pub fn contains(&self, id: &Hash) -> bool {
        self.ids.contains(&prefix(id))
    }

    /// How many objects are marked.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// How to collect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GcOptions {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Longer than any write session takes, from its first object to the move of its ref. Zero
    /// when nobody else writes: then one run does it all.
    pub grace: Duration,
}

impl Default for GcOptions {
    fn default() -> GcOptions {
        GcOptions { dry_run: false, grace: Duration::from_secs(24 * 3600) }
    }
}

/// What a collection did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcReport {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Packs in the lake before.
    pub packs: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Objects that nothing reaches, in packs old enough to be judged.
    pub dead_objects: u64,
    /// Bytes of them.
    pub dead_bytes: u64,
    /// Packs condemned by this run, to be collected by one after the grace period.
    pub condemned: u64,
    /// Packs deleted whole.
    pub dropped: u64,
    /// Packs rewritten without their dead objects.
    pub compacted: u64,
    /// Packs left as they are because an object in them is damaged.
    pub damaged: u64,
    /// Bytes that the deleted packs had.
    pub freed_bytes: u64,
    /// Bytes written for what is alive in them.
    pub written_bytes: u64,
}

/// The content of `gc/condemned.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Condemned {
    format: u32,
    /// Pack id to the time it was condemned, in microseconds since 1970.
    packs: BTreeMap<String, i64>,
}

impl Condemned {
    pub(crate) fn load(backend: &dyn Backend) -> Result<(Condemned, Option<FileVersion>)> {
        let Some((bytes, version)) = backend.read_small(CONDEMNED)? else { return Ok(Default::default()) };
        let place = format!("{}/{CONDEMNED}", backend.place());
        let found: Condemned = serde_json::from_slice(&bytes)
            .map_err(|e| StoreError::corrupt("the list of condemned packs", place.clone(), e.to_string()))?;
        if found.format > 1 {
            return Err(StoreError::TooNew { place, needs: format!("collection format {}", found.format) });
        }
        Ok((found, Some(version)))
    }

    /// The ids of the condemned packs.
    pub(crate) fn ids(&self) -> HashSet<Hash> {
        self.packs.keys().filter_map(|hex| Hash::from_hex(hex).ok()).collect()
    }
}

/// What is dead in a pack.
struct Judged {
    pack: Arc<Pack>,
    modified: i64,
    live: Vec<Record>,
    /// Live, but a newer pack has it too.
    elsewhere: Vec<(Record, Arc<Pack>)>,
    dead_bytes: u64,
    dead_objects: u64,
}

impl Store {
    /// Collects what is not in `live`; see [`crate::LiveSet`] and [`GcOptions`].
    pub fn gc(&self, live: &LiveSet, options: &GcOptions, progress: &Progress) -> Result<GcReport> {
        if !options.dry_run {
            self.check_writable()?;
        }
        self.refresh()?;
        let (mut condemned, version) = Condemned::load(self.backend())?;
        let grace = i64::try_from(options.grace.as_micros()).unwrap_or(i64::MAX);
        let is_past = |time: i64| time.saturating_add(grace) <= live.since || grace == 0;
        let judged = self.judge(live, progress)?;
        let mut report = GcReport { dry_run: options.dry_run, packs: judged.len() as u64, ..GcReport::default() };
        let now = self.options().clock.now_micros();
        let (mut doomed, mut listed) = (Vec::new(), BTreeMap::new());
        for judged in judged {
            report.bytes += judged.pack.size();
            if !is_past(judged.modified) {
                continue;
            }
            report.dead_bytes += judged.dead_bytes;
            report.dead_objects += judged.dead_objects;
            let is_dead = judged.live.is_empty();
            if !is_dead && (judged.dead_bytes as f64) <= DEAD_SHARE * judged.pack.size() as f64 {
                continue;
            }
            let hex = judged.pack.id().to_hex();
            let since = condemned.packs.get(&hex).copied();
            if grace == 0 || since.is_some_and(is_past) {
                doomed.push(judged);
            } else {
                report.condemned += u64::from(since.is_none());
                listed.insert(hex, since.unwrap_or(now));
            }
        }
        for judged in &doomed {
            report.freed_bytes += judged.pack.size();
            report.written_bytes += judged.live.iter().map(|record| u64::from(record.stored)).sum::<u64>();
            if judged.live.is_empty() { report.dropped += 1 } else { report.compacted += 1 }
        }
        if options.dry_run {
            return Ok(report);
        }
        let changed = !doomed.is_empty() || listed != condemned.packs;
        self.collect(doomed, &mut report, progress)?;
        if changed {
            // Losing against another collection is harmless: its list has the same meaning.
            (condemned.format, condemned.packs) = (1, listed);
            let bytes = serde_json::to_vec_pretty(&condemned)
                .map_err(|_| StoreError::Internal("the list of condemned packs does not encode"))?;
            drop(self.backend().swap_small(CONDEMNED, version.as_ref(), Bytes::from(bytes))?);
        }
        self.refresh()?;
        Ok(report)
    }

    /// Splits each pack's records into live and dead. An object in several packs lives in the
    /// newest of them.
    fn judge(&self, live: &LiveSet, progress: &Progress) -> Result<Vec<Judged>> {
        let modified: BTreeMap<String, i64> =
            self.backend().list("packs/")?.into_iter().map(|e| (e.path, micros(e.modified))).collect();
        let packs = self.packs();
        let chunks = self.live_chunks(live)?;
        progress.begin("find dead objects", Some(packs.len() as u64), "packs");
        let mut out = Vec::with_capacity(packs.len());
        for (at, pack) in packs.iter().enumerate() {
            pack.check_index()?;
            // A pack that is not listed any more has been merged or collected by somebody else.
            let Some(&modified) = modified.get(&path_of(pack.id())) else { continue };
            let mut judged = Judged {
                pack: Arc::clone(pack),
                modified,
                live: Vec::new(),
                elsewhere: Vec::new(),
                dead_bytes: 0,
                dead_objects: 0,
            };
            for record in pack.records() {
                let record = record?;
                if !live.contains(&record.id) && !chunks.contains(&prefix(&record.id)) {
                    judged.dead_bytes += u64::from(record.stored);
                    judged.dead_objects += 1;
                    continue;
                }
                let mut newer = None;
                for other in packs[at + 1..].iter().rev() {
                    if other.find(&record.id)?.is_some() {
                        newer = Some(Arc::clone(other));
                        break;
                    }
                }
                match newer {
                    Some(other) => {
                        judged.dead_bytes += u64::from(record.stored);
                        judged.elsewhere.push((record, other));
                    }
                    None => judged.live.push(record),
                }
            }
            out.push(judged);
            progress.advance(1, pack.size())?;
        }
        progress.end();
        Ok(out)
    }

    /// The chunks of the blobs that are alive.
    fn live_chunks(&self, live: &LiveSet) -> Result<HashSet<u128>> {
        let mut chunks = HashSet::new();
        for pack in self.packs().iter() {
            let mut lists = Vec::new();
            for record in pack.records() {
                let record = record?;
                if record.kind == ObjectKind::ChunkList && live.contains(&record.id) {
                    lists.push(record);
                }
            }
            if lists.is_empty() {
                continue;
            }
            read_frames(pack, lists, &mut |frames| {
                for (record, frame) in frames {
                    let bytes = pack.decode(record, frame.clone())?;
                    let list = List::decode(&bytes).map_err(|reason| pack.corrupt(&record.id, reason))?;
                    chunks.extend(list.chunks.iter().map(|(id, _)| prefix(id)));
                }
                Ok(())
            })?;
        }
        Ok(chunks)
    }

    /// Copies what is alive out of doomed packs, then deletes them.
    fn collect(&self, doomed: Vec<Judged>, report: &mut GcReport, progress: &Progress) -> Result<()> {
        progress.begin("collect", Some(doomed.len() as u64), "packs");
        let mut leaving: HashSet<Hash> = doomed.iter().map(|judged| *judged.pack.id()).collect();
        let mut mover = Mover::new(self);
        for judged in &doomed {
            let mut keep = judged.live.clone();
            for (record, other) in &judged.elsewhere {
                // The last sound copy is never deleted.
                if !is_sound(other, &record.id) {
                    keep.push(*record);
                }
            }
            match read_frames(&judged.pack, keep, &mut |frames| mover.add(frames, judged.pack.place())) {
                Ok(()) => {}
                // A pack with a damaged object stays as it is, for whoever can repair it.
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::warn!(%error, "left a damaged pack alone");
                    leaving.remove(judged.pack.id());
                    report.freed_bytes -= judged.pack.size();
                    let count = if judged.live.is_empty() { &mut report.dropped } else { &mut report.compacted };
                    *count -= 1;
                    report.damaged += 1;
                }
                Err(error) => return Err(error),
            }
            progress.advance(1, judged.pack.size())?;
        }
        let written = mover.finish()?;
        report.written_bytes = written.iter().map(|pack| pack.size()).sum();
        // ORDER: packs go only after what is alive in them is durable elsewhere.
        let kept: HashSet<Hash> = written.iter().map(|pack| *pack.id()).collect();
        self.drop_packs(|pack| leaving.contains(pack.id()) && !kept.contains(pack.id()));
        for id in leaving.difference(&kept) {
            self.backend().delete(&path_of(id))?;
        }
        progress.end();
        Ok(())
    }
}

fn is_sound(pack: &Pack, id: &Hash) -> bool {
    let check = || -> Result<bool> {
        let Some(record) = pack.find(id)? else { return Ok(false) };
        check_frame(&record, pack.frame(&record)?, pack.place()).map(|()| true)
    };
    check().unwrap_or(false)
}

fn micros(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}
