//! Computing derived fields, again only where something changed.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use tamis_core::{DatasetName, Hash, Label, TableId};
use tamis_repo::{GroupInput, Outcome, Snapshot, Transaction};

use crate::derived::actions::{Actions, FunctionEntry, LeafEntry};
use crate::derived::define::{Definition, State, check_name, parse_input};
use crate::derived::function::{Loaded, files};
use crate::derived::plan::{Input, Part, Plan, leaf_key};
use crate::derived::run::{Compute, Run};
use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

pub use crate::derived::define::Definition as DerivedDefinition;
pub use crate::derived::function::{FunctionDoc, ParameterDoc, functions};
pub use crate::derived::run::{Failure, Spent};

/// What to compute.
#[derive(Clone, Debug)]
pub struct DeriveRequest {
    /// The dataset.
    pub dataset: DatasetName,
    /// The branch.
    pub branch: String,
    /// The field; [`None`]: every derived field that the dataset has.
    pub field: Option<String>,
    /// Defines the field anew, or for the first time.
    pub define: Option<Define>,
    /// Only tell what would be computed.
    pub dry_run: bool,
    /// The commit's message; one is made where nothing is said.
    pub message: Option<String>,
}

/// How a field is defined.
#[derive(Clone, Debug, Default)]
pub struct Define {
    /// The function's name.
    pub function: String,
    /// Parameters by name, as text.
    pub parameters: BTreeMap<String, String>,
    /// `media` or `field:NAME`.
    pub input: Option<String>,
    /// The layer for labels.
    pub layer: Option<String>,
}

/// What was computed.
#[derive(Clone, Debug, Serialize)]
pub struct DeriveReport {
    /// One field each.
    pub fields: Vec<FieldReport>,
    /// The commit that was made.
    pub commit: Option<String>,
}

/// What was computed of one field.
#[derive(Clone, Debug, Serialize)]
pub struct FieldReport {
    /// The field.
    pub field: String,
    /// Its definition.
    pub definition: Definition,
    /// Samples of the dataset.
    pub samples: u64,
    /// Leaves of the table that were looked into.
    pub leaves: u64,
    /// Samples that are new or changed since the last time, at most.
    pub changed: u64,
    /// Samples whose values are taken from the action cache leaf by leaf.
    pub taken: u64,
    /// What it took; absent of a dry run.
    pub spent: Option<Spent>,
}

/// A derived field of a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct DerivedField {
    /// Its name.
    pub field: String,
    /// Its definition.
    pub definition: Definition,
    /// Samples that are new or changed since it was computed.
    pub stale: u64,
    /// Seconds of processor time that its function took so far, for all who share the lake.
    pub cpu: f64,
    /// Whether the function was seen to give two values for one input.
    pub is_unsteady: bool,
}

