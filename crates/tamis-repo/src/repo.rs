//! A lake with its datasets.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use tamis_core::{Clock, CommitId, DatasetName, Hash, IdSource, ObjectId, OperationId, TableId};
use tamis_store::{Location, RefValue, Store, StoreOptions, Writer};
use tamis_table::{CutRule, Table, TableCache};

use crate::object::{
    Action, Author, Branch, ChangeId, Commit, CommitObject, Head, Object, Operation, OperationObject, Removed, SAMPLES,
    TableEntry, View, decode_ref,
};
use crate::schema::Layout;
use crate::{Dataset, Error, Result};

/// Where the refs of datasets are in the store.
const REFS: &str = "datasets/";

/// The branch of a new dataset.
pub(crate) const MAIN: &str = "main";

/// Tables that stay open.
const OPEN_TABLES: usize = 32;

/// A lake with its datasets. Cheap to clone; safe to share between threads.
#[derive(Clone)]
pub struct Repo(Arc<Inner>);

struct Inner {
    store: Store,
    cache: Arc<TableCache>,
    root: CommitId,
    /// One commit at a time and dataset in this process, so that threads do not lose races.
    turns: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    tables: Mutex<VecDeque<(TableId, Table)>>,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").field("store", &self.0.store).finish_non_exhaustive()
    }
}

impl Repo {
    /// Makes a new lake.
    pub fn init(location: &Location, options: StoreOptions) -> Result<Repo> {
        Repo::on(Store::create(location, options)?)
    }

    /// Opens a lake.
    pub fn open(location: &Location, options: StoreOptions) -> Result<Repo> {
        Repo::on(Store::open(location, options)?)
    }

    /// A lake in this process's memory.
    pub fn memory() -> Result<Repo> {
        Repo::on(Store::memory()?)
    }

    /// The lake of an open store. The root commit, which every history begins with, is the same
    /// in every lake; it is written on first use.
    pub fn on(store: Store) -> Result<Repo> {
        // The root's id is a constant of the format; computing it in memory keeps the two in step.
        static ROOT: OnceLock<CommitId> = OnceLock::new();
        let root = match ROOT.get() {
            Some(root) => *root,
            None => *ROOT.get_or_init({
                let root = write_root(&TableCache::new(&Store::memory()?))?;
                move || root
            }),
        };
        let cache = TableCache::new(&store);
        Ok(Repo(Arc::new(Inner { store, cache, root, turns: Mutex::default(), tables: Mutex::default() })))
    }

