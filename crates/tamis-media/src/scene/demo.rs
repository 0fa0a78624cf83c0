//! The samples of the drawn dataset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamis_core::geometry::{bounds, clip_polygon};
use tamis_core::{Box2d, Label, Point, Shape, Value};

use super::dice::Dice;
use super::flaw::{Flaw, FlawKind, Plan};
use super::street::{self, Street, Thing};
use super::things::Kind;
use crate::{Image, encode_jpeg};

/// What to draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DemoOptions {
    /// Equal seeds give equal datasets.
    pub seed: u64,
    /// How many samples; flaws are seeded from 20 on.
    pub samples: usize,
    /// Pixels across; scenes are laid out for 320.
    pub width: u32,
    /// Pixels down; scenes are laid out for 240.
    pub height: u32,
}

impl Default for DemoOptions {
    fn default() -> DemoOptions {
        DemoOptions { seed: 7, samples: 240, width: 320, height: 240 }
    }
}

/// One sample of the drawn dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoSample {
    /// `train/street_000012.jpg`.
    pub path: String,
    /// `train`, `val` or `test`.
    pub split: &'static str,
    /// The JPEG.
    pub bytes: Vec<u8>,
    /// Pixels across and down.
    pub size: (u32, u32),
    /// Boxes, and polygons with their box; ids are unique in the dataset.
    pub labels: Vec<Label>,
    /// `time_of_day` (`day`, `dusk`, `night`), `weather` (`clear`, `rain`), `camera`.
    pub fields: BTreeMap<String, Value>,
    /// What is wrong with it.
    pub flaws: Vec<Flaw>,
}

/// The misspelt class.
pub(super) const TYPO: &str = "trafic light";
const QUALITY: u8 = 88;

/// The split of a sample: 14, 3 and 3 of 20.
fn split_of(index: usize) -> &'static str {
    match index % 20 {
        0..14 => "train",
        14..17 => "val",
        _ => "test",
    }
}

fn path_of(index: usize) -> String {
    format!("{}/street_{index:06}.jpg", split_of(index))
}

/// The samples one after another; each is drawn when it is asked for, in about 3 ms.
pub fn demo(options: &DemoOptions) -> impl Iterator<Item = DemoSample> + use<> {
    let options = DemoOptions { width: options.width.max(16), height: options.height.max(16), ..options.clone() };
    let plan = Plan::new(options.seed, options.samples, split_of);
    (0..options.samples).filter_map(move |index| draw(&options, &plan, index))
}

fn draw(options: &DemoOptions, plan: &Plan, index: usize) -> Option<DemoSample> {
    let repeated = plan.repeated(index, split_of);
    let scene = repeated.unwrap_or(index);
    let street = street::draw(options.seed, scene as u64, options.width, options.height);
    let size = (options.width, options.height);
    let mut sample = DemoSample {
        path: path_of(index),
        split: split_of(index),
        bytes: Vec::new(),
        size,
        labels: street.things.iter().enumerate().map(|(i, thing)| label(thing, index, i, size)).collect(),
        fields: BTreeMap::from([
            ("time_of_day".to_owned(), street.time_of_day.into()),
            ("weather".to_owned(), street.weather.into()),
            ("camera".to_owned(), format!("cam{}", scene % 3 + 1).into()),
        ]),
        flaws: Vec::new(),
    };
    let mut picture = Image::rgb8(size.0, size.1, street.pixels.clone()).ok()?;
    let mut quality = QUALITY;
    if let Some(kind) = plan.of(index) {
        if kind == FlawKind::NearDuplicate {
            picture = shifted(&picture)?;
            quality = 70;
        }
        let other = repeated.map(path_of);
        spoil(&mut sample, kind, other, &mut Dice::new(options.seed, !(index as u64)), &street);
    }
    sample.bytes = encode_jpeg(&picture, quality).ok()?;
    if sample.flaws.iter().any(|flaw| flaw.kind == FlawKind::Corrupt) {
        sample.bytes.truncate(sample.bytes.len() * 3 / 5);
    }
    Some(sample)
}

fn round(v: f32) -> f64 {
    (f64::from(v) * 100.0).round() / 100.0
}

