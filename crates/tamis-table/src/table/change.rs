//! Changes: which rows an edit changed, kept under the name of its parent, so that the
//! difference of a version and its parent is found in O(changes) whatever was folded since.
//!
//! An edit whose delta stays on the stack shares it with its change; one whose delta was folded at
//! once keeps only the keys, so that no values are written twice.

use std::sync::Arc;

use arrow::array::{AsArray, BinaryArray, BooleanArray, StructArray};
use arrow::buffer::BooleanBuffer;
use tamis_core::{Hash, TableId};
use tamis_store::Writer;

use super::delta::{DeltaGroup, DeltaRows};
use super::root::DeltaRef;
use super::{Columns, Table, TableCache};
use crate::error::{Result, TableError};
use crate::leaf::RowOp;
use crate::node::wire::{Reader, put_varint};
use crate::node::{KeyRange, Node, Target, leaves};
use crate::schema::TableSchema;

const MAGIC: [u8; 4] = *b"TCHG";
const VERSION: u8 = 1;

/// What one edit changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The id under which it is kept.
    pub id: Hash,
    /// The version that was edited.
    pub parent: TableId,
    pub(crate) delta: DeltaRef,
    pub(crate) holds: Holds,
}

/// What the delta of a change holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Keys, operations and the changed values.
    Values = 0,
    /// Keys, operations and which groups; the values are in the version that the edit made.
    Keys = 1,
}

impl Change {
    pub(crate) fn write(writer: &Writer, parent: TableId, delta: DeltaRef, holds: Holds) -> Result<Change> {
        let mut out = MAGIC.to_vec();
        out.extend([VERSION, holds as u8]);
        out.extend_from_slice(&parent.0.0);
        out.extend_from_slice(&delta.node.0);
        put_varint(&mut out, delta.rows);
        Ok(Change { id: writer.put(out)?, parent, delta, holds })
    }

    /// Opens a change by its id.
    pub fn open(cache: &Arc<TableCache>, id: Hash) -> Result<Change> {
        let bytes = cache.store().get(&id)?;
        let read = || {
            let mut reader = Reader::new(&bytes, "change");
            if reader.take(4)? != MAGIC || reader.u8()? != VERSION {
                return Err(TableError::Corrupt { what: "change", reason: "it is not a change of a known version" });
            }
            let holds = match reader.u8()? {
                0 => Holds::Values,
                1 => Holds::Keys,
                _ => return Err(TableError::Corrupt { what: "change", reason: "it holds an unknown kind of rows" }),
            };
            let parent = TableId(reader.hash()?);
            let delta = DeltaRef { node: reader.hash()?, rows: reader.amount()? };
            reader.end()?;
            Ok(Change { id, parent, delta, holds })
        };
        read().map_err(|e| e.within("change", &id))
    }

    /// Calls `visit` with the id of every object that the change needs, itself last. O(nodes).
    pub fn reachable(&self, cache: &Arc<TableCache>, visit: &mut dyn FnMut(Hash) -> Result<()>) -> Result<()> {
        fn below(
            cache: &TableCache,
            id: Hash,
            node: &Arc<Node>,
            visit: &mut dyn FnMut(Hash) -> Result<()>,
        ) -> Result<()> {
            for child in &node.children {
                match &child.target {
                    Target::Node(id) => below(cache, *id, &node.below(cache, id)?, visit)?,
                    Target::Leaf(leaf) => leaf.objects().try_for_each(&mut *visit)?,
                }
            }
            visit(id)
        }
        below(cache, self.delta.node, &cache.node(&self.delta.node)?, visit)?;
        visit(self.id)
    }

    /// How many rows it changed.
    pub fn rows(&self) -> u64 {
        self.delta.rows
    }

    /// The keys of the rows it changed, ascending. O(changes).
    pub fn keys(&self, cache: &Arc<TableCache>, schema: &TableSchema) -> Result<BinaryArray> {
        Ok(self.rows_with(cache, &Columns::none(schema))?.keys)
    }

    /// The changed rows with their new values, where `newer` is the version that the edit made; and
    /// whether just those groups are in it that differ, or more. O(changes).
    pub(crate) fn values(&self, newer: &Table) -> Result<(DeltaRows, bool)> {
        let columns = Columns::all(newer.schema());
        if self.holds == Holds::Values {
            return Ok((self.rows_with(newer.cache(), &columns)?, true));
        }
        let mut rows = self.rows_with(newer.cache(), &Columns::none(newer.schema()))?;
        let touched = self.touched(newer.cache(), columns.0.len())?;
        let columns = Columns(columns.0.into_iter().zip(&touched).map(|(group, is)| group.filter(|_| *is)).collect());
        let (new, _) = newer.get_many(&rows.keys, &columns)?;
        let present: BooleanBuffer = rows.ops.iter().map(|op| *op != RowOp::Delete).collect();
        let mask = BooleanArray::new(present.clone(), None);
        let group = |group: StructArray| {
            let rows = arrow::compute::filter(&group, &mask)?.as_struct().clone();
            Ok(DeltaGroup { present: present.clone(), rows })
        };
        rows.groups = new.groups.into_iter().map(|rows| rows.map(group).transpose()).collect::<Result<_>>()?;
        Ok((rows, false))
    }

    /// By group, whether any row has it.
    fn touched(&self, cache: &TableCache, groups: usize) -> Result<Vec<bool>> {
        let mut touched = vec![false; groups];
        for leaf in leaves(cache, Some(&self.delta.node), &KeyRange::default())? {
            let here = cache.touched(leaf.leaf().ok_or(TableError::Internal("not a leaf"))?, groups)?;
            touched.iter_mut().zip(here).for_each(|(all, one)| *all |= one);
        }
        Ok(touched)
    }

    fn rows_with(&self, cache: &TableCache, columns: &Columns) -> Result<DeltaRows> {
        DeltaRows::load(cache, &self.delta.node, &KeyRange::default(), columns)
    }
}
