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

/// Two letters for a label type, the heading of its column.
fn short(label_type: LabelType) -> &'static str {
    match label_type {
        LabelType::Classification => "cl",
        LabelType::Box2d => "bx",
        LabelType::RotatedBox => "rb",
        LabelType::Box3d => "3d",
        LabelType::Polygon => "pg",
        LabelType::MultiPolygon => "mp",
        LabelType::Polyline => "pl",
        LabelType::MultiPolyline => "ml",
        LabelType::Keypoints => "kp",
        LabelType::Rle => "rl",
        LabelType::SemanticMask => "sm",
        LabelType::InstanceMask => "im",
        LabelType::PanopticMask => "pm",
        LabelType::Sentence => "se",
        LabelType::Relation => "re",
        LabelType::Scalar => "sc",
        LabelType::Attributes => "at",
        LabelType::TextSpan => "tx",
        LabelType::TimeSpan => "ti",
        LabelType::Track => "tr",
        _ => "??",
    }
}

/// Words in lines of at most 100 letters, each but the first after so many blanks.
fn wrapped(words: impl Iterator<Item = String>, indent: usize) -> String {
    let (mut out, mut width) = (String::new(), indent);
    for word in words {
        let more = word.chars().count() + 1;
        if width + more > 100 && width > indent {
            let _ = write!(out, "\n{:indent$}", "");
            width = indent;
        }
        let _ = write!(out, "{}{word}", if width > indent { " " } else { "" });
        width += more;
    }
    out
}

/// The capability matrix as plain text of at most 100 columns: a line a format with its media, what it does with each
/// label type (`r` reads, `w` writes), and how many kinds of loss it declares; then what the headings mean.
pub fn capability_text(specs: &[&Spec]) -> String {
    let types = used(specs);
    let ids = specs.iter().map(|s| s.id.len()).max().unwrap_or(0).max(6);
    let media = |spec: &Spec| spec.media.iter().map(|m| m.get(..1).unwrap_or_default()).collect::<String>();
    let mut out = format!("{:ids$} media", "format");
    for t in &types {
        let _ = write!(out, " {}", short(*t));
    }
    out.push_str(" loses\n");
    for spec in specs {
        let _ = write!(out, "{:ids$} {:5}", spec.id, media(spec));
        for t in &types {
            let mark = mark(spec, *t);
            let _ = write!(out, " {:<2}", if mark.is_empty() { "." } else { mark });
        }
        let losses = if spec.writes.is_empty() { "-".to_owned() } else { spec.losses.len().to_string() };
        let _ = writeln!(out, " {losses:>5}");
    }
    let mut known: Vec<&str> = specs.iter().flat_map(|s| s.media).copied().collect();
    known.sort_unstable();
    known.dedup();
    let letters = known.iter().map(|m| format!("{} {m};", m.get(..1).unwrap_or_default()));
    let headings = types.iter().map(|t| format!("{} {t};", short(*t)));
    let _ = writeln!(out, "\nr reads, w writes. {}", wrapped(letters.chain(headings), 19));
    out
}

/// One format in words, in lines of at most 100 letters: where it is described, its layout, what it reads and writes,
/// what it loses, its options.
pub fn describe(spec: &Spec) -> String {
    let mut out = format!("{}: {}\n", spec.id, spec.title);
    let mut row = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name:<8}{}", wrapped(text.split(' ').map(str::to_owned), 10));
    };
    let types = |list: &[LabelType]| match list {
        [] => "nothing but media".to_owned(),
        list if list.len() == LabelType::ALL.len() => "all label types".to_owned(),
        list => list.iter().map(|t| t.as_str()).collect::<Vec<_>>().join(", "),
    };
    row("about", spec.homepage);
    row("media", &spec.media.join(", "));
    row("layout", crate::layouts::layout(spec.id));
    row("reads", &types(spec.reads));
    // What is written without labels loses them, and says so.
    let one_way = spec.writes.is_empty() && spec.losses.is_empty();
    row("writes", &if one_way { "-".to_owned() } else { types(spec.writes) });
    for (at, loss) in spec.losses.iter().enumerate() {
        let name = if at == 0 { "loses" } else { "" };
        let text = format!("{}: {} ({}.{})", loss.what, loss.instead, spec.id, loss.code);
        let _ = writeln!(out, "  {name:<8}{}", wrapped(text.split(' ').map(str::to_owned), 10));
    }
    for option in spec.options {
        let values = if option.values.is_empty() { "text".to_owned() } else { option.values.join("|") };
        let default = if option.default.is_empty() { String::new() } else { format!(" [{}]", option.default) };
        let text = format!("{}={values}{default}: {}", option.name, option.help);
        let _ = writeln!(out, "  option  {}", wrapped(text.split(' ').map(str::to_owned), 10));
    }
    out
}

/// The page about formats in Markdown: matrix, losses and options.
pub fn capability_markdown(specs: &[&Spec]) -> String {
    let mut out = String::from(
        "# Formats\n\nWritten from the table in `crates/tamis-formats`; do not edit. \
         `r` = reads, `w` = writes.\n\n| format | media |",
    );
    let types = used(specs);
    for t in &types {
        let _ = write!(out, " {t} |");
    }
    out.push_str(" losses |\n|---|---|");
    out.push_str(&"---|".repeat(types.len()));
    out.push_str("---|\n");
    for spec in specs {
        let _ = write!(out, "| [{}](#{}) | {} |", spec.id, spec.id, spec.media.join(", "));
        for t in &types {
            let _ = write!(out, " {} |", mark(spec, *t));
        }
        let _ = writeln!(out, " {} |", spec.losses.len());
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
        let layout = crate::layouts::layout(spec.id).replace('|', "\\|");
        let _ = writeln!(out, "\nLayout: `{layout}`");
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
