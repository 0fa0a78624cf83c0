//! The ways in which a dataset is broken: each gives many sets, damaged in one place each.

use std::sync::Arc;

use serde_json::Value;

use super::sets::Files;

/// What must come of a damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The same samples and labels: it is no damage.
    Same,
    /// What is lost is told, and it is no more than one sample or labels of one.
    Rest,
    /// What is lost is told; a file is gone, so that may be much.
    Said,
    /// Something was taken out in a sound way: nothing has to be told.
    Removed,
}

/// A damage.
pub(super) struct Damage<'a> {
    /// The way, as the table shows it.
    pub(super) kind: &'static str,
    /// The file.
    pub(super) leaf: &'a str,
    /// What was done to it.
    pub(super) what: String,
    pub(super) wanted: Wanted,
}

/// Places tried in a file, evenly spread.
const PLACES: usize = 6;
/// What the issue of numbers is: too large, none, of another type.
const NUMBERS: &[(&str, &str)] = &[
    ("number huge", "1e999"),
    ("number huge", "-9223372036854775808"),
    ("number huge", "1@"),
    ("not finite", "NaN"),
    ("not finite", "-Infinity"),
    ("geometry negative", "-5"),
    ("geometry outside", "1000000"),
    ("wrong type", "null"),
    ("wrong type", "[]"),
    ("wrong type", "{\"a\": 1}"),
    ("wrong type", "\"x\""),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Json,
    Xml,
    Yaml,
    Rows,
    Media,
    Binary,
}

fn syntax(path: &str, bytes: &[u8]) -> Syntax {
    let extension = path.rsplit('.').next().unwrap_or_default();
    match extension {
        "json" | "jsonl" | "ndjson" | "manifest" => Syntax::Json,
        "xml" => Syntax::Xml,
        "yaml" | "yml" => Syntax::Yaml,
        "png" | "jpg" | "jpeg" | "wav" | "avi" | "mp4" | "pcd" | "bmp" => Syntax::Media,
        _ if std::str::from_utf8(bytes).is_ok_and(|t| !t.contains('\0')) => Syntax::Rows,
        _ => Syntax::Binary,
    }
}

/// Spread over a list of so many.
fn some(length: usize) -> impl Iterator<Item = usize> {
    let step = length.div_ceil(PLACES).max(1);
    (0..length).step_by(step)
}

/// Gives every damaged set to `take`.
pub(super) fn each(files: &Files, take: &mut dyn FnMut(Damage<'_>, &Files)) {
    // The smallest annotation files of each kind of name say as much as all.
    let mut kinds = std::collections::BTreeMap::new();
    for (path, bytes) in files {
        let extension = path.rsplit(['.', '/']).next().unwrap_or_default().to_owned();
        let of_kind: &mut Vec<&String> = kinds.entry(extension).or_default();
        if of_kind.len() < 12 && bytes.len() < 200_000 {
            of_kind.push(path);
        }
    }
    for path in kinds.into_values().flatten() {
        let bytes = &files[path];
        let mut with = |kind: &'static str, what: &str, wanted: Wanted, new: Option<Vec<u8>>| {
            let mut changed = files.clone();
            match new {
                Some(new) => drop(changed.insert(path.clone(), Arc::new(new))),
                None => drop(changed.remove(path)),
            }
            take(Damage { kind, leaf: path, what: what.to_owned(), wanted }, &changed);
        };
        match syntax(path, bytes) {
            Syntax::Media => {
                with("media missing", "", Wanted::Said, None);
                with("media unreadable", "text", Wanted::Said, Some(b"not an image".to_vec()));
                with("media unreadable", "empty", Wanted::Said, Some(Vec::new()));
                with("media unreadable", "cut", Wanted::Said, Some(bytes[..bytes.len() / 2].to_vec()));
            }
            Syntax::Binary => {
                with("file empty", "", Wanted::Said, Some(Vec::new()));
                binary(bytes, &mut with);
            }
            kind => {
                with("file missing", "", Wanted::Removed, None);
                // A file of rows may have none.
                let empty = if kind == Syntax::Rows { Wanted::Removed } else { Wanted::Said };
                with("file empty", "", empty, Some(Vec::new()));
                binary(bytes, &mut with);
                let text = String::from_utf8_lossy(bytes).into_owned();
                encodings(&text, kind, &mut with);
                numbers(&text, kind, &mut with);
                paths(&text, kind, files, &mut with);
                depth(&text, kind, &mut with);
                repeats(&text, kind, &mut with);
                if kind == Syntax::Json {
                    lists(&text, &mut with);
                }
            }
        }
    }
}

type With<'w> = dyn FnMut(&'static str, &str, Wanted, Option<Vec<u8>>) + 'w;

fn binary(bytes: &[u8], with: &mut With<'_>) {
    for at in some(bytes.len()).filter(|at| *at > 0) {
        // A cut may fall where a row ends.
        with("file cut", &format!("at {at}"), Wanted::Removed, Some(bytes[..at].to_vec()));
        let mut changed = bytes.to_vec();
        changed[at] ^= 0x95;
        with("byte changed", &format!("at {at}"), Wanted::Removed, Some(changed));
    }
}

