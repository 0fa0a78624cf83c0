//! Indexes: made, brought up to date, searched.

use arrow::array::BinaryArray;
use serde::Serialize;
use tamis_core::DatasetName;
use tamis_index::vector::{Metric, Nearest, VectorIndex};
use tamis_index::words::{self, Totals};
use tamis_repo::{Outcome, Snapshot};
use tamis_table::ScanOptions;

use crate::derived::define::Definition;
use crate::error::{EngineError, Result};
use crate::indexed::define::{IndexState, parse_metric};
use crate::indexed::source::Source;
use crate::indexed::update::{cells, update};
use crate::{Address, Ctx, Engine};

pub use crate::indexed::define::{IndexDefinition, IndexKind};

/// Cells that a search looks into where nothing else is said.
const PROBES: usize = 24;
/// So many times the wanted samples are compared exactly.
const AGAIN: usize = 4;

/// What to index.
#[derive(Clone, Debug)]
pub struct IndexRequest {
    /// The dataset.
    pub dataset: DatasetName,
    /// The branch.
    pub branch: String,
    /// The index; [`None`]: bring all of them up to date.
    pub name: Option<String>,
    /// Defines the index, for the first time or anew.
    pub define: Option<IndexDefinition>,
    /// Build it from all samples, though it could be brought up to date.
    pub anew: bool,
    /// The commit's message; one is made where nothing is said.
    pub message: Option<String>,
}

/// What was indexed.
#[derive(Clone, Debug, Serialize)]
pub struct IndexReport {
    /// One index each.
    pub indexes: Vec<IndexLine>,
    /// The commit that was made.
    pub commit: Option<String>,
}

/// One index.
#[derive(Clone, Debug, Serialize)]
pub struct IndexLine {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: IndexDefinition,
    /// Rows of its table.
    pub rows: u64,
    /// Samples that are new or changed: written anew by an update, behind in a list.
    pub changed: u64,
    /// Whether it was built from all samples.
    pub built: bool,
}

/// What to look for.
#[derive(Clone, Debug, PartialEq)]
pub enum Near {
    /// A sample of the same revision.
    Sample(String),
    /// An encoded image, or a text.
    Bytes(Vec<u8>),
    /// A vector.
    Vector(Vec<f32>),
}

/// A search for the nearest samples.
#[derive(Clone)]
pub struct NearRequest<'a> {
    /// The revision; its path is a prefix of samples.
    pub address: Address,
    /// The derived field of vectors; the only one there is where none is named.
    pub field: Option<String>,
    /// What to look for.
    pub near: Near,
    /// How many samples.
    pub count: usize,
    /// Cells of an index that are looked into; a default where nothing is said. All of them: exact but for the codes.
    pub probes: Option<usize>,
    /// Only samples that this lets through; every one of them can be found.
    pub allowed: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
}

/// Samples that were found.
#[derive(Clone, Debug, Serialize)]
pub struct NearReport {
    /// The commit's id.
    pub commit: String,
    /// The field.
    pub field: String,
    /// The index that was used; absent: every vector was compared.
    pub index: Option<String>,
    /// Vectors that were compared.
    pub compared: u64,
    /// The nearest first.
    pub samples: Vec<NearSample>,
}

/// A sample and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NearSample {
    /// Its path.
    pub path: String,
    /// Of vectors the distance, exact; of words minus the score.
    pub distance: f64,
}

