//! Edits on their way to a commit: sorted by path, bounded in memory.
//!
//! Edits gather in a map; when it is full, it is written to a temporary file as one sorted run.
//! At the end the runs and the map are merged, edits of one path in the order they were made.
//! A run is a sequence of records: u32 little-endian length, JSON of (path, edit).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};

use rayon::prelude::*;

use super::edit::RowEdit;
use crate::rows::Edits;
use crate::schema::Needs;
use crate::{Error, Result};

/// Bytes of edits in memory by default.
const LIMIT: usize = 128 << 20;
/// Records of a run that are read ahead, and that one task of a thread writes or parses.
const BATCH: usize = 256;
const TASK: usize = 32;

fn io(action: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Io { action, source }
}

/// Gathers edits.
#[derive(Debug)]
pub(crate) struct Spool {
    edits: Edits,
    limit: usize,
    runs: Vec<File>,
    count: u64,
    needs: Needs,
}

impl Default for Spool {
    fn default() -> Spool {
        Spool { edits: Edits::default(), limit: LIMIT, runs: Vec::new(), count: 0, needs: Needs::default() }
    }
}

impl Spool {
    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    pub(crate) fn len(&self) -> u64 {
        self.count + self.edits.map.len() as u64
    }

    pub(crate) fn add(&mut self, path: String, edit: RowEdit) -> Result<()> {
        self.edits.add(path, edit)?;
        if self.edits.bytes > self.limit { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        let edits = std::mem::take(&mut self.edits);
        self.count += edits.map.len() as u64;
        self.needs.add(edits.needs);
        let mut file = BufWriter::new(tempfile::tempfile().map_err(io("create"))?);
        let entries: Vec<(&String, &RowEdit)> = edits.map.iter().collect();
        for some in entries.chunks(BATCH * TASK) {
            let texts: Result<Vec<Vec<u8>>> = some.par_chunks(TASK).map(text_of).collect();
            texts?.iter().try_for_each(|text| file.write_all(text)).map_err(io("write"))?;
        }
        let mut file = file.into_inner().map_err(|e| Error::Io { action: "write", source: e.into_error() })?;
        file.rewind().map_err(io("rewind"))?;
        self.runs.push(file);
        Ok(())
    }

    /// The edits in the order of their paths.
    pub(crate) fn finish(self) -> Result<SortedEdits> {
        let mut sources: Vec<Source> = self
            .runs
            .into_iter()
            .map(|file| Source::Run(Run { file: BufReader::new(file), ready: Vec::new().into_iter() }))
            .collect();
        let mut needs = self.needs;
        needs.add(self.edits.needs);
        sources.push(Source::Memory(self.edits.map.into_iter()));
        let mut sorted = SortedEdits { sources, heads: Vec::new(), queue: BinaryHeap::new(), needs };
        for at in 0..sorted.sources.len() {
            sorted.heads.push(None);
            sorted.advance(at)?;
        }
        Ok(sorted)
    }
}

/// Records as a run holds them.
fn text_of(entries: &[(&String, &RowEdit)]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for entry in entries {
        let start = text.len();
        text.extend_from_slice(&[0; 4]);
        serde_json::to_writer(&mut text, entry).map_err(|e| Error::Io { action: "write", source: e.into() })?;
        let length = u32::try_from(text.len() - start - 4)
            .map_err(|_| Error::Io { action: "write", source: std::io::ErrorKind::FileTooLarge.into() })?;
        text[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
    Ok(text)
}

/// A run being read: records ahead are parsed in parallel.
struct Run {
    file: BufReader<File>,
    ready: std::vec::IntoIter<(String, RowEdit)>,
}

impl Run {
    fn next(&mut self) -> Result<Option<(String, RowEdit)>> {
        if self.ready.len() == 0 {
            let mut texts = Vec::with_capacity(BATCH);
            while texts.len() < BATCH {
                let mut length = [0u8; 4];
                match self.file.read_exact(&mut length) {
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                    other => other.map_err(io("read"))?,
                }
                let mut text = vec![0; u32::from_le_bytes(length) as usize];
                self.file.read_exact(&mut text).map_err(io("read"))?;
                texts.push(text);
            }
            let parse = |text: &Vec<u8>| {
                serde_json::from_slice(text).map_err(|e| Error::Io { action: "read", source: e.into() })
            };
            let parsed: Result<Vec<(String, RowEdit)>> = texts.par_iter().with_min_len(TASK).map(parse).collect();
            self.ready = parsed?.into_iter();
        }
        Ok(self.ready.next())
    }
}

enum Source {
    Run(Run),
    Memory(std::collections::btree_map::IntoIter<String, RowEdit>),
}

impl Source {
    fn next(&mut self) -> Result<Option<(String, RowEdit)>> {
        match self {
            Source::Memory(edits) => Ok(edits.next()),
            Source::Run(run) => run.next(),
        }
    }
}

/// All edits in the order of their paths, one a path.
pub(crate) struct SortedEdits {
    sources: Vec<Source>,
    heads: Vec<Option<RowEdit>>,
    /// The next path of each source; among equal paths, the older source first.
    queue: BinaryHeap<Reverse<(String, usize)>>,
    /// The layers and columns that the edits need (or more: of edits that later ones replaced).
    pub(crate) needs: Needs,
}

impl SortedEdits {
    /// Whether there are none left.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn advance(&mut self, at: usize) -> Result<Option<RowEdit>> {
        let next = self.sources[at].next()?;
        let edit = next.map(|(path, edit)| {
            self.queue.push(Reverse((path, at)));
            edit
        });
        Ok(std::mem::replace(&mut self.heads[at], edit))
    }

    /// The next path with its edit.
    pub(crate) fn next(&mut self) -> Result<Option<(String, RowEdit)>> {
        let Some(Reverse((path, at))) = self.queue.pop() else { return Ok(None) };
        let mut edit = self.advance(at)?.unwrap_or(RowEdit::Delete);
        while let Some(Reverse((other, _))) = self.queue.peek()
            && *other == path
        {
            let Some(Reverse((_, at))) = self.queue.pop() else { break };
            if let Some(later) = self.advance(at)? {
                edit = edit.and_then(&path, later)?;
            }
        }
        Ok(Some((path, edit)))
    }
}

impl SortedEdits {
    /// Edits that are in memory.
    pub(crate) fn of(edits: Edits) -> SortedEdits {
        let (needs, mut edits) = (edits.needs, edits.map.into_iter());
        let (mut queue, mut head) = (BinaryHeap::new(), None);
        if let Some((path, edit)) = edits.next() {
            queue.push(Reverse((path, 0)));
            head = Some(edit);
        }
        SortedEdits { sources: vec![Source::Memory(edits)], heads: vec![head], queue, needs }
    }
}

impl Edits {
    /// Adds an edit after those of the same path that are there.
    pub(crate) fn add(&mut self, path: String, edit: RowEdit) -> Result<()> {
        self.bytes += 64 + path.len() + edit.weight();
        edit.needs(&mut self.needs);
        match self.map.remove(&path) {
            None => drop(self.map.insert(path, edit)),
            Some(first) => {
                self.bytes = self.bytes.saturating_sub(64 + path.len() + first.weight());
                let both = first.and_then(&path, edit)?;
                self.map.insert(path, both);
            }
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::SamplePatch;
    use tamis_core::Sample;

    fn drain(spool: Spool) -> Vec<(String, RowEdit)> {
        let mut sorted = spool.finish().unwrap();
        std::iter::from_fn(|| sorted.next().unwrap()).collect()
    }

    #[test]
    fn spilled_edits_come_back_sorted_and_added_up() {
        let fill = |limit| {
            let mut spool = Spool::default();
            spool.set_limit(limit);
            for round in 0..3 {
                for i in (0..50).rev() {
                    let path = format!("s/{i:03}");
                    let edit = match (round, i % 3) {
                        (0, _) => RowEdit::Put(Box::new(Sample { path: path.clone(), ..Sample::default() })),
                        (1, 0) => RowEdit::Delete,
                        (_, 0) => continue,
                        _ => {
                            let mut patch = SamplePatch::default();
                            patch.fields.insert(format!("f{round}"), Some(serde_json::Value::Null));
                            patch.fields.insert("gone".into(), None);
                            RowEdit::Patch(Box::new(patch))
                        }
                    };
                    spool.add(path, edit).unwrap();
                }
            }
            spool
        };
        let in_memory = drain(fill(usize::MAX));
        let spilled = fill(2000);
        assert!(spilled.runs.len() > 5);
        assert_eq!(drain(spilled), in_memory);
        assert_eq!(in_memory.len(), 50);
        let RowEdit::Put(sample) = &in_memory[1].1 else { panic!("not a put") };
        assert_eq!(sample.fields.len(), 2);
    }
}
