//! Size, light and sharpness: the numbers that show a bad photograph.

use tamis_media::probe;

use crate::error::Result;
use crate::function::{Function, Single, Spec};
use crate::image::picture::{Colours, media};
use crate::image::resample::Plane;
use crate::params::Arguments;
use crate::value::{Input, InputKind, Output, Value};

/// What the header says.
pub(crate) static DIMENSIONS: Spec = Spec {
    name: "dimensions",
    version: 1,
    help: "Size as a person sees it (after the EXIF orientation); no pixel is decoded",
    input: InputKind::Media,
    gives: "record of width, height, aspect (width / height), megapixels, channels",
    params: &[],
    deterministic: true,
    source: "the header of the file",
    make: |spec, arguments| {
        use Output::{Float, Unsigned};
        let parts = [
            ("width", Unsigned),
            ("height", Unsigned),
            ("aspect", Float),
            ("megapixels", Float),
            ("channels", Unsigned),
        ];
        Single::boxed(spec, arguments, record(&parts), dimensions)
    },
};

/// Perceived brightness.
pub(crate) static BRIGHTNESS: Spec = Spec {
    name: "brightness",
    version: 1,
    help: "Perceived brightness of the mean colour, 0 black to 1 white",
    input: InputKind::Media,
    gives: "float",
    params: &[],
    deterministic: true,
    source: "√(0.241 R² + 0.691 G² + 0.068 B²), the HSP colour model, as CleanVision measures images",
    make: |spec, arguments| number(spec, arguments, |colours| mean_brightness(&colours)),
};

/// Root mean square contrast.
pub(crate) static CONTRAST: Spec = Spec {
    name: "contrast",
    version: 1,
    help: "Standard deviation of the grey values, 0 flat to 0.5 half black and half white",
    input: InputKind::Media,
    gives: "float",
    params: &[],
    deterministic: true,
    source: "root mean square contrast (Peli 1990), of ITU-R BT.601 brightness",
    make: |spec, arguments| number(spec, arguments, |colours| contrast(&colours.brightness())),
};

/// How much the grey values differ.
pub(crate) static ENTROPY: Spec = Spec {
    name: "entropy",
    version: 1,
    help: "Shannon entropy of the grey values, 0 flat to 8 bits",
    input: InputKind::Media,
    gives: "float",
    params: &[],
    deterministic: true,
    source: "Shannon 1948, over the 256 grey values of ITU-R BT.601, rounded to 10⁻⁹",
    make: |spec, arguments| number(spec, arguments, |colours| entropy(&colours.brightness())),
};

/// The variance of the Laplacian.
pub(crate) static BLUR: Spec = Spec {
    name: "blur",
    version: 1,
    help: "Variance of the Laplacian of the grey values; the lower, the more blurred; below 100 is suspicious",
    input: InputKind::Media,
    gives: "float",
    params: &[],
    deterministic: true,
    source: "Pech-Pacheco et al. 2000; `Laplacian(grey, CV_64F).var()` of OpenCV, with its kernel of 3 × 3 and its borders",
    make: |spec, arguments| number(spec, arguments, |colours| blur(&colours.brightness())),
};

/// Percentiles of the perceived brightness.
pub(crate) static EXPOSURE: Spec = Spec {
    name: "exposure",
    version: 1,
    help: "Percentiles of the pixels' perceived brightness: a dark image has a low p99, a bright one a high p5",
    input: InputKind::Media,
    gives: "record of p1, p5, p10, p90, p95, p99",
    params: &[],
    deterministic: true,
    source: "HSP brightness of each pixel as CleanVision measures it, percentiles by linear interpolation",
    make: |spec, arguments| {
        let parts = RANKS.map(|(name, _)| (name, Output::Float));
        Single::boxed(spec, arguments, record(&parts), |input| {
            Ok(Value::Record(exposure(&Colours::stored(input)?).into_iter().map(Value::Float).collect()))
        })
    },
};

/// All of the above at the cost of one decoding.
pub(crate) static QUALITY: Spec = Spec {
    name: "quality",
    version: 1,
    help: "brightness, contrast, entropy, blur and exposure at the cost of one decoding",
    input: InputKind::Media,
    gives: "record of brightness, contrast, entropy, blur, p1, p5, p10, p90, p95, p99",
    params: &[],
    deterministic: true,
    source: "the functions of these names",
    make: |spec, arguments| {
        let names = ["brightness", "contrast", "entropy", "blur"].into_iter().chain(RANKS.map(|(name, _)| name));
        let parts: Vec<_> = names.map(|name| (name, Output::Float)).collect();
        Single::boxed(spec, arguments, record(&parts), |input| {
            let colours = Colours::stored(input)?;
            let grey = colours.brightness();
            let mut numbers = vec![mean_brightness(&colours), contrast(&grey), entropy(&grey), blur(&grey)];
            numbers.extend(exposure(&colours));
            Ok(Value::Record(numbers.into_iter().map(Value::Float).collect()))
        })
    },
};

