//! The settings of a YOLO dataset: names of classes and which image is in which split.

use std::collections::BTreeMap;

use tamis_core::Place;
use yaml_serde::Value;

use super::row::Rows;
use crate::index::MediaIndex;
use crate::labels::Judge;
use crate::lex::{text, yaml};
use crate::paths::{self, folder, join};
use crate::source::Source;

/// Names and splits.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Names of classes by number.
    pub(super) names: BTreeMap<i64, String>,
    /// Split by image; of an image in several, none.
    pub(super) splits: BTreeMap<String, Option<String>>,
    /// What rows may be.
    pub(super) rows: Rows,
}

/// Keys of `data.yaml` that are no splits.
const KNOWN: &[&str] = &[
    "path",
    "names",
    "nc",
    "task",
    "kpt_shape",
    "flip_idx",
    "download",
    "yaml_file",
    "channels",
    "kpt_names",
    "roboflow",
];

/// Whether a text file may hold labels, by its name.
pub(super) fn may_be_labels(path: &str) -> bool {
    let name = paths::name(path).to_ascii_lowercase();
    let other = [
        "classes.txt",
        "train.txt",
        "val.txt",
        "valid.txt",
        "test.txt",
        "license.txt",
        "attribution.txt",
        "unsplit.txt",
        "all.txt",
    ];
    !other.contains(&name.as_str()) && !name.starts_with("readme")
}

/// The settings file, the one nearest to the top.
pub(super) fn find(source: &Source) -> Option<&str> {
    let is_settings = |path: &&str| match paths::extension(path).as_str() {
        "yaml" | "yml" => source
            .read_at_most(path, 4 << 20)
            .ok()
            .and_then(|b| yaml::parse(&b).ok())
            .is_some_and(|v| v.get("names").is_some()),
        "names" => true,
        "txt" => paths::name(path) == "classes.txt",
        _ => false,
    };
    let rank = |path: &&str| (path.matches('/').count(), !paths::extension(path).starts_with('y'), path.len());
    source.entries().iter().map(|e| e.path.as_str()).filter(is_settings).min_by_key(rank)
}

/// Reads the settings file.
pub(super) fn load(
    source: &Source,
    index: &MediaIndex<'_>,
    path: &str,
    judge: &Judge<'_>,
) -> crate::error::Result<Layout> {
    let bytes = source.read(path)?;
    let mut layout = Layout::default();
    if paths::extension(path).starts_with('y') {
        match yaml::parse(&bytes) {
            Ok(settings) => layout.settings(source, index, path, &settings, judge),
            Err(fault) => judge.error("syntax", fault.place(path), &fault.message),
        }
    } else {
        for (number, name) in text::decode(&bytes).lines().map(str::trim).filter(|l| !l.is_empty()).enumerate() {
            layout.names.insert(number as i64, name.to_owned());
        }
        layout.darknet(source, index, path);
    }
    Ok(layout)
}

impl Layout {
    fn settings(&mut self, source: &Source, index: &MediaIndex<'_>, path: &str, settings: &Value, judge: &Judge<'_>) {
        match settings.get("names") {
            Some(Value::Sequence(names)) => {
                let names =
                    names.iter().enumerate().map(|(i, n)| (i as i64, yaml::scalar(n).unwrap_or_else(|| i.to_string())));
                self.names = names.collect();
            }
            Some(Value::Mapping(names)) => {
                for (key, name) in names {
                    match (yaml::scalar(key).and_then(|k| k.parse().ok()), yaml::scalar(name)) {
                        (Some(number), Some(name)) => drop(self.names.insert(number, name)),
                        _ => judge.error("names", Place::file(path), "a class needs a number and a name"),
                    }
                }
            }
            _ => judge.error("names", Place::file(path), "`names` is neither a list nor numbers with names"),
        }
        if let Some(nc) = settings.get("nc").and_then(Value::as_u64)
            && nc != self.names.len() as u64
        {
            judge.warn("nc", Place::file(path), format!("`nc` is {nc}, but there are {} names", self.names.len()));
        }
        if let Some(Value::Sequence(shape)) = settings.get("kpt_shape") {
            let side = |i: usize| {
                shape
                    .get(i)
                    .and_then(Value::as_u64)
                    .and_then(|n| usize::try_from(n).ok())
                    .filter(|n| *n <= 10_000)
                    .unwrap_or(0)
            };
            (self.rows.points, self.rows.point) = (side(0), side(1));
        }
        self.rows.turned = settings.get("task").and_then(yaml::scalar).is_some_and(|task| task == "obb");
        let Value::Mapping(all) = settings else { return };
        let bases = bases(path, settings);
        for (key, value) in all {
            let Some(key) = yaml::scalar(key).filter(|k| !KNOWN.contains(&k.as_str())) else { continue };
            let split =
                if key == "unsplit" { None } else { Some(paths::split_of(&key).unwrap_or_else(|| key.clone())) };
            let standard = matches!(split.as_deref(), None | Some("train" | "val" | "test" | "minival"));
            for entry in yaml::strings(value) {
                if !standard && !entry.ends_with(".txt") {
                    continue;
                }
                let found = self.entry(source, index, &bases, &entry, split.as_deref());
                if !found && standard {
                    judge.note(
                        "missing_split",
                        Place::file(path),
                        format!("there is nothing at `{}`", text::crop(&entry)),
                    );
                }
            }
        }
    }

