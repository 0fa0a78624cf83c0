//! Filled shapes on a picture of twice the size, so that edges come out smooth.

use super::dice::Dice;

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

/// Finer than the picture by this much.
const FINE: f32 = 2.0;

/// What the light does to a colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    /// Factor of each channel.
    pub(super) tint: [f32; 3],
    /// Colour that is mixed in, and its share: haze.
    pub(super) haze: (Colour, f32),
}

/// A picture that is being drawn; coordinates are pixels of the final picture.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
    pub(super) light: Light,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, light: Light) -> Canvas {
        let (width, height) = (width as usize * FINE as usize, height as usize * FINE as usize);
        Canvas { width, height, pixels: vec![[0; 3]; width * height], light }
    }

    /// A colour as the light shows it.
    fn lit(&self, colour: Colour) -> Colour {
        let (haze, share) = self.light.haze;
        std::array::from_fn(|i| {
            let own = f32::from(colour[i]) * self.light.tint[i];
            (own + (f32::from(haze[i]) - own) * share) as u8
        })
    }

    fn blend(&mut self, y: usize, from: f32, to: f32, colour: Colour, alpha: f32) {
        let from = (from.ceil().max(0.0) as usize).min(self.width);
        let to = (to.ceil().max(0.0) as usize).min(self.width);
        if from >= to {
            return;
        }
        let row = self.pixels.get_mut(y * self.width + from..y * self.width + to).unwrap_or_default();
        if alpha >= 1.0 {
            row.fill(colour);
            return;
        }
        for pixel in row {
            *pixel = std::array::from_fn(|i| {
                (f32::from(pixel[i]) + (f32::from(colour[i]) - f32::from(pixel[i])) * alpha) as u8
            });
        }
    }

    /// A ring of points, even-odd.
    pub(super) fn polygon(&mut self, ring: &[(f32, f32)], colour: Colour, alpha: f32) {
        let colour = self.lit(colour);
        self.fill(ring, colour, alpha);
    }

    /// A ring that shines by itself, whatever the light.
    pub(super) fn glow(&mut self, ring: &[(f32, f32)], colour: Colour, alpha: f32) {
        self.fill(ring, colour, alpha);
    }

    fn fill(&mut self, ring: &[(f32, f32)], colour: Colour, alpha: f32) {
        let points: Vec<(f32, f32)> = ring.iter().map(|&(x, y)| (x * FINE - 0.5, y * FINE - 0.5)).collect();
        let top = points.iter().map(|p| p.1).fold(f32::MAX, f32::min).ceil().max(0.0) as usize;
        let bottom = points.iter().map(|p| p.1).fold(f32::MIN, f32::max).floor().min(self.height as f32 - 1.0);
        if bottom < top as f32 {
            return;
        }
        let mut crossings = Vec::new();
        for y in top..=bottom as usize {
            let at = y as f32;
            crossings.clear();
            for (a, b) in points.iter().zip(points.iter().cycle().skip(1)) {
                if (a.1 <= at) != (b.1 <= at) {
                    crossings.push(a.0 + (at - a.1) / (b.1 - a.1) * (b.0 - a.0));
                }
            }
            crossings.sort_by(f32::total_cmp);
            for pair in crossings.chunks_exact(2) {
                self.blend(y, pair[0], pair[1], colour, alpha);
            }
        }
    }

    pub(super) fn rect(&mut self, x0: f32, y0: f32, x1: f32, y1: f32, colour: Colour) {
        self.polygon(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, 1.0);
    }

    pub(super) fn ellipse(&mut self, cx: f32, cy: f32, rx: f32, ry: f32, colour: Colour, alpha: f32) {
        self.polygon(&ellipse(cx, cy, rx, ry), colour, alpha);
    }

    /// A light with a soft rim.
    pub(super) fn halo(&mut self, cx: f32, cy: f32, radius: f32, colour: Colour, strength: f32) {
        for i in 0..6 {
            let r = radius * (1.0 - i as f32 / 6.0);
            self.glow(&ellipse(cx, cy, r, r), colour, strength / 6.0);
        }
    }

    /// Rows that change from one colour to another.
    pub(super) fn gradient(&mut self, y0: f32, y1: f32, from: Colour, to: Colour) {
        let (top, bottom) = ((y0 * FINE).max(0.0) as usize, ((y1 * FINE) as usize).min(self.height));
        for y in top..bottom {
            let t = (y - top) as f32 / (bottom - top) as f32;
            let colour =
                std::array::from_fn(|i| (f32::from(from[i]) + (f32::from(to[i]) - f32::from(from[i])) * t) as u8);
            self.blend(y, 0.0, self.width as f32, colour, 1.0);
        }
    }

    /// The picture at its own size, with a sensor's grain and a lens's darker corners.
    pub(super) fn develop(&self, grain: f32, dice: &mut Dice) -> Vec<u8> {
        let (width, height, fine) = (self.width / FINE as usize, self.height / FINE as usize, FINE as usize);
        let mut out = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            let dy = y as f32 / height as f32 - 0.5;
            for x in 0..width {
                let dx = x as f32 / width as f32 - 0.5;
                let corner = 1.0 - 0.28 * (dx * dx + dy * dy);
                let noise = dice.next();
                // The sum of two even throws is nearly normal.
                let shift = ((noise & 0xff) as f32 + (noise >> 8 & 0xff) as f32 - 255.0) / 255.0 * grain;
                let mut sum = [0u32; 3];
                for row in 0..fine {
                    let at = (y * fine + row) * self.width + x * fine;
                    for pixel in self.pixels.get(at..at + fine).unwrap_or_default() {
                        (0..3).for_each(|i| sum[i] += u32::from(pixel[i]));
                    }
                }
                out.extend(sum.map(|v| (v as f32 / (fine * fine) as f32 * corner + shift) as u8));
            }
        }
        out
    }
}

/// The ring of an ellipse.
pub(super) fn ellipse(cx: f32, cy: f32, rx: f32, ry: f32) -> Vec<(f32, f32)> {
    let steps = ((rx.abs().max(ry.abs()) * 2.0) as usize).clamp(10, 48);
    let turn = std::f32::consts::TAU / steps as f32;
    (0..steps).map(|i| (cx + rx * (turn * i as f32).cos(), cy + ry * (turn * i as f32).sin())).collect()
}
