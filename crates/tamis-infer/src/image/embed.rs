//! An embedding without a model: 256 numbers about colours, their places, edges and coarse shapes. Enough to find the
//! same scene again; it knows no objects.

use tamis_media::{Image, Limits, decode};

use crate::function::{Single, Spec};
use crate::image::picture::{Colours, media};
use crate::image::resample::{Filter, Plane};
use crate::image::transform::{LOW, SIDE, low_frequencies};
use crate::value::{Input, InputKind, Output, Value};

/// The built-in embedding.
pub(crate) static EMBED_BASIC: Spec = Spec {
    name: "embed_basic",
    version: 1,
    help: "A vector for similarity without a model: colours, where they are, edges and coarse shapes of the upright image",
    input: InputKind::Media,
    gives: "256 floats of length 1",
    params: &[],
    deterministic: true,
    source: "of the image at 64 × 64: 64 soft colour counts, 48 mean colours of a 4 × 4 grid, 128 edge directions \
             (histograms of oriented gradients, Dalal and Triggs 2005), 16 low frequencies",
    make: |spec, arguments| {
        let embed = |input: Input<'_>| {
            let image = decode(media(input), &Limits::default())?;
            Ok(Value::Embedding(embedding(&image)))
        };
        Single::boxed(spec, arguments, Output::Embedding(WIDTH), embed)
    },
};

/// How many numbers.
const WIDTH: usize = 64 + 48 + 128 + 16;
/// The image's side.
const EDGE: usize = 64;
/// Cells along each side, for places and edges.
const CELLS: usize = 4;

/// The vector of decoded pixels. O(pixels).
fn embedding(image: &Image) -> Vec<f32> {
    let orientation = image.orientation();
    let small = Colours::of(image).resized(EDGE, EDGE, Filter::Bilinear);
    let small = if orientation > 1 { upright(&small, image) } else { small };
    let grey = small.brightness();
    let mut out = Vec::with_capacity(WIDTH);
    for (block, weight) in
        [(colour_counts(&small), 1.0), (grid(&small), 0.7), (edges(&grey), 1.0), (shapes(&grey), 0.7)]
    {
        out.extend(unit(block).into_iter().map(|v| v * weight));
    }
    unit(out)
}

/// The small image turned as the whole one has to be.
fn upright(small: &Colours, whole: &Image) -> Colours {
    let pixels = small.pixels().flatten().collect();
    let turned = Image::rgb8(EDGE as u32, EDGE as u32, pixels).map(|image| image.turned_as(whole).upright());
    turned.map_or_else(|_| small.clone(), |image| Colours::of(&image))
}

/// Numbers of length 1; zeros stay.
fn unit(mut block: Vec<f32>) -> Vec<f32> {
    let length = block.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
    if length > 0.0 {
        block.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
    }
    block
}

/// Roots of the shares of 4 × 4 × 4 colours; a pixel counts for its neighbours by nearness, so that no border is hard.
fn colour_counts(small: &Colours) -> Vec<f32> {
    let mut counts = vec![0u64; 64];
    for pixel in small.pixels() {
        // Levels are centred at 32, 96, 160 and 224; the weight is of 64.
        let near = pixel.map(|v| {
            let place = usize::from(v.clamp(32, 223) - 32);
            [(place / 64, 64 - place % 64), (place / 64 + 1, place % 64)]
        });
        for (r, wr) in near[0] {
            for (g, wg) in near[1] {
                for (b, wb) in near[2] {
                    if let Some(count) = counts.get_mut(r * 16 + g * 4 + b) {
                        *count += (wr * wg * wb) as u64;
                    }
                }
            }
        }
    }
    counts.into_iter().map(|count| (count as f64).sqrt() as f32).collect()
}

/// The mean colour of each cell, from the middle grey.
fn grid(small: &Colours) -> Vec<f32> {
    let cells = small.resized(CELLS, CELLS, Filter::Box);
    cells.pixels().flatten().map(|v| (f32::from(v) - 127.5) / 127.5).collect()
}

