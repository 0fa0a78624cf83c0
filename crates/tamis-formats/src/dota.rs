//! DOTA: a text file an image with rows `x1 y1 x2 y2 x3 y3 x4 y4 class difficulty` in `labelTxt` beside `images`.

use std::fmt::Write;

use tamis_core::{Label, LabelType, Place, Point, Report, RotatedBox, SampleRecord, Shape};

use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::number::{fewest_decimals, json, text as number};
use crate::lex::{Fault, text};
use crate::out::{
    self, ATTRIBUTES, CLASSES, FIELDS, FUSION, IDS, LAYERS, MEDIA, NAME, NO_BOX, Out, PATH, Put, ROUNDING,
};
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "dota",
    title: "DOTA rotated boxes",
    homepage: "https://captain-whu.github.io/DOTA/dataset.html",
    extensions: &["txt"],
    media: &["image"],
    reads: &[LabelType::RotatedBox, LabelType::Polygon],
    writes: &[LabelType::RotatedBox, LabelType::Polygon, LabelType::Box2d],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        NO_BOX,
        NAME,
        PATH,
        MEDIA,
        IDS,
        CLASSES,
        ROUNDING,
        Loss { code: "shape", what: "shapes without four corners", instead: "the corners of their boxes are written" },
        Loss { code: "upright", what: "boxes that are not turned", instead: "read back as rotated boxes" },
    ],
    options: &[],
};

/// DOTA.
pub(crate) struct Dota;

struct Row {
    corners: [Point; 4],
    class: String,
    difficulty: Option<f64>,
}

fn parse(line: u64, row: &str) -> std::result::Result<Row, Fault> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let (Some(first), Some(rest)) = (words.get(..8), words.get(8..)) else {
        return Err(Fault::new(
            line,
            0,
            format!("expected 8 numbers, a class and a difficulty, found {} words", words.len()),
        ));
    };
    let n = text::numbers(line, first)?;
    let point =
        |i: usize| Point { x: n.get(2 * i).copied().unwrap_or(0.0), y: n.get(2 * i + 1).copied().unwrap_or(0.0) };
    let corners = [point(0), point(1), point(2), point(3)];
    let (class, difficulty) = match rest {
        [] => return Err(Fault::new(line, 0, "the row has no class")),
        [class @ .., last] if !class.is_empty() && last.parse::<f64>().is_ok() => (class, last.parse().ok()),
        class => (class, None),
    };
    Ok(Row { corners, class: class.join(" "), difficulty })
}

/// A rotated box where the corners are those of a rectangle but for rounding, else the corners.
pub(crate) fn shape_of(corners: &[Point; 4]) -> Shape {
    let turned = RotatedBox::from_corners(corners);
    let near = |(a, b): (&Point, Point)| (a.x - b.x).abs() <= 1.0 && (a.y - b.y).abs() <= 1.0;
    match turned.area() > 0.0 && corners.iter().zip(turned.corners()).all(near) {
        true => Shape::RotatedBox(turned),
        false => Shape::Polygon(corners.to_vec()),
    }
}

/// The four corners of a label, and whether they are its own.
pub(crate) fn corners_of(label: &Label) -> Option<([Point; 4], bool)> {
    match &label.shape {
        Shape::RotatedBox(b) => Some((rounded(b), true)),
        Shape::Box2d(b) => Some((b.corners(), true)),
        Shape::Polygon(points) => match points.as_slice() {
            &[a, b, c, d] => Some(([a, b, c, d], true)),
            _ => label.shape.bounds().map(|b| (b.corners(), false)),
        },
        shape => shape.bounds().map(|b| (b.corners(), false)),
    }
}

/// Corners in the fewest decimals that give the same rotated box back, else all their digits.
fn rounded(b: &RotatedBox) -> [Point; 4] {
    let all = b.corners();
    for decimals in 0..=17usize {
        let cut = |v: f64| format!("{v:.decimals$}").parse().unwrap_or(v);
        let short = all.map(|p| Point { x: cut(p.x), y: cut(p.y) });
        if RotatedBox::from_corners(&short) == *b {
            return short;
        }
    }
    all.map(|p| Point { x: fewest_decimals(p.x, |v| v == p.x), y: fewest_decimals(p.y, |v| v == p.y) })
}

fn is_rows(source: &Source, path: &str) -> bool {
    let head = source.head(path, 4096).unwrap_or_default();
    let head = text::decode(&head).into_owned();
    // One bad row does not make it another file.
    text::lines(&head).take(20).any(|(_, l)| {
        let words: Vec<&str> = l.split_whitespace().collect();
        parse(1, l).is_ok() && words.get(8).is_some_and(|w| w.parse::<f64>().is_err())
    })
}

