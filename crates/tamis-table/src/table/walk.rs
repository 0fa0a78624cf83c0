//! Walks over all of a version: what it is made of, whether it is whole, what a range adds up to.

use std::collections::HashSet;
use std::sync::Arc;

use tamis_core::{Hash, Progress};

use super::build::Totals;
use super::fold::read_leaf;
use super::{Columns, ScanOptions, Table};
use crate::error::{Result, TableError};
use crate::node::{Child, KeyRange, Node, Target, leaves};
use crate::summary::Summary;

impl Table {
    /// Calls `visit` with the id of every object that this version needs and `except` does not
    /// have, children before parents. With an `except` that shares most of its nodes: O(differences).
    pub fn reachable(&self, except: Option<&Table>, visit: &mut dyn FnMut(Hash) -> Result<()>) -> Result<()> {
        let mut known: HashSet<Hash> = HashSet::new();
        if let Some(except) = except {
            if except.id() == self.id() {
                return Ok(());
            }
            let own: HashSet<Hash> = self.roots().collect();
            for root in except.roots() {
                // A tree that both have needs no walk; it is named as a whole.
                known.insert(root);
                if !own.contains(&root) {
                    except.note(&except.cache().node(&root)?, &mut known)?;
                }
            }
            known.insert(except.0.root.schema);
        }
        for root in self.roots() {
            if !known.contains(&root) {
                self.visit_node(root, &self.cache().node(&root)?, &known, visit)?;
            }
        }
        if !known.contains(&self.0.root.schema) {
            visit(self.0.root.schema)?;
        }
        visit(self.id().0)
    }

    fn roots(&self) -> impl Iterator<Item = Hash> + '_ {
        self.0.root.base.into_iter().chain(self.0.root.deltas.iter().map(|delta| delta.node))
    }

    fn note(&self, node: &Arc<Node>, known: &mut HashSet<Hash>) -> Result<()> {
        for child in &node.children {
            match &child.target {
                Target::Node(id) => {
                    known.insert(*id);
                    self.note(&node.below(self.cache(), id)?, known)?;
                }
                Target::Leaf(leaf) => known.extend(leaf.objects()),
            }
        }
        Ok(())
    }

    fn visit_node(
        &self,
        id: Hash,
        node: &Arc<Node>,
        known: &HashSet<Hash>,
        visit: &mut dyn FnMut(Hash) -> Result<()>,
    ) -> Result<()> {
        for child in &node.children {
            match &child.target {
                Target::Node(id) if known.contains(id) => {}
                Target::Node(id) => self.visit_node(*id, &node.below(self.cache(), id)?, known, visit)?,
                Target::Leaf(leaf) => leaf.objects().filter(|id| !known.contains(id)).try_for_each(&mut *visit)?,
            }
        }
        visit(id)
    }

    /// Bytes of all pages of the version, encoded. O(nodes).
    pub fn bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for root in self.roots() {
            bytes += self.cache().node(&root)?.children.iter().map(|child| child.bytes).sum::<u64>();
        }
        Ok(bytes)
    }

    /// Reads every row and checks that nodes say the truth: order, counts, summaries, multiset
    /// hash. Errors name what is wrong. O(rows).
    pub fn verify(&self, progress: &Progress) -> Result<()> {
        let wrong = |reason| TableError::Corrupt { what: "table", reason }.within("table", &self.id().0);
        for root in self.roots() {
            self.verify_node(&root, &self.cache().node(&root)?, None)?;
        }
        let totals = Totals::new(self.schema());
        let mut total = Summary::default();
        let mut last: Option<Vec<u8>> = None;
        for batch in self.scan(ScanOptions::new(Columns::all(self.schema())))? {
            let batch = batch?;
            crate::rows::check_order(&batch.keys, last.as_deref()).map_err(|_| wrong("its keys are not in order"))?;
            last = Some(batch.keys.value(batch.len() - 1).to_vec());
            total.add(&totals.of(&batch)?);
            progress.advance(batch.len() as u64, 0)?;
        }
        if total.rows != self.summary().rows || total.content != self.summary().content {
            return Err(wrong("its rows are not those that its root states"));
        }
        for (name, stated) in &self.summary().columns {
            let found = total.columns.get(name).cloned().unwrap_or_default();
            let is_same = stated.values == found.values
                && stated.nonempty == found.nonempty
                && stated.sum == found.sum
                && (stated.counts == found.counts || stated.other != 0 || found.other != 0);
            if !is_same {
                return Err(wrong("a column's counts are not those that its root states"));
            }
        }
        Ok(())
    }

    fn verify_node(&self, id: &Hash, node: &Arc<Node>, said: Option<&Child>) -> Result<()> {
        let wrong = |reason| Err(TableError::Corrupt { what: "node", reason }.within("node", id));
        if let (Some(said), Some(first), Some(last)) = (said, node.children.first(), node.children.last()) {
            let rows: u64 = node.children.iter().map(|child| child.rows).sum();
            if said.first != first.first || said.last != last.last || said.rows != rows {
                return wrong("its parent says something else of its keys or rows");
            }
        }
        for child in &node.children {
            match &child.target {
                Target::Node(id) if node.level > 0 => {
                    self.verify_node(id, &node.below(self.cache(), id)?, Some(child))?;
                }
                Target::Leaf(leaf) if node.level == 0 => {
                    let keys = self.cache().keys(&leaf.keys)?;
                    if keys.len() as u64 != child.rows || keys.key(0)?[..] != child.first[..] {
                        return wrong("a leaf's keys are not those that it states");
                    }
                }
                Target::Node(_) | Target::Leaf(_) => return wrong("its level does not fit its children"),
            }
        }
        Ok(())
    }
}

