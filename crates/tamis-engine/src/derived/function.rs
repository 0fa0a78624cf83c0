//! Functions of tamis-infer as columns of a table.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryBuilder, FixedSizeListArray, Float32Array, Float64Array, StringArray, StructArray,
    UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use tamis_core::Hash;
use tamis_infer::{FUNCTIONS, Function, InputKind, Output, ParamKind, Value};
use tamis_repo::GroupInput;
use tamis_table::GroupSchema;

use super::run::{Compute, wrong};
use crate::error::Result;

/// A function, for people.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionDoc {
    /// Its name.
    pub name: &'static str,
    /// What it computes.
    pub doc: &'static str,
    /// What its values are.
    pub gives: &'static str,
    /// What can be set.
    pub parameters: Vec<ParameterDoc>,
}

/// A parameter, for people.
#[derive(Clone, Debug, Serialize)]
pub struct ParameterDoc {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: String,
    /// What it is where nothing is said; absent where it has to be given.
    pub default: Option<&'static str>,
    /// What it does.
    pub doc: &'static str,
}

/// Every function.
pub fn functions() -> Vec<FunctionDoc> {
    let parameter = |param: &tamis_infer::Param| ParameterDoc {
        name: param.name,
        kind: param.kind.describe(),
        default: param.default,
        doc: param.help,
    };
    let function = |spec: &&'static tamis_infer::Spec| FunctionDoc {
        name: spec.name,
        doc: spec.help,
        gives: spec.gives,
        parameters: spec.params.iter().map(parameter).collect(),
    };
    FUNCTIONS.iter().map(function).collect()
}

/// The parameters of a function that are files.
pub(crate) fn files(function: &str) -> Vec<&'static str> {
    let spec = FUNCTIONS.iter().find(|spec| spec.name == function);
    let params = spec.map(|spec| spec.params).unwrap_or_default();
    params.iter().filter(|param| matches!(param.kind, ParamKind::File)).map(|param| param.name).collect()
}

/// A function that is ready.
pub(crate) struct Loaded {
    function: Box<dyn Function>,
}

impl Loaded {
    /// The function of a name with some parameters; files by their paths.
    pub(crate) fn new(name: &str, parameters: &Map<String, Json>) -> Result<Loaded> {
        let given: BTreeMap<String, Json> = parameters.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok(Loaded { function: tamis_infer::lookup(name, &given)? })
    }

    pub(crate) fn id(&self) -> Hash {
        self.function.id()
    }

    pub(crate) fn version(&self) -> u32 {
        self.function.spec().version
    }

    pub(crate) fn name(&self) -> &'static str {
        self.function.spec().name
    }

    /// Whether values are labels for a layer.
    pub(crate) fn gives_labels(&self) -> bool {
        self.function.output() == Output::Labels
    }

    /// Whether it takes texts rather than images.
    pub(crate) fn takes_text(&self) -> bool {
        self.function.spec().input == InputKind::Text
    }

    /// The function as what fills a column group.
    pub(crate) fn column(&self, group: &str, input: &GroupInput) -> Column<'_> {
        let output = self.function.output();
        let fields = match &output {
            Output::Record(parts) => parts.iter().map(|(name, part)| Field::new(name, data_type(part), true)).collect(),
            other => Fields::from(vec![Field::new("value", data_type(other), true)]),
        };
        let group = GroupSchema::new(group, input.mark(&fields));
        Column { loaded: self, output, group }
    }
}

/// A function and the column group that its values fill.
pub(crate) struct Column<'a> {
    loaded: &'a Loaded,
    output: Output,
    group: GroupSchema,
}

/// The Arrow type of values. Labels are kept as their JSON.
fn data_type(output: &Output) -> DataType {
    match output {
        Output::Float => DataType::Float64,
        Output::Unsigned => DataType::UInt64,
        Output::Bytes => DataType::Binary,
        Output::Embedding(width) => {
            let item = Field::new("item", DataType::Float32, true);
            DataType::FixedSizeList(Arc::new(item), i32::try_from(*width).unwrap_or(i32::MAX))
        }
        _ => DataType::Utf8,
    }
}

