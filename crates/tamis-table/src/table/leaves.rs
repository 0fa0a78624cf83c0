//! The leaves of the base and their pages, for work that is remembered by page.

use arrow::array::{BinaryArray, StructArray};
use tamis_core::Hash;

use super::unshared::touching;
use super::{Columns, Table};
use crate::error::{Result, TableError};
use crate::leaf::LeafRef;
use crate::node::{KeyRange, leaves};
use crate::page::Projection;
use crate::rows::keys_of;
use crate::schema::GroupSchema;

/// A leaf of the base: some consecutive rows, before what the deltas change of them.
#[derive(Clone, Debug)]
pub struct BaseLeaf {
    /// The first key.
    pub first: Vec<u8>,
    /// The last key.
    pub last: Vec<u8>,
    /// How many rows.
    pub rows: u64,
    /// Names the page of keys.
    pub keys: Hash,
    pages: LeafRef,
}

impl BaseLeaf {
    /// Names a group's page, by the group's place in the schema; [`None`]: all null.
    pub fn page(&self, group: usize) -> Option<Hash> {
        self.pages.group(group)
    }

    /// The keys of the rows, ascending.
    pub fn keys(&self, table: &Table) -> Result<BinaryArray> {
        let page = table.cache().keys(&self.keys)?;
        page.scan(0..page.len())
    }
}

impl Table {
    /// The leaves of the base, in order. O(leaves).
    pub fn base_leaves(&self) -> Result<Vec<BaseLeaf>> {
        let found = leaves(self.cache(), self.0.root.base.as_ref(), &KeyRange::default())?;
        let leaf = |at: crate::node::LeafAt| {
            let pages = at.leaf().ok_or(TableError::Internal("not a leaf"))?.clone();
            let child = at.child();
            let (first, last) = (child.first.to_vec(), child.last.to_vec());
            Ok(BaseLeaf { first, last, rows: child.rows, keys: pages.keys, pages })
        };
        found.into_iter().map(leaf).collect()
    }

    /// The keys of rows that deltas add, remove, or give other values in the groups of some columns,
    /// ascending. O(rows of the deltas).
    pub fn overlaid(&self, columns: &Columns) -> Result<BinaryArray> {
        let mut keys = std::collections::BTreeSet::new();
        for delta in &self.0.root.deltas {
            keys.extend(touching(self, delta, columns)?.iter().flatten().map(<[u8]>::to_vec));
        }
        Ok(keys_of(keys.iter().map(Vec::as_slice)))
    }

    /// The values of a page of any table of the store, read as a group's columns; [`None`] where the
    /// store no longer has it.
    pub fn page_values(&self, page: &Hash, group: &GroupSchema) -> Result<Option<StructArray>> {
        if !self.cache().store().contains(page)? {
            return Ok(None);
        }
        let page = self.cache().page(page)?;
        page.scan(0..page.len(), &Projection::all(&group.fields)).map(Some)
    }
}
