//! A function: a value of one sample, computed from its media or text alone.

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use tamis_core::{Hash, Hasher};

use crate::error::{InferError, Result, plain};
use crate::params::{Arguments, Param};
use crate::value::{Input, InputKind, Output, Value};

/// What a function is: a row of the registry.
#[derive(Debug)]
pub struct Spec {
    /// The name, e.g. `phash`.
    pub name: &'static str,
    /// Counted up whenever the same input may give another value; part of the function's id.
    pub version: u32,
    /// What it computes, in a sentence.
    pub help: &'static str,
    /// What it works on.
    pub input: InputKind,
    /// What its values are, for people; [`Function::output`] has the type.
    pub gives: &'static str,
    /// What can be chosen.
    pub params: &'static [Param],
    /// Whether equal inputs give equal values, bit for bit, on every machine.
    pub deterministic: bool,
    /// Where the definition comes from.
    pub source: &'static str,
    /// Makes the function for checked arguments.
    pub(crate) make: fn(&'static Spec, &Arguments) -> Result<Box<dyn Function>>,
}

/// A function with its parameters: what a derived field is computed by.
///
/// Pure: a value depends on the input and on what [`Function::id`] names, and on nothing else. Calls from several
/// threads at a time are fine.
pub trait Function: Send + Sync {
    /// The registry's row.
    fn spec(&self) -> &'static Spec;

    /// BLAKE3 over name, version and parameters, defaults filled in; files by their content. Equal ids give equal
    /// values, so it is the key of everything remembered.
    fn id(&self) -> Hash;

    /// The type of every value.
    fn output(&self) -> Output;

    /// How many inputs a call should have at least so that no thread waits: a model's batch, or some dozens.
    fn batch_size(&self) -> usize {
        64
    }

    /// The values of `inputs`, in their order, on at most `threads` threads, the caller's included. An input that has
    /// no value (it cannot be decoded) is an error at its place and disturbs no other.
    fn batch(&self, inputs: &[Input<'_>], threads: NonZeroUsize) -> Vec<Result<Value>>;
}

/// The id of a function with these arguments.
pub(crate) fn id(spec: &Spec, arguments: &Arguments) -> Hash {
    let mut hasher = Hasher::default();
    hasher.update(format!("tamis function\n{}\n{}\n{}\n", spec.name, spec.version, arguments.canonical()).as_bytes());
    hasher.finish()
}

/// A function of one input at a time.
pub(crate) struct Single<F> {
    spec: &'static Spec,
    id: Hash,
    output: Output,
    apply: F,
}

impl<F: Fn(Input<'_>) -> Result<Value> + Send + Sync + 'static> Single<F> {
    /// A function that is `apply` for every input of the kind that `spec` says.
    pub(crate) fn boxed(
        spec: &'static Spec,
        arguments: &Arguments,
        output: Output,
        apply: F,
    ) -> Result<Box<dyn Function>> {
        Ok(Box::new(Single { spec, id: id(spec, arguments), output, apply }))
    }
}

impl<F: Fn(Input<'_>) -> Result<Value> + Send + Sync> Function for Single<F> {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn id(&self) -> Hash {
        self.id
    }

    fn output(&self) -> Output {
        self.output.clone()
    }

    fn batch(&self, inputs: &[Input<'_>], threads: NonZeroUsize) -> Vec<Result<Value>> {
        each(inputs, threads, |input| {
            let found = input.kind();
            if found != self.spec.input {
                let (expected, found) = (self.spec.input.as_str(), found.as_str());
                return Err(InferError::WrongInput { function: self.spec.name, expected, found });
            }
            walled(self.spec.name, || (self.apply)(*input))
        })
    }
}

/// Calls what may panic in spite of every wall before it: a panic becomes this item's error.
pub(crate) fn walled<T>(function: &'static str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|panic| Err(InferError::Internal { function, reason: words(panic.as_ref()) }))
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    plain(&text.unwrap_or("it said nothing"))
}

/// `work` of every item, in their order, on at most `threads` threads, the caller's included. Threads take the next item
/// when they are done with one, so items of different cost balance.
pub(crate) fn each<T: Sync, R: Send>(items: &[T], threads: NonZeroUsize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            match items.get(at) {
                Some(item) => done.push((at, work(item))),
                None => return done,
            }
        }
    };
    let others = threads.get().min(items.len()).saturating_sub(1);
    let mut all = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..others).map(|_| scope.spawn(run)).collect();
        let mut all = run();
        for handle in handles {
            match handle.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}
