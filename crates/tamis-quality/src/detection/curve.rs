//! Precision and recall out of matches.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::DetectionOptions;
use super::matching::{ClassMatches, Evaluation};

/// Precision and recall for each overlap, class, area range and number of detections.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectionReport {
    options: DetectionOptions,
    classes: Vec<u32>,
    curves: Vec<Curve>,
}

/// Curves of one class, area range and number of detections; [`None`] where nothing is to be found.
type Curve = Option<CurveFigures>;

#[derive(Clone, Debug, PartialEq)]
struct CurveFigures {
    /// Overlaps × recalls.
    precision: Vec<f64>,
    /// Overlaps × recalls: the score at which the recall is reached, 0 where it never is.
    scores: Vec<f64>,
    /// By overlap.
    recall: Vec<f64>,
}

/// A named number of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// As COCO calls it: `AP`, `AP50`, `APsmall`, `AR100`, …
    pub name: String,
    /// 0 to 1; [`None`] where nothing is to be found (`pycocotools` says -1).
    pub value: Option<f64>,
}

impl Evaluation {
    /// The figures over all images. O(detections · overlaps · areas · numbers of detections).
    pub fn report(&self) -> DetectionReport {
        self.weighted(&vec![1; self.images.len()])
    }

    /// The figures over a slice of the images, from the same matches.
    pub fn report_of(&self, is_in: impl Fn(u32) -> bool) -> DetectionReport {
        let weights: Vec<u32> = self.images.iter().map(|&image| u32::from(is_in(image))).collect();
        self.weighted(&weights)
    }

    fn weighted(&self, weights: &[u32]) -> DetectionReport {
        let options = &self.options;
        let curves = self
            .classes
            .par_iter()
            .flat_map_iter(|class| {
                (0..options.areas.len()).flat_map(move |area| {
                    options.max_detections.iter().map(move |&most| curve(class, area, most, weights, options))
                })
            })
            .collect();
        DetectionReport { options: options.clone(), classes: self.classes().collect(), curves }
    }

    /// Mean precision over overlaps, recalls and classes, in the first area range with the most detections.
    pub(super) fn mean_precision(&self, weights: &[u32]) -> Option<f64> {
        let most = self.options.max_detections.last().copied().unwrap_or(0);
        let curves = self.classes.iter().filter_map(|class| curve(class, 0, most, weights, &self.options));
        mean(curves.flat_map(|curve| curve.precision))
    }
}

/// The curves of one class, each image counting as often as its weight says.
fn curve(class: &ClassMatches, area: usize, most: usize, weights: &[u32], options: &DetectionOptions) -> Curve {
    let weight = |image: u32| weights.get(image as usize).copied().unwrap_or(0);
    let to_find: u64 = class
        .groups
        .iter()
        .map(|(image, counts)| u64::from(weight(*image)) * u64::from(counts.get(area).copied().unwrap_or(0)))
        .sum();
    if to_find == 0 {
        return None;
    }
    let thresholds = options.overlaps.len();
    // Only a true positive raises recall, and precision between two of them is below the envelope.
    let mut hits: Vec<Vec<(f64, u32, u32)>> = vec![Vec::new(); thresholds];
    let mut sums = vec![(0u32, 0u32); thresholds];
    let mut first = None;
    let bits = class.bits.get(area).map_or(&[][..], Vec::as_slice);
    for (entry, bits) in class.entries.iter().zip(bits) {
        let weight = weight(entry.image);
        if weight == 0 || entry.rank as usize >= most {
            continue;
        }
        first.get_or_insert(entry.score);
        for (bit, (sum, hits)) in sums.iter_mut().zip(&mut hits).enumerate() {
            if bits.ignored >> bit & 1 == 1 {
                continue;
            }
            if bits.matched >> bit & 1 == 1 {
                sum.0 += weight;
                hits.push((entry.score, sum.0, sum.1));
            } else {
                sum.1 += weight;
            }
        }
    }
    let recalls = options.recalls.len();
    let mut found = CurveFigures {
        precision: vec![0.0; thresholds * recalls],
        scores: vec![0.0; thresholds * recalls],
        recall: sums.iter().map(|sum| f64::from(sum.0) / to_find as f64).collect(),
    };
    for (bit, hits) in hits.iter().enumerate() {
        let mut envelope: Vec<f64> = hits.iter().map(|&(_, tp, fp)| precision(tp, fp)).collect();
        for i in (1..envelope.len()).rev() {
            if envelope[i] > envelope[i - 1] {
                envelope[i - 1] = envelope[i];
            }
        }
        let mut at = 0;
        for (r, &recall) in options.recalls.iter().enumerate() {
            while hits.get(at).is_some_and(|&(_, tp, _)| f64::from(tp) / (to_find as f64) < recall) {
                at += 1;
            }
            let reached = hits.get(at).zip(envelope.get(at));
            let place = bit * recalls + r;
            // Recall 0 is reached by the first detection, whatever it is.
            let score = if recall <= 0.0 { first } else { reached.map(|(hit, _)| hit.0) };
            found.precision[place] = reached.map_or(0.0, |(_, precision)| *precision);
            found.scores[place] = score.unwrap_or(0.0);
        }
    }
    Some(found)
}

