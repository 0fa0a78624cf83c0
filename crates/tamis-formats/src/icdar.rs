//! ICDAR's robust reading (2013 and 2015): text in images as `gt_<image>.txt` (4 or 8 coordinates and the text a row),
//! as `<image>_GT.txt` (the colour in `<image>_GT.bmp` and the box of each letter), and single words in `gt.txt`.

use std::collections::BTreeMap;

use tamis_core::{Box2d, Label, LabelType, Place, Point, SampleRecord, Shape};

use crate::error::Result;
use crate::gather::Gather;
use crate::lex::text;
use crate::paths::{self, folder, is_image, join, name, stem};
use crate::pixels::{self, Numbers};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "icdar",
    "ICDAR robust reading (localisation, segmentation, words)",
    "https://rrc.cvc.uab.es/",
    &["txt"],
    &[LabelType::Box2d, LabelType::Polygon, LabelType::Rle, LabelType::Sentence],
);

/// ICDAR's robust reading.
pub(crate) static ICDAR: Reads = Reads { spec: &SPEC, detect, read };

/// The class of every label with a place.
const CLASS: &str = "text";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Places,
    Letters,
    Words,
}

fn kind_of(path: &str) -> Option<Kind> {
    let bare = paths::name(path).strip_suffix(".txt")?;
    match bare {
        "gt" => Some(Kind::Words),
        _ if bare.ends_with("_GT") => Some(Kind::Letters),
        _ if bare.starts_with("gt_") => Some(Kind::Places),
        _ => None,
    }
}

/// The numbers at the start of a row, and its text: in quotes, or all that is left. Commas or spaces set both apart.
fn row_of(row: &str) -> (Vec<f64>, Option<&str>) {
    let (mut numbers, mut rest) = (Vec::new(), row.trim_start_matches('\u{feff}').trim());
    while numbers.len() < 9 {
        let end = rest.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(rest.len());
        let Some(number) = rest.get(..end).and_then(|w| w.parse::<f64>().ok()).filter(|n| n.is_finite()) else { break };
        numbers.push(number);
        rest = rest.get(end..).unwrap_or_default().trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    let quoted = rest.strip_prefix('"').and_then(|r| r.strip_suffix('"'));
    (numbers, (!rest.is_empty()).then(|| quoted.unwrap_or(rest)))
}

fn fits(kind: Kind, row: &str) -> bool {
    match (kind, row_of(row)) {
        (Kind::Places, (numbers, Some(_))) => matches!(numbers.len(), 4 | 8),
        // A text that is a number itself.
        (Kind::Places, (numbers, None)) => matches!(numbers.len(), 5 | 9),
        (Kind::Letters, (numbers, text)) => row.starts_with('#') || (numbers.len() == 9 && text.is_some()),
        (Kind::Words, (numbers, Some(text))) => {
            numbers.is_empty() && text.split_once(',').is_some_and(|(image, _)| is_image(image.trim()))
        }
        (Kind::Words, _) => false,
    }
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let is_it = |path: &str| {
        let Some(kind) = kind_of(path) else { return false };
        let head = probe.head(path, 2048);
        text::lines(&text::decode(&head)).next().is_some_and(|(_, row)| fits(kind, row))
    };
    match probe.with_extension("txt").iter().filter(|e| kind_of(&e.path).is_some()).take(50).find(|e| is_it(&e.path)) {
        Some(first) => Confidence::new(90, format!("found `{}` with texts a row", first.path)),
        None => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let files: Vec<(&str, Kind)> = gather.files("txt").into_iter().filter_map(|p| Some((p, kind_of(p)?))).collect();
    if files.is_empty() {
        return Err(gather.nothing("there is no `gt.txt`, `gt_<image>.txt` or `<image>_GT.txt`"));
    }
    for (file, kind) in files {
        let Some(all) = gather.judge.text(gather.source, file) else { continue };
        match kind {
            Kind::Words => words(gather, file, &all)?,
            Kind::Places | Kind::Letters => image(gather, file, &all, kind)?,
        }
    }
    let is_mask = |p: &str| stem(p).ends_with("_GT");
    gather.rest(|p| is_image(p) && !is_mask(p))
}

/// The image of an annotation file, beside it or in `images`.
fn find<'a>(gather: &Gather<'a>, file: &str, bare: &str) -> Option<&'a str> {
    let home = folder(file);
    let guesses = [join(home, bare), join(&join(home, "images"), bare), join(&join(folder(home), "images"), bare)];
    let among = || gather.index.all().find(|p| stem(name(p)) == bare);
    guesses.iter().find_map(|g| gather.index.stem(g)).or_else(among)
}

fn image(gather: &mut Gather<'_>, file: &str, all: &str, kind: Kind) -> Result<()> {
    let whole = stem(name(file));
    let bare = if kind == Kind::Places { whole.strip_prefix("gt_") } else { whole.strip_suffix("_GT") };
    let bare = bare.unwrap_or(whole);
    let found = find(gather, file, bare).map_or_else(|| format!("{bare}.jpg"), str::to_owned);
    let Some(mut record) = gather.start(file, &found, None, &|| Place::file(file)) else { return Ok(()) };
    record.stated_size = gather.source.image_size(&record.path);
    let labels = match kind {
        Kind::Letters => letters(gather, file, all, &record),
        _ => places(gather, file, all, &record),
    };
    record.layers.insert(gather.layer.clone(), labels);
    gather.put(record, &|| Place::file(file))
}

