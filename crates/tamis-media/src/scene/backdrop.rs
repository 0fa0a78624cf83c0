//! Sky, houses, trees and the street itself.

use super::canvas::{Canvas, Colour, Light};
use super::dice::Dice;

/// The hour of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hour {
    Day,
    Dusk,
    Night,
}

/// What the sky does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sky {
    pub(super) hour: Hour,
    pub(super) is_rainy: bool,
}

/// Rows of the picture where the bands of the street begin, for a picture of 240 rows.
pub(super) const FAR_WALK: f32 = 126.0;
pub(super) const ROAD: f32 = 139.0;
pub(super) const MIDDLE: f32 = 170.0;
pub(super) const NEAR_WALK: f32 = 206.0;

impl Sky {
    pub(super) fn roll(dice: &mut Dice) -> Sky {
        let throw = dice.unit();
        let hour = if throw < 0.6 {
            Hour::Day
        } else if throw < 0.76 {
            Hour::Dusk
        } else {
            Hour::Night
        };
        Sky { hour, is_rainy: dice.chance(0.24) }
    }

    pub(super) fn is_dark(self) -> bool {
        self.hour != Hour::Day
    }

    pub(super) fn light(self) -> Light {
        let tint = match self.hour {
            Hour::Day if self.is_rainy => [0.74, 0.78, 0.82],
            Hour::Day => [1.0, 1.0, 1.0],
            Hour::Dusk => [0.72, 0.58, 0.6],
            Hour::Night => [0.42, 0.45, 0.6],
        };
        let haze = match self.hour {
            Hour::Night => [30, 36, 56],
            _ => [150, 160, 170],
        };
        Light { tint, haze: (haze, if self.is_rainy { 0.16 } else { 0.0 }) }
    }

    fn colours(self) -> (Colour, Colour) {
        match (self.hour, self.is_rainy) {
            (Hour::Day, false) => ([86, 152, 214], [206, 228, 240]),
            (Hour::Day, true) => ([126, 138, 150], [178, 186, 192]),
            (Hour::Dusk, false) => ([70, 78, 134], [246, 172, 116]),
            (Hour::Dusk, true) => ([78, 78, 100], [166, 138, 128]),
            (Hour::Night, false) => ([10, 14, 34], [40, 48, 84]),
            (Hour::Night, true) => ([16, 20, 32], [44, 50, 66]),
        }
    }
}

/// Draws everything that stands still.
pub(super) fn draw(canvas: &mut Canvas, width: f32, height: f32, sky: Sky, dice: &mut Dice) {
    let (top, low) = sky.colours();
    canvas.gradient(0.0, FAR_WALK, top, low);
    heaven(canvas, width, sky, dice);
    let is_park = dice.chance(0.3);
    skyline(canvas, width, low, dice);
    if is_park {
        park(canvas, width, dice);
    } else {
        houses(canvas, width, sky, dice);
    }
    street(canvas, width, height, sky, dice);
    let mut x = dice.range(8.0, 60.0);
    while x < width {
        if dice.chance(0.45) {
            tree(canvas, x, FAR_WALK + 4.0, dice.range(0.7, 1.0), dice)
        } else {
            lantern(canvas, x, sky)
        }
        x += dice.range(55.0, 120.0);
    }
}

fn heaven(canvas: &mut Canvas, width: f32, sky: Sky, dice: &mut Dice) {
    let (x, y) = (dice.range(0.1, 0.9) * width, dice.range(14.0, 40.0));
    match (sky.hour, sky.is_rainy) {
        (Hour::Night, false) => {
            for _ in 0..40 {
                let (sx, sy, r) = (dice.unit() * width, dice.unit() * 70.0, dice.range(0.25, 0.6));
                canvas.glow(&super::canvas::ellipse(sx, sy, r, r), [220, 224, 240], 0.8);
            }
            canvas.halo(x, y, 20.0, [200, 206, 230], 0.35);
            canvas.glow(&super::canvas::ellipse(x, y, 8.0, 8.0), [236, 236, 224], 1.0);
        }
        (Hour::Day, false) => {
            canvas.halo(x, y, 28.0, [255, 246, 200], 0.7);
            canvas.glow(&super::canvas::ellipse(x, y, 9.0, 9.0), [255, 250, 224], 1.0);
        }
        (Hour::Dusk, false) => canvas.halo(x, 98.0, 60.0, [255, 214, 140], 0.7),
        _ => {}
    }
    let clouds = if sky.is_rainy { 9 } else { dice.below(5) };
    let colour: Colour = match sky.hour {
        Hour::Day if sky.is_rainy => [150, 158, 168],
        Hour::Day => [250, 252, 254],
        Hour::Dusk => [232, 160, 140],
        Hour::Night => [48, 54, 78],
    };
    for _ in 0..clouds {
        let (cx, cy, size) = (dice.unit() * width, dice.range(8.0, 62.0), dice.range(0.6, 1.4));
        for (dx, dy, r) in [(-14.0, 2.0, 7.0), (-4.0, -2.0, 10.0), (8.0, 0.0, 9.0), (17.0, 3.0, 6.0)] {
            let ring = super::canvas::ellipse(cx + dx * size, cy + dy * size, r * 1.5 * size, r * 0.62 * size);
            canvas.glow(&ring, colour, 0.55);
        }
    }
}

