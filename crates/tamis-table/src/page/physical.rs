//! What an Arrow type is in a page: dates and timestamps are integers, text is bytes with a promise.

use arrow::datatypes::DataType;

use crate::error::TableError;

/// The page's view of an Arrow type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Physical {
    Null,
    Struct,
    List {
        large: bool,
    },
    FixedList {
        size: usize,
    },
    Map,
    Bool,
    Int {
        bytes: u8,
        signed: bool,
    },
    F32,
    F64,
    Bytes {
        utf8: bool,
        large: bool,
    },
    FixedBytes {
        width: usize,
    },
    /// Dictionary of text or binary.
    Dictionary {
        utf8: bool,
    },
}

/// The physical form of `data_type`; [`TableError::Unsupported`] for types that pages do not hold.
pub(crate) fn physical(data_type: &DataType) -> Result<Physical, TableError> {
    let signed = |bytes| Physical::Int { bytes, signed: true };
    let unsigned = |bytes| Physical::Int { bytes, signed: false };
    Ok(match data_type {
        DataType::Null => Physical::Null,
        DataType::Boolean => Physical::Bool,
        DataType::Int8 => signed(1),
        DataType::Int16 => signed(2),
        DataType::Int32 | DataType::Date32 | DataType::Time32(_) => signed(4),
        DataType::Int64
        | DataType::Date64
        | DataType::Time64(_)
        | DataType::Timestamp(_, _)
        | DataType::Duration(_) => signed(8),
        DataType::UInt8 => unsigned(1),
        DataType::UInt16 => unsigned(2),
        DataType::UInt32 => unsigned(4),
        DataType::UInt64 => unsigned(8),
        DataType::Float32 => Physical::F32,
        DataType::Float64 => Physical::F64,
        DataType::Utf8 => Physical::Bytes { utf8: true, large: false },
        DataType::LargeUtf8 => Physical::Bytes { utf8: true, large: true },
        DataType::Binary => Physical::Bytes { utf8: false, large: false },
        DataType::LargeBinary => Physical::Bytes { utf8: false, large: true },
        DataType::FixedSizeBinary(width) => Physical::FixedBytes { width: *width as usize },
        DataType::List(_) => Physical::List { large: false },
        DataType::LargeList(_) => Physical::List { large: true },
        DataType::FixedSizeList(_, size) => Physical::FixedList { size: *size as usize },
        DataType::Struct(_) => Physical::Struct,
        DataType::Map(_, _) => Physical::Map,
        DataType::Dictionary(key, value) if key.is_integer() => match **value {
            DataType::Utf8 | DataType::LargeUtf8 => Physical::Dictionary { utf8: true },
            DataType::Binary | DataType::LargeBinary => Physical::Dictionary { utf8: false },
            _ => return Err(TableError::Unsupported { what: "dictionary of values that are not text or binary" }),
        },
        _ => return Err(TableError::Unsupported { what: "column type" }),
    })
}