/// A function that is one number of the colours.
fn number(spec: &'static Spec, arguments: &Arguments, measure: fn(Colours) -> f64) -> Result<Box<dyn Function>> {
    Single::boxed(spec, arguments, Output::Float, move |input| Ok(Value::Float(measure(Colours::stored(input)?))))
}

fn record(parts: &[(&str, Output)]) -> Output {
    Output::Record(parts.iter().map(|(name, output)| ((*name).to_owned(), output.clone())).collect())
}

fn dimensions(input: Input<'_>) -> Result<Value> {
    let head = probe(media(input))?;
    let (width, height) = head.upright_size();
    Ok(Value::Record(vec![
        Value::Unsigned(width.into()),
        Value::Unsigned(height.into()),
        Value::Float(f64::from(width) / f64::from(height)),
        Value::Float(head.pixels() as f64 / 1e6),
        Value::Unsigned(head.channels.into()),
    ]))
}

/// The weights of the squares of red, green and blue, in thousandths.
const HSP: [u32; 3] = [241, 691, 68];

/// 0 to 1, of the mean of each channel.
fn mean_brightness(colours: &Colours) -> f64 {
    let mean = |plane: &Plane| plane.pixels().iter().map(|&v| u64::from(v)).sum::<u64>() as f64 / count(plane);
    let square = |(plane, weight): (&Plane, u32)| mean(plane) * mean(plane) * f64::from(weight);
    (colours.0.iter().zip(HSP).map(square).sum::<f64>() / 1000.0).sqrt() / 255.0
}

fn count(plane: &Plane) -> f64 {
    plane.pixels().len().max(1) as f64
}

fn contrast(grey: &Plane) -> f64 {
    let (sum, squares) = grey.pixels().iter().map(|&v| u64::from(v)).fold((0, 0), |(s, q), v| (s + v, q + v * v));
    variance(grey.pixels().len(), sum as i64, squares).sqrt() / 255.0
}

/// The variance of `count` whole numbers; the numerator is exact.
fn variance(count: usize, sum: i64, squares: u64) -> f64 {
    let count = count.max(1) as i128;
    (i128::from(squares) * count - i128::from(sum) * i128::from(sum)) as f64 / (count * count) as f64
}

fn entropy(grey: &Plane) -> f64 {
    let mut counts = [0u64; 256];
    grey.pixels().iter().for_each(|&v| counts[usize::from(v)] += 1);
    let total = count(grey);
    let share = |&n: &u64| n as f64 / total;
    let bits: f64 = counts.iter().filter(|&&n| n > 0).map(share).map(|p| -p * p.log2()).sum();
    // The logarithm's last digits differ between libraries. `+ 0.0` takes the sign from a zero.
    (bits * 1e9).round() / 1e9 + 0.0
}

/// The border is mirrored without its own pixel, as OpenCV does.
fn blur(grey: &Plane) -> f64 {
    let (height, mirrored) = (grey.height(), |at: usize, length: usize| at.min((2 * length).saturating_sub(2 + at)));
    let (mut sum, mut squares) = (0i64, 0u64);
    for (y, row) in grey.rows().enumerate() {
        let above = grey.row(if y == 0 { mirrored(1, height) } else { y - 1 });
        let below = grey.row(mirrored(y + 1, height));
        let mut take = |left: u8, x: usize, right: u8| {
            let at = |row: &[u8]| i32::from(row.get(x).copied().unwrap_or(0));
            let value = i32::from(left) + i32::from(right) + at(above) + at(below) - 4 * at(row);
            sum += i64::from(value);
            squares += u64::from(value.unsigned_abs()) * u64::from(value.unsigned_abs());
        };
        let pixel = |x: usize| row.get(mirrored(x, row.len())).copied().unwrap_or(0);
        take(pixel(1), 0, pixel(1));
        for (x, window) in (1..).zip(row.windows(3)) {
            if let [left, _, right] = *window {
                take(left, x, right);
            }
        }
        if row.len() > 1 {
            take(pixel(row.len() - 2), row.len() - 1, pixel(row.len()));
        }
    }
    variance(grey.pixels().len(), sum, squares)
}

/// The percentiles of [`EXPOSURE`], in hundredths.
const RANKS: [(&str, u64); 6] = [("p1", 1), ("p5", 5), ("p10", 10), ("p90", 90), ("p95", 95), ("p99", 99)];

