//! Changes that a caller wants made to records on their way in: classes renamed or dropped, paths
//! rewritten, splits given.
//!
//! A [`Mapping`] is a small YAML or JSON document (docs/spec/mapping.md); it is applied to each record
//! by itself, so that it costs no memory and gives the same outcome in any order.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use tamis_core::{Class, Hash, Ontology, SampleRecord};

use crate::error::{FormatError, Result};
use crate::lex::yaml;
use crate::paths;

/// What to change in records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// New names of classes; `null` drops the labels of a class.
    #[serde(default)]
    pub classes: BTreeMap<String, Option<String>>,
    /// New names of layers.
    #[serde(default)]
    pub layers: BTreeMap<String, String>,
    /// The path that samples get: text with `{path}`, `{folder}`, `{name}`, `{stem}`, `{extension}`,
    /// `{split}`, `{sensor}`, `{frame}`.
    #[serde(default)]
    pub path: Option<String>,
    /// Splits by pattern of the path (`*` within a folder, `**` across); the first that fits counts.
    #[serde(default)]
    pub splits: Vec<SplitRule>,
    /// Shares of the splits that samples without one are dealt to, by the hash of their path: a sample
    /// keeps its split whatever comes later.
    #[serde(default)]
    pub shares: BTreeMap<String, f64>,
    /// The format's own options.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// Samples whose path fits a pattern belong to a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRule {
    /// The pattern.
    #[serde(rename = "match")]
    pub pattern: String,
    /// The split.
    pub split: String,
}

impl Mapping {
    /// Reads a document of YAML or JSON.
    ///
    /// # Errors
    /// [`FormatError::BadMapping`] with what is wrong in it.
    pub fn parse(bytes: &[u8]) -> Result<Mapping> {
        let mapping: Mapping = yaml::typed(bytes).map_err(|reason| FormatError::BadMapping { reason })?;
        mapping.ready()?;
        Ok(mapping)
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Mapping { options: self.options.clone(), ..Mapping::default() }
    }

    /// Checks it and makes it ready for use.
    ///
    /// # Errors
    /// [`FormatError::BadMapping`].
    pub fn ready(&self) -> Result<Mapper<'_>> {
        let bad = |reason: String| FormatError::BadMapping { reason };
        let mut rules = Vec::with_capacity(self.splits.len());
        for rule in &self.splits {
            let glob = GlobBuilder::new(&rule.pattern).literal_separator(true).build();
            rules.push((glob.map_err(|e| bad(e.to_string()))?.compile_matcher(), rule.split.as_str()));
        }
        let all: f64 = self.shares.values().sum();
        if self.shares.values().any(|share| !share.is_finite() || *share < 0.0)
            || (all <= 0.0 && !self.shares.is_empty())
        {
            return Err(bad("shares of splits are not numbers of 0 and more with a sum above 0".to_owned()));
        }
        let pieces = self.path.as_deref().map(pieces).transpose().map_err(bad)?;
        Ok(Mapper { mapping: self, rules, pieces })
    }
}

/// A piece of a path's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

const NAMES: [&str; 8] = ["path", "folder", "name", "stem", "extension", "split", "sensor", "frame"];

fn pieces(template: &str) -> std::result::Result<Vec<Piece<'_>>, String> {
    let (mut out, mut rest) = (Vec::new(), template);
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("`{template}` lacks a closing brace"))?;
        if !NAMES.contains(&name) {
            return Err(format!("`{{{name}}}` in `{template}` is none of {}", NAMES.join(", ")));
        }
        out.extend([Piece::Text(text), Piece::Name(name)]);
        rest = after;
    }
    out.push(Piece::Text(rest));
    Ok(out)
}

/// A checked mapping.
#[derive(Debug)]
pub struct Mapper<'a> {
    mapping: &'a Mapping,
    rules: Vec<(GlobMatcher, &'a str)>,
    pieces: Option<Vec<Piece<'a>>>,
}