fn label(thing: &Thing, index: usize, place: usize, (width, height): (u32, u32)) -> Label {
    let [l, t, r, b] = thing.hull.map(round);
    let own = Box2d::new(l, t, r, b);
    let ring: Vec<Point> = thing.outline.iter().flatten().map(|&(x, y)| Point { x: round(x), y: round(y) }).collect();
    let ring = clip_polygon(&ring, width, height);
    let hull = bounds(ring.iter().copied()).unwrap_or(own);
    let mut label = if ring.len() < 3 { Label::new(Shape::Box2d(own)) } else { Label::new(Shape::Polygon(ring)) };
    if matches!(label.shape, Shape::Polygon(_)) {
        label.bbox = Some(hull);
    }
    label.with_class(thing.kind.names().0).with_id(index as u64 * 100 + place as u64 + 1)
}

/// The same picture two pixels further left and a little brighter.
fn shifted(picture: &Image) -> Option<Image> {
    let (w, row) = (picture.width() as usize, picture.width() as usize * 3);
    let brighter = |v: u8| (u16::from(v) * 103 / 100 + 2).min(255) as u8;
    let mut pixels = Vec::with_capacity(picture.pixels().len());
    for line in picture.pixels().chunks_exact(row) {
        let last = line.get(row - 3..)?;
        let shift = 2.min(w - 1);
        pixels.extend(line.iter().skip(shift * 3).chain(last.iter().cycle().take(shift * 3)).map(|&v| brighter(v)));
    }
    Image::rgb8(picture.width(), picture.height(), pixels).ok()
}

/// Puts a flaw into a sample and notes it.
fn spoil(sample: &mut DemoSample, kind: FlawKind, other: Option<String>, dice: &mut Dice, street: &Street) {
    let mut flaw = Flaw { kind, path: sample.path.clone(), other, label: None, class: None };
    let size = |label: &Label| label.bounds().map_or(0.0, |b| b.area());
    // The largest label of those that fit, so that a person sees the flaw.
    let pick = |labels: &[Label], fits: &dyn Fn(&Label) -> bool| -> Option<usize> {
        let fit = labels.iter().enumerate().filter(|(_, label)| fits(label));
        fit.max_by(|a, b| size(a.1).total_cmp(&size(b.1))).map(|(i, _)| i)
    };
    let chosen = match kind {
        FlawKind::ClassTypo => pick(&sample.labels, &|l| l.class.as_deref() == Some("traffic light"))
            .or_else(|| pick(&sample.labels, &|_| true)),
        FlawKind::Mislabelled | FlawKind::MissingLabel | FlawKind::MisplacedBox | FlawKind::BoxOutside => {
            pick(&sample.labels, &|_| true)
        }
        FlawKind::ExactDuplicate | FlawKind::NearDuplicate | FlawKind::Leak if flaw.other.is_none() => return,
        _ => None,
    };
    if let Some(label) = chosen.and_then(|i| sample.labels.get_mut(i)) {
        flaw.label = Some(label.id);
        flaw.class = label.class.clone();
        let own = label.bounds().unwrap_or_default();
        match kind {
            FlawKind::Mislabelled => {
                let wrong: Vec<Kind> =
                    Kind::ALL.into_iter().filter(|k| Some(k.names().0) != label.class.as_deref()).take(6).collect();
                label.class = Some(dice.pick(&wrong, Kind::Dog).names().0.to_owned());
            }
            FlawKind::ClassTypo => label.class = Some(TYPO.to_owned()),
            FlawKind::MisplacedBox => {
                let (w, h) = (f64::from(sample.size.0), f64::from(sample.size.1));
                let dx = if (own.xmin + own.xmax) / 2.0 < w / 2.0 { w - own.xmax } else { -own.xmin };
                let moved =
                    Box2d::new(own.xmin + dx, own.ymin * 0.2, own.xmax + dx, (own.ymin * 0.2 + own.height()).min(h));
                (label.shape, label.bbox) = (Shape::Box2d(moved), None);
            }
            FlawKind::BoxOutside => {
                let dx = f64::from(sample.size.0) - own.xmin - own.width() * 0.3;
                let moved = Box2d::new(own.xmin + dx, own.ymin, own.xmax + dx, own.ymax);
                (label.shape, label.bbox) = (Shape::Box2d(moved), None);
            }
            _ => {}
        }
    }
    if kind == FlawKind::MissingLabel && street.things.len() > 1 {
        sample.labels.retain(|label| Some(label.id) != flaw.label);
    } else if kind == FlawKind::MissingLabel {
        return;
    }
    sample.flaws.push(flaw);
}
