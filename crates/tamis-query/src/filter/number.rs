//! Numbers as they are written: plain, with units of size, as dates.

use std::ops::Range;

/// A number; finite, written with digits.
pub(super) fn number(text: &str) -> Option<f64> {
    let is_number = text.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|number: &f64| is_number && number.is_finite())
}

/// A whole number from 0.
pub(super) fn count(text: &str) -> Option<f64> {
    number(text).filter(|number| *number >= 0.0 && number.fract() == 0.0)
}

/// Bytes: a number with or without a unit; kB is 1,000, KiB is 1,024.
pub(super) fn quantity(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 9] = [
        ("kib", 1024.0),
        ("mib", 1_048_576.0),
        ("gib", 1_073_741_824.0),
        ("tib", 1_099_511_627_776.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("tb", 1e12),
        ("b", 1.0),
    ];
    let small = text.to_ascii_lowercase();
    let (digits, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((small.strip_suffix(unit)?, *factor)))
        .unwrap_or((small.as_str(), 1.0));
    number(digits.trim_end()).map(|number| number * factor).filter(|number| *number >= 0.0 && number.is_finite())
}

/// The seconds since 1970 (UTC) that a text names: from the first to after the last; for a plain number both are it.
/// Dates are `YYYY-MM-DD`, then optionally `Thh:mm` or `Thh:mm:ss`, then optionally `Z`.
pub(super) fn seconds(text: &str) -> Option<Range<f64>> {
    if let Some(number) = number(text) {
        return Some(number..number);
    }
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (day, time) = match text.split_once(['T', 't', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let start = day_number(day)? as f64 * 86_400.0;
    let Some(time) = time else { return Some(start..start + 86_400.0) };
    let parts: Vec<&str> = time.split(':').collect();
    let (unit, parts) = match parts[..] {
        [hours, minutes] => (60.0, [hours, minutes, "00"]),
        [hours, minutes, seconds] => (1.0, [hours, minutes, seconds]),
        _ => return None,
    };
    let mut offset = 0;
    for (part, limit) in parts.into_iter().zip([24, 60, 60]) {
        offset = offset * 60 + Some(digits(part, 2)?).filter(|value| *value < limit)?;
    }
    let start = start + offset as f64;
    Some(start..start + unit)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let is_number = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Days since 1970 of `YYYY-MM-DD` (Howard Hinnant's `days_from_civil`).
fn day_number(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *usize::try_from(month - 1).ok().and_then(|at| lengths.get(at))?;
    if parts.next().is_some() || !(1..=length).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_finite_and_have_digits() {
        assert_eq!([number("5"), number("-0.5"), number("1e3")], [Some(5.0), Some(-0.5), Some(1000.0)]);
        for bad in ["", "inf", "nan", "+5", "1e999", "5x", "-", "0x1"] {
            assert_eq!(number(bad), None, "{bad}");
        }
        assert_eq!([quantity("2MB"), quantity("1.5 KiB"), quantity("7")], [Some(2e6), Some(1536.0), Some(7.0)]);
        assert_eq!(quantity("2XB"), None);
    }

    #[test]
    fn dates_are_days_minutes_or_seconds() {
        assert_eq!(seconds("1970-01-01"), Some(0.0..86_400.0));
        assert_eq!(seconds("2026-11-23T14:34:56Z"), Some(1_795_444_496.0..1_795_444_497.0));
        assert_eq!(seconds("2000-02-29T00:01"), Some(951_782_460.0..951_782_520.0));
        assert_eq!(seconds("12.5"), Some(12.5..12.5));
        for bad in ["2026-02-30", "2026-13-01", "2026-1-1", "2026-01-01T24:00", "yesterday", "2026-01-01T1:00"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