impl Engine {
    /// Computes a derived field, or all, for the samples that have no value yet or whose input changed, and commits. What the
    /// lake's action cache knows is not computed again.
    ///
    /// # Errors
    /// `usage` for functions and parameters that are not there; `media.bad` for models that cannot be used. Samples that
    /// cannot be computed are no error: they have no value, and the report tells them.
    pub fn derive(&self, ctx: &Ctx, request: &DeriveRequest) -> Result<DeriveReport> {
        let dataset = self.dataset(&request.dataset)?;
        let mut edit = dataset.transaction(&request.branch)?;
        let snapshot = edit.snapshot()?;
        let mut fields = Vec::new();
        for (field, definition, models) in self.wanted(&snapshot, request)? {
            let known = Definition::read(&snapshot, &field)?;
            for (hash, model) in &models {
                edit.set_extra(&object_of(hash), Some(model))?;
            }
            let function = self.load(&snapshot, &definition, &models)?;
            if known.as_ref() != Some(&definition) && !request.dry_run {
                let text = serde_json::to_vec_pretty(&definition).map_err(internal)?;
                edit.set_extra(&Definition::object(&field), Some(&text))?;
            }
            if let Some(known) = known.as_ref().filter(|known| known.input != definition.input) {
                let (dataset, input) = (&request.dataset, &definition.input);
                let message = format!("cannot compute `{field}` from {input}: it is made from {}", known.input);
                let hint = format!(
                    "give it another name: `tamis derive {dataset} NAME --function {} --input {input}`",
                    definition.function
                );
                return Err(EngineError::new("usage", message).hint(hint));
            }
            // Another layer lacks the labels, though the function is the same.
            let is_as_before = known.is_none_or(|known| known == definition);
            let since = State::read(&snapshot, &field)?.filter(|state| is_as_before && state.id == definition.id);
            let since = since.map(|state| state.table);
            fields.push(self.field(ctx, &mut edit, &snapshot, request, (field, definition, since), &function)?);
        }
        if request.dry_run {
            return Ok(DeriveReport { fields, commit: None });
        }
        let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
        let message = request.message.clone().unwrap_or_else(|| format!("derive {}", names.join(", ")));
        let commit = match edit.commit(&message, &ctx.author)? {
            Outcome::Committed(commit) => Some(commit.id.to_string()),
            Outcome::Nothing => None,
        };
        Ok(DeriveReport { fields, commit })
    }

    /// The derived fields of a revision, and how far behind they are.
    pub fn derived(&self, dataset: &DatasetName, revision: &str) -> Result<Vec<DerivedField>> {
        let snapshot = self.dataset(dataset)?.snapshot(revision)?;
        let actions = Actions::open(self.location(), self.repo().store().options().clone())?;
        let mut fields = Vec::new();
        for field in Definition::fields(&snapshot) {
            let Some(definition) = Definition::read(&snapshot, &field)? else { continue };
            let since = State::read(&snapshot, &field)?.filter(|state| state.id == definition.id);
            let stale = match &since {
                Some(state) => Plan::new(&snapshot, &definition.input()?, Some(state.table), None)?.rows,
                None => snapshot.len(),
            };
            let id = crate::derived::define::hash_of(&definition.id)?;
            let known = actions.as_ref().map(|actions| actions.known(&id)).transpose()?;
            let (cpu, is_unsteady) =
                known.map_or((0.0, false), |known| (known.entry.cpu, known.entry.unsteady.is_some()));
            fields.push(DerivedField { field, definition, stale, cpu, is_unsteady });
        }
        Ok(fields)
    }

    /// Takes a derived field away: its definition and its values. Returns the commit.
    pub fn drop_derived(&self, ctx: &Ctx, dataset: &DatasetName, branch: &str, field: &str) -> Result<Option<String>> {
        let dataset = self.dataset(dataset)?;
        let mut edit = dataset.transaction(branch)?;
        let snapshot = edit.snapshot()?;
        if Definition::read(&snapshot, field)?.is_none() {
            return Err(no_field(&snapshot, field));
        }
        edit.drop_group(&Definition::group(field))?;
        edit.set_extra(&Definition::object(field), None)?;
        edit.set_extra(&State::object(field), None)?;
        let outcome = edit.commit(&format!("drop derived field {field}"), &ctx.author)?;
        Ok(outcome.commit().map(|commit| commit.id.to_string()))
    }

