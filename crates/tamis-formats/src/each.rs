//! The reader that most formats are: a list of items, found first, each turned into a record when it is asked for.

use tamis_core::SampleRecord;

use crate::error::Result;
use crate::format::{RecordReader, Schema};

type Make<'a, T> = dyn FnMut(T, &mut Schema) -> Result<Option<SampleRecord>> + Send + 'a;
type Done<'a> = dyn FnMut(&mut Schema) + Send + 'a;

/// Items, and how each becomes a record (or none).
pub(crate) struct Each<'a, T> {
    items: std::vec::IntoIter<T>,
    schema: Schema,
    make: Box<Make<'a, T>>,
    done: Option<Box<Done<'a>>>,
    expected: u64,
}

impl<'a, T> Each<'a, T> {
    pub(crate) fn new(
        items: Vec<T>,
        schema: Schema,
        make: impl FnMut(T, &mut Schema) -> Result<Option<SampleRecord>> + Send + 'a,
    ) -> Each<'a, T> {
        let expected = items.len() as u64;
        Each { items: items.into_iter(), schema, make: Box::new(make), done: None, expected }
    }

    /// With something to do to the schema after the last record.
    pub(crate) fn and_then(mut self, done: impl FnMut(&mut Schema) + Send + 'a) -> Each<'a, T> {
        self.done = Some(Box::new(done));
        self
    }
}

impl<T> Iterator for Each<'_, T> {
    type Item = Result<SampleRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        for item in self.items.by_ref() {
            match (self.make)(item, &mut self.schema) {
                Ok(Some(record)) => return Some(Ok(record)),
                Ok(None) => {}
                Err(e) => return Some(Err(e)),
            }
        }
        if let Some(mut done) = self.done.take() {
            done(&mut self.schema);
        }
        None
    }
}

impl<T: Send> RecordReader for Each<'_, T> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn expected(&self) -> Option<u64> {
        Some(self.expected)
    }
}
