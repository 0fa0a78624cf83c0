//! The action cache: what functions gave for which inputs, for everybody who shares the lake.
//! docs/spec/derived.md §4.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BinaryArray, FixedSizeBinaryArray, Float64Array, Int64Array, StructArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type, UInt64Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tamis_core::{Hash, TableId};
use tamis_store::{Location, Store, StoreOptions};
use tamis_table::{Columns, CutRule, Edit, EditOptions, GroupSchema, RowBatch, Table, TableCache, TableSchema};

use crate::error::Result;

/// The folder of the cache in a lake.
const FOLDER: &str = "actions";
/// How often a lost race for a ref is tried again.
const RACES: usize = 100;

/// The cache of a lake.
pub(crate) struct Actions {
    store: Store,
    tables: Arc<TableCache>,
}

/// What is known of a function, by its ref.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct FunctionEntry {
    /// Its name.
    pub(crate) function: String,
    /// Its version.
    pub(crate) version: u32,
    /// Its parameters.
    pub(crate) parameters: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<TableId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaves: Option<TableId>,
    /// That it gave two values for one input, and of which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unsteady: Option<Unsteady>,
    /// Seconds of processor time, since ever.
    pub(crate) cpu: f64,
    /// Bytes of inputs read, since ever.
    pub(crate) bytes: u64,
    /// Rows computed, since ever.
    pub(crate) count: u64,
}

/// Two values of one input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unsteady {
    /// The hash of the input.
    pub(crate) input: String,
    /// When it was seen, in microseconds since 1970.
    pub(crate) time: i64,
}

/// What a leaf's values cost, and where they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LeafEntry {
    /// The page of values, in the lake's own store.
    pub(crate) page: Hash,
    /// Rows of the page.
    pub(crate) rows: u64,
    /// Seconds of processor time.
    pub(crate) cpu: f64,
    /// Bytes of inputs read.
    pub(crate) bytes: u64,
    /// When, in microseconds since 1970.
    pub(crate) time: i64,
}

/// Values of rows by the hashes of their inputs.
#[derive(Clone, Debug)]
pub(crate) struct RowValues {
    /// The inputs.
    pub(crate) inputs: Vec<Hash>,
    /// A value each.
    pub(crate) values: StructArray,
}

/// What to remember of a run.
#[derive(Default)]
pub(crate) struct Learned {
    /// Values of single rows.
    pub(crate) rows: Option<RowValues>,
    /// Pages of whole leaves, by the page of their inputs.
    pub(crate) leaves: BTreeMap<Hash, LeafEntry>,
    /// Seconds of processor time spent.
    pub(crate) cpu: f64,
    /// Bytes of inputs read.
    pub(crate) bytes: u64,
    /// Rows computed.
    pub(crate) count: u64,
    /// That a value came out otherwise than before.
    pub(crate) unsteady: Option<Unsteady>,
}

/// What the cache has of one function.
pub(crate) struct Known {
    /// What its ref says.
    pub(crate) entry: FunctionEntry,
    rows: Option<Table>,
    leaves: Option<Table>,
}

fn leaf_schema() -> TableSchema {
    let fields: Fields = vec![
        Field::new("page", DataType::FixedSizeBinary(32), true),
        Field::new("rows", DataType::UInt64, true),
        Field::new("cpu", DataType::Float64, true),
        Field::new("bytes", DataType::UInt64, true),
        Field::new("time", DataType::Int64, true),
    ]
    .into();
    TableSchema { groups: vec![GroupSchema::new("entry", fields)] }
}

impl FunctionEntry {
    /// An entry that nothing was learned for yet.
    pub(crate) fn new(function: &str, version: u32, parameters: Value) -> FunctionEntry {
        FunctionEntry { function: function.to_owned(), version, parameters, ..FunctionEntry::default() }
    }
}

