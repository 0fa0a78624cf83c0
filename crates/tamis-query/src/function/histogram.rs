//! The aggregate `histogram`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, UInt64Type};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, TypeSignature, Volatility};

/// The most buckets.
const MOST: f64 = 100_000.0;

/// Counts values in buckets of equal width.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Histogram(Signature);

impl Default for Histogram {
    fn default() -> Histogram {
        let four = vec![DataType::Float64, DataType::Float64, DataType::Float64, DataType::Int64];
        Histogram(Signature::new(TypeSignature::Exact(four), Volatility::Immutable))
    }
}

fn list() -> DataType {
    DataType::List(Field::new("item", DataType::UInt64, true).into())
}

impl AggregateUDFImpl for Histogram {
    fn name(&self) -> &str {
        "histogram"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(list())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>, DataFusionError> {
        Ok(Box::new(Buckets::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>, DataFusionError> {
        Ok(vec![Arc::new(Field::new(format!("{}[counts]", args.name), list(), true))])
    }
}

#[derive(Debug, Default)]
struct Buckets {
    counts: Vec<u64>,
}

impl Accumulator for Buckets {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        let [values, low, high, buckets] = values else {
            return Err(DataFusionError::Internal("`histogram` has four arguments".to_owned()));
        };
        let bounds = cast(buckets, &DataType::Float64)?;
        let (values, low, high): (&Float64Array, &Float64Array, &Float64Array) =
            (values.as_primitive(), low.as_primitive(), high.as_primitive());
        let buckets: &Float64Array = bounds.as_primitive();
        for row in 0..values.len() {
            if low.is_null(row) || high.is_null(row) || buckets.is_null(row) {
                continue;
            }
            let (low, high, count) = (low.value(row), high.value(row), buckets.value(row));
            if !(low < high && (1.0..=MOST).contains(&count)) {
                let reason = "`histogram(value, low, high, buckets)` needs low < high and 1 to 100,000 buckets";
                return Err(DataFusionError::Execution(reason.to_owned()));
            }
            if self.counts.is_empty() {
                self.counts = vec![0; count as usize];
            }
            let value = values.value(row);
            if values.is_null(row) || !(low..=high).contains(&value) {
                continue;
            }
            // The upper end belongs to the last bucket.
            let at = ((value - low) / (high - low) * count) as usize;
            let last = self.counts.len() - 1;
            self.counts[at.min(last)] += 1;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue, DataFusionError> {
        let counts = self.counts.iter().map(|count| ScalarValue::UInt64(Some(*count))).collect::<Vec<_>>();
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&counts, &DataType::UInt64)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * 8
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>, DataFusionError> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<(), DataFusionError> {
        let Some(lists) = states.first() else { return Ok(()) };
        let lists: &ListArray = lists.as_list();
        for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
            let counts = lists.value(row);
            let counts: &UInt64Array = counts.as_primitive::<UInt64Type>();
            if self.counts.len() < counts.len() {
                self.counts.resize(counts.len(), 0);
            }
            self.counts.iter_mut().zip(counts.values()).for_each(|(own, other)| *own += other);
        }
        Ok(())
    }
}
