//! Runs packed into text, as the COCO API's `rleToString` and `rleFrString` do: base 48 with a continuation bit, the
//! runs from the fourth on as differences to the run two before.

/// Packs runs.
pub(crate) fn encode(counts: &[u32]) -> String {
    let mut out = String::new();
    for (i, &count) in counts.iter().enumerate() {
        let before = if i > 2 { counts.get(i - 2).copied().unwrap_or(0) } else { 0 };
        let mut x = i64::from(count) - i64::from(before);
        loop {
            let mut c = (x & 0x1f) as u8;
            x >>= 5;
            let more = if c & 0x10 != 0 { x != -1 } else { x != 0 };
            if more {
                c |= 0x20;
            }
            out.push((c + 48) as char);
            if !more {
                break;
            }
        }
    }
    out
}

/// Unpacks runs; [`None`] when the text is not one that [`encode`] makes.
pub(crate) fn decode(text: &str) -> Option<Vec<u32>> {
    let mut counts: Vec<u32> = Vec::new();
    let mut bytes = text.bytes();
    while let Some(first) = bytes.next() {
        let (mut x, mut shift, mut byte) = (0i64, 0u32, first);
        loop {
            let c = i64::from(byte.checked_sub(48).filter(|c| *c < 64)?);
            if shift > 40 {
                return None;
            }
            x |= (c & 0x1f) << shift;
            shift += 5;
            if c & 0x20 == 0 {
                if c & 0x10 != 0 {
                    x |= -1i64 << shift;
                }
                break;
            }
            byte = bytes.next()?;
        }
        if let Some(before) = counts.len().checked_sub(2).filter(|_| counts.len() > 2) {
            x += i64::from(counts.get(before).copied()?);
        }
        counts.push(u32::try_from(x).ok()?);
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_unpacks_to_what_was_packed(counts in proptest::collection::vec(0u32..5_000_000, 0..40)) {
            prop_assert_eq!(decode(&encode(&counts)), Some(counts));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}") {
            let _ = decode(&text);
        }
    }
}
