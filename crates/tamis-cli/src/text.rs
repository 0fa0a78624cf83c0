//! Texts for people: numbers, sizes, times, tables, labels.

use tamis_core::{Label, Shape};

/// A number with thin groups: `1,234,567`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 sample`, `2,000 samples`.
pub(crate) fn count(value: u64, one: &str) -> String {
    let many = match one {
        "class" => "classes".to_owned(),
        "branch" => "branches".to_owned(),
        other => format!("{other}s"),
    };
    format!("{} {}", number(value), if value == 1 { one } else { &many })
}

/// A size in powers of 1,000.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A time of microseconds since 1970 as `2026-01-31 12:34:56` UTC (Howard Hinnant's
/// `civil_from_days`).
pub(crate) fn time(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The first 12 digits of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A name, or what stands for none.
pub(crate) fn or_none(name: &str) -> &str {
    if name.is_empty() { "(none)" } else { name }
}

/// A path on one line whatever it contains.
pub(crate) fn path(path: &str) -> String {
    if path.chars().any(char::is_control) { path.escape_debug().to_string() } else { path.to_owned() }
}

fn float(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A shape in a few words: `(10,20,50,60)` for a box, `12 points` for a polygon.
pub(crate) fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Box2d(b) => format!("({},{},{},{})", float(b.xmin), float(b.ymin), float(b.xmax), float(b.ymax)),
        Shape::RotatedBox(b) => {
            format!("({},{} {}×{} {:.2} rad)", float(b.cx), float(b.cy), float(b.width), float(b.height), b.angle)
        }
        Shape::Box3d(b) => format!("({:.2},{:.2},{:.2})", b.translation[0], b.translation[1], b.translation[2]),
        Shape::Polygon(points) | Shape::Polyline { points, .. } => count(points.len() as u64, "point"),
        Shape::MultiPolygon(rings) => count(rings.len() as u64, "ring"),
        Shape::MultiPolyline(lines) => count(lines.len() as u64, "line"),
        Shape::Keypoints(points) => count(points.len() as u64, "point"),
        Shape::Rle(rle) => format!("{}×{} mask", rle.width, rle.height),
        Shape::Mask(mask) => mask.file.clone().unwrap_or_else(|| "mask".to_owned()),
        Shape::Sentence { sentence, .. } => {
            let text: Vec<&str> = sentence.iter().map(|word| word.text.as_str()).take(12).collect();
            format!("{:?}", text.join(" "))
        }
        Shape::Relation { from, to } => format!("#{from} → #{to}"),
        Shape::Scalar(value) => value.to_string(),
        Shape::TextSpan { begin, end } => format!("characters {begin}..{end}"),
        Shape::TimeSpan { begin, end } => format!("{begin:.3}..{end:.3} s"),
        Shape::Track(keys) => match (keys.first(), keys.last()) {
            (Some(first), Some(last)) => {
                let drawn = keys.iter().filter(|key| !key.interpolated).count();
                format!("frames {}..{}, {}", first.frame, last.frame, count(drawn as u64, "key"))
            }
            _ => "no keys".to_owned(),
        },
        _ => String::new(),
    }
}

/// A label in a line: `box2d #12 car (10,20,50,60)`.
pub(crate) fn label(label: &Label) -> String {
    let mut out = format!("{} #{} {}", label.label_type(), label.id, label.class.as_deref().unwrap_or("-"));
    let shape = shape(&label.shape);
    if !shape.is_empty() {
        out.push(' ');
        out.push_str(&shape);
    }
    if let Some(confidence) = label.confidence {
        out.push_str(&format!(" {confidence:.3}"));
    }
    if let Some(instance) = &label.instance {
        out.push_str(&format!(" instance={instance}"));
    }
    for (name, value) in &label.attributes {
        out.push_str(&format!(" {name}={value}"));
    }
    out
}

/// Lines of a table: the first column left, the others right; columns as wide as they need.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let fill = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
            if at == 0 { format!("{cell}{fill}") } else { format!("{fill}{cell}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sizes_and_times_read_well() {
        assert_eq!([number(0), number(999), number(1000), number(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [size(0), size(999), size(1000), size(999_960), size(8_900_000)],
            ["0 B", "999 B", "1.0 kB", "1.0 MB", "8.9 MB"]
        );
        assert_eq!(time(0), "1970-01-01 00:00:00");
        assert_eq!(time(1_795_444_496_000_000), "2026-11-23 14:34:56");
        assert_eq!(time(951_782_400_000_000), "2000-02-29 00:00:00");
        assert_eq!(count(1, "class"), "1 class");
        assert_eq!(count(2, "class"), "2 classes");
    }
}
