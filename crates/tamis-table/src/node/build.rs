//! Builds the nodes over some leaves.

use bytes::Bytes;
use tamis_core::Hash;
use tamis_store::Writer;

use super::{Child, Node, Target};
use crate::cut::CutRule;
use crate::error::{Result, TableError};
use crate::summary::{self, Summary};

/// Writes the nodes over leaves (in order, at least one) and returns what a node above them would
/// say of the root. O(leaves); nodes that are in the store already are not written again.
///
/// Nodes are cut by the hash of their last key, so that a leaf that splits moves no far cut.
pub(crate) fn put_tree(writer: &Writer, leaves: Vec<Child>) -> Result<Child> {
    let mut level = 0;
    let mut children = leaves;
    loop {
        let mut parents = Vec::new();
        let mut run: Vec<Child> = Vec::new();
        for child in children {
            let ends = CutRule::NODE.ends(run.len() as u32 + 1, &child.last);
            run.push(child);
            if ends {
                parents.push(put_node(writer, level, std::mem::take(&mut run))?);
            }
        }
        if !run.is_empty() {
            parents.push(put_node(writer, level, run)?);
        }
        if parents.len() == 1 {
            return parents.pop().ok_or(TableError::Internal("a tree without a root"));
        }
        if parents.is_empty() {
            return Err(TableError::Internal("a tree without leaves"));
        }
        children = parents;
        level += 1;
    }
}

fn put_node(writer: &Writer, level: u8, children: Vec<Child>) -> Result<Child> {
    let (Some(first), Some(last)) = (children.first(), children.last()) else {
        return Err(TableError::Internal("a node without children"));
    };
    let mut total = Summary::default();
    for child in &children {
        total.add(&child.summary()?);
    }
    let mut encoded = Vec::new();
    summary::encode(&total, &mut encoded);
    let mut parent = Child {
        first: first.first.clone(),
        last: last.last.clone(),
        rows: children.iter().map(|c| c.rows).sum(),
        bytes: children.iter().map(|c| c.bytes).sum(),
        target: Target::Node(Hash::ZERO),
        summary: Bytes::from(encoded),
    };
    let id = writer.put(Node { level, children }.encode())?;
    parent.target = Target::Node(id);
    Ok(parent)
}
