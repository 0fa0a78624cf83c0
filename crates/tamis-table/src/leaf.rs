//! Leaves: the pages of some consecutive rows, written and opened.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, StructArray, UInt8Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Fields, UInt8Type};
use parking_lot::RwLock;
use tamis_core::Hash;
use tamis_store::{Store, Writer, blocked_size};

use crate::error::{Result, TableError};
use crate::node::Node;
use crate::page::keys::{KeyPage, encode_keys};
use crate::page::{EncodedPage, Page, Projection, encode};

/// The pages of a leaf. Groups are aligned with the schema's; `None`: all null, or a newer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeafRef {
    pub(crate) keys: Hash,
    /// Of a delta: what each row does.
    pub(crate) ops: Option<Hash>,
    pub(crate) groups: Vec<Option<Hash>>,
}

impl LeafRef {
    pub(crate) fn group(&self, at: usize) -> Option<Hash> {
        self.groups.get(at).copied().flatten()
    }

    /// Every object of the leaf.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Hash> + '_ {
        [Some(self.keys), self.ops].into_iter().chain(self.groups.iter().copied()).flatten()
    }
}

/// Open nodes and pages by hash, shared by all tables of a store. They are immutable, so that any
/// of them may be dropped at any time.
#[derive(Debug)]
pub struct TableCache {
    store: Store,
    nodes: Kept<Node>,
    keys: Kept<KeyPage>,
    pages: Kept<Page>,
    deltas: Kept<DeltaLeaf>,
}

/// A bounded map that starts afresh when it is full: reopening costs microseconds.
struct Kept<T> {
    map: RwLock<HashMap<Hash, Arc<T>>>,
    most: usize,
}

impl<T> std::fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("most", &self.most).finish_non_exhaustive()
    }
}

impl<T> Kept<T> {
    fn new(most: usize) -> Kept<T> {
        Kept { map: RwLock::default(), most }
    }

    fn get(&self, id: &Hash, open: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        if let Some(found) = self.map.read().get(id) {
            return Ok(Arc::clone(found));
        }
        let opened = Arc::new(open()?);
        let mut map = self.map.write();
        if map.len() >= self.most {
            map.clear();
        }
        map.insert(*id, Arc::clone(&opened));
        Ok(opened)
    }
}

impl TableCache {
    /// A cache for the tables of a store.
    pub fn new(store: &Store) -> Arc<TableCache> {
        Arc::new(TableCache {
            store: store.clone(),
            nodes: Kept::new(1 << 14),
            keys: Kept::new(1 << 15),
            pages: Kept::new(1 << 16),
            deltas: Kept::new(1 << 10),
        })
    }

    /// The store that the tables are in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn node(&self, id: &Hash) -> Result<Arc<Node>> {
        self.nodes.get(id, || Node::decode(&self.store.get(id)?).map_err(|e| e.within("node", id)))
    }

    pub(crate) fn keys(&self, id: &Hash) -> Result<Arc<KeyPage>> {
        self.keys.get(id, || KeyPage::open(self.store.blocked(id)?).map_err(|e| e.within("key page", id)))
    }

    pub(crate) fn page(&self, id: &Hash) -> Result<Arc<Page>> {
        self.pages.get(id, || Page::open(self.store.blocked(id)?).map_err(|e| e.within("page", id)))
    }

    pub(crate) fn delta_leaf(&self, leaf: &LeafRef) -> Result<Arc<DeltaLeaf>> {
        let ops = leaf.ops.ok_or(TableError::Corrupt { what: "delta", reason: "a leaf has no page of operations" })?;
        // By all its pages: two leaves may share the page of operations, or the keys, and differ in the rest.
        let mut name = Vec::with_capacity(32 * (2 + leaf.groups.len()));
        name.extend_from_slice(&leaf.keys.0);
        name.extend_from_slice(&ops.0);
        leaf.groups.iter().for_each(|group| name.extend_from_slice(&group.unwrap_or(Hash::ZERO).0));
        self.deltas.get(&Hash::of(&name), || DeltaLeaf::open(self, leaf, &ops))
    }

    /// By group, whether the operations of a delta's leaf say that any row has it.
    pub(crate) fn touched(&self, leaf: &LeafRef, groups: usize) -> Result<Vec<bool>> {
        let ops = leaf.ops.ok_or(TableError::Corrupt { what: "delta", reason: "a leaf has no page of operations" })?;
        let page = self.page(&ops)?;
        let columns = page.scan(0..page.len(), &Projection::all(&ops_fields(groups)))?;
        Ok(columns.columns()[1..].iter().map(|flags| flags.as_boolean().true_count() > 0).collect())
    }
}

/// What a row of a delta does to the version below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RowOp {
    /// Changes the groups it has; the row is there below.
    Patch = 0,
    /// Makes the row; it is not there below.
    Insert = 1,
    /// Puts the whole row and hides the one below.
    Replace = 2,
    /// Removes the row; it is there below.
    Delete = 3,
}

