//! Pictures: unreadable, dark, light, blurred, odd, there twice, in two splits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, StructArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, UInt64Type};
use bytes::Bytes;
use tamis_core::Hash;
use tamis_media::Limits;
use tamis_quality::duplicates::{Links, Worth, near_hashes, suggest};
use tamis_quality::images::{ImageFacts, ImageIssue, Sizes};
use tamis_table::GroupSchema;

use super::config::CheckConfig;
use super::finding::*;
use super::labels::Seen;
use crate::derived::actions::{Actions, FunctionEntry};
use crate::derived::function::Loaded;
use crate::derived::plan::{Input, Row};
use crate::derived::run::{Compute, Run, wrong};
use crate::error::Result;
use crate::{Ctx, Engine};

/// Above this share a trait is usual, and says nothing about single pictures.
const USUAL: f64 = 0.5;

/// The facts of pictures as a function whose values the action cache keeps.
struct Facts {
    group: GroupSchema,
}

/// The names of the numbers of [`ImageFacts`], in order.
const NUMBERS: [&str; 6] = ["brightness", "dark_end", "bright_end", "entropy", "edges", "contrast"];

impl Facts {
    fn new() -> Facts {
        let mut fields =
            vec![Field::new("width", DataType::UInt64, true), Field::new("height", DataType::UInt64, true)];
        fields.extend(NUMBERS.map(|name| Field::new(name, DataType::Float64, true)));
        fields.push(Field::new("gray", DataType::Boolean, true));
        Facts { group: GroupSchema::new("facts", Fields::from(fields)) }
    }
}

/// Reads one picture.
fn facts(bytes: &Bytes) -> std::result::Result<ImageFacts, String> {
    let image = tamis_media::decode(bytes, &Limits::default()).map_err(|error| error.to_string())?;
    let image = image.to_8bit().over_white();
    let channels = usize::from(image.channels());
    ImageFacts::measure(image.pixels(), image.width(), image.height(), channels).map_err(|error| error.to_string())
}

impl Compute for Facts {
    fn id(&self) -> Hash {
        Hash::of(b"tamis check: image facts 1")
    }

    fn group(&self) -> &GroupSchema {
        &self.group
    }

    fn batch(&self) -> usize {
        4
    }

    fn compute(&self, inputs: &[Bytes]) -> Result<(StructArray, Vec<Option<String>>)> {
        let found: Vec<_> = inputs.iter().map(facts).collect();
        let there: Vec<Option<&ImageFacts>> = found.iter().map(|facts| facts.as_ref().ok()).collect();
        let whole = |of: fn(&ImageFacts) -> u32| -> ArrayRef {
            Arc::new(there.iter().map(|facts| facts.map(|facts| u64::from(of(facts)))).collect::<UInt64Array>())
        };
        let number = |of: fn(&ImageFacts) -> f64| -> ArrayRef {
            Arc::new(there.iter().map(|facts| facts.map(of)).collect::<Float64Array>())
        };
        let columns = vec![
            whole(|facts| facts.width),
            whole(|facts| facts.height),
            number(|facts| facts.brightness),
            number(|facts| facts.dark_end),
            number(|facts| facts.bright_end),
            number(|facts| facts.entropy),
            number(|facts| facts.edges),
            number(|facts| facts.contrast),
            Arc::new(there.iter().map(|facts| facts.map(|facts| facts.gray)).collect::<BooleanArray>()),
        ];
        let rows = StructArray::try_new(self.group.fields.clone(), columns, None).map_err(wrong)?;
        Ok((rows, found.iter().map(|facts| facts.as_ref().err().cloned()).collect()))
    }
}

fn read_facts(rows: &StructArray, row: usize) -> Option<ImageFacts> {
    let whole = |at: usize| u32::try_from(rows.column(at).as_primitive::<UInt64Type>().value(row)).ok();
    let number = |at: usize| rows.column(at).as_primitive::<Float64Type>().value(row);
    if rows.column(0).is_null(row) {
        return None;
    }
    Some(ImageFacts {
        width: whole(0)?,
        height: whole(1)?,
        brightness: number(2),
        dark_end: number(3),
        bright_end: number(4),
        entropy: number(5),
        edges: number(6),
        contrast: number(7),
        gray: rows.column(8).as_boolean().value(row),
    })
}

/// What a value of every picture is told to.
type Each<'a> = dyn FnMut(usize, &StructArray, usize) + 'a;

