//! Building an index, and bringing it up to date.

use tamis_core::Progress;
use tamis_index::values::{self, ChangedValue};
use tamis_index::vector::{Cells, Changed, VectorIndex};
use tamis_index::words::{self, ChangedText, Totals};
use tamis_repo::{Snapshot, Transaction};
use tamis_table::{DiffBatch, Edit, RowBatch, ScanOptions, Table};

use super::define::{IndexDefinition, IndexKind, IndexState};
use super::source::Source;
use crate::error::{EngineError, Result};

/// Vectors that k-means learns from, for each cell.
const LEARN: usize = 64;
/// Bytes of codes put in order at once.
const ORDERED: usize = 256 << 20;
/// Rows of one edit.
const BATCH: usize = 1 << 16;

/// What an update did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Updated {
    /// Samples whose rows were written anew.
    pub(crate) changed: u64,
    /// Whether the index was built from all samples.
    pub(crate) is_built: bool,
}

/// Brings an index up to date in a transaction.
pub(crate) fn update(
    edit: &mut Transaction,
    snapshot: &Snapshot,
    name: &str,
    definition: &IndexDefinition,
    is_anew: bool,
    progress: &Progress,
) -> Result<Updated> {
    let table = snapshot.table();
    let source = Source::new(table.schema(), &definition.on, definition.kind)?;
    let state = IndexState::read(snapshot, name)?.filter(|_| !is_anew);
    let own = snapshot.other_table(&IndexDefinition::object(name))?;
    let since = match (&state, &own) {
        (Some(state), Some(_)) => Table::open(table.cache(), state.table).ok(),
        _ => None,
    };
    let mut next = IndexState { table: table.id(), texts: 0, words: 0 };
    let updated = match (since, &state) {
        (Some(since), Some(state)) => {
            let mut totals = Totals { texts: state.texts, words: state.words };
            let updated = changes(edit, snapshot, &since, name, definition, &source, &mut totals, progress)?;
            (next.texts, next.words) = (totals.texts, totals.words);
            if updated.changed == 0 && state.table == next.table {
                return Ok(updated);
            }
            updated
        }
        _ => {
            let mut totals = Totals::default();
            match definition.kind {
                IndexKind::Vectors => build_vectors(edit, table, name, definition, &source, progress)?,
                IndexKind::Words => build(edit, table, name, words::schema(), progress, &source, &mut |batch| {
                    let texts: Vec<(String, Option<String>)> = texts_of(batch, &source);
                    let changes: Vec<ChangedText<'_>> = texts
                        .iter()
                        .map(|(path, text)| ChangedText { path, old: None, new: text.as_deref() })
                        .collect();
                    let (edit, sums) = words::edit(&changes, totals)?;
                    totals = sums;
                    Ok(edit)
                })?,
                IndexKind::Values => build(edit, table, name, values::schema(), progress, &source, &mut |batch| {
                    let paths = paths_of(batch);
                    let changes: Vec<ChangedValue<'_>> = (0..batch.len())
                        .map(|row| ChangedValue { path: &paths[row], old: None, new: source.value(batch, row) })
                        .collect();
                    Ok(values::edit(&changes)?)
                })?,
            }
            (next.texts, next.words) = (totals.texts, totals.words);
            Updated { changed: table.len(), is_built: true }
        }
    };
    let text = serde_json::to_vec(&next).map_err(|error| EngineError::new("internal", error.to_string()))?;
    edit.set_extra(&IndexState::object(name), Some(&text))?;
    Ok(updated)
}

fn paths_of(batch: &RowBatch) -> Vec<String> {
    batch.keys.iter().flatten().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
}

fn texts_of(batch: &RowBatch, source: &Source) -> Vec<(String, Option<String>)> {
    paths_of(batch).into_iter().enumerate().map(|(row, path)| (path, source.text(batch, row))).collect()
}

