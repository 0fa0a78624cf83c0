//! The words that stand before `:`, `<` and the like: [`KEYS`] is the one table of them.

use tamis_core::near;

/// A value of a sample or of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Key {
    /// The sample's path.
    Path,
    /// The first component of the path.
    Segment,
    /// The part of the data.
    Split,
    /// The media type.
    Mime,
    /// Where a referenced file lies.
    Uri,
    /// The content's hash, in hexadecimal.
    Blob,
    /// The frame of a fusion dataset.
    Frame,
    /// The sensor of a fusion dataset.
    Sensor,
    /// Bytes of the media file.
    Size,
    /// Pixels across.
    Width,
    /// Pixels down.
    Height,
    /// EXIF orientation.
    Orientation,
    /// Seconds.
    Timestamp,
    /// A user's field.
    Field(String),
    /// A label's class.
    Class,
    /// The layer that a label is in.
    Layer,
    /// A label's type.
    Type,
    /// A label's id.
    Id,
    /// The object that a label shows.
    Instance,
    /// How sure somebody is of a label.
    Confidence,
    /// Width times height of a label's box.
    Area,
    /// Width by height of a label's box.
    Aspect,
    /// Width of a label's box.
    BoxWidth,
    /// Height of a label's box.
    BoxHeight,
    /// Left edge of a label's box.
    Left,
    /// Upper edge of a label's box.
    Top,
    /// Right edge of a label's box.
    Right,
    /// Lower edge of a label's box.
    Bottom,
    /// An attribute of a label.
    Attribute(String),
}

/// Whose value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The sample's.
    Sample,
    /// A label's.
    Label,
}

/// What kind of values a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Numbers.
    Number,
    /// Numbers of bytes, with units.
    Bytes,
    /// Seconds, or dates.
    Time,
    /// Names of label types.
    LabelType,
    /// Whatever the user put there.
    Any,
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// The word.
    pub name: &'static str,
    /// Other words for it.
    pub aliases: &'static [&'static str],
    /// The key.
    pub key: Key,
    /// Whose value it is.
    pub owner: Owner,
    /// The kind of its values.
    pub kind: Kind,
    /// What it is, for the documentation.
    pub help: &'static str,
}

macro_rules! keys {
    ($($name:literal $aliases:expr, $key:ident $owner:ident $kind:ident $help:literal;)*) => {
        /// Every key but the users' own fields and attributes.
        pub const KEYS: &[KeySpec] = &[
            $(KeySpec { name: $name, aliases: &$aliases, key: Key::$key, owner: Owner::$owner, kind: Kind::$kind, help: $help },)*
        ];
    };
}

keys! {
    "path" [], Path Sample Text "path of the sample; with `/` at the end: all below";
    "segment" [], Segment Sample Text "first component of the path";
    "split" [], Split Sample Text "train, val, test, …";
    "mime" [], Mime Sample Text "media type";
    "uri" [], Uri Sample Text "where a referenced file lies";
    "blob" [], Blob Sample Text "hash of the content in hexadecimal";
    "frame" [], Frame Sample Text "frame of a fusion dataset";
    "sensor" [], Sensor Sample Text "sensor of a fusion dataset";
    "size" ["bytes"], Size Sample Bytes "bytes of the media file; units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB";
    "width" [], Width Sample Number "pixels across";
    "height" [], Height Sample Number "pixels down";
    "orientation" [], Orientation Sample Number "EXIF orientation, 1 to 8";
    "timestamp" ["time"], Timestamp Sample Time "seconds, or a date: 2026-01-31, 2026-01-31T12:30";
    "class" [], Class Label Text "class of the label";
    "layer" [], Layer Label Text "layer that the label is in";
    "type" [], Type Label LabelType "type of the label: box2d, polygon, …";
    "id" [], Id Label Text "id of the label";
    "instance" ["track"], Instance Label Text "object that the label shows";
    "conf" ["confidence", "score"], Confidence Label Number "how sure somebody is, 0 to 1";
    "area" [], Area Label Number "pixels of the label's box";
    "aspect" [], Aspect Label Number "width by height of the label's box";
    "w" [], BoxWidth Label Number "width of the label's box";
    "h" [], BoxHeight Label Number "height of the label's box";
    "xmin" ["left"], Left Label Number "left edge of the label's box";
    "ymin" ["top"], Top Label Number "upper edge of the label's box";
    "xmax" ["right"], Right Label Number "right edge of the label's box";
    "ymax" ["bottom"], Bottom Label Number "lower edge of the label's box";
}

/// Words before `:` that are no values.
pub(super) const VERBS: [&str; 4] = ["has", "no", "labels", "view"];

/// What stands before the name of a field that is also a key.
pub(super) const FIELD: &str = "field.";

/// What stands before the name of an attribute.
pub(super) const ATTRIBUTE: &str = "attr.";

impl KeySpec {
    /// The row of a word.
    pub fn find(word: &str) -> Option<&'static KeySpec> {
        KEYS.iter().find(|spec| spec.name == word || spec.aliases.contains(&word))
    }

    fn of(key: &Key) -> Option<&'static KeySpec> {
        KEYS.iter().find(|spec| spec.key == *key)
    }
}

impl Key {
    /// Whose value it is.
    pub fn owner(&self) -> Owner {
        match self {
            Key::Field(_) => Owner::Sample,
            Key::Attribute(_) => Owner::Label,
            known => KeySpec::of(known).map_or(Owner::Sample, |spec| spec.owner),
        }
    }

    /// The kind of its values.
    pub fn kind(&self) -> Kind {
        KeySpec::of(self).map_or(Kind::Any, |spec| spec.kind)
    }

    /// The word, and what stands before it: a user's own names need it where they are also keys.
    pub(super) fn word(&self) -> (&'static str, &str) {
        match self {
            Key::Attribute(name) => (ATTRIBUTE, name),
            Key::Field(name) => {
                let is_taken = KeySpec::find(name).is_some()
                    || VERBS.contains(&name.as_str())
                    || name.starts_with(FIELD)
                    || name.starts_with(ATTRIBUTE);
                (if is_taken { FIELD } else { "" }, name)
            }
            known => ("", KeySpec::of(known).map_or("", |spec| spec.name)),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (before, name) = self.word();
        write!(f, "{before}{name}")
    }
}

/// The words of an owner's keys.
pub(super) fn words(owner: Option<Owner>) -> impl Iterator<Item = &'static str> {
    KEYS.iter()
        .filter(move |spec| owner.is_none_or(|owner| spec.owner == owner))
        .flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()))
}

/// Words that look like one.
pub(super) fn near_words(word: &str, owner: Option<Owner>) -> Vec<String> {
    near(word, words(owner))
}
