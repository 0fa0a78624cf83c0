//! AVA actions: `ava_<list>.csv` of `video, second, x1, y1, x2, y2, action, person` a row (corners as fractions of the
//! frame), the actions in `ava_action_list_*.pbtxt`, the frames as `<video>/<video>_<second>.jpg`.

use std::collections::BTreeMap;

use tamis_core::{Box2d, Class, Label, LabelType, Place, SampleRecord, Shape};

use crate::error::Result;
use crate::gather::Gather;
use crate::lex::text;
use crate::paths::name;
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec =
    reads::spec("ava", "AVA actions", "https://research.google.com/ava/", &["csv", "pbtxt"], &[LabelType::Box2d]);

/// AVA actions.
pub(crate) static AVA: Reads = Reads { spec: &SPEC, detect, read };

fn is_table(path: &str) -> bool {
    name(path).starts_with("ava_") && !name(path).contains("excluded")
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let is_it = |path: &str| {
        let head = probe.head(path, 4096);
        let head = text::decode(&head);
        is_table(path) && head.lines().next().is_some_and(|row| matches!(row.split(',').count(), 7 | 8))
    };
    match probe.with_extension("csv").iter().find(|e| is_it(&e.path)) {
        Some(first) => Confidence::new(93, format!("found `{}`", first.path)),
        None => Confidence::NONE,
    }
}

/// The actions by number, out of `label { name: "…" id: 1 }`; an item without a number has 0.
fn actions(text: &str) -> Vec<Class> {
    let mut out: Vec<Class> = Vec::new();
    for (_, row) in text::lines(text) {
        let (key, value) = row.split_once(':').unwrap_or((row, ""));
        match (key.trim(), out.last_mut()) {
            ("name", _) => {
                let name = value.trim().trim_matches('"').to_owned();
                out.push(Class { name, id: Some(0), ..Class::default() });
            }
            ("id" | "label_id", Some(last)) => last.id = value.trim().parse().ok(),
            _ => {}
        }
    }
    out
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let tables: Vec<&str> = gather.files("csv").into_iter().filter(|p| is_table(p)).collect();
    if tables.is_empty() {
        return Err(gather.nothing("there is no `ava_<list>.csv`"));
    }
    for file in gather.files("pbtxt") {
        gather.classes.extend(actions(&gather.judge.text(gather.source, file).unwrap_or_default()));
    }
    gather.classes.dedup_by(|a, b| a.name == b.name);
    for file in tables {
        let Some(all) = gather.judge.text(gather.source, file) else { continue };
        let split = name(file).split('_').find_map(crate::paths::split_of);
        let mut frames: BTreeMap<String, (u64, SampleRecord)> = BTreeMap::new();
        for (line, row) in text::lines(&all) {
            let place = || Place::line(file, line);
            let words: Vec<&str> = row.split(',').map(str::trim).collect();
            let [video, second, rest @ ..] = words.as_slice() else {
                gather.judge.error("syntax", place(), "a row has not eight columns; left out");
                continue;
            };
            let key = format!("{video}/{video}_{second}");
            if !frames.contains_key(&key) {
                let found = gather.index.named(&format!("{video}_{second}.jpg")).map(str::to_owned);
                let wanted = found.unwrap_or_else(|| format!("{key}.jpg"));
                let Some(mut record) = gather.start(file, &wanted, split.as_deref(), &place) else { continue };
                record.stated_size = gather.source.image_size(&record.path);
                record.timestamp = second.parse().ok();
                record.frame = Some(key.clone());
                frames.insert(key.clone(), (line, record));
            }
            let Some((_, record)) = frames.get_mut(&key) else { continue };
            // A frame that somebody looked at and found nothing in has a row without box.
            let labels = record.layers.entry(gather.layer.clone()).or_default();
            if rest.iter().all(|w| w.is_empty()) {
                continue;
            }
            match text::numbers(line, rest) {
                Ok(numbers) => labels.extend(label(gather, &numbers, record.stated_size, video, &place)),
                Err(fault) => gather.judge.error("syntax", fault.place(file), fault.message),
            }
        }
        for (_, (line, record)) in frames {
            gather.put(record, &|| Place::line(file, line))?;
        }
    }
    Ok(())
}

fn label(
    gather: &Gather<'_>,
    numbers: &[f64],
    size: Option<(u32, u32)>,
    video: &str,
    place: &dyn Fn() -> Place,
) -> Option<Label> {
    let &[x1, y1, x2, y2, action, ref person @ ..] = numbers else {
        gather.judge.error("syntax", place(), "a row has not eight columns; left out");
        return None;
    };
    let mut b = Box2d::new(x1, y1, x2, y2);
    if numbers.iter().take(4).all(|n| (0.0..=1.0).contains(n)) {
        match size {
            Some((width, height)) => b = b.from_fractions(width, height),
            None => {
                let message = "the size of the frame is not known, so its box is not either; left out";
                gather.judge.error("no_size", place(), message);
                return None;
            }
        }
    }
    let b = gather.judge.accept(b, size, place)?;
    let named = gather.classes.iter().find(|c| c.id == Some(action as i64)).map(|c| c.name.clone());
    if named.is_none() {
        gather.judge.warn("class", place(), format!("no list names the action {action}; the number is its name"));
    }
    let mut label = Label::new(Shape::Box2d(b)).with_class(named.unwrap_or_else(|| action.to_string()));
    label.instance = person.first().map(|p| format!("{video}/{p}"));
    Some(label)
}