/// Towers far away, pale against the sky.
fn skyline(canvas: &mut Canvas, width: f32, sky: Colour, dice: &mut Dice) {
    let colour = sky.map(|v| (f32::from(v) * 0.84) as u8);
    let mut x = -10.0;
    while x < width {
        let (w, top) = (dice.range(12.0, 30.0), dice.range(52.0, 98.0));
        canvas.glow(&[(x, top), (x + w, top), (x + w, FAR_WALK), (x, FAR_WALK)], colour, 1.0);
        x += w + dice.range(0.0, 10.0);
    }
}

fn park(canvas: &mut Canvas, width: f32, dice: &mut Dice) {
    for (y, colour) in [(96.0, [112, 158, 96]), (108.0, [92, 142, 78])] {
        let phase = dice.range(0.0, 6.0);
        let mut ring: Vec<(f32, f32)> =
            (0..=32).map(|i| (width * i as f32 / 32.0, y + 6.0 * (phase + i as f32 * 0.27).sin())).collect();
        ring.extend([(width, FAR_WALK), (0.0, FAR_WALK)]);
        canvas.polygon(&ring, colour, 1.0);
    }
    let mut x = dice.range(-5.0, 20.0);
    while x < width {
        let (y, size) = (dice.range(108.0, 124.0), dice.range(0.6, 1.1));
        tree(canvas, x, y, size, dice);
        x += dice.range(16.0, 44.0);
    }
}

fn houses(canvas: &mut Canvas, width: f32, sky: Sky, dice: &mut Dice) {
    let walls: [Colour; 8] = [
        [186, 106, 82],
        [214, 192, 158],
        [156, 162, 168],
        [226, 214, 196],
        [170, 132, 104],
        [138, 156, 172],
        [204, 150, 110],
        [196, 200, 196],
    ];
    let mut x = dice.range(-30.0, 0.0);
    while x < width {
        let (w, top) = (dice.range(38.0, 72.0), dice.range(30.0, 82.0));
        let wall = dice.pick(&walls, [186, 106, 82]);
        let dim = wall.map(|v| (f32::from(v) * 0.8) as u8);
        canvas.rect(x, top, x + w, FAR_WALK, wall);
        if dice.chance(0.4) {
            canvas.polygon(&[(x - 2.0, top), (x + w / 2.0, top - 14.0), (x + w + 2.0, top)], [120, 66, 56], 1.0);
        } else {
            canvas.rect(x - 1.0, top - 2.5, x + w + 1.0, top + 1.5, dim);
        }
        windows(canvas, (x, top), w, sky, dice);
        shop(canvas, x, w, sky, dice);
        x += w + if dice.chance(0.25) { dice.range(4.0, 16.0) } else { 0.0 };
    }
}

fn windows(canvas: &mut Canvas, (x, top): (f32, f32), w: f32, sky: Sky, dice: &mut Dice) {
    let columns = (w / 12.0) as usize;
    let step = w / columns.max(1) as f32;
    let mut y = top + 6.0;
    while y < FAR_WALK - 30.0 {
        for column in 0..columns {
            let left = x + step * (column as f32 + 0.5) - 3.2;
            let ring = [(left, y), (left + 6.4, y), (left + 6.4, y + 8.5), (left, y + 8.5)];
            canvas.rect(left - 0.8, y - 0.8, left + 7.2, y + 9.6, [236, 234, 228]);
            if sky.is_dark() && dice.chance(0.45) {
                canvas.glow(
                    &ring,
                    dice.pick(&[[250, 214, 130], [244, 190, 96], [232, 226, 190]], [250, 214, 130]),
                    1.0,
                );
            } else {
                canvas.polygon(
                    &ring,
                    dice.pick(&[[92, 116, 136], [116, 142, 160], [78, 98, 118]], [92, 116, 136]),
                    1.0,
                );
            }
            canvas.rect(left + 2.9, y, left + 3.5, y + 8.5, [222, 220, 214]);
        }
        y += 15.0;
    }
}

/// The ground floor: a shop window under an awning, and a door.
fn shop(canvas: &mut Canvas, x: f32, w: f32, sky: Sky, dice: &mut Dice) {
    let base = FAR_WALK;
    let pane = [(x + 4.0, base - 16.0), (x + w - 16.0, base - 16.0), (x + w - 16.0, base - 4.0), (x + 4.0, base - 4.0)];
    if sky.is_dark() {
        canvas.glow(&pane, [252, 222, 150], 0.95);
    } else {
        canvas.polygon(&pane, [120, 146, 162], 1.0);
    }
    canvas.rect(x + w - 12.0, base - 18.0, x + w - 4.0, base, [86, 62, 50]);
    let cloth = dice.pick(&[[188, 52, 52], [44, 104, 96], [40, 78, 134], [204, 142, 48]], [188, 52, 52]);
    let stripes = ((w - 18.0) / 4.0) as usize;
    for i in 0..stripes {
        let left = x + 3.0 + i as f32 * 4.0;
        let colour = if i % 2 == 0 { cloth } else { [238, 234, 226] };
        canvas.polygon(
            &[(left, base - 23.0), (left + 4.0, base - 23.0), (left + 4.6, base - 17.0), (left - 0.6, base - 17.0)],
            colour,
            1.0,
        );
    }
}

