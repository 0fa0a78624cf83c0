//! Labels: what somebody says is in a sample.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{CoreError, shorten};
use crate::geometry::{self, Box2d, Box3d, Keypoint, Point, Rle, RotatedBox};
use crate::{BlobId, Value};

/// One annotation of one sample, in one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Unique within its sample and layer; stays with the label through edits, so that a diff
    /// can say *which* box changed. 0 = not assigned yet (a format without ids).
    #[serde(default)]
    pub id: u64,
    /// The label's type and geometry.
    #[serde(flatten)]
    pub shape: Shape,
    /// A box given beside the shape (COCO stores both); absent when the shape is a box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<Box2d>,
    /// The class by name; nested classes joined by the ontology's delimiter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The object this label shows; equal over frames for a track.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// How sure the annotator or model is, normally 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Attribute values by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
}

/// The geometry of a label. Coordinates are pixels from the top left corner of the image, as it
/// is stored; 3D in metres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "shape", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shape {
    /// The whole sample is of a class.
    Classification,
    /// An axis-aligned box.
    Box2d(Box2d),
    /// A box turned about its centre.
    RotatedBox(RotatedBox),
    /// A cuboid in the sensor's (or world's) frame.
    Box3d(Box3d),
    /// One closed ring; the last point is not repeated.
    Polygon(Vec<Point>),
    /// Several closed rings that together are one object.
    MultiPolygon(Vec<Vec<Point>>),
    /// An open line.
    Polyline {
        /// The vertices.
        points: Vec<Point>,
        /// One letter a vertex where the line is a Bézier curve: `L` on the line, `C` control point.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bezier: Option<String>,
    },
    /// Several open lines that together are one object.
    MultiPolyline(Vec<Vec<Point>>),
    /// Key points in the order of the class's skeleton.
    Keypoints(Vec<Keypoint>),
    /// A run-length encoded mask.
    Rle(Rle),
    /// A mask kept as an image of its own.
    Mask(Mask),
    /// Text, or the transcript of speech.
    Sentence {
        /// Words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sentence: Vec<Word>,
        /// Spelling (e.g. pinyin).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        spell: Vec<Word>,
        /// Phonemes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        phone: Vec<Word>,
    },
    /// A directed relation of two labels of the same sample and layer, named by the class.
    Relation {
        /// The id of the subject.
        from: u64,
        /// The id of the object.
        to: u64,
    },
    /// A number (a score, an age, a steering angle).
    Scalar(f64),
    /// Nothing but attribute values.
    Attributes,
    /// A part of the sample's text.
    TextSpan {
        /// The first character, counted in Unicode scalar values from 0.
        begin: u64,
        /// After the last character.
        end: u64,
    },
    /// A part of a sound or a video.
    TimeSpan {
        /// Seconds from the start.
        begin: f64,
        /// Seconds from the start.
        end: f64,
    },
    /// One object through a video: its key frames in the order of their frames, each frame once.
    /// See [`crate::track`] for the frames between.
    Track(Vec<TrackKey>),
}

/// A mask image: each pixel is the number of a class, of an instance, or of an entry of `info`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mask {
    /// What the pixels number.
    pub kind: MaskKind,
    /// The image's bytes; [`None`] in a record whose bytes are still in the source.
    pub blob: Option<BlobId>,
    /// Where a record's bytes are in the source (a path), or the original name of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Attributes of classes or instances in the mask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<MaskInfo>,
}

/// What the pixel values of a mask number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskKind {
    /// Pixel = class number.
    Semantic,
    /// Pixel = instance number.
    Instance,
    /// Pixel = number of an entry of `info`, which names class and instance.
    Panoptic,
}

/// One class or instance of a mask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaskInfo {
    /// The instance number, where the mask has instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<i64>,
    /// The class number, as the ontology numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_id: Option<i64>,
    /// Attribute values by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
}