/// Directions of edges, half a turn in eight steps: cosine and sine.
#[expect(clippy::approx_constant, reason = "a table of cosines and sines")]
const DIRECTIONS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (0.923_879_532_5, 0.382_683_432_4),
    (0.707_106_781_2, 0.707_106_781_2),
    (0.382_683_432_4, 0.923_879_532_5),
    (0.0, 1.0),
    (-0.382_683_432_4, 0.923_879_532_5),
    (-0.707_106_781_2, 0.707_106_781_2),
    (-0.923_879_532_5, 0.382_683_432_4),
];

/// For each cell, how much brightness changes in each direction; each cell of length 1 unless it is nearly flat.
fn edges(grey: &Plane) -> Vec<f32> {
    let mut cells = vec![[0f64; DIRECTIONS.len()]; CELLS * CELLS];
    for y in 1..EDGE - 1 {
        let (above, row, below) = (grey.row(y - 1), grey.row(y), grey.row(y + 1));
        for x in 1..EDGE - 1 {
            let at = |row: &[u8], x: usize| f64::from(row.get(x).copied().unwrap_or(0));
            let (dx, dy) = (at(row, x + 1) - at(row, x - 1), at(below, x) - at(above, x));
            let cell = (y * CELLS / EDGE) * CELLS + x * CELLS / EDGE;
            let along = |direction: usize| {
                let (cosine, sine) = DIRECTIONS[direction];
                (dx * cosine + dy * sine).abs()
            };
            let best = (1..DIRECTIONS.len()).fold(0, |a, b| if along(b) > along(a) { b } else { a });
            if let Some(cell) = cells.get_mut(cell) {
                cell[best] += (dx * dx + dy * dy).sqrt();
            }
        }
    }
    // A change of two levels a pixel is noise: it does not fill a cell.
    let noise = 2.0 * (EDGE / CELLS * EDGE / CELLS) as f64;
    let normal = |cell: [f64; DIRECTIONS.len()]| {
        let length = (cell.iter().map(|v| v * v).sum::<f64>() + noise * noise).sqrt();
        cell.map(|v| (v / length) as f32)
    };
    cells.into_iter().flat_map(normal).collect()
}

/// The 16 lowest frequencies of the brightness, the mean among them.
fn shapes(grey: &Plane) -> Vec<f32> {
    let frequencies = low_frequencies(grey.resized(SIDE, SIDE, Filter::Box).pixels());
    let grey_level = 127 * (SIDE * SIDE) as i64;
    let scale = (1i64 << 40) as f64 * (SIDE * SIDE) as f64 * 255.0;
    let low = (0..CELLS).flat_map(|v| (0..CELLS).map(move |u| v * LOW + u));
    low.map(|at| {
        let value = frequencies[at] - if at == 0 { grey_level << 40 } else { 0 };
        (value as f64 / scale) as f32
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(width: u32, height: u32, period: u32, colours: [[u8; 3]; 2], upright: bool) -> Image {
        let colour =
            |x: u32, y: u32| colours[((if upright { x * 64 / width } else { y * 64 / height }) / period % 2) as usize];
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| colour(x, y))).collect();
        Image::rgb8(width, height, pixels).unwrap()
    }

    fn cosine(a: &Image, b: &Image) -> f32 {
        embedding(a).iter().zip(embedding(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_same_scene_is_nearer_than_another() {
        let (warm, cold) = ([[230, 120, 40], [90, 20, 10]], [[20, 80, 200], [200, 220, 250]]);
        let scene = stripes(320, 240, 8, warm, true);
        let same = cosine(&scene, &stripes(160, 120, 8, warm, true));
        let turned = cosine(&scene, &stripes(320, 240, 8, warm, false));
        let recoloured = cosine(&scene, &stripes(320, 240, 8, cold, true));
        assert!(same > 0.99, "{same}");
        assert!(turned < 0.9 * same && recoloured < 0.9 * same, "{turned} {recoloured}");
    }

    #[test]
    fn every_vector_has_length_one() {
        for image in [stripes(3, 1, 9, [[0; 3]; 2], true), stripes(1, 70, 4, [[255; 3], [0; 3]], false)] {
            let vector = embedding(&image);
            let length: f32 = vector.iter().map(|v| v * v).sum();
            assert_eq!(vector.len(), WIDTH);
            assert!((length - 1.0).abs() < 1e-5, "{length}");
        }
    }
}
