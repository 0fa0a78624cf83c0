//! Edits of samples as edits of a table.

use std::sync::Arc;

use arrow::array::{BinaryArray, BooleanBufferBuilder, StructArray, new_null_array};
use tamis_core::Sample;
use tamis_store::Writer;
use tamis_table::{
    BuildOptions, Columns, Edit, EditOptions, GroupSchema, Op, RowBatch, Table, TableError, TableSchema,
};

use super::{Edited, Edits, Rows, continues, keys_of};
use crate::object::TableEntry;
use crate::schema::{BASE, BatchBuilder, BatchReader, FIELDS, FieldKind, GroupInput, Layout, Needs, Slot, layer_group};
use crate::transaction::{RowEdit, SortedEdits};
use crate::{Error, Repo, Result};

/// Rows of one edit of a table.
const EDIT_ROWS: usize = 1 << 16;
/// Bytes of one edit of a table, or of one batch of a build.
const EDIT_BYTES: usize = 256 << 20;
/// Rows of one batch of a build.
const BUILD_ROWS: usize = 8192;
/// Edited rows from which the table is folded at once.
const FOLD_ROWS: u64 = 1 << 17;

impl From<Edits> for SortedEdits {
    fn from(edits: Edits) -> SortedEdits {
        SortedEdits::of(edits)
    }
}

impl Rows {
    /// Applies edits. Into an empty table they are built, otherwise edited batch by batch; many
    /// are folded into the base at the end.
    pub(crate) fn edit(&self, repo: &Repo, writer: &Writer, edits: impl Into<SortedEdits>) -> Result<Edited> {
        let mut edits = edits.into();
        if self.len() == 0 {
            return self.build(repo, writer, edits);
        }
        let mut rows = self.clone();
        let (mut change, mut parts, mut changed) = (None, 0u32, 0u64);
        while let Some(batch) = next_batch(&mut edits)? {
            let (next, edited) = rows.edit_batch(writer, &batch)?;
            changed += edited.added + edited.changed + edited.removed;
            if edited.change.is_some() {
                parts += 1;
                change = edited.change.map(|change| change.id);
            }
            rows = next;
        }
        if changed > FOLD_ROWS {
            rows = Rows::of(rows.table.compact(writer)?);
            change = None;
        }
        // The change is against this very version only if one edit made it all.
        let change = change.filter(|_| parts == 1 && rows.layout.schema() == self.layout.schema());
        repo.keep_table(&rows.table);
        let entry = TableEntry { change, table: rows.table.id() };
        Ok(Edited { rows, entry })
    }

    /// Builds the table anew from edits: there are no rows yet.
    fn build(&self, repo: &Repo, writer: &Writer, edits: SortedEdits) -> Result<Edited> {
        let mut edits = edits;
        let layout = Arc::new(self.layout.with(&edits.needs));
        let mut failed = None;
        let batches = std::iter::from_fn(|| match next_build(&mut edits, &layout) {
            Ok(batch) => batch.map(Ok),
            Err(error) => {
                // The table's errors cannot carry ours: it stops at its own and ours is told.
                failed = Some(error);
                Some(Err(TableError::BadRows { reason: "a sample was refused".to_owned() }))
            }
        });
        let built =
            Table::build(self.table.cache(), writer, layout.schema().clone(), batches, &BuildOptions::default());
        if let Some(error) = failed {
            return Err(error);
        }
        let rows = Rows::of(built?);
        repo.keep_table(&rows.table);
        let entry = TableEntry { change: None, table: rows.table.id() };
        Ok(Edited { rows, entry })
    }

