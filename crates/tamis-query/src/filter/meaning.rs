//! From words to a tree: which key is meant, what its values are, which terms are about one label.

use std::ops::Range;

use tamis_core::{LabelType, near};

use super::error::FilterError;
use super::key::{ATTRIBUTE, FIELD, Key, KeySpec, Kind, Owner, VERBS, near_words, words};
use super::number::{count, number, quantity, seconds};
use super::pattern::{Glyph, Pattern};
use super::syntax::{Counted, Op, Raw, Value};
use super::tree::{Choice, Condition, Expression, Interval, Operand, Order, SampleTerm, Span, Test, Wanted};

type Meant<T> = Result<T, FilterError>;

/// What a whole filter means.
pub(super) fn filter(text: &str, raw: Raw) -> Meant<Condition<SampleTerm>> {
    Reader { text }.sample(raw)
}

struct Reader<'a> {
    text: &'a str,
}

/// A term of a sample, while it is not known yet which terms are about one label.
enum Part {
    Whole(Condition<SampleTerm>),
    /// The bare label terms of this number.
    Bare(usize),
}

/// Bare label terms of one list that are about the same label.
#[derive(Default)]
struct Bare {
    tests: Vec<Condition<Test>>,
    /// Keys asked for by `:` so far; one that comes again begins the next label.
    keys: Vec<Key>,
}

