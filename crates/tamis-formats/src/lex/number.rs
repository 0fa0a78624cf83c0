//! Numbers as people write them: the shortest text that reads back to the same value.

use serde_json::Value;

/// A float as a JSON number, without `.0` where it is whole.
pub(crate) fn json(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}

/// A float as text, without `.0` where it is whole.
pub(crate) fn text(value: f64) -> String {
    json(value).to_string()
}

/// The number with the fewest decimals (at most 17) that `is_right`; `value` itself when none is.
pub(crate) fn fewest_decimals(value: f64, is_right: impl Fn(f64) -> bool) -> f64 {
    for decimals in 0..=17usize {
        let scaled = format!("{value:.decimals$}").parse::<f64>();
        if let Ok(rounded) = scaled
            && is_right(rounded)
        {
            return rounded;
        }
    }
    value
}

/// The extent from `min` to `max`: the number with the fewest decimals such that `min + extent` is exactly `max`.
/// So a box given as corner and size, kept as two corners, gives its size back as it was written.
pub(crate) fn extent(min: f64, max: f64) -> f64 {
    fewest_decimals(max - min, |extent| min + extent == max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_come_back_as_written() {
        for (x, w) in [(473.07, 38.92), (0.1, 0.2), (12.0, 100.0), (1e-3, 639.999), (301.22, 17.5)] {
            assert_eq!(extent(x, x + w), w);
        }
        assert_eq!(text(5.0), "5");
        assert_eq!(text(0.1), "0.1");
    }
}
