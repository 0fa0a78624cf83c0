//! Times in revisions: `now`, `yesterday`, `2 hours ago`, `2026-01-02`, `2026-01-02 13:45`.

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Reads a time (UTC) in microseconds since 1970; [`None`] when it is none of the forms:
/// `now`, `today` (its midnight), `yesterday` (24 hours ago), `<n> <unit>[s] ago`,
/// `YYYY-MM-DD` (the start of the day), `YYYY-MM-DD[T ]hh:mm[:ss][Z]`.
pub(crate) fn parse_time(text: &str, now: i64) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    match text.as_str() {
        "now" => return Some(now),
        "today" => return Some(now - now.rem_euclid(DAY)),
        "yesterday" => return Some(now - DAY),
        _ => {}
    }
    ago(&text, now).or_else(|| date(&text))
}

fn ago(text: &str, now: i64) -> Option<i64> {
    let text = text.strip_suffix(" ago")?.replace('.', " ");
    let mut words = text.split_whitespace();
    let (number, unit) = (words.next()?, words.next()?);
    let number: i64 = if matches!(number, "a" | "an" | "one") { 1 } else { number.parse().ok()? };
    let unit = match unit.strip_suffix('s').unwrap_or(unit) {
        "second" | "sec" => SECOND,
        "minute" | "min" => 60 * SECOND,
        "hour" => 3_600 * SECOND,
        "day" => DAY,
        "week" => 7 * DAY,
        "month" => 30 * DAY,
        "year" => 365 * DAY,
        _ => return None,
    };
    (words.next().is_none() && number >= 0).then(|| number.checked_mul(unit).and_then(|d| now.checked_sub(d)))?
}

fn date(text: &str) -> Option<i64> {
    let text = text.strip_suffix('z').unwrap_or(text);
    let (day, time) = match text.split_once(['t', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.splitn(3, '-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *usize::try_from(month - 1).ok().and_then(|m| days.get(m))?;
    if !(1..=length).contains(&day) || !(1..=9999).contains(&year) {
        return None;
    }
    let mut seconds = 0;
    if let Some(time) = time {
        let parts: Option<Vec<i64>> = time.split(':').map(digits).collect();
        let parts = parts.filter(|parts| (2..=3).contains(&parts.len()))?;
        let limits = [24, 60, 60];
        if parts.iter().zip(limits).any(|(part, limit)| *part >= limit) {
            return None;
        }
        seconds = parts.iter().zip([3600, 60, 1]).map(|(part, unit)| part * unit).sum();
    }
    Some(days_from_civil(year, month, day) * DAY + seconds * SECOND)
}

fn digits(text: &str) -> Option<i64> {
    let good = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    good.then(|| text.parse().ok())?
}

/// Days since 1970-01-01 in the Gregorian calendar: whole years from a year that begins in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 306 + 5) / 10 + day
        - 1
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read() {
        let now = 1_767_312_000 * SECOND + 5; // 2026-01-02 00:00:00 UTC and a bit
        assert_eq!(parse_time("2026-01-02", now), Some(1_767_312_000 * SECOND));
        assert_eq!(parse_time("2026-01-02T01:00Z", now), Some((1_767_312_000 + 3600) * SECOND));
        assert_eq!(parse_time("2026-01-02 01:00:09", now), Some((1_767_312_000 + 3609) * SECOND));
        assert_eq!(parse_time("yesterday", now), Some(now - DAY));
        assert_eq!(parse_time("2 hours ago", now), Some(now - 7200 * SECOND));
        assert_eq!(parse_time("an hour ago", now), Some(now - 3600 * SECOND));
        assert_eq!(parse_time("1970-01-01", now), Some(0));
        assert_eq!(parse_time("2000-02-29", now), Some(951_782_400 * SECOND));
        for bad in ["", "soon", "2026-13-01", "2026-02-29", "2 parsecs ago", "2026-01-02 25:00", "-1 days ago", "2026"]
        {
            assert_eq!(parse_time(bad, now), None, "{bad}");
        }
    }
}
