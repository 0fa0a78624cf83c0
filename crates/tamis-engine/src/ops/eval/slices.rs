//! Which samples belong to which split and slice.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tamis_core::Sample;
use tamis_repo::Snapshot;

use super::report::EvalPart;
use super::{EvalComparison, EvalRequest};
use crate::error::Result;
use crate::ops::search::{SearchRequest, Sort};
use crate::ops::views::view_names;
use crate::{Ctx, Engine};

/// Samples are numbered in the order in which they are added.
pub(super) struct Slices {
    splits: Vec<String>,
    slices: Vec<Slice>,
}

struct Slice {
    name: String,
    paths: HashSet<String>,
    has: Vec<bool>,
}

/// A part of the samples, by their numbers.
pub(super) type Part<'a> = &'a dyn Fn(u32) -> bool;

impl Slices {
    /// Finds the samples of the saved slices and of those that are asked for.
    pub(super) fn new(engine: &Engine, ctx: &Ctx, snapshot: &Snapshot, request: &EvalRequest) -> Result<Slices> {
        let views = view_names(snapshot);
        let saved = engine.views(&request.address)?.into_iter().filter(|view| view.slice && view.problem.is_none());
        let names: BTreeSet<String> = saved.map(|view| view.name).chain(request.slices.iter().cloned()).collect();
        let mut slices = Vec::new();
        for name in names {
            let filter = if views.contains(&name) { format!("view:\"{name}\"") } else { name.clone() };
            let address = request.address.clone();
            let search = SearchRequest { address, filter, sort: Sort::default(), limit: 0, whole: false };
            let paths = engine.search(ctx, &search)?.hits.map(|hit| Ok(hit?.sample.path)).collect::<Result<_>>()?;
            slices.push(Slice { name, paths, has: Vec::new() });
        }
        Ok(Slices { splits: Vec::new(), slices })
    }

    /// Takes the next sample.
    pub(super) fn add(&mut self, sample: &Sample) {
        self.splits.push(sample.split.clone().unwrap_or_default());
        self.slices.iter_mut().for_each(|slice| slice.has.push(slice.paths.contains(&sample.path)));
    }

    /// How many samples there are.
    pub(super) fn samples(&self) -> u64 {
        self.splits.len() as u64
    }

    /// The parts by split.
    pub(super) fn by_split(
        &self,
        mut measure: impl FnMut(Part<'_>) -> Result<(super::report::Figures, Option<EvalComparison>)>,
    ) -> Result<BTreeMap<String, EvalPart>> {
        let names: BTreeSet<&String> = self.splits.iter().filter(|name| !name.is_empty()).collect();
        let of = |name: &String| {
            let part = |at: u32| self.splits.get(at as usize) == Some(name);
            let samples = self.splits.iter().filter(|split| *split == name).count() as u64;
            let (figures, comparison) = measure(&part)?;
            Ok((name.clone(), EvalPart { samples, figures, comparison }))
        };
        names.into_iter().map(of).collect()
    }

    /// The parts by slice.
    pub(super) fn by_slice(
        &self,
        mut measure: impl FnMut(Part<'_>) -> Result<(super::report::Figures, Option<EvalComparison>)>,
    ) -> Result<BTreeMap<String, EvalPart>> {
        let of = |slice: &Slice| {
            let part = |at: u32| slice.has.get(at as usize).copied().unwrap_or(false);
            let samples = slice.has.iter().filter(|has| **has).count() as u64;
            let (figures, comparison) = measure(&part)?;
            Ok((slice.name.clone(), EvalPart { samples, figures, comparison }))
        };
        self.slices.iter().map(of).collect()
    }
}
