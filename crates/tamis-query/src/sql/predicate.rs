//! What a query's conditions say of keys and of summaries, so that subtrees need not be read.
//!
//! A [`Clause`] never decides about a row: it answers whether a subtree *may* hold a row that is
//! wanted. What is not understood may. Comparisons with `f64` bounds of summaries leave equal bounds in,
//! so that rounding of large integers loses nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use tamis_core::LabelType;
use tamis_repo::FieldKind;
use tamis_table::{ScanFilter, Summary, TableSchema};

use super::column::{Part, Shown, Source};

/// A test of a counted value.
type Wants = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A condition on a subtree.
#[derive(Clone)]
pub(crate) enum Clause {
    /// Nothing is known: any subtree may hold wanted rows.
    Any,
    /// No row is wanted.
    Never,
    And(Vec<Clause>),
    Or(Vec<Clause>),
    /// Keys from the first (inclusive) to the second (exclusive).
    Keys(Option<Vec<u8>>, Option<Vec<u8>>),
    /// Some value of a counted column fulfils a test.
    Counts(String, Wants),
    /// Some row has no value in a counted column.
    Missing(String),
    /// Some number of a column is in a range, both ends inclusive.
    Range(String, f64, f64),
}

/// What a column is called in conditions.
pub(crate) struct Scope<'a> {
    pub(crate) schema: &'a TableSchema,
    pub(crate) shown: &'a [Shown],
    /// The name and group of the layer that is read (annotations).
    pub(crate) layer: Option<(&'a str, &'a str)>,
}

/// The least key that is after all keys with a prefix; [`None`] when there is none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

