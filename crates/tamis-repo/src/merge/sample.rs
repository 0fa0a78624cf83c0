//! Three-way merge of one sample.

use std::collections::{BTreeMap, BTreeSet};

use tamis_core::{Label, Sample, Value};

use super::conflict::{Clashes, ConflictPart};

/// Merges one sample's three states. Parts that clash hold ours and are told to `clashes`.
pub(crate) fn merge_sample(
    path: &str,
    base: Option<&Sample>,
    ours: Option<&Sample>,
    theirs: Option<&Sample>,
    clashes: &mut Clashes,
) -> Option<Sample> {
    let (Some(o), Some(t)) = (ours, theirs) else {
        return clashes.pick(path, || ConflictPart::Sample, base, ours, theirs);
    };
    if o == t || base == theirs {
        return Some(o.clone());
    }
    if base == ours {
        return Some(t.clone());
    }
    // Both made it: what only one of them has is taken, what both have unlike is a conflict.
    let none = Sample::default();
    let b = base.unwrap_or(&none);
    let property = |name: &str| ConflictPart::Property { name: name.to_owned() };
    let mut text =
        |name: &str, of: fn(&Sample) -> Option<&String>| clashes.pick(path, || property(name), of(b), of(o), of(t));
    let split = text("split", |s| s.split.as_ref());
    let frame = text("frame", |s| s.frame.as_ref());
    let sensor = text("sensor", |s| s.sensor.as_ref());
    Some(Sample {
        path: path.to_owned(),
        media: clashes.pick(path, || ConflictPart::Media, b.media.as_ref(), o.media.as_ref(), t.media.as_ref()),
        split,
        frame,
        sensor,
        timestamp: clashes.pick(
            path,
            || property("timestamp"),
            b.timestamp.as_ref(),
            o.timestamp.as_ref(),
            t.timestamp.as_ref(),
        ),
        fields: merge_fields(path, b, o, t, clashes),
        layers: merge_layers(path, b, o, t, clashes),
    })
}

fn names<T>(maps: [&BTreeMap<String, T>; 3]) -> BTreeSet<&String> {
    maps.into_iter().flat_map(BTreeMap::keys).collect()
}

fn merge_fields(path: &str, b: &Sample, o: &Sample, t: &Sample, clashes: &mut Clashes) -> BTreeMap<String, Value> {
    names([&b.fields, &o.fields, &t.fields])
        .into_iter()
        .filter_map(|name| {
            let part = || ConflictPart::Field { name: name.clone() };
            let value = clashes.pick(path, part, b.fields.get(name), o.fields.get(name), t.fields.get(name));
            value.map(|value| (name.clone(), value))
        })
        .collect()
}

fn merge_layers(path: &str, b: &Sample, o: &Sample, t: &Sample, clashes: &mut Clashes) -> BTreeMap<String, Vec<Label>> {
    names([&b.layers, &o.layers, &t.layers])
        .into_iter()
        .filter_map(|layer| {
            let (base, ours, theirs) = (b.layers.get(layer), o.layers.get(layer), t.layers.get(layer));
            let labels = match (ours, theirs) {
                (Some(ours), Some(theirs)) if ours != theirs && base != Some(ours) && base != Some(theirs) => {
                    Some(merge_labels(path, layer, base.map_or(&[], Vec::as_slice), ours, theirs, clashes))
                }
                _ => clashes.pick(path, || ConflictPart::Layer { layer: layer.clone() }, base, ours, theirs),
            };
            labels.map(|labels| (layer.clone(), labels))
        })
        .collect()
}

fn merge_labels(
    path: &str,
    layer: &str,
    base: &[Label],
    ours: &[Label],
    theirs: &[Label],
    clashes: &mut Clashes,
) -> Vec<Label> {
    let by_id = |labels: &[Label]| labels.iter().map(|label| (label.id, label.clone())).collect::<BTreeMap<_, _>>();
    let (base, ours, theirs) = (by_id(base), by_id(ours), by_id(theirs));
    let ids: BTreeSet<u64> = base.keys().chain(ours.keys()).chain(theirs.keys()).copied().collect();
    ids.into_iter()
        .filter_map(|id| merge_label(path, layer, id, base.get(&id), ours.get(&id), theirs.get(&id), clashes))
        .collect()
}