    /// The fields to compute, how they are defined, and the models that came with the request.
    fn wanted(&self, snapshot: &Snapshot, request: &DeriveRequest) -> Result<Vec<(String, Definition, Models)>> {
        let Some(field) = &request.field else {
            let mut wanted = Vec::new();
            for field in Definition::fields(snapshot) {
                wanted.extend(Definition::read(snapshot, &field)?.map(|known| (field, known, Models::new())));
            }
            if wanted.is_empty() {
                let message = format!("`{}` has no derived fields yet", request.dataset);
                let hint = format!(
                    "`tamis derive {} phash` makes one; `tamis derive --functions` lists more",
                    request.dataset
                );
                return Err(EngineError::new("usage", message).hint(hint));
            }
            return Ok(wanted);
        };
        let known = Definition::read(snapshot, field)?;
        let (definition, models) = match (&request.define, known) {
            (None, Some(known)) => (known, Models::new()),
            (None, None) if functions().iter().any(|function| function.name == *field) => {
                defined(snapshot, field, &Define { function: field.clone(), ..Define::default() })?
            }
            (None, None) => return Err(no_field(snapshot, field)),
            (Some(define), _) => defined(snapshot, field, define)?,
        };
        Ok(vec![(field.clone(), definition, models)])
    }

    /// The function of a definition, with its models from the request or from the lake.
    fn load(&self, snapshot: &Snapshot, definition: &Definition, models: &Models) -> Result<Loaded> {
        let mut parameters = definition.parameters.clone();
        let mut kept = Vec::new();
        for name in files(&definition.function) {
            let Some(hash) = parameters.get(name).and_then(Value::as_str).filter(|hash| !hash.is_empty()) else {
                continue;
            };
            let missing = || EngineError::new("store.corrupt", format!("the model {hash} is not in the lake"));
            let bytes = match models.get(hash) {
                Some(bytes) => Bytes::from(bytes.clone()),
                None => snapshot.extra(&object_of(hash))?.ok_or_else(missing)?,
            };
            let file = tempfile::NamedTempFile::new().and_then(|mut file| {
                std::io::Write::write_all(&mut file, &bytes)?;
                Ok(file)
            });
            let file = file.map_err(|error| {
                EngineError::new("format.io", format!("cannot write a model to a temporary file: {error}"))
            })?;
            parameters.insert(name.to_owned(), file.path().display().to_string().into());
            kept.push(file);
        }
        let loaded = Loaded::new(&definition.function, &parameters)?;
        if loaded.id().to_string() != definition.id {
            let message = format!(
                "cannot compute `{}`: this program's version of it is {}, the field was defined with {}",
                definition.function,
                loaded.version(),
                definition.version
            );
            let hint = format!("define the field again with --function {}", definition.function);
            return Err(EngineError::new("usage", message).hint(hint));
        }
        Ok(loaded)
    }

    /// The vector that a derived field's function gives for some bytes.
    pub(crate) fn value_of(&self, snapshot: &Snapshot, definition: &Definition, bytes: &[u8]) -> Result<Vec<f32>> {
        let loaded = self.load(snapshot, definition, &Models::new())?;
        let column = loaded.column("query", &definition.input()?);
        let (values, reasons) = column.compute(&[Bytes::copy_from_slice(bytes)])?;
        if let Some(reason) = reasons.into_iter().flatten().next() {
            return Err(EngineError::new("media.bad", reason));
        }
        let list = values.columns().first().and_then(|column| column.as_fixed_size_list_opt().cloned());
        let vector = list.and_then(|list| list.values().as_primitive_opt::<arrow::datatypes::Float32Type>().cloned());
        vector
            .map(|vector| vector.values().to_vec())
            .ok_or_else(|| EngineError::new("usage", format!("`{}` gives no vectors", definition.function)))
    }

