//! Versions of a table.

mod build;
mod change;
mod delta;
mod diff;
mod edit;
mod fold;
mod gather;
mod leaves;
mod merge;
mod order;
mod plan;
mod root;
mod scan;
mod unshared;
mod walk;

#[cfg(test)]
mod laws;

use std::sync::Arc;

use arrow::array::BinaryArray;
use arrow::datatypes::Fields;
use tamis_core::TableId;
use tamis_store::Writer;

pub use build::BuildOptions;
pub use change::Change;
pub use diff::DiffBatch;
pub use edit::{EditOptions, Edited};
pub use leaves::BaseLeaf;
pub use merge::{Conflict, Merged};
pub use plan::{PagesRead, PlanStats, ScanFilter, ScanPlan};
pub use scan::{Scan, ScanOptions};

pub use crate::leaf::TableCache;

use crate::cut::CutRule;
use crate::error::Result;
use crate::node::KeyRange;
use crate::page::Projection;
use crate::rows::RowBatch;
use crate::schema::TableSchema;
use crate::summary::Summary;
pub(crate) use root::Root;

/// One immutable version of a table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Table(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cache: Arc<TableCache>,
    id: TableId,
    root: Root,
    schema: Arc<TableSchema>,
    /// What made this version of another one, where that is known.
    change: Option<Change>,
}

/// Which columns a read gives: for each group of the schema a projection, or nothing.
#[derive(Clone, Debug)]
pub struct Columns(pub(crate) Vec<Option<Projection>>);

impl Columns {
    /// Every column of every group.
    pub fn all(schema: &TableSchema) -> Columns {
        Columns(schema.groups.iter().map(|group| Some(Projection::all(&group.fields))).collect())
    }

    /// Keys alone.
    pub fn none(schema: &TableSchema) -> Columns {
        Columns(vec![None; schema.groups.len()])
    }

    /// The same columns with a projection for one group.
    pub fn with(mut self, schema: &TableSchema, group: &str, projection: Projection) -> Result<Columns> {
        schema.group(group)?;
        if let Some(at) = schema.position(group) {
            self.0[at] = Some(projection);
        }
        Ok(self)
    }

    /// Every column of the named groups.
    pub fn groups<S: AsRef<str>>(schema: &TableSchema, names: &[S]) -> Result<Columns> {
        let mut columns = Columns::none(schema);
        for name in names {
            let group = schema.group(name.as_ref())?;
            columns = columns.with(schema, name.as_ref(), Projection::all(&group.fields))?;
        }
        Ok(columns)
    }

    /// The fields that a group is read with; [`None`] when it is not read.
    pub fn fields(&self, group: usize) -> Option<&Fields> {
        self.0.get(group).and_then(Option::as_ref).map(Projection::fields)
    }
}

impl Table {
    /// A table without rows.
    pub fn empty(cache: &Arc<TableCache>, writer: &Writer, schema: TableSchema, cut: CutRule) -> Result<Table> {
        schema.check()?;
        let schema_id = writer.put(schema.to_json())?;
        let root =
            Root { schema: schema_id, cut, base: None, base_rows: 0, deltas: Vec::new(), summary: Summary::default() };
        Table::write(cache, writer, root, Arc::new(schema))
    }

    /// Opens a version by its id.
    pub fn open(cache: &Arc<TableCache>, id: TableId) -> Result<Table> {
        let root = Root::decode(&cache.store().get(&id.0)?).map_err(|e| e.within("table", &id.0))?;
        let schema = cache.store().get(&root.schema)?;
        let schema = TableSchema::from_json(&schema).map_err(|e| e.within("table schema", &root.schema))?;
        Ok(Table(Arc::new(Inner { cache: Arc::clone(cache), id, root, schema: Arc::new(schema), change: None })))
    }

    fn write(cache: &Arc<TableCache>, writer: &Writer, root: Root, schema: Arc<TableSchema>) -> Result<Table> {
        let id = TableId(writer.put(root.encode())?);
        Ok(Table(Arc::new(Inner { cache: Arc::clone(cache), id, root, schema, change: None })))
    }

    /// The same version, told by which change it came from its parent: then [`Table::diff`] and
    /// [`Table::merge`] with the parent take O(changes) whatever was folded. Tables that come
    /// straight from an edit know it.
    pub fn made_by(self, change: Change) -> Table {
        let Inner { cache, id, root, schema, .. } = &*self.0;
        let (cache, root, schema) = (Arc::clone(cache), root.clone(), Arc::clone(schema));
        Table(Arc::new(Inner { cache, id: *id, root, schema, change: Some(change) }))
    }

    /// The version's id: the hash of its root.
    pub fn id(&self) -> TableId {
        self.0.id
    }

    /// The schema.
    pub fn schema(&self) -> &TableSchema {
        &self.0.schema
    }

    /// The cache it reads through.
    pub fn cache(&self) -> &Arc<TableCache> {
        &self.0.cache
    }

    /// The aggregates of all rows, from the root. O(1).
    pub fn summary(&self) -> &Summary {
        &self.0.root.summary
    }

    /// How many rows there are. O(1).
    pub fn len(&self) -> u64 {
        u64::try_from(self.0.root.summary.rows).unwrap_or(0)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The multiset hash of the rows: two versions with the same rows have the same, however they
    /// came to be. O(1).
    pub fn content_hash(&self) -> u128 {
        self.0.root.summary.content
    }

    /// How many deltas lie on the base.
    pub fn depth(&self) -> usize {
        self.0.root.deltas.len()
    }

    /// The same rows under a schema with more groups or fields; they read as null. O(1).
    pub fn evolve(&self, writer: &Writer, schema: TableSchema) -> Result<Table> {
        self.schema().evolves_to(&schema)?;
        if schema == *self.schema() {
            return Ok(self.clone());
        }
        let root = Root { schema: writer.put(schema.to_json())?, ..self.0.root.clone() };
        Table::write(self.cache(), writer, root, Arc::new(schema))
    }

    /// The row of a key, with the columns asked for. O(log rows).
    pub fn get(&self, key: &[u8], columns: &Columns) -> Result<Option<RowBatch>> {
        let keys = BinaryArray::from_iter_values([key]);
        let (rows, found) = self.get_many(&keys, columns)?;
        Ok(found[0].then_some(rows))
    }

    /// The rows of ascending keys: all keys, with nulls where there is no row, and which were found.
    /// O(keys · log rows); a batch touches each page once.
    pub fn get_many(&self, keys: &BinaryArray, columns: &Columns) -> Result<(RowBatch, Vec<bool>)> {
        crate::rows::check_order(keys, None)?;
        gather::rows(self, keys, columns)
    }

    /// The aggregates of the rows with keys from `start` (inclusive) to `end` (exclusive).
    /// O(log rows) nodes and at most two partly covered leaves a tree.
    pub fn summary_of(&self, start: Option<&[u8]>, end: Option<&[u8]>) -> Result<Summary> {
        let range = KeyRange { start: start.map(<[u8]>::to_vec), end: end.map(<[u8]>::to_vec) };
        walk::summary_of(self, &range)
    }
}