impl Engine {
    /// Computes a function of some pictures, as far as the action cache does not know it. Gives why some have no value.
    fn each_picture(
        &self,
        ctx: &Ctx,
        function: &dyn Compute,
        name: &str,
        pictures: &[&Seen],
        each: &mut Each<'_>,
    ) -> Result<Vec<(String, String)>> {
        let actions = Actions::open_or_create(self.location(), self.repo().store().options())?;
        let describe = FunctionEntry::new(name, 1, serde_json::Value::Null);
        let read = |input: &Input| match input {
            Input::Media(media) => self.media_bytes("the file", Some(media)),
            Input::Text(text) => Ok(Bytes::from(text.clone())),
        };
        let now = self.repo().store().options().clock.now_micros();
        let mut run = Run::new(function, &read, &actions, &describe, &ctx.progress, now)?;
        run.told_failures = usize::MAX;
        let row =
            |seen: &&Seen| Row { path: seen.path.clone(), input: Some(Input::Media(Box::new(seen.media.clone()))) };
        let rows: Vec<Row> = pictures.iter().map(row).collect();
        ctx.progress.begin(&format!("look at pictures ({name})"), Some(rows.len() as u64), "pictures");
        let mut at = 0;
        run.values(&rows, &mut |(_, values)| {
            for row in 0..values.len() {
                each(at, &values, row);
                at += 1;
            }
            Ok(())
        })?;
        ctx.progress.end();
        let spent = run.finish(BTreeMap::new())?;
        Ok(spent.failures.into_iter().map(|failure| (failure.path, failure.reason)).collect())
    }

    /// Checks pictures one by one, against each other where they are all (`is_whole`). Gives the paths of those that are
    /// nearly empty: their hashes say nothing.
    pub(super) fn check_pictures(
        &self,
        ctx: &Ctx,
        config: &CheckConfig,
        pictures: &[&Seen],
        is_whole: bool,
        findings: &mut Findings,
    ) -> Result<HashSet<String>> {
        const RULES: [(ImageIssue, &CheckRule); 7] = [
            (ImageIssue::Dark, PICTURE_DARK),
            (ImageIssue::Light, PICTURE_LIGHT),
            (ImageIssue::OddAspect, PICTURE_ASPECT),
            (ImageIssue::LowInformation, PICTURE_INFORMATION),
            (ImageIssue::Blurry, PICTURE_BLURRY),
            (ImageIssue::Gray, PICTURE_GRAY),
            (ImageIssue::OddSize, PICTURE_SIZE),
        ];
        let mut known: Vec<(usize, ImageFacts)> = Vec::with_capacity(pictures.len());
        let failed = self.each_picture(ctx, &Facts::new(), "image facts", pictures, &mut |at, values, row| {
            known.extend(read_facts(values, row).map(|facts| (at, facts)));
        })?;
        if config.has(MEDIA_UNREADABLE.id) {
            for (path, message) in failed {
                findings.add(Finding { rule: MEDIA_UNREADABLE.id, path, message, ..Finding::default() });
            }
        }
        let mut sizes: Vec<f64> = known.iter().map(|(_, facts)| facts.size()).collect();
        let sizes = if sizes.is_empty() { None } else { Some(Sizes::new(&mut sizes, &config.images)?) };
        for (issue, rule) in RULES {
            let is_compared = matches!(issue, ImageIssue::Gray | ImageIssue::OddSize);
            if !config.has(rule.id) || (is_compared && !is_whole) {
                continue;
            }
            let judged = known.iter().map(|(at, facts)| (*at, config.images.judge(facts, sizes.as_ref(), issue)));
            let bad: Vec<(usize, f64)> =
                judged.filter(|(_, (_, bad))| *bad).map(|(at, (score, _))| (at, score)).collect();
            if bad.len() > 1 && bad.len() as f64 > USUAL * known.len() as f64 {
                findings.skip(rule.id, format!("{} of {} pictures: usual here", bad.len(), known.len()));
                continue;
            }
            for (at, score) in bad {
                let facts =
                    known.binary_search_by_key(&at, |(own, _)| *own).map(|place| known[place].1).unwrap_or_default();
                let message = told(issue, &facts);
                let path = pictures[at].path.clone();
                findings.add(Finding { rule: rule.id, path, score: Some(score), message, ..Finding::default() });
            }
        }
        let is_empty = |facts: &ImageFacts| config.images.judge(facts, None, ImageIssue::LowInformation).1;
        Ok(known.iter().filter(|(_, facts)| is_empty(facts)).map(|(at, _)| pictures[*at].path.clone()).collect())
    }