impl Format for Dota {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let mut files = probe.with_extension("txt").iter().take(30).map(|e| e.path.as_str());
        match files.find(|p| is_rows(probe.source(), p)) {
            Some(first) => Confidence::new(94, format!("found `{first}` with four corners and a class a row")),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let judge = Judge { format: SPEC.id, report };
        let index = MediaIndex::new(source);
        let texts: Vec<&str> =
            source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "txt").collect();
        if texts.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there are no label files"));
        }
        let homes = ["labelTxt", "labelTxt-v1.0", "labelTxt-v1.5", "labels", "annfiles"];
        let mut used = std::collections::HashSet::new();
        let mut items: Vec<(String, Option<&str>, bool)> = Vec::new();
        for image in index.all().filter(|p| paths::is_image(p)) {
            let near = homes.iter().filter_map(|h| out::beside(image, "images", h, "txt"));
            let near = near.chain([format!("{}.txt", paths::stem(image))]);
            let found = near.filter_map(|p| source.find(&p)).map(|e| e.path.as_str()).next();
            used.extend(found);
            items.push((image.to_owned(), found, true));
        }
        for file in texts.iter().filter(|t| !used.contains(*t) && is_rows(source, t)) {
            judge.error("missing_image", Place::file(*file), "there is no image for this label file");
            items.push((format!("{}.png", paths::stem(file)), Some(file), false));
        }
        items.sort();
        let layer = options.layer();
        Ok(Box::new(Each::new(
            items,
            Schema::default(),
            move |(path, file, here): (String, Option<&str>, bool), schema| {
                let mut record = labels::of_file(&path);
                match here {
                    true => record.stated_size = source.image_size(&path),
                    false => record.media = None,
                }
                if let Some(all) = file.and_then(|f| judge.text(source, f)) {
                    let file = file.unwrap_or_default();
                    let mut found = Vec::new();
                    for (line, row) in text::lines(&all) {
                        if let Some((key @ ("imagesource" | "gsd"), value)) = row.split_once(':') {
                            record.fields.insert(key.to_owned(), value.trim().into());
                            continue;
                        }
                        let Some(row) = judge.take(file, parse(line, row)) else { continue };
                        let bounds = tamis_core::geometry::bounds(row.corners).unwrap_or_default();
                        if judge.accept(bounds, record.stated_size, || Place::line(file, line)).is_none() {
                            continue;
                        }
                        let mut label = Label::new(shape_of(&row.corners));
                        label.class = labels::class(&row.class);
                        label.attributes.extend(row.difficulty.map(|d| ("difficulty".to_owned(), json(d))));
                        found.push(label);
                    }
                    labels::learn(schema, &found);
                    record.layers.insert(layer.clone(), found);
                }
                Ok(Some(record))
            },
        )))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(out::write(&SPEC, sink, schema, options, report, Rows))
    }
}

struct Rows;

impl Put for Rows {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let (above, rest) = out::below(&record.path, "images");
        let wanted = match (rest.len() < record.path.len(), record.split.as_deref()) {
            (true, _) => format!("{above}images/{rest}"),
            (false, Some(split)) => format!("{}/images/{rest}", crate::sink::safe(split)),
            (false, None) => format!("images/{rest}"),
        };
        let path = out.media(record, &wanted)?;
        let Some(labels) = labels else { return Ok(()) };
        let mut rows = String::new();
        for key in ["imagesource", "gsd"] {
            if let Some(value) = record.fields.get(key).and_then(serde_json::Value::as_str) {
                let _ = writeln!(rows, "{key}:{}", value.replace(out::breaks_line, " "));
            }
        }
        for label in labels {
            let Some((corners, own)) = corners_of(label) else {
                out.losses.add("no_box", &record.path)?;
                continue;
            };
            out.lose_if("shape", record, !own)?;
            out.lose_if("upright", record, matches!(label.shape, Shape::Box2d(_)))?;
            out.keeps(record, label, &["difficulty"])?;
            let numbers: Vec<String> = corners.iter().flat_map(|p| [number(p.x), number(p.y)]).collect();
            let class = out.class(record, label, out::breaks_word)?;
            let difficulty = label.attributes.get("difficulty").and_then(serde_json::Value::as_f64).unwrap_or(0.0);
            let _ = writeln!(rows, "{} {class} {}", numbers.join(" "), number(difficulty));
            out.done.labels += 1;
        }
        out.sink.put(&out::beside(&path, "images", "labelTxt", "txt").unwrap_or_default(), rows.as_bytes())
    }

    fn end(&mut self, _: &mut Out<'_>) -> Result<()> {
        Ok(())
    }
}