/// Exact percentiles: pixels are counted in coarse bins, and only the bins in which a rank lies are sorted.
fn exposure(colours: &Colours) -> [f64; 6] {
    const COARSE: u32 = 12;
    let weigh = |pixel: [u8; 3]| pixel.iter().zip(HSP).map(|(&v, w)| u32::from(v) * u32::from(v) * w).sum::<u32>();
    let squares: Vec<u32> = colours.pixels().map(weigh).collect();
    let mut counts = vec![0u64; ((255 * 255 * 1000) >> COARSE) + 1];
    squares.iter().for_each(|square| counts[(square >> COARSE) as usize] += 1);
    let mut sorted: (usize, Vec<u32>) = (usize::MAX, Vec::new());
    let mut nth = |at: u64| {
        let (mut bin, mut before) = (0, 0);
        while let Some(count) = counts.get(bin).filter(|&&count| before + count <= at) {
            (bin, before) = (bin + 1, before + count);
        }
        if sorted.0 != bin {
            sorted = (bin, squares.iter().copied().filter(|square| (square >> COARSE) as usize == bin).collect());
            sorted.1.sort_unstable();
        }
        f64::from(sorted.1.get((at - before) as usize).copied().unwrap_or(0))
    };
    let last = squares.len().saturating_sub(1) as u64;
    let level = |square: f64| (square / 1000.0).sqrt() / 255.0;
    RANKS.map(|(_, percent)| {
        let (below, rest) = (last * percent / 100, last * percent % 100);
        let low = level(nth(below));
        if rest == 0 { low } else { low + (level(nth(below + 1)) - low) * rest as f64 / 100.0 }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plane() -> impl Strategy<Value = Plane> {
        (1..12usize, 1..12usize).prop_flat_map(|(width, height)| {
            proptest::collection::vec(any::<u8>(), width * height).prop_map(move |v| Plane::new(width, height, v))
        })
    }

    /// The definition, pixel by pixel: indices beyond an edge come back from it.
    fn naive_laplacian(grey: &Plane) -> Vec<f64> {
        let (width, height) = (grey.width() as i64, grey.height() as i64);
        let inside =
            |at: i64, length: i64| if length == 1 { 0 } else { (length - 1) - ((length - 1) - at.abs()).abs() };
        let at = |x: i64, y: i64| f64::from(grey.row(inside(y, height) as usize)[inside(x, width) as usize]);
        let laplacian = |x, y| at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * at(x, y);
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| laplacian(x, y)).collect()
    }

    fn naive_variance(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64
    }

    proptest! {
        #[test]
        fn blur_is_the_variance_of_the_laplacian(grey in plane()) {
            let wanted = naive_variance(&naive_laplacian(&grey));
            prop_assert!((blur(&grey) - wanted).abs() <= 1e-9 * wanted.max(1.0), "{} {wanted}", blur(&grey));
        }

        #[test]
        fn contrast_is_the_deviation(grey in plane()) {
            let values: Vec<f64> = grey.pixels().iter().map(|&v| f64::from(v)).collect();
            prop_assert!((contrast(&grey) - naive_variance(&values).sqrt() / 255.0).abs() < 1e-12);
        }

        #[test]
        fn percentiles_lie_between_their_neighbours(grey in plane()) {
            let colours = Colours([grey.clone(), grey.clone(), grey.clone()]);
            let mut sorted: Vec<f64> = grey.pixels().iter().map(|&v| f64::from(v) / 255.0).collect();
            sorted.sort_by(f64::total_cmp);
            for (found, (name, percent)) in exposure(&colours).into_iter().zip(RANKS) {
                let rank = (sorted.len() - 1) as f64 * percent as f64 / 100.0;
                let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
                let wanted = low + (high - low) * (rank - rank.floor());
                prop_assert!((found - wanted).abs() < 1e-9, "{name}: {found} {wanted}");
            }
        }
    }

    #[test]
    fn known_entropies() {
        assert_eq!(entropy(&Plane::new(4, 1, vec![7; 4])), 0.0);
        assert_eq!(entropy(&Plane::new(4, 1, vec![0, 0, 255, 255])), 1.0);
        assert_eq!(entropy(&Plane::new(16, 16, (0..=255).collect())), 8.0);
    }

    #[test]
    fn brightness_of_pure_colours() {
        let of = |pixel: [u8; 3]| mean_brightness(&Colours(pixel.map(|v| Plane::new(1, 1, vec![v]))));
        assert_eq!((of([0; 3]), of([255; 3])), (0.0, 1.0));
        assert!((of([255, 0, 0]) - 0.241f64.sqrt()).abs() < 1e-12);
        assert!((of([0, 255, 0]) - 0.691f64.sqrt()).abs() < 1e-12);
    }
}