impl RowOp {
    /// How many rows it adds; -1: it removes one.
    pub(crate) fn added(self) -> i64 {
        match self {
            RowOp::Insert => 1,
            RowOp::Delete => -1,
            RowOp::Patch | RowOp::Replace => 0,
        }
    }

    fn from_code(code: u8) -> Option<RowOp> {
        [RowOp::Patch, RowOp::Insert, RowOp::Replace, RowOp::Delete].into_iter().find(|op| *op as u8 == code)
    }
}

/// A leaf of a delta, with its operations decoded.
#[derive(Debug)]
pub(crate) struct DeltaLeaf {
    pub(crate) keys: Arc<KeyPage>,
    pub(crate) ops: Vec<RowOp>,
    /// Rows that it adds less rows that it removes.
    pub(crate) added: i64,
    groups: Vec<Option<(Arc<Page>, Rank)>>,
}

/// Where a row of the leaf is in a page that holds only the rows that have its group.
#[derive(Debug)]
enum Rank {
    All,
    Some(Vec<u32>),
}

const ABSENT: u32 = u32::MAX;

impl DeltaLeaf {
    fn open(cache: &TableCache, leaf: &LeafRef, ops_id: &Hash) -> Result<DeltaLeaf> {
        let corrupt = |reason| TableError::Corrupt { what: "delta", reason };
        let keys = cache.keys(&leaf.keys)?;
        let page = cache.page(ops_id)?;
        let fields = ops_fields(leaf.groups.len());
        let columns =
            page.scan(0..page.len(), &Projection::all(&fields)).map_err(|e| e.within("operations", ops_id))?;
        if columns.len() != keys.len() {
            return Err(corrupt("keys and operations differ in number"));
        }
        let codes = columns.column(0).as_primitive::<UInt8Type>();
        let ops = codes.iter().map(|code| code.and_then(RowOp::from_code).ok_or(corrupt("an operation is not known")));
        let ops = ops.collect::<Result<Vec<_>>>()?;
        let mut groups = Vec::with_capacity(leaf.groups.len());
        for (at, group) in leaf.groups.iter().enumerate() {
            let Some(id) = group else {
                groups.push(None);
                continue;
            };
            let page = cache.page(id)?;
            let present = columns.column(at + 1).as_boolean();
            let mut next = 0;
            let ranks: Vec<u32> = (0..present.len())
                .map(|row| {
                    let has = present.is_valid(row) && present.value(row);
                    next += u32::from(has);
                    if has { next - 1 } else { ABSENT }
                })
                .collect();
            if next as usize != page.len() {
                return Err(corrupt("a group's page has not the rows that the operations say"));
            }
            let rank = if next as usize == ranks.len() { Rank::All } else { Rank::Some(ranks) };
            groups.push(Some((page, rank)));
        }
        let added = ops.iter().map(|op| op.added()).sum();
        Ok(DeltaLeaf { keys, ops, added, groups })
    }

    /// The page and row that hold a group of a row; [`None`] when the row does not have the group.
    pub(crate) fn group(&self, group: usize, row: usize) -> Option<(&Arc<Page>, u32)> {
        let (page, rank) = self.groups.get(group)?.as_ref()?;
        match rank {
            Rank::All => Some((page, row as u32)),
            Rank::Some(ranks) => ranks.get(row).filter(|at| **at != ABSENT).map(|at| (page, *at)),
        }
    }
}

/// The columns of a page of operations: the code, then one flag a group.
fn ops_fields(groups: usize) -> Fields {
    let flags = (0..groups).map(|at| Field::new(format!("g{at}"), DataType::Boolean, true));
    std::iter::once(Field::new("op", DataType::UInt8, true)).chain(flags).collect()
}

/// Writes pages.
pub(crate) fn put_page(writer: &Writer, page: &EncodedPage) -> Result<(Hash, u64)> {
    let id = writer.put_blocked(&page.header, &page.block_slices())?;
    Ok((id, blocked_size(page.header.len(), page.blocks.iter().map(Vec::len))))
}

/// Writes a group's page; [`None`] where every value is null.
pub(crate) fn put_group(writer: &Writer, rows: &StructArray) -> Result<Option<(Hash, u64)>> {
    if rows.is_empty() || rows.columns().iter().all(|column| column.logical_null_count() == column.len()) {
        return Ok(None);
    }
    put_page(writer, &encode(rows)?).map(Some)
}

pub(crate) fn put_keys(writer: &Writer, keys: &BinaryArray) -> Result<(Hash, u64)> {
    put_page(writer, &encode_keys(keys)?)
}

/// Writes a page of operations with the presence of each group.
pub(crate) fn put_ops(writer: &Writer, ops: &[RowOp], present: &[BooleanBuffer]) -> Result<(Hash, u64)> {
    let fields = ops_fields(present.len());
    let codes = UInt8Array::from_iter_values(ops.iter().map(|op| *op as u8));
    let mut columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(codes)];
    columns.extend(present.iter().map(|bits| Arc::new(BooleanArray::new(bits.clone(), None)) as _));
    put_page(writer, &encode(&StructArray::try_new(fields, columns, None)?)?)
}
