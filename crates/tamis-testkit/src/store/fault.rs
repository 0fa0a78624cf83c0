//! A backend that fails when told to.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tamis_store::backend::{Backend, FileEntry, FileVersion, NewFile, ReadFile, StoreStats, Swapped, SyncWork};
use tamis_store::{Result, StoreError};

/// How a write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// It is not done, and an error is reported.
    Before,
    /// It is done, and yet an error is reported (the answer was lost).
    After,
    /// The disk is full: not done.
    NoSpace,
}

/// What goes wrong, shared by clones and changed while the backend is in use.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    writes: u64,
    stop_after: Option<u64>,
    has_stopped: bool,
    faults: HashMap<u64, WriteFault>,
    flips: Vec<(String, u64, u8)>,
    short_reads: bool,
    failing_reads: u64,
    stale: Option<HashMap<String, Vec<FileEntry>>>,
}

/// What becomes of a write.
enum Fate {
    Done,
    Reported,
    Refused(io::Error),
    /// The process stops in the middle of it.
    Torn,
}

impl Faults {
    /// Writes so far: appends, publications, swaps, removals, deletions.
    pub fn writes(&self) -> u64 {
        self.0.lock().writes
    }

    /// Stops everything during write number `writes` + 1, as a killed process does: an append
    /// leaves a part, anything else is not done, and later calls fail.
    pub fn stop_after(&self, writes: u64) {
        self.0.lock().stop_after = Some(writes);
    }

    /// Whether it has come to that.
    pub fn has_stopped(&self) -> bool {
        self.0.lock().has_stopped
    }

    /// Lets write number `nth` (from 1) fail.
    pub fn fail_write(&self, nth: u64, how: WriteFault) {
        self.0.lock().faults.insert(nth, how);
    }

    /// Flips one bit of what is read of a file, from now on.
    pub fn flip(&self, path: &str, byte: u64, bit: u8) {
        self.0.lock().flips.push((path.to_owned(), byte, bit));
    }

    /// Lets every read bring one byte too few.
    pub fn short_reads(&self, on: bool) {
        self.0.lock().short_reads = on;
    }

    /// Lets the next `count` reads time out.
    pub fn time_out_reads(&self, count: u64) {
        self.0.lock().failing_reads = count;
    }

    /// From now on listings show what the first one after this call shows.
    pub fn stale_lists(&self, on: bool) {
        self.0.lock().stale = on.then(HashMap::new);
    }

    fn write(&self) -> Result<Fate> {
        let mut plan = self.0.lock();
        check_running(&plan)?;
        plan.writes += 1;
        if plan.stop_after.is_some_and(|limit| plan.writes > limit) {
            plan.has_stopped = true;
            return Ok(Fate::Torn);
        }
        let nth = plan.writes;
        Ok(match plan.faults.remove(&nth) {
            None => Fate::Done,
            Some(WriteFault::After) => Fate::Reported,
            Some(WriteFault::Before) => Fate::Refused(ErrorKind::TimedOut.into()),
            Some(WriteFault::NoSpace) => Fate::Refused(ErrorKind::StorageFull.into()),
        })
    }

    fn read(&self) -> Result<()> {
        let mut plan = self.0.lock();
        check_running(&plan)?;
        match plan.failing_reads.checked_sub(1) {
            Some(rest) => {
                plan.failing_reads = rest;
                Err(refused(ErrorKind::TimedOut.into()))
            }
            None => Ok(()),
        }
    }

    fn spoil(&self, path: &str, start: u64, bytes: Bytes) -> Bytes {
        let plan = self.0.lock();
        let end = start + bytes.len() as u64;
        let hits: Vec<(u64, u8)> = plan
            .flips
            .iter()
            .filter(|(file, byte, _)| file == path && (start..end).contains(byte))
            .map(|(_, byte, bit)| (byte - start, *bit))
            .collect();
        if hits.is_empty() && !plan.short_reads {
            return bytes;
        }
        let mut spoilt = bytes.to_vec();
        for (at, bit) in hits {
            spoilt[at as usize] ^= 1 << bit;
        }
        if plan.short_reads {
            spoilt.pop();
        }
        Bytes::from(spoilt)
    }
}

fn check_running(plan: &Plan) -> Result<()> {
    if plan.has_stopped { Err(refused(io::Error::other("the process has stopped"))) } else { Ok(()) }
}

fn refused(error: io::Error) -> StoreError {
    StoreError::io("reach", "the faulty backend", error)
}

/// A backend before which faults happen.
#[derive(Debug)]
pub struct FaultBackend {
    inner: Arc<dyn Backend>,
    faults: Faults,
}

impl FaultBackend {
    /// Puts faults, none at first, before a backend.
    pub fn new(inner: Arc<dyn Backend>) -> (Arc<FaultBackend>, Faults) {
        let faults = Faults::default();
        (Arc::new(FaultBackend { inner, faults: faults.clone() }), faults)
    }