impl Mapper<'_> {
    /// Changes one record. Gives how many labels were dropped. O(labels + rules).
    pub fn apply(&self, record: &mut SampleRecord) -> u64 {
        let rule = self.rules.iter().find(|(glob, _)| glob.is_match(&record.path));
        if let Some((_, split)) = rule {
            record.split = Some((*split).to_owned());
        } else if record.split.is_none() {
            record.split = self.dealt(&record.path).map(str::to_owned);
        }
        if let Some(pieces) = &self.pieces {
            record.path = path(pieces, record);
        }
        let mut dropped = 0;
        if !self.mapping.classes.is_empty() {
            for labels in record.layers.values_mut() {
                let before = labels.len();
                labels.retain_mut(|label| {
                    let Some(new) = label.class.as_ref().and_then(|class| self.mapping.classes.get(class)) else {
                        return true;
                    };
                    label.class.clone_from(new);
                    new.is_some()
                });
                dropped += (before - labels.len()) as u64;
            }
        }
        for (old, new) in &self.mapping.layers {
            if let Some(labels) = record.layers.remove(old) {
                record.layers.entry(new.clone()).or_default().extend(labels);
            }
        }
        dropped
    }

    /// The split that a path is dealt to.
    fn dealt(&self, path: &str) -> Option<&str> {
        let all: f64 = self.mapping.shares.values().sum();
        let hash = Hash::of(path.as_bytes());
        let [a, b, c, d, e, f, g, h, ..] = hash.0;
        // 53 bits: each a float of [0, 1).
        let draw = (u64::from_le_bytes([a, b, c, d, e, f, g, h]) >> 11) as f64 / (1u64 << 53) as f64 * all;
        let mut end = 0.0;
        let fits = |(_, share): &(&String, &f64)| {
            end += **share;
            draw < end
        };
        self.mapping.shares.iter().filter(|(_, share)| **share > 0.0).find(fits).map(|(split, _)| split.as_str())
    }

    /// The ontology of the changed records: renamed classes take the place of the old ones; classes that
    /// become one keep the first one's facts.
    pub fn ontology(&self, ontology: &Ontology) -> Ontology {
        let mut out = ontology.clone();
        let new_name = |name: &str| match self.mapping.classes.get(name) {
            Some(new) => new.clone(),
            None => Some(name.to_owned()),
        };
        for schema in out.types.values_mut() {
            let mut seen = BTreeSet::new();
            let classes = std::mem::take(&mut schema.classes).into_iter();
            schema.classes = classes
                .filter_map(|class| Some(Class { name: new_name(&class.name)?, ..class }))
                .filter(|class| seen.insert(class.name.clone()))
                .collect();
            let lists = schema.attributes.iter_mut().map(|a| &mut a.classes);
            for list in lists.chain(schema.skeletons.iter_mut().map(|s| &mut s.classes)) {
                *list = list.iter().filter_map(|name| new_name(name)).collect();
            }
        }
        out
    }
}

fn path(pieces: &[Piece<'_>], record: &SampleRecord) -> String {
    let mut out = String::new();
    for piece in pieces {
        out.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Name("folder") => paths::folder(&record.path),
            Piece::Name("name") => paths::name(&record.path),
            Piece::Name("stem") => paths::stem(paths::name(&record.path)),
            Piece::Name("extension") => paths::raw_extension(&record.path),
            Piece::Name("split") => record.split.as_deref().unwrap_or_default(),
            Piece::Name("sensor") => record.sensor.as_deref().unwrap_or_default(),
            Piece::Name("frame") => record.frame.as_deref().unwrap_or_default(),
            Piece::Name(_) => &record.path,
        });
    }
    // Names that are empty leave empty components behind.
    out.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tamis_core::{Box2d, Label, LabelType, Shape};

    fn record(path: &str, classes: &[&str]) -> SampleRecord {
        let label = |class: &&str| Label::new(Shape::Box2d(Box2d::new(0.0, 0.0, 1.0, 1.0))).with_class(*class);
        let layers = BTreeMap::from([("truth".to_owned(), classes.iter().map(label).collect())]);
        SampleRecord { path: path.to_owned(), layers, ..SampleRecord::default() }
    }

    #[test]
    fn classes_paths_and_splits_are_changed_as_written() {
        let text = b"classes: {car: vehicle, van: vehicle, dontcare: null}\nlayers: {truth: vendor}\n\
            path: 'in/{split}/{name}'\nsplits: [{match: 'night/**', split: test}]\n";
        let mapping = Mapping::parse(text).unwrap();
        let mapper = mapping.ready().unwrap();
        let mut one = record("night/a/1.jpg", &["car", "dontcare", "tree"]);
        assert_eq!(mapper.apply(&mut one), 1);
        assert_eq!((one.path.as_str(), one.split.as_deref()), ("in/test/1.jpg", Some("test")));
        let classes: Vec<_> = one.layers["vendor"].iter().filter_map(|label| label.class.as_deref()).collect();
        assert_eq!(classes, ["vehicle", "tree"]);
        let mut other = record("day/2.jpg", &[]);
        mapper.apply(&mut other);
        assert_eq!((other.path.as_str(), other.split), ("in/2.jpg", None));
        let mut ontology = Ontology::default();
        ["car", "tree", "van", "dontcare"].iter().for_each(|name| {
            ontology.add_class(LabelType::Box2d, name);
        });
        let names: Vec<String> =
            mapper.ontology(&ontology).schema_mut(LabelType::Box2d).classes.iter().map(|c| c.name.clone()).collect();
        assert_eq!(names, ["vehicle", "tree"]);
    }

    #[test]
    fn samples_are_dealt_by_their_path_near_the_shares() {
        let mapping = Mapping { shares: [("train".into(), 8.0), ("val".into(), 2.0)].into(), ..Mapping::default() };
        let mapper = mapping.ready().unwrap();
        let split = |at: usize| {
            let mut record = record(&format!("{at}.jpg"), &[]);
            mapper.apply(&mut record);
            record.split.unwrap()
        };
        let splits: Vec<String> = (0..4000).map(split).collect();
        let val = splits.iter().filter(|split| *split == "val").count();
        assert!((700..900).contains(&val), "{val} of 4000");
        assert_eq!(split(17), splits[17]);
        let mut given = SampleRecord { split: Some("holdout".into()), ..record("x.jpg", &[]) };
        mapper.apply(&mut given);
        assert_eq!(given.split.as_deref(), Some("holdout"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("clases: {}", "clases"),
            ("path: '{nme}'", "nme"),
            ("path: '{name'", "brace"),
            ("splits: [{match: '[', split: x}]", "["),
            ("shares: {a: -1}", "shares"),
        ] {
            let error = Mapping::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
