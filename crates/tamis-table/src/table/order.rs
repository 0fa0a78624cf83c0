//! Rows by their number: how many come before a key, and the keys of the rows with some numbers.
//!
//! Nodes of the base count the rows below them; of deltas, the leaves of operations say which rows they add
//! and remove. So neither question reads rows: O(fan-out · log rows) in the base and O(leaves) in the
//! deltas, which are small, and one leaf of keys for each leaf that is asked for.

use arrow::array::{Array, AsArray, BinaryArray};
use arrow::compute::concat;

use super::fold::read_leaf;
use super::{Columns, Table};
use crate::error::{Result, TableError};
use crate::node::{KeyRange, LeafAt, Target, each_leaf};
use crate::rows::keys_of;

/// A leaf of the base with the rows that belong to it.
struct Place {
    /// [`None`] where the table has no base.
    leaf: Option<LeafAt>,
    own: KeyRange,
    /// The number of its first row.
    first: u64,
}

impl Table {
    /// How many rows have keys before `key`: the number of its row, if it has one.
    pub fn rank(&self, key: &[u8]) -> Result<u64> {
        let mut before = 0_i64;
        if let Some(base) = &self.0.root.base {
            let mut node = self.cache().node(base)?;
            loop {
                let at = node.position(key);
                before += node.children[..at].iter().map(|child| child.rows as i64).sum::<i64>();
                match node.children.get(at).map(|child| &child.target) {
                    Some(Target::Node(id)) => node = node.below(self.cache(), id)?,
                    Some(Target::Leaf(leaf)) => {
                        let (Ok(row) | Err(row)) = self.cache().keys(&leaf.keys)?.find(key)?;
                        before += row as i64;
                        break;
                    }
                    None => break,
                }
            }
        }
        Ok(u64::try_from(before + self.difference_before(key)?).unwrap_or(0))
    }

    /// The keys of the rows with ascending numbers, from 0. Numbers that no row has are left out.
    pub fn keys_at(&self, numbers: &[u64]) -> Result<BinaryArray> {
        let mut parts: Vec<BinaryArray> = Vec::new();
        let mut left = &numbers[..numbers.partition_point(|number| *number < self.len())];
        while let Some(&number) = left.first() {
            let place = self.place(number)?;
            let leaf = place.leaf.as_ref();
            let plain = leaf.filter(|_| self.0.root.deltas.is_empty()).and_then(LeafAt::leaf);
            let (keys, end) = match plain {
                Some(leaf) => {
                    let page = self.cache().keys(&leaf.keys)?;
                    let end = place.first + page.len() as u64;
                    let here = &left[..left.partition_point(|number| *number < end)];
                    let rows: Vec<u32> = here.iter().map(|number| (number - place.first) as u32).collect();
                    (page.take(&rows)?, end)
                }
                None => {
                    let none = Columns::none(self.schema());
                    let rows = read_leaf(self.cache(), &self.0.root, leaf, &place.own, &none)?;
                    let end = place.first + rows.len() as u64;
                    let here = &left[..left.partition_point(|number| *number < end)];
                    (keys_of(here.iter().map(|number| rows.keys.value((number - place.first) as usize))), end)
                }
            };
            if end <= number {
                break;
            }
            left = &left[keys.len()..];
            parts.push(keys);
        }
        let parts: Vec<&dyn Array> = parts.iter().map(|part| part as &dyn Array).collect();
        match parts.is_empty() {
            true => Ok(keys_of([])),
            false => Ok(concat(&parts)?.as_binary().clone()),
        }
    }

    /// How many more rows the deltas make of those of the base with keys before `key`. Opens each leaf of
    /// operations before it once; they stay open.
    fn difference_before(&self, key: &[u8]) -> Result<i64> {
        let mut difference = 0;
        let range = KeyRange { start: None, end: Some(key.to_vec()) };
        for delta in &self.0.root.deltas {
            each_leaf(self.cache(), &delta.node, &range, &mut |at| {
                let leaf = self.cache().delta_leaf(at.leaf().ok_or(TableError::Internal("not a leaf"))?)?;
                difference += match range.is_before_end(&at.child().last) {
                    true => leaf.added,
                    false => {
                        let (Ok(row) | Err(row)) = leaf.keys.find(key)?;
                        leaf.ops[..row].iter().map(|op| op.added()).sum()
                    }
                };
                Ok(())
            })?;
        }
        Ok(difference)
    }

    /// The leaf that the row with a number belongs to.
    fn place(&self, number: u64) -> Result<Place> {
        let mut place = Place { leaf: None, own: KeyRange::default(), first: 0 };
        let Some(base) = &self.0.root.base else { return Ok(place) };
        let mut node = self.cache().node(base)?;
        // Rows of the base before the node.
        let mut before = 0_u64;
        loop {
            let rows = node.children.iter().scan(before, |sum, child| Some(std::mem::replace(sum, *sum + child.rows)));
            let sums: Vec<u64> = rows.collect();
            let first = |at: usize| -> Result<u64> {
                let difference = self.difference_before(&node.children[at].first)?;
                Ok(u64::try_from(sums[at] as i64 + difference).unwrap_or(0))
            };
            // The last child whose first row is not behind the number; a node has children.
            let (mut at, mut end) = (0, node.children.len());
            while end - at > 1 {
                let middle = at.midpoint(end);
                if first(middle)? <= number {
                    at = middle;
                } else {
                    end = middle;
                }
            }
            if at > 0 {
                place.first = first(at)?;
                place.own.start = Some(node.children[at].first.to_vec());
            }
            if let Some(next) = node.children.get(at + 1) {
                place.own.end = Some(next.first.to_vec());
            }
            before = sums[at];
            match &node.children[at].target {
                Target::Node(id) => {
                    node = node.below(self.cache(), id)?;
                }
                Target::Leaf(_) => {
                    place.leaf = Some(LeafAt::new(node, at));
                    return Ok(place);
                }
            }
        }
    }
}