    fn write<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        match self.faults.write()? {
            Fate::Done => act(),
            Fate::Reported => act().and_then(|_| Err(refused(ErrorKind::TimedOut.into()))),
            Fate::Refused(error) => Err(refused(error)),
            Fate::Torn => Err(refused(io::Error::other("the process has stopped"))),
        }
    }

    fn opened(&self, path: &str, inner: Arc<dyn ReadFile>) -> Arc<dyn ReadFile> {
        Arc::new(FaultFile { inner, faults: self.faults.clone(), path: path.to_owned() })
    }
}

impl Backend for FaultBackend {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn open(&self, path: &str) -> Result<Option<Arc<dyn ReadFile>>> {
        self.faults.read()?;
        Ok(self.inner.open(path)?.map(|file| self.opened(path, file)))
    }

    fn create(&self, size_hint: u64) -> Result<Box<dyn NewFile>> {
        self.faults.read()?;
        let inner = Some(self.inner.create(size_hint)?);
        Ok(Box::new(FaultNewFile { inner, faults: self.faults.clone() }))
    }

    fn read_small(&self, path: &str) -> Result<Option<(Bytes, FileVersion)>> {
        self.faults.read()?;
        self.inner.read_small(path)
    }

    fn swap_small(&self, path: &str, expected: Option<&FileVersion>, bytes: Bytes) -> Result<Swapped> {
        self.write(|| self.inner.swap_small(path, expected, bytes))
    }

    fn remove_small(&self, path: &str, expected: &FileVersion) -> Result<bool> {
        self.write(|| self.inner.remove_small(path, expected))
    }

    fn list(&self, prefix: &str) -> Result<Vec<FileEntry>> {
        self.faults.read()?;
        if let Some(old) = self.faults.0.lock().stale.as_ref().and_then(|stale| stale.get(prefix)) {
            return Ok(old.clone());
        }
        let found = self.inner.list(prefix)?;
        if let Some(stale) = self.faults.0.lock().stale.as_mut() {
            stale.insert(prefix.to_owned(), found.clone());
        }
        Ok(found)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.write(|| self.inner.delete(path))
    }

    fn is_local(&self) -> bool {
        self.inner.is_local()
    }

    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }
}

#[derive(Debug)]
struct FaultFile {
    inner: Arc<dyn ReadFile>,
    faults: Faults,
    path: String,
}

impl ReadFile for FaultFile {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.faults.read()?;
        let start = range.start;
        Ok(self.faults.spoil(&self.path, start, self.inner.read(range)?))
    }

    fn read_many(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.faults.read()?;
        let parts = self.inner.read_many(ranges)?;
        Ok(parts
            .into_iter()
            .zip(ranges)
            .map(|(part, range)| self.faults.spoil(&self.path, range.start, part))
            .collect())
    }
}

#[derive(Debug)]
struct FaultNewFile {
    /// [`None`] after a stop: what a killed process leaves behind stays.
    inner: Option<Box<dyn NewFile>>,
    faults: Faults,
}

impl FaultNewFile {
    fn inner(&mut self) -> Result<&mut Box<dyn NewFile>> {
        self.inner.as_mut().ok_or_else(|| refused(io::Error::other("the process has stopped")))
    }
}

impl NewFile for FaultNewFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        match self.faults.write()? {
            Fate::Done => self.inner()?.append(bytes),
            Fate::Reported => {
                self.inner()?.append(bytes)?;
                Err(refused(ErrorKind::TimedOut.into()))
            }
            Fate::Refused(error) => Err(refused(error)),
            Fate::Torn => {
                self.inner()?.append(&bytes[..bytes.len() / 2])?;
                std::mem::forget(self.inner.take());
                Err(refused(io::Error::other("the process has stopped")))
            }
        }
    }

    fn start_sync(&mut self) -> Result<Option<SyncWork>> {
        self.faults.read()?;
        self.inner()?.start_sync()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.faults.read()?;
        match &self.inner {
            Some(inner) => inner.read(range),
            None => Err(refused(io::Error::other("the process has stopped"))),
        }
    }

    fn publish(mut self: Box<Self>, path: &str) -> Result<Arc<dyn ReadFile>> {
        let stopped = || refused(io::Error::other("the process has stopped"));
        let fate = self.faults.write()?;
        let inner = self.inner.take().ok_or_else(stopped)?;
        match fate {
            Fate::Done => {
                let file = inner.publish(path)?;
                Ok(Arc::new(FaultFile { inner: file, faults: self.faults.clone(), path: path.to_owned() }))
            }
            Fate::Reported => inner.publish(path).and_then(|_| Err(refused(ErrorKind::TimedOut.into()))),
            Fate::Refused(error) => Err(refused(error)),
            Fate::Torn => {
                std::mem::forget(inner);
                Err(stopped())
            }
        }
    }
}

impl Drop for FaultNewFile {
    fn drop(&mut self) {
        if self.faults.has_stopped() {
            std::mem::forget(self.inner.take());
        }
    }
}