    #[allow(clippy::too_many_arguments)] // One step of `derive`, cut out for length.
    fn field(
        &self,
        ctx: &Ctx,
        edit: &mut Transaction,
        snapshot: &Snapshot,
        request: &DeriveRequest,
        (field, definition, since): (String, Definition, Option<TableId>),
        loaded: &Loaded,
    ) -> Result<FieldReport> {
        let input = definition.input()?;
        let function = loaded.column(&Definition::group(&field), &input);
        let is_label = definition.layer.is_some();
        let options = self.repo().store().options().clone();
        let actions = Actions::open_or_create(self.location(), &options)?;
        let known = actions.known(&function.id())?;
        let leaves_known = Some(&known).filter(|_| !is_label);
        let plan = Plan::new(snapshot, &input, since, leaves_known)?;
        let is_full = since.is_none();
        let mut report = FieldReport {
            field: field.clone(),
            definition: definition.clone(),
            samples: snapshot.len(),
            leaves: plan.leaves,
            changed: plan.rows,
            taken: plan.taken,
            spent: None,
        };
        if request.dry_run {
            return Ok(report);
        }
        let parameters = Value::Object(definition.parameters.clone());
        let describe = FunctionEntry::new(&definition.function, definition.version, parameters);
        let read = |input: &Input| self.input_bytes(input);
        let now = self.repo().store().options().clock.now_micros();
        ctx.progress.begin("derive", Some(plan.rows + plan.taken), "samples");
        let mut run = Run::new(&function, &read, &actions, &describe, &ctx.progress, now)?;
        match &definition.layer {
            None => write_values(edit, &mut run, &plan, &function)?,
            Some(layer) => write_labels(edit, &mut run, &plan, layer)?,
        }
        ctx.progress.end();
        // A leaf with failures is not remembered whole: the next time may find the file.
        let leaves = match is_full && !is_label && run.spent.failed == 0 {
            true => self.leaves_made(edit, &input, &field, &run)?,
            false => BTreeMap::new(),
        };
        let spent = run.finish(leaves)?;
        let state = State { table: snapshot.commit().samples().table, id: definition.id.clone() };
        // What could not be read stays behind, so that the next time tries it again.
        if spent.unread == 0 && (plan.rows + plan.taken > 0 || is_full) {
            let text = serde_json::to_vec(&state).map_err(internal)?;
            edit.set_extra(&State::object(&field), Some(&text))?;
        }
        report.spent = Some(spent);
        Ok(report)
    }

    /// The bytes that a value is computed from.
    fn input_bytes(&self, input: &Input) -> Result<Bytes> {
        match input {
            Input::Text(text) => Ok(Bytes::from(text.clone().into_bytes())),
            Input::Media(media) => self.media_bytes("the file", Some(media)),
        }
    }

    /// The pages of values that a full run made, by the pages of their inputs; of leaves that no delta lies over.
    fn leaves_made(
        &self,
        edit: &Transaction,
        input: &GroupInput,
        field: &str,
        run: &Run<'_>,
    ) -> Result<BTreeMap<Hash, LeafEntry>> {
        let table = edit.table()?;
        let schema = table.schema();
        let base = if *input == GroupInput::Media { "base" } else { "fields" };
        let (Some(from), Some(to)) = (schema.position(base), schema.position(&Definition::group(field))) else {
            return Ok(BTreeMap::new());
        };
        if table.depth() > 0 {
            return Ok(BTreeMap::new());
        }
        let share = 1.0 / (run.spent.computed + run.spent.cached).max(1) as f64;
        let mut made = BTreeMap::new();
        for leaf in table.base_leaves()? {
            let (Some(inputs), Some(page)) = (leaf.page(from), leaf.page(to)) else { continue };
            let part = leaf.rows as f64 * share;
            let entry = LeafEntry {
                page,
                rows: leaf.rows,
                cpu: run.spent.cpu * part,
                bytes: (run.spent.bytes as f64 * part) as u64,
                time: run.now,
            };
            made.insert(leaf_key(input, &inputs), entry);
        }
        Ok(made)
    }
}

/// Model files by their hashes.
type Models = BTreeMap<String, Vec<u8>>;

