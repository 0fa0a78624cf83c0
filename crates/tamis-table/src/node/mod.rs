//! Nodes: who is below, with which keys, rows and summary. docs/spec/node.md.

mod build;
pub(crate) mod wire;

use std::sync::Arc;

use bytes::Bytes;
use tamis_core::Hash;

use crate::error::{Result, TableError};
use crate::leaf::{LeafRef, TableCache};
use crate::summary::{self, Summary};

pub(crate) use build::put_tree;

/// A node of a base or delta tree.
#[derive(Debug)]
pub(crate) struct Node {
    /// 0: the children are leaves.
    pub(crate) level: u8,
    pub(crate) children: Vec<Child>,
}

/// What a node says of a child.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) first: Box<[u8]>,
    pub(crate) last: Box<[u8]>,
    pub(crate) rows: u64,
    /// Encoded bytes of all pages below.
    pub(crate) bytes: u64,
    pub(crate) target: Target,
    /// Encoded; see [`Child::summary`].
    pub(crate) summary: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Node(Hash),
    Leaf(LeafRef),
}

impl Child {
    pub(crate) fn summary(&self) -> Result<Summary> {
        summary::decode(&self.summary)
    }
}

impl Node {
    /// A node below this one. Levels go down by one, so that broken nodes cannot nest without end.
    pub(crate) fn below(&self, cache: &TableCache, id: &Hash) -> Result<Arc<Node>> {
        let below = cache.node(id)?;
        if below.level.checked_add(1) != Some(self.level) {
            return Err(
                TableError::Corrupt { what: "node", reason: "its level does not fit its parent's" }.within("node", id)
            );
        }
        Ok(below)
    }

    /// The child that has or would have a key: the first whose last key is not before it.
    pub(crate) fn position(&self, key: &[u8]) -> usize {
        self.children.partition_point(|child| *child.last < *key)
    }
}

/// The leaf that has a key, if any has; [`None`] past the last key.
pub(crate) fn find_leaf(cache: &TableCache, root: &Hash, key: &[u8]) -> Result<Option<LeafAt>> {
    let mut node = cache.node(root)?;
    loop {
        let at = node.position(key);
        let Some(child) = node.children.get(at) else { return Ok(None) };
        match &child.target {
            Target::Leaf(_) => return Ok(Some(LeafAt { node, at })),
            Target::Node(id) => node = node.below(cache, id)?,
        }
    }
}

/// A leaf as its node describes it.
#[derive(Clone, Debug)]
pub(crate) struct LeafAt {
    node: Arc<Node>,
    at: usize,
}

impl LeafAt {
    /// The child of a node of leaves.
    pub(crate) fn new(node: Arc<Node>, at: usize) -> LeafAt {
        LeafAt { node, at }
    }

    pub(crate) fn child(&self) -> &Child {
        &self.node.children[self.at]
    }

    pub(crate) fn leaf(&self) -> Option<&LeafRef> {
        match &self.child().target {
            Target::Leaf(leaf) => Some(leaf),
            Target::Node(_) => None,
        }
    }
}

/// A range of keys: from `start` (inclusive) to `end` (exclusive), each optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) start: Option<Vec<u8>>,
    pub(crate) end: Option<Vec<u8>>,
}

impl KeyRange {
    pub(crate) fn is_before_end(&self, key: &[u8]) -> bool {
        self.end.as_deref().is_none_or(|end| key < end)
    }

    pub(crate) fn is_after_start(&self, key: &[u8]) -> bool {
        self.start.as_deref().is_none_or(|start| start <= key)
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.is_after_start(key) && self.is_before_end(key)
    }

    /// Whether every key from `first` to `last` is in the range.
    pub(crate) fn covers(&self, first: &[u8], last: &[u8]) -> bool {
        self.is_after_start(first) && self.is_before_end(last)
    }

    /// Whether some key from `first` to `last` may be in the range.
    pub(crate) fn touches(&self, first: &[u8], last: &[u8]) -> bool {
        self.is_after_start(last) && self.is_before_end(first)
    }
}

/// Calls `visit` with the leaves that may have keys of a range, in order.
pub(crate) fn each_leaf(
    cache: &TableCache,
    root: &Hash,
    range: &KeyRange,
    visit: &mut dyn FnMut(LeafAt) -> Result<()>,
) -> Result<()> {
    leaves_below(cache, &cache.node(root)?, range, visit)
}

fn leaves_below(
    cache: &TableCache,
    node: &Arc<Node>,
    range: &KeyRange,
    visit: &mut dyn FnMut(LeafAt) -> Result<()>,
) -> Result<()> {
    for at in 0..node.children.len() {
        let child = &node.children[at];
        if !range.touches(&child.first, &child.last) {
            continue;
        }
        match &child.target {
            Target::Leaf(_) => visit(LeafAt { node: node.clone(), at })?,
            Target::Node(id) => leaves_below(cache, &node.below(cache, id)?, range, visit)?,
        }
    }
    Ok(())
}

/// The leaves that may have keys of a range, in order.
pub(crate) fn leaves(cache: &TableCache, root: Option<&Hash>, range: &KeyRange) -> Result<Vec<LeafAt>> {
    let mut found = Vec::new();
    if let Some(root) = root {
        each_leaf(cache, root, range, &mut |leaf| {
            found.push(leaf);
            Ok(())
        })?;
    }
    Ok(found)
}
