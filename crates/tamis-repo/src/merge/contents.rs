//! What a commit holds, and its three-way merge.

use std::collections::{BTreeMap, BTreeSet};

use tamis_core::{ObjectId, Ontology};
use tamis_store::Writer;

use super::conflict::{Clashes, Conflict, ConflictPart};
use super::ontology::{merge_ontologies, merge_sensors};
use crate::object::{Commit, Object, SAMPLES, Sensors, TableEntry};
use crate::rows::Rows;
use crate::{Error, Repo, Result};

/// Objects whose names begin so are states of what is computed: they never clash, ours stays.
const STATE: &str = "state/";

/// What a commit holds, without who, when and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contents {
    pub(crate) tables: BTreeMap<String, TableEntry>,
    pub(crate) ontology: Option<ObjectId>,
    pub(crate) sensors: Option<ObjectId>,
    pub(crate) extra: BTreeMap<String, ObjectId>,
}

impl Contents {
    pub(crate) fn of(commit: &Commit) -> Contents {
        Contents {
            tables: commit.tables.clone(),
            ontology: commit.ontology,
            sensors: commit.sensors,
            extra: commit.extra.clone(),
        }
    }

    pub(crate) fn samples(&self) -> Result<TableEntry> {
        self.tables.get(SAMPLES).copied().ok_or_else(|| Error::corrupt("commit", "-", "it has no table `samples`"))
    }

    /// The same with other samples.
    pub(crate) fn with_samples(mut self, entry: TableEntry) -> Contents {
        self.tables.insert(SAMPLES.to_owned(), entry);
        self
    }

    /// Whether both hold the same: equal objects, and tables of equal rows. O(1).
    pub(crate) fn is_same(&self, other: &Contents, repo: &Repo) -> Result<bool> {
        let same_objects =
            self.ontology == other.ontology && self.sensors == other.sensors && self.extra == other.extra;
        let others = |contents: &Contents| -> Vec<(String, tamis_core::TableId)> {
            let others = contents.tables.iter().filter(|(name, _)| *name != SAMPLES);
            others.map(|(name, entry)| (name.clone(), entry.table)).collect()
        };
        let same_objects = same_objects && others(self) == others(other);
        let (a, b) = (self.samples()?.table, other.samples()?.table);
        Ok(same_objects && (a == b || Rows::open(repo, a)?.has_same_rows(&Rows::open(repo, b)?)?))
    }
}

/// Merges what `theirs` changed since `base` into `ours`. What clashes holds ours, and is told.
/// The outcome's tables have changes relative to `ours` where they are known.
pub(crate) fn merge_contents(
    repo: &Repo,
    writer: &Writer,
    base: &Contents,
    ours: &Contents,
    theirs: &Contents,
) -> Result<(Contents, Vec<Conflict>)> {
    let mut clashes = Clashes::default();
    let samples = merge_samples(repo, writer, base.samples()?, ours.samples()?, theirs.samples()?, &mut clashes)?;
    let ontology = merge_objects(repo, writer, [base.ontology, ours.ontology, theirs.ontology], |b, o, t| {
        merge_ontologies(b, o, t, &mut clashes)
    })?;
    let sensors = merge_objects(repo, writer, [base.sensors, ours.sensors, theirs.sensors], |b, o, t| {
        merge_sensors(b, o, t, &mut clashes)
    })?;
    let names: BTreeSet<&String> = base.extra.keys().chain(ours.extra.keys()).chain(theirs.extra.keys()).collect();
    let mut extra = BTreeMap::new();
    for name in names {
        let part = || ConflictPart::Extra { name: name.clone() };
        let sides = [base.extra.get(name), ours.extra.get(name), theirs.extra.get(name)];
        let value = match name.starts_with(STATE) {
            true => newer(sides),
            false => clashes.pick("", part, sides[0], sides[1], sides[2]),
        };
        extra.extend(value.map(|value| (name.clone(), value)));
    }
    // Other tables hold what is computed: where both sides changed one, ours stays until it is computed again.
    let names: BTreeSet<&String> = base.tables.keys().chain(ours.tables.keys()).chain(theirs.tables.keys()).collect();
    let mut tables = BTreeMap::new();
    for name in names.into_iter().filter(|name| *name != SAMPLES) {
        let table = |contents: &Contents| contents.tables.get(name).map(|entry| entry.table);
        let picked = newer([table(base), table(ours), table(theirs)].each_ref().map(Option::as_ref));
        tables.extend(picked.map(|table| (name.clone(), TableEntry { change: None, table })));
    }
    let contents = Contents { tables, ontology, sensors, extra }.with_samples(samples);
    Ok((contents, clashes.0))
}

/// The one of two values that changed; where both did, the first one's.
fn newer<T: Clone + PartialEq>([base, ours, theirs]: [Option<&T>; 3]) -> Option<T> {
    if base == ours { theirs.cloned() } else { ours.cloned() }
}

fn merge_samples(
    repo: &Repo,
    writer: &Writer,
    base: TableEntry,
    ours: TableEntry,
    theirs: TableEntry,
    clashes: &mut Clashes,
) -> Result<TableEntry> {
    if theirs.table == base.table || theirs.table == ours.table {
        return Ok(TableEntry { change: None, ..ours });
    }
    if ours.table == base.table {
        return Ok(theirs);
    }
    let [base, ours, theirs] = [base, ours, theirs].map(|entry| Rows::open(repo, entry.table));
    Rows::merge(repo, writer, &base?, &ours?, &theirs?, clashes)
}

/// Merges an object that all three may have or not; an absent one is the default.
fn merge_objects<T: Object + Default + PartialEq>(
    repo: &Repo,
    writer: &Writer,
    [base, ours, theirs]: [Option<ObjectId>; 3],
    merge: impl FnOnce(&T, &T, &T) -> T,
) -> Result<Option<ObjectId>> {
    if ours == theirs || base == theirs {
        return Ok(ours);
    }
    if base == ours {
        return Ok(theirs);
    }
    let read = |id: Option<ObjectId>| id.map_or_else(|| Ok(T::default()), |id| repo.read(id.hash()));
    write_object(writer, &merge(&read(base)?, &read(ours)?, &read(theirs)?))
}

/// Writes an object unless it is the default one, which is not kept.
pub(crate) fn write_object<T: Object + Default + PartialEq>(writer: &Writer, value: &T) -> Result<Option<ObjectId>> {
    if *value == T::default() {
        return Ok(None);
    }
    Ok(Some(ObjectId(writer.put(value.encode()?)?)))
}

/// Checks that an object reads back as it is (no number that JSON cannot hold).
pub(crate) fn check_object<T: Object + PartialEq>(value: &T) -> Result<()> {
    let bytes = value.encode()?;
    match T::decode(&tamis_core::Hash::of(&bytes), &bytes) {
        Ok(read) if read == *value => Ok(()),
        _ => Err(Error::Invalid {
            what: T::KIND,
            name: "-".to_owned(),
            reason: "it has a number that is not finite, or values nested too deep".to_owned(),
        }),
    }
}

/// The ontology of some contents.
pub(crate) fn ontology_of(repo: &Repo, contents: &Contents) -> Result<Ontology> {
    contents.ontology.map_or_else(|| Ok(Ontology::default()), |id| repo.read(id.hash()))
}

/// The sensors of some contents.
pub(crate) fn sensors_of(repo: &Repo, contents: &Contents) -> Result<Sensors> {
    contents.sensors.map_or_else(|| Ok(Sensors::default()), |id| repo.read(id.hash()))
}
