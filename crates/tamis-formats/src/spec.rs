//! The one table about formats: what each can hold, what it loses, which options it takes. The
//! capability matrix of the command line and of the documentation are drawn from it.

use std::fmt::Write;

use tamis_core::LabelType;

/// What a format is and what it can hold.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The name on the command line, e.g. `coco`.
    pub id: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// Where it is described.
    pub homepage: &'static str,
    /// Extensions of its annotation files, without a dot.
    pub extensions: &'static [&'static str],
    /// Kinds of media, e.g. `image`; `any`.
    pub media: &'static [&'static str],
    /// Label types it reads.
    pub reads: &'static [LabelType],
    /// Label types it writes; empty = it is not written.
    pub writes: &'static [LabelType],
    /// What is lost on the way out (and, where said so, in).
    pub losses: &'static [Loss],
    /// What can be chosen.
    pub options: &'static [OptionSpec],
}

/// Something that a format cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The stable name, also the code of its finding after the format's id: `yolo.attributes`.
    pub code: &'static str,
    /// What is lost, e.g. `attributes of labels`.
    pub what: &'static str,
    /// What is written instead, e.g. `left out`.
    pub instead: &'static str,
}

/// An option of a reader or writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// The name.
    pub name: &'static str,
    /// Allowed values; empty = any text.
    pub values: &'static [&'static str],
    /// The value when not given.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

impl Spec {
    /// Whether labels of a type can be written.
    pub fn can_write(&self, label_type: LabelType) -> bool {
        self.writes.contains(&label_type)
    }

    /// The declared loss of a code.
    pub fn loss(&self, code: &str) -> Option<&'static Loss> {
        self.losses.iter().find(|loss| loss.code == code)
    }
}

fn mark(spec: &Spec, label_type: LabelType) -> &'static str {
    match (spec.reads.contains(&label_type), spec.writes.contains(&label_type)) {
        (true, true) => "rw",
        (true, false) => "r",
        (false, true) => "w",
        (false, false) => "",
    }
}

/// Label types that at least one of the formats holds.
fn used(specs: &[&Spec]) -> Vec<LabelType> {
    let has = |t: &LabelType| specs.iter().any(|s| !mark(s, *t).is_empty());
    LabelType::ALL.iter().copied().filter(has).collect()
}

/// The capability matrix as plain text: one line a format, `r` reads, `w` writes.
pub fn capability_text(specs: &[&Spec]) -> String {
    let mut out = String::new();
    let width = specs.iter().map(|s| s.id.len()).max().unwrap_or(0);
    for spec in specs {
        let held = used(specs).into_iter().filter(|t| !mark(spec, *t).is_empty());
        let held: Vec<String> = held.map(|t| format!("{t} ({})", mark(spec, t))).collect();
        let held = if held.is_empty() { "media only".to_owned() } else { held.join(", ") };
        let _ = writeln!(out, "{:width$}  {}: {held}", spec.id, spec.title);
    }
    out
}

/// The page about formats in Markdown: matrix, losses and options.
pub fn capability_markdown(specs: &[&Spec]) -> String {
    let mut out = String::from(
        "# Formats\n\nWritten from the table in `crates/tamis-formats`; do not edit. \
         `r` = reads, `w` = writes.\n\n| format |",
    );
    let types = used(specs);
    for t in &types {
        let _ = write!(out, " {t} |");
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(types.len()));
    out.push('\n');
    for spec in specs {
        let _ = write!(out, "| [{}](#{}) |", spec.id, spec.id);
        for t in &types {
            let _ = write!(out, " {} |", mark(spec, *t));
        }
        out.push('\n');
    }
    for spec in specs {
        let _ = writeln!(
            out,
            "\n## {}\n\n{} (<{}>); media: {}.",
            spec.id,
            spec.title,
            spec.homepage,
            spec.media.join(", ")
        );
        if !spec.losses.is_empty() {
            out.push_str("\n| not held | instead | code |\n|---|---|---|\n");
        }
        for loss in spec.losses {
            let _ = writeln!(out, "| {} | {} | `{}.{}` |", loss.what, loss.instead, spec.id, loss.code);
        }
        if !spec.options.is_empty() {
            out.push_str("\n| option | values | default | what it does |\n|---|---|---|---|\n");
        }
        for o in spec.options {
            let values = if o.values.is_empty() { "text".to_owned() } else { o.values.join(", ") };
            let _ = writeln!(out, "| `{}` | {values} | {} | {} |", o.name, o.default, o.help);
        }
    }
    out
}