impl Engine {
    /// Makes an index, or brings one or all up to date, and commits. O(changes) where there is one already.
    ///
    /// # Errors
    /// `usage` for what cannot be indexed.
    pub fn index(&self, ctx: &Ctx, request: &IndexRequest) -> Result<IndexReport> {
        let dataset = self.dataset(&request.dataset)?;
        let mut edit = dataset.transaction(&request.branch)?;
        let snapshot = edit.snapshot()?;
        let wanted: Vec<(String, IndexDefinition)> = match (&request.name, &request.define) {
            (Some(name), Some(definition)) => {
                check_name(name)?;
                vec![(name.clone(), definition.clone())]
            }
            (Some(name), None) => vec![(name.clone(), known(&snapshot, name)?)],
            (None, _) => {
                let names = IndexDefinition::names(&snapshot);
                names
                    .into_iter()
                    .map(|name| known(&snapshot, &name).map(|index| (name, index)))
                    .collect::<Result<_>>()?
            }
        };
        let mut indexes = Vec::new();
        for (name, definition) in wanted {
            parse_metric(definition.metric.as_deref().unwrap_or("cosine"))?;
            let is_new = IndexDefinition::read(&snapshot, &name)?.as_ref() != Some(&definition);
            let updated = update(&mut edit, &snapshot, &name, &definition, request.anew || is_new, &ctx.progress)?;
            if is_new {
                let text =
                    serde_json::to_vec_pretty(&definition).map_err(|e| EngineError::new("internal", e.to_string()))?;
                edit.set_extra(&IndexDefinition::object(&name), Some(&text))?;
            }
            indexes.push(IndexLine { name, definition, rows: 0, changed: updated.changed, built: updated.is_built });
        }
        let names: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
        let message = request.message.clone().unwrap_or_else(|| format!("index {}", names.join(", ")));
        let commit = match edit.commit(&message, &ctx.author)? {
            Outcome::Committed(commit) => Some(commit.id.to_string()),
            Outcome::Nothing => None,
        };
        let now = dataset.snapshot(&request.branch)?;
        for index in &mut indexes {
            index.rows = now.other_table(&IndexDefinition::object(&index.name))?.map_or(0, |table| table.len());
        }
        Ok(IndexReport { indexes, commit })
    }

    /// The indexes of a revision, and how far behind they are.
    pub fn indexes(&self, dataset: &DatasetName, revision: &str) -> Result<Vec<IndexLine>> {
        let snapshot = self.dataset(dataset)?.snapshot(revision)?;
        let mut lines = Vec::new();
        for name in IndexDefinition::names(&snapshot) {
            let definition = known(&snapshot, &name)?;
            let rows = snapshot.other_table(&IndexDefinition::object(&name))?.map_or(0, |table| table.len());
            let source = Source::new(snapshot.schema(), &definition.on, definition.kind)?;
            let since = IndexState::read(&snapshot, &name)?
                .and_then(|state| tamis_table::Table::open(snapshot.table().cache(), state.table).ok());
            let mut changed = 0;
            match since {
                None => changed = snapshot.len(),
                Some(since) => {
                    for batch in since.diff_in(snapshot.table(), &source.columns)? {
                        changed += batch?.len() as u64;
                    }
                }
            }
            lines.push(IndexLine { name, definition, rows, changed, built: false });
        }
        Ok(lines)
    }

    /// Takes an index away. Returns the commit.
    pub fn drop_index(&self, ctx: &Ctx, dataset: &DatasetName, branch: &str, name: &str) -> Result<Option<String>> {
        let dataset = self.dataset(dataset)?;
        let mut edit = dataset.transaction(branch)?;
        known(&edit.snapshot()?, name)?;
        edit.drop_table(&IndexDefinition::object(name))?;
        for object in [IndexDefinition::object(name), IndexState::object(name), IndexState::cells(name)] {
            edit.set_extra(&object, None)?;
        }
        let outcome = edit.commit(&format!("drop index {name}"), &ctx.author)?;
        Ok(outcome.commit().map(|commit| commit.id.to_string()))
    }