    /// The bytes below.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.0.store.options().clock.as_ref()
    }

    pub(crate) fn ids(&self) -> &dyn IdSource {
        self.0.store.options().ids.as_ref()
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock().now_micros()
    }

    /// The commit without parents and samples that every history begins with.
    pub fn root(&self) -> CommitId {
        self.0.root
    }

    /// The names of the datasets, sorted. One listing and three reads a dataset.
    pub fn datasets(&self) -> Result<Vec<DatasetName>> {
        self.list(|view| view.removed.is_none())
    }

    /// The names of removed datasets that can still be brought back, sorted.
    pub fn removed(&self) -> Result<Vec<DatasetName>> {
        self.list(|view| view.removed.as_ref().is_some_and(|removed| removed.renamed.is_none()))
    }

    pub(crate) fn all_names(&self) -> Result<Vec<DatasetName>> {
        self.list(|_| true)
    }

    fn list(&self, wanted: impl Fn(&View) -> bool) -> Result<Vec<DatasetName>> {
        let mut names = Vec::new();
        for name in self.0.store.list_refs(REFS)? {
            let name = DatasetName::new(name.strip_prefix(REFS).unwrap_or(&name))?;
            let name = local_name(&name)?;
            if let Some(state) = self.state(&name)?
                && wanted(&state.view)
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes a dataset with one branch, `main`, at the root commit.
    pub fn create(&self, name: &DatasetName, author: &Author) -> Result<Dataset> {
        let writer = self.0.store.writer()?;
        let root = write_root_on(&writer, self)?;
        let branch = Branch { commit: root, merge: None, protected: false };
        let view = View { branches: [(MAIN.to_owned(), branch)].into(), default: MAIN.to_owned(), ..View::default() };
        self.put_new(name, view, writer, Action::Create, format!("create {name}"), author)
    }

    /// Puts a view under a name that is free (or whose dataset was removed).
    pub(crate) fn put_new(
        &self,
        name: &DatasetName,
        view: View,
        writer: Writer,
        action: Action,
        description: String,
        author: &Author,
    ) -> Result<Dataset> {
        let there = self.state(name)?;
        if there.as_ref().is_some_and(|state| state.view.removed.is_none()) {
            return Err(Error::Exists { what: "dataset", name: name.to_string() });
        }
        let parent = there.as_ref().map(|state| state.operation);
        let head = self.write_operation(&writer, &view, parent, action, description, author)?;
        writer.finish()?;
        let expected = there.map(|state| state.reference.version);
        match self.0.store.swap_ref(&ref_name(name), expected.as_ref(), Bytes::from(head.encode()?))? {
            Ok(_) => Ok(Dataset::new(self.clone(), name.clone())),
            Err(_) => Err(Error::Exists { what: "dataset", name: name.to_string() }),
        }
    }

    /// A dataset that is there.
    pub fn dataset(&self, name: &DatasetName) -> Result<Dataset> {
        match self.state(name)? {
            Some(state) if state.view.removed.is_none() => Ok(Dataset::new(self.clone(), name.clone())),
            _ => {
                let names = self.datasets()?;
                Err(Error::not_found("dataset", name.to_string(), names.iter().map(DatasetName::as_str)))
            }
        }
    }

    /// Removes a dataset. [`Repo::restore`] brings it back until garbage collection gives it up.
    pub fn remove(&self, name: &DatasetName, author: &Author) -> Result<()> {
        let dataset = self.dataset(name)?;
        let time = self.now();
        dataset.change_view(Action::Remove, author, format!("remove {name}"), |view, _| {
            view.removed = Some(Removed { renamed: None, time });
            Ok(())
        })
    }

    /// Brings a removed dataset back.
    pub fn restore(&self, name: &DatasetName, author: &Author) -> Result<Dataset> {
        match self.state(name)? {
            Some(state) if state.view.removed.is_some() => {
                let dataset = Dataset::new(self.clone(), name.clone());
                dataset.change_view(Action::Restore, author, format!("bring back {name}"), |view, _| {
                    view.removed = None;
                    Ok(())
                })?;
                Ok(dataset)
            }
            Some(_) => Err(Error::Exists { what: "dataset", name: name.to_string() }),
            None => {
                let names = self.removed()?;
                Err(Error::not_found("removed dataset", name.to_string(), names.iter().map(DatasetName::as_str)))
            }
        }
    }

    /// Gives a dataset another name; history, operations and all. Two ref swaps: stopped between
    /// them, the dataset is there under both names.
    pub fn rename(&self, from: &DatasetName, to: &DatasetName, author: &Author) -> Result<Dataset> {
        let dataset = self.dataset(from)?;
        let turn = self.turn(from);
        let _turn = turn.lock();
        let state = dataset.state()?;
        let there = self.state(to)?;
        if from == to || there.as_ref().is_some_and(|state| state.view.removed.is_none()) {
            return Err(Error::Exists { what: "dataset", name: to.to_string() });
        }
        let description = format!("rename {from} to {to}");
        let writer = self.0.store.writer()?;
        let head = self.write_operation(
            &writer,
            &state.view,
            Some(state.operation),
            Action::Rename,
            description.clone(),
            author,
        )?;
        let gone =
            View { removed: Some(Removed { renamed: Some(to.to_string()), time: self.now() }), ..state.view.clone() };
        let tomb = self.write_operation(&writer, &gone, Some(state.operation), Action::Rename, description, author)?;
        writer.finish()?;
        let store = &self.0.store;
        let expected = there.map(|state| state.reference.version);
        let Ok(version) = store.swap_ref(&ref_name(to), expected.as_ref(), Bytes::from(head.encode()?))? else {
            return Err(Error::Exists { what: "dataset", name: to.to_string() });
        };
        match store.swap_ref(&ref_name(from), Some(&state.reference.version), Bytes::from(tomb.encode()?))? {
            Ok(_) => Ok(Dataset::new(self.clone(), to.clone())),
            Err(_) => {
                // Somebody committed meanwhile: take the new name back and let the caller try again.
                store.remove_ref(&ref_name(to), &version)?;
                let reason = "somebody changed it at the same time".to_owned();
                Err(Error::Moved { name: from.to_string(), reason, retry: true })
            }
        }
    }

    // -- objects ------------------------------------------------------------------------------

    pub(crate) fn read<T: Object>(&self, id: &Hash) -> Result<T> {
        T::decode(id, &self.0.store.get(id)?)
    }

    /// A commit by its full id.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        if id == self.0.root && !self.0.store.contains(id.hash())? {
            write_root(&self.0.cache)?;
        }
        Commit::decode(id, &self.0.store.get(id.hash())?)
    }

    /// An open table; the last ones used stay open.
    pub(crate) fn table(&self, id: TableId) -> Result<Table> {
        let mut open = self.0.tables.lock();
        if let Some(at) = open.iter().position(|(known, _)| *known == id)
            && let Some(entry) = open.remove(at)
        {
            open.push_back(entry.clone());
            return Ok(entry.1);
        }
        drop(open);
        let table = Table::open(&self.0.cache, id)?;
        self.keep_table(&table);
        Ok(table)
    }

    pub(crate) fn keep_table(&self, table: &Table) {
        let mut open = self.0.tables.lock();
        let id = table.id();
        if open.iter().all(|(known, _)| *known != id) {
            open.push_back((id, table.clone()));
        }
        while open.len() > OPEN_TABLES {
            open.pop_front();
        }
    }

    pub(crate) fn new_change(&self) -> ChangeId {
        ChangeId(self.ids().next_id())
    }

    // -- refs ---------------------------------------------------------------------------------

    /// The lock that commits of this process to a dataset take.
    pub(crate) fn turn(&self, name: &DatasetName) -> Arc<Mutex<()>> {
        Arc::clone(self.0.turns.lock().entry(ref_name(name)).or_default())
    }

    /// A dataset's newest operation and view; [`None`] when there is no such ref.
    pub(crate) fn state(&self, name: &DatasetName) -> Result<Option<State>> {
        let Some(reference) = self.0.store.read_ref(&ref_name(name))? else { return Ok(None) };
        self.state_of(name, reference).map(Some)
    }

    pub(crate) fn state_of(&self, name: &DatasetName, reference: RefValue) -> Result<State> {
        let head = decode_ref(&ref_name(name), &reference.bytes)?;
        let operation = self.operation(head.operation)?;
        let view = self.read(operation.view.hash())?;
        Ok(State { reference, operation: head.operation, view })
    }

    pub(crate) fn operation(&self, id: OperationId) -> Result<Operation> {
        let OperationObject { action, author, description, parent, time, view } = self.read(id.hash())?;
        Ok(Operation { id, action, description, author, time, parent, view })
    }

    pub(crate) fn write_operation(
        &self,
        writer: &Writer,
        view: &View,
        parent: Option<OperationId>,
        action: Action,
        description: String,
        author: &Author,
    ) -> Result<Head> {
        let view = ObjectId(writer.put(view.encode()?)?);
        let operation = OperationObject { action, author: author.clone(), description, parent, time: self.now(), view };
        Ok(Head { operation: OperationId(writer.put(operation.encode()?)?) })
    }
}

