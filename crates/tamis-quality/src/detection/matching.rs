//! Which detection matches which truth, for every overlap and area range at once.

use std::ops::Range;

use rayon::prelude::*;

use super::overlap::Overlap;
use super::{Detection, DetectionOptions, Shapes, Truth, check_objects};
use crate::error::Result;

/// Detections matched with truths; every figure is summed up from it.
///
/// Memory: 8 bytes a detection and area range, and 16 bytes a detection.
#[derive(Clone, Debug)]
pub struct Evaluation {
    pub(super) options: DetectionOptions,
    /// The images with a truth or a detection, ascending.
    pub(super) images: Vec<u32>,
    pub(super) classes: Vec<ClassMatches>,
}

/// The matches of one class.
#[derive(Clone, Debug)]
pub(super) struct ClassMatches {
    pub(super) class: u32,
    /// Position of the image, and for each area range how many truths have to be found.
    pub(super) groups: Vec<(u32, Vec<u32>)>,
    /// The detections that count, by descending score; of equal ones, as in the order of images.
    pub(super) entries: Vec<Entry>,
    /// For each area range and entry, the bits of the overlaps.
    pub(super) bits: Vec<Vec<Bits>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) score: f64,
    /// Position of the image.
    pub(super) image: u32,
    /// How many detections of this class are before it in its image.
    pub(super) rank: u32,
}

/// One bit an overlap threshold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    pub(super) matched: u32,
    pub(super) ignored: u32,
}

/// The objects of one class in one image.
struct Group {
    class: u32,
    image: u32,
    truths: Range<usize>,
    found: Range<usize>,
}

/// The outcome of one group.
struct GroupMatches {
    scores: Vec<f64>,
    bits: Vec<Vec<Bits>>,
    to_find: Vec<u32>,
}

impl Evaluation {
    /// Matches detections with truths.
    ///
    /// # Errors
    /// Shapes that are not as many as their objects, numbers that are not finite, options without any threshold.
    pub fn new(
        truths: &[Truth],
        detections: &[Detection],
        shapes: Shapes<'_>,
        options: DetectionOptions,
    ) -> Result<Evaluation> {
        options.check()?;
        check_objects(truths, detections, &shapes)?;
        let overlap = Overlap::new(shapes);
        let (truth_order, found_order) = orders(truths, detections);
        let groups = groups(truths, detections, &truth_order, &found_order);
        let mut images: Vec<u32> = groups.iter().map(|group| group.image).collect();
        images.sort_unstable();
        images.dedup();
        let area = |at: usize, found: &Detection| found.area.unwrap_or_else(|| shapes.found_area(at));
        let matched: Vec<GroupMatches> = groups
            .par_iter()
            .with_min_len(16)
            .map(|group| {
                let given: Vec<(usize, &Truth)> =
                    truth_order[group.truths.clone()].iter().filter_map(|&i| Some((i, truths.get(i)?))).collect();
                let mut found: Vec<(usize, &Detection)> =
                    found_order[group.found.clone()].iter().filter_map(|&i| Some((i, detections.get(i)?))).collect();
                found.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
                found.truncate(options.max_detections.last().copied().unwrap_or(0));
                let table = table(&overlap, &found, &given);
                let areas: Vec<f64> = found.iter().map(|&(i, found)| area(i, found)).collect();
                match_group(&found, &given, &areas, &table, &options)
            })
            .collect();
        let starts: Vec<usize> =
            (0..groups.len()).filter(|&i| i == 0 || groups[i - 1].class != groups[i].class).collect();
        let ends = starts.iter().skip(1).copied().chain([groups.len()]);
        let ranges: Vec<Range<usize>> = starts.iter().copied().zip(ends).map(|(a, b)| a..b).collect();
        let classes = ranges
            .into_par_iter()
            .map(|range| class_matches(&groups[range.clone()], &matched[range], &images, options.areas.len()))
            .collect();
        Ok(Evaluation { options, images, classes })
    }

    /// The classes with a truth or a detection, ascending.
    pub fn classes(&self) -> impl Iterator<Item = u32> + '_ {
        self.classes.iter().map(|class| class.class)
    }

    /// The images with a truth or a detection, ascending.
    pub fn images(&self) -> &[u32] {
        &self.images
    }
}

/// The positions of truths and of detections, by class and image, else as given.
pub(super) fn orders(truths: &[Truth], detections: &[Detection]) -> (Vec<usize>, Vec<usize>) {
    let mut truth_order: Vec<usize> = (0..truths.len()).collect();
    truth_order.sort_by_key(|&i| (truths[i].class, truths[i].image));
    let mut found_order: Vec<usize> = (0..detections.len()).collect();
    found_order.sort_by_key(|&i| (detections[i].class, detections[i].image));
    (truth_order, found_order)
}

