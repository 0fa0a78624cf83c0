//! Samples unlike all others, and classes unlike those of their neighbours, by embeddings.

use std::collections::{BTreeMap, BTreeSet};

use tamis_quality::Vectors;
use tamis_quality::confident::{
    Filter, IssueOptions, LabelScore, Labelled, find_issues, label_scores, neighbour_shares,
};
use tamis_quality::outliers::{Neighbours, OutlierOptions, outliers_of};
use tamis_repo::Snapshot;
use tamis_table::ScanOptions;

use super::config::CheckConfig;
use super::finding::*;
use super::labels::Seen;
use crate::derived::define::{Definition, State};
use crate::derived::plan::Plan;
use crate::error::Result;
use crate::indexed::define::IndexKind;
use crate::indexed::source::Source;

/// The most numbers in a table of probabilities.
const CELLS: usize = 200_000_000;
/// Below so many samples nothing is unusual.
const FEW: usize = 20;

/// A derived field of vectors that is up to date, the configured one or the first.
fn field(snapshot: &Snapshot, config: &CheckConfig) -> Result<std::result::Result<(String, Source), String>> {
    let fields = match &config.vectors.field {
        Some(field) => vec![field.clone()],
        None => Definition::fields(snapshot),
    };
    let mut behind = None;
    for field in fields {
        let on = format!("derived:{field}");
        let Ok(source) = Source::new(snapshot.schema(), &on, IndexKind::Vectors) else { continue };
        let Some(definition) = Definition::read(snapshot, &field)? else { continue };
        let state = State::read(snapshot, &field)?.filter(|state| state.id == definition.id);
        let stale = match state {
            Some(state) => Plan::new(snapshot, &definition.input()?, Some(state.table), None)?.rows,
            None => snapshot.len(),
        };
        if stale == 0 {
            return Ok(Ok((field, source)));
        }
        behind = Some(format!("`{field}` is behind by {stale}; bring it up to date with `tamis derive`"));
    }
    let none = "no field of vectors; `tamis derive DATASET look --function embed_basic` makes one";
    Ok(Err(behind.unwrap_or_else(|| none.to_owned())))
}

pub(super) fn check(
    snapshot: &Snapshot,
    config: &CheckConfig,
    prefix: &str,
    seen: &[Seen],
    is_new: &dyn Fn(&str) -> bool,
    findings: &mut Findings,
) -> Result<()> {
    if !config.has(SAMPLE_OUTLIER.id) && !config.has(LABEL_CLASS.id) {
        return Ok(());
    }
    let source = match field(snapshot, config)? {
        Ok((_, source)) => source,
        Err(why) => {
            findings.skip("sample.outlier, suspect.class", why);
            return Ok(());
        }
    };
    let (mut paths, mut values): (Vec<String>, Vec<f32>) = (Vec::new(), Vec::new());
    for batch in snapshot.table().scan(ScanOptions::new(source.columns.clone()))? {
        let batch = batch?;
        for (row, vector) in source.vectors(&batch).into_iter().enumerate() {
            let path = String::from_utf8_lossy(batch.keys.value(row));
            if let Some(vector) = vector.filter(|_| path.starts_with(prefix)) {
                paths.push(path.into_owned());
                values.extend_from_slice(vector);
            }
        }
        if paths.len() > config.vectors.most {
            let why = format!("more than {} vectors: the cost is the square of it (vectors.most)", config.vectors.most);
            findings.skip("sample.outlier, suspect.class", why);
            return Ok(());
        }
    }
    if paths.len() < FEW {
        findings.skip("sample.outlier, suspect.class", format!("fewer than {FEW} samples have a vector"));
        return Ok(());
    }
    let mut options = OutlierOptions::default();
    options.neighbours = config.vectors.neighbours;
    let neighbours = Neighbours::find(&Vectors::new(&values, source.dims)?, options.neighbours)?;
    if config.has(SAMPLE_OUTLIER.id) {
        let told = outliers_of(&neighbours, &options);
        for (at, path) in paths.iter().enumerate().filter(|(_, path)| is_new(path)) {
            let times = told.distances[at] / told.scale;
            if times > config.vectors.far {
                findings.add(Finding {
                    rule: SAMPLE_OUTLIER.id,
                    path: path.clone(),
                    other: paths.get(told.nearest[at] as usize).cloned(),
                    score: Some(told.scores[at]),
                    message: format!("{times:.1} times as far from its nearest as usual"),
                    ..Finding::default()
                });
            }
        }
    }
    if config.has(LABEL_CLASS.id) {
        classes(config, &neighbours, &paths, seen, is_new, findings)?;
    }
    Ok(())
}

