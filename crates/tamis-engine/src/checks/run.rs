//! All checks over a revision.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tamis_core::{Label, Severity};
use tamis_repo::{Dataset, ScanOptions, Snapshot};

use super::config::CheckConfig;
use super::finding::*;
use super::labels::Pass;
use super::pictures::is_picture;
use super::{boxes, classes, vectors};
use crate::error::Result;
use crate::{Ctx, Engine};

/// How many samples are fetched together.
const TOGETHER: usize = 2048;

/// What to check.
pub(crate) struct Task<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) config: &'a CheckConfig,
    /// Only paths that begin with this.
    pub(crate) prefix: &'a str,
    /// Only what differs from this revision.
    pub(crate) since: Option<&'a str>,
    /// Whether the safe fixes are wanted.
    pub(crate) keeps_fixed: bool,
}

/// What was found.
pub(crate) struct Checked {
    /// Samples that were looked at.
    pub(crate) samples: u64,
    /// Findings by rule, those of one rule surest first.
    pub(crate) by_rule: BTreeMap<&'static str, Vec<Finding>>,
    /// What was not checked, and why.
    pub(crate) skipped: Vec<Skipped>,
    /// Layers as the safe fixes leave them.
    pub(crate) fixed: Vec<(String, String, Vec<Label>)>,
    /// The paths that differ, where only those are checked.
    pub(crate) changed: Option<BTreeSet<String>>,
}

impl Checked {
    /// How many findings there are of a severity.
    pub(crate) fn count(&self, severity: Severity) -> u64 {
        let of = |(id, found): (&&'static str, &Vec<Finding>)| match rule(id) {
            Some(rule) if rule.severity == severity => found.len() as u64,
            _ => 0,
        };
        self.by_rule.iter().map(of).sum()
    }
}

impl Engine {
    /// Runs all checks. O(samples) and the pictures that the action cache does not know; with `since` O(changes), but for
    /// twins, which are looked for among all hashes.
    pub(crate) fn run_checks(&self, ctx: &Ctx, task: &Task<'_>) -> Result<Checked> {
        let Task { snapshot, config, prefix, .. } = *task;
        let ontology = snapshot.ontology()?;
        let mut findings = Findings::default();
        let changed = task.since.map(|since| self.changed(task, since)).transpose()?;
        let layers = layers(snapshot, config);
        let is_whole = changed.is_none();
        let mut pass = Pass::new(config, &ontology, is_whole, task.keeps_fixed);
        ctx.progress.begin("read labels", Some(changed.as_ref().map_or(snapshot.len(), |c| c.len() as u64)), "samples");
        match &changed {
            None => {
                let options = ScanOptions {
                    prefix: prefix.to_owned(),
                    skip_fields: true,
                    layers: Some(layers.clone()),
                    ..ScanOptions::default()
                };
                for sample in snapshot.scan(&options)? {
                    pass.sample(sample?, &layers, &mut findings);
                    ctx.progress.advance(1, 0)?;
                }
            }
            Some(changed) => {
                let paths: Vec<&str> = changed.iter().map(String::as_str).collect();
                for paths in paths.chunks(TOGETHER) {
                    for sample in snapshot.get_many(paths)?.into_iter().flatten() {
                        pass.sample(sample, &layers, &mut findings);
                        ctx.progress.advance(1, 0)?;
                    }
                }
                findings.skip("track", "tracks need all frames: check without --since");
            }
        }
        ctx.progress.end();
        let Pass { classes, splits, seen, fixed, samples, .. } = pass;
        let pictures: Vec<_> = seen.iter().filter(|seen| is_picture(seen)).collect();
        let empty = self.check_pictures(ctx, config, &pictures, is_whole, &mut findings)?;
        match &changed {
            None => {
                let all = |_: &str| true;
                self.check_twins(ctx, config, &seen, &empty, &all, &mut findings)?;
                classes::check(config, &classes, &splits, &ontology, &mut findings)?;
                vectors::check(snapshot, config, prefix, &seen, &all, &mut findings)?;
                boxes::check(snapshot, config, prefix, &all, &mut findings)?;
            }
            Some(changed) => {
                let is_new = |path: &str| changed.contains(path);
                self.twins_of_changed(ctx, task, &empty, &is_new, &mut findings)?;
                if let Some(since) = task.since {
                    let before = classes_of(&task.dataset.snapshot(since)?, &layers)?;
                    classes::drift(config, &before, &classes_of(snapshot, &layers)?, since, &mut findings);
                }
                let why = "compares all samples: check without --since";
                findings.skip(
                    "class.rare, class.empty, class.missing_in_split, picture.gray, picture.odd_size, sample, suspect",
                    why,
                );
            }
        }
        let (by_rule, skipped) = findings.sorted();
        Ok(Checked { samples, by_rule, skipped, fixed, changed })
    }

    /// The samples that are new or changed since a revision.
    fn changed(&self, task: &Task<'_>, since: &str) -> Result<BTreeSet<String>> {
        let to = task.snapshot.commit().id.to_string();
        let options = tamis_repo::DiffOptions { prefix: task.prefix.to_owned() };
        let mut changed = BTreeSet::new();
        for change in task.dataset.diff(since, &to, &options)? {
            let change = change?;
            if change.new.is_some() {
                changed.insert(change.path);
            }
        }
        Ok(changed)
    }

    /// Twins of changed samples among all: their bases are read, no label.
    fn twins_of_changed(
        &self,
        ctx: &Ctx,
        task: &Task<'_>,
        empty: &HashSet<String>,
        is_new: &dyn Fn(&str) -> bool,
        findings: &mut Findings,
    ) -> Result<()> {
        let options = ScanOptions {
            prefix: task.prefix.to_owned(),
            skip_fields: true,
            layers: Some(Vec::new()),
            ..ScanOptions::default()
        };
        let ontology = tamis_core::Ontology::default();
        let mut pass = Pass::new(task.config, &ontology, false, false);
        for sample in task.snapshot.scan(&options)? {
            pass.sample(sample?, &[], findings);
        }
        self.check_twins(ctx, task.config, &pass.seen, empty, is_new, findings)
    }
}

/// The layers whose labels are checked.
fn layers(snapshot: &Snapshot, config: &CheckConfig) -> Vec<String> {
    let predictions = boxes::predictions(snapshot, config);
    match &config.layers {
        Some(layers) => layers.clone(),
        None => snapshot.layers().into_iter().filter(|layer| !predictions.contains(layer)).collect(),
    }
}

/// Labels by class, from the root of the commit.
fn classes_of(snapshot: &Snapshot, layers: &[String]) -> Result<BTreeMap<String, u64>> {
    let mut classes: BTreeMap<String, u64> = BTreeMap::new();
    for (_, stats) in snapshot.stats()?.layers.into_iter().filter(|(layer, _)| layers.contains(layer)) {
        for (class, count) in stats.classes.into_iter().filter(|(class, _)| !class.is_empty()) {
            *classes.entry(class).or_default() += count;
        }
    }
    Ok(classes)
}