/// The definition that a request asks for, and the models it names.
fn defined(snapshot: &Snapshot, field: &str, define: &Define) -> Result<(Definition, Models)> {
    check_name(snapshot, field)?;
    let text = |(name, value): (&String, &String)| (name.clone(), Value::from(value.as_str()));
    let mut parameters: Map<String, Value> = define.parameters.iter().map(text).collect();
    let loaded = Loaded::new(&define.function, &parameters)?;
    let mut models = Models::new();
    for name in files(&define.function) {
        let Some(path) = parameters.get(name).and_then(Value::as_str).filter(|path| !path.is_empty()) else { continue };
        let bytes = std::fs::read(path)
            .map_err(|error| EngineError::new("format.io", format!("cannot read the model {path}: {error}")))?;
        let hash = Hash::of(&bytes).to_string();
        parameters.insert(name.to_owned(), hash.clone().into());
        models.insert(hash, bytes);
    }
    let default = if loaded.takes_text() { None } else { Some("media".to_owned()) };
    let Some(input) = define.input.clone().or(default) else {
        let message = format!("cannot define `{field}`: `{}` computes from texts", define.function);
        return Err(EngineError::new("usage", message).hint("say --input field:NAME"));
    };
    parse_input(&input)?;
    let layer = match (loaded.gives_labels(), &define.layer) {
        (true, layer) => Some(layer.clone().unwrap_or_else(|| format!("pred/{field}"))),
        (false, None) => None,
        (false, Some(_)) => {
            let message = format!("`{}` gives values, not labels: it needs no layer", define.function);
            return Err(EngineError::new("usage", message).hint("leave --layer out"));
        }
    };
    let id = loaded.id().to_string();
    let definition =
        Definition { function: loaded.name().to_owned(), version: loaded.version(), parameters, input, layer, id };
    Ok((definition, models))
}

fn write_values(edit: &mut Transaction, run: &mut Run<'_>, plan: &Plan, function: &dyn Compute) -> Result<()> {
    if plan.rows + plan.taken == 0 {
        return Ok(());
    }
    let mut failed = None;
    let mut parts = plan.parts.iter();
    let mut ready = std::collections::VecDeque::new();
    let batches = std::iter::from_fn(|| {
        loop {
            if let Some(batch) = ready.pop_front() {
                return Some(Ok(batch));
            }
            let part: &Part = parts.next()?;
            let mut emit = |batch| {
                ready.push_back(batch);
                Ok(())
            };
            if let Err(error) = run.part(plan, part, &mut emit) {
                failed = Some(error);
                return Some(Err(tamis_repo::Error::Cancelled(tamis_core::Cancelled)));
            }
        }
    });
    let outcome = edit.put_group(function.group(), batches);
    match failed {
        Some(error) => Err(error),
        None => Ok(outcome?),
    }
}

fn write_labels(edit: &mut Transaction, run: &mut Run<'_>, plan: &Plan, layer: &str) -> Result<()> {
    for part in &plan.parts {
        let mut emit = |(keys, values): crate::derived::run::Batch| {
            let texts = values.column(0).as_string::<i32>();
            for row in 0..keys.len() {
                let path = String::from_utf8_lossy(keys.value(row)).into_owned();
                let labels = match texts.is_valid(row) {
                    true => Some(serde_json::from_str::<Vec<Label>>(texts.value(row)).map_err(internal)?),
                    false => None,
                };
                edit.patch_layer(&path, layer, labels)?;
            }
            Ok(())
        };
        run.part(plan, part, &mut emit)?;
    }
    Ok(())
}

fn object_of(hash: &str) -> String {
    format!("models/{hash}")
}

fn internal(error: serde_json::Error) -> EngineError {
    EngineError::new("internal", format!("cannot write or read a definition: {error}"))
}

fn no_field(snapshot: &Snapshot, field: &str) -> EngineError {
    let known = Definition::fields(snapshot);
    let message = format!("there is no derived field `{field}`, and no function of that name");
    let hint = match known.is_empty() {
        true => "define it with --function; `tamis derive --functions` lists them".to_owned(),
        false => format!("the dataset has {}; `tamis derive --functions` lists functions", known.join(", ")),
    };
    EngineError::new("usage", message).hint(hint)
}