impl Actions {
    /// Opens the cache of a lake; [`None`] where there is none yet.
    pub(crate) fn open(lake: &Location, options: StoreOptions) -> Result<Option<Actions>> {
        match Store::open(&lake.join(FOLDER), options) {
            Ok(store) => Ok(Some(Actions::on(store))),
            Err(error) if tamis_core::Classify::kind(&error) == tamis_core::Kind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the cache of a lake, made where there is none yet.
    pub(crate) fn open_or_create(lake: &Location, options: &StoreOptions) -> Result<Actions> {
        if let Some(found) = Actions::open(lake, options.clone())? {
            return Ok(found);
        }
        match Store::create(&lake.join(FOLDER), options.clone()) {
            Ok(store) => Ok(Actions::on(store)),
            // Somebody else made it just now.
            Err(error) => Actions::open(lake, options.clone())?.ok_or_else(|| error.into()),
        }
    }

    fn on(store: Store) -> Actions {
        let tables = TableCache::new(&store);
        Actions { store, tables }
    }

    /// What is known of a function. A table that cannot be opened counts as empty: it is a cache.
    pub(crate) fn known(&self, function: &Hash) -> Result<Known> {
        let Some(found) = self.store.read_ref(&reference(function))? else {
            return Ok(Known { entry: FunctionEntry::default(), rows: None, leaves: None });
        };
        let entry: FunctionEntry = serde_json::from_slice(&found.bytes).unwrap_or_default();
        let open = |id: Option<TableId>| id.and_then(|id| Table::open(&self.tables, id).ok());
        Ok(Known { rows: open(entry.rows), leaves: open(entry.leaves), entry })
    }

    /// Adds what a run learned. Nothing of anybody is lost: a lost race is run again on what is
    /// there then.
    pub(crate) fn learn(
        &self,
        function: &Hash,
        describe: &FunctionEntry,
        group: &GroupSchema,
        learned: &Learned,
    ) -> Result<()> {
        let name = reference(function);
        for _ in 0..RACES {
            let found = self.store.read_ref(&name)?;
            let entry: FunctionEntry =
                found.as_ref().and_then(|found| serde_json::from_slice(&found.bytes).ok()).unwrap_or_default();
            let writer = self.store.writer()?;
            let open = |id: Option<TableId>, schema: TableSchema| match id.map(|id| Table::open(&self.tables, id)) {
                Some(Ok(table)) if *table.schema() == schema => Ok(table),
                _ => Table::empty(&self.tables, &writer, schema, CutRule::LEAF),
            };
            let mut rows = entry.rows;
            if let Some(new) = &learned.rows {
                let table = open(entry.rows, TableSchema { groups: vec![group.clone()] })?;
                let edit = Edit::put(sorted(new)?);
                rows = Some(table.edit(&writer, &edit, &EditOptions::default())?.table.id());
            }
            let mut leaves = entry.leaves;
            if !learned.leaves.is_empty() {
                let table = open(entry.leaves, leaf_schema())?;
                let edit = Edit::put(leaf_rows(&learned.leaves)?);
                leaves = Some(table.edit(&writer, &edit, &EditOptions::default())?.table.id());
            }
            writer.finish()?;
            let next = FunctionEntry {
                rows,
                leaves,
                unsteady: entry.unsteady.or_else(|| learned.unsteady.clone()),
                cpu: entry.cpu + learned.cpu,
                bytes: entry.bytes + learned.bytes,
                count: entry.count + learned.count,
                ..describe.clone()
            };
            let bytes = serde_json::to_vec(&next).map_err(|error| internal(&error))?;
            if self.store.swap_ref(&name, found.as_ref().map(|found| &found.version), bytes.into())?.is_ok() {
                return Ok(());
            }
        }
        // It is a cache: what could not be added will be computed again.
        Ok(())
    }
}

impl Known {
    /// The values of some inputs: for each its row among the values, where it is known.
    pub(crate) fn rows(&self, inputs: &[Hash]) -> Result<(Vec<Option<u32>>, Option<StructArray>)> {
        let none = || (vec![None; inputs.len()], None);
        let Some(table) = self.rows.as_ref().filter(|_| self.entry.unsteady.is_none()) else { return Ok(none()) };
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_by_key(|&at| inputs[at].0);
        order.dedup_by_key(|&mut at| inputs[at].0);
        let keys = BinaryArray::from_iter_values(order.iter().map(|&at| inputs[at].0));
        let (batch, found) = table.get_many(&keys, &Columns::all(table.schema()))?;
        let at: std::collections::HashMap<[u8; 32], u32> = order
            .iter()
            .zip(0u32..)
            .filter(|(_, row)| found[*row as usize])
            .map(|(&at, row)| (inputs[at].0, row))
            .collect();
        let places = inputs.iter().map(|input| at.get(&input.0).copied()).collect();
        Ok((places, batch.groups.into_iter().next().flatten()))
    }

    /// The values of the leaf with a page of inputs.
    pub(crate) fn leaf(&self, inputs: &Hash) -> Result<Option<LeafEntry>> {
        let Some(table) = self.leaves.as_ref().filter(|_| self.entry.unsteady.is_none()) else { return Ok(None) };
        let Some(found) = table.get(&inputs.0, &Columns::all(table.schema()))? else { return Ok(None) };
        let Some(Some(row)) = found.groups.first() else { return Ok(None) };
        let page = row.column(0).as_fixed_size_binary();
        let Ok(page) = <[u8; 32]>::try_from(page.value(0)) else { return Ok(None) };
        let number = |at: usize| row.column(at).as_primitive::<UInt64Type>().value(0);
        Ok(Some(LeafEntry {
            page: Hash(page),
            rows: number(1),
            cpu: row.column(2).as_primitive::<Float64Type>().value(0),
            bytes: number(3),
            time: row.column(4).as_primitive::<Int64Type>().value(0),
        }))
    }
}

fn reference(function: &Hash) -> String {
    format!("functions/{function}")
}

fn internal(error: &dyn std::fmt::Display) -> crate::EngineError {
    crate::EngineError::new("internal", format!("cannot write the action cache: {error}"))
}

/// Values in the order of their inputs, one of each.
fn sorted(rows: &RowValues) -> Result<RowBatch> {
    let mut order: Vec<u32> = (0..rows.inputs.len() as u32).collect();
    order.sort_by_key(|&at| rows.inputs[at as usize].0);
    order.dedup_by_key(|&mut at| rows.inputs[at as usize].0);
    let keys = BinaryArray::from_iter_values(order.iter().map(|&at| rows.inputs[at as usize].0));
    let taken =
        arrow::compute::take(&rows.values, &UInt32Array::from(order), None).map_err(|error| internal(&error))?;
    Ok(RowBatch { keys, groups: vec![Some(taken.as_struct().clone())] })
}

fn leaf_rows(leaves: &BTreeMap<Hash, LeafEntry>) -> Result<RowBatch> {
    let keys = BinaryArray::from_iter_values(leaves.keys().map(|page| page.0));
    let pages = FixedSizeBinaryArray::try_from_iter(leaves.values().map(|leaf| leaf.page.0));
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(pages.map_err(|error| internal(&error))?),
        Arc::new(leaves.values().map(|leaf| leaf.rows).collect::<UInt64Array>()),
        Arc::new(leaves.values().map(|leaf| leaf.cpu).collect::<Float64Array>()),
        Arc::new(leaves.values().map(|leaf| leaf.bytes).collect::<UInt64Array>()),
        Arc::new(leaves.values().map(|leaf| leaf.time).collect::<Int64Array>()),
    ];
    let fields = leaf_schema().groups.swap_remove(0).fields;
    let rows = StructArray::try_new(fields, columns, None).map_err(|error| internal(&error))?;
    Ok(RowBatch { keys, groups: vec![Some(rows)] })
}