    /// Takes in the images of one entry: a folder, or a file with a list.
    fn entry(
        &mut self,
        source: &Source,
        index: &MediaIndex<'_>,
        bases: &[String],
        entry: &str,
        split: Option<&str>,
    ) -> bool {
        let mut inside = entry.trim().replace('\\', "/");
        while let Some(rest) = inside.strip_prefix("../").or_else(|| inside.strip_prefix("./")) {
            inside = rest.to_owned();
        }
        let absolute = inside.trim_start_matches('/').trim_end_matches('/').to_owned();
        for base in bases {
            let at = if absolute == "." || absolute.is_empty() { base.clone() } else { join(base, &absolute) };
            if at.ends_with(".txt") && source.find(&at).is_some() {
                return self.list(source, index, &at, split);
            }
            let prefix = if at.is_empty() { String::new() } else { format!("{at}/") };
            let mut any = false;
            for image in index.all().filter(|p| p.starts_with(&prefix)) {
                any = true;
                self.put(image, split);
            }
            if any {
                return true;
            }
        }
        false
    }

    fn put(&mut self, image: &str, split: Option<&str>) {
        let split = split.map(str::to_owned);
        self.splits
            .entry(image.to_owned())
            .and_modify(|s| {
                if *s != split {
                    *s = None
                }
            })
            .or_insert(split);
    }

    /// A file with a path a line.
    fn list(&mut self, source: &Source, index: &MediaIndex<'_>, path: &str, split: Option<&str>) -> bool {
        let Ok(bytes) = source.read(path) else { return false };
        for line in text::decode(&bytes).split('\n') {
            let line = line.trim_end_matches('\r');
            let Some(wanted) = paths::normal(line.trim_start_matches('/')) else { continue };
            let near = [
                join(folder(path), &wanted),
                wanted.clone(),
                wanted.split_once('/').map_or(String::new(), |(_, r)| join(folder(path), r)),
            ];
            if let Some(image) = near.iter().find_map(|p| index.exact(p)).or_else(|| index.named(&wanted)) {
                self.put(image, split);
            }
        }
        true
    }

    /// Splits of a Darknet dataset: `obj.data` says where the lists are.
    fn darknet(&mut self, source: &Source, index: &MediaIndex<'_>, names: &str) {
        let is_data = |p: &&str| paths::extension(p) == "data" && folder(p) == folder(names);
        let lists: Vec<(String, String)> = match source.entries().iter().map(|e| e.path.as_str()).find(is_data) {
            Some(data) => {
                let bytes = source.read_at_most(data, 1 << 20).unwrap_or_default();
                let decoded = text::decode(&bytes);
                let pairs = decoded.lines().filter_map(|l| l.split_once('='));
                pairs.map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned())).collect()
            }
            None => ["train", "val", "valid", "test"].iter().map(|s| ((*s).to_owned(), format!("{s}.txt"))).collect(),
        };
        for (key, list) in lists {
            let Some(split) = paths::split_of(&key) else { continue };
            let Some(list) = paths::normal(&list) else { continue };
            let near = [join(folder(names), &list), list.clone(), join(folder(names), paths::name(&list))];
            if let Some(found) = near.iter().find(|p| source.find(p).is_some()) {
                self.list(source, index, found, Some(&split));
            }
        }
    }
}

/// Folders that entries may start from: `path:` below the settings file's folder, that folder, the top.
fn bases(path: &str, settings: &Value) -> Vec<String> {
    let here = folder(path).to_owned();
    let mut bases = Vec::new();
    if let Some(root) = settings.get("path").and_then(yaml::scalar).and_then(|p| paths::normal(&p)) {
        bases.push(join(&here, &root));
        if let Some(name) = root.rsplit('/').next() {
            bases.push(join(&here, name));
        }
    }
    bases.extend([here, String::new()]);
    bases
}
