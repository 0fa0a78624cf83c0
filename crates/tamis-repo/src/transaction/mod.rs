//! Transactions: many edits in any order, one commit.
//!
//! Edits wait in a [`spool`] that is bounded in memory; the last edit of a path wins, patches add
//! up. At the commit they are applied to the branch's commit at the transaction's beginning, and
//! the change lands (see `landing.rs`): one pack and one ref swap where nobody else was there.

mod edit;
mod spool;

use std::sync::Arc;

use arrow::array::Array as _;
use tamis_core::{BlobId, Label, Ontology, Sample, Sensor, Value};
use tamis_store::Writer;
use tamis_table::RowBatch;

pub(crate) use edit::RowEdit;
pub use edit::SamplePatch;
pub(crate) use spool::{SortedEdits, Spool};

use crate::landing::{Landed, Landing};
use crate::merge::{Contents, check_object, write_object};
use crate::object::{Action, Author, ChangeId, Commit, TableEntry};
use crate::rows::{Edits, Rows};
use crate::{Dataset, Error, Result, Snapshot};

/// How to commit.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CommitOptions {
    /// Commit to a protected branch.
    pub allow_protected: bool,
    /// Commit though nothing differs.
    pub allow_empty: bool,
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// This commit was made.
    Committed(Box<Commit>),
    /// The branch has all of it already; nothing was written to it.
    Nothing,
}

impl Outcome {
    /// The commit, where one was made.
    pub fn commit(&self) -> Option<&Commit> {
        match self {
            Outcome::Committed(commit) => Some(commit),
            Outcome::Nothing => None,
        }
    }
}

/// Where a transaction's outcome goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    Branch(String),
    Draft(String),
}

/// Changes to a branch (or draft) that become one commit. Dropped without a commit, it never was.
pub struct Transaction {
    dataset: Dataset,
    target: Target,
    base: Commit,
    writer: Arc<Writer>,
    spool: Spool,
    /// The base's samples with bulk batches put in; replaces the base's table.
    bulk: Option<(Rows, TableEntry)>,
    ontology: Option<Ontology>,
    sensors: Vec<(String, String, Option<Sensor>)>,
    extra: Vec<(String, Option<tamis_core::ObjectId>)>,
    /// Other tables, set or taken away.
    tables: Vec<(String, Option<tamis_table::Table>)>,
    change: ChangeId,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("target", &self.target).field("base", &self.base.id).finish_non_exhaustive()
    }
}

impl Transaction {
    pub(crate) fn begin(dataset: Dataset, branch: &str, base: Commit) -> Result<Transaction> {
        Transaction::towards(dataset, Target::Branch(branch.to_owned()), base)
    }

    pub(crate) fn towards(dataset: Dataset, target: Target, base: Commit) -> Result<Transaction> {
        let writer = Arc::new(dataset.repo().store().writer()?);
        let change = dataset.repo().new_change();
        Ok(Transaction {
            dataset,
            target,
            base,
            writer,
            spool: Spool::default(),
            bulk: None,
            ontology: None,
            sensors: Vec::new(),
            extra: Vec::new(),
            tables: Vec::new(),
            change,
        })
    }

    /// The commit it began on.
    pub fn base(&self) -> &Commit {
        &self.base
    }