/// One key frame of a track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackKey {
    /// The frame's number in the video, from 0.
    pub frame: u32,
    /// Where the object is in it: a spatial shape (see [`Shape::is_spatial`]).
    #[serde(flatten)]
    pub shape: Box<Shape>,
    /// The object is not to be seen from this frame on, until the next key.
    #[serde(default, skip_serializing_if = "is_false")]
    pub outside: bool,
    /// The file gives this frame, but nobody drew it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interpolated: bool,
    /// Values of the attributes that change along the track, from this frame on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl TrackKey {
    /// A key that somebody drew, of a visible object without attributes.
    pub fn new(frame: u32, shape: Shape) -> TrackKey {
        TrackKey { frame, shape: Box::new(shape), outside: false, interpolated: false, attributes: BTreeMap::new() }
    }
}

/// One word, spelling or phoneme with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The text.
    pub text: String,
    /// Start in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin: Option<f64>,
    /// End in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
}

macro_rules! label_types {
    ($($variant:ident = $code:literal, $text:literal, $doc:literal;)*) => {
        /// The type of a label. The numbers are part of the stored format and never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum LabelType {
            $(#[doc = $doc] $variant = $code,)*
        }

        impl LabelType {
            /// Every type, in the order of its number.
            pub const ALL: &'static [LabelType] = &[$(LabelType::$variant),*];

            /// The stable name, e.g. `box2d`.
            pub fn as_str(self) -> &'static str {
                match self { $(LabelType::$variant => $text,)* }
            }

            /// The number in stored pages.
            pub fn code(self) -> u8 {
                self as u8
            }

            /// The type of a stored number; [`None`] for one this version does not know.
            pub fn from_code(code: u8) -> Option<LabelType> {
                match code { $($code => Some(LabelType::$variant),)* _ => None }
            }
        }
    };
}

label_types! {
    Classification = 1, "classification", "The whole sample is of a class.";
    Box2d = 2, "box2d", "An axis-aligned box.";
    RotatedBox = 3, "rotated_box", "A box turned about its centre.";
    Box3d = 4, "box3d", "A cuboid.";
    Polygon = 5, "polygon", "One closed ring.";
    MultiPolygon = 6, "multi_polygon", "Several closed rings.";
    Polyline = 7, "polyline", "An open line.";
    MultiPolyline = 8, "multi_polyline", "Several open lines.";
    Keypoints = 9, "keypoints", "Key points of a skeleton.";
    Rle = 10, "rle", "A run-length encoded mask.";
    SemanticMask = 11, "semantic_mask", "A mask image of classes.";
    InstanceMask = 12, "instance_mask", "A mask image of instances.";
    PanopticMask = 13, "panoptic_mask", "A mask image of classes and instances.";
    Sentence = 14, "sentence", "Text or transcript.";
    Relation = 15, "relation", "A relation of two labels.";
    Scalar = 16, "scalar", "A number.";
    Attributes = 17, "attributes", "Attribute values alone.";
    TextSpan = 18, "text_span", "A part of a text.";
    TimeSpan = 19, "time_span", "A part of a sound or a video.";
    Track = 20, "track", "An object through a video.";
}

impl fmt::Display for LabelType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LabelType {
    type Err = CoreError;
    fn from_str(text: &str) -> Result<LabelType, CoreError> {
        LabelType::ALL.iter().copied().find(|t| t.as_str() == text).ok_or_else(|| CoreError::BadName {
            what: "label type",
            text: shorten(text, 40),
            reason: "not one of the label types in the glossary",
        })
    }
}

