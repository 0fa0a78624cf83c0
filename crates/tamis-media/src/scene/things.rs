//! The things in the street, each drawn from shapes in metres: x along its heading, y up, the ground at 0.

use super::canvas::{Canvas, Colour, ellipse};
use super::dice::Dice;

/// What a thing is. The order is that of the class numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Car,
    Bus,
    Truck,
    Bicycle,
    Person,
    Dog,
    TrafficLight,
    StopSign,
}

impl Kind {
    pub(super) const ALL: [Kind; 8] =
        [Kind::Car, Kind::Bus, Kind::Truck, Kind::Bicycle, Kind::Person, Kind::Dog, Kind::TrafficLight, Kind::StopSign];

    /// The class's name, and that of the class above it.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::Car => ("car", "vehicle"),
            Kind::Bus => ("bus", "vehicle"),
            Kind::Truck => ("truck", "vehicle"),
            Kind::Bicycle => ("bicycle", "vehicle"),
            Kind::Person => ("person", "person"),
            Kind::Dog => ("dog", "animal"),
            Kind::TrafficLight => ("traffic light", "outdoor"),
            Kind::StopSign => ("stop sign", "outdoor"),
        }
    }

    /// Metres along the street.
    pub(super) fn length(self) -> f32 {
        match self {
            Kind::Car => 4.3,
            Kind::Bus => 8.4,
            Kind::Truck => 7.0,
            Kind::Bicycle => 1.8,
            Kind::Person => 0.7,
            Kind::Dog => 1.1,
            Kind::TrafficLight => 0.5,
            Kind::StopSign => 0.8,
        }
    }

    /// Metres above the ground.
    pub(super) fn height(self) -> f32 {
        match self {
            Kind::Car => 1.5,
            Kind::Bus | Kind::Truck => 3.0,
            Kind::Bicycle => 1.1,
            Kind::Person => 1.8,
            Kind::Dog => 0.85,
            Kind::TrafficLight => 3.6,
            Kind::StopSign => 2.8,
        }
    }
}

/// Places a thing's shapes on the canvas and keeps their hull.
pub(super) struct Brush<'a> {
    pub(super) canvas: &'a mut Canvas,
    /// Where the thing stands, in pixels.
    pub(super) at: (f32, f32),
    /// Pixels a metre.
    pub(super) scale: f32,
    /// 1 heads right, −1 left.
    pub(super) heading: f32,
    /// Lamps are on.
    pub(super) is_dark: bool,
    /// The hull of what was drawn: left, top, right, bottom.
    pub(super) hull: Option<[f32; 4]>,
    /// The outline, where the thing has a simple one.
    pub(super) outline: Option<Vec<(f32, f32)>>,
}

const GLASS: Colour = [142, 178, 196];
const RUBBER: Colour = [34, 34, 38];
const STEEL: Colour = [176, 178, 182];
const PAINTS: [Colour; 8] = [
    [200, 44, 40],
    [36, 92, 168],
    [236, 236, 232],
    [52, 54, 60],
    [228, 178, 40],
    [62, 134, 96],
    [146, 152, 160],
    [120, 60, 130],
];
const CLOTHES: [Colour; 8] = [
    [186, 52, 60],
    [44, 84, 150],
    [232, 196, 84],
    [60, 60, 72],
    [92, 146, 102],
    [226, 226, 222],
    [222, 122, 60],
    [128, 76, 140],
];
const SKINS: [Colour; 4] = [[242, 206, 176], [214, 164, 122], [156, 104, 72], [104, 68, 48]];
const FURS: [Colour; 4] = [[168, 116, 66], [96, 66, 44], [226, 212, 188], [58, 54, 54]];

