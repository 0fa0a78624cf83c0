//! The reader that most formats are: a list of items, found first, each turned into a record when it is asked for.

use rayon::prelude::*;
use tamis_core::{Report, SampleRecord};

use crate::error::Result;
use crate::format::{RecordReader, Schema};

type Pull<'a> = dyn FnMut(&mut Schema) -> Option<Result<SampleRecord>> + Send + 'a;
type Done<'a> = dyn FnMut(&mut Schema) + Send + 'a;

/// Items that are made in one go, and in one task of it.
const AHEAD: usize = 1024;
const TASK: usize = 32;

/// Items, and how each becomes a record (or none).
pub(crate) struct Each<'a> {
    schema: Schema,
    pull: Box<Pull<'a>>,
    done: Option<Box<Done<'a>>>,
    expected: u64,
}

impl<'a> Each<'a> {
    /// Each item in its turn.
    pub(crate) fn new<T: Send + 'a>(
        items: Vec<T>,
        schema: Schema,
        mut make: impl FnMut(T, &mut Schema) -> Result<Option<SampleRecord>> + Send + 'a,
    ) -> Each<'a> {
        let expected = items.len() as u64;
        let mut items = items.into_iter();
        let pull = move |schema: &mut Schema| items.find_map(|item| make(item, schema).transpose());
        Each { schema, pull: Box::new(pull), done: None, expected }
    }

    /// Some items ahead, in parallel: `make` does the work, `then` what has to be done in order. Findings go to `report`
    /// in the order of the items.
    pub(crate) fn ahead<T: Send + Sync + 'a, M: Send + 'a>(
        items: Vec<T>,
        schema: Schema,
        report: &'a Report,
        make: impl Fn(&T, &Report) -> Result<M> + Send + Sync + 'a,
        mut then: impl FnMut(M, &mut Schema) -> SampleRecord + Send + 'a,
    ) -> Each<'a> {
        let expected = items.len() as u64;
        let mut at = 0;
        let mut ready = Vec::new().into_iter();
        let pull = move |schema: &mut Schema| {
            if ready.len() == 0 {
                let next = items.get(at..(at + AHEAD).min(items.len())).unwrap_or_default();
                at += next.len();
                let task = |items: &[T]| {
                    let own = Report::new();
                    (items.iter().map(|item| make(item, &own)).collect::<Vec<Result<M>>>(), own)
                };
                let made: Vec<(Vec<Result<M>>, Report)> = next.par_chunks(TASK).map(task).collect();
                let mut all = Vec::with_capacity(next.len());
                for (some, own) in made {
                    all.extend(some);
                    report.absorb(own);
                }
                ready = all.into_iter();
            }
            Some(ready.next()?.map(|made| then(made, schema)))
        };
        Each { schema, pull: Box::new(pull), done: None, expected }
    }

    /// With something to do to the schema after the last record.
    pub(crate) fn and_then(mut self, done: impl FnMut(&mut Schema) + Send + 'a) -> Each<'a> {
        self.done = Some(Box::new(done));
        self
    }
}

impl Iterator for Each<'_> {
    type Item = Result<SampleRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = (self.pull)(&mut self.schema);
        if next.is_none()
            && let Some(mut done) = self.done.take()
        {
            done(&mut self.schema);
        }
        next
    }
}

impl RecordReader for Each<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn expected(&self) -> Option<u64> {
        Some(self.expected)
    }
}
