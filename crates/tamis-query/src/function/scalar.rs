//! A function of the values of a row, as the query engine takes it.

use std::hash::{Hash, Hasher};

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature};

/// What a function does with its arguments, each as long as the outcome.
pub(crate) type Run = fn(&[ArrayRef], usize) -> Result<ArrayRef, DataFusionError>;

/// A function by its name; two of a name are the same.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) name: &'static str,
    pub(crate) signature: Signature,
    pub(crate) returns: DataType,
    pub(crate) run: Run,
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Scalar) -> bool {
        self.name == other.name
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let rows = args.number_rows;
        let arrays = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>, _>>()?;
        (self.run)(&arrays, rows).map(ColumnarValue::Array)
    }
}
