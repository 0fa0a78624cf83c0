//! Kinetics: actions in films of YouTube, as `<split>.csv` (`label, youtube_id, time_start, time_end, split`) or
//! `<split>.json` (by id). A film cut to its action, `<id>_000005_000015.mp4`, is of the class as a whole; in a whole
//! film the class is a span of time.

use std::collections::BTreeMap;

use serde_json::Value;
use tamis_core::{Label, LabelType, Place, SampleRecord, Shape};

use crate::error::Result;
use crate::gather::{Gather, like};
use crate::lex::{csv, object, text};
use crate::paths::{self, name, stem};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = Spec {
    media: &["video"],
    ..reads::spec(
        "kinetics",
        "Kinetics actions in films",
        "https://github.com/cvdfoundation/kinetics-dataset",
        &["csv", "json"],
        &[LabelType::TimeSpan, LabelType::Classification],
    )
};

/// Kinetics.
pub(crate) static KINETICS: Reads = Reads { spec: &SPEC, detect, read };

fn is_csv(head: &str) -> bool {
    head.lines().next().is_some_and(|row| row.contains("youtube_id") && row.contains("time_start"))
}

fn is_json(head: &str) -> bool {
    crate::gather::has(head, &["annotations", "segment", "subset"])
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let table = like(probe, "csv", 95, is_csv);
    if table.score > 0 { table } else { like(probe, "json", 93, is_json) }
}

/// One action in one film.
struct Action {
    film: String,
    class: Option<String>,
    span: Option<(f64, f64)>,
    split: Option<String>,
    place: Place,
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let mut all: Vec<Action> = Vec::new();
    let (tables, lists) = (gather.files_like("csv", is_csv), gather.files_like("json", is_json));
    if tables.is_empty() && lists.is_empty() {
        return Err(gather.nothing("no table has the columns youtube_id and time_start"));
    }
    for file in tables {
        all.extend(table(gather, file)?);
    }
    for file in lists {
        all.extend(list(gather, file));
    }
    // A film by its id, alone or with the span it was cut to.
    let mut films: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for film in gather.index.all() {
        let bare = stem(name(film));
        films.entry(bare.strip_prefix("video_").unwrap_or(bare)).or_default().push(film);
    }
    let mut records: BTreeMap<String, (Place, SampleRecord)> = BTreeMap::new();
    for action in all {
        let cut = action.span.map(|(begin, end)| format!("{}_{begin:06}_{end:06}", action.film));
        let of = |id: &str| films.get(id).and_then(|f| f.first().copied());
        let whole = of(&action.film);
        let found = whole.or_else(|| cut.as_deref().and_then(of));
        let uri = format!("https://www.youtube.com/watch?v={}", action.film);
        let path = found.map_or_else(|| format!("{}.mp4", action.film), str::to_owned);
        let place = action.place.clone();
        if found.is_none() {
            gather.judge.error(
                "missing_film",
                place.clone(),
                format!("there is no film `{}`", text::crop(&action.film)),
            );
        }
        if crate::source::check(&path).is_err() {
            continue;
        }
        let (_, record) = records.entry(path.clone()).or_insert_with(|| {
            let mut record = SampleRecord { path, ..SampleRecord::default() };
            if let Some(film) = found {
                record = crate::labels::of_file(film);
            }
            record.split.clone_from(&action.split);
            record.fields.insert("url".to_owned(), uri.into());
            (place, record)
        });
        let Some(class) = action.class else { continue };
        let mut label = match action.span {
            Some((begin, end)) if found.is_none() || whole.is_some() => Label::new(Shape::TimeSpan { begin, end }),
            _ => Label::new(Shape::Classification),
        };
        label.class = Some(class);
        record.layers.entry(gather.layer.clone()).or_default().push(label);
    }
    records.into_values().try_for_each(|(place, record)| gather.put(record, &|| place.clone()))
}

fn table(gather: &Gather<'_>, file: &str) -> Result<Vec<Action>> {
    let head = gather.source.text_head(file, 4096)?;
    let rows = csv::Rows::new(gather.source.text(file)?, csv::separator(&head));
    let Some((mut rows, header)) = gather.judge.take(file, rows) else { return Ok(Vec::new()) };
    let column = |name: &str| header.iter().position(|c| c == name);
    let columns = ["label", "youtube_id", "time_start", "time_end", "split"].map(column);
    let mut out = Vec::new();
    while let Some(row) = rows.next() {
        let Some(row) = gather.judge.take(file, row) else { continue };
        let cell = |at: usize| {
            let cell = columns.get(at).copied().flatten().and_then(|c| row.cells.get(c));
            cell.map(|c| c.trim()).filter(|c| !c.is_empty())
        };
        let place = Place::line(file, row.line);
        let Some(film) = cell(1) else {
            gather.judge.error("id", place, "a row names no film; left out");
            continue;
        };
        let number = |at| cell(at).and_then(|c| c.parse::<f64>().ok()).filter(|n| n.is_finite());
        let split = cell(4).map(|s| paths::split_of(s).unwrap_or_else(|| s.to_owned()));
        let split = split.or_else(|| paths::split_of(stem(name(file))));
        let class = cell(0).map(str::to_owned);
        out.push(Action { film: film.to_owned(), class, span: number(2).zip(number(3)), split, place });
    }
    Ok(out)
}

fn list(gather: &Gather<'_>, file: &str) -> Vec<Action> {
    let action = |(film, entry): (&String, &Value)| {
        let said = entry.get("annotations").and_then(Value::as_object);
        let span = said.map(|s| object::list(s, "segment")).and_then(|s| match s {
            [begin, end] => object::number_of(begin).zip(object::number_of(end)),
            _ => None,
        });
        let class = said.and_then(|s| object::text(s, "label")).map(str::to_owned);
        let split = entry.get("subset").and_then(Value::as_str);
        let split = split.map(|s| paths::split_of(s).unwrap_or_else(|| s.to_owned()));
        Action { film: film.clone(), class, span, split, place: Place::file(file).at(format!("/{film}")) }
    };
    gather.object(file).unwrap_or_default().iter().map(action).collect()
}
