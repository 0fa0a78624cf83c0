//! Persons found again by other cameras: Market-1501 (`0001_c1s1_001051_00.jpg`) and MARS (`0001C1T0001F001.jpg`). Who
//! it is, the camera and the place in the recording are in each image's name.

use serde_json::json;
use tamis_core::{Label, LabelType, Place, SampleRecord, Shape};

use crate::error::Result;
use crate::gather::Gather;
use crate::paths::{folder, is_image, name, stem};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static MARKET_SPEC: Spec = reads::spec(
    "market1501",
    "Market-1501 re-identification",
    "https://zheng-lab-anu.github.io/Project/project_reid.html",
    &[],
    &[LabelType::Classification],
);

static MARS_SPEC: Spec = reads::spec(
    "mars",
    "MARS re-identification in videos",
    "https://zheng-lab-anu.github.io/Project/project_mars.html",
    &[],
    &[LabelType::Classification],
);

/// Market-1501.
pub(crate) static MARKET: Reads =
    Reads { spec: &MARKET_SPEC, detect: |p| detect(p, market), read: |g| read(g, market) };

/// MARS.
pub(crate) static MARS: Reads = Reads { spec: &MARS_SPEC, detect: |p| detect(p, mars), read: |g| read(g, mars) };

/// The person and the numbers in a name.
type Named<'p> = (&'p str, Vec<(&'static str, u64)>);

/// A letter, then a number; and what follows.
fn lettered(text: &str, letter: char) -> Option<(u64, &str)> {
    let rest = text.strip_prefix(letter)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((rest.get(..end)?.parse().ok()?, rest.get(end..)?))
}

fn market(bare: &str) -> Option<Named<'_>> {
    let parts: Vec<&str> = bare.split('_').collect();
    let &[person, at, frame, ref rest @ ..] = parts.as_slice() else { return None };
    let (camera, tail) = lettered(at, 'c')?;
    let (sequence, "") = lettered(tail, 's')? else { return None };
    let mut numbers = vec![("camera", camera), ("sequence", sequence), ("frame", frame.parse().ok()?)];
    numbers.extend(rest.first().and_then(|b| Some(("box", b.parse().ok()?))));
    Some((person, numbers))
}

fn mars(bare: &str) -> Option<Named<'_>> {
    let at = bare.find('C')?;
    let (camera, tail) = lettered(bare.get(at..)?, 'C')?;
    let (tracklet, tail) = lettered(tail, 'T')?;
    let (frame, "") = lettered(tail, 'F')? else { return None };
    Some((bare.get(..at)?, vec![("camera", camera), ("tracklet", tracklet), ("frame", frame)]))
}

/// The split that the folders name.
fn split_of(path: &str) -> Option<String> {
    let split = |part: &str| match part {
        "bounding_box_train" | "bbox_train" => Some("train"),
        "bounding_box_test" | "bbox_test" => Some("test"),
        "query" => Some("query"),
        _ => None,
    };
    folder(path).split('/').find_map(split).map(str::to_owned)
}

fn detect(probe: &Probe<'_>, named: fn(&str) -> Option<Named<'_>>) -> Confidence {
    let is_one = |p: &str| is_image(p) && split_of(p).is_some() && named(stem(name(p))).is_some();
    match probe.source().entries().iter().find(|e| is_one(&e.path)) {
        Some(first) => Confidence::new(92, format!("found `{}`", first.path)),
        None => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>, named: fn(&str) -> Option<Named<'_>>) -> Result<()> {
    let images: Vec<&str> = gather.index.all().filter(|p| is_image(p) && split_of(p).is_some()).collect();
    if images.is_empty() {
        return Err(gather.nothing("there are no images in folders of the format's names"));
    }
    for image in images {
        let mut record = SampleRecord { split: split_of(image), ..crate::labels::of_file(image) };
        match named(stem(name(image))) {
            Some((person, numbers)) => {
                let mut label = Label::new(Shape::Classification).with_class(person);
                label.attributes = numbers.into_iter().map(|(key, n)| (key.to_owned(), json!(n))).collect();
                record.layers.insert(gather.layer.clone(), vec![label]);
            }
            None => {
                gather.judge.error("name", Place::file(image), "the name does not say which person it shows");
            }
        }
        gather.put(record, &|| Place::file(image))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_say_person_camera_and_place() {
        let (person, numbers) = market("-1_c3s2_000151_07").unwrap();
        assert_eq!((person, numbers), ("-1", vec![("camera", 3), ("sequence", 2), ("frame", 151), ("box", 7)]));
        let (person, numbers) = mars("0065C1T0002F016").unwrap();
        assert_eq!((person, numbers), ("0065", vec![("camera", 1), ("tracklet", 2), ("frame", 16)]));
        assert!(market("cat_dog").is_none() && mars("Cat").is_none());
    }
}
