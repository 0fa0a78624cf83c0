//! Searching: the samples of a revision that fit a filter.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tamis_core::{Sample, Value};
use tamis_query::Filter;
use tamis_query::filter::{Names, Place};
use tamis_repo::{FieldKind, ScanOptions, Snapshot};

use super::views::{understood, view_names};
use crate::error::{EngineError, Result};
use crate::{Address, Ctx, Engine};

/// What stands for rarer values in counts.
const REST: &str = "…";

/// Samples that are read again at once, for a sorted answer.
const CHUNK: usize = 256;

/// What to search for.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// The revision; its path is a prefix of samples.
    pub address: Address,
    /// The filter; empty for all samples.
    pub filter: String,
    /// The answer's order.
    pub sort: Sort,
    /// At most so many; 0 = all.
    pub limit: usize,
    /// Whether hits have their samples; if not, only the paths.
    pub whole: bool,
}

/// An order of samples: by the paths, or by some value, then the paths. Samples without the value come last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// `size`, `width`, `height`, `timestamp`, `labels` (those found), or a field; [`None`]: the path.
    pub by: Option<String>,
    /// From the greatest.
    pub is_descending: bool,
}

impl Sort {
    /// Reads `size`, or `-size` for the greatest first.
    pub fn parse(text: &str) -> Sort {
        let (by, is_descending) = text.strip_prefix('-').map_or((text, false), |by| (by, true));
        Sort { by: (by != "path").then(|| by.to_owned()), is_descending }
    }
}

/// A sample that fits.
#[derive(Clone, Debug, Serialize)]
pub struct Hit {
    /// The sample.
    #[serde(flatten)]
    pub sample: Sample,
    /// The labels that were asked for: ids by layer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub matched: BTreeMap<String, Vec<u64>>,
}

impl Hit {
    /// A hit of which only the path is told.
    fn at(path: String) -> Hit {
        Hit { sample: Sample { path, ..Sample::default() }, matched: BTreeMap::new() }
    }

    fn of(sample: Sample, filter: &Filter) -> Hit {
        let mut matched: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (layer, label) in filter.labels_of(&sample) {
            matched.entry(layer.to_owned()).or_default().push(label.id);
        }
        Hit { sample, matched }
    }
}

/// The answer to a search.
pub struct Found {
    /// The commit's id.
    pub commit: String,
    /// The filter as it was understood, all spelled out.
    pub filter: String,
    /// The samples that fit.
    pub hits: Box<dyn Iterator<Item = Result<Hit>>>,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("commit", &self.commit).field("filter", &self.filter).finish_non_exhaustive()
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Samples that fit.
    #[default]
    Samples,
    /// Labels that were asked for, in samples that fit.
    Labels,
}

/// A count.
#[derive(Clone, Debug, Serialize)]
pub struct FoundCount {
    /// The commit's id.
    pub commit: String,
    /// The filter as it was understood.
    pub filter: String,
    /// What was counted.
    pub of: Counted,
    /// How many there are.
    pub count: u64,
    /// Whether the counts that the commit keeps told it; if not, samples were read.
    pub from_root: bool,
}

impl Engine {
    /// The samples of a revision that fit a filter, in the order asked for. Looks at the columns that the filter speaks
    /// of, then reads what fits; a sorted answer keeps its paths in memory, at most twice the limit where there is one.
    ///
    /// # Errors
    /// `query.filter` for a filter that cannot be read or names what the dataset has not.
    pub fn search(&self, ctx: &Ctx, request: &SearchRequest) -> Result<Found> {
        let snapshot = self.dataset(&request.address.dataset)?.snapshot(request.address.revision())?;
        let filter = self.filter(&snapshot, &request.filter)?;
        check_sort(&snapshot, &request.sort)?;
        let commit = snapshot.commit().id.to_string();
        let text = filter.to_string();
        let limit = if request.limit == 0 { usize::MAX } else { request.limit };
        let found: Box<dyn Iterator<Item = Result<String>>> = match &request.sort {
            Sort { by: None, is_descending: false } => {
                Box::new(paths(ctx, &snapshot, &filter, request.address.prefix())?.take(limit))
            }
            sort => {
                let sorted = sorted(ctx, &snapshot, &filter, request.address.prefix(), sort, limit)?;
                Box::new(sorted.into_iter().map(Ok))
            }
        };
        let hits: Box<dyn Iterator<Item = Result<Hit>>> = match request.whole {
            true => Box::new(samples(snapshot, found).map(move |sample| Ok(Hit::of(sample?, &filter)))),
            false => Box::new(found.map(|path| Ok(Hit::at(path?)))),
        };
        Ok(Found { commit, filter: text, hits })
    }

