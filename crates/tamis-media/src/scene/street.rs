//! One scene: who is where, drawn from far to near.

use super::backdrop::{self, Hour, Sky};
use super::canvas::Canvas;
use super::dice::Dice;
use super::things::{Brush, Kind};

/// A drawn thing with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    /// Left, top, right, bottom, within the picture.
    pub(super) hull: [f32; 4],
    /// The outline within the picture's surroundings, where there is a simple one.
    pub(super) outline: Option<Vec<(f32, f32)>>,
}

/// A drawn picture with what is in it.
pub(super) struct Street {
    pub(super) pixels: Vec<u8>,
    pub(super) things: Vec<Thing>,
    pub(super) time_of_day: &'static str,
    pub(super) weather: &'static str,
}

/// Where a thing is to stand.
struct Place {
    kind: Kind,
    at: (f32, f32),
    scale: f32,
    heading: f32,
}

/// Draws scene `index` of a seed.
pub(super) fn draw(seed: u64, index: u64, width: u32, height: u32) -> Street {
    let mut dice = Dice::new(seed, index);
    let sky = Sky::roll(&mut dice);
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(width, height, sky.light());
    backdrop::draw(&mut canvas, w, h, sky, &mut dice);
    let mut places = cast(w, &mut dice);
    places.sort_by(|a, b| a.at.1.total_cmp(&b.at.1));
    let places = visible(places);
    let mut things = Vec::new();
    for Place { kind, at, scale, heading } in places {
        let is_dark = sky.is_dark();
        let mut brush = Brush { canvas: &mut canvas, at, scale, heading, is_dark, hull: None, outline: None };
        brush.draw(kind, &mut dice);
        let (hull, outline) = (brush.hull, brush.outline);
        let inside = hull.map(|[l, t, r, b]| [l.max(0.0), t.max(0.0), r.min(w), b.min(h)]);
        if let Some(hull) = inside.filter(|[l, t, r, b]| r - l > 3.0 && b - t > 3.0) {
            things.push(Thing { kind, hull, outline });
        }
    }
    if sky.is_rainy {
        backdrop::rain(&mut canvas, w, h, &mut dice);
    }
    let grain = if sky.hour == Hour::Night { 7.0 } else { 3.5 };
    Street {
        pixels: canvas.develop(grain, &mut dice),
        things,
        time_of_day: match sky.hour {
            Hour::Day => "day",
            Hour::Dusk => "dusk",
            Hour::Night => "night",
        },
        weather: if sky.is_rainy { "rain" } else { "clear" },
    }
}

/// Those, from far to near, of which a nearer one hides no more than half.
fn visible(places: Vec<Place>) -> Vec<Place> {
    let frame = |p: &Place| {
        let half = p.kind.length() * p.scale / 2.0;
        [p.at.0 - half, p.at.1 - p.kind.height() * p.scale, p.at.0 + half, p.at.1]
    };
    let frames: Vec<[f32; 4]> = places.iter().map(frame).collect();
    let is_hidden = |i: usize| {
        let Some(&[l, t, r, b]) = frames.get(i) else { return false };
        frames.iter().skip(i + 1).any(|&[l2, t2, r2, b2]| {
            let shared = (r.min(r2) - l.max(l2)).max(0.0) * (b.min(b2) - t.max(t2)).max(0.0);
            shared > 0.5 * (r - l) * (b - t)
        })
    };
    let keep: Vec<bool> = (0..places.len()).map(|i| !is_hidden(i)).collect();
    places.into_iter().zip(keep).filter_map(|(place, keep)| keep.then_some(place)).collect()
}

/// Who is in the scene: two lanes of traffic and two sidewalks.
fn cast(width: f32, dice: &mut Dice) -> Vec<Place> {
    let mut places = Vec::new();
    let vehicles = [Kind::Car, Kind::Car, Kind::Car, Kind::Car, Kind::Bus, Kind::Truck, Kind::Bicycle];
    row(&mut places, dice, width, &vehicles, (161.0, 164.0), 14.0, -1.0, (10.0, 130.0));
    row(&mut places, dice, width, &vehicles, (194.0, 199.0), 18.5, 1.0, (14.0, 190.0));
    let walkers = [Kind::Person, Kind::Person, Kind::Person, Kind::Dog, Kind::Bicycle];
    row(&mut places, dice, width, &walkers, (130.0, 136.0), 12.0, 0.0, (14.0, 160.0));
    row(&mut places, dice, width, &walkers, (217.0, 234.0), 25.0, 0.0, (30.0, 230.0));
    if dice.chance(0.5) {
        let kind = if dice.chance(0.6) { Kind::TrafficLight } else { Kind::StopSign };
        let is_near = dice.chance(0.5);
        let (y, scale) = if is_near { (212.0, 23.0) } else { (136.0, 16.0) };
        places.push(Place { kind, at: (dice.range(0.08, 0.92) * width, y), scale, heading: 1.0 });
    }
    if places.is_empty() {
        places.push(Place { kind: Kind::Car, at: (width * dice.range(0.3, 0.7), 197.0), scale: 18.5, heading: 1.0 });
    }
    places
}

/// Fills a row from left to right with gaps; a heading of 0 is thrown for each.
#[expect(clippy::too_many_arguments, reason = "one row of the table of rows above")]
fn row(
    places: &mut Vec<Place>,
    dice: &mut Dice,
    width: f32,
    kinds: &[Kind],
    ground: (f32, f32),
    scale: f32,
    heading: f32,
    gap: (f32, f32),
) {
    let mut x = dice.range(0.0, gap.1);
    loop {
        let kind = dice.pick(kinds, Kind::Car);
        let half = kind.length() * scale / 2.0;
        let centre = x + half;
        // At least half of each thing is in the picture.
        if centre > width - 6.0 {
            return;
        }
        let heading = if heading == 0.0 { if dice.chance(0.5) { 1.0 } else { -1.0 } } else { heading };
        places.push(Place { kind, at: (centre, dice.range(ground.0, ground.1)), scale, heading });
        x = centre + half + dice.range(gap.0, gap.1);
    }
}
