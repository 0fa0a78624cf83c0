//! Writing sequences: images by number, rows by frame, `seqinfo.ini`.

use std::collections::BTreeMap;
use std::fmt::Write;

use tamis_core::{Label, Rle, SampleRecord, Shape};

use crate::error::Result;
use crate::lex::number::{extent, text};
use crate::out::{self, Out, Put};
use crate::paths::{self, folder, join, name, stem};

#[derive(Default)]
struct Sequence {
    frames: u64,
    rows: String,
    labelled: bool,
    size: (u32, u32),
    extension: String,
    times: Option<((u64, f64), (u64, f64))>,
}

/// Rows of boxes or of masks.
pub(super) struct Rows {
    masks: bool,
    sequences: BTreeMap<String, Sequence>,
    tracks: out::Tracks,
    classes: BTreeMap<String, u64>,
}

impl Rows {
    pub(super) fn boxes() -> Rows {
        Rows { masks: false, sequences: BTreeMap::new(), tracks: out::Tracks::default(), classes: BTreeMap::new() }
    }

    pub(super) fn masks() -> Rows {
        Rows { masks: true, ..Rows::boxes() }
    }

    fn box_row(&mut self, out: &mut Out<'_>, record: &SampleRecord, label: &Label) -> Result<Option<String>> {
        let Some(b) = out.box_of(record, label)? else { return Ok(None) };
        out.keeps(record, label, &["instance", "confidence", "ignored", "visibility"])?;
        let class = out.classes.of(label) + 1;
        let flag = match label.attributes.get("ignored").and_then(serde_json::Value::as_bool) {
            Some(true) => 0.0,
            _ => label.confidence.unwrap_or(1.0),
        };
        let visible = label.attributes.get("visibility").and_then(serde_json::Value::as_f64).unwrap_or(-1.0);
        let (width, height) = (extent(b.xmin, b.xmax), extent(b.ymin, b.ymax));
        let numbers = [b.xmin, b.ymin, width, height, flag].map(text).join(",");
        Ok(Some(format!("{numbers},{class},{}", text(visible))))
    }

    fn mask_row(&mut self, out: &mut Out<'_>, record: &SampleRecord, label: &Label) -> Result<Option<String>> {
        out.keeps(record, label, &["instance"])?;
        let size = record.stated_size.filter(|s| s.0 > 0 && s.1 > 0);
        let rings = |rings: &[Vec<tamis_core::Point>]| Rle::from_polygons(size?.0, size?.1, rings).ok();
        let rle = match (&label.shape, size) {
            (Shape::Rle(rle), _) => rle.clone(),
            (Shape::Polygon(_) | Shape::MultiPolygon(_), None) => {
                out.losses.add("no_size", &record.path)?;
                return Ok(None);
            }
            (shape, _) => {
                let found = match shape {
                    Shape::Polygon(ring) => rings(std::slice::from_ref(ring)),
                    Shape::MultiPolygon(all) => rings(all),
                    _ => None,
                };
                out.losses.add(if found.is_some() { "polygon" } else { "labels" }, &record.path)?;
                match found {
                    Some(rle) => rle,
                    None => return Ok(None),
                }
            }
        };
        let class = out.classes.of(label);
        Ok(Some(format!("{class} {} {} {}", rle.height, rle.width, rle.to_text())))
    }
}

/// Splits a path at its folder of images: the sequence, and whether the path is as this format has it.
fn home(path: &str) -> (&str, bool) {
    match name(folder(path)) == "img1" {
        true => (folder(folder(path)), true),
        false => (folder(path), false),
    }
}

impl Put for Rows {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let (root, in_place) = home(&record.path);
        let root = if root.is_empty() { "sequence" } else { root };
        let number = stem(name(&record.path)).parse::<u64>().ok().filter(|_| in_place);
        let sequence = self.sequences.entry(root.to_owned()).or_default();
        let number = number.unwrap_or(sequence.frames + 1);
        sequence.frames = number;
        sequence.extension = paths::extension(&record.path);
        sequence.size = record.stated_size.unwrap_or(sequence.size);
        if let Some(time) = record.timestamp {
            let last = (number, time);
            sequence.times = Some(sequence.times.map_or((last, last), |(first, _)| (first, last)));
        }
        sequence.labelled |= labels.is_some();
        let path = match in_place {
            true => record.path.clone(),
            false => format!("{}/{number:06}.{}", join(root, "img1"), sequence.extension),
        };
        out.media(record, &path)?;
        for label in labels.unwrap_or_default() {
            let row = if self.masks { self.mask_row(out, record, label)? } else { self.box_row(out, record, label)? };
            let Some(row) = row else { continue };
            let track = label.instance.as_ref().map(|i| self.tracks.of(root, i));
            let next = self.classes.len() as u64;
            let track = match (self.masks, track) {
                (false, track) => track.map_or("-1".to_owned(), |t| t.to_string()),
                (true, Some(track)) => track.to_string(),
                (true, None) => (10_000_000 + *self.classes.entry(format!("{root} {row}")).or_insert(next)).to_string(),
            };
            if let Some(sequence) = self.sequences.get_mut(root) {
                let comma = if self.masks { ' ' } else { ',' };
                let _ = writeln!(sequence.rows, "{number}{comma}{track}{comma}{row}");
            }
            out.done.labels += 1;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        let names: Vec<String> = out.classes.classes.iter().map(|c| c.name.replace(out::breaks_line, "_")).collect();
        for (root, sequence) in &self.sequences {
            if sequence.labelled {
                out.sink.put(&join(root, "gt/gt.txt"), sequence.rows.as_bytes())?;
                out.sink.put(&join(root, "gt/labels.txt"), format!("{}\n", names.join("\n")).as_bytes())?;
            }
            let mut ini = format!("[Sequence]\nname={}\nimDir=img1\n", name(root));
            if let Some(((a, from), (b, to))) = sequence.times
                && to > from
            {
                let rate = (b - a) as f64 / (to - from);
                let _ = writeln!(
                    ini,
                    "frameRate={}",
                    text(crate::lex::number::fewest_decimals(rate, |r| (b - a) as f64 / r == to - from))
                );
            }
            let (width, height) = sequence.size;
            let _ = writeln!(
                ini,
                "seqLength={}\nimWidth={width}\nimHeight={height}\nimExt=.{}",
                sequence.frames, sequence.extension
            );
            out.sink.put(&join(root, "seqinfo.ini"), ini.as_bytes())?;
        }
        Ok(())
    }
}
