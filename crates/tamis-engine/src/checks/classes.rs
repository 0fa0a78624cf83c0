//! Classes: rare, without labels, missing in a split, other than before.

use std::collections::BTreeMap;

use tamis_core::Ontology;
use tamis_quality::drift::{ClassChange, OntologyDriftOptions, imbalance, ontology_drift};

use super::config::CheckConfig;
use super::finding::*;
use crate::error::Result;

fn tell(config: &CheckConfig, findings: &mut Findings, rule: &'static CheckRule, score: Option<f64>, message: String) {
    if config.has(rule.id) {
        findings.add(Finding { rule: rule.id, score, message, ..Finding::default() });
    }
}

/// Compares the classes with each other, with the ontology and between splits.
pub(super) fn check(
    config: &CheckConfig,
    classes: &BTreeMap<String, BTreeMap<String, u64>>,
    splits: &BTreeMap<String, u64>,
    ontology: &Ontology,
    findings: &mut Findings,
) -> Result<()> {
    let named: Vec<(&String, u64)> = classes
        .iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, counts)| (name, counts.values().sum()))
        .collect();
    if !named.is_empty() {
        let counts: Vec<u64> = named.iter().map(|(_, count)| *count).collect();
        let all: u64 = counts.iter().sum();
        for at in imbalance(&counts)?.rare {
            let (name, count) = named[at];
            let message = format!("`{name}` has {count} of {all} labels of {} classes", named.len());
            tell(config, findings, CLASS_RARE, Some(count as f64 / all as f64), message);
        }
    }
    for (kind, schema) in &ontology.types {
        for class in schema.classes.iter().filter(|class| !classes.contains_key(&class.name)) {
            tell(config, findings, CLASS_EMPTY, None, format!("`{}` ({kind}) has no label", class.name));
        }
    }
    let known: Vec<&String> = splits.keys().filter(|split| !split.is_empty()).collect();
    if known.len() < 2 {
        return Ok(());
    }
    for (name, counts) in classes.iter().filter(|(name, _)| !name.is_empty()) {
        let missing: Vec<&str> =
            known.iter().filter(|split| !counts.contains_key(**split)).map(|split| split.as_str()).collect();
        if !missing.is_empty() && missing.len() < known.len() {
            let total: u64 = counts.values().sum();
            let message = format!("`{name}` has {total} labels, none of them in `{}`", missing.join("`, `"));
            tell(config, findings, CLASS_SPLIT, None, message);
        }
    }
    Ok(())
}

/// Compares the classes with those of an earlier revision.
pub(super) fn drift(
    config: &CheckConfig,
    before: &BTreeMap<String, u64>,
    now: &BTreeMap<String, u64>,
    since: &str,
    findings: &mut Findings,
) {
    for one in ontology_drift(before, now, &OntologyDriftOptions::default()) {
        let message = match &one.change {
            ClassChange::Added => format!("`{}` is new: {} labels, none in `{since}`", one.class, one.second),
            ClassChange::Removed => format!("`{}` is gone: it had {} labels in `{since}`", one.class, one.first),
            ClassChange::Renamed(to) => format!("`{}` of `{since}` is probably `{to}` now", one.class),
            _ => format!(
                "the share of `{}` moved by {:+.1} points: {} labels, {} in `{since}`",
                one.class,
                one.shift * 100.0,
                one.second,
                one.first
            ),
        };
        tell(config, findings, CLASS_DRIFT, Some(1.0 - one.shift.abs().min(1.0)), message);
    }
}
