//! The colours that stand for an image.

use crate::error::Result;
use crate::function::{Single, Spec};
use crate::image::picture::Colours;
use crate::params::{Param, ParamKind};
use crate::value::{Input, InputKind, Output, Value};

/// The dominant colours.
pub(crate) static COLOURS: Spec = Spec {
    name: "colours",
    version: 1,
    help: "The dominant colours, the largest share first",
    input: InputKind::Media,
    gives: "record of colour1 (`#rrggbb`), share1 (0 to 1), colour2, …",
    params: &[Param { name: "k", kind: ParamKind::Integer(1, 16), default: Some("5"), help: "how many" }],
    deterministic: true,
    source: "k-means (Lloyd 1982) in RGB over 32 levels a channel, started at the farthest of the populous colours; no chance",
    make: |spec, arguments| {
        let k = arguments.size("k");
        let parts = (1..=k).flat_map(|i| [(format!("colour{i}"), Output::Text), (format!("share{i}"), Output::Float)]);
        let output = Output::Record(parts.collect());
        Single::boxed(spec, arguments, output, move |input| colours(input, k))
    },
};

/// Rounds of k-means: the palette moves little after these.
const ROUNDS: usize = 10;

/// The pixels of one of 32³ cubes of the colour space.
#[derive(Clone, Copy, Default)]
struct Bin {
    count: u64,
    sum: [u64; 3],
}

impl Bin {
    fn take(&mut self, other: &Bin) {
        self.count += other.count;
        self.sum.iter_mut().zip(other.sum).for_each(|(a, b)| *a += b);
    }

    fn mean(&self) -> [f64; 3] {
        self.sum.map(|sum| sum as f64 / self.count.max(1) as f64)
    }
}

fn colours(input: Input<'_>, k: usize) -> Result<Value> {
    let image = Colours::stored(input)?;
    let mut bins = vec![Bin::default(); 1 << 15];
    for pixel in image.pixels() {
        let at = pixel.iter().fold(0, |at, &v| at << 5 | usize::from(v >> 3));
        if let Some(bin) = bins.get_mut(at) {
            bin.take(&Bin { count: 1, sum: pixel.map(u64::from) });
        }
    }
    bins.retain(|bin| bin.count > 0);
    let mut clusters = palette(&bins, k);
    // Equal shares by colour, so that the order is one.
    clusters.sort_by_key(|bin| (std::cmp::Reverse(bin.count), bin.sum));
    let total = image.pixels().count().max(1) as f64;
    let part = |at: usize| {
        // A flat image has fewer colours than were asked for.
        let bin = clusters.get(at).copied().unwrap_or_default();
        let [r, g, b] = bin.mean().map(|v| v.round() as u8);
        let colour = if bin.count == 0 { String::new() } else { format!("#{r:02x}{g:02x}{b:02x}") };
        [Value::Text(colour), Value::Float(bin.count as f64 / total)]
    };
    Ok(Value::Record((0..k).flat_map(part).collect()))
}

/// At most `k` groups of the bins, none empty. O(bins · k · rounds).
fn palette(bins: &[Bin], k: usize) -> Vec<Bin> {
    let means: Vec<[f64; 3]> = bins.iter().map(Bin::mean).collect();
    let mut centres: Vec<[f64; 3]> = Vec::with_capacity(k);
    let mut nearest = vec![f64::MAX; bins.len()];
    for _ in 0..k {
        // The first centre is the most populous bin; each next one is far from the others, by pixels that are there.
        let worth = |at: usize| bins[at].count as f64 * if centres.is_empty() { 1.0 } else { nearest[at] };
        let Some(best) = (0..bins.len()).reduce(|a, b| if worth(b) > worth(a) { b } else { a }) else { break };
        if worth(best) <= 0.0 {
            break;
        }
        centres.push(means[best]);
        for (found, mean) in nearest.iter_mut().zip(&means) {
            *found = found.min(distance(mean, &means[best]));
        }
    }
    let mut groups = Vec::new();
    for _ in 0..ROUNDS {
        groups = vec![Bin::default(); centres.len()];
        for (bin, mean) in bins.iter().zip(&means) {
            let closest = (0..centres.len())
                .reduce(|a, b| if distance(mean, &centres[b]) < distance(mean, &centres[a]) { b } else { a });
            if let Some(group) = closest.and_then(|at| groups.get_mut(at)) {
                group.take(bin);
            }
        }
        groups.retain(|group| group.count > 0);
        let moved: Vec<[f64; 3]> = groups.iter().map(Bin::mean).collect();
        if moved == centres {
            break;
        }
        centres = moved;
    }
    groups
}

fn distance(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use tamis_media::{Image, encode_png};

    use super::*;

    fn of(pixels: &[[u8; 3]], k: usize) -> Vec<Value> {
        let png = encode_png(&Image::rgb8(pixels.len() as u32, 1, pixels.concat()).unwrap()).unwrap();
        let Value::Record(parts) = colours(Input::Media(&png), k).unwrap() else { panic!("not a record") };
        parts
    }

    #[test]
    fn flat_parts_are_found_with_their_shares() {
        let pixels = [vec![[250, 0, 0]; 60], vec![[0, 0, 200]; 30], vec![[0, 99, 0]; 10]].concat();
        let text = |text: &str| Value::Text(text.to_owned());
        let wanted = [
            [text("#fa0000"), Value::Float(0.6)],
            [text("#0000c8"), Value::Float(0.3)],
            [text("#006300"), Value::Float(0.1)],
            [text(""), Value::Float(0.0)],
        ];
        assert_eq!(of(&pixels, 4), wanted.concat());
    }

    #[test]
    fn shares_add_up_to_one() {
        let pixels: Vec<[u8; 3]> = (0..1000u32).map(|i| [i * 7, i * 13, i * 29].map(|v| v as u8)).collect();
        let parts = of(&pixels, 6);
        let sum: f64 = parts.iter().map(|part| if let Value::Float(v) = part { *v } else { 0.0 }).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