fn after(key: &str) -> Vec<u8> {
    let mut key = key.as_bytes().to_vec();
    key.push(0);
    key
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

fn number(value: &ScalarValue) -> Option<f64> {
    match value.cast_to(&DataType::Float64).ok()? {
        ScalarValue::Float64(Some(number)) if value.data_type().is_numeric() && !number.is_nan() => Some(number),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

impl Clause {
    /// What conditions that must all hold say.
    pub(crate) fn of(filters: &[Expr], scope: &Scope<'_>) -> Clause {
        Clause::And(filters.iter().map(|filter| scope.clause(filter)).collect()).simple()
    }

    /// Both conditions.
    pub(crate) fn and(self, other: Clause) -> Clause {
        Clause::And(vec![self, other]).simple()
    }

    fn simple(self) -> Clause {
        match self {
            Clause::And(parts) => {
                let mut kept: Vec<Clause> =
                    parts.into_iter().map(Clause::simple).filter(|part| !matches!(part, Clause::Any)).collect();
                if kept.iter().any(|part| matches!(part, Clause::Never)) {
                    return Clause::Never;
                }
                match kept.len() {
                    0 => Clause::Any,
                    1 => kept.remove(0),
                    _ => Clause::And(kept),
                }
            }
            Clause::Or(parts) => {
                let mut kept: Vec<Clause> =
                    parts.into_iter().map(Clause::simple).filter(|part| !matches!(part, Clause::Never)).collect();
                if kept.iter().any(|part| matches!(part, Clause::Any)) {
                    return Clause::Any;
                }
                match kept.len() {
                    0 => Clause::Never,
                    1 => kept.remove(0),
                    _ => Clause::Or(kept),
                }
            }
            other => other,
        }
    }

    /// The range of keys outside of which no row is wanted.
    pub(crate) fn keys(&self) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        match self {
            Clause::Keys(start, end) => (start.clone(), end.clone()),
            Clause::And(parts) => parts.iter().map(Clause::keys).fold((None, None), |(start, end), (s, e)| {
                (start.into_iter().chain(s).max(), end.into_iter().chain(e).min())
            }),
            Clause::Or(parts) => {
                let ranges: Vec<_> = parts.iter().map(Clause::keys).collect();
                let start = ranges.iter().map(|range| range.0.clone()).min().flatten();
                let ends: Option<Vec<Vec<u8>>> = ranges.into_iter().map(|range| range.1).collect();
                (start, ends.and_then(|ends| ends.into_iter().max()))
            }
            Clause::Never => (Some(Vec::new()), Some(Vec::new())),
            _ => (None, None),
        }
    }

    /// Whether a subtree may hold a wanted row.
    fn may(&self, first: &[u8], last: &[u8], summary: &Summary) -> bool {
        let column = |name: &String| summary.columns.get(name);
        match self {
            Clause::Any => true,
            Clause::Never => false,
            Clause::And(parts) => parts.iter().all(|part| part.may(first, last, summary)),
            Clause::Or(parts) => parts.iter().any(|part| part.may(first, last, summary)),
            Clause::Keys(start, end) => {
                start.as_deref().is_none_or(|start| start <= last) && end.as_deref().is_none_or(|end| first < end)
            }
            Clause::Counts(name, wants) => column(name).is_some_and(|column| {
                column.other != 0 || column.counts.iter().any(|(value, count)| *count > 0 && wants(value))
            }),
            Clause::Missing(name) => column(name)
                .is_none_or(|column| column.other != 0 || column.counts.values().sum::<i64>() < summary.rows),
            Clause::Range(name, low, high) => {
                column(name).and_then(|column| column.range).is_some_and(|(least, most)| least <= *high && *low <= most)
            }
        }
    }

    fn columns(&self, found: &mut BTreeSet<String>) {
        match self {
            Clause::And(parts) | Clause::Or(parts) => parts.iter().for_each(|part| part.columns(found)),
            Clause::Counts(name, _) | Clause::Missing(name) | Clause::Range(name, ..) => {
                found.insert(name.clone());
            }
            Clause::Any | Clause::Never | Clause::Keys(..) => {}
        }
    }

    /// The names of the summaries' columns that decide.
    pub(crate) fn summaries(&self) -> BTreeSet<String> {
        let mut columns = BTreeSet::new();
        self.columns(&mut columns);
        columns
    }

    /// As a filter of subtrees; [`None`] where it rules nothing out that the range of keys does not.
    pub(crate) fn filter(&self) -> Option<ScanFilter> {
        match self {
            Clause::Any | Clause::Keys(..) => None,
            _ => {
                let clause = self.clone();
                Some(ScanFilter::new(self.summaries(), move |first, last, summary| clause.may(first, last, summary)))
            }
        }
    }
}

/// The name of a summary's column where the schema asks for an aggregate of it.
fn summarised(schema: &TableSchema, group: &str, column: &str, aggregate: &str) -> Option<String> {
    let (_, field) = schema.group(group).ok()?.fields.find(column)?;
    let asked = field.metadata().get("tamis.summary")?;
    asked.split(';').any(|one| one.trim() == aggregate).then(|| format!("{group}:{column}"))
}

/// Whether a column holds no NaN: whole numbers, and what samples are checked for.
pub(crate) fn never_nan(schema: &TableSchema, group: &str, column: &str) -> bool {
    let fields = schema.group(group).ok().map(|group| &group.fields);
    let is_whole =
        fields.and_then(|fields| fields.find(column)).is_some_and(|(_, field)| field.data_type().is_integer());
    is_whole || (group == super::column::BASE && column == "timestamp")
}

impl Scope<'_> {
    fn shown(&self, column: &Column) -> Option<&Shown> {
        self.shown.iter().find(|shown| shown.name == column.name)
    }

    fn source(&self, expr: &Expr) -> Option<&Source> {
        match expr {
            Expr::Column(column) => self.shown(column).map(|shown| &shown.source),
            // Widening whole numbers and other forms of text keep values and their order.
            Expr::Cast(cast) => {
                let Expr::Column(column) = cast.expr.as_ref() else { return None };
                let shown = self.shown(column)?;
                let (from, to) = (&shown.data_type, cast.field.data_type());
                let is_same = (from.is_string() && to.is_string())
                    || (from.is_integer() && matches!(to, DataType::Int64 | DataType::Float64));
                is_same.then_some(&shown.source)
            }
            _ => None,
        }
    }

    fn clause(&self, expr: &Expr) -> Clause {
        match expr {
            Expr::Literal(ScalarValue::Boolean(Some(false)) | ScalarValue::Boolean(None), _) => Clause::Never,
            Expr::Alias(alias) => self.clause(&alias.expr),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                Clause::And(vec![self.clause(left), self.clause(right)])
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                Clause::Or(vec![self.clause(left), self.clause(right)])
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (literal(left), literal(right)) {
                (None, Some(value)) => self.compare(left, *op, value),
                (Some(value), None) => op.swap().map_or(Clause::Any, |op| self.compare(right, op, value)),
                _ => Clause::Any,
            },
            Expr::Between(between) if !between.negated => match (literal(&between.low), literal(&between.high)) {
                (Some(low), Some(high)) => Clause::And(vec![
                    self.compare(&between.expr, Operator::GtEq, low),
                    self.compare(&between.expr, Operator::LtEq, high),
                ]),
                _ => Clause::Any,
            },
            Expr::InList(list) => {
                let values: Option<Vec<&ScalarValue>> = list.list.iter().map(literal).collect();
                let Some(values) = values else { return Clause::Any };
                let op = if list.negated { Operator::NotEq } else { Operator::Eq };
                let parts = values.into_iter().map(|value| self.compare(&list.expr, op, value)).collect();
                if list.negated { Clause::And(parts) } else { Clause::Or(parts) }
            }
            Expr::Like(like) if !like.negated && !like.case_insensitive && like.escape_char.is_none() => {
                match literal(&like.pattern).and_then(text) {
                    Some(pattern) if !pattern.contains('\\') => self.like(&like.expr, pattern),
                    _ => Clause::Any,
                }
            }
            Expr::ScalarFunction(call) => self.call(call.name(), &call.args),
            Expr::Column(_) => self.truth(expr, "true"),
            Expr::Not(inner) => match inner.as_ref() {
                Expr::Column(_) => self.truth(inner, "false"),
                _ => Clause::Any,
            },
            Expr::IsNull(inner) => match self.source(inner) {
                Some(Source::Stored { group, column }) => {
                    summarised(self.schema, group, column, "counts").map_or(Clause::Any, Clause::Missing)
                }
                Some(Source::Path | Source::Segment | Source::Layer) => Clause::Never,
                _ => Clause::Any,
            },
            Expr::IsNotNull(inner) => self.counted(inner, Arc::new(|_| true)),
            _ => Clause::Any,
        }
    }

    /// A column of truth values that is `wanted`.
    fn truth(&self, expr: &Expr, wanted: &'static str) -> Clause {
        self.counted(expr, Arc::new(move |value| value == wanted))
    }

    /// A counted column of which some value fulfils a test.
    fn counted(&self, expr: &Expr, wants: Wants) -> Clause {
        match self.source(expr) {
            Some(Source::Stored { group, column }) => {
                summarised(self.schema, group, column, "counts").map_or(Clause::Any, |name| Clause::Counts(name, wants))
            }
            Some(Source::Field(kinds)) => match kinds.as_slice() {
                [(FieldKind::Bool, column)] => summarised(self.schema, "fields", column, "counts")
                    .map_or(Clause::Any, |name| Clause::Counts(name, wants)),
                _ => Clause::Any,
            },
            Some(Source::Layer) => match self.layer {
                Some((layer, _)) if !wants(layer) => Clause::Never,
                _ => Clause::Any,
            },
            Some(Source::Label(part)) => {
                let Some((_, group)) = self.layer else { return Clause::Any };
                let Some(name) = summarised(self.schema, group, "labels", "counts:type,class") else {
                    return Clause::Any;
                };
                match part {
                    Part::Type => Clause::Counts(name, Arc::new(move |key| type_name(key).is_none_or(|t| wants(&t)))),
                    Part::Stored("class") => Clause::Counts(
                        name,
                        Arc::new(move |key| wants(key.split_once('\u{1f}').map_or("", |(_, c)| c))),
                    ),
                    _ => Clause::Any,
                }
            }
            _ => Clause::Any,
        }
    }

    fn compare(&self, expr: &Expr, op: Operator, value: &ScalarValue) -> Clause {
        if value.is_null() {
            return Clause::Never;
        }
        if let Expr::ScalarFunction(call) = expr {
            // At least so many labels: at least one.
            let is_some = match op {
                Operator::Gt => number(value).is_some_and(|n| n >= 0.0),
                Operator::GtEq | Operator::Eq => number(value).is_some_and(|n| n > 0.0),
                _ => false,
            };
            let is_true = op == Operator::Eq && *value == ScalarValue::Boolean(Some(true));
            return match call.name() {
                "count_labels" if is_some => self.has_class(&call.args),
                _ if is_true => self.clause(expr),
                _ => Clause::Any,
            };
        }
        if let Some(wanted) = text(value) {
            let wanted = wanted.to_owned();
            return match (self.source(expr), op) {
                (Some(Source::Path), _) => path(op, &wanted),
                (Some(Source::Segment), Operator::Eq) if !wanted.is_empty() => prefix(&format!("{wanted}/")),
                (Some(_), Operator::Eq) => self.counted(expr, Arc::new(move |value| value == wanted)),
                (Some(_), Operator::NotEq) => self.counted(expr, Arc::new(move |value| value != wanted)),
                _ => Clause::Any,
            };
        }
        if let ScalarValue::Boolean(Some(wanted)) = value {
            return match (op, *wanted) {
                (Operator::Eq, true) | (Operator::NotEq, false) => self.truth(expr, "true"),
                (Operator::Eq, false) | (Operator::NotEq, true) => self.truth(expr, "false"),
                _ => Clause::Any,
            };
        }
        let Some(value) = number(value) else { return Clause::Any };
        let (low, high) = match op {
            Operator::Eq => (value, value),
            Operator::Lt | Operator::LtEq => (f64::NEG_INFINITY, value),
            Operator::Gt | Operator::GtEq => (value, f64::INFINITY),
            _ => return Clause::Any,
        };
        let range = |group: &str, column: &str| {
            summarised(self.schema, group, column, "minmax").map_or(Clause::Any, |name| Clause::Range(name, low, high))
        };
        match self.source(expr) {
            // Bounds pass over NaN, which compares as larger than all: only columns that cannot hold it.
            Some(Source::Stored { group, column }) if never_nan(self.schema, group, column) => range(group, column),
            Some(Source::Field(kinds)) if kinds.iter().all(|(k, _)| matches!(k, FieldKind::Int | FieldKind::Float)) => {
                Clause::Or(kinds.iter().map(|(_, column)| range("fields", column)).collect())
            }
            _ => Clause::Any,
        }
    }

    fn like(&self, expr: &Expr, pattern: &str) -> Clause {
        let fixed = &pattern[..pattern.find(['%', '_']).unwrap_or(pattern.len())];
        match self.source(expr) {
            Some(Source::Path) if fixed.len() == pattern.len() => path(Operator::Eq, pattern),
            Some(Source::Path) if !fixed.is_empty() => prefix(fixed),
            _ => Clause::Any,
        }
    }

    fn call(&self, name: &str, args: &[Expr]) -> Clause {
        match (name, args) {
            ("starts_with", [what, start]) if matches!(self.source(what), Some(Source::Path)) => {
                literal(start).and_then(text).map_or(Clause::Any, prefix)
            }
            ("has_class", _) => self.has_class(args),
            _ => Clause::Any,
        }
    }

    /// A layer's column with a label, of a class where one is named.
    fn has_class(&self, args: &[Expr]) -> Clause {
        let group = match args.first().and_then(|layer| self.source(layer)) {
            Some(Source::Stored { group, column }) if column == "labels" => group,
            _ => return Clause::Any,
        };
        let class = match args.get(1).map(literal) {
            None => None,
            Some(class) => match class.and_then(text) {
                Some(class) => Some(class.to_owned()),
                None => return Clause::Any,
            },
        };
        let Some(name) = summarised(self.schema, group, "labels", "counts:type,class") else { return Clause::Any };
        let fits = move |key: &str| {
            class.as_deref().is_none_or(|class| key.split_once('\u{1f}').map_or("", |(_, found)| found) == class)
        };
        Clause::Counts(name, Arc::new(fits))
    }
}

/// The name of the type in a counted pair of type and class.
fn type_name(key: &str) -> Option<String> {
    let code = key.split_once('\u{1f}').map_or(key, |(code, _)| code);
    Some(LabelType::from_code(code.parse().ok()?).map_or_else(|| code.to_owned(), |known| known.as_str().to_owned()))
}

fn prefix(text: &str) -> Clause {
    Clause::Keys(Some(text.as_bytes().to_vec()), after_prefix(text.as_bytes()))
}

fn path(op: Operator, value: &str) -> Clause {
    let key = || value.as_bytes().to_vec();
    match op {
        Operator::Eq => Clause::Keys(Some(key()), Some(after(value))),
        Operator::Lt => Clause::Keys(None, Some(key())),
        Operator::LtEq => Clause::Keys(None, Some(after(value))),
        Operator::Gt => Clause::Keys(Some(after(value)), None),
        Operator::GtEq => Clause::Keys(Some(key()), None),
        _ => Clause::Any,
    }
}