    /// The samples nearest to something. With an index on the field that is up to date, only vectors in cells near to it are
    /// compared; the best of them are compared exactly. Without one, all are.
    ///
    /// # Errors
    /// `usage` where there is no field of vectors, or what is looked for has no vector.
    pub fn nearest(&self, request: &NearRequest<'_>) -> Result<NearReport> {
        let snapshot = self.dataset(&request.address.dataset)?.snapshot(request.address.revision())?;
        let field = self.field_of_vectors(&snapshot, request.field.as_deref())?;
        let on = format!("derived:{field}");
        let source = Source::new(snapshot.schema(), &on, IndexKind::Vectors)?;
        let query = self.query(&snapshot, &field, &source, &request.near)?;
        let prefix = request.address.prefix().to_owned();
        let own = match &request.near {
            Near::Sample(path) => Some(path.clone()),
            _ => None,
        };
        let allowed = |path: &str| {
            path.starts_with(&prefix)
                && own.as_deref() != Some(path)
                && request.allowed.is_none_or(|allowed| allowed(path))
        };
        let mut report = NearReport {
            commit: snapshot.commit().id.to_string(),
            field,
            index: None,
            compared: 0,
            samples: Vec::new(),
        };
        let index = match IndexDefinition::find(&snapshot, IndexKind::Vectors, &on)? {
            Some((name, definition)) if is_current(&snapshot, &name, &source)? => Some((name, definition.metric()?)),
            _ => None,
        };
        let metric = index.as_ref().map_or(Metric::Cosine, |(_, metric)| *metric);
        match index {
            Some((name, _)) => {
                let missing =
                    || EngineError::new("store.corrupt", format!("the table of the index `{name}` is missing"));
                let table = snapshot.other_table(&IndexDefinition::object(&name))?.ok_or_else(missing)?;
                let open = VectorIndex::open(&table, &cells(&snapshot, &name)?)?;
                let most = request.count.saturating_mul(AGAIN);
                let found = open.search(&query, most, request.probes.unwrap_or(PROBES), Some(&allowed))?;
                report.compared = found.compared;
                let paths: Vec<String> = found.near.into_iter().map(|(path, _)| path).collect();
                report.samples = exactly(&snapshot, &source, metric, &query, &paths, request.count)?;
                report.index = Some(name);
            }
            None => {
                let mut nearest: Nearest<String> = Nearest::new(request.count);
                let end = after_prefix(&prefix);
                let start = (!prefix.is_empty()).then(|| prefix.clone().into_bytes());
                let options = ScanOptions::new(source.columns.clone()).range(start, end);
                for batch in snapshot.table().scan(options.threads(rayon::current_num_threads()))? {
                    let batch = batch?;
                    for (row, vector) in source.vectors(&batch).into_iter().enumerate() {
                        let Some(vector) = vector else { continue };
                        let distance = metric.distance(&query, vector);
                        report.compared += 1;
                        if nearest.takes(distance) {
                            let path = String::from_utf8_lossy(batch.keys.value(row)).into_owned();
                            if allowed(&path) {
                                nearest.offer(distance, path);
                            }
                        }
                    }
                }
                let sample = |(path, distance): (String, f32)| NearSample { path, distance: f64::from(distance) };
                report.samples = nearest.sorted().into_iter().map(sample).collect();
            }
        }
        Ok(report)
    }

    /// The samples whose texts fit some words best, by an index of words.
    ///
    /// # Errors
    /// `usage` where there is no index of words, or several and none is named.
    pub fn find_words(
        &self,
        address: &Address,
        index: Option<&str>,
        question: &str,
        count: usize,
        allowed: Option<&dyn Fn(&str) -> bool>,
    ) -> Result<NearReport> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        let mut found = Vec::new();
        for name in IndexDefinition::names(&snapshot) {
            let definition = known(&snapshot, &name)?;
            if definition.kind == IndexKind::Words && index.is_none_or(|wanted| wanted == name) {
                found.push((name, definition));
            }
        }
        let (name, definition) = match (found.pop(), found.is_empty()) {
            (Some(found), true) => found,
            (None, _) => {
                let message = format!(
                    "`{address}` has no index of words{}",
                    index.map(|i| format!(" `{i}`")).unwrap_or_default()
                );
                let hint = "make one: tamis index DATASET NAME --on field:NAME --kind words";
                return Err(EngineError::new("usage", message).hint(hint));
            }
            (Some(_), false) => {
                let message = format!("`{address}` has several indexes of words");
                return Err(EngineError::new("usage", message).hint("name one with --index"));
            }
        };
        let state = IndexState::read(&snapshot, &name)?;
        let totals = state.map_or_else(Totals::default, |state| Totals { texts: state.texts, words: state.words });
        let missing = || EngineError::new("store.corrupt", format!("the table of the index `{name}` is missing"));
        let table = snapshot.other_table(&IndexDefinition::object(&name))?.ok_or_else(missing)?;
        let prefix = address.prefix();
        let allowed = |path: &str| path.starts_with(prefix) && allowed.is_none_or(|allowed| allowed(path));
        let best = words::search(&table, totals, question, count, Some(&allowed))?;
        Ok(NearReport {
            commit: snapshot.commit().id.to_string(),
            field: definition.on,
            index: Some(name),
            compared: 0,
            samples: best.into_iter().map(|(path, score)| NearSample { path, distance: -score }).collect(),
        })
    }

    fn field_of_vectors(&self, snapshot: &Snapshot, wanted: Option<&str>) -> Result<String> {
        if let Some(field) = wanted {
            return Ok(field.to_owned());
        }
        let is_vectors =
            |field: &String| Source::new(snapshot.schema(), &format!("derived:{field}"), IndexKind::Vectors).is_ok();
        let fields: Vec<String> = Definition::fields(snapshot).into_iter().filter(is_vectors).collect();
        match &fields[..] {
            [one] => Ok(one.clone()),
            [] => {
                let message = "there are no vectors to search by";
                Err(EngineError::new("usage", message)
                    .hint("compute them: tamis derive DATASET look --function embed_basic"))
            }
            many => {
                let message = format!("there are several fields of vectors: {}", many.join(", "));
                Err(EngineError::new("usage", message).hint("name one with --field"))
            }
        }
    }

    /// The vector of what is looked for.
    fn query(&self, snapshot: &Snapshot, field: &str, source: &Source, near: &Near) -> Result<Vec<f32>> {
        let vector = match near {
            Near::Vector(vector) => vector.clone(),
            Near::Sample(path) => {
                let missing =
                    |what: &str, hint: &str| EngineError::new("sample.none", format!("`{path}` {what}")).hint(hint);
                let found = snapshot.table().get(path.as_bytes(), &source.columns)?;
                let found = found.ok_or_else(|| missing("is no sample", "`tamis ls DATASET` lists them"))?;
                let vector = source.vectors(&found).first().copied().flatten().map(<[f32]>::to_vec);
                vector.ok_or_else(|| missing("has no vector yet", "bring it up to date with `tamis derive DATASET`"))?
            }
            Near::Bytes(bytes) => {
                let definition = Definition::read(snapshot, field)?;
                let definition = definition.ok_or_else(|| {
                    EngineError::new("usage", format!("`{field}` is no derived field: its function is not known"))
                })?;
                self.value_of(snapshot, &definition, bytes)?
            }
        };
        if vector.len() != source.dims {
            let message =
                format!("cannot look for a vector of {} dimensions: `{field}` has {}", vector.len(), source.dims);
            return Err(EngineError::new("usage", message));
        }
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(EngineError::new("usage", "cannot look for a vector with numbers that are not finite"));
        }
        Ok(vector)
    }
}