fn encodings(text: &str, syntax: Syntax, with: &mut With<'_>) {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    with("mark", "UTF-8", Wanted::Same, Some(format!("\u{feff}{bare}").into_bytes()));
    let crlf = bare.replace("\r\n", "\n").replace('\n', "\r\n");
    with("line ends", "CRLF", Wanted::Same, Some(crlf.into_bytes()));
    let mut odd = false;
    let mixed: String = bare
        .replace("\r\n", "\n")
        .chars()
        .map(|c| {
            odd ^= c == '\n';
            if c == '\n' && odd { "\r\n".to_owned() } else { c.to_string() }
        })
        .collect();
    with("line ends", "mixed", Wanted::Same, Some(mixed.into_bytes()));
    let bare = if syntax == Syntax::Xml {
        bare.replace("utf-8", "utf-16").replace("UTF-8", "UTF-16")
    } else {
        bare.to_owned()
    };
    let wide = |units: &mut dyn Iterator<Item = [u8; 2]>| units.flatten().collect::<Vec<u8>>();
    let marked = || format!("\u{feff}{bare}");
    let little = wide(&mut marked().encode_utf16().map(u16::to_le_bytes));
    with("UTF-16", "little", Wanted::Same, Some(little));
    let big = wide(&mut marked().encode_utf16().map(u16::to_be_bytes));
    with("UTF-16", "big", Wanted::Same, Some(big));
    let letters: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii_lowercase()).map(|(at, _)| at).collect();
    for at in some(letters.len()) {
        let mut changed = text.as_bytes().to_vec();
        changed[letters[at]] = 0xE9;
        with("encodings mixed", &format!("at {}", letters[at]), Wanted::Removed, Some(changed));
    }
    let long = format!("{text}\n{}\n", "x".repeat(1_000_000));
    with("line of 10^6", "last", Wanted::Removed, Some(long.into_bytes()));
}

/// Where numbers stand as whole values.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let is_part = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+');
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_part(bytes[at]) {
            at += 1;
            continue;
        }
        let from = at;
        while at < bytes.len() && is_part(bytes[at]) {
            at += 1;
        }
        let before = from.checked_sub(1).map_or(b'\n', |i| bytes[i]);
        let after = bytes.get(at).copied().unwrap_or(b'\n');
        let edge = |b: u8| {
            matches!(
                b,
                b' ' | b',' | b':' | b'[' | b']' | b'}' | b'>' | b'<' | b'"' | b'\'' | b'\n' | b'\r' | b'\t' | b'|'
            )
        };
        if edge(before) && edge(after) && text[from..at].parse::<f64>().is_ok() {
            out.push(from..at);
        }
    }
    out
}

fn numbers(text: &str, syntax: Syntax, with: &mut With<'_>) {
    let found = tokens(text);
    for token in some(found.len()).map(|i| found[i].clone()) {
        for (kind, new) in NUMBERS {
            if *kind == "wrong type" && syntax != Syntax::Json && *new != "\"x\"" {
                continue;
            }
            let huge = format!("1{}", "0".repeat(400));
            let mut new = if *new == "1@" { huge.as_str() } else { new };
            if matches!(syntax, Syntax::Xml | Syntax::Rows) {
                new = new.trim_matches('"');
            }
            let changed = format!("{}{new}{}", &text[..token.start], &text[token.end..]);
            let shown: String = new.chars().take(24).collect();
            let line = text[..token.start].matches('\n').count() + 1;
            let what = format!("line {line}: {} → {shown}", &text[token.clone()]);
            with(kind, &what, Wanted::Rest, Some(changed.into_bytes()));
        }
    }
}

fn paths(text: &str, syntax: Syntax, files: &Files, with: &mut With<'_>) {
    let names = files.keys().filter_map(|path| {
        let name = path.rsplit('/').next()?;
        (matches!(self::syntax(path, &files[path]), Syntax::Media) && text.contains(name)).then_some(name)
    });
    let Some(name) = names.into_iter().next() else { return };
    let long = "n".repeat(1_000_000);
    for (kind, new) in [
        ("path out", "../../../../etc/passwd"),
        ("path out", ".."),
        ("path absolute", "/etc/passwd"),
        ("path absolute", "C:\\\\Windows\\\\x.png"),
        ("path absolute", "file:///etc/passwd"),
        ("path empty", ""),
        ("path dangling", "no-such-file.png"),
        ("path long", long.as_str()),
    ] {
        let new = if syntax == Syntax::Json { new.to_owned() } else { new.replace("\\\\", "\\") };
        let shown: String = new.chars().take(24).collect();
        let changed = text.replacen(name, &new, 1);
        with(kind, &format!("{name} → {shown}"), Wanted::Rest, Some(changed.into_bytes()));
    }
}

