//! Functions of a text.

use crate::error::Result;
use crate::function::{Single, Spec};
use crate::params::{Param, ParamKind};
use crate::value::{Input, InputKind, Output, Value};

/// The built-in embedding of text.
pub(crate) static EMBED_TEXT: Spec = Spec {
    name: "embed_text",
    version: 1,
    help: "A vector for similarity of texts without a model: words, pairs of words and parts of words, hashed",
    input: InputKind::Text,
    gives: "floats of length 1, 0 for a text without letters and digits",
    params: &[Param {
        name: "width",
        kind: ParamKind::Integer(16, 4096),
        default: Some("256"),
        help: "how many floats",
    }],
    deterministic: true,
    source: "signed feature hashing (Weinberger et al. 2009) of lower-case words, pairs of words and runs of three \
             characters in them, each by the root of its count",
    make: |spec, arguments| {
        let width = arguments.size("width");
        Single::boxed(spec, arguments, Output::Embedding(width), move |input| embed(input, width))
    },
};

fn embed(input: Input<'_>, width: usize) -> Result<Value> {
    let text = if let Input::Text(text) = input { text.to_lowercase() } else { String::new() };
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut features: Vec<(u64, f64)> = Vec::new();
    for word in &words {
        features.push((hash(&["w", word]), 1.0));
        let edged: Vec<char> = std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')).collect();
        features.extend(edged.windows(3).map(|run| (hash(&["c", &run.iter().collect::<String>()]), 0.5)));
    }
    features.extend(words.windows(2).map(|pair| (hash(&["p", &pair.join(" ")]), 0.5)));
    features.sort_unstable_by_key(|(hash, _)| *hash);
    let mut sums = vec![0f64; width.max(1)];
    for same in features.chunk_by(|a, b| a.0 == b.0) {
        let Some((hash, weight)) = same.first() else { continue };
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        let at = (hash % sums.len() as u64) as usize;
        if let Some(sum) = sums.get_mut(at) {
            *sum += sign * weight * (same.len() as f64).sqrt();
        }
    }
    let length = sums.iter().map(|v| v * v).sum::<f64>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    Ok(Value::Embedding(sums.into_iter().map(|v| (v * scale) as f32).collect()))
}

/// FNV-1a of the parts, mixed so that every bit of the answer depends on every byte.
fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(text: &str) -> Vec<f32> {
        let Ok(Value::Embedding(vector)) = embed(Input::Text(text), 256) else { panic!("no vector") };
        vector
    }

    fn cosine(a: &str, b: &str) -> f32 {
        vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn alike_texts_are_near() {
        let text = "A red bus stops at the corner of the street";
        assert!((cosine(text, "a RED bus, stops at the corner of the street!") - 1.0).abs() < 1e-5);
        let (near, far) =
            (cosine(text, "red buses stop at street corners"), cosine(text, "quarterly revenue grew again"));
        assert!(near > 0.3 && far < 0.2 && near > 2.0 * far, "{near} {far}");
    }

    #[test]
    fn texts_without_words_are_zero() {
        assert!(vector("").iter().chain(&vector(" …!?")).all(|&v| v == 0.0));
    }
}