/// With the reference's guard against division by 0, which also shows in the last bit of 1.
fn precision(tp: u32, fp: u32) -> f64 {
    f64::from(tp) / (f64::from(fp) + f64::from(tp) + f64::EPSILON)
}

fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = numbers.fold((0.0, 0u64), |(sum, count), number| (sum + number, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl DetectionReport {
    /// The classes with a truth or a detection, ascending.
    pub fn classes(&self) -> &[u32] {
        &self.classes
    }

    /// What was measured.
    pub fn options(&self) -> &DetectionOptions {
        &self.options
    }

    /// Average precision: the mean over recalls, and over all that is not named: overlaps, classes.
    ///
    /// [`None`] where nothing is to be found, or the options have no such overlap, area or number.
    pub fn precision(&self, overlap: Option<f64>, class: Option<u32>, area: &str, most: usize) -> Option<f64> {
        let recalls = self.options.recalls.len();
        let overlaps = self.overlaps(overlap)?;
        let chosen = self.chosen(class, area, most)?;
        mean(chosen.flat_map(|curve| {
            overlaps.clone().flat_map(move |t| curve.precision.iter().skip(t * recalls).take(recalls).copied())
        }))
    }

    /// Average recall: the highest recall reached, as a mean over all that is not named.
    ///
    /// [`None`] as in [`DetectionReport::precision`].
    pub fn recall(&self, overlap: Option<f64>, class: Option<u32>, area: &str, most: usize) -> Option<f64> {
        let overlaps = self.overlaps(overlap)?;
        let chosen = self.chosen(class, area, most)?;
        mean(chosen.flat_map(|curve| overlaps.clone().filter_map(move |t| curve.recall.get(t).copied())))
    }

    /// Precision at each recall, with the score that reaches it, for one class and overlap: the curve to draw.
    pub fn curve(&self, overlap: f64, class: u32, area: &str, most: usize) -> Option<Vec<(f64, f64, f64)>> {
        let recalls = self.options.recalls.len();
        let from = self.overlaps(Some(overlap))?.start * recalls;
        let curve = self.chosen(Some(class), area, most)?.next()?;
        let points = self.options.recalls.iter().zip(curve.precision.iter().zip(&curve.scores).skip(from));
        Some(points.map(|(&recall, (&precision, &score))| (recall, precision, score)).collect())
    }

    /// COCO's summary in its order: 12 figures for boxes and masks, 10 for key points (where there is one number of
    /// detections).
    pub fn summary(&self) -> Vec<Figure> {
        let most = self.options.max_detections.last().copied().unwrap_or(0);
        let areas: Vec<&str> = self.options.areas.iter().map(|area| area.name.as_str()).collect();
        let all = areas.first().copied().unwrap_or_default();
        let precision = |name: &str, overlap, area| (format!("AP{name}"), self.precision(overlap, None, area, most));
        let recall = |name: String, overlap, area, most| (format!("AR{name}"), self.recall(overlap, None, area, most));
        let mut figures = vec![precision("", None, all), precision("50", Some(0.5), all)];
        figures.push(precision("75", Some(0.75), all));
        figures.extend(areas.iter().skip(1).map(|area| precision(area, None, area)));
        if let [most] = self.options.max_detections[..] {
            figures.push(recall(String::new(), None, all, most));
            figures.push(recall("50".to_owned(), Some(0.5), all, most));
            figures.push(recall("75".to_owned(), Some(0.75), all, most));
        } else {
            let counts = self.options.max_detections.iter();
            figures.extend(counts.map(|&most| recall(most.to_string(), None, all, most)));
        }
        figures.extend(areas.iter().skip(1).map(|&area| recall(area.to_owned(), None, area, most)));
        figures.into_iter().map(|(name, value)| Figure { name, value }).collect()
    }

    fn overlaps(&self, wanted: Option<f64>) -> Option<std::ops::Range<usize>> {
        match wanted {
            None => Some(0..self.options.overlaps.len()),
            Some(wanted) => {
                let at = self.options.overlaps.iter().position(|overlap| (overlap - wanted).abs() < 1e-9)?;
                Some(at..at + 1)
            }
        }
    }

    fn chosen(&self, class: Option<u32>, area: &str, most: usize) -> Option<impl Iterator<Item = &CurveFigures>> {
        let counts = self.options.max_detections.len();
        let area = self.options.areas.iter().position(|range| range.name == area)?;
        let most = self.options.max_detections.iter().position(|&count| count == most)?;
        let offset = area * counts + most;
        let stride = self.options.areas.len() * counts;
        let classes = self.classes.iter().enumerate().filter(move |(_, c)| class.is_none_or(|class| class == **c));
        Some(classes.filter_map(move |(at, _)| self.curves.get(at * stride + offset)?.as_ref()))
    }
}
