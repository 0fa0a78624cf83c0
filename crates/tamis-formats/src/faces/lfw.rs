//! LFW (Labeled Faces in the Wild): `<person>/<person>_0001.jpg`, with `pairs.txt` of images of the same and of
//! different persons, `people.txt`, and points in `landmarks.txt`.

use std::collections::BTreeMap;

use serde_json::json;
use tamis_core::{LabelType, Place, Value};

use super::Face;
use crate::error::Result;
use crate::gather::Gather;
use crate::lex::text;
use crate::paths::{self, folder, name};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "lfw",
    "Labeled Faces in the Wild",
    "http://vis-www.cs.umass.edu/lfw/",
    &["txt"],
    &[LabelType::Classification, LabelType::Keypoints],
);

/// Labeled Faces in the Wild.
pub(crate) static LFW: Reads = Reads { spec: &SPEC, detect, read };

/// Whether an image is named like its folder and numbered.
fn is_face(path: &str) -> bool {
    let rest = paths::stem(name(path)).strip_prefix(name(folder(path)));
    let number = rest.and_then(|r| r.strip_prefix('_'));
    paths::is_image(path) && number.is_some_and(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit()))
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let lists = probe.with_extension("txt");
    let list = lists.iter().find(|e| name(&e.path).starts_with("pairs") || name(&e.path).starts_with("people"));
    let face = probe.source().entries().iter().find(|e| is_face(&e.path));
    match (list, face) {
        (Some(list), Some(face)) => Confidence::new(93, format!("found `{}` and `{}`", list.path, face.path)),
        _ => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let mut faces: BTreeMap<&str, Face> = BTreeMap::new();
    for image in gather.index.all().filter(|p| is_face(p)) {
        let identity = Some(name(folder(image)).to_owned());
        faces.insert(image, Face { identity, split: paths::split_of_folders(image), ..Face::default() });
    }
    if faces.is_empty() {
        return Err(gather.nothing("there is no image `<person>/<person>_0001.jpg`"));
    }
    gather.skeletons.push(super::skeleton());
    for file in gather.files("txt") {
        let Some(all) = gather.judge.text(gather.source, file) else { continue };
        let (points, pairs) = (name(file).contains("landmarks"), name(file).starts_with("pairs"));
        for (line, row) in text::lines(&all) {
            let place = || Place::line(file, line);
            let words: Vec<&str> = row.split_whitespace().collect();
            match words.as_slice() {
                [wanted, rest @ ..] if points => {
                    let face = gather.index.named(wanted).and_then(|image| faces.get_mut(image));
                    match (text::numbers(line, rest), face) {
                        (Ok(numbers), Some(face)) if numbers.len() == 10 => face.points = Some(numbers),
                        (Ok(_), None) => {
                            let message = format!("there is no image `{}`", text::crop(wanted));
                            gather.judge.error("missing_image", place(), message);
                        }
                        (Ok(_), _) => gather.judge.error("syntax", place(), "a row has not ten numbers; left out"),
                        (Err(fault), _) => gather.judge.error("syntax", fault.place(file), fault.message),
                    }
                }
                [person, a, b] if pairs => pair(gather, &mut faces, (person, a), (person, b), place()),
                [one, a, other, b] if pairs => pair(gather, &mut faces, (one, a), (other, b), place()),
                // How many sets and pairs there are; who is in the set, which the folders say.
                _ => {}
            }
        }
    }
    for (image, face) in faces {
        super::put(gather, image, face, &|| Place::file(image))?;
    }
    Ok(())
}

/// Notes at the first image of a pair which other one is of the same or of a different person.
fn pair(gather: &Gather<'_>, faces: &mut BTreeMap<&str, Face>, one: (&str, &str), other: (&str, &str), place: Place) {
    let image = |(person, number): (&str, &str)| {
        let number = number.parse::<u32>().ok()?;
        ["jpg", "png"].iter().find_map(|e| gather.index.named(&format!("{person}_{number:04}.{e}")))
    };
    let (Some(first), Some(second)) = (image(one), image(other)) else {
        gather.judge.error("missing_image", place, "there is no image for one half of a pair; left out");
        return;
    };
    let key = if one.0 == other.0 { "same" } else { "different" };
    if let Some(face) = faces.get_mut(first) {
        let list = face.fields.entry(key.to_owned()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(second.into());
        }
    }
}