    /// How many samples fit a filter, or how many labels of them; from the counts that the commit keeps where they tell,
    /// else by a scan.
    ///
    /// # Errors
    /// As for [`Engine::search`].
    pub fn search_count(&self, ctx: &Ctx, address: &Address, filter: &str, of: Counted) -> Result<FoundCount> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        let filter = self.filter(&snapshot, filter)?;
        let done = |count, from_root| FoundCount {
            commit: snapshot.commit().id.to_string(),
            filter: filter.to_string(),
            of,
            count,
            from_root,
        };
        let Place::Prefix(prefix) = filter.place(address.prefix()) else { return Ok(done(0, true)) };
        let stats = snapshot.stats_of(&prefix)?;
        let kept = match of {
            Counted::Samples => filter.count_from(&stats),
            Counted::Labels => filter.count_labels_from(&stats),
        };
        if let Some(count) = kept {
            return Ok(done(count, true));
        }
        let found = paths(ctx, &snapshot, &filter, address.prefix())?;
        let count = match of {
            Counted::Samples => found.map(|path| path.map(|_| 1)).sum::<Result<u64>>()?,
            Counted::Labels => {
                let labels = |sample: Result<Sample>| sample.map(|sample| filter.labels_of(&sample).len() as u64);
                samples(snapshot.clone(), found).map(labels).sum::<Result<u64>>()?
            }
        };
        Ok(done(count, false))
    }

    /// A statement for [`Engine::sql`] that gives the paths of the samples that fit a filter.
    ///
    /// # Errors
    /// As for [`Engine::search`], and for what SQL cannot say.
    pub fn search_sql(&self, address: &Address, filter: &str) -> Result<String> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        let filter = self.filter(&snapshot, filter)?;
        // Read again as it prints: places in what views say are then in one text.
        Ok(Filter::parse(&filter.to_string())?.to_sql(snapshot.schema())?)
    }

    /// Reads a filter for a commit: names are checked, views replaced by what they say.
    pub(crate) fn filter(&self, snapshot: &Snapshot, text: &str) -> Result<Filter> {
        understood(snapshot, text, &mut Vec::new())
    }
}

/// The names that a filter may speak of.
pub(crate) fn names(snapshot: &Snapshot) -> Result<Names> {
    let stats = snapshot.stats()?;
    let ontology = snapshot.ontology()?;
    // A list that counts some together is not all that there is.
    let whole = |names: BTreeSet<String>| (!names.contains(REST)).then_some(names);
    let counted = stats.layers.values().flat_map(|layer| layer.classes.keys());
    let classes = ontology.types.values().flat_map(|schema| schema.classes.iter().map(|class| &class.name));
    let attributes = ontology.types.values().flat_map(|schema| &schema.attributes).map(|attribute| &attribute.name);
    let attributes: BTreeSet<String> = attributes.cloned().collect();
    let columns =
        snapshot.schema().groups.iter().filter(|group| group.name == "fields").flat_map(|group| &group.fields);
    Ok(Names {
        classes: whole(counted.chain(classes).filter(|name| !name.is_empty()).cloned().collect()),
        layers: Some(snapshot.layers().into_iter().collect()),
        fields: Some(columns.filter_map(|c| FieldKind::parse(c.name())).map(|(name, _)| name.to_owned()).collect()),
        attributes: (!attributes.is_empty()).then_some(attributes),
        splits: whole(stats.splits.keys().filter(|name| !name.is_empty()).cloned().collect()),
        views: Some(view_names(snapshot).into_iter().collect()),
    })
}

/// Whole samples below a prefix that fit, after a path.
pub(crate) fn fitting(
    ctx: &Ctx,
    snapshot: &Snapshot,
    filter: &Filter,
    prefix: &str,
    after: Option<String>,
) -> Result<Box<dyn Iterator<Item = Result<Sample>>>> {
    if filter.is_everything() {
        let options = ScanOptions { prefix: prefix.to_owned(), after, ..ScanOptions::default() };
        return Ok(Box::new(snapshot.scan(&options)?.map(|sample| Ok(sample?))));
    }
    let is_after = move |path: &Result<String>| !matches!(path, Ok(path) if after.as_ref() >= Some(path));
    let found = paths(ctx, snapshot, filter, prefix)?.filter(is_after);
    Ok(Box::new(samples(snapshot.clone(), found)))
}

/// The paths of samples below a prefix that fit, in order.
fn paths(
    ctx: &Ctx,
    snapshot: &Snapshot,
    filter: &Filter,
    prefix: &str,
) -> Result<impl Iterator<Item = Result<String>> + use<>> {
    let progress = ctx.progress.clone();
    let found = filter.find(snapshot, prefix)?;
    Ok(found.flat_map(move |leaf| {
        let told = leaf.map_err(EngineError::from).and_then(|leaf| {
            progress.advance(leaf.rows, 0)?;
            Ok(leaf.paths)
        });
        match told {
            Ok(paths) => paths.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        }
    }))
}

