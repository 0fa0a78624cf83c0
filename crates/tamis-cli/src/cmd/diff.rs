//! `tamis diff`.

use std::process::ExitCode;

use clap::Args;
use tamis_core::DatasetName;
use tamis_engine::ops::diff::{DiffLine, DiffRequest, LabelChange, LabelParts};
use tamis_engine::{Address, EngineError, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Show what differs between two revisions, down to labels.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis diff street main fix            which label of which sample changed, and how
  tamis diff street v1 v2 --stat        in numbers
  tamis diff street@v1 street@v2        the same two, as addresses
  tamis diff street main~1 main --json  a line of JSON for each sample, with old and new labels")]
pub(crate) struct DiffArgs {
    /// The dataset; or with its older revision, DATASET@REVISION
    dataset: String,
    /// The older revision
    from: Option<String>,
    /// The newer revision [default: main]
    to: Option<String>,
    /// Only paths that begin with this
    #[arg(long, default_value = "")]
    prefix: String,
    /// Numbers only
    #[arg(long)]
    stat: bool,
    /// Show at most so many samples; 0 = all
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

pub(crate) fn run(args: &DiffArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let (dataset, from, to) = sides(args)?;
    let request = DiffRequest { from, to, prefix: args.prefix.clone() };
    let engine = door.open()?;
    if args.stat {
        return stat(&engine, &dataset, &request, door, printer);
    }
    let mut left_out = 0u64;
    let mut shown = 0;
    for line in engine.diff(&dataset, &request)? {
        let line = line?;
        if printer.json {
            printer.json(&line);
        } else if args.limit == 0 || shown < args.limit {
            render(&line, printer);
            shown += 1;
        } else {
            left_out += 1;
        }
        if printer.is_closed() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if !printer.json {
        for change in engine.diff_ontology(&dataset, &request)? {
            let verb = match (&change.old, &change.new) {
                (None, _) => printer.tone(Tone::Good, "added"),
                (_, None) => printer.tone(Tone::Bad, "removed"),
                _ => printer.tone(Tone::Warning, "changed"),
            };
            let of = change.label_type.map(|t| format!("{t} ")).unwrap_or_default();
            printer.line(format!("ontology: {verb} {of}{} {}", change.what, change.name));
            shown += 1;
        }
        if left_out > 0 {
            printer.line(format!("… and {} more (see all with -n 0)", text::count(left_out, "sample")));
        } else if shown == 0 {
            printer.say(format!("No difference between {} and {}", request.from, request.to));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The dataset, the older and the newer revision: `street v1 v2`, `street@v1 street@v2`, `street@v1 v2`.
fn sides(args: &DiffArgs) -> Result<(DatasetName, String, String)> {
    let first: Address = args.dataset.parse()?;
    let usage = |message: String| EngineError::new("usage", message).hint("write `tamis diff DATASET FROM [TO]`");
    let words = [args.from.as_deref(), args.to.as_deref()];
    let (from, to) = match (&first.revision, words) {
        (None, [Some(from), to]) => (from.to_owned(), to),
        (Some(from), [to, None]) => (from.clone(), to),
        (None, [None, _]) => return Err(usage(format!("nothing to compare `{first}` with"))),
        (Some(_), [_, Some(_)]) => return Err(usage(format!("`{first}` and two more revisions are three"))),
    };
    // `other@v2` of the same dataset is `v2`; a revision may hold an `@` itself (`main@{yesterday}`).
    let own = |text: &str| text.strip_prefix(&format!("{}@", first.dataset)).unwrap_or(text).to_owned();
    Ok((first.dataset.clone(), own(&from), own(to.unwrap_or("main"))))
}

fn stat(
    engine: &tamis_engine::Engine,
    dataset: &DatasetName,
    request: &DiffRequest,
    door: &Door<'_>,
    printer: &mut Printer,
) -> Result<ExitCode> {
    let stat = engine.diff_stat(&door.ctx(), dataset, request)?;
    if printer.json {
        printer.json(&stat);
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["", "added", "removed", "changed"].map(str::to_owned).to_vec()];
    let mut row = |name: &str, counts: [u64; 3]| {
        rows.push(std::iter::once(name.to_owned()).chain(counts.map(text::number)).collect());
    };
    row("samples", [stat.samples_added, stat.samples_removed, stat.samples_changed]);
    row("labels", [stat.labels_added, stat.labels_removed, stat.labels_changed]);
    for (class, counts) in &stat.classes {
        row(&format!("  {}", text::or_none(class)), [counts.added, counts.removed, counts.changed]);
    }
    text::table(&rows).iter().for_each(|line| printer.line(line));
    Ok(ExitCode::SUCCESS)
}

fn render(line: &DiffLine, printer: &mut Printer) {
    let path = text::path(&line.path);
    let labels = |sample: &Option<tamis_core::Sample>| {
        text::count(sample.iter().flat_map(|s| s.layers.values()).map(Vec::len).sum::<usize>() as u64, "label")
    };
    match line.change {
        "added" => {
            let sign = printer.tone(Tone::Good, "+");
            return printer.line(format!("{sign} {path} ({})", labels(&line.new)));
        }
        "removed" => {
            let sign = printer.tone(Tone::Bad, "-");
            return printer.line(format!("{sign} {path} ({})", labels(&line.old)));
        }
        _ => {}
    }
    let sign = printer.tone(Tone::Warning, "~");
    printer.line(format!("{sign} {path}"));
    if line.media_changed {
        let facts = |sample: &Option<tamis_core::Sample>| {
            let media = sample.as_ref().and_then(|sample| sample.media.as_ref());
            media.map_or("none".to_owned(), |m| {
                let blob = m.blob.map(|blob| blob.short()).unwrap_or_else(|| "not read".to_owned());
                format!("{} {blob}", text::size(m.size))
            })
        };
        printer.line(format!("    media: {} → {}", facts(&line.old), facts(&line.new)));
    }
    for field in &line.fields {
        let value = |value: &Option<tamis_core::Value>| value.as_ref().map_or("none".to_owned(), ToString::to_string);
        printer.line(format!("    {}: {} → {}", field.name, value(&field.old), value(&field.new)));
    }
    for change in &line.labels {
        render_label(change, printer);
    }
}

pub(crate) fn render_label(change: &LabelChange, printer: &mut Printer) {
    let layer = |layer: &str| if layer == tamis_core::TRUTH { String::new() } else { format!("[{layer}] ") };
    let line = match change {
        LabelChange::Added { layer: name, new } => {
            format!("    {} {}{}", printer.tone(Tone::Good, "+"), layer(name), text::label(new))
        }
        LabelChange::Removed { layer: name, old } => {
            format!("    {} {}{}", printer.tone(Tone::Bad, "-"), layer(name), text::label(old))
        }
        LabelChange::Changed { layer: name, old, new, parts } => {
            let sign = printer.tone(Tone::Warning, "~");
            format!("    {sign} {}{} #{} {}", layer(name), new.label_type(), new.id, how(old, new, *parts))
        }
        LabelChange::LayerAdded { layer: name } => format!("    {} layer {name}, empty", printer.tone(Tone::Good, "+")),
        LabelChange::LayerRemoved { layer: name } => format!("    {} layer {name}", printer.tone(Tone::Bad, "-")),
    };
    printer.line(line);
}

/// How a label changed: only the parts that did.
fn how(old: &tamis_core::Label, new: &tamis_core::Label, parts: LabelParts) -> String {
    let mut out = Vec::new();
    let class = |label: &tamis_core::Label| label.class.clone().unwrap_or_else(|| "-".to_owned());
    if parts.class {
        out.push(format!("class {} → {}", class(old), class(new)));
    } else {
        out.push(class(new));
    }
    if parts.geometry {
        let (a, b) = (text::shape(&old.shape), text::shape(&new.shape));
        if a == b {
            out.push("geometry changed".to_owned());
        } else {
            out.push(format!("{a} → {b}"));
        }
    }
    if parts.confidence {
        let value = |c: Option<f64>| c.map_or("none".to_owned(), |c| format!("{c:.3}"));
        out.push(format!("confidence {} → {}", value(old.confidence), value(new.confidence)));
    }
    if parts.instance {
        let value = |i: &Option<String>| i.clone().unwrap_or_else(|| "none".to_owned());
        out.push(format!("instance {} → {}", value(&old.instance), value(&new.instance)));
    }
    if parts.attributes {
        for name in old.attributes.keys().chain(new.attributes.keys()).collect::<std::collections::BTreeSet<_>>() {
            let value =
                |label: &tamis_core::Label| label.attributes.get(name).map_or("none".to_owned(), ToString::to_string);
            if value(old) != value(new) {
                out.push(format!("{name} {} → {}", value(old), value(new)));
            }
        }
    }
    out.join(", ")
}
