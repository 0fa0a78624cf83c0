//! VGG-Face2: `<split>/<person>/<image>.jpg`, with boxes in `bb_landmark/loose_bb_<split>.csv`, points in
//! `loose_landmark_<split>.csv`, names of persons in `labels.txt` or `identity_meta.csv`.

use std::collections::BTreeMap;

use tamis_core::{Box2d, Class, LabelType, Place};

use super::Face;
use crate::error::Result;
use crate::gather::Gather;
use crate::lex::text;
use crate::paths::{self, name, stem};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "vgg_face2",
    "VGG-Face2",
    "https://github.com/ox-vgg/vgg_face2",
    &["csv"],
    &[LabelType::Classification, LabelType::Box2d, LabelType::Keypoints],
);

/// VGG-Face2.
pub(crate) static VGGFACE2: Reads = Reads { spec: &SPEC, detect, read };

fn is_table(path: &str) -> bool {
    name(path).starts_with("loose_bb_") || name(path).starts_with("loose_landmark_")
}

fn detect(probe: &Probe<'_>) -> Confidence {
    match probe.with_extension("csv").iter().find(|e| is_table(&e.path)) {
        Some(first) => Confidence::new(95, format!("found `{}`", first.path)),
        None => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let tables: Vec<&str> = gather.files("csv").into_iter().filter(|p| is_table(p)).collect();
    if tables.is_empty() {
        return Err(gather.nothing("there is no `loose_bb_<split>.csv`"));
    }
    gather.skeletons.push(super::skeleton());
    let mut faces: BTreeMap<String, Face> = BTreeMap::new();
    for image in gather.index.all() {
        let identity = name(paths::folder(image));
        let identity = (!identity.is_empty() && paths::split_of(identity).is_none()).then(|| identity.to_owned());
        let face = Face { identity, split: paths::split_of_folders(image), ..Face::default() };
        faces.insert(image.to_owned(), face);
    }
    persons(gather, faces.values());
    for file in tables {
        let Some(all) = gather.judge.text(gather.source, file) else { continue };
        let split = stem(name(file)).rsplit('_').next().unwrap_or_default();
        for (line, row) in text::lines(&all).filter(|(_, row)| !row.starts_with("NAME_ID")) {
            let place = || Place::line(file, line);
            let words: Vec<&str> = row.split(',').map(|w| w.trim().trim_matches('"')).collect();
            let Some((wanted, rest)) = words.split_first() else { continue };
            let numbers = match text::numbers(line, rest) {
                Ok(numbers) => numbers,
                Err(fault) => {
                    gather.judge.error("syntax", fault.place(file), fault.message);
                    continue;
                }
            };
            let inside = paths::normal(wanted);
            let found = inside.and_then(|w| gather.index.stem(&format!("{split}/{w}")).or(gather.index.stem(&w)));
            let Some(face) = found.and_then(|image| faces.get_mut(image)) else {
                let message = format!("there is no image `{}`", text::crop(wanted));
                gather.judge.error("missing_image", place(), message);
                continue;
            };
            match numbers.as_slice() {
                &[x, y, w, h] if name(file).starts_with("loose_bb_") => face.bbox = Some(Box2d::from_xywh(x, y, w, h)),
                points if points.len() == 10 => face.points = Some(numbers),
                _ => gather.judge.error("syntax", place(), "a row has neither 4 nor 10 numbers; left out"),
            }
        }
    }
    for (image, face) in faces {
        super::put(gather, &image, face, &|| Place::file(&image))?;
    }
    Ok(())
}

/// Classes of the persons, described by their names.
fn persons<'f>(gather: &mut Gather<'_>, faces: impl Iterator<Item = &'f Face>) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for file in ["txt", "csv"].iter().flat_map(|e| gather.files(e)).collect::<Vec<_>>() {
        if !matches!(name(file), "labels.txt" | "identity_meta.csv") {
            continue;
        }
        let all = gather.judge.text(gather.source, file).unwrap_or_default();
        for (_, row) in text::lines(&all) {
            if let Some((id, rest)) = row.split_once([' ', ',']) {
                let person = rest.split(',').next().unwrap_or_default().trim().trim_matches('"');
                names.insert(id.to_owned(), person.to_owned());
            }
        }
    }
    let all: std::collections::BTreeSet<&String> = faces.filter_map(|f| f.identity.as_ref()).collect();
    let class = |id: &String| Class {
        name: id.clone(),
        description: names.get(id).cloned().unwrap_or_default(),
        ..Class::default()
    };
    gather.schema.ontology.schema_mut(LabelType::Classification).classes = all.into_iter().map(class).collect();
}