fn tree(canvas: &mut Canvas, x: f32, y: f32, size: f32, dice: &mut Dice) {
    canvas.rect(x - 1.6 * size, y - 18.0 * size, x + 1.6 * size, y, [96, 70, 48]);
    let green: Colour = dice.pick(&[[66, 122, 58], [84, 138, 62], [52, 104, 64], [150, 138, 52]], [66, 122, 58]);
    let bright = green.map(|v| (f32::from(v) * 1.18).min(255.0) as u8);
    for (dx, dy, r) in [(-7.0, -20.0, 8.0), (7.0, -21.0, 8.0), (0.0, -26.0, 11.0), (0.0, -17.0, 8.0)] {
        canvas.ellipse(x + dx * size, y + dy * size, r * size, r * size, green, 1.0);
    }
    canvas.ellipse(x - 3.0 * size, y - 29.0 * size, 5.0 * size, 4.5 * size, bright, 0.8);
}

fn lantern(canvas: &mut Canvas, x: f32, sky: Sky) {
    let y = FAR_WALK + 6.0;
    canvas.rect(x - 0.8, y - 52.0, x + 0.8, y, [70, 74, 80]);
    canvas.rect(x - 0.8, y - 53.0, x + 9.0, y - 51.6, [70, 74, 80]);
    canvas.rect(x + 5.0, y - 52.0, x + 10.0, y - 50.0, [224, 220, 200]);
    if sky.is_dark() {
        canvas.halo(x + 7.5, y - 50.0, 22.0, [255, 224, 150], 0.5);
        canvas.glow(
            &[(x + 5.0, y - 51.0), (x + 10.0, y - 51.0), (x + 36.0, y + 8.0), (x - 20.0, y + 8.0)],
            [255, 226, 160],
            0.1,
        );
    }
}

fn street(canvas: &mut Canvas, width: f32, height: f32, sky: Sky, dice: &mut Dice) {
    canvas.rect(0.0, FAR_WALK, width, ROAD, [176, 172, 164]);
    canvas.rect(0.0, ROAD - 2.5, width, ROAD, [146, 144, 140]);
    canvas.rect(0.0, ROAD, width, NEAR_WALK, [84, 86, 92]);
    for _ in 0..26 {
        let (x, y) = (dice.unit() * width, dice.range(ROAD + 4.0, NEAR_WALK - 4.0));
        canvas.ellipse(x, y, dice.range(6.0, 26.0), dice.range(0.6, 1.6), [74, 76, 82], 0.5);
    }
    let mut x = dice.range(-30.0, 0.0);
    while x < width {
        canvas.polygon(
            &[(x + 2.0, MIDDLE - 1.0), (x + 20.0, MIDDLE - 1.0), (x + 18.0, MIDDLE + 1.4), (x, MIDDLE + 1.4)],
            [226, 222, 206],
            1.0,
        );
        x += 36.0;
    }
    if dice.chance(0.35) {
        let left = dice.range(20.0, width - 70.0);
        for i in 0..6 {
            let y = ROAD + 3.0 + i as f32 * 11.0;
            canvas.polygon(
                &[(left, y), (left + 40.0, y), (left + 38.0, y + 6.0), (left - 2.0, y + 6.0)],
                [224, 222, 214],
                0.9,
            );
        }
    }
    canvas.rect(0.0, NEAR_WALK, width, height, [190, 184, 174]);
    canvas.rect(0.0, NEAR_WALK, width, NEAR_WALK + 3.5, [208, 204, 196]);
    let mut x = dice.range(-24.0, 0.0);
    while x < width + 30.0 {
        canvas.polygon(
            &[(x, NEAR_WALK + 3.5), (x + 0.8, NEAR_WALK + 3.5), (x - 9.2, height), (x - 10.2, height)],
            [160, 156, 148],
            1.0,
        );
        x += 24.0;
    }
    canvas.rect(0.0, NEAR_WALK + 16.0, width, NEAR_WALK + 16.8, [164, 160, 152]);
    if sky.is_rainy {
        for _ in 0..7 {
            let (x, y) = (dice.unit() * width, dice.range(ROAD + 8.0, height - 6.0));
            canvas.ellipse(x, y, dice.range(10.0, 30.0), dice.range(1.2, 2.6), [156, 172, 190], 0.45);
        }
    }
}

/// Rain before everything else.
pub(super) fn rain(canvas: &mut Canvas, width: f32, height: f32, dice: &mut Dice) {
    for _ in 0..170 {
        let (x, y, long) = (dice.unit() * (width + 30.0), dice.unit() * height - 8.0, dice.range(5.0, 12.0));
        let ring = [(x, y), (x + 0.7, y), (x + 0.7 - long * 0.28, y + long), (x - long * 0.28, y + long)];
        canvas.glow(&ring, [206, 216, 228], 0.34);
    }
}