    /// What it began on, for reading.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Snapshot::open(self.dataset.repo(), self.base.clone())
    }

    /// Takes bytes into the lake, for use as media or mask. Many threads may do so at once
    /// (through [`Transaction::blobs`]).
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId> {
        Ok(self.writer.put_blob(bytes)?)
    }

    /// The write session that the commit will make durable, for putting blobs from many threads.
    /// Give it back (drop it) before the commit.
    pub fn blobs(&self) -> Arc<Writer> {
        Arc::clone(&self.writer)
    }

    /// Bytes of edits kept in memory before they go to a temporary file; 128 MiB by default.
    pub fn set_memory_limit(&mut self, bytes: usize) {
        self.spool.set_limit(bytes);
    }

    /// How many paths have edits so far (edits of one path that went to a temporary file between
    /// count again).
    pub fn len(&self) -> u64 {
        self.spool.len()
    }

    /// Whether there are no edits of samples so far.
    pub fn is_empty(&self) -> bool {
        self.spool.len() == 0 && self.bulk.is_none()
    }

    /// Puts a whole sample: replaces the one of that path, layers it does not have included.
    /// Labels without ids get some.
    pub fn put(&mut self, mut sample: Sample) -> Result<()> {
        crate::schema::check_sample(&sample)?;
        for (layer, labels) in &mut sample.layers {
            crate::schema::prepare_labels(&sample.path, layer, labels)?;
        }
        let path = sample.path.clone();
        self.spool.add(path, RowEdit::Put(Box::new(sample)))
    }

    /// Puts many samples.
    pub fn put_many(&mut self, samples: impl IntoIterator<Item = Sample>) -> Result<()> {
        samples.into_iter().try_for_each(|sample| self.put(sample))
    }

    /// Changes parts of a sample that is there; at the commit, a path that is not is an error.
    pub fn patch(&mut self, path: &str, mut patch: SamplePatch) -> Result<()> {
        patch.check(path)?;
        self.spool.add(path.to_owned(), RowEdit::Patch(Box::new(patch)))
    }

    /// Replaces one layer of a sample; [`None`] takes the layer away.
    pub fn patch_layer(&mut self, path: &str, layer: &str, labels: Option<Vec<Label>>) -> Result<()> {
        self.patch(path, SamplePatch { layers: [(layer.to_owned(), labels)].into(), ..SamplePatch::default() })
    }

    /// Sets one field of a sample; [`None`] takes it away.
    pub fn set_field(&mut self, path: &str, name: &str, value: Option<Value>) -> Result<()> {
        self.patch(path, SamplePatch { fields: [(name.to_owned(), value)].into(), ..SamplePatch::default() })
    }

    /// Deletes a sample; a path that is not there is no error.
    pub fn delete(&mut self, path: &str) -> Result<()> {
        tamis_core::check_path(path)?;
        self.spool.add(path.to_owned(), RowEdit::Delete)
    }

    /// Puts whole rows that have the form of the samples schema already (see
    /// [`crate::samples_schema`]), in ascending order of unique paths: the fast way in. Into an
    /// empty dataset they stream in bounded memory; otherwise they replace rows of equal paths.
    /// Applied before all other edits. Values are taken as they are: label ids must be set,
    /// unique and ascending.
    pub fn put_batches(
        &mut self,
        schema: &tamis_table::TableSchema,
        batches: impl Iterator<Item = Result<RowBatch>> + Send,
    ) -> Result<()> {
        let repo = self.dataset.repo();
        let rows = match &self.bulk {
            Some((rows, _)) => rows.clone(),
            None => Rows::open(repo, self.base.samples().table)?,
        };
        let edited = rows.put_batches(repo, &self.writer, schema, batches)?;
        let entry = if self.bulk.is_some() { edited.entry_without_change() } else { edited.entry };
        self.bulk = Some((edited.rows, entry));
        Ok(())
    }

    /// Puts the values of one column group that samples are not made of (an embedding, a derived
    /// field: see [`crate::GroupInput`]) into rows that are there, in batches of ascending keys. Made
    /// where there is none yet. Applied before all other edits, after batches put earlier.
    pub fn put_group(
        &mut self,
        group: &tamis_table::GroupSchema,
        batches: impl Iterator<Item = Result<(arrow::array::BinaryArray, arrow::array::StructArray)>>,
    ) -> Result<()> {
        let repo = self.dataset.repo();
        let rows = match &self.bulk {
            Some((rows, _)) => rows.clone(),
            None => Rows::open(repo, self.base.samples().table)?,
        };
        if crate::schema::is_own(&group.name) {
            let reason = "samples are made of the group of this name".to_owned();
            return Err(Error::Invalid { what: "column group", name: group.name.clone(), reason });
        }
        let edited = rows.put_group(repo, &self.writer, group, batches)?;
        let entry = if self.bulk.is_some() { edited.entry_without_change() } else { edited.entry };
        self.bulk = Some((edited.rows, entry));
        Ok(())
    }

    /// Takes the values of a column group that samples are not made of away from all rows.
    pub fn drop_group(&mut self, name: &str) -> Result<()> {
        let table = self.table()?;
        let Some(at) = table.schema().position(name).filter(|_| !crate::schema::is_own(name)) else { return Ok(()) };
        let group = table.schema().groups[at].clone();
        let options = tamis_table::ScanOptions::new(tamis_table::Columns::none(table.schema()));
        let empty = group.clone();
        let batches = table.scan(options)?.map(move |batch| {
            let keys = batch?.keys;
            let values = crate::rows::nulls(&empty, keys.len())?;
            Ok((keys, values))
        });
        self.put_group(&group, batches)
    }

    /// The samples as they are with what [`Transaction::put_batches`] and
    /// [`Transaction::put_group`] put so far.
    pub fn table(&self) -> Result<tamis_table::Table> {
        match &self.bulk {
            Some((rows, _)) => Ok(rows.table().clone()),
            None => self.dataset.repo().table(self.base.samples().table),
        }
    }

    /// Makes another table of the commit anew (findings, an index) from rows in ascending order of
    /// their keys. Such tables hold what is computed: merges never clash in them.
    pub fn put_table(
        &mut self,
        name: &str,
        schema: tamis_table::TableSchema,
        rows: impl Iterator<Item = Result<RowBatch>>,
    ) -> Result<()> {
        check_table_name(name)?;
        let mut failed = None;
        let rows = rows.map(|batch| {
            batch.map_err(|error| {
                failed = Some(error);
                tamis_table::TableError::BadRows { reason: "a batch was refused".to_owned() }
            })
        });
        let cache = self.snapshot()?.table().cache().clone();
        let built =
            tamis_table::Table::build(&cache, &self.writer, schema, rows, &tamis_table::BuildOptions::default());
        if let Some(error) = failed {
            return Err(error);
        }
        self.tables.push((name.to_owned(), Some(built?)));
        Ok(())
    }

    /// Changes rows of another table of the commit.
    pub fn edit_table(&mut self, name: &str, edit: &tamis_table::Edit) -> Result<()> {
        let set = self.tables.iter().rev().find(|(set, _)| set == name).map(|(_, table)| table.clone());
        let table = match set {
            Some(table) => table,
            None => self.snapshot()?.other_table(name)?,
        };
        let Some(table) = table else { return Err(Error::not_found("table", name.to_owned(), Vec::<&str>::new())) };
        let edited = table.edit(&self.writer, edit, &tamis_table::EditOptions::default())?;
        self.tables.push((name.to_owned(), Some(edited.table)));
        Ok(())
    }

    /// Takes another table of the commit away.
    pub fn drop_table(&mut self, name: &str) -> Result<()> {
        check_table_name(name)?;
        self.tables.push((name.to_owned(), None));
        Ok(())
    }

    /// Replaces the ontology.
    pub fn set_ontology(&mut self, ontology: Ontology) -> Result<()> {
        check_object(&ontology)?;
        self.ontology = Some(ontology);
        Ok(())
    }

    /// Sets a sensor of a segment (empty for all); [`None`] takes it away.
    pub fn set_sensor(&mut self, segment: &str, name: &str, sensor: Option<Sensor>) -> Result<()> {
        if let Some(sensor) = &sensor {
            let mut alone = crate::Sensors::default();
            alone.set(segment, name, Some(sensor.clone()));
            check_object(&alone)?;
            if sensor.name != name {
                let reason = format!("it is named `{}`", sensor.name);
                return Err(Error::Invalid { what: "sensor", name: name.to_owned(), reason });
            }
        }
        self.sensors.push((segment.to_owned(), name.to_owned(), sensor));
        Ok(())
    }

    /// Sets one of the commit's other objects; [`None`] takes it away.
    pub fn set_extra(&mut self, name: &str, bytes: Option<&[u8]>) -> Result<()> {
        let id = bytes.map(|bytes| self.writer.put(bytes)).transpose()?.map(tamis_core::ObjectId);
        self.extra.push((name.to_owned(), id));
        Ok(())
    }

    /// Commits; see [`Transaction::commit_with`].
    pub fn commit(self, message: &str, author: &Author) -> Result<Outcome> {
        self.commit_with(message, author, &CommitOptions::default())
    }

    /// Makes the edits one commit, durable when this returns. When the branch moved since the
    /// beginning, the change is merged onto its newest commit; a clash is an [`Error::Conflict`]
    /// and nothing happened.
    pub fn commit_with(mut self, message: &str, author: &Author, options: &CommitOptions) -> Result<Outcome> {
        let contents = self.contents()?;
        let base = Contents::of(&self.base);
        let Transaction { dataset, target, base: base_commit, writer, change, .. } = self;
        let writer = Arc::try_unwrap(writer).map_err(|_| Error::Refused {
            action: "commit to",
            name: dataset.name().to_string(),
            reason: "a handle on its write session is still held",
        })?;
        let branch = match target {
            Target::Branch(branch) => branch,
            Target::Draft(draft) => {
                return dataset.save_draft(&draft, &base_commit, contents, writer, message, author, change);
            }
        };
        let title = message.lines().next().unwrap_or("");
        let landing = Landing {
            branch: &branch,
            action: Action::Commit,
            description: format!("commit to {branch}: {title}"),
            message,
            author,
            change,
            parents: Vec::new(),
            allow_protected: options.allow_protected,
            allow_empty: options.allow_empty,
            keep_conflicts: None,
        };
        match dataset.land(&landing, &base, &contents, Some(writer), |_| Ok(()))? {
            Landed::Commit(commit) => Ok(Outcome::Committed(commit)),
            Landed::Nothing | Landed::Conflicts(_) => Ok(Outcome::Nothing),
        }
    }

    /// Applies the edits to the base.
    fn contents(&mut self) -> Result<Contents> {
        let repo = self.dataset.repo().clone();
        let mut contents = Contents::of(&self.base);
        let mut is_relative = true;
        if let Some((_, entry)) = &self.bulk {
            contents = contents.with_samples(*entry);
            is_relative = false;
        }
        let edits = std::mem::take(&mut self.spool).finish()?;
        if !edits.is_empty() {
            let rows = match self.bulk.take() {
                Some((rows, _)) => rows,
                None => Rows::open(&repo, contents.samples()?.table)?,
            };
            let edited = rows.edit(&repo, &self.writer, edits)?;
            let entry = if is_relative { edited.entry } else { edited.entry_without_change() };
            contents = contents.with_samples(entry);
        }
        if let Some(ontology) = &self.ontology {
            contents.ontology = write_object(&self.writer, ontology)?;
        }
        if !self.sensors.is_empty() {
            let mut sensors = crate::merge::sensors_of(&repo, &contents)?;
            for (segment, name, sensor) in self.sensors.drain(..) {
                sensors.set(&segment, &name, sensor);
            }
            contents.sensors = write_object(&self.writer, &sensors)?;
        }
        for (name, table) in self.tables.drain(..) {
            contents.tables.remove(&name);
            if let Some(table) = table {
                repo.keep_table(&table);
                contents.tables.insert(name, TableEntry { change: None, table: table.id() });
            }
        }
        for (name, id) in self.extra.drain(..) {
            contents.extra.remove(&name);
            contents.extra.extend(id.map(|id| (name, id)));
        }
        Ok(contents)
    }
}

/// Whether another table of a commit may have a name.
fn check_table_name(name: &str) -> Result<()> {
    if name.is_empty() || name == crate::object::SAMPLES {
        let reason = "it names the samples themselves".to_owned();
        return Err(Error::Invalid { what: "table", name: name.to_owned(), reason });
    }
    Ok(())
}

/// Edits gathered in memory, for callers inside this crate.
impl Edits {
    /// Sets a sample to a value, or deletes it.
    pub(crate) fn set(&mut self, path: &str, sample: Option<Sample>) -> Result<()> {
        self.add(path.to_owned(), sample.map_or(RowEdit::Delete, |sample| RowEdit::Put(Box::new(sample))))
    }
}