impl Shape {
    /// The type of this shape.
    pub fn label_type(&self) -> LabelType {
        match self {
            Shape::Classification => LabelType::Classification,
            Shape::Box2d(_) => LabelType::Box2d,
            Shape::RotatedBox(_) => LabelType::RotatedBox,
            Shape::Box3d(_) => LabelType::Box3d,
            Shape::Polygon(_) => LabelType::Polygon,
            Shape::MultiPolygon(_) => LabelType::MultiPolygon,
            Shape::Polyline { .. } => LabelType::Polyline,
            Shape::MultiPolyline(_) => LabelType::MultiPolyline,
            Shape::Keypoints(_) => LabelType::Keypoints,
            Shape::Rle(_) => LabelType::Rle,
            Shape::Mask(mask) => match mask.kind {
                MaskKind::Semantic => LabelType::SemanticMask,
                MaskKind::Instance => LabelType::InstanceMask,
                MaskKind::Panoptic => LabelType::PanopticMask,
            },
            Shape::Sentence { .. } => LabelType::Sentence,
            Shape::Relation { .. } => LabelType::Relation,
            Shape::Scalar(_) => LabelType::Scalar,
            Shape::Attributes => LabelType::Attributes,
            Shape::TextSpan { .. } => LabelType::TextSpan,
            Shape::TimeSpan { .. } => LabelType::TimeSpan,
            Shape::Track(_) => LabelType::Track,
        }
    }

    /// Whether the shape is a place in one image or scan, and whole by itself: what a key frame of a track may have.
    pub fn is_spatial(&self) -> bool {
        matches!(
            self,
            Shape::Box2d(_)
                | Shape::RotatedBox(_)
                | Shape::Box3d(_)
                | Shape::Polygon(_)
                | Shape::MultiPolygon(_)
                | Shape::Polyline { .. }
                | Shape::MultiPolyline(_)
                | Shape::Keypoints(_)
                | Shape::Rle(_)
        )
    }

    /// The smallest axis-aligned box around a 2D shape; [`None`] for shapes without a 2D extent.
    pub fn bounds(&self) -> Option<Box2d> {
        match self {
            Shape::Box2d(b) => Some(*b),
            Shape::RotatedBox(b) => Some(b.bounds()),
            Shape::Polygon(points) | Shape::Polyline { points, .. } => geometry::bounds(points.iter().copied()),
            Shape::MultiPolygon(rings) | Shape::MultiPolyline(rings) => {
                geometry::bounds(rings.iter().flatten().copied())
            }
            Shape::Keypoints(points) => {
                geometry::bounds(points.iter().filter(|p| p.v != Some(0)).map(|p| Point { x: p.x, y: p.y }))
            }
            Shape::Rle(rle) => rle.bounds(),
            _ => None,
        }
    }
}

impl Label {
    /// A label of this shape and nothing else.
    pub fn new(shape: Shape) -> Label {
        Label { id: 0, shape, bbox: None, class: None, instance: None, confidence: None, attributes: BTreeMap::new() }
    }

    /// The same label with a class.
    pub fn with_class(mut self, class: impl Into<String>) -> Label {
        self.class = Some(class.into());
        self
    }

    /// The same label with an id.
    pub fn with_id(mut self, id: u64) -> Label {
        self.id = id;
        self
    }

    /// The label's type.
    pub fn label_type(&self) -> LabelType {
        self.shape.label_type()
    }

    /// The box given beside the shape, or else the shape's own bounds.
    pub fn bounds(&self) -> Option<Box2d> {
        self.bbox.or_else(|| self.shape.bounds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_flat_and_reads_back() {
        let mut label = Label::new(Shape::Box2d(Box2d::new(1.0, 2.0, 3.5, 4.0))).with_class("bus").with_id(7);
        label.attributes.insert("occluded".into(), true.into());
        let json = serde_json::to_value(&label).unwrap_or_default();
        assert_eq!(
            json,
            serde_json::json!({"id":7,"type":"box2d","shape":{"xmin":1.0,"ymin":2.0,"xmax":3.5,"ymax":4.0},
                "class":"bus","attributes":{"occluded":true}})
        );
        assert_eq!(serde_json::from_value::<Label>(json).ok(), Some(label));
    }

    #[test]
    fn type_names_and_numbers_read_back() {
        for &t in LabelType::ALL {
            assert_eq!(LabelType::from_code(t.code()), Some(t));
            assert_eq!(t.as_str().parse(), Ok(t));
        }
        assert_eq!(LabelType::from_code(0), None);
    }
}
