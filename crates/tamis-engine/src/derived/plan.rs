//! Which rows of a table need a value of a function.

use arrow::array::{Array, AsArray, BinaryArray, StructArray};
use arrow::datatypes::UInt64Type;
use tamis_core::{Hash, Hasher, Media, TableId};
use tamis_repo::{FieldKind, GroupInput, Snapshot};
use tamis_table::{BaseLeaf, Columns, Projection, RowBatch, Table};

use super::actions::{Known, LeafEntry};
use crate::error::{EngineError, Result};

/// Rows looked at together.
const CHUNK: usize = 4096;

/// What a leaf's values are remembered by: the page of its inputs. A page of fields holds all of them, so the field is
/// named too.
pub(crate) fn leaf_key(input: &GroupInput, page: &Hash) -> Hash {
    match input {
        GroupInput::Media => *page,
        GroupInput::Field(name) | GroupInput::Layer(name) => {
            let mut hasher = Hasher::default();
            hasher.update(page.as_bytes());
            hasher.update(name.as_bytes());
            hasher.finish()
        }
    }
}

/// What a row's value is computed from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// A media file.
    Media(Box<Media>),
    /// A text.
    Text(String),
}

impl Input {
    /// Names what is in it: of media the file's own hash, where that is known.
    pub(crate) fn hash(&self) -> Hash {
        match self {
            Input::Text(text) => Hash::of(text.as_bytes()),
            Input::Media(media) => media.blob.map_or_else(
                || {
                    let mut hasher = Hasher::default();
                    for part in [media.uri.as_deref(), media.etag.as_deref()] {
                        hasher.update(part.unwrap_or("").as_bytes());
                        hasher.update(b"\0");
                    }
                    hasher.update(&media.size.to_le_bytes());
                    hasher.finish()
                },
                |blob| blob.0,
            ),
        }
    }
}

/// A row that may need a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Its path.
    pub(crate) path: String,
    /// Its input; [`None`]: it has none, and so no value.
    pub(crate) input: Option<Input>,
}

/// A part of the work.
pub(crate) enum Part {
    /// The values of a leaf are known; but not those of the rows that deltas lie over.
    Leaf { leaf: BaseLeaf, entry: LeafEntry },
    /// All rows of a leaf of the base, but those that deltas lie over.
    Rows { leaf: BaseLeaf },
    /// These rows, ascending, if they are there.
    Keys(BinaryArray),
}

/// What has to be done to bring a derived field up to date.
pub(crate) struct Plan {
    /// The table that the rows are of.
    pub(crate) table: Table,
    /// The parts, of different rows each.
    pub(crate) parts: Vec<Part>,
    /// The rows that deltas lie over, ascending.
    pub(crate) overlaid: BinaryArray,
    /// Leaves of the base that are looked at.
    pub(crate) leaves: u64,
    /// Rows of which the value may change, at most.
    pub(crate) rows: u64,
    /// Rows whose values are taken leaf by leaf.
    pub(crate) taken: u64,
    input: GroupInput,
    columns: Columns,
}

/// The columns of a table that an input is in.
fn columns(table: &Table, input: &GroupInput) -> Result<Columns> {
    let schema = table.schema();
    let none = Columns::none(schema);
    let (group, names): (&str, Vec<String>) = match input {
        GroupInput::Media => ("base", ["blob", "uri", "etag", "size"].map(str::to_owned).to_vec()),
        GroupInput::Field(name) => {
            let known = schema.group("fields").ok();
            let own = |column: &&str| FieldKind::parse(column).is_some_and(|(field, _)| field == name);
            let names = known.iter().flat_map(|group| group.fields.iter().map(|field| field.name().as_str()));
            let names: Vec<String> = names.filter(own).map(str::to_owned).collect();
            if names.is_empty() {
                let message = format!("cannot compute from the field `{name}`: no sample has it");
                return Err(EngineError::new("usage", message).hint("`tamis stats DATASET` lists the fields"));
            }
            ("fields", names)
        }
        GroupInput::Layer(name) => {
            return Err(EngineError::new(
                "usage",
                format!("cannot compute from the layer `{name}`: only from media and fields"),
            ));
        }
    };
    Ok(none.with(schema, group, Projection::select(&schema.group(group)?.fields, &names)?)?)
}

impl Plan {
    /// Finds what to do in a snapshot. `since`: a table of which every row that is still the same has its value;
    /// without one, all rows of which `known` does not know the leaf. O(changes since), or O(leaves).
    pub(crate) fn new(
        snapshot: &Snapshot,
        input: &GroupInput,
        since: Option<TableId>,
        known: Option<&Known>,
    ) -> Result<Plan> {
        let table = snapshot.table().clone();
        let columns = columns(&table, input)?;
        let since = since.and_then(|id| Table::open(table.cache(), id).ok());
        let overlaid = table.overlaid(&columns)?;
        let mut plan =
            Plan { table, parts: Vec::new(), overlaid, leaves: 0, rows: 0, taken: 0, input: input.clone(), columns };
        match since {
            Some(since) => plan.since(&since)?,
            None => plan.everything(known)?,
        }
        Ok(plan)
    }

