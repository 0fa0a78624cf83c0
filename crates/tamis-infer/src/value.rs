//! What goes into a function and what comes out.

use tamis_core::Label;

/// What a function is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The bytes of the sample's media file.
    Media(&'a [u8]),
    /// A text: the media of a text sample, or a field.
    Text(&'a str),
}

impl Input<'_> {
    /// Which of them it is.
    pub fn kind(&self) -> InputKind {
        match self {
            Input::Media(_) => InputKind::Media,
            Input::Text(_) => InputKind::Text,
        }
    }
}

/// The kinds of [`Input`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// The bytes of an image file.
    Media,
    /// A text.
    Text,
}

impl InputKind {
    /// For messages and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            InputKind::Media => "images",
            InputKind::Text => "text",
        }
    }
}

/// The type of a function's values, known before any is computed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Output {
    /// A float of 64 bits, finite.
    Float,
    /// A number from 0 of 64 bits: counts, and bits of hashes.
    Unsigned,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// Always so many floats of 32 bits, finite.
    Embedding(usize),
    /// Named parts, none of them a record, in this order.
    Record(Vec<(String, Output)>),
    /// Labels for a layer; their ids are 0.
    Labels,
}

/// One computed value, of the type that [`Output`] says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Of [`Output::Float`].
    Float(f64),
    /// Of [`Output::Unsigned`].
    Unsigned(u64),
    /// Of [`Output::Text`].
    Text(String),
    /// Of [`Output::Bytes`].
    Bytes(Vec<u8>),
    /// Of [`Output::Embedding`].
    Embedding(Vec<f32>),
    /// Of [`Output::Record`]: the parts in its order.
    Record(Vec<Value>),
    /// Of [`Output::Labels`].
    Labels(Vec<Label>),
}

impl Value {
    /// Whether the value is of a type.
    pub fn is_of(&self, output: &Output) -> bool {
        match (self, output) {
            (Value::Float(v), Output::Float) => v.is_finite(),
            (Value::Unsigned(_), Output::Unsigned)
            | (Value::Text(_), Output::Text)
            | (Value::Bytes(_), Output::Bytes)
            | (Value::Labels(_), Output::Labels) => true,
            (Value::Embedding(v), Output::Embedding(width)) => v.len() == *width && v.iter().all(|v| v.is_finite()),
            (Value::Record(values), Output::Record(parts)) => {
                values.len() == parts.len() && values.iter().zip(parts).all(|(value, (_, part))| value.is_of(part))
            }
            _ => false,
        }
    }
}
