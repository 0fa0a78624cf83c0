//! A filter as SQL over the tables `samples` and `annotations` (docs/query.md).
//!
//! Where SQL knows three truth values, a filter knows two: `NOT x` is written `(x) IS NOT TRUE`, and everything else only
//! asks whether the whole is true.

use std::fmt::Write;

use tamis_repo::FieldKind;
use tamis_table::TableSchema;

use super::Filter;
use super::batch::LAYER;
use super::error::FilterError;
use super::key::{Key, Kind};
use super::number::number;
use super::pattern::{Glyph, Pattern};
use super::tree::{Choice, Condition, Interval, Operand, SampleTerm, Span, Test, Wanted};
use crate::sql::column::{self, Shown, Source};

type Said = Result<String, FilterError>;

impl Filter {
    /// A statement that gives the paths of the samples that fit, in order, for a dataset of this schema. Views must have
    /// been replaced ([`Filter::with_views`]).
    ///
    /// # Errors
    /// What cannot be said: attributes and values of mixed kinds are JSON text in SQL. The measures of labels are those of
    /// the column `box` there: labels of other shapes without a box beside them have none.
    pub fn to_sql(&self, schema: &TableSchema) -> Said {
        let writer = Writer { text: self.text(), columns: column::samples(schema) };
        let mut sql = "SELECT path FROM samples".to_owned();
        if !self.is_everything() {
            let _ = write!(sql, " WHERE {}", writer.sample(self.condition())?);
        }
        Ok(sql + " ORDER BY path")
    }
}

struct Writer<'a> {
    text: &'a str,
    columns: Vec<Shown>,
}

/// Conditions joined as SQL joins them.
fn joined<T>(condition: &Condition<T>, one: &mut impl FnMut(&T) -> Said) -> Said {
    let mut all = |list: &[Condition<T>], joint: &str| {
        let parts = list.iter().map(|condition| joined(condition, one)).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("({})", parts.join(joint)))
    };
    match condition {
        Condition::All(list) if list.is_empty() => Ok("TRUE".to_owned()),
        Condition::All(list) => all(list, " AND "),
        Condition::Any(list) => all(list, " OR "),
        Condition::Not(inner) => Ok(format!("({}) IS NOT TRUE", joined(inner, one)?)),
        Condition::Is(term) => one(term),
    }
}

impl Writer<'_> {
    fn unsaid<T>(&self, what: impl Into<String>, span: &Span) -> Result<T, FilterError> {
        Err(FilterError::new(what, self.text, span.0.clone()))
    }

    fn sample(&self, condition: &Condition<SampleTerm>) -> Said {
        joined(condition, &mut |term| match term {
            SampleTerm::Is(test) => self.sample_test(test),
            SampleTerm::Label(label) => {
                Ok(format!("path IN (SELECT path FROM annotations WHERE {})", self.label(label)?))
            }
            SampleTerm::Count(Condition::All(list), interval) if list.is_empty() => Ok(within("labels", interval)),
            SampleTerm::Count(label, interval) => {
                let of = format!("SELECT path FROM annotations WHERE {} GROUP BY path", self.label(label)?);
                let count = within("count(*)", interval);
                // Samples without such labels are in no group.
                Ok(match interval.contains(0.0) {
                    false => format!("path IN ({of} HAVING {count})"),
                    true => format!("path NOT IN ({of} HAVING ({count}) IS NOT TRUE)"),
                })
            }
            SampleTerm::Layer(patterns, _) => {
                let is_wanted = |column: &&Shown| match &column.source {
                    Source::Stored { group, .. } => {
                        group.strip_prefix(LAYER).is_some_and(|layer| patterns.iter().any(|p| p.fits(layer)))
                    }
                    _ => false,
                };
                let layers = self.columns.iter().filter(is_wanted);
                let parts: Vec<String> = layers.map(|column| format!("{} IS NOT NULL", name(&column.name))).collect();
                Ok(if parts.is_empty() { "FALSE".to_owned() } else { format!("({})", parts.join(" OR ")) })
            }
            SampleTerm::View(view, span) => self.unsaid(format!("the view `{view}` stands unresolved"), span),
        })
    }

    fn label(&self, condition: &Condition<Test>) -> Said {
        joined(condition, &mut |test| {
            let column = match &test.key {
                Key::Class => "class",
                Key::Layer => "layer",
                Key::Type => "type",
                Key::Id => "CAST(id AS VARCHAR)",
                Key::Instance => "instance",
                Key::Confidence => "confidence",
                Key::Area => "((xmax - xmin) * (ymax - ymin))",
                Key::Aspect => "((xmax - xmin) / NULLIF(ymax - ymin, 0.0))",
                Key::BoxWidth => "(xmax - xmin)",
                Key::BoxHeight => "(ymax - ymin)",
                Key::Left => "xmin",
                Key::Top => "ymin",
                Key::Right => "xmax",
                Key::Bottom => "ymax",
                other => return self.unsaid(format!("SQL has `{other}` only as JSON text"), &test.span),
            };
            let is_text = matches!(test.key.kind(), Kind::Text | Kind::LabelType);
            Ok(if is_text { text(column, &test.wanted) } else { numbers(column, &test.wanted) })
        })
    }

    fn sample_test(&self, test: &Test) -> Said {
        if let Key::Field(field) = &test.key {
            let kinds_of = |column: &'_ Shown| match &column.source {
                Source::Field(kinds) => {
                    let named = kinds.iter().filter_map(|(_, stored)| FieldKind::parse(stored));
                    let kinds: Vec<FieldKind> = named.filter(|(name, _)| name == field).map(|(_, kind)| kind).collect();
                    (!kinds.is_empty()).then_some((name(&column.name), kinds))
                }
                _ => None,
            };
            let Some((quoted, kinds)) = self.columns.iter().find_map(kinds_of) else { return Ok("FALSE".to_owned()) };
            return match kinds.as_slice() {
                [FieldKind::Text] => Ok(text(&quoted, &test.wanted)),
                [FieldKind::Bool] => Ok(truth(&quoted, &test.wanted)),
                kinds if kinds.iter().all(|kind| matches!(kind, FieldKind::Int | FieldKind::Float)) => {
                    Ok(numbers(&quoted, &test.wanted))
                }
                _ => {
                    self.unsaid(format!("SQL has the field `{field}`, of several kinds, only as JSON text"), &test.span)
                }
            };
        }
        let column = test.key.to_string();
        let is_text = matches!(test.key.kind(), Kind::Text | Kind::LabelType);
        Ok(if is_text { text(&column, &test.wanted) } else { numbers(&column, &test.wanted) })
    }
}

