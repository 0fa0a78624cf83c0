//! Panoptic quality: are the segments right, and do their pixels fit?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{QualityError, Result, same_length};

/// A segment of a panoptic map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Its number in the map; 0 is void, which is no segment.
    pub id: u32,
    /// The number of its class.
    pub class: u32,
    /// A crowd, of a truth: nobody has to find it, and who does is not counted.
    pub crowd: bool,
}

/// Counts of matching segments by class, summed up over images (Kirillov et al., "Panoptic segmentation", 2019, as
/// COCO's `panopticapi` counts: pixels without a true segment, and crowds of the class, are held against nobody).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panoptic {
    classes: Vec<PanopticFigures>,
}

/// The counts of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PanopticFigures {
    /// Segments that match: their overlap is above one half, so that each matches one at most.
    pub matches: u64,
    /// Segments found that match nothing.
    pub false_alarms: u64,
    /// Segments that nobody found.
    pub misses: u64,
    /// The sum of the overlaps of matches.
    pub overlap: f64,
}

impl PanopticFigures {
    /// Panoptic quality, 0 to 1; [`None`] for a class without segments.
    pub fn quality(&self) -> Option<f64> {
        Some(self.overlap / self.weight()?)
    }

    /// Segmentation quality: the mean overlap of matches; [`None`] without segments, 0 without matches.
    pub fn segmentation(&self) -> Option<f64> {
        self.weight().map(|_| if self.matches > 0 { self.overlap / self.matches as f64 } else { 0.0 })
    }

    /// Recognition quality: the F1 of segments; [`None`] without segments.
    pub fn recognition(&self) -> Option<f64> {
        Some(self.matches as f64 / self.weight()?)
    }

    fn weight(&self) -> Option<f64> {
        let weight = self.matches as f64 + 0.5 * (self.false_alarms + self.misses) as f64;
        (weight > 0.0).then_some(weight)
    }
}

impl Panoptic {
    /// No images yet, of so many classes.
    pub fn new(classes: usize) -> Panoptic {
        Panoptic { classes: vec![PanopticFigures::default(); classes] }
    }

    /// Adds an image: both maps pixel by pixel, with their segments. Numbers in a map that no segment has are void.
    /// O(pixels · log segments).
    ///
    /// # Errors
    /// Maps of different sizes, or a segment whose class is none.
    pub fn add(&mut self, truth: &[u32], found: &[u32], segments: [&[Segment]; 2]) -> Result<()> {
        same_length("pixels of the map found", truth.len(), found.len())?;
        let [true_segments, found_segments] = segments;
        for (what, side) in [("segment of truth", true_segments), ("segment found", found_segments)] {
            if let Some(at) = side.iter().position(|segment| segment.class as usize >= self.classes.len()) {
                let value = side.get(at).map_or(0.0, |segment| f64::from(segment.class));
                return Err(QualityError::OutOfRange { what, at, value, expected: "below the count of classes" });
            }
        }
        let (true_of, found_of) = (by_id(true_segments), by_id(found_segments));
        // Pixels of each pair of segments; void is the pair's first being none.
        let mut shared = BTreeMap::<(Option<u32>, u32), u64>::new();
        let (mut true_areas, mut found_areas) = (BTreeMap::<u32, u64>::new(), BTreeMap::<u32, u64>::new());
        let pixels: Vec<(u32, u32)> = truth.iter().copied().zip(found.iter().copied()).collect();
        for run in pixels.chunk_by(|a, b| a == b) {
            let (Some(&(own, other)), length) = (run.first(), run.len() as u64) else { continue };
            let own = Some(own).filter(|id| true_of.contains_key(id));
            if let Some(id) = own {
                *true_areas.entry(id).or_default() += length;
            }
            if found_of.contains_key(&other) {
                *found_areas.entry(other).or_default() += length;
                *shared.entry((own, other)).or_default() += length;
            }
        }
        let pair = |own: Option<u32>, other: u32| shared.get(&(own, other)).copied().unwrap_or(0);
        let (mut hit, mut seen) = (Vec::new(), Vec::new());
        for (&(own, other), &pixels) in &shared {
            let (Some(own), Some(b)) = (own, found_of.get(&other)) else { continue };
            let Some(a) = true_of.get(&own).filter(|a| !a.crowd && a.class == b.class) else { continue };
            let area = |areas: &BTreeMap<u32, u64>, id| areas.get(&id).copied().unwrap_or(0);
            let union = area(&true_areas, own) + area(&found_areas, other) - pixels - pair(None, other);
            let overlap = pixels as f64 / union as f64;
            if overlap > 0.5 {
                let figures = &mut self.classes[a.class as usize];
                figures.matches += 1;
                figures.overlap += overlap;
                hit.push(own);
                seen.push(other);
            }
        }
        for segment in true_segments.iter().filter(|s| !s.crowd && s.id != 0 && !hit.contains(&s.id)) {
            self.classes[segment.class as usize].misses += 1;
        }
        for (&id, &area) in found_areas.iter().filter(|(id, _)| !seen.contains(*id)) {
            let Some(segment) = found_of.get(&id) else { continue };
            let crowds = true_segments.iter().filter(|s| s.crowd && s.class == segment.class && s.id != 0);
            let excused = pair(None, id) + crowds.map(|crowd| pair(Some(crowd.id), id)).sum::<u64>();
            if excused as f64 / area as f64 <= 0.5 {
                self.classes[segment.class as usize].false_alarms += 1;
            }
        }
        Ok(())
    }

    /// The figures of each class.
    pub fn figures(&self) -> &[PanopticFigures] {
        &self.classes
    }

    /// The mean of a figure over the classes that have segments, for example [`PanopticFigures::quality`].
    pub fn mean(&self, figure: impl Fn(&PanopticFigures) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.classes.iter().filter_map(figure).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

fn by_id(segments: &[Segment]) -> BTreeMap<u32, Segment> {
    segments.iter().filter(|segment| segment.id != 0).map(|segment| (segment.id, *segment)).collect()
}