/// The samples of some paths, in their order, some at a time.
fn samples(snapshot: Snapshot, paths: impl Iterator<Item = Result<String>>) -> impl Iterator<Item = Result<Sample>> {
    let mut paths = paths.fuse();
    let mut read = Vec::new().into_iter();
    std::iter::from_fn(move || {
        loop {
            if let Some(sample) = read.next() {
                return Some(sample);
            }
            let chunk: Result<Vec<String>> = paths.by_ref().take(CHUNK).collect();
            let chunk = match chunk {
                Ok(chunk) if chunk.is_empty() => return None,
                Ok(chunk) => chunk,
                Err(error) => return Some(Err(error)),
            };
            let keys: Vec<&str> = chunk.iter().map(String::as_str).collect();
            match snapshot.get_many(&keys) {
                Ok(samples) => read = samples.into_iter().flatten().map(Ok).collect::<Vec<_>>().into_iter(),
                Err(error) => return Some(Err(error.into())),
            }
        }
    })
}

/// What samples are sorted by; [`None`] sorts last.
#[derive(Clone, Debug, PartialEq)]
enum Rank {
    Number(f64),
    Text(String),
}

impl Rank {
    fn of(by: &str, hit: &Hit) -> Option<Rank> {
        let media = hit.sample.media.as_ref();
        let pixels = |pixels: Option<u32>| pixels.map(|pixels| Rank::Number(f64::from(pixels)));
        match by {
            "size" => media.map(|media| Rank::Number(media.size as f64)),
            "width" => pixels(media.and_then(|media| media.width)),
            "height" => pixels(media.and_then(|media| media.height)),
            "timestamp" => hit.sample.timestamp.map(Rank::Number),
            "labels" => Some(Rank::Number(hit.matched.values().map(Vec::len).sum::<usize>() as f64)),
            field => match hit.sample.fields.get(field)? {
                Value::Number(number) => number.as_f64().map(Rank::Number),
                Value::String(text) => Some(Rank::Text(text.clone())),
                Value::Bool(value) => Some(Rank::Text(value.to_string())),
                _ => None,
            },
        }
    }

    /// Numbers before texts.
    fn order(&self, other: &Rank) -> Ordering {
        match (self, other) {
            (Rank::Number(a), Rank::Number(b)) => a.total_cmp(b),
            (Rank::Text(a), Rank::Text(b)) => a.cmp(b),
            (Rank::Number(_), Rank::Text(_)) => Ordering::Less,
            (Rank::Text(_), Rank::Number(_)) => Ordering::Greater,
        }
    }
}

const SORTS: [&str; 5] = ["size", "width", "height", "timestamp", "labels"];

fn check_sort(snapshot: &Snapshot, sort: &Sort) -> Result<()> {
    let Some(by) = sort.by.as_deref().filter(|by| !SORTS.contains(by)) else { return Ok(()) };
    let fields = names(snapshot)?.fields.unwrap_or_default();
    if fields.contains(by) {
        return Ok(());
    }
    let known: Vec<&str> = SORTS.into_iter().chain(fields.iter().map(String::as_str)).collect();
    let near = tamis_core::near(by, known.iter().copied());
    let hint = match near.as_slice() {
        [] => format!("sort by path, {}", known.join(", ")),
        near => format!("did you mean `{}`?", near.join("` or `")),
    };
    Err(EngineError::new("query.filter", format!("cannot sort by `{by}`: there is no such field")).hint(hint))
}

/// The paths of samples that fit, in an order other than that of the paths.
fn sorted(
    ctx: &Ctx,
    snapshot: &Snapshot,
    filter: &Filter,
    prefix: &str,
    sort: &Sort,
    limit: usize,
) -> Result<Vec<String>> {
    let found = paths(ctx, snapshot, filter, prefix)?;
    let hits: Box<dyn Iterator<Item = Result<Hit>>> = match &sort.by {
        None => Box::new(found.map(|path| Ok(Hit::at(path?)))),
        Some(_) => Box::new(samples(snapshot.clone(), found).map(|sample| Ok(Hit::of(sample?, filter)))),
    };
    let order = |a: &(Option<Rank>, String), b: &(Option<Rank>, String)| {
        let ranks = match (&a.0, &b.0) {
            (Some(a), Some(b)) if sort.is_descending => b.order(a),
            (Some(a), Some(b)) => a.order(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        let paths = if sort.by.is_none() && sort.is_descending { b.1.cmp(&a.1) } else { a.1.cmp(&b.1) };
        ranks.then(paths)
    };
    let mut best: Vec<(Option<Rank>, String)> = Vec::new();
    for hit in hits {
        let hit = hit?;
        let rank = sort.by.as_deref().and_then(|by| Rank::of(by, &hit));
        best.push((rank, hit.sample.path));
        if best.len() >= limit.saturating_mul(2).max(4 * CHUNK) {
            best.sort_by(order);
            best.truncate(limit);
        }
    }
    best.sort_by(order);
    best.truncate(limit);
    Ok(best.into_iter().map(|(_, path)| path).collect())
}
