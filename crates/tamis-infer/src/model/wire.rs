//! The little of ONNX's wire format (protocol buffers) that is read before a runtime sees the bytes: whether the file is
//! whole, whether its weights are as large as they claim, and the notes that exporters leave in it.
//!
//! Source: onnx.proto of the ONNX project, and the description of the protocol buffers' encoding.

use std::collections::BTreeMap;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The exporter's notes by key (`metadata_props`), such as `names` of classes.
    pub(crate) notes: BTreeMap<String, String>,
}

/// A field of a message.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message, one after the other; an error ends them.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let key = self.number()?;
        let field = match key & 7 {
            0 => Field::Number(self.number()?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let length = self.number()?;
                Field::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return None,
        };
        Some((key >> 3, field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| String::from("the file is cut short, or is no ONNX file")))
    }
}

/// Numbers of `ModelProto`, `GraphProto`, `TensorProto` and `StringStringEntryProto`.
const MODEL_GRAPH: u64 = 7;
const MODEL_NOTES: u64 = 14;
const GRAPH_INITIALIZER: u64 = 5;
const TENSOR_DIMS: u64 = 1;
const TENSOR_EXTERNAL: u64 = 13;
const TENSOR_LOCATION: u64 = 14;

/// Reads the notes and checks the weights.
///
/// # Errors
/// Why no runtime should see the bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Notes, String> {
    let mut notes = Notes::default();
    let mut graphs = 0;
    for field in Fields(bytes) {
        match field? {
            (MODEL_GRAPH, Field::Bytes(graph)) => {
                graphs += 1;
                for field in Fields(graph) {
                    if let (GRAPH_INITIALIZER, Field::Bytes(tensor)) = field? {
                        weigh(tensor)?;
                    }
                }
            }
            (MODEL_NOTES, Field::Bytes(entry)) => {
                let mut words = [String::new(), String::new()];
                for field in Fields(entry) {
                    if let (at @ (1 | 2), Field::Bytes(text)) = field? {
                        words[at as usize - 1] = String::from_utf8_lossy(text).into_owned();
                    }
                }
                let [key, text] = words;
                notes.notes.insert(key, text);
            }
            _ => {}
        }
    }
    if graphs == 1 { Ok(notes) } else { Err(format!("it has {graphs} graphs, expected 1: no ONNX file")) }
}

/// Whether a tensor's bytes are as many as its sizes need: at least four bits a number.
fn weigh(tensor: &[u8]) -> Result<(), String> {
    let (mut sizes, mut length) = (Vec::new(), 0u64);
    for field in Fields(tensor) {
        match field? {
            (TENSOR_DIMS, Field::Number(size)) => sizes.push(size),
            (TENSOR_DIMS, Field::Bytes(packed)) => {
                let mut packed = Fields(packed);
                while !packed.0.is_empty() {
                    sizes.push(packed.number().ok_or("the sizes of a tensor are cut short")?);
                }
            }
            (TENSOR_EXTERNAL, _) | (TENSOR_LOCATION, Field::Number(1)) => {
                return Err(String::from("its weights are in other files; save it with its weights inside"));
            }
            (_, Field::Bytes(bytes)) => length += bytes.len() as u64,
            (_, Field::Number(_) | Field::Fixed) => length += 8,
        }
    }
    let count = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
    match count {
        Some(count) if count / 2 <= length => Ok(()),
        _ => Err(format!("a tensor claims {} numbers and has {length} bytes", product(&sizes))),
    }
}

fn product(sizes: &[u64]) -> String {
    sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ")
}
