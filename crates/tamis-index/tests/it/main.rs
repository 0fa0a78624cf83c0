//! Indexes against naive models.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, missing_docs, unreachable_pub)]

mod values;
mod vectors;
mod words;

use std::sync::Arc;

use tamis_store::Store;
use tamis_table::{CutRule, Edit, EditOptions, Table, TableCache, TableSchema};

/// A store with tables of small leaves.
pub struct World {
    pub store: Store,
    pub cache: Arc<TableCache>,
}

impl Default for World {
    fn default() -> World {
        let store = Store::memory().unwrap();
        let cache = TableCache::new(&store);
        World { store, cache }
    }
}

impl World {
    pub fn empty(&self, schema: TableSchema) -> Table {
        let writer = self.store.writer().unwrap();
        let table = Table::empty(&self.cache, &writer, schema, CutRule::about(64)).unwrap();
        writer.finish().unwrap();
        table
    }

    pub fn edit(&self, table: &Table, edit: &Edit) -> Table {
        let writer = self.store.writer().unwrap();
        let edited = table.edit(&writer, edit, &EditOptions::default()).unwrap();
        writer.finish().unwrap();
        edited.table
    }
}