/// The groups of objects of one class and image, ascending.
fn groups(truths: &[Truth], detections: &[Detection], truth_order: &[usize], found_order: &[usize]) -> Vec<Group> {
    let truth_key = |at: usize| truth_order.get(at).map(|&i| (truths[i].class, truths[i].image));
    let found_key = |at: usize| found_order.get(at).map(|&i| (detections[i].class, detections[i].image));
    let (mut t, mut f) = (0, 0);
    let mut groups = Vec::new();
    while let Some(key) = [truth_key(t), found_key(f)].into_iter().flatten().min() {
        let (first_truth, first_found) = (t, f);
        while truth_key(t) == Some(key) {
            t += 1;
        }
        while found_key(f) == Some(key) {
            f += 1;
        }
        groups.push(Group { class: key.0, image: key.1, truths: first_truth..t, found: first_found..f });
    }
    groups
}

/// The overlaps of a group, a row a detection.
pub(super) fn table(overlap: &Overlap<'_>, found: &[(usize, &Detection)], given: &[(usize, &Truth)]) -> Vec<f64> {
    found.iter().flat_map(|&(f, _)| given.iter().map(move |&(t, truth)| overlap.of(f, t, truth))).collect()
}

fn match_group(
    found: &[(usize, &Detection)],
    given: &[(usize, &Truth)],
    areas: &[f64],
    table: &[f64],
    options: &DetectionOptions,
) -> GroupMatches {
    let mut to_find = Vec::with_capacity(options.areas.len());
    let mut bits = Vec::with_capacity(options.areas.len());
    for range in &options.areas {
        let is_outside = |area: f64| area < range.low || area > range.high;
        let ignored: Vec<bool> = given.iter().map(|(_, t)| t.ignore || t.crowd || is_outside(t.area)).collect();
        to_find.push(ignored.iter().filter(|ignored| !**ignored).count() as u32);
        let mut row: Vec<Bits> = vec![Bits::default(); found.len()];
        for (bit, &threshold) in options.overlaps.iter().enumerate() {
            let matches = assign(given, &ignored, table, found.len(), threshold);
            for ((bits, matched), &area) in row.iter_mut().zip(matches).zip(areas) {
                let is_ignored = match matched {
                    Some(truth) => ignored.get(truth).copied().unwrap_or(false),
                    None => is_outside(area),
                };
                bits.matched |= u32::from(matched.is_some()) << bit;
                bits.ignored |= u32::from(is_ignored) << bit;
            }
        }
        bits.push(row);
    }
    GroupMatches { scores: found.iter().map(|(_, found)| found.score).collect(), bits, to_find }
}

/// For each detection, best score first, the truth it takes: that of the largest overlap of at least the threshold, of
/// equal ones the last; one to find before one to ignore; each at most once but for crowds. COCO's greedy rule.
pub(super) fn assign(
    given: &[(usize, &Truth)],
    ignored: &[bool],
    table: &[f64],
    count: usize,
    threshold: f64,
) -> Vec<Option<usize>> {
    let mut matches = vec![None; count];
    if given.is_empty() {
        return matches;
    }
    let order: Vec<usize> = [false, true]
        .into_iter()
        .flat_map(|wanted| ignored.iter().enumerate().filter(move |(_, is)| **is == wanted).map(|(i, _)| i))
        .collect();
    let mut taken = vec![false; given.len()];
    for (matched, row) in matches.iter_mut().zip(table.chunks_exact(given.len())) {
        let mut best = threshold.min(1.0 - 1e-10);
        for &i in &order {
            if taken[i] && !given[i].1.crowd {
                continue;
            }
            if ignored[i] && matched.is_some_and(|m: usize| !ignored[m]) {
                break;
            }
            if row[i] >= best {
                best = row[i];
                *matched = Some(i);
            }
        }
        if let Some(i) = *matched {
            taken[i] = true;
        }
    }
    matches
}

/// Gathers the groups of one class.
fn class_matches(groups: &[Group], matched: &[GroupMatches], images: &[u32], areas: usize) -> ClassMatches {
    let mut entries = Vec::new();
    let mut places: Vec<(u32, u32)> = Vec::new();
    let mut counts = Vec::with_capacity(groups.len());
    for (at, (group, matches)) in groups.iter().zip(matched).enumerate() {
        let image = images.partition_point(|&image| image < group.image) as u32;
        counts.push((image, matches.to_find.clone()));
        for (rank, &score) in matches.scores.iter().enumerate() {
            entries.push(Entry { score, image, rank: rank as u32 });
            places.push((at as u32, rank as u32));
        }
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|&a, &b| entries[b].score.total_cmp(&entries[a].score));
    let bits = (0..areas)
        .map(|area| {
            order.iter().map(|&i| matched[places[i].0 as usize].bits[area][places[i].1 as usize]).collect::<Vec<_>>()
        })
        .collect();
    ClassMatches {
        class: groups.first().map_or(0, |group| group.class),
        groups: counts,
        entries: order.iter().map(|&i| entries[i]).collect(),
        bits,
    }
}
