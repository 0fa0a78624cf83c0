//! Content hashes and the ids made of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{CoreError, shorten};

/// A 32-byte BLAKE3 hash: the name of immutable bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// All zero bytes; never the hash of anything, used where a field must have a value.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The BLAKE3 hash of `bytes`, computed on the calling thread.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(*blake3::hash(bytes).as_bytes())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        let mut hex = self.to_hex();
        hex.truncate(12);
        hex
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Hash, CoreError> {
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
        let mut bytes = [0; 32];
        let is_hex = text.len() == 64
            && bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)).all(|(byte, pair)| match pair {
                [high, low] => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => {
                        *byte = high << 4 | low;
                        true
                    }
                    _ => false,
                },
                _ => false,
            });
        if is_hex { Ok(Hash(bytes)) } else { Err(CoreError::BadId { text: shorten(text, 80) }) }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl FromStr for Hash {
    type Err = CoreError;
    fn from_str(text: &str) -> Result<Hash, CoreError> {
        Hash::from_hex(text)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Hash::from_hex(&text).map_err(de::Error::custom)
    }
}

/// Computes a [`Hash`] piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes so far.
    pub fn finish(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Hash);

        impl $name {
            /// The hash that is this id.
            pub fn hash(&self) -> &Hash {
                &self.0
            }
            /// The first 12 hexadecimal digits, for people.
            pub fn short(&self) -> String {
                self.0.short()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.short())
            }
        }

        impl FromStr for $name {
            type Err = CoreError;
            fn from_str(text: &str) -> Result<Self, CoreError> {
                Hash::from_hex(text).map($name)
            }
        }
    };
}

id_type!(
    /// User bytes (a media file, a mask): BLAKE3 of the whole content, however it is stored.
    BlobId
);
id_type!(
    /// A commit: BLAKE3 of its encoded form.
    CommitId
);
id_type!(
    /// An entry of the operation log: BLAKE3 of its encoded form.
    OperationId
);
id_type!(
    /// A version of a table: BLAKE3 of its encoded root (schema, base, deltas).
    TableId
);
id_type!(
    /// A small structured object kept beside the tables (ontology, sensors, a view).
    ObjectId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_reads_back() {
        let id = CommitId(Hash::of(b"tamis"));
        assert_eq!(id.to_string().parse::<CommitId>(), Ok(id));
        assert_eq!(id.short().len(), 12);
        let json = serde_json::to_string(&id).unwrap_or_default();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<CommitId>(&json).ok(), Some(id));
    }

    #[test]
    fn a_bad_id_is_named_and_shortened() {
        let text = "x".repeat(200);
        let message = Hash::from_hex(&text).map_err(|e| e.to_string()).err().unwrap_or_default();
        assert!(message.contains("xxx…") && message.len() < 200, "{message}");
    }
}