fn labelled(shape: Shape, said: &str) -> Label {
    let mut label = Label::new(shape).with_class(CLASS);
    // `###` is a text that nobody can read.
    if said == "###" {
        label.attributes.insert("illegible".to_owned(), true.into());
    } else {
        label.attributes.insert("text".to_owned(), said.into());
    }
    label
}

fn places(gather: &Gather<'_>, file: &str, all: &str, record: &SampleRecord) -> Vec<Label> {
    let mut out = Vec::new();
    for (line, row) in text::lines(all) {
        let place = || Place::line(file, line);
        let (mut numbers, said) = row_of(row);
        let own = if said.is_none() { numbers.pop().map(crate::lex::number::text) } else { None };
        let said = said.or(own.as_deref()).unwrap_or_default();
        let shape = match numbers.as_slice() {
            &[x1, y1, x2, y2] => {
                gather.judge.accept(Box2d::new(x1, y1, x2, y2), record.stated_size, place).map(Shape::Box2d)
            }
            corners @ &[_, _, _, _, _, _, _, _] => {
                Some(Shape::Polygon(corners.chunks_exact(2).map(|p| Point { x: p[0], y: p[1] }).collect()))
            }
            _ => {
                let message = format!("expected 4 or 8 numbers and a text, found `{}`; left out", text::crop(row));
                gather.judge.error("syntax", place(), message);
                None
            }
        };
        out.extend(shape.map(|shape| labelled(shape, said)));
    }
    out
}

/// Letters with the colour of their pixels; an empty line is between words.
fn letters(gather: &mut Gather<'_>, file: &str, all: &str, record: &SampleRecord) -> Vec<Label> {
    let bare = stem(file);
    let found = ["bmp", "png"].iter().find_map(|e| gather.index.exact(&format!("{bare}.{e}")));
    let mask: Option<Numbers> = found.and_then(|m| pixels::numbers(gather.source, m, &gather.judge));
    let mask = mask.filter(|m| record.stated_size.is_none_or(|size| size == (m.0, m.1)));
    match found {
        Some(path) => gather.used(path),
        None => {
            gather.judge.warn("mask", Place::file(file), "there is no image of the letters' colours; boxes are read")
        }
    }
    let (mut out, mut word) = (Vec::new(), 0u64);
    for (line, row) in (1..).zip(all.lines().map(str::trim)) {
        let place = || Place::line(file, line);
        if row.is_empty() {
            word += 1;
            continue;
        }
        let bare = row.trim_start_matches('#').trim();
        let (numbers, said) = row_of(bare);
        let (&[r, g, b, cx, cy, x1, y1, x2, y2], Some(said)) = (numbers.as_slice(), said) else {
            let message = format!("expected 9 numbers and a letter, found `{}`; left out", text::crop(row));
            gather.judge.error("syntax", place(), message);
            continue;
        };
        let Some(bbox) = gather.judge.accept(Box2d::new(x1, y1, x2, y2), record.stated_size, place) else { continue };
        let colour = r as u32 | (g as u32) << 8 | (b as u32) << 16;
        let pixels = mask.as_ref().and_then(|m| pixels::where_is(m, |n| n == colour)).filter(|rle| rle.area() > 0);
        let mut label = labelled(pixels.map_or(Shape::Box2d(bbox), Shape::Rle), said);
        label.bbox = Some(bbox).filter(|_| label.label_type() == LabelType::Rle);
        label.instance = Some(format!("word {word}"));
        label.attributes.insert("center".to_owned(), serde_json::json!([cx, cy]));
        if row.starts_with('#') {
            label.attributes.insert("illegible".to_owned(), true.into());
        }
        out.push(label);
    }
    out
}

fn words(gather: &mut Gather<'_>, file: &str, all: &str) -> Result<()> {
    let mut said: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for (line, row) in text::lines(all) {
        match row.trim_start_matches('\u{feff}').split_once(',') {
            Some((image, rest)) if is_image(image.trim()) => {
                let rest = rest.trim();
                let bare = rest.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(rest);
                said.insert(image.trim().to_owned(), (line, bare.replace("\\\"", "\"")));
            }
            _ => {
                let message = format!("expected an image and a word, found `{}`; left out", text::crop(row));
                gather.judge.error("syntax", Place::line(file, line), message);
            }
        }
    }
    for (image, (line, word)) in said {
        let place = || Place::line(file, line);
        let Some(mut record) = gather.start(file, &image, None, &place) else { continue };
        record.layers.insert(gather.layer.clone(), vec![crate::speech::sentence(&word)]);
        gather.put(record, &place)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbers_and_a_text() {
        assert_eq!(row_of("0,0,3,1,4,6,1,7,\"FOOD\""), (vec![0.0, 0.0, 3.0, 1.0, 4.0, 6.0, 1.0, 7.0], Some("FOOD")));
        assert_eq!(row_of("\u{feff}1, 2, 3, 4, Hello, \"you\""), (vec![1.0, 2.0, 3.0, 4.0], Some("Hello, \"you\"")));
        assert_eq!(row_of("0 0 2 3 \"RED\""), (vec![0.0, 0.0, 2.0, 3.0], Some("RED")));
        assert!(fits(Kind::Places, "1,2,3,4,2015") && !fits(Kind::Words, "1,2,3,4,x.png"));
    }
}