/// The aggregates of a range: whole subtrees from their nodes, the rest from the rows.
pub(super) fn summary_of(table: &Table, range: &KeyRange) -> Result<Summary> {
    if *range == KeyRange::default() {
        return Ok(table.summary().clone());
    }
    let root = &table.0.root;
    let totals = Totals::new(table.schema());
    let mut total = Summary::default();
    if root.deltas.is_empty() {
        if let Some(base) = &root.base {
            add_node(table, &table.cache().node(base)?, range, &totals, &mut total)?;
        }
        return Ok(total);
    }
    // With deltas: leaves that none of them touches count from their node, others from their rows.
    let columns = Columns::all(table.schema());
    let found = leaves(table.cache(), root.base.as_ref(), range)?;
    let parts = found.len().max(1);
    for at in 0..parts {
        let after = |leaf: &crate::node::LeafAt| {
            let mut key = leaf.child().last.to_vec();
            key.push(0);
            key
        };
        let start = at.checked_sub(1).and_then(|before| found.get(before)).map(after);
        let end = found.get(at).filter(|_| at + 1 < found.len()).map(after);
        let own = KeyRange {
            start: start.into_iter().chain(range.start.clone()).max(),
            end: end.into_iter().chain(range.end.clone()).min(),
        };
        let touched = super::fold::overlay(table.cache(), root, &own, &Columns::none(table.schema()))?;
        if let Some(leaf) = found.get(at)
            && touched.len() == 0
            && range.covers(&leaf.child().first, &leaf.child().last)
        {
            total.add(&leaf.child().summary()?);
            continue;
        }
        let rows = read_leaf(table.cache(), root, found.get(at), &own, &columns)?;
        add_rows(&rows, range, &totals, &mut total)?;
    }
    Ok(total)
}

fn add_rows(rows: &crate::RowBatch, range: &KeyRange, totals: &Totals<'_>, total: &mut Summary) -> Result<()> {
    let start = rows.keys.iter().flatten().take_while(|key| !range.is_after_start(key)).count();
    let end = rows.keys.iter().flatten().take_while(|key| range.is_before_end(key)).count();
    if end > start {
        total.add(&totals.of(&rows.slice(start, end - start))?);
    }
    Ok(())
}

fn add_node(table: &Table, node: &Arc<Node>, range: &KeyRange, totals: &Totals<'_>, total: &mut Summary) -> Result<()> {
    for at in 0..node.children.len() {
        let child = &node.children[at];
        if range.covers(&child.first, &child.last) {
            total.add(&child.summary()?);
        } else if range.touches(&child.first, &child.last) {
            match &child.target {
                Target::Node(id) => add_node(table, &node.below(table.cache(), id)?, range, totals, total)?,
                Target::Leaf(_) => {
                    let own = KeyRange { start: Some(child.first.to_vec()), end: None };
                    for leaf in leaves(table.cache(), table.0.root.base.as_ref(), &own)?.into_iter().take(1) {
                        let rows = super::fold::read_base(table.cache(), &leaf, &Columns::all(table.schema()))?;
                        add_rows(&rows, range, totals, total)?;
                    }
                }
            }
        }
    }
    Ok(())
}