    fn since(&mut self, since: &Table) -> Result<()> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for batch in since.diff_in(&self.table, &self.columns)? {
            let batch = batch?;
            keys.extend((0..batch.len()).filter(|&row| batch.is[row]).map(|row| batch.keys.value(row).to_vec()));
        }
        self.rows = keys.len() as u64;
        let leaves = self.table.base_leaves()?;
        let mut touched = 0;
        let mut at = 0;
        for leaf in &leaves {
            let start = at;
            while keys.get(at).is_some_and(|key| *key <= leaf.last) {
                at += 1;
            }
            touched += u64::from(at > start);
        }
        self.leaves = touched + u64::from(at < keys.len());
        for keys in keys.chunks(CHUNK) {
            self.parts.push(Part::Keys(BinaryArray::from_iter_values(keys)));
        }
        Ok(())
    }

    fn everything(&mut self, known: Option<&Known>) -> Result<()> {
        let group = match self.input {
            GroupInput::Media => "base",
            _ => "fields",
        };
        let at = self.table.schema().position(group).unwrap_or(0);
        for leaf in self.table.base_leaves()? {
            self.leaves += 1;
            let entry = match (known, leaf.page(at)) {
                (Some(known), Some(page)) => {
                    known.leaf(&leaf_key(&self.input, &page))?.filter(|entry| entry.rows == leaf.rows)
                }
                _ => None,
            };
            // The lake may have given up the page since.
            let entry = match entry {
                Some(entry) if self.table.cache().store().contains(&entry.page)? => Some(entry),
                _ => None,
            };
            match entry {
                Some(entry) => {
                    self.taken += leaf.rows;
                    self.parts.push(Part::Leaf { leaf, entry });
                }
                None => {
                    self.rows += leaf.rows;
                    self.parts.push(Part::Rows { leaf });
                }
            }
        }
        let overlaid = self.overlaid.len();
        self.rows += overlaid as u64;
        for start in (0..overlaid).step_by(CHUNK) {
            self.parts.push(Part::Keys(self.overlaid.slice(start, CHUNK.min(overlaid - start))));
        }
        Ok(())
    }

    /// Whether a delta lies over a row.
    pub(crate) fn is_overlaid(&self, key: &[u8]) -> bool {
        let (mut low, mut high) = (0, self.overlaid.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.overlaid.value(middle).cmp(key) {
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }

    /// The rows of a part with their inputs, as they are now.
    pub(crate) fn rows_of(&self, part: &Part) -> Result<Vec<Row>> {
        match part {
            Part::Leaf { leaf, .. } | Part::Rows { leaf } => {
                let mut end = leaf.last.clone();
                end.push(0);
                let options =
                    tamis_table::ScanOptions::new(self.columns.clone()).range(Some(leaf.first.clone()), Some(end));
                let mut rows = Vec::new();
                for batch in self.table.scan(options)? {
                    let batch = batch?;
                    let all = self.read(&batch)?;
                    rows.extend(all.into_iter().filter(|row| !self.is_overlaid(row.path.as_bytes())));
                }
                Ok(rows)
            }
            Part::Keys(keys) => {
                let (batch, there) = self.table.get_many(keys, &self.columns)?;
                let rows = self.read(&batch)?;
                Ok(rows.into_iter().zip(there).filter(|(_, there)| *there).map(|(row, _)| row).collect())
            }
        }
    }

    fn read(&self, batch: &RowBatch) -> Result<Vec<Row>> {
        let group = batch.groups.iter().flatten().next();
        let mut rows = Vec::with_capacity(batch.len());
        for row in 0..batch.len() {
            let path = String::from_utf8_lossy(batch.keys.value(row)).into_owned();
            let input = match (group, &self.input) {
                (Some(group), GroupInput::Media) => media(group, row).map(|media| Input::Media(Box::new(media))),
                (Some(group), _) => text(group, row).map(Input::Text),
                (None, _) => None,
            };
            rows.push(Row { path, input });
        }
        Ok(rows)
    }
}

fn media(group: &StructArray, row: usize) -> Option<Media> {
    let size = group.column_by_name("size")?.as_primitive_opt::<UInt64Type>()?;
    if size.is_null(row) {
        return None;
    }
    let string = |name: &str| {
        let column = group.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let blob = group.column_by_name("blob")?.as_fixed_size_binary_opt()?;
    let blob = blob.is_valid(row).then(|| <[u8; 32]>::try_from(blob.value(row)).ok()).flatten();
    Some(Media {
        blob: blob.map(|bytes| tamis_core::BlobId(Hash(bytes))),
        uri: string("uri"),
        etag: string("etag"),
        size: size.value(row),
        ..Media::default()
    })
}

/// The text of a field: of a text itself, of other kinds as they are written.
fn text(group: &StructArray, row: usize) -> Option<String> {
    let column = group.columns().iter().find(|column| column.is_valid(row))?;
    match column.as_string_opt::<i32>() {
        Some(texts) => Some(texts.value(row).to_owned()),
        None => arrow::util::display::array_value_to_string(column, row).ok(),
    }
}