/// The candidates in the order of their exact distances.
fn exactly(
    snapshot: &Snapshot,
    source: &Source,
    metric: Metric,
    query: &[f32],
    paths: &[String],
    count: usize,
) -> Result<Vec<NearSample>> {
    let mut sorted: Vec<&str> = paths.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let keys = BinaryArray::from_iter_values(sorted.iter().map(|path| path.as_bytes()));
    let (batch, there) = snapshot.table().get_many(&keys, &source.columns)?;
    let vectors = source.vectors(&batch);
    let mut nearest: Nearest<String> = Nearest::new(count);
    for ((path, vector), there) in sorted.iter().zip(vectors).zip(there) {
        if let (Some(vector), true) = (vector, there) {
            nearest.offer(metric.distance(query, vector), (*path).to_owned());
        }
    }
    Ok(nearest
        .sorted()
        .into_iter()
        .map(|(path, distance)| NearSample { path, distance: f64::from(distance) })
        .collect())
}

/// Whether an index has all that its source has.
fn is_current(snapshot: &Snapshot, name: &str, source: &Source) -> Result<bool> {
    let Some(state) = IndexState::read(snapshot, name)? else { return Ok(false) };
    if state.table == snapshot.table().id() {
        return Ok(true);
    }
    let Ok(since) = tamis_table::Table::open(snapshot.table().cache(), state.table) else { return Ok(false) };
    let mut changes = since.diff_in(snapshot.table(), &source.columns)?;
    Ok(changes.next().transpose()?.is_none())
}

fn known(snapshot: &Snapshot, name: &str) -> Result<IndexDefinition> {
    if let Some(definition) = IndexDefinition::read(snapshot, name)? {
        return Ok(definition);
    }
    let names = IndexDefinition::names(snapshot);
    let hint = match names.is_empty() {
        true => "make it with --on and --kind".to_owned(),
        false => format!("there are {}", names.join(", ")),
    };
    Err(EngineError::new("usage", format!("there is no index `{name}`")).hint(hint))
}

fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > 100 || !name.chars().all(is_plain) {
        let message = format!("`{name}` cannot name an index: letters, digits, `_`, `-` and `.` are allowed");
        return Err(EngineError::new("usage", message));
    }
    Ok(())
}

/// The least key after all keys with a prefix.
fn after_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}