/// Edits of the index from the samples that differ as to its source.
#[allow(clippy::too_many_arguments)] // One step of `update`, cut out for length.
fn changes(
    edit: &mut Transaction,
    snapshot: &Snapshot,
    since: &Table,
    name: &str,
    definition: &IndexDefinition,
    source: &Source,
    totals: &mut Totals,
    progress: &Progress,
) -> Result<Updated> {
    let cells = match definition.kind {
        IndexKind::Vectors => Some(cells(snapshot, name)?),
        _ => None,
    };
    let mut updated = Updated::default();
    for batch in since.diff_in(snapshot.table(), &source.columns)? {
        let batch = batch?;
        let step = match (&cells, definition.kind) {
            (Some(cells), _) => vector_changes(cells, source, &batch, progress)?,
            (None, IndexKind::Words) => {
                let (old, new) = (texts_of(&batch.old, source), texts_of(&batch.new, source));
                let paths = paths_of(&batch.new);
                let changes: Vec<ChangedText<'_>> = (0..batch.len())
                    .map(|row| ChangedText {
                        path: &paths[row],
                        old: old[row].1.as_deref().filter(|_| batch.was[row]),
                        new: new[row].1.as_deref().filter(|_| batch.is[row]),
                    })
                    .collect();
                let (step, sums) = words::edit(&changes, *totals)?;
                *totals = sums;
                step
            }
            (None, _) => {
                let paths = paths_of(&batch.new);
                let changes: Vec<ChangedValue<'_>> = (0..batch.len())
                    .map(|row| ChangedValue {
                        path: &paths[row],
                        old: source.value(&batch.old, row).filter(|_| batch.was[row]),
                        new: source.value(&batch.new, row).filter(|_| batch.is[row]),
                    })
                    .collect();
                values::edit(&changes)?
            }
        };
        updated.changed += batch.len() as u64;
        edit.edit_table(&IndexDefinition::object(name), &step)?;
    }
    Ok(updated)
}

fn vector_changes(cells: &Cells, source: &Source, batch: &DiffBatch, progress: &Progress) -> Result<Edit> {
    let (old, new) = (source.vectors(&batch.old), source.vectors(&batch.new));
    let changes: Vec<Changed<'_>> = (0..batch.len())
        .map(|row| Changed {
            path: batch.keys.value(row),
            old: old[row].filter(|_| batch.was[row]),
            new: new[row].filter(|_| batch.is[row]),
        })
        .collect();
    Ok(VectorIndex::edit(cells, &changes, progress)?)
}

/// The cells of an index of vectors.
pub(crate) fn cells(snapshot: &Snapshot, name: &str) -> Result<Cells> {
    let missing = || {
        EngineError::new("store.corrupt", format!("the cells of the index `{name}` are missing"))
            .hint("build it anew with --anew")
    };
    let bytes = snapshot.extra(&IndexState::cells(name))?.ok_or_else(missing)?;
    Ok(Cells::decode(&bytes)?)
}

/// Builds an index batch by batch.
fn build(
    edit: &mut Transaction,
    table: &Table,
    name: &str,
    schema: tamis_table::TableSchema,
    progress: &Progress,
    source: &Source,
    step: &mut dyn FnMut(&RowBatch) -> Result<Edit>,
) -> Result<()> {
    let object = IndexDefinition::object(name);
    edit.put_table(&object, schema, std::iter::empty())?;
    progress.begin("index", Some(table.len()), "samples");
    for batch in table.scan(ScanOptions::new(source.columns.clone()).threads(rayon::current_num_threads()))? {
        let batch = batch?;
        for start in (0..batch.len()).step_by(BATCH) {
            let part = batch.slice(start, BATCH.min(batch.len() - start));
            let change = step(&part)?;
            edit.edit_table(&object, &change)?;
            progress.advance(part.len() as u64, 0)?;
        }
    }
    progress.end();
    Ok(())
}

