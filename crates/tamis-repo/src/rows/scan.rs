//! Scans: rows as samples, rows as batches, blobs of rows.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use tamis_core::{Hash, Sample};
use tamis_table::{Columns, Projection, RowBatch};

use super::{Rows, after_prefix};
use crate::schema::{BASE, BatchReader, FIELDS, Layout, Slot, layer_group};
use crate::snapshot::ScanOptions;
use crate::{Error, Result};

type Batches = Box<dyn Iterator<Item = Result<RowBatch>> + Send>;

/// Samples in the order of their paths.
pub(crate) struct RowScan {
    layout: Arc<Layout>,
    batches: Batches,
    open: Option<(BatchReader, usize)>,
}

impl Iterator for RowScan {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Result<Sample>> {
        loop {
            if let Some((reader, row)) = &mut self.open
                && *row < reader.len()
            {
                *row += 1;
                return Some(reader.sample(*row - 1));
            }
            match self.batches.next()?.and_then(|batch| BatchReader::new(&self.layout, &batch)) {
                Ok(reader) => self.open = Some((reader, 0)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Rows {
    pub(crate) fn scan(&self, options: &ScanOptions) -> Result<RowScan> {
        Ok(RowScan { layout: Arc::clone(self.layout()), batches: self.scan_batches(options)?, open: None })
    }

    pub(crate) fn scan_batches(&self, options: &ScanOptions) -> Result<Batches> {
        let columns = self.columns(options)?;
        self.scan_columns(columns, &options.prefix, options.after.as_deref(), options.threads)
    }

    fn columns(&self, options: &ScanOptions) -> Result<Columns> {
        let schema = self.layout().schema();
        if let Some(layers) = &options.layers {
            let known: Vec<&str> = self.layout().layers().collect();
            if let Some(layer) = layers.iter().find(|layer| !known.contains(&layer.as_str())) {
                return Err(Error::not_found("layer", layer.clone(), known));
            }
        }
        let wanted = |group: &str| match group {
            BASE => !options.skip_base,
            FIELDS => !options.skip_fields,
            name => match &options.layers {
                None => !self.layout().is_other(name),
                Some(layers) => layers.iter().any(|layer| layer_group(layer) == name),
            },
        };
        let names: Vec<&str> =
            schema.groups.iter().map(|group| group.name.as_str()).filter(|name| wanted(name)).collect();
        Ok(Columns::groups(schema, &names)?)
    }

    fn scan_columns(&self, columns: Columns, prefix: &str, after: Option<&str>, threads: usize) -> Result<Batches> {
        let threads = if threads == 0 { rayon::current_num_threads() } else { threads };
        let mut start = (!prefix.is_empty()).then(|| prefix.as_bytes().to_vec());
        if let Some(after) = after {
            let mut key = after.as_bytes().to_vec();
            key.push(0);
            start = start.max(Some(key));
        }
        let end = after_prefix(prefix);
        let options = tamis_table::ScanOptions::new(columns).range(start, end).threads(threads);
        Ok(Box::new(self.table().scan(options)?.map(|batch| Ok(batch?))))
    }

    /// The columns that name blobs: media and masks.
    fn blob_columns(&self) -> Result<Columns> {
        let schema = self.layout().schema();
        let mut columns = Columns::none(schema);
        for (group, slot) in schema.groups.iter().zip(self.layout().slots()) {
            let path = match slot {
                Slot::Base(_) => "blob",
                Slot::Layer(..) => "labels.mask",
                _ => continue,
            };
            columns = columns.with(schema, &group.name, Projection::select(&group.fields, &[path])?)?;
        }
        Ok(columns)
    }

    /// The blobs of all rows; one may come several times.
    pub(crate) fn blobs(&self, f: &mut dyn FnMut(Hash) -> Result<()>) -> Result<()> {
        for batch in self.scan_columns(self.blob_columns()?, "", None, 0)? {
            batch_blobs(self.layout(), &batch?, None, f)?;
        }
        Ok(())
    }

    /// The blobs of the rows that differ from this version's in `newer`.
    pub(crate) fn new_blobs(
        &self,
        newer: &Rows,
        change: Option<Hash>,
        f: &mut dyn FnMut(Hash) -> Result<()>,
    ) -> Result<()> {
        if self.table().is_empty() || !super::continues(self.layout().schema(), newer.layout().schema()) {
            return newer.blobs(f);
        }
        for batch in self.own_diff_batches(newer, change)? {
            let batch = batch?;
            batch_blobs(newer.layout(), &batch.new, Some(&batch.is), f)?;
        }
        Ok(())
    }
}

/// Gives the blobs of some rows.
fn batch_blobs(
    layout: &Layout,
    batch: &RowBatch,
    is_there: Option<&[bool]>,
    f: &mut dyn FnMut(Hash) -> Result<()>,
) -> Result<()> {
    for (slot, group) in layout.slots().iter().zip(&batch.groups) {
        let Some(group) = group else { continue };
        let hashes = match slot {
            Slot::Base(_) => group.column_by_name("blob").cloned(),
            Slot::Layer(..) => group.columns().first().and_then(|list| {
                let labels = list.as_list_opt::<i32>()?.values().as_struct_opt()?.column_by_name("mask")?;
                Some(Arc::clone(labels))
            }),
            _ => None,
        };
        let Some(hashes) = hashes.as_ref().and_then(|column| column.as_fixed_size_binary_opt()) else { continue };
        for row in 0..hashes.len() {
            let gone = matches!(slot, Slot::Base(_)) && is_there.is_some_and(|there| !there[row]);
            if hashes.is_null(row) || gone {
                continue;
            }
            if let Ok(bytes) = <[u8; 32]>::try_from(hashes.value(row)) {
                f(Hash(bytes))?;
            }
        }
    }
    Ok(())
}
