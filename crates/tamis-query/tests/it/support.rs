//! Small lakes and short ways to ask them.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tamis_core::{Box2d, DatasetName, Label, Media, Progress, Sample, Shape, Value};
use tamis_query::{Explain, Query, QueryError};
use tamis_repo::{Author, Dataset, Repo};

pub fn me() -> Author {
    Author::new("Ada", "ada@example.org")
}

/// A lake with the dataset `acme/signs`.
pub fn lake() -> (Repo, Dataset) {
    let repo = Repo::memory().unwrap();
    let signs = repo.create(&DatasetName::new("acme/signs").unwrap(), &me()).unwrap();
    (repo, signs)
}

pub fn commit(dataset: &Dataset, samples: impl IntoIterator<Item = Sample>, message: &str) {
    let mut edit = dataset.transaction("main").unwrap();
    edit.put_many(samples).unwrap();
    edit.commit(message, &me()).unwrap();
}

pub fn boxed(id: u64, class: &str, corners: [f64; 4]) -> Label {
    let [xmin, ymin, xmax, ymax] = corners;
    Label::new(Shape::Box2d(Box2d::new(xmin, ymin, xmax, ymax))).with_class(class).with_id(id)
}

/// The `n`-th of many samples: splits, classes, fields by its number, so that a model can be computed.
pub fn sample(n: u64) -> Sample {
    let split = match n % 10 {
        0 => Some("val"),
        1 => None,
        _ => Some("train"),
    };
    let labels: Vec<Label> = (0..n % 4)
        .map(|at| {
            let class = if (n + at).is_multiple_of(7) { "bus" } else { "car" };
            let x = (n % 50) as f64;
            let mut label = boxed(at + 1, class, [x, 0.0, x + 10.0 + at as f64, 20.0]);
            label.confidence = Some(((n + at) % 100) as f64 / 100.0);
            label
        })
        .collect();
    let mut sample = Sample {
        path: format!("s{:02}/{n:06}.jpg", n / 1000),
        split: split.map(str::to_owned),
        timestamp: Some(n as f64 / 2.0),
        media: Some(Media { size: 100 + n % 5, width: Some(640), height: Some(480), ..Media::default() }),
        layers: [("truth".to_owned(), labels)].into(),
        ..Sample::default()
    };
    sample
        .fields
        .insert("speed".into(), if n.is_multiple_of(3) { Value::from(n) } else { Value::from(n as f64 + 0.5) });
    sample.fields.insert("night".into(), Value::from(n.is_multiple_of(5)));
    sample.fields.insert("Weather".into(), Value::from(if n.is_multiple_of(2) { "rain" } else { "sun" }));
    if n.is_multiple_of(100) {
        sample.fields.insert("odd".into(), Value::from("text"));
    } else if n % 100 == 1 {
        sample.fields.insert("odd".into(), Value::from(7));
    }
    sample
}

pub fn query(sql: &str) -> Query {
    let mut query = Query::new(sql);
    query.dataset = Some("acme/signs".into());
    query.threads = 2;
    query
}

pub fn batch(repo: &Repo, query: &Query) -> Result<RecordBatch, QueryError> {
    query.run(repo, &Progress::none())?.all()
}

/// The rows as texts, cells joined by `|`, null as `-`.
pub fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let columns: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"))
        .collect()
}

pub fn ask(repo: &Repo, sql: &str) -> Vec<String> {
    match batch(repo, &query(sql)) {
        Ok(batch) => rows(&batch),
        Err(error) => panic!("{sql}: {error}"),
    }
}

pub fn refuse(repo: &Repo, sql: &str) -> QueryError {
    match batch(repo, &query(sql)) {
        Ok(batch) => panic!("{sql} was answered: {:?}", rows(&batch)),
        Err(error) => error,
    }
}

/// The plan as it is explained, and run where `explain` says so.
pub fn explained(repo: &Repo, sql: &str, explain: Explain) -> String {
    let query = Query { explain, ..query(sql) };
    rows(&batch(repo, &query).unwrap()).join("\n")
}

/// A number that a plan tells of its scans, added up: `leaves=3`.
pub fn told(plan: &str, name: &str) -> u64 {
    let pattern = format!("{name}=");
    let values = plan
        .match_indices(&pattern)
        .filter(|(at, _)| !plan[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let value: f64 = text[..end].parse().unwrap_or(0.0);
        let unit = match text[end..].trim_start().chars().next() {
            Some('K') => 1000.0,
            Some('M') => 1_000_000.0,
            _ => 1.0,
        };
        (value * unit) as u64
    };
    values.map(|(at, _)| number(&plan[at + pattern.len()..])).sum()
}

/// Fifty thousand samples: some leaves. Built once.
pub fn many() -> &'static (Repo, Dataset) {
    static MANY: std::sync::OnceLock<(Repo, Dataset)> = std::sync::OnceLock::new();
    MANY.get_or_init(|| {
        let (repo, signs) = lake();
        let with_rare = |n: u64| {
            let mut sample = sample(n);
            if n == 31_234 {
                sample.layers.insert("truth".into(), vec![boxed(9, "tram", [1.0, 2.0, 3.0, 4.0])]);
            }
            sample
        };
        commit(&signs, (0..MANY_ROWS).map(with_rare), "many");
        (repo, signs)
    })
}

pub const MANY_ROWS: u64 = 60_000;