/// A column's name.
fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A number as SQL reads it: whole ones without a point.
fn digits(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 { format!("{}", number as i64) } else { format!("{number:?}") }
}

fn any(parts: Vec<String>) -> String {
    if parts.is_empty() { "FALSE".to_owned() } else { format!("({})", parts.join(" OR ")) }
}

fn within(column: &str, interval: &Interval) -> String {
    if let Some(single) = interval.single() {
        return format!("{column} = {}", digits(single));
    }
    let low = interval.low.map(|low| format!("{column} >= {}", digits(low)));
    let sign = if interval.is_open { "<" } else { "<=" };
    let high = interval.high.map(|high| format!("{column} {sign} {}", digits(high)));
    format!("({})", low.into_iter().chain(high).collect::<Vec<_>>().join(" AND "))
}

fn numbers(column: &str, wanted: &Wanted) -> String {
    match wanted {
        Wanted::Present => format!("{column} IS NOT NULL"),
        Wanted::OneOf(choices) => {
            let number = |choice: &Choice| match choice {
                Choice::Number(interval) => Some(within(column, interval)),
                Choice::Text(pattern) => Some(within(column, &Interval::exactly(pattern.literal().and_then(number)?))),
            };
            any(choices.iter().filter_map(number).collect())
        }
        Wanted::Than(order, Operand::Number(number)) => format!("{column} {} {}", order.as_str(), digits(*number)),
        Wanted::Than(_, Operand::Text(_)) | Wanted::Like(_) => "FALSE".to_owned(),
    }
}

fn text(column: &str, wanted: &Wanted) -> String {
    match wanted {
        Wanted::Present => format!("{column} IS NOT NULL"),
        Wanted::OneOf(choices) => {
            let one = |choice: &Choice| match choice {
                Choice::Text(pattern) => Some(match pattern.literal() {
                    Some(text) => format!("{column} = {}", literal(text)),
                    None => format!("{column} LIKE {}", literal(&like(pattern))),
                }),
                Choice::Number(_) => None,
            };
            any(choices.iter().filter_map(one).collect())
        }
        Wanted::Than(order, Operand::Text(text)) => format!("{column} {} {}", order.as_str(), literal(text)),
        Wanted::Than(_, Operand::Number(_)) => "FALSE".to_owned(),
        Wanted::Like(expression) => format!("{column} ~ {}", literal(expression.as_str())),
    }
}

fn truth(column: &str, wanted: &Wanted) -> String {
    match wanted {
        Wanted::Present => format!("{column} IS NOT NULL"),
        Wanted::OneOf(choices) => {
            let one = |choice: &Choice| match choice {
                Choice::Text(pattern) => match pattern.literal() {
                    Some("true") => Some(format!("{column} IS TRUE")),
                    Some("false") => Some(format!("{column} IS FALSE")),
                    _ => None,
                },
                Choice::Number(_) => None,
            };
            any(choices.iter().filter_map(one).collect())
        }
        Wanted::Than(..) | Wanted::Like(_) => "FALSE".to_owned(),
    }
}

/// A pattern as `LIKE` has it.
fn like(pattern: &Pattern) -> String {
    let mut out = String::new();
    for glyph in pattern.glyphs() {
        match glyph {
            Glyph::Char(char) => {
                out.push_str(if matches!(char, '%' | '_' | '\\') { "\\" } else { "" });
                out.push(*char);
            }
            Glyph::One => out.push('_'),
            Glyph::Many => out.push('%'),
        }
    }
    out
}