/// A dataset's refs as they were read.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) reference: RefValue,
    pub(crate) operation: OperationId,
    pub(crate) view: View,
}

/// The ref of a dataset: always with an organisation.
pub(crate) fn ref_name(name: &DatasetName) -> String {
    format!("{REFS}{}/{}", name.org(), name.name())
}

/// The short form of a name: without the organisation where it is the local one.
fn local_name(name: &DatasetName) -> Result<DatasetName> {
    if name.org() == DatasetName::LOCAL { Ok(DatasetName::new(name.name())?) } else { Ok(name.clone()) }
}

fn write_root(cache: &Arc<TableCache>) -> Result<CommitId> {
    let writer = cache.store().writer()?;
    let id = put_root(&writer, cache)?;
    writer.finish()?;
    Ok(id)
}

/// Writes the empty table and the root commit; the same bytes in every lake.
pub(crate) fn write_root_on(writer: &Writer, repo: &Repo) -> Result<CommitId> {
    put_root(writer, &repo.0.cache)
}

fn put_root(writer: &Writer, cache: &Arc<TableCache>) -> Result<CommitId> {
    let table = Table::empty(cache, writer, Layout::empty().schema().clone(), CutRule::default())?;
    let commit = CommitObject {
        author: Author::default(),
        change: ChangeId(0),
        extra: Default::default(),
        message: String::new(),
        ontology: None,
        parents: Vec::new(),
        sensors: None,
        tables: [(SAMPLES.to_owned(), TableEntry { change: None, table: table.id() })].into(),
        time: 0,
    };
    Ok(CommitId(writer.put(commit.encode()?)?))
}
