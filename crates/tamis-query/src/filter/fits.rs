//! Whether a sample fits, looked at directly.

use std::borrow::Cow;

use tamis_core::{Label, Sample, Value};

use super::key::Key;
use super::number::number;
use super::tree::{Choice, Condition, Operand, SampleTerm, Test, Wanted};

/// A value that a test looks at.
pub(super) enum Fact<'a> {
    Absent,
    Text(Cow<'a, str>),
    Number(f64),
    Json(&'a Value),
}

impl<'a> From<Option<&'a str>> for Fact<'a> {
    fn from(text: Option<&'a str>) -> Fact<'a> {
        text.map_or(Fact::Absent, |text| Fact::Text(text.into()))
    }
}

impl<'a> From<Option<f64>> for Fact<'a> {
    fn from(number: Option<f64>) -> Fact<'a> {
        number.map_or(Fact::Absent, Fact::Number)
    }
}

/// Whether a sample fits a condition without views (those fit nothing).
pub(super) fn sample(condition: &Condition<SampleTerm>, sample: &Sample) -> bool {
    condition.holds(&mut |term| match term {
        SampleTerm::Is(test) => test.wanted.fits(&of_sample(&test.key, sample)),
        SampleTerm::Label(wanted) => labels(sample).any(|(layer, found)| label(wanted, layer, found)),
        SampleTerm::Count(wanted, interval) => {
            let count = labels(sample).filter(|(layer, found)| label(wanted, layer, found)).count();
            interval.contains(count as f64)
        }
        SampleTerm::Layer(layers, _) => {
            sample.layers.keys().any(|layer| layers.iter().any(|pattern| pattern.fits(layer)))
        }
        SampleTerm::View(..) => false,
    })
}

fn labels(sample: &Sample) -> impl Iterator<Item = (&str, &Label)> {
    sample.layers.iter().flat_map(|(layer, labels)| labels.iter().map(move |label| (layer.as_str(), label)))
}

/// Whether a label of a layer fits.
pub(super) fn label(condition: &Condition<Test>, layer: &str, label: &Label) -> bool {
    condition.holds(&mut |test| test.wanted.fits(&of_label(&test.key, layer, label)))
}

fn of_sample<'a>(key: &Key, sample: &'a Sample) -> Fact<'a> {
    let media = sample.media.as_ref();
    let pixels = |value: Option<u32>| Fact::from(value.map(f64::from));
    match key {
        Key::Path => Fact::Text(sample.path.as_str().into()),
        Key::Segment => Fact::Text(sample.segment().into()),
        Key::Split => sample.split.as_deref().into(),
        Key::Frame => sample.frame.as_deref().into(),
        Key::Sensor => sample.sensor.as_deref().into(),
        Key::Timestamp => sample.timestamp.into(),
        Key::Mime => media.and_then(|media| media.mime.as_deref()).into(),
        Key::Uri => media.and_then(|media| media.uri.as_deref()).into(),
        Key::Blob => match media.and_then(|media| media.blob) {
            Some(blob) => Fact::Text(blob.to_string().into()),
            None => Fact::Absent,
        },
        Key::Size => media.map(|media| media.size as f64).into(),
        Key::Width => pixels(media.and_then(|media| media.width)),
        Key::Height => pixels(media.and_then(|media| media.height)),
        Key::Orientation => media.and_then(|media| media.orientation).map(f64::from).into(),
        Key::Field(name) => sample.fields.get(name).map_or(Fact::Absent, Fact::Json),
        _ => Fact::Absent,
    }
}

fn of_label<'a>(key: &Key, layer: &'a str, label: &'a Label) -> Fact<'a> {
    match key {
        Key::Class => label.class.as_deref().into(),
        Key::Layer => Fact::Text(layer.into()),
        Key::Type => Fact::Text(label.label_type().as_str().into()),
        Key::Id => Fact::Text(label.id.to_string().into()),
        Key::Instance => label.instance.as_deref().into(),
        Key::Confidence => label.confidence.into(),
        Key::Attribute(name) => label.attributes.get(name).map_or(Fact::Absent, Fact::Json),
        geometric => match label.bounds() {
            Some(bounds) => of_box(geometric, [bounds.xmin, bounds.ymin, bounds.xmax, bounds.ymax]),
            None => Fact::Absent,
        },
    }
}

/// A value of a label's box, from its edges.
pub(super) fn of_box(key: &Key, [xmin, ymin, xmax, ymax]: [f64; 4]) -> Fact<'static> {
    let (width, height) = (xmax - xmin, ymax - ymin);
    match key {
        Key::Area => Fact::Number(width * height),
        Key::Aspect if height != 0.0 => Fact::Number(width / height),
        Key::BoxWidth => Fact::Number(width),
        Key::BoxHeight => Fact::Number(height),
        Key::Left => Fact::Number(xmin),
        Key::Top => Fact::Number(ymin),
        Key::Right => Fact::Number(xmax),
        Key::Bottom => Fact::Number(ymax),
        _ => Fact::Absent,
    }
}

impl Wanted {
    /// Whether a value is what is wanted. Of a list, one element is enough; an object is only there.
    pub(super) fn fits(&self, fact: &Fact<'_>) -> bool {
        match fact {
            Fact::Absent | Fact::Json(Value::Null) => false,
            Fact::Text(text) => self.fits_text(text),
            Fact::Number(number) => self.fits_number(*number),
            Fact::Json(Value::String(text)) => self.fits_text(text),
            Fact::Json(Value::Number(number)) => number.as_f64().is_some_and(|number| self.fits_number(number)),
            Fact::Json(Value::Bool(value)) => match self {
                Wanted::Present => true,
                Wanted::OneOf(choices) => {
                    let name = if *value { "true" } else { "false" };
                    choices.iter().any(|choice| matches!(choice, Choice::Text(text) if text.literal() == Some(name)))
                }
                Wanted::Than(..) | Wanted::Like(_) => false,
            },
            Fact::Json(Value::Array(items)) => {
                matches!(self, Wanted::Present) || items.iter().any(|item| self.fits(&Fact::Json(item)))
            }
            Fact::Json(Value::Object(_)) => matches!(self, Wanted::Present),
        }
    }

    fn fits_text(&self, text: &str) -> bool {
        match self {
            Wanted::Present => true,
            Wanted::OneOf(choices) => {
                choices.iter().any(|choice| matches!(choice, Choice::Text(pattern) if pattern.fits(text)))
            }
            Wanted::Than(order, Operand::Text(other)) => order.holds(text, other.as_str()),
            Wanted::Than(_, Operand::Number(_)) => false,
            Wanted::Like(expression) => expression.is_in(text),
        }
    }

    fn fits_number(&self, found: f64) -> bool {
        match self {
            Wanted::Present => true,
            Wanted::OneOf(choices) => choices.iter().any(|choice| match choice {
                Choice::Number(interval) => interval.contains(found),
                Choice::Text(pattern) => pattern.literal().and_then(number) == Some(found),
            }),
            Wanted::Than(order, Operand::Number(other)) => order.holds(&found, other),
            Wanted::Than(_, Operand::Text(_)) | Wanted::Like(_) => false,
        }
    }
}
