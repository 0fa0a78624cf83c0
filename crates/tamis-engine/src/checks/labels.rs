//! The labels of samples, by the rules of labels, and what else a pass over the samples tells.

use std::collections::BTreeMap;

use tamis_core::{Label, Media, Ontology, Sample};
use tamis_quality::rules::{Broken, RuleBook, Scene, Tracks, fixed};

use super::config::CheckConfig;
use super::finding::{Finding, Findings};

/// Samples in passing.
pub(crate) struct Pass<'a> {
    config: &'a CheckConfig,
    book: RuleBook<'a>,
    /// Objects by sensor, in the folder of the last sample.
    tracks: BTreeMap<String, Tracks>,
    folder: String,
    follows_tracks: bool,
    /// Labels by class and split, of the layers that are checked.
    pub(crate) classes: BTreeMap<String, BTreeMap<String, u64>>,
    /// Samples by split.
    pub(crate) splits: BTreeMap<String, u64>,
    /// Every sample with media.
    pub(crate) seen: Vec<Seen>,
    /// Layers as the safe fixes leave them, by path.
    pub(crate) fixed: Vec<(String, String, Vec<Label>)>,
    keeps_fixed: bool,
    /// How many samples were looked at.
    pub(crate) samples: u64,
}

/// What is kept of a sample with media.
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) split: String,
    pub(crate) media: Media,
    /// How many labels it has.
    pub(crate) labels: u64,
    /// Its class, where it has exactly one classification.
    pub(crate) class: Option<String>,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(
        config: &'a CheckConfig,
        ontology: &'a Ontology,
        follows_tracks: bool,
        keeps_fixed: bool,
    ) -> Pass<'a> {
        let known = (!ontology.types.is_empty()).then_some(ontology);
        Pass {
            config,
            book: RuleBook::new(known, &config.labels),
            tracks: BTreeMap::new(),
            folder: String::new(),
            follows_tracks,
            classes: BTreeMap::new(),
            splits: BTreeMap::new(),
            seen: Vec::new(),
            fixed: Vec::new(),
            keeps_fixed,
            samples: 0,
        }
    }

    /// Takes the next sample, in the order of paths.
    pub(crate) fn sample(&mut self, sample: Sample, layers: &[String], findings: &mut Findings) {
        self.samples += 1;
        let folder = sample.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if folder != self.folder {
            folder.clone_into(&mut self.folder);
            self.tracks.clear();
        }
        let split = sample.split.clone().unwrap_or_default();
        *self.splits.entry(split.clone()).or_default() += 1;
        let media = sample.media.as_ref();
        let scene = Scene { has_media: media.is_some(), size: media.and_then(size) };
        let (mut count, mut classes) = (0, Vec::new());
        for layer in layers {
            let Some(labels) = sample.layers.get(layer) else { continue };
            count += labels.len() as u64;
            let mut broken: Vec<Broken> = Vec::new();
            self.book.check(labels, &scene, |one| broken.push(one));
            if self.follows_tracks && labels.iter().any(|label| label.instance.is_some()) {
                let key = format!("{layer}\0{}", sample.sensor.as_deref().unwrap_or_default());
                self.tracks.entry(key).or_default().frame(labels, &self.config.labels, |one| broken.push(one));
            }
            broken.retain(|one| self.config.has(one.rule.id));
            if self.keeps_fixed && broken.iter().any(|one| one.fix.is_some()) {
                self.fixed.push((sample.path.clone(), layer.clone(), fixed(labels, &broken)));
            }
            for one in broken {
                findings.add(Finding {
                    rule: one.rule.id,
                    path: sample.path.clone(),
                    layer: Some(layer.clone()),
                    label: labels.get(one.label).map(|label| label.id),
                    fixable: one.fix.is_some(),
                    message: one.message,
                    ..Finding::default()
                });
            }
            for label in labels {
                let class = label.class.clone().unwrap_or_default();
                if matches!(label.shape, tamis_core::Shape::Classification) {
                    classes.push(class.clone());
                }
                *self.classes.entry(class).or_default().entry(split.clone()).or_default() += 1;
            }
        }
        if let Some(media) = sample.media {
            let class = (classes.len() == 1).then(|| classes.swap_remove(0));
            self.seen.push(Seen { path: sample.path, split, media, labels: count, class });
        }
    }
}

/// Width and height as labels see them. Of pictures that EXIF turns on their side they are not known: some tools draw on the
/// upright picture, others on the stored one.
fn size(media: &Media) -> Option<(u32, u32)> {
    match media.orientation {
        Some(5..=8) if media.width != media.height => None,
        _ => Some((media.width?, media.height?)),
    }
}