impl Brush<'_> {
    fn place(&self, (x, y): (f32, f32)) -> (f32, f32) {
        (self.at.0 + x * self.scale * self.heading, self.at.1 - y * self.scale)
    }

    fn keep(&mut self, ring: &[(f32, f32)]) {
        for &(x, y) in ring {
            let [l, t, r, b] = self.hull.unwrap_or([x, y, x, y]);
            self.hull = Some([l.min(x), t.min(y), r.max(x), b.max(y)]);
        }
    }

    fn ring(&mut self, points: &[(f32, f32)], colour: Colour) {
        let ring: Vec<_> = points.iter().map(|&p| self.place(p)).collect();
        self.keep(&ring);
        self.canvas.polygon(&ring, colour, 1.0);
    }

    fn rect(&mut self, x0: f32, y0: f32, x1: f32, y1: f32, colour: Colour) {
        self.ring(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour);
    }

    fn oval(&mut self, x: f32, y: f32, rx: f32, ry: f32, colour: Colour) {
        let (cx, cy) = self.place((x, y));
        let ring = ellipse(cx, cy, rx * self.scale, ry * self.scale);
        self.keep(&ring);
        self.canvas.polygon(&ring, colour, 1.0);
    }

    /// A stroke of a width in metres.
    fn line(&mut self, a: (f32, f32), b: (f32, f32), width: f32, colour: Colour) {
        let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-6);
        let (nx, ny) = ((a.1 - b.1) / length * width / 2.0, (b.0 - a.0) / length * width / 2.0);
        self.ring(&[(a.0 + nx, a.1 + ny), (b.0 + nx, b.1 + ny), (b.0 - nx, b.1 - ny), (a.0 - nx, a.1 - ny)], colour);
    }

    fn strokes(&mut self, points: &[(f32, f32)], width: f32, colour: Colour) {
        for pair in points.windows(2) {
            self.line(pair[0], pair[1], width, colour);
        }
    }

    /// The shadow on the ground, which is not part of the thing.
    fn shadow(&mut self, half: f32) {
        let (cx, cy) = self.place((0.0, 0.0));
        let strength = if self.is_dark { 0.25 } else { 0.32 };
        self.canvas.ellipse(cx, cy, half * self.scale, 0.16 * self.scale, [20, 22, 30], strength);
    }

    fn wheel(&mut self, x: f32, radius: f32) {
        self.oval(x, radius, radius, radius, RUBBER);
        self.oval(x, radius, radius * 0.55, radius * 0.55, STEEL);
        self.oval(x, radius, radius * 0.18, radius * 0.18, [90, 92, 96]);
    }

    /// A lamp: pale by day, shining in the dark.
    fn lamp(&mut self, x: f32, y: f32, radius: f32, colour: Colour, reach: f32) {
        self.oval(x, y, radius, radius, colour);
        if self.is_dark {
            let (cx, cy) = self.place((x, y));
            self.canvas.halo(cx, cy, reach * self.scale, colour, 0.9);
            self.canvas.glow(&ellipse(cx, cy, radius * self.scale, radius * self.scale), [255, 250, 225], 0.9);
        }
    }

    pub(super) fn draw(&mut self, kind: Kind, dice: &mut Dice) {
        match kind {
            Kind::Car => self.car(dice),
            Kind::Bus => self.bus(dice),
            Kind::Truck => self.truck(dice),
            Kind::Bicycle => self.bicycle(dice),
            Kind::Person => self.person(dice),
            Kind::Dog => self.dog(dice),
            Kind::TrafficLight => self.traffic_light(dice),
            Kind::StopSign => self.stop_sign(),
        }
    }

    fn outlined(&mut self, points: &[(f32, f32)]) {
        self.outline = Some(points.iter().map(|&p| self.place(p)).collect());
    }

    fn car(&mut self, dice: &mut Dice) {
        let paint = dice.pick(&PAINTS, [200, 44, 40]);
        let dim = paint.map(|v| (f32::from(v) * 0.78) as u8);
        let is_hatch = dice.chance(0.4);
        let back = if is_hatch { -2.0 } else { -1.3 };
        self.shadow(2.2);
        let roof = [(back, 0.98), (back + 0.42, 1.44), (0.5, 1.47), (1.16, 0.98)];
        let body = [(-2.1, 0.28), (-2.14, 0.82), (-1.95, 0.97), (1.2, 0.98), (1.92, 0.86), (2.15, 0.64), (2.1, 0.28)];
        self.ring(&roof, paint);
        self.ring(&body, paint);
        self.ring(&[(-2.12, 0.28), (-2.13, 0.5), (2.13, 0.5), (2.1, 0.28)], dim);
        let glass = if self.is_dark { [70, 84, 100] } else { GLASS };
        self.ring(&[(back + 0.16, 0.98), (back + 0.5, 1.36), (-0.18, 1.38), (-0.18, 0.98)], glass);
        self.ring(&[(-0.08, 0.98), (-0.08, 1.38), (0.44, 1.38), (0.98, 0.98)], glass);
        self.line((-0.13, 0.4), (-0.13, 0.96), 0.05, dim);
        self.rect(-0.45, 0.78, -0.22, 0.83, dim);
        self.wheel(-1.3, 0.34);
        self.wheel(1.32, 0.34);
        self.lamp(2.02, 0.7, 0.1, [255, 236, 170], 0.7);
        self.lamp(-2.06, 0.76, 0.08, [226, 40, 36], 0.35);
        let arch = |x: f32| [(x + 0.34, 0.28), (x + 0.24, 0.1), (x, 0.0), (x - 0.24, 0.1), (x - 0.34, 0.28)];
        let mut outline = vec![(-2.1, 0.28), (-2.14, 0.82), (-1.95, 0.97)];
        outline.extend(roof);
        outline.extend([(1.92, 0.86), (2.15, 0.64), (2.1, 0.28)]);
        outline.extend(arch(1.32));
        outline.extend(arch(-1.3));
        self.outlined(&outline);
    }

    fn bus(&mut self, dice: &mut Dice) {
        let paint = dice.pick(&[[206, 52, 44], [238, 178, 36], [38, 116, 92], [40, 96, 170]], [206, 52, 44]);
        self.shadow(4.2);
        let body = [(-4.2, 0.38), (-4.2, 2.85), (-4.05, 3.0), (3.9, 3.0), (4.15, 2.7), (4.22, 1.4), (4.2, 0.38)];
        self.ring(&body, paint);
        self.rect(-4.2, 0.98, 4.21, 1.18, [240, 240, 236]);
        let glass = if self.is_dark { [246, 222, 150] } else { GLASS };
        for i in 0..5 {
            let x = -3.95 + i as f32 * 1.22;
            self.rect(x, 1.5, x + 1.06, 2.5, glass);
        }
        self.ring(
            &[(3.3, 1.35), (3.3, 2.55), (4.1, 2.55), (4.2, 1.35)],
            if self.is_dark { [86, 100, 116] } else { GLASS },
        );
        self.rect(2.25, 0.45, 3.1, 2.5, [60, 66, 74]);
        self.rect(2.32, 0.55, 2.64, 2.4, glass);
        self.rect(2.71, 0.55, 3.03, 2.4, glass);
        self.rect(-1.4, 2.64, 1.4, 2.88, [30, 30, 34]);
        self.rect(-1.0, 2.7, 0.9, 2.82, [250, 176, 50]);
        self.wheel(-2.7, 0.48);
        self.wheel(1.55, 0.48);
        self.lamp(4.12, 0.72, 0.13, [255, 236, 170], 1.0);
        self.lamp(-4.12, 0.8, 0.1, [226, 40, 36], 0.5);
        let arch = |x: f32| [(x + 0.47, 0.38), (x + 0.33, 0.13), (x, 0.0), (x - 0.33, 0.13), (x - 0.47, 0.38)];
        let mut outline = body.to_vec();
        outline.extend(arch(1.55));
        outline.extend(arch(-2.7));
        self.outlined(&outline);
    }

    fn truck(&mut self, dice: &mut Dice) {
        let cab = dice.pick(&PAINTS, [36, 92, 168]);
        let load = dice.pick(&[[238, 238, 234], [204, 208, 214], [222, 200, 160], [120, 160, 190]], [238, 238, 234]);
        self.shadow(3.5);
        self.rect(-3.5, 0.42, 3.3, 0.66, [58, 60, 66]);
        self.rect(-3.5, 0.66, 1.55, 3.05, load);
        let rib = load.map(|v| (f32::from(v) * 0.86) as u8);
        for i in 0..5 {
            let x = -3.0 + i as f32 * 0.95;
            self.rect(x, 0.72, x + 0.06, 3.0, rib);
        }
        self.rect(-3.5, 1.25, 1.55, 1.5, cab);
        self.ring(&[(1.75, 0.42), (1.75, 2.25), (2.0, 2.4), (2.75, 2.36), (3.3, 1.45), (3.45, 1.2), (3.45, 0.42)], cab);
        let glass = if self.is_dark { [70, 84, 100] } else { GLASS };
        self.ring(&[(2.2, 1.45), (2.2, 2.15), (2.66, 2.15), (3.08, 1.45)], glass);
        self.rect(1.95, 0.9, 2.05, 1.3, [40, 42, 46]);
        [-2.6, -1.7, 2.55].into_iter().for_each(|x| self.wheel(x, 0.44));
        self.lamp(3.38, 0.68, 0.11, [255, 236, 170], 0.8);
        self.lamp(-3.44, 0.56, 0.08, [226, 40, 36], 0.4);
    }

    fn bicycle(&mut self, dice: &mut Dice) {
        let paint = dice.pick(&PAINTS, [36, 92, 168]);
        self.shadow(0.9);
        for x in [-0.55, 0.55] {
            let rim: Vec<(f32, f32)> = ellipse(x, 0.35, 0.33, 0.33);
            let closed: Vec<(f32, f32)> = rim.iter().chain(rim.first()).copied().collect();
            self.strokes(&closed, 0.065, RUBBER);
            for i in 0..4 {
                let (sin, cos) = (0.4 + i as f32 * std::f32::consts::FRAC_PI_4).sin_cos();
                self.line((x - 0.3 * cos, 0.35 - 0.3 * sin), (x + 0.3 * cos, 0.35 + 0.3 * sin), 0.016, STEEL);
            }
        }
        self.strokes(&[(-0.55, 0.35), (-0.05, 0.33), (0.38, 0.82), (-0.2, 0.82), (-0.55, 0.35)], 0.06, paint);
        self.strokes(&[(-0.05, 0.33), (-0.24, 0.95)], 0.06, paint);
        self.strokes(&[(0.55, 0.35), (0.36, 0.98), (0.2, 1.04)], 0.055, paint);
        self.line((-0.4, 0.97), (-0.1, 0.95), 0.1, RUBBER);
        self.line((0.16, 1.04), (0.34, 1.0), 0.07, RUBBER);
        self.oval(-0.05, 0.33, 0.1, 0.1, STEEL);
    }

    fn person(&mut self, dice: &mut Dice) {
        let (coat, legs) = (
            dice.pick(&CLOTHES, [186, 52, 60]),
            dice.pick(&[[44, 52, 82], [58, 56, 58], [122, 104, 80]], [44, 52, 82]),
        );
        let (skin, hair) = (
            dice.pick(&SKINS, [242, 206, 176]),
            dice.pick(&[[48, 34, 26], [122, 82, 40], [206, 172, 96], [70, 70, 74]], [48, 34, 26]),
        );
        let stride = dice.range(0.04, 0.26);
        let tall = dice.range(0.92, 1.04);
        let is_skirt = dice.chance(0.25);
        self.scale *= tall;
        self.shadow(0.36);
        for side in [-1.0, 1.0] {
            let foot = side * stride;
            self.ring(&[(-0.1, 0.85), (0.1, 0.85), (foot + 0.08, 0.07), (foot - 0.07, 0.07)], legs);
            self.ring(&[(foot - 0.08, 0.0), (foot - 0.08, 0.09), (foot + 0.1, 0.08), (foot + 0.18, 0.0)], RUBBER);
        }
        let dim = coat.map(|v| (f32::from(v) * 0.8) as u8);
        self.line((0.02, 1.34), (-stride * 1.1, 0.86), 0.11, dim);
        self.ring(&[(-0.17, 0.78), (-0.19, 1.28), (-0.1, 1.43), (0.1, 1.43), (0.19, 1.28), (0.17, 0.78)], coat);
        if is_skirt {
            self.ring(&[(-0.17, 0.9), (0.17, 0.9), (0.27, 0.48), (-0.27, 0.48)], dim);
        }
        self.line((0.0, 1.33), (stride * 1.1, 0.86), 0.1, dim);
        self.oval(stride * 1.1, 0.83, 0.055, 0.06, skin);
        self.rect(-0.05, 1.4, 0.05, 1.52, skin);
        self.oval(0.02, 1.6, 0.115, 0.14, skin);
        self.ring(
            &[(-0.11, 1.56), (-0.12, 1.7), (-0.03, 1.77), (0.09, 1.75), (0.12, 1.66), (0.0, 1.67), (-0.05, 1.56)],
            hair,
        );
        if dice.chance(0.3) {
            self.ring(&[(-0.33, 0.95), (-0.33, 1.3), (-0.18, 1.36), (-0.18, 0.92)], [92, 70, 52]);
        }
    }

    fn dog(&mut self, dice: &mut Dice) {
        let fur = dice.pick(&FURS, [168, 116, 66]);
        let dim = fur.map(|v| (f32::from(v) * 0.76) as u8);
        self.shadow(0.45);
        [(-0.3, dim), (0.22, dim), (-0.2, fur), (0.32, fur)].into_iter().for_each(|(x, colour)| {
            self.rect(x - 0.05, 0.0, x + 0.05, 0.36, colour);
        });
        self.oval(0.02, 0.43, 0.42, 0.17, fur);
        self.ring(&[(-0.34, 0.46), (-0.58, 0.74), (-0.52, 0.77), (-0.26, 0.54)], fur);
        self.ring(&[(0.22, 0.42), (0.34, 0.74), (0.52, 0.7), (0.42, 0.4)], fur);
        self.oval(0.47, 0.7, 0.16, 0.13, fur);
        self.ring(&[(0.5, 0.76), (0.74, 0.7), (0.74, 0.62), (0.52, 0.58)], fur);
        self.oval(0.73, 0.68, 0.035, 0.035, RUBBER);
        self.oval(0.53, 0.74, 0.022, 0.022, RUBBER);
        self.ring(&[(0.34, 0.8), (0.4, 0.54), (0.46, 0.8)], dim);
        self.rect(0.3, 0.5, 0.44, 0.54, [206, 48, 44]);
    }

    /// The pole is not part of the thing: labels hold the housing.
    fn pole(&mut self, height: f32) {
        let half = 0.05;
        let ring: Vec<_> =
            [(-half, 0.0), (half, 0.0), (half, height), (-half, height)].iter().map(|&p| self.place(p)).collect();
        self.shadow(0.2);
        self.canvas.polygon(&ring, [92, 96, 102], 1.0);
    }

    fn traffic_light(&mut self, dice: &mut Dice) {
        self.pole(2.5);
        self.rect(-0.27, 2.3, 0.27, 3.62, [36, 40, 44]);
        self.rect(-0.22, 2.35, 0.22, 3.57, [22, 24, 26]);
        let on = dice.below(3);
        let lamps: [(Colour, Colour); 3] =
            [([236, 50, 42], [72, 24, 22]), ([250, 184, 44], [76, 58, 20]), ([60, 214, 110], [18, 64, 36])];
        for (i, (bright, dull)) in lamps.into_iter().enumerate() {
            let (cx, cy) = self.place((0.0, 3.34 - i as f32 * 0.38));
            let radius = 0.155 * self.scale;
            if i == on {
                self.canvas.halo(cx, cy, radius * 2.4, bright, if self.is_dark { 0.8 } else { 0.35 });
                self.canvas.glow(&ellipse(cx, cy, radius, radius), bright, 1.0);
            } else {
                self.canvas.ellipse(cx, cy, radius, radius, dull, 1.0);
            }
        }
    }

    fn stop_sign(&mut self) {
        self.pole(2.0);
        let octagon = |radius: f32| -> Vec<(f32, f32)> {
            let corner = |i: usize| ((i as f32 + 0.5) * std::f32::consts::FRAC_PI_4).sin_cos();
            (0..8).map(|i| (radius * corner(i).1, 2.3 + radius * corner(i).0)).collect()
        };
        self.ring(&octagon(0.46), [240, 240, 238]);
        self.outlined(&octagon(0.46));
        self.ring(&octagon(0.41), [196, 28, 32]);
        // S T O P, drawn against the heading so that it always reads from left to right.
        let letters: [&[(f32, f32)]; 4] = [
            &[(1.0, 2.0), (0.0, 2.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)],
            &[(0.0, 2.0), (1.0, 2.0), (0.5, 2.0), (0.5, 0.0)],
            &[(0.0, 0.0), (0.0, 2.0), (1.0, 2.0), (1.0, 0.0), (0.0, 0.0)],
            &[(0.0, 0.0), (0.0, 2.0), (1.0, 2.0), (1.0, 1.0), (0.0, 1.0)],
        ];
        for (i, letter) in letters.into_iter().enumerate() {
            let place = |&(x, y): &(f32, f32)| ((-0.32 + i as f32 * 0.165 + x * 0.115) * self.heading, 2.19 + y * 0.11);
            let points: Vec<(f32, f32)> = letter.iter().map(place).collect();
            self.strokes(&points, 0.045, [244, 244, 242]);
        }
    }
}
