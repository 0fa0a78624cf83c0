//! Functions that lie, and caches that are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Float64Array, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use bytes::Bytes;
use tamis_core::{DatasetName, Hash, Media, Progress, Sample};
use tamis_repo::GroupInput;
use tamis_table::GroupSchema;

use super::actions::{Actions, FunctionEntry};
use super::plan::{Input, Plan};
use super::run::{Compute, Run, Spent};
use crate::error::Result;
use crate::{Author, Engine};

/// Gives another number at each call, or always the same.
struct Counter {
    group: GroupSchema,
    calls: AtomicU64,
    is_steady: bool,
}

impl Counter {
    fn new(is_steady: bool) -> Counter {
        let fields: Fields = vec![Field::new("value", DataType::Float64, true)].into();
        Counter {
            group: GroupSchema::new("derived/x", GroupInput::Media.mark(&fields)),
            calls: AtomicU64::new(0),
            is_steady,
        }
    }
}

impl Compute for Counter {
    fn id(&self) -> Hash {
        Hash::of(&[u8::from(self.is_steady)])
    }

    fn group(&self) -> &GroupSchema {
        &self.group
    }

    fn batch(&self) -> usize {
        7
    }

    fn compute(&self, inputs: &[Bytes]) -> Result<(StructArray, Vec<Option<String>>)> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let value = |input: &Bytes| if self.is_steady { input.len() as f64 } else { call as f64 };
        let values: Float64Array = inputs.iter().map(|input| Some(value(input))).collect();
        let rows = StructArray::new(self.group.fields.clone(), vec![Arc::new(values)], None);
        Ok((rows, vec![None; inputs.len()]))
    }
}

/// Runs over every sample as if nothing had been computed.
fn run(engine: &Engine, name: &DatasetName, function: &Counter) -> Spent {
    let snapshot = engine.dataset(name).unwrap().snapshot("main").unwrap();
    let options = engine.repo().store().options().clone();
    let actions = Actions::open_or_create(engine.location(), &options).unwrap();
    let plan = Plan::new(&snapshot, &GroupInput::Media, None, None).unwrap();
    let describe = FunctionEntry::new("x", 1, serde_json::Value::Null);
    let read = |input: &Input| match input {
        Input::Media(media) => Ok(Bytes::from(vec![0; usize::try_from(media.size).unwrap()])),
        Input::Text(text) => Ok(Bytes::from(text.clone())),
    };
    let progress = Progress::none();
    let mut run = Run::new(function, &read, &actions, &describe, &progress, 1).unwrap();
    for part in &plan.parts {
        run.part(&plan, part, &mut |_| Ok(())).unwrap();
    }
    run.finish(std::collections::BTreeMap::new()).unwrap()
}

fn lake(place: &str) -> (Engine, DatasetName) {
    let engine = Engine::init(place).unwrap();
    let name: DatasetName = "team/x".parse().unwrap();
    let author = Author::new("Ada", "ada@example.org");
    let mut edit = engine.repo().create(&name, &author).unwrap().transaction("main").unwrap();
    for at in 0..2000u64 {
        let blob = edit.put_blob(&at.to_le_bytes()).unwrap();
        let media = Media { blob: Some(blob), size: at % 97, ..Media::default() };
        edit.put(Sample { path: format!("{at:04}"), media: Some(media), ..Sample::default() }).unwrap();
    }
    edit.commit("put", &author).unwrap();
    (engine, name)
}

#[test]
fn a_steady_function_is_taken_from_the_cache_but_for_one_in_two_hundred() {
    let (engine, name) = lake("memory://derived-steady");
    let function = Counter::new(true);
    assert_eq!(run(&engine, &name, &function).computed, 2000);
    let again = run(&engine, &name, &function);
    assert_eq!((again.computed, again.cached), (again.repeated, 2000 - again.repeated));
    assert!((1..40).contains(&again.repeated), "{again:?}");
    assert_eq!(again.unsteady, None);
}

#[test]
fn a_function_that_gives_two_values_for_one_input_is_found_out_and_not_cached_any_more() {
    let (engine, name) = lake("memory://derived-unsteady");
    let function = Counter::new(false);
    run(&engine, &name, &function);
    let again = run(&engine, &name, &function);
    assert!(again.unsteady.is_some() && again.cached > 0);
    let from_now_on = run(&engine, &name, &function);
    assert_eq!((from_now_on.cached, from_now_on.computed), (0, 2000));
}