    /// One edit of the table.
    fn edit_batch(&self, writer: &Writer, batch: &[(String, RowEdit)]) -> Result<(Rows, tamis_table::Edited)> {
        let mut needs = Needs::default();
        for (_, edit) in batch {
            edit.needs(&mut needs);
        }
        let layout = Arc::new(self.layout.with(&needs));
        let table = self.table.evolve(writer, layout.schema().clone())?;
        let olds = self.olds(batch)?;
        let mut builder = BatchBuilder::new(Arc::clone(&layout));
        let mut ops = Vec::with_capacity(batch.len());
        let mut present: Vec<BooleanBufferBuilder> =
            layout.slots().iter().map(|_| BooleanBufferBuilder::new(batch.len())).collect();
        let none = Sample::default();
        for ((path, edit), old) in batch.iter().zip(olds) {
            for (slot, present) in layout.slots().iter().zip(&mut present) {
                present.append(edit.touches(slot, old.as_ref()));
            }
            let (op, sample) = match edit {
                // What is computed stays where what it is computed from does.
                RowEdit::Put(sample) if old.is_some() => (Op::Patch, sample.as_ref().clone()),
                RowEdit::Put(sample) => (Op::Put, sample.as_ref().clone()),
                RowEdit::Delete => (Op::Delete, Sample { path: path.clone(), ..none.clone() }),
                RowEdit::Patch(patch) => {
                    let mut sample = old.unwrap_or_else(|| Sample { path: path.clone(), ..none.clone() });
                    patch.apply(&mut sample);
                    (Op::Patch, sample)
                }
            };
            builder.append(&sample)?;
            ops.push(op);
        }
        let mut rows = builder.finish()?;
        let mut masks = Vec::with_capacity(present.len());
        for ((group, mut present), fields) in rows.groups.iter_mut().zip(present).zip(layout.schema().groups.iter()) {
            let mask = present.finish();
            if mask.count_set_bits() == 0 {
                *group = None;
            } else if group.is_none() {
                // Computed from what changes here.
                *group = Some(nulls(fields, batch.len())?);
            }
            masks.push(Some(mask));
        }
        let edited = table.edit(writer, &Edit { rows, ops, present: masks }, &EditOptions::default())?;
        if edited.added > 0 {
            self.check_patched(batch)?;
        }
        Ok((Rows::of(edited.table.clone()), edited))
    }

    /// The present values of rows whose patch changes part of a group, and of rows that are put
    /// where something is computed from them; others are not read.
    fn olds(&self, batch: &[(String, RowEdit)]) -> Result<Vec<Option<Sample>>> {
        let mut olds = vec![None; batch.len()];
        let inputs: Vec<&GroupInput> = self.layout.inputs().collect();
        let partly = |edit: &RowEdit| match edit {
            RowEdit::Patch(patch) => patch.touches_base() || !patch.fields.is_empty(),
            RowEdit::Put(_) => !inputs.is_empty(),
            RowEdit::Delete => false,
        };
        let places: Vec<usize> = (0..batch.len()).filter(|&at| partly(&batch[at].1)).collect();
        if places.is_empty() {
            return Ok(olds);
        }
        let paths: Vec<&str> = places.iter().map(|&at| batch[at].0.as_str()).collect();
        let schema = self.layout.schema();
        let mut names: Vec<String> = vec![BASE.to_owned(), FIELDS.to_owned()];
        names.extend(inputs.iter().filter_map(|input| match input {
            GroupInput::Layer(name) => Some(layer_group(name)),
            _ => None,
        }));
        names.retain(|name| schema.position(name).is_some());
        let (found, there) = self.table.get_many(&keys_of(&paths), &Columns::groups(schema, &names)?)?;
        let reader = BatchReader::new(&self.layout, &found)?;
        for (row, at) in places.into_iter().enumerate() {
            if there[row] {
                olds[at] = Some(reader.sample(row)?);
            }
        }
        Ok(olds)
    }

    /// Rows were added: were they put, or is a patched one not there?
    fn check_patched(&self, batch: &[(String, RowEdit)]) -> Result<()> {
        let patched: Vec<&str> =
            batch.iter().filter(|(_, edit)| matches!(edit, RowEdit::Patch(_))).map(|(path, _)| path.as_str()).collect();
        let (_, there) = self.table.get_many(&keys_of(&patched), &Columns::none(self.layout.schema()))?;
        match patched.iter().zip(there).find(|(_, there)| !there) {
            Some((path, _)) => Err(Error::NotFound { what: "sample", name: (*path).to_owned(), near: Vec::new() }),
            None => Ok(()),
        }
    }

    /// The same rows without deltas; [`None`] when there are none to fold.
    pub(crate) fn folded(&self, writer: &Writer) -> Result<Option<TableEntry>> {
        if self.table.depth() == 0 {
            return Ok(None);
        }
        let table = self.table.compact(writer)?;
        Ok(Some(TableEntry { change: None, table: table.id() }))
    }

