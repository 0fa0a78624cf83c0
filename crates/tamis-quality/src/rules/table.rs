//! The table of rules.

use tamis_core::Severity;

/// One rule of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A stable name, `area.what`.
    pub id: &'static str,
    /// What is wrong with a label that breaks it.
    pub what: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What the safe fix does; [`None`] where a person has to look.
    pub fix: Option<&'static str>,
}

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $what:literal, $fix:expr;)*) => {
        $(pub(super) const $name: &Rule = &Rule { id: $id, what: $what, severity: Severity::$severity, fix: $fix };)*
        /// Every rule, by its id.
        pub const RULES: &[&Rule] = &[$($name),*];
    };
}

rules! {
    AREA_INVERTED = "area.inverted", Error, "a box whose corners are swapped", Some("puts the corners in order");
    AREA_TINY = "area.tiny", Warning, "a shape narrower or lower than `tiny` pixels", None;
    AREA_ZERO = "area.zero", Error, "a shape without area or length", Some("drops the label");
    DUPLICATE_BOX = "duplicate.box", Warning, "two boxes of a class that overlap by `duplicate` or more", None;
    DUPLICATE_CLASS = "duplicate.class", Warning, "two boxes of different classes that overlap by `duplicate` or more", None;
    DUPLICATE_EXACT = "duplicate.exact", Error, "a label that is there twice", Some("drops the second");
    IMAGE_OUTSIDE = "image.outside", Error, "a shape that lies outside the image", None;
    IMAGE_PARTLY = "image.partly_outside", Warning, "a shape that reaches over the image's edge", Some("clips boxes and polygons to the image");
    LABEL_CONFIDENCE = "label.confidence", Warning, "a confidence outside 0 to 1", None;
    LABEL_MEDIA = "label.no_media", Error, "a shape in an image of a sample without media", None;
    LABEL_FINITE = "label.not_finite", Error, "a coordinate or a number that is not finite", None;
    MASK_BROKEN = "mask.broken", Error, "a mask whose runs do not fill its size", None;
    MASK_SIZE = "mask.size", Error, "a mask of another size than the image", None;
    ONTOLOGY_ATTRIBUTE = "ontology.attribute", Error, "an attribute that the ontology does not have", None;
    ONTOLOGY_CLASS = "ontology.class", Error, "a class that the ontology does not have", None;
    ONTOLOGY_KEYPOINTS = "ontology.keypoints", Error, "another number of key points than the skeleton has", None;
    ONTOLOGY_REQUIRED = "ontology.required", Error, "an attribute that has to be given is missing", None;
    ONTOLOGY_TYPE = "ontology.type", Error, "a type of label that the ontology does not have", None;
    ONTOLOGY_VALUE = "ontology.value", Error, "an attribute of the wrong type or out of its range", None;
    POLYGON_CROSSING = "polygon.crossing", Warning, "a polygon whose edges cross", None;
    POLYGON_POINTS = "polygon.points", Error, "a polygon of fewer than 3 points, or a line of fewer than 2", None;
    RELATION_TARGET = "relation.target", Error, "a relation of a label that is not there", None;
    SPAN_INVERTED = "span.inverted", Error, "a part of a text or a sound that ends before it begins", None;
    TRACK_CLASS = "track.class", Warning, "an object whose class changes along its track", None;
    TRACK_GAP = "track.gap", Note, "an object that is away for more than `gap` frames and comes back", None;
    TRACK_JUMP = "track.jump", Warning, "an object that moves by more than `jump` times its size in a frame", None;
    TRACK_KEYS = "track.keys", Error, "a track without key frames, or with some that do not ascend or have no place", None;
    TRACK_TWICE = "track.twice", Error, "an object that is twice in a frame", None;
}
