//! Changes: the delta that an edit wrote, kept under the name of its parent, so that the
//! difference of a version and its parent is found in O(changes) whatever was folded since.

use std::sync::Arc;

use arrow::array::BinaryArray;
use tamis_core::{Hash, TableId};
use tamis_store::Writer;

use super::delta::DeltaRows;
use super::root::DeltaRef;
use super::{Columns, TableCache};
use crate::error::{Result, TableError};
use crate::node::wire::{Reader, put_varint};
use crate::node::{KeyRange, Node, Target};
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
}

impl Change {
    pub(crate) fn write(writer: &Writer, parent: TableId, delta: DeltaRef) -> Result<Change> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.extend_from_slice(&parent.0.0);
        out.extend_from_slice(&delta.node.0);
        put_varint(&mut out, delta.rows);
        Ok(Change { id: writer.put(out)?, parent, delta })
    }

    /// Opens a change by its id.
    pub fn open(cache: &Arc<TableCache>, id: Hash) -> Result<Change> {
        let bytes = cache.store().get(&id)?;
        let read = || {
            let mut reader = Reader::new(&bytes, "change");
            if reader.take(4)? != MAGIC || reader.u8()? != VERSION {
                return Err(TableError::Corrupt { what: "change", reason: "it is not a change of a known version" });
            }
            let parent = TableId(reader.hash()?);
            let delta = DeltaRef { node: reader.hash()?, rows: reader.amount()? };
            reader.end()?;
            Ok(Change { id, parent, delta })
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
        let rows = DeltaRows::load(cache, &self.delta.node, &KeyRange::default(), &Columns::none(schema))?;
        Ok(rows.keys)
    }
}