    /// Puts the values of one column group, made where there is none yet, into rows that are there;
    /// the other groups stay.
    pub(crate) fn put_group(
        &self,
        repo: &Repo,
        writer: &Writer,
        group: &GroupSchema,
        batches: impl Iterator<Item = Result<(BinaryArray, StructArray)>>,
    ) -> Result<Edited> {
        let mut schema = self.layout.schema().clone();
        let at = schema.position(&group.name).unwrap_or(schema.groups.len());
        match schema.groups.get(at) {
            Some(own) if own.fields == group.fields => {}
            Some(_) => {
                let reason = "the dataset has a group of this name with other columns".to_owned();
                return Err(Error::Invalid { what: "column group", name: group.name.clone(), reason });
            }
            None => schema.groups.push(group.clone()),
        }
        let mut table = self.table.evolve(writer, schema)?;
        let (mut change, mut parts, mut changed) = (None, 0u32, 0u64);
        for batch in batches {
            let (keys, values) = batch?;
            let mut groups = vec![None; table.schema().groups.len()];
            groups[at] = Some(values);
            let edit = Edit::patch(RowBatch { keys: keys.clone(), groups });
            let edited = table.edit(writer, &edit, &EditOptions::default())?;
            if edited.added > 0 {
                let (_, there) = self.table.get_many(&keys, &Columns::none(self.layout.schema()))?;
                let missing = there.iter().position(|there| !there).unwrap_or(0);
                let name = String::from_utf8_lossy(keys.value(missing)).into_owned();
                return Err(Error::NotFound { what: "sample", name, near: Vec::new() });
            }
            changed += edited.changed;
            if edited.change.is_some() {
                parts += 1;
                change = edited.change.map(|change| change.id);
            }
            table = edited.table;
        }
        let is_folded = changed > FOLD_ROWS;
        let rows = Rows::of(if is_folded { table.compact(writer)? } else { table });
        repo.keep_table(&rows.table);
        let is_known = parts == 1 && !is_folded && rows.layout.schema() == self.layout.schema();
        let entry = TableEntry { change: change.filter(|_| is_known), table: rows.table.id() };
        Ok(Edited { rows, entry })
    }

    /// Puts whole rows of a schema; see [`crate::Transaction::put_batches`].
    pub(crate) fn put_batches(
        &self,
        repo: &Repo,
        writer: &Writer,
        schema: &TableSchema,
        batches: impl Iterator<Item = Result<RowBatch>>,
    ) -> Result<Edited> {
        check_schema(schema)?;
        let mut failed = None;
        let rows = if self.len() == 0 && continues(self.layout.schema(), schema) {
            let batches = batches.map(|batch| {
                batch.map_err(|error| {
                    failed = Some(error);
                    TableError::BadRows { reason: "a batch was refused".to_owned() }
                })
            });
            let built = Table::build(self.table.cache(), writer, schema.clone(), batches, &BuildOptions::default());
            if let Some(error) = failed {
                return Err(error);
            }
            Rows::of(built?)
        } else {
            if !continues(self.layout.schema(), schema) {
                let reason = "its groups and columns must continue those of the dataset".to_owned();
                return Err(Error::Invalid { what: "schema", name: "samples".to_owned(), reason });
            }
            let mut table = self.table.evolve(writer, schema.clone())?;
            let mut changed = 0;
            for batch in batches {
                let edited = table.edit(writer, &Edit::put(batch?), &EditOptions::default())?;
                changed += edited.added + edited.changed;
                table = edited.table;
            }
            Rows::of(if changed > FOLD_ROWS { table.compact(writer)? } else { table })
        };
        repo.keep_table(&rows.table);
        let entry = TableEntry { change: None, table: rows.table.id() };
        Ok(Edited { rows, entry })
    }
}

/// Rows of nulls of a group.
pub(crate) fn nulls(group: &GroupSchema, rows: usize) -> Result<StructArray> {
    let columns = group.fields.iter().map(|field| new_null_array(field.data_type(), rows)).collect();
    StructArray::try_new_with_length(group.fields.clone(), columns, None, rows)
        .map_err(|error| TableError::Arrow(error).into())
}

