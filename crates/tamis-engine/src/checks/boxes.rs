//! Boxes of the truth beside those of a model: overlooked, badly placed, swapped.

use std::collections::BTreeMap;

use tamis_core::{Label, Shape, TRUTH};
use tamis_quality::detection::{FoundBox, GivenBox, suspects};
use tamis_repo::{ScanOptions, Snapshot};

use super::config::CheckConfig;
use super::finding::*;
use crate::error::Result;

/// The layers of predictions to compare with.
pub(super) fn predictions(snapshot: &Snapshot, config: &CheckConfig) -> Vec<String> {
    match &config.predictions {
        Some(layers) => layers.clone(),
        None => snapshot.layers().into_iter().filter(|layer| layer.starts_with("pred/")).collect(),
    }
}

pub(super) fn check(
    snapshot: &Snapshot,
    config: &CheckConfig,
    prefix: &str,
    is_new: &dyn Fn(&str) -> bool,
    findings: &mut Findings,
) -> Result<()> {
    let rules = [LABEL_OVERLOOKED, LABEL_LOCATED, LABEL_SWAPPED];
    if rules.iter().all(|rule| !config.has(rule.id)) {
        return Ok(());
    }
    let layers = predictions(snapshot, config);
    if layers.is_empty() {
        findings.skip("suspect.overlooked, suspect.place, suspect.swapped", "no layer of predictions (`pred/…`)");
    }
    for layer in layers {
        one_layer(snapshot, config, prefix, &layer, is_new, findings)?;
    }
    Ok(())
}

fn one_layer(
    snapshot: &Snapshot,
    config: &CheckConfig,
    prefix: &str,
    layer: &str,
    is_new: &dyn Fn(&str) -> bool,
    findings: &mut Findings,
) -> Result<()> {
    let options = ScanOptions {
        prefix: prefix.to_owned(),
        skip_fields: true,
        skip_base: true,
        layers: Some(vec![TRUTH.to_owned(), layer.to_owned()]),
        ..ScanOptions::default()
    };
    let mut classes: BTreeMap<String, u32> = BTreeMap::new();
    let mut paths: Vec<String> = Vec::new();
    let (mut given, mut found): (Vec<GivenBox>, Vec<FoundBox>) = (Vec::new(), Vec::new());
    let (mut given_ids, mut found_ids): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut class = |label: &Label| {
        let next = classes.len() as u32;
        *classes.entry(label.class.clone().unwrap_or_default()).or_insert(next)
    };
    for sample in snapshot.scan(&options)? {
        let sample = sample?;
        let (Some(truth), Some(seen)) = (sample.layers.get(TRUTH), sample.layers.get(layer)) else { continue };
        let image = paths.len() as u32;
        for label in truth {
            if let Shape::Box2d(bounds) = &label.shape {
                given.push(GivenBox { image, class: class(label), bounds: *bounds });
                given_ids.push(label.id);
            }
        }
        for label in seen {
            if let Shape::Box2d(bounds) = &label.shape {
                let score = label.confidence.map_or(1.0, f64::from).clamp(0.0, 1.0);
                found.push(FoundBox { image, class: class(label), score, bounds: *bounds });
                found_ids.push(label.id);
            }
        }
        paths.push(sample.path);
    }
    if given.is_empty() || found.is_empty() {
        findings.skip("suspect", format!("no sample has boxes both in `{TRUTH}` and in `{layer}`"));
        return Ok(());
    }
    let names: BTreeMap<u32, &String> = classes.iter().map(|(name, class)| (*class, name)).collect();
    let told = suspects(&given, &found, classes.len())?;
    let name = |class: u32| names.get(&class).map_or("", |name| name.as_str());
    let mut tell = |rule: &'static CheckRule, image: u32, own: &str, label: u64, score: f64, message: String| {
        let path = &paths[image as usize];
        if config.has(rule.id) && is_new(path) {
            findings.add(Finding {
                rule: rule.id,
                path: path.clone(),
                layer: Some(own.to_owned()),
                label: Some(label),
                score: Some(score),
                message,
                ..Finding::default()
            });
        }
    };
    for (at, one) in given.iter().enumerate() {
        if told.is_badly_located[at] {
            let message = format!("`{layer}` places this `{}` otherwise", name(one.class));
            tell(LABEL_LOCATED, one.image, TRUTH, given_ids[at], told.located[at], message);
        }
        if told.is_swapped[at] {
            let message = format!("`{layer}` does not take this for a `{}`", name(one.class));
            tell(LABEL_SWAPPED, one.image, TRUTH, given_ids[at], told.classed[at], message);
        }
    }
    for (at, one) in found.iter().enumerate().filter(|(at, _)| told.is_overlooked[*at]) {
        let score = told.overlooked[at].unwrap_or_default();
        let message =
            format!("`{layer}` sees a `{}` with confidence {:.2} that nobody labelled", name(one.class), one.score);
        tell(LABEL_OVERLOOKED, one.image, layer, found_ids[at], score, message);
    }
    Ok(())
}