impl Compute for Column<'_> {
    fn id(&self) -> Hash {
        self.loaded.id()
    }

    fn group(&self) -> &GroupSchema {
        &self.group
    }

    fn batch(&self) -> usize {
        self.loaded.function.batch_size().clamp(1, 16)
    }

    fn compute(&self, inputs: &[Bytes]) -> Result<(StructArray, Vec<Option<String>>)> {
        let is_text = self.loaded.takes_text();
        let text = |bytes: &'_ Bytes| String::from_utf8_lossy(bytes).into_owned();
        let texts: Vec<String> = if is_text { inputs.iter().map(text).collect() } else { Vec::new() };
        let given: Vec<tamis_infer::Input<'_>> = match is_text {
            true => texts.iter().map(|text| tamis_infer::Input::Text(text)).collect(),
            false => inputs.iter().map(|bytes| tamis_infer::Input::Media(bytes)).collect(),
        };
        // Runs call from all processors at once.
        let values = self.loaded.function.batch(&given, NonZeroUsize::MIN);
        let mut reasons = Vec::with_capacity(values.len());
        let mut there: Vec<Option<Value>> = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Ok(value) if value.is_of(&self.output) => {
                    reasons.push(None);
                    there.push(Some(value));
                }
                Ok(_) => {
                    reasons.push(Some("internal: the value is of another type than the function's".to_owned()));
                    there.push(None);
                }
                Err(error) => {
                    reasons.push(Some(error.to_string()));
                    there.push(None);
                }
            }
        }
        Ok((self.rows(&there)?, reasons))
    }
}

impl Column<'_> {
    /// Values as rows of the group.
    fn rows(&self, values: &[Option<Value>]) -> Result<StructArray> {
        let columns: Vec<ArrayRef> = match &self.output {
            Output::Record(parts) => {
                let mut columns = Vec::with_capacity(parts.len());
                for (at, (_, output)) in parts.iter().enumerate() {
                    let own: Vec<Option<&Value>> = values
                        .iter()
                        .map(|value| match value {
                            Some(Value::Record(parts)) => parts.get(at),
                            _ => None,
                        })
                        .collect();
                    columns.push(array(output, &own)?);
                }
                columns
            }
            output => vec![array(output, &values.iter().map(Option::as_ref).collect::<Vec<_>>())?],
        };
        StructArray::try_new_with_length(self.group.fields.clone(), columns, None, values.len()).map_err(wrong)
    }
}

/// Values as an array; what is not of the type is null.
fn array(output: &Output, values: &[Option<&Value>]) -> Result<ArrayRef> {
    Ok(match output {
        Output::Float => Arc::new(
            values
                .iter()
                .map(|value| if let Some(Value::Float(v)) = value { Some(*v) } else { None })
                .collect::<Float64Array>(),
        ),
        Output::Unsigned => Arc::new(
            values
                .iter()
                .map(|value| if let Some(Value::Unsigned(v)) = value { Some(*v) } else { None })
                .collect::<UInt64Array>(),
        ),
        Output::Bytes => {
            let mut bytes = BinaryBuilder::new();
            for value in values {
                match value {
                    Some(Value::Bytes(v)) => bytes.append_value(v),
                    _ => bytes.append_null(),
                }
            }
            Arc::new(bytes.finish())
        }
        Output::Embedding(width) => {
            let mut numbers: Vec<f32> = Vec::with_capacity(values.len() * width);
            let mut there = Vec::with_capacity(values.len());
            for value in values {
                match value {
                    Some(Value::Embedding(v)) => numbers.extend(v),
                    _ => numbers.resize(numbers.len() + width, 0.0),
                }
                there.push(matches!(value, Some(Value::Embedding(_))));
            }
            let DataType::FixedSizeList(item, size) = data_type(output) else {
                return Ok(arrow::array::new_null_array(&DataType::Null, values.len()));
            };
            let nulls = there.contains(&false).then(|| NullBuffer::from(there));
            let list = FixedSizeListArray::try_new_with_length(
                item,
                size,
                Arc::new(Float32Array::from(numbers)),
                nulls,
                values.len(),
            );
            Arc::new(list.map_err(wrong)?)
        }
        _ => {
            let text = |value: &Option<&Value>| match value {
                Some(Value::Text(v)) => Some(v.clone()),
                Some(Value::Labels(labels)) => serde_json::to_string(labels).ok(),
                _ => None,
            };
            Arc::new(values.iter().map(text).collect::<StringArray>()) as Arc<dyn Array>
        }
    })
}
