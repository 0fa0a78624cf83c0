//! What fits a filter, kept for a while: the pages of one list come from one search.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tamis_core::Sample;
use tamis_engine::ops::page::Page;
use tamis_engine::ops::search::{SearchRequest, Sort};
use tamis_engine::{Address, Ctx, Engine, EngineError, Result};

/// Bytes of paths that are kept.
const ROOM: usize = 128 << 20;

/// Counts by value.
type Counts = BTreeMap<String, u64>;

/// Counts of what fits a filter.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Facets {
    total: u64,
    commit: String,
    /// Samples by split.
    splits: Counts,
    /// Labels by class.
    classes: Counts,
    /// Labels by layer.
    layers: Counts,
    /// Labels by type.
    types: Counts,
}

/// A list of paths, and its counts once somebody asked for them.
struct List {
    key: String,
    paths: Arc<[String]>,
    facets: Option<Facets>,
    bytes: usize,
}

/// Lists of paths, those asked for last at the end.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<List>>);

impl Kept {
    fn get<T>(&self, key: &str, take: impl FnOnce(&List) -> T) -> Option<T> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = lists.iter().position(|list| list.key == key)?;
        let list = lists.remove(at);
        let taken = take(&list);
        lists.push(list);
        Some(taken)
    }

    fn put(&self, list: List) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|other| other.key != list.key);
        lists.push(list);
        while lists.len() > 1 && lists.iter().map(|list| list.bytes).sum::<usize>() > ROOM {
            lists.remove(0);
        }
    }
}

impl Kept {
    /// Samples that fit a filter, by position. `address` names a commit.
    pub(crate) fn page(
        &self,
        engine: &Engine,
        ctx: &Ctx,
        address: &Address,
        filter: &str,
        from: u64,
        count: u64,
    ) -> Result<Page> {
        if filter.trim().is_empty() {
            return engine.page(address, from, count);
        }
        let paths = self.paths(engine, ctx, address, filter)?;
        let total = paths.len();
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(total);
        let part = paths.iter().skip(from).take(usize::try_from(count).unwrap_or(usize::MAX));
        let rows = engine.samples_at(address, &part.map(String::as_str).collect::<Vec<_>>())?;
        Ok(Page { total: total as u64, commit: address.revision().to_owned(), rows })
    }

    /// Counts of the samples that fit a filter: of all from what the commit keeps, of others by reading them.
    pub(crate) fn facets(&self, engine: &Engine, ctx: &Ctx, address: &Address, filter: &str) -> Result<Facets> {
        let commit = address.revision().to_owned();
        if filter.trim().is_empty() {
            return Ok(whole(&engine.stats(address)?, commit));
        }
        let key = key(address, filter);
        if let Some(facets) = self.get(&key, |list| list.facets.clone()).flatten() {
            return Ok(facets);
        }
        let paths = self.paths(engine, ctx, address, filter)?;
        let mut facets = Facets { total: paths.len() as u64, commit, ..Facets::default() };
        ctx.progress.begin("count", Some(facets.total), "samples");
        for some in paths.chunks(512) {
            ctx.progress.advance(some.len() as u64, 0)?;
            let some: Vec<&str> = some.iter().map(String::as_str).collect();
            engine.samples_at(address, &some)?.iter().for_each(|sample| facets.add(sample));
        }
        let list = |list: &List| (Arc::clone(&list.paths), list.bytes);
        if let Some((paths, bytes)) = self.get(&key, list) {
            self.put(List { key, paths, facets: Some(facets.clone()), bytes });
        }
        Ok(facets)
    }

    fn paths(&self, engine: &Engine, ctx: &Ctx, address: &Address, filter: &str) -> Result<Arc<[String]>> {
        let key = key(address, filter);
        if let Some(paths) = self.get(&key, |list| Arc::clone(&list.paths)) {
            return Ok(paths);
        }
        let request = SearchRequest {
            address: address.clone(),
            filter: filter.to_owned(),
            sort: Sort::default(),
            limit: 0,
            whole: false,
        };
        let mut paths = Vec::new();
        let mut bytes = key.len();
        for hit in engine.search(ctx, &request)?.hits {
            let path = hit?.sample.path;
            bytes += path.len() + size_of::<String>();
            if bytes > ROOM {
                let message = format!("cannot list all that fits `{filter}`: it is too much to keep");
                return Err(EngineError::new("query.memory", message).hint("narrow the filter"));
            }
            paths.push(path);
        }
        let paths: Arc<[String]> = paths.into();
        self.put(List { key, paths: Arc::clone(&paths), facets: None, bytes });
        Ok(paths)
    }
}

fn key(address: &Address, filter: &str) -> String {
    // Neither has a NUL, so that no path and filter make the key of others.
    format!("{address}\0{filter}")
}

fn whole(stats: &tamis_engine::ops::stats::StatsReport, commit: String) -> Facets {
    let mut facets = Facets { total: stats.samples, commit, splits: stats.splits.clone(), ..Facets::default() };
    for (name, layer) in &stats.layers {
        facets.layers.insert(name.clone(), layer.labels);
        for (from, to) in [(&layer.classes, &mut facets.classes), (&layer.types, &mut facets.types)] {
            from.iter()
                .filter(|(value, _)| !value.is_empty())
                .for_each(|(value, count)| *to.entry(value.clone()).or_default() += count);
        }
    }
    facets
}

impl Facets {
    fn add(&mut self, sample: &Sample) {
        let one = |counts: &mut Counts, key: &str| match counts.get_mut(key) {
            Some(count) => *count += 1,
            None => drop(counts.insert(key.to_owned(), 1)),
        };
        sample.split.iter().for_each(|split| one(&mut self.splits, split));
        for (layer, labels) in &sample.layers {
            *self.layers.entry(layer.clone()).or_default() += labels.len() as u64;
            for label in labels {
                one(&mut self.types, label.label_type().as_str());
                label.class.iter().for_each(|class| one(&mut self.classes, class));
            }
        }
    }
}
