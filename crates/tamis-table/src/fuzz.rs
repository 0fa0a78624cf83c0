//! Entry points of the fuzz targets: any bytes in, no panic out. Not part of the interface.

use bytes::Bytes;

use crate::schema::TableSchema;

/// Nodes, roots, summaries and schemas, each from the same bytes.
pub fn tree(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    let _ = crate::node::Node::decode(&bytes);
    let _ = crate::table::Root::decode(input);
    let _ = crate::summary::decode(input);
    if let Ok(schema) = TableSchema::from_json(input) {
        let _ = schema.check();
    }
}