    /// Finds files that are there twice and pictures that show the same, also in other splits. Groups with a member of
    /// `is_new` are told; pictures of `empty` only show the same as their own file.
    pub(super) fn check_twins(
        &self,
        ctx: &Ctx,
        config: &CheckConfig,
        seen: &[Seen],
        empty: &HashSet<String>,
        is_new: &dyn Fn(&str) -> bool,
        findings: &mut Findings,
    ) -> Result<()> {
        let mut links = Links::new(seen.len());
        let mut first: HashMap<Hash, u32> = HashMap::new();
        let mut files: Vec<Option<Hash>> = Vec::with_capacity(seen.len());
        for (at, one) in seen.iter().enumerate() {
            let hash = one.media.blob.map(|blob| blob.0);
            files.push(hash);
            if let Some(hash) = hash {
                links.join(*first.entry(hash).or_insert(at as u32), at as u32);
            }
        }
        if config.has(MEDIA_NEAR.id) || config.has(SPLIT_NEAR.id) {
            let places: Vec<usize> =
                (0..seen.len()).filter(|&at| is_picture(&seen[at]) && !empty.contains(&seen[at].path)).collect();
            let pictures: Vec<&Seen> = places.iter().map(|&at| &seen[at]).collect();
            let loaded = Loaded::new("phash", &serde_json::Map::new())?;
            let column = loaded.column("phash", &tamis_repo::GroupInput::Media);
            let (mut hashes, mut owners) = (Vec::new(), Vec::new());
            self.each_picture(ctx, &column, "phash", &pictures, &mut |at, values, row| {
                let column = values.column(0);
                if let Some(numbers) = column.as_primitive_opt::<UInt64Type>().filter(|numbers| numbers.is_valid(row)) {
                    hashes.push(numbers.value(row));
                    owners.push(places[at] as u32);
                }
            })?;
            near_hashes(&hashes, &[], config.duplicates.radius, |pair| {
                let owner = |at: u32| owners.get(at as usize).copied().unwrap_or(u32::MAX);
                links.join(owner(pair.first), owner(pair.second));
            })?;
        }
        let groups = links.groups();
        let worth = |at: u32| {
            let one = &seen[at as usize];
            let pixels = u64::from(one.media.width.unwrap_or(0)) * u64::from(one.media.height.unwrap_or(0));
            Worth { labels: one.labels, pixels, bytes: one.media.size }
        };
        for (group, suggestion) in groups.iter().zip(suggest(&groups, worth)) {
            let keep = &seen[suggestion.keep as usize];
            let same_file =
                |at: u32, other: u32| files[at as usize].is_some() && files[at as usize] == files[other as usize];
            let touched = group.iter().any(|&at| is_new(&seen[at as usize].path));
            if !touched {
                continue;
            }
            for &at in &suggestion.drop {
                let one = &seen[at as usize];
                let (rule, what) = match same_file(at, suggestion.keep) {
                    true => (MEDIA_DUPLICATE, "the same file as"),
                    false => (MEDIA_NEAR, "shows the same as"),
                };
                tell(
                    config,
                    findings,
                    rule,
                    one,
                    keep,
                    format!("{what} `{}`, which has the most labels and pixels", keep.path),
                );
            }
            // One finding for each member outside the split of the first member of the largest one.
            let mut splits: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
            group.iter().for_each(|&at| splits.entry(&seen[at as usize].split).or_default().push(at));
            splits.remove("");
            let home = splits.get("train").or_else(|| splits.values().max_by_key(|members| members.len())).cloned();
            let Some(home) = home.filter(|_| splits.len() > 1) else { continue };
            let home_split = seen[home[0] as usize].split.clone();
            for &at in splits.iter().filter(|(split, _)| **split != home_split).flat_map(|(_, members)| members) {
                let twin = home.iter().copied().find(|&other| same_file(at, other));
                let (one, other) = (&seen[at as usize], &seen[twin.unwrap_or(home[0]) as usize]);
                let (rule, what) = match twin {
                    Some(_) => (SPLIT_LEAK, "the same file as"),
                    None => (SPLIT_NEAR, "shows the same as"),
                };
                let message = format!("in `{}`, {what} `{}` in `{}`", one.split, other.path, other.split);
                tell(config, findings, rule, one, other, message);
            }
        }
        Ok(())
    }
}

fn tell(
    config: &CheckConfig,
    findings: &mut Findings,
    rule: &'static CheckRule,
    one: &Seen,
    other: &Seen,
    message: String,
) {
    if config.has(rule.id) {
        let (path, other) = (one.path.clone(), Some(other.path.clone()));
        findings.add(Finding { rule: rule.id, path, other, message, ..Finding::default() });
    }
}

/// Whether a sample is a picture.
pub(super) fn is_picture(seen: &Seen) -> bool {
    seen.media.mime.as_deref().is_some_and(|mime| mime.starts_with("image/"))
}

/// The number that is too low or too high.
fn told(issue: ImageIssue, facts: &ImageFacts) -> String {
    match issue {
        ImageIssue::Dark => format!("99 % of its pixels are darker than {:.2} of 1", facts.bright_end),
        ImageIssue::Light => format!("95 % of its pixels are lighter than {:.2} of 1", facts.dark_end),
        ImageIssue::OddAspect => format!("{} × {} pixels", facts.width, facts.height),
        ImageIssue::LowInformation => format!("an entropy of {:.1} bits", facts.entropy),
        ImageIssue::Blurry => format!("edges deviate by {:.1} of 255", facts.edges),
        ImageIssue::Gray => "one channel".to_owned(),
        _ => format!("{} × {} pixels, unlike the others", facts.width, facts.height),
    }
}
