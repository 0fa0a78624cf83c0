//! PLY, as text and binary of both byte orders. Source: G. Turk, "The PLY polygon file format", 1994.

use super::{CloudProbe, Dot, fault, value};
use crate::error::Result;

const MIME: &str = "model/ply";
/// A header longer than this is none.
const HEADER: usize = 64 << 10;

struct Property {
    name: String,
    kind: u8,
    width: usize,
    /// Bytes of a vertex before it.
    at: usize,
}

pub(super) struct Head {
    format: String,
    start: usize,
    points: u64,
    properties: Vec<Property>,
    stride: usize,
    /// Something stands before the vertices, or they have lists: then they cannot be stepped over.
    is_plain: bool,
}

fn type_of(name: &str) -> Option<(u8, usize)> {
    Some(match name {
        "char" | "int8" => (b'I', 1),
        "uchar" | "uint8" => (b'U', 1),
        "short" | "int16" => (b'I', 2),
        "ushort" | "uint16" => (b'U', 2),
        "int" | "int32" => (b'I', 4),
        "uint" | "uint32" => (b'U', 4),
        "float" | "float32" => (b'F', 4),
        "double" | "float64" => (b'F', 8),
        _ => return None,
    })
}

pub(super) fn head(bytes: &[u8]) -> Result<Head> {
    let mut head =
        Head { format: String::new(), start: 0, points: 0, properties: Vec::new(), stride: 0, is_plain: true };
    let (mut in_vertices, mut seen) = (false, false);
    let top = bytes.get(..bytes.len().min(HEADER)).unwrap_or_default();
    for line in top.split_inclusive(|&b| b == b'\n') {
        head.start += line.len();
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words.as_slice() {
            ["format", format, ..] => head.format = format.to_owned(),
            ["element", name, count, ..] => {
                in_vertices = name == "vertex";
                if in_vertices {
                    head.points = count.parse().map_err(|_| fault(MIME, "its count of vertices is no number"))?;
                    seen = true;
                } else if !seen {
                    head.is_plain = false;
                }
            }
            ["property", "list", ..] if in_vertices => head.is_plain = false,
            ["property", kind, name, ..] if in_vertices => {
                let (kind, width) = type_of(kind).ok_or_else(|| fault(MIME, "a property has an unknown type"))?;
                head.properties.push(Property { name: name.to_owned(), kind, width, at: head.stride });
                head.stride += width;
            }
            ["end_header"] if seen => return Ok(head),
            ["end_header"] => return Err(fault(MIME, "it has no vertices")),
            _ => {}
        }
    }
    Err(fault(MIME, "its header does not end"))
}

impl Head {
    pub(super) fn probe(&self) -> CloudProbe {
        let fields = self.properties.iter().map(|p| p.name.clone()).collect();
        CloudProbe { mime: MIME, points: self.points, bounds: None, fields }
    }

    fn dot(&self, read: impl Fn(usize, &Property) -> Option<f64>) -> Option<Dot> {
        let of = |names: &[&str]| {
            let (at, property) = self.properties.iter().enumerate().find(|(_, p)| names.contains(&p.name.as_str()))?;
            read(at, property)
        };
        let colour = |a: &str, b: &str| of(&[a, b]).map(|v| v as u8);
        let rgb = colour("red", "r").zip(colour("green", "g")).zip(colour("blue", "b")).map(|((r, g), b)| [r, g, b]);
        let intensity = of(&["intensity", "scalar_Intensity", "scalar_intensity"]).map(|v| v as f32);
        Some(Dot { xyz: [of(&["x"])?, of(&["y"])?, of(&["z"])?], intensity, rgb })
    }
}

pub(super) fn scan(bytes: &[u8], each: &mut dyn FnMut(Dot)) -> Result<()> {
    let head = head(bytes)?;
    let rest = bytes.get(head.start..).unwrap_or_default();
    let count = usize::try_from(head.points).unwrap_or(usize::MAX);
    if !head.is_plain || head.stride == 0 {
        return Err(fault(MIME, "its vertices do not come first, or have lists"));
    }
    let none = || fault(MIME, "a vertex has no x, y, z");
    let mut found = 0u64;
    if head.format == "ascii" {
        for line in rest.split(|&b| b == b'\n').filter(|l| !l.trim_ascii().is_empty()).take(count) {
            let words: Vec<&str> =
                std::str::from_utf8(line).map_err(|_| fault(MIME, "a line is no text"))?.split_whitespace().collect();
            each(head.dot(|at, _| words.get(at)?.parse().ok()).ok_or_else(none)?);
            found += 1;
        }
    } else {
        let is_big = head.format == "binary_big_endian";
        for vertex in rest.chunks_exact(head.stride).take(count) {
            let read = |_: usize, p: &Property| {
                let raw = vertex.get(p.at..p.at + p.width)?;
                if !is_big {
                    return value(raw, p.kind, p.width);
                }
                let mut turned = [0u8; 8];
                turned.iter_mut().zip(raw.iter().rev()).for_each(|(to, from)| *to = *from);
                value(turned.get(..p.width)?, p.kind, p.width)
            };
            each(head.dot(read).ok_or_else(none)?);
            found += 1;
        }
    }
    if found >= head.points { Ok(()) } else { Err(fault(MIME, format!("it has {found} of {} points", head.points))) }
}