/// A schema of samples: `base` as it is, fields and layers by their names.
fn check_schema(schema: &TableSchema) -> Result<()> {
    let own = Layout::empty();
    let bad = |name: &str, reason: &str| {
        Err(Error::Invalid { what: "schema", name: name.to_owned(), reason: reason.to_owned() })
    };
    if !continues(own.schema(), schema) {
        return bad(BASE, "the first group must be `base` with its columns");
    }
    let mut needs = Needs::default();
    let given = Layout::of(schema);
    given.layers().for_each(|layer| needs.add_layer(layer));
    given.fields().for_each(|(name, kind)| needs.add_field(name, kind));
    let expected = own.with(&needs);
    for group in expected.schema().groups.iter() {
        let Some(at) = schema.position(&group.name) else { return bad(&group.name, "the group is missing") };
        let same = schema.groups[at].fields.iter().all(|field| {
            let wanted = group.fields.find(field.name());
            wanted.is_some_and(|(_, f)| f.data_type().equals_datatype(field.data_type()))
        });
        if !same {
            return bad(&group.name, "a column is not one of the samples schema, or has another type");
        }
    }
    Ok(())
}

/// The next rows for one edit of a table.
fn next_batch(edits: &mut SortedEdits) -> Result<Option<Vec<(String, RowEdit)>>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < EDIT_ROWS && bytes < EDIT_BYTES {
        let Some((path, edit)) = edits.next()? else { break };
        bytes += path.len() + edit.weight();
        batch.push((path, edit));
    }
    Ok((!batch.is_empty()).then_some(batch))
}

/// The next batch of rows of a build.
fn next_build(edits: &mut SortedEdits, layout: &Arc<Layout>) -> Result<Option<RowBatch>> {
    let mut builder = BatchBuilder::new(Arc::clone(layout));
    while builder.len() < BUILD_ROWS && builder.bytes() < EDIT_BYTES {
        match edits.next()? {
            Some((_, RowEdit::Put(sample))) => builder.append(&sample)?,
            Some((_, RowEdit::Delete)) => {}
            Some((path, RowEdit::Patch(_))) => {
                return Err(Error::NotFound { what: "sample", name: path, near: Vec::new() });
            }
            None => break,
        }
    }
    if builder.len() == 0 {
        return Ok(None);
    }
    builder.finish().map(Some)
}

impl RowEdit {
    /// Adds the layers and columns that it needs.
    pub(crate) fn needs(&self, needs: &mut Needs) {
        match self {
            RowEdit::Put(sample) => needs.add_sample(sample),
            RowEdit::Patch(patch) => {
                patch.layers.iter().filter(|(_, labels)| labels.is_some()).for_each(|(name, _)| needs.add_layer(name));
                for (name, value) in &patch.fields {
                    if let Some(value) = value {
                        needs.add_field(name, FieldKind::of(value));
                    }
                }
            }
            RowEdit::Delete => {}
        }
    }

    /// Whether it says something about a group of a row as it was.
    fn touches(&self, slot: &Slot, old: Option<&Sample>) -> bool {
        match (self, slot) {
            (RowEdit::Delete, _) => false,
            (RowEdit::Put(sample), Slot::Other(input)) => old.is_some_and(|old| match input {
                Some(GroupInput::Media) => old.media != sample.media,
                Some(GroupInput::Field(name)) => old.fields.get(name) != sample.fields.get(name),
                Some(GroupInput::Layer(name)) => old.layers.get(name) != sample.layers.get(name),
                None => true,
            }),
            (RowEdit::Put(_), _) => true,
            (RowEdit::Patch(patch), Slot::Base(_)) => patch.touches_base(),
            (RowEdit::Patch(patch), Slot::Fields(_)) => !patch.fields.is_empty(),
            (RowEdit::Patch(patch), Slot::Layer(name, _)) => patch.layers.contains_key(name),
            (RowEdit::Patch(patch), Slot::Other(Some(input))) => match input {
                GroupInput::Media => patch.media.is_some(),
                GroupInput::Field(name) => patch.fields.contains_key(name),
                GroupInput::Layer(name) => patch.layers.contains_key(name),
            },
            (RowEdit::Patch(_), Slot::Other(None)) => false,
        }
    }
}
