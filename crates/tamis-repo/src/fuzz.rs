//! Entry points of the fuzz targets: any bytes in, no panic out. Not part of the interface.

use tamis_core::{CommitId, Hash};

use crate::object::{Commit, Head, Object, OperationObject, Sensors, View};

/// An object of history: as it is, and behind the header line of each kind.
pub fn object(input: &[u8]) {
    decode_all(input);
    for kind in ["commit", "operation", "head", "view", "sensors"] {
        decode_all(&[format!("tamis {kind} 1\n").as_bytes(), input].concat());
    }
}

fn decode_all(bytes: &[u8]) {
    let id = Hash::of(bytes);
    let _ = Commit::decode(CommitId(id), bytes);
    let _ = OperationObject::decode(&id, bytes);
    let _ = Head::decode(&id, bytes);
    let _ = View::decode(&id, bytes);
    let _ = Sensors::decode(&id, bytes);
}

/// A revision as a person types it.
pub fn revision(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = crate::revision::parse(text);
    }
}
