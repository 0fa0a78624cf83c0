//! PCD: the Point Cloud Library's files, as text, binary and compressed. Source: its documentation of the format 0.7.

use super::{CloudProbe, Dot, fault, value};
use crate::decode::Limits;
use crate::error::{MediaError, Result};
use crate::numbers::le32;

const MIME: &str = "model/pcd";
/// A header longer than this is none.
const HEADER: usize = 64 << 10;

struct Column {
    name: String,
    width: usize,
    kind: u8,
    count: usize,
    /// Bytes of a point before it.
    at: usize,
    /// Values of a point before it.
    place: usize,
}

pub(super) struct Head {
    columns: Vec<Column>,
    points: u64,
    data: String,
    start: usize,
    stride: usize,
}

pub(super) fn head(bytes: &[u8]) -> Result<Head> {
    let bad = |reason: &str| fault(MIME, reason);
    let (mut names, mut sizes, mut kinds, mut counts) = (vec![], vec![], vec![], vec![]);
    let (mut points, mut area, mut at) = (None, [0u64; 2], 0usize);
    loop {
        let rest = bytes.get(at..bytes.len().min(HEADER)).ok_or_else(|| bad("its header does not end"))?;
        let end = rest.iter().position(|&b| b == b'\n').ok_or_else(|| bad("its header does not end"))?;
        let line = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        at += end + 1;
        let mut words = line.split_whitespace();
        let key = words.next().unwrap_or_default().to_ascii_uppercase();
        let words: Vec<String> = words.map(str::to_owned).collect();
        let first = || words.first().and_then(|w| w.parse::<u64>().ok());
        match key.as_str() {
            "FIELDS" | "COLUMNS" => names = words,
            "SIZE" => sizes = words,
            "TYPE" => kinds = words,
            "COUNT" => counts = words,
            "WIDTH" => area[0] = first().unwrap_or(0),
            "HEIGHT" => area[1] = first().unwrap_or(0),
            "POINTS" => points = first(),
            "DATA" => {
                let data = words.first().cloned().unwrap_or_default().to_ascii_lowercase();
                let (mut columns, mut stride, mut place) = (Vec::new(), 0usize, 0usize);
                for (i, name) in names.into_iter().enumerate() {
                    let number = |list: &[String]| list.get(i).and_then(|w| w.parse::<usize>().ok());
                    let width = number(&sizes).filter(|w| matches!(w, 1 | 2 | 4 | 8));
                    let width = width.ok_or_else(|| bad("a field has no size of 1, 2, 4 or 8"))?;
                    let count = number(&counts).unwrap_or(1).min(1 << 16);
                    let kind = kinds.get(i).and_then(|k| k.bytes().next()).unwrap_or(b'F').to_ascii_uppercase();
                    columns.push(Column { name, width, kind, count, at: stride, place });
                    stride += width * count;
                    place += count;
                }
                let points = points.unwrap_or(area[0].saturating_mul(area[1].max(1)));
                if columns.is_empty() || stride == 0 {
                    return Err(bad("it has no fields"));
                }
                return Ok(Head { columns, points, data, start: at, stride });
            }
            _ => {}
        }
    }
}

impl Head {
    pub(super) fn probe(&self) -> CloudProbe {
        let fields = self.columns.iter().filter(|c| c.name != "_").map(|c| c.name.clone()).collect();
        CloudProbe { mime: MIME, points: self.points, bounds: None, fields }
    }

    fn column(&self, names: &[&str]) -> Option<&Column> {
        self.columns.iter().find(|c| names.contains(&c.name.as_str()) && c.count > 0)
    }

    /// A point of values that `read` finds.
    fn dot(&self, read: impl Fn(&Column) -> Option<f64>, bits: impl Fn(&Column) -> Option<u32>) -> Option<Dot> {
        let of = |name: &str| self.column(&[name]).and_then(&read);
        let rgb = self.column(&["rgb", "rgba"]).and_then(bits).map(|v| [(v >> 16) as u8, (v >> 8) as u8, v as u8]);
        let intensity = self.column(&["intensity", "i", "reflectivity"]).and_then(&read).map(|v| v as f32);
        Some(Dot { xyz: [of("x")?, of("y")?, of("z").unwrap_or(0.0)], intensity, rgb })
    }
}

pub(super) fn scan(bytes: &[u8], limits: &Limits, each: &mut dyn FnMut(Dot)) -> Result<()> {
    let head = head(bytes)?;
    let rest = bytes.get(head.start..).unwrap_or_default();
    match head.data.as_str() {
        "ascii" => {
            for line in rest.split(|&b| b == b'\n').filter(|l| !l.trim_ascii().is_empty()).take(limit(head.points)) {
                let words: Vec<&str> = std::str::from_utf8(line)
                    .map_err(|_| fault(MIME, "a line is no text"))?
                    .split_whitespace()
                    .collect();
                let read = |c: &Column| words.get(c.place).and_then(|w| w.parse::<f64>().ok());
                // Colours stand as the whole number, or as the float of the same bits.
                let bits = |c: &Column| match c.kind {
                    b'F' => words.get(c.place).and_then(|w| w.parse::<f32>().ok()).map(f32::to_bits),
                    _ => words.get(c.place).and_then(|w| w.parse::<u32>().ok()),
                };
                each(head.dot(read, bits).ok_or_else(|| fault(MIME, "a line has no x and y"))?);
            }
            Ok(())
        }
        "binary" => {
            for point in rest.chunks_exact(head.stride).take(limit(head.points)) {
                let at = |c: &Column| point.get(c.at..);
                let read = |c: &Column| value(at(c)?, c.kind, c.width);
                each(head.dot(read, |c| le32(at(c)?, 0)).ok_or_else(|| fault(MIME, "a point has no x and y"))?);
            }
            whole(rest.len() as u64 / head.stride as u64, head.points)
        }
        "binary_compressed" => {
            let sizes = le32(rest, 0).zip(le32(rest, 4));
            let (packed, size) = sizes.ok_or_else(|| fault(MIME, "it ends before its data"))?;
            if u64::from(size) > limits.max_bytes {
                let (needed, allowed) = (u64::from(size), limits.max_bytes);
                return Err(MediaError::TooLarge { mime: MIME, unit: "bytes", needed, allowed });
            }
            let points = size as usize / head.stride;
            let packed = rest.get(8..8usize.saturating_add(packed as usize));
            let all = packed.and_then(|packed| super::lzf::unpack(packed, size as usize));
            let all = all.ok_or_else(|| fault(MIME, "its compressed data is damaged"))?;
            // Unpacked, each field stands for all points together.
            for point in 0..points.min(limit(head.points)) {
                let at = |c: &Column| all.get(c.at * points + point * c.width * c.count..);
                let read = |c: &Column| value(at(c)?, c.kind, c.width);
                each(head.dot(read, |c| le32(at(c)?, 0)).ok_or_else(|| fault(MIME, "a point has no x and y"))?);
            }
            whole(points as u64, head.points)
        }
        other => Err(MediaError::Unsupported { mime: MIME, reason: format!("the data kind `{other:.20}`") }),
    }
}

fn limit(points: u64) -> usize {
    usize::try_from(points).unwrap_or(usize::MAX)
}

fn whole(found: u64, points: u64) -> Result<()> {
    if found >= points { Ok(()) } else { Err(fault(MIME, format!("it has {found} of {points} points"))) }
}