fn depth(text: &str, syntax: Syntax, with: &mut With<'_>) {
    const DEEP: usize = 1_000_000;
    match syntax {
        Syntax::Json => {
            let found = tokens(text);
            for token in some(found.len()).step_by(2).map(|i| found[i].clone()) {
                let deep = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
                let changed = format!("{}{deep}{}", &text[..token.start], &text[token.end..]);
                with("nesting of 10^6", &format!("at {}", token.start), Wanted::Rest, Some(changed.into_bytes()));
            }
            with("nesting of 10^6", "open", Wanted::Said, Some("[".repeat(DEEP).into_bytes()));
            with("nesting of 10^6", "open", Wanted::Said, Some("{\"a\":".repeat(DEEP).into_bytes()));
        }
        Syntax::Xml => {
            let nested = format!("{}{}", "<a>".repeat(DEEP), "</a>".repeat(DEEP));
            with("nesting of 10^6", "alone", Wanted::Said, Some(nested.into_bytes()));
            let entities: String =
                (1..10).map(|i| format!("<!ENTITY l{i} \"{}\">", format!("&l{};", i - 1).repeat(10))).collect();
            let body = text.split_once("?>").map_or(text, |(_, body)| body);
            let Some(at) = body.find("</") else { return };
            for (kind, entities, name) in [
                ("XML entities", format!("<!ENTITY l0 \"lol\">{entities}"), "&l9;"),
                ("XML entities", "<!ENTITY x SYSTEM \"file:///etc/passwd\">".to_owned(), "&x;"),
            ] {
                let changed = format!("<!DOCTYPE d [{entities}]>{}{name}{}", &body[..at], &body[at..]);
                with(kind, name, Wanted::Said, Some(changed.into_bytes()));
            }
        }
        Syntax::Yaml => {
            with("nesting of 10^6", "open", Wanted::Said, Some("[".repeat(DEEP).into_bytes()));
            let anchors: String =
                (1..12).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "))).collect();
            let bomb = format!("a0: &a0 [x]\n{anchors}{text}");
            with("XML entities", "anchors", Wanted::Said, Some(bomb.into_bytes()));
        }
        Syntax::Rows | Syntax::Media | Syntax::Binary => {}
    }
}

fn repeats(text: &str, syntax: Syntax, with: &mut With<'_>) {
    if syntax == Syntax::Xml {
        for name in ["object", "image", "track", "box", "item", "label"] {
            let start = ['>', ' '].iter().find_map(|c| text.find(&format!("<{name}{c}")));
            let (Some(from), end) = (start, format!("</{name}>")) else { continue };
            let Some(to) = text[from..].find(&end) else { continue };
            let element = &text[from..from + to + end.len()];
            let changed = text.replacen(element, &format!("{element}{element}"), 1);
            with("ids twice", name, Wanted::Rest, Some(changed.into_bytes()));
        }
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    if syntax == Syntax::Rows && lines.len() > 1 {
        for at in some(lines.len()) {
            let mut twice = lines.clone();
            twice.insert(at, lines[at]);
            with(
                "ids twice",
                &format!("line {}", at + 1),
                Wanted::Removed,
                Some((twice.join("\n") + "\n").into_bytes()),
            );
            let mut without = lines.clone();
            without.remove(at);
            with(
                "dangling",
                &format!("line {}", at + 1),
                Wanted::Removed,
                Some((without.join("\n") + "\n").into_bytes()),
            );
        }
    }
}

/// Every list of objects: its first element twice, its first element gone, all gone, the list of another type.
fn lists(text: &str, with: &mut With<'_>) {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let mut found = Vec::new();
    fn collect(value: &Value, at: &str, depth: u32, out: &mut Vec<String>) {
        match value {
            Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                out.push(at.to_owned());
                if depth < 4 {
                    collect(&items[0], &format!("{at}/0"), depth + 1, out);
                }
            }
            Value::Object(members) if depth < 5 => {
                members.iter().for_each(|(name, v)| collect(v, &format!("{at}/{name}"), depth + 1, out));
            }
            _ => {}
        }
    }
    collect(&value, "", 0, &mut found);
    for pointer in found {
        for (kind, what, wanted) in [
            ("ids twice", "twice", Wanted::Rest),
            ("dangling", "without the first", Wanted::Removed),
            ("classes missing", "empty", Wanted::Removed),
            ("wrong type", "a number", Wanted::Said),
            ("wrong type", "null among", Wanted::Rest),
        ] {
            let mut changed = value.clone();
            let Some(place) = changed.pointer_mut(&pointer) else { continue };
            match (what, place) {
                ("a number", place) => *place = Value::from(7),
                ("twice", Value::Array(items)) => items.insert(0, items[0].clone()),
                ("null among", Value::Array(items)) => items.insert(0, Value::Null),
                ("empty", Value::Array(items)) => items.clear(),
                (_, Value::Array(items)) => drop(items.remove(0)),
                _ => {}
            }
            with(kind, &format!("{pointer} {what}"), wanted, Some(changed.to_string().into_bytes()));
        }
    }
}