/// Builds an index of vectors: learns cells from a part of them, finds the cell of each, writes them cell by cell.
fn build_vectors(
    edit: &mut Transaction,
    table: &Table,
    name: &str,
    definition: &IndexDefinition,
    source: &Source,
    progress: &Progress,
) -> Result<()> {
    let dims = source.dims;
    let rows = usize::try_from(table.len()).unwrap_or(usize::MAX);
    let scan = || -> Result<tamis_table::Scan> {
        Ok(table.scan(ScanOptions::new(source.columns.clone()).threads(rayon::current_num_threads()))?)
    };
    // About √n cells, as the inverted file's authors advise, with enough vectors in each to learn from.
    let count = ((rows as f64).sqrt() as usize).clamp(1, 1 << 14);
    let step = (rows / (count * LEARN)).max(1);
    let mut sample: Vec<f32> = Vec::new();
    let mut seen = 0usize;
    for batch in scan()? {
        let batch = batch?;
        for vector in source.vectors(&batch).into_iter().flatten() {
            if seen.is_multiple_of(step) {
                sample.extend(vector);
            }
            seen += 1;
        }
    }
    if seen == 0 {
        let message = format!("cannot index `{}`: no sample has a vector yet", definition.on);
        return Err(EngineError::new("usage", message).hint("compute them with `tamis derive` first"));
    }
    let cells = Cells::learn(definition.metric()?, dims, &sample, count, 0, progress)?;
    drop(sample);
    progress.begin("find cells", Some(rows as u64), "vectors");
    let mut assigned: Vec<u16> = Vec::with_capacity(seen);
    for batch in scan()? {
        let batch = batch?;
        let vectors: Vec<f32> = source.vectors(&batch).into_iter().flatten().flatten().copied().collect();
        assigned.extend(cells.assign(&vectors, progress)?);
        progress.advance(batch.len() as u64, 0)?;
    }
    progress.end();
    let groups = groups(&assigned, cells.len(), dims);
    progress.begin("write cells", Some(groups.len() as u64), "parts");
    let mut failed: Option<EngineError> = None;
    let batches = groups.iter().map(|&(from, to)| {
        let part = || -> Result<RowBatch> {
            let (mut paths, mut own, mut vectors) = (Vec::new(), Vec::new(), Vec::new());
            let mut at = 0;
            for batch in scan()? {
                let batch = batch?;
                for (row, vector) in source.vectors(&batch).into_iter().enumerate() {
                    let Some(vector) = vector else { continue };
                    let cell = assigned.get(at).copied().unwrap_or(0);
                    at += 1;
                    if (from..to).contains(&usize::from(cell)) {
                        paths.push(batch.keys.value(row).to_vec());
                        own.push(cell);
                        vectors.extend_from_slice(vector);
                    }
                }
            }
            progress.advance(1, 0)?;
            let paths: Vec<&[u8]> = paths.iter().map(Vec::as_slice).collect();
            Ok(VectorIndex::rows(&cells, &paths, &own, &vectors)?)
        };
        part().map_err(|error| {
            failed = Some(error);
            tamis_repo::Error::Cancelled(tamis_core::Cancelled)
        })
    });
    let outcome = edit.put_table(&IndexDefinition::object(name), VectorIndex::schema(dims), batches);
    if let Some(error) = failed {
        return Err(error);
    }
    outcome?;
    progress.end();
    edit.set_extra(&IndexState::cells(name), Some(&cells.encode()))?;
    Ok(())
}

/// Ranges of cells whose codes and vectors fit in memory together.
fn groups(assigned: &[u16], cells: usize, dims: usize) -> Vec<(usize, usize)> {
    let mut sizes = vec![0usize; cells];
    for cell in assigned {
        if let Some(size) = sizes.get_mut(usize::from(*cell)) {
            *size += dims * 5 + 128;
        }
    }
    let (mut groups, mut start, mut sum) = (Vec::new(), 0, 0);
    for (cell, size) in sizes.iter().enumerate() {
        if sum > 0 && sum + size > ORDERED {
            groups.push((start, cell));
            (start, sum) = (cell, 0);
        }
        sum += size;
    }
    groups.push((start, cells));
    groups
}