impl Reader<'_> {
    fn fail<T>(&self, message: impl Into<String>, span: &Range<usize>) -> Meant<T> {
        Err(FilterError::new(message, self.text, span.clone()))
    }

    fn sample(&self, raw: Raw) -> Meant<Condition<SampleTerm>> {
        let list = match raw {
            Raw::All(list) => list,
            Raw::Any(list) => {
                return Ok(Condition::any(list.into_iter().map(|raw| self.sample(raw)).collect::<Meant<Vec<_>>>()?));
            }
            other => vec![other],
        };
        let (mut parts, mut bare) = (Vec::new(), Vec::<Bare>::new());
        for raw in list {
            if let Some(test) = self.bare(&raw)? {
                let asked = match &test {
                    Condition::Is(Test { key, wanted, .. }) if !matches!(wanted, Wanted::Than(..)) => Some(key.clone()),
                    _ => None,
                };
                let repeats = |open: &Bare| asked.as_ref().is_some_and(|key| open.keys.contains(key));
                if bare.last().is_none_or(repeats) {
                    parts.push(Part::Bare(bare.len()));
                    bare.push(Bare::default());
                }
                if let Some(open) = bare.last_mut() {
                    open.keys.extend(asked);
                    open.tests.push(test);
                }
            } else {
                parts.push(Part::Whole(self.whole(raw)?));
            }
        }
        let join = |part| match part {
            Part::Whole(condition) => condition,
            Part::Bare(at) => {
                let tests = bare.get_mut(at).map(|bare| std::mem::take(&mut bare.tests)).unwrap_or_default();
                Condition::Is(SampleTerm::Label(Condition::all(tests)))
            }
        };
        Ok(Condition::all(parts.into_iter().map(join).collect::<Vec<_>>()))
    }

    /// The test of a bare label term; [`None`] for anything else.
    fn bare(&self, raw: &Raw) -> Meant<Option<Condition<Test>>> {
        let Raw::Term { key, op, values, span } = raw else { return Ok(None) };
        match self.key(key) {
            Some(key) if key.owner() == Owner::Label => self.test(key, *op, values, span).map(Some),
            _ => Ok(None),
        }
    }

    fn whole(&self, raw: Raw) -> Meant<Condition<SampleTerm>> {
        match raw {
            Raw::Not(inner) => Ok(self.sample(*inner)?.negated()),
            Raw::Label(inner, _) => Ok(Condition::Is(SampleTerm::Label(self.label(*inner)?))),
            Raw::Word(word) => self.word(word),
            Raw::Count { of, op, value, span } => self.count(of, op, &value, &span),
            Raw::Term { key, op, values, span } => self.term(&key, op, &values, &span),
            list @ (Raw::All(_) | Raw::Any(_)) => self.sample(list),
        }
    }

    fn term(&self, word: &Value, op: Op, values: &[Value], span: &Range<usize>) -> Meant<Condition<SampleTerm>> {
        let name = word.text();
        if is_verb(word) {
            if op != Op::Is {
                return self.fail(format!("after `{name}` comes a `:`"), &word.span);
            }
            let place = Span(span.clone());
            let patterns = || values.iter().map(|value| Pattern::new(value.glyphs.iter().copied())).collect();
            return match (name.as_str(), values) {
                ("has", _) => Ok(Condition::Is(SampleTerm::Layer(patterns(), place))),
                ("no", _) => Ok(Condition::Is(SampleTerm::Layer(patterns(), place)).negated()),
                (_, [view]) => Ok(Condition::Is(SampleTerm::View(view.text(), place))),
                _ => self.fail("one name of a view is expected", span),
            };
        }
        let test = self.test(self.key(word).unwrap_or(Key::Field(name)), op, values, span)?;
        test.try_map(&mut |test| Ok(Condition::Is(SampleTerm::Is(test))))
    }

    /// The key that a word means; [`None`] for the verbs.
    fn key(&self, word: &Value) -> Option<Key> {
        let name = word.text();
        if is_verb(word) {
            return None;
        }
        let own = |prefix: &str| name.strip_prefix(prefix).filter(|own| !own.is_empty()).map(str::to_owned);
        let known = KeySpec::find(&name).map(|spec| spec.key.clone());
        known
            .or_else(|| own(ATTRIBUTE).map(Key::Attribute))
            .or_else(|| own(FIELD).map(Key::Field))
            .or(Some(Key::Field(name)))
    }

    fn word(&self, word: Value) -> Meant<Condition<SampleTerm>> {
        let labels = |interval| Ok(Condition::Is(SampleTerm::Count(Condition::All(Vec::new()), interval)));
        match word.plain.as_deref() {
            Some("unlabelled" | "unlabeled") => return labels(Interval::exactly(0.0)),
            Some("labelled" | "labeled") => return labels(Interval::of_counts(Order::GreaterOrEqual, 1.0)),
            _ => {}
        }
        let anywhere = Pattern::new(std::iter::once(Glyph::Many).chain(word.glyphs).chain([Glyph::Many]));
        let wanted = match anywhere.is_everything() {
            true => Wanted::Present,
            false => Wanted::OneOf(vec![Choice::Text(anywhere)]),
        };
        Ok(Condition::Is(SampleTerm::Is(Test { key: Key::Path, wanted, span: Span(word.span) })))
    }

    fn count(&self, of: Counted, op: Op, value: &Value, span: &Range<usize>) -> Meant<Condition<SampleTerm>> {
        let of = match of {
            Counted::All => Condition::All(Vec::new()),
            Counted::Fitting(raw) => self.label(*raw)?,
            Counted::Classes(classes) => self.test(Key::Class, Op::Is, &classes, span)?,
        };
        let plain = value.plain.as_deref().unwrap_or("");
        let one = |order| match count(plain) {
            Some(number) => Ok(Interval::of_counts(order, number)),
            None => self.fail(format!("`{}` is not a number of labels", value.text()), &value.span),
        };
        let interval = match op {
            Op::Less => one(Order::Less)?,
            Op::LessOrEqual => one(Order::LessOrEqual)?,
            Op::Greater => one(Order::Greater)?,
            Op::GreaterOrEqual => one(Order::GreaterOrEqual)?,
            Op::Is | Op::Equal | Op::NotEqual => self.interval(value, "a number of labels", count)?,
            Op::Like => return self.fail("a number of labels is compared by <, <=, >, >=, = or !=", span),
        };
        let term = Condition::Is(SampleTerm::Count(of, interval));
        Ok(if op == Op::NotEqual { term.negated() } else { term })
    }

    // -- labels ---------------------------------------------------------------------------------

    fn label(&self, raw: Raw) -> Meant<Condition<Test>> {
        let all = |list: Vec<Raw>| list.into_iter().map(|raw| self.label(raw)).collect::<Meant<Vec<_>>>();
        match raw {
            Raw::All(list) => Ok(Condition::all(all(list)?)),
            Raw::Any(list) => Ok(Condition::any(all(list)?)),
            Raw::Not(inner) => Ok(self.label(*inner)?.negated()),
            Raw::Term { key: word, op, values, span } => match self.key(&word) {
                Some(key) if key.owner() == Owner::Label => self.test(key, op, &values, &span),
                Some(Key::Field(name)) => {
                    let message = format!("a label has no `{name}`; its attributes are written `{ATTRIBUTE}{name}`");
                    let near = near_words(&name, Some(Owner::Label));
                    Err(FilterError::new(message, self.text, word.span).with_near(near))
                }
                _ => {
                    let more = match word.text().as_str() {
                        "width" => ": the width of a label's box is `w`",
                        "height" => ": the height of a label's box is `h`",
                        _ => ": write it outside of the brackets",
                    };
                    self.fail(format!("`{}` is about the sample, not a label{more}", word.text()), &word.span)
                }
            },
            Raw::Word(word) => {
                let message = format!("`{0}` says nothing about a label: for a class write `class:{0}`", word.text());
                self.fail(message, &word.span)
            }
            Raw::Label(_, span) => self.fail("brackets within brackets: one pair stands for one label", &span),
            Raw::Count { span, .. } => self.fail("labels are counted outside of the brackets of one label", &span),
        }
    }

    // -- values ---------------------------------------------------------------------------------

    fn test(&self, key: Key, op: Op, values: &[Value], span: &Range<usize>) -> Meant<Condition<Test>> {
        let kind = key.kind();
        let wanted = match op {
            Op::Is | Op::Equal | Op::NotEqual => self.choices(&key, kind, op, values)?,
            Op::Like => {
                if !matches!(kind, Kind::Text | Kind::Any) {
                    return self.fail(format!("`{}` is no text that `~` could look into", key.word().1), span);
                }
                let text = values.first().map(Value::text).unwrap_or_default();
                let place = values.first().map_or(span, |value| &value.span);
                match Expression::new(&text) {
                    Ok(expression) => Wanted::Like(expression),
                    Err(reason) => return self.fail(format!("this is not a regular expression: {reason}"), place),
                }
            }
            Op::Less => self.than(&key, kind, Order::Less, values, span)?,
            Op::LessOrEqual => self.than(&key, kind, Order::LessOrEqual, values, span)?,
            Op::Greater => self.than(&key, kind, Order::Greater, values, span)?,
            Op::GreaterOrEqual => self.than(&key, kind, Order::GreaterOrEqual, values, span)?,
        };
        let test = Condition::Is(Test { key, wanted, span: Span(span.clone()) });
        Ok(if op == Op::NotEqual { test.negated() } else { test })
    }

    fn choices(&self, key: &Key, kind: Kind, op: Op, values: &[Value]) -> Meant<Wanted> {
        let mut choices = Vec::with_capacity(values.len());
        for value in values {
            let is_wild = op == Op::Is;
            if is_wild && value.glyphs == [Glyph::Many] {
                return Ok(Wanted::Present);
            }
            choices.push(match kind {
                Kind::Number => Choice::Number(self.interval(value, "a number", number)?),
                Kind::Bytes => Choice::Number(self.interval(value, "a size", quantity)?),
                Kind::Time => Choice::Number(self.time(value)?),
                Kind::LabelType => Choice::Text(self.label_type(value, is_wild)?),
                Kind::Any => match value.plain.as_deref().and_then(|text| interval(text, number)) {
                    Some(interval) => Choice::Number(interval),
                    None => Choice::Text(pattern(value, is_wild)),
                },
                Kind::Text => {
                    let ends_open = value.plain.as_deref().is_some_and(|plain| plain.ends_with('/'));
                    let is_folder = is_wild && *key == Key::Path && ends_open;
                    match is_folder {
                        true => Choice::Text(Pattern::new(value.glyphs.iter().copied().chain([Glyph::Many]))),
                        false => Choice::Text(pattern(value, is_wild)),
                    }
                }
            });
        }
        Ok(Wanted::OneOf(choices))
    }

    fn label_type(&self, value: &Value, is_wild: bool) -> Meant<Pattern> {
        let pattern = pattern(value, is_wild);
        let Some(name) = pattern.literal() else { return Ok(pattern) };
        if name == "box" {
            return Ok(Pattern::literally(LabelType::Box2d.as_str()));
        }
        if LabelType::ALL.iter().any(|known| known.as_str() == name) {
            return Ok(pattern);
        }
        let near = near(name, LabelType::ALL.iter().map(|known| known.as_str()));
        let message = format!("there is no label type `{name}`");
        Err(FilterError::new(message, self.text, value.span.clone()).with_near(near))
    }

    fn interval(&self, value: &Value, what: &str, one: fn(&str) -> Option<f64>) -> Meant<Interval> {
        let plain = value.plain.as_deref().unwrap_or("");
        match interval(plain, one).or_else(|| one(plain).map(Interval::exactly)) {
            Some(interval) => Ok(interval),
            None => self.fail(format!("`{}` is not {what}, nor a range of them as `1..5`", value.text()), &value.span),
        }
    }

    /// Seconds, a date (all of that day, minute or second), or a range of them.
    fn time(&self, value: &Value) -> Meant<Interval> {
        let plain = value.plain.clone().unwrap_or_else(|| value.text());
        let first = |text: &str| seconds(text).map(|span| span.start);
        // A range of dates has all of its last day.
        let last = plain.rsplit_once("..").and_then(|(_, high)| seconds(high)).filter(|span| span.start < span.end);
        match (interval(&plain, first), seconds(&plain)) {
            (Some(interval), _) if !interval.is_open && last.is_some() => {
                Ok(Interval { high: last.map(|span| span.end), is_open: true, ..interval })
            }
            (Some(interval), _) => Ok(interval),
            (None, Some(span)) if span.start == span.end => Ok(Interval::exactly(span.start)),
            (None, Some(span)) => Ok(Interval { low: Some(span.start), high: Some(span.end), is_open: true }),
            (None, None) => {
                let message =
                    format!("`{plain}` is no time: write seconds, or a date as 2026-01-31 or 2026-01-31T12:30");
                self.fail(message, &value.span)
            }
        }
    }

    fn than(&self, key: &Key, kind: Kind, order: Order, values: &[Value], span: &Range<usize>) -> Meant<Wanted> {
        let Some(value) = values.first() else { return self.fail("a value is expected here", span) };
        let text = value.text();
        let mut order = order;
        let read = match kind {
            Kind::Number | Kind::Any => number(&text),
            Kind::Bytes => quantity(&text),
            // After a date is after its end, and up to a date has all of it.
            Kind::Time => seconds(&text).map(|span| match order {
                Order::Greater if span.start < span.end => {
                    order = Order::GreaterOrEqual;
                    span.end
                }
                Order::LessOrEqual if span.start < span.end => {
                    order = Order::Less;
                    span.end
                }
                _ => span.start,
            }),
            Kind::Text | Kind::LabelType => {
                let message = format!("`{}` is a text: ask for it by `:` or `~`", key.word().1);
                return self.fail(message, span);
            }
        };
        let is_wild = value.glyphs.iter().any(|glyph| !matches!(glyph, Glyph::Char(_)));
        match (read, kind) {
            (Some(number), _) => Ok(Wanted::Than(order, Operand::Number(number))),
            (None, Kind::Any) if is_wild => self.fail("a comparison takes no wildcards", &value.span),
            (None, Kind::Any) => Ok(Wanted::Than(order, Operand::Text(text))),
            (None, Kind::Bytes) => self.fail(format!("`{text}` is not a size as 200kB or 1.5GB"), &value.span),
            (None, Kind::Time) => self.fail(format!("`{text}` is neither seconds nor a date"), &value.span),
            (None, _) => self.fail(format!("`{text}` is not a number"), &value.span),
        }
    }
}

/// Whether a word is one of [`VERBS`]; in quotes it is a field.
fn is_verb(word: &Value) -> bool {
    word.plain.as_deref().is_some_and(|plain| VERBS.contains(&plain))
}

fn pattern(value: &Value, is_wild: bool) -> Pattern {
    if is_wild { Pattern::new(value.glyphs.iter().copied()) } else { Pattern::literally(&value.text()) }
}

/// `a..b`, `a..`, `..b`, or with `..<` without the upper bound itself.
fn interval(text: &str, one: impl Fn(&str) -> Option<f64>) -> Option<Interval> {
    let (low, high) = text.split_once("..")?;
    let (high, is_open) = high.strip_prefix('<').map_or((high, false), |high| (high, true));
    let bound = |text: &str| if text.is_empty() { Some(None) } else { one(text).map(Some) };
    let (low, high) = (bound(low)?, bound(high)?);
    let has_bound = (low.is_some() || high.is_some()) && (high.is_some() || !is_open);
    has_bound.then_some(Interval { low, high, is_open })
}

/// Words that a filter may use before `:`, for suggestions about a name that is no field.
pub(super) fn near_keys(name: &str) -> Vec<String> {
    near(name, words(None).chain(VERBS))
}