/// Merges one label part by part where all three have it; any part that clashes makes the whole
/// label a conflict, so that nobody gets a label that nobody drew.
fn merge_label(
    path: &str,
    layer: &str,
    id: u64,
    base: Option<&Label>,
    ours: Option<&Label>,
    theirs: Option<&Label>,
    clashes: &mut Clashes,
) -> Option<Label> {
    if let (Some(b), Some(o), Some(t)) = (base, ours, theirs)
        && o != t
        && let Some(merged) = merge_parts(b, o, t)
    {
        return Some(merged);
    }
    clashes.pick(path, || ConflictPart::Label { layer: layer.to_owned(), id }, base, ours, theirs)
}

fn merge_parts(b: &Label, o: &Label, t: &Label) -> Option<Label> {
    fn one<T: Clone + PartialEq>(b: &T, o: &T, t: &T) -> Option<T> {
        if o == t || b == t {
            Some(o.clone())
        } else if b == o {
            Some(t.clone())
        } else {
            None
        }
    }
    let mut attributes = BTreeMap::new();
    let keys: BTreeSet<&String> = b.attributes.keys().chain(o.attributes.keys()).chain(t.attributes.keys()).collect();
    for key in keys {
        let value = one(&b.attributes.get(key), &o.attributes.get(key), &t.attributes.get(key))?;
        if let Some(value) = value {
            attributes.insert(key.clone(), value.clone());
        }
    }
    // Shape and the box beside it are one drawing.
    let (shape, bbox) = one(&(&b.shape, &b.bbox), &(&o.shape, &o.bbox), &(&t.shape, &t.bbox))?;
    Some(Label {
        id: o.id,
        shape: shape.clone(),
        bbox: *bbox,
        class: one(&b.class, &o.class, &t.class)?,
        instance: one(&b.instance, &o.instance, &t.instance)?,
        confidence: one(&b.confidence, &o.confidence, &t.confidence)?,
        attributes,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use tamis_core::{Box2d, Shape};

    fn sample(labels: &[(u64, f64, &str)]) -> Sample {
        let labels = labels
            .iter()
            .map(|(id, x, class)| {
                Label::new(Shape::Box2d(Box2d::new(*x, 0.0, 9.0, 9.0))).with_id(*id).with_class(*class)
            })
            .collect();
        Sample { path: "a".into(), layers: [("truth".to_owned(), labels)].into(), ..Sample::default() }
    }

    #[test]
    fn different_labels_and_different_parts_merge() {
        let base = sample(&[(1, 0.0, "car"), (2, 0.0, "car")]);
        let ours = sample(&[(1, 5.0, "car"), (2, 0.0, "car"), (7, 0.0, "bus")]);
        let theirs = sample(&[(1, 0.0, "bus")]);
        let mut clashes = Clashes::default();
        let merged = merge_sample("a", Some(&base), Some(&ours), Some(&theirs), &mut clashes).unwrap();
        assert_eq!(merged, sample(&[(1, 5.0, "bus"), (7, 0.0, "bus")]));
        assert!(clashes.0.is_empty());
    }

    #[test]
    fn the_same_part_changed_differently_is_a_conflict() {
        let base = sample(&[(1, 0.0, "car")]);
        let mut clashes = Clashes::default();
        let (ours, theirs) = (sample(&[(1, 0.0, "bus")]), sample(&[(1, 0.0, "van")]));
        let merged = merge_sample("a", Some(&base), Some(&ours), Some(&theirs), &mut clashes);
        assert_eq!(merged, Some(ours.clone()));
        assert_eq!(clashes.0.len(), 1);
        assert_eq!(clashes.0[0].place(), "a (truth label 1)");
        let mut clashes = Clashes::default();
        assert_eq!(merge_sample("a", Some(&base), None, Some(&theirs), &mut clashes), None);
        assert_eq!(clashes.0[0].part, ConflictPart::Sample);
    }
}