/// Confident learning with the classes of the nearest samples as a model that has not seen the sample.
fn classes(
    config: &CheckConfig,
    neighbours: &Neighbours,
    paths: &[String],
    seen: &[Seen],
    is_new: &dyn Fn(&str) -> bool,
    findings: &mut Findings,
) -> Result<()> {
    let own: BTreeMap<&str, &str> =
        seen.iter().filter_map(|one| Some((one.path.as_str(), one.class.as_deref()?))).collect();
    let names: Vec<&str> = own.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let labels: Vec<Option<u32>> = paths
        .iter()
        .map(|path| names.binary_search(own.get(path.as_str())?).ok().and_then(|at| u32::try_from(at).ok()))
        .collect();
    let labelled: Vec<usize> = (0..paths.len()).filter(|&at| labels[at].is_some()).collect();
    if names.len() < 2 || labelled.len() < FEW {
        return Ok(());
    }
    if names.len().saturating_mul(labelled.len()) > CELLS {
        findings.skip(
            LABEL_CLASS.id,
            format!("{} samples of {} classes take too much memory", labelled.len(), names.len()),
        );
        return Ok(());
    }
    let shares = neighbour_shares(neighbours, &labels, names.len());
    let given: Vec<u32> = labelled.iter().filter_map(|&at| labels[at]).collect();
    let mut rows = Vec::with_capacity(labelled.len() * names.len());
    labelled.iter().for_each(|&at| rows.extend_from_slice(&shares[at * names.len()..(at + 1) * names.len()]));
    // A model that is often wrong says nothing about labels.
    let best = |share: &[f32]| (0..share.len()).max_by(|a, b| share[*a].total_cmp(&share[*b])).unwrap_or(0);
    let right = rows.chunks_exact(names.len()).zip(&given).filter(|(share, own)| best(share) == **own as usize).count();
    let accuracy = right as f64 / given.len() as f64;
    if accuracy < config.vectors.accuracy {
        let why = format!(
            "the nearest samples have the same class in {:.0} % of cases, less than {:.0} %: embed with a model that \
             tells these classes apart",
            accuracy * 100.0,
            config.vectors.accuracy * 100.0
        );
        findings.skip(LABEL_CLASS.id, why);
        return Ok(());
    }
    let input = Labelled::new(&given, &rows, names.len())?;
    let wrong = find_issues(&input, Filter::default(), &IssueOptions::default())?;
    let scores = label_scores(&input, LabelScore::NormalizedMargin)?;
    for (row, &at) in labelled.iter().enumerate().filter(|(row, _)| wrong[*row]) {
        let share = &rows[row * names.len()..(row + 1) * names.len()];
        let best = best(share);
        if is_new(&paths[at]) {
            findings.add(Finding {
                rule: LABEL_CLASS.id,
                path: paths[at].clone(),
                score: Some(scores[row]),
                message: format!(
                    "is `{}`; {:.0} % of the samples most like it are `{}`",
                    names[given[row] as usize],
                    f64::from(share[best]) * 100.0,
                    names[best]
                ),
                ..Finding::default()
            });
        }
    }
    Ok(())
}
