//! `tamis derive`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use tamis_engine::ops::derive::{Define, DeriveReport, DeriveRequest, DerivedField, FieldReport, Spent, functions};
use tamis_engine::{Address, EngineError, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Compute values of every sample: hashes, image facts, embeddings, predictions. Only what is new or changed is
/// computed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis derive street blur                     a field of the function's name
  tamis derive street look --function embed_basic --param size=64
  tamis derive street guess --function detect --model yolo.onnx --layer pred/yolo
  tamis derive street                          bring all derived fields up to date
  tamis derive street --list                   what there is, and how far behind it is
  tamis derive --functions                     what can be computed

Values are columns of the samples (`tamis sql`, `tamis search`), versioned with them. What a function gave for a file is
remembered in the lake: other branches and datasets take it from there.")]
pub(crate) struct DeriveArgs {
    /// DATASET[@BRANCH]
    #[arg(required_unless_present = "functions")]
    address: Option<String>,
    /// The derived field; all of them where none is named
    field: Option<String>,
    /// Define the field by this function
    #[arg(long, requires = "field")]
    function: Option<String>,
    /// A parameter of the function; may be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", requires = "function")]
    parameters: Vec<String>,
    /// What to compute from: media, or field:NAME
    #[arg(long, requires = "function")]
    input: Option<String>,
    /// The layer that labels go to
    #[arg(long, requires = "function")]
    layer: Option<String>,
    /// The model, an ONNX file: short for --param model=FILE. It is kept in the lake
    #[arg(long, value_name = "FILE", requires = "function")]
    model: Option<String>,
    /// Say what would be computed
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// The commit's message
    #[arg(long, short)]
    message: Option<String>,
    /// List the dataset's derived fields
    #[arg(long, conflicts_with_all = ["field", "dry_run"])]
    list: bool,
    /// Take the field and its values away
    #[arg(long, requires = "field", conflicts_with_all = ["function", "dry_run"])]
    drop: bool,
    /// List the functions
    #[arg(long, conflicts_with_all = ["address", "field"])]
    functions: bool,
}

pub(crate) fn run(args: &DeriveArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    if args.functions {
        say_functions(printer);
        return Ok(ExitCode::SUCCESS);
    }
    let address: Address = args.address.as_deref().unwrap_or_default().parse()?;
    let engine = door.open()?;
    if args.list {
        let fields = engine.derived(&address.dataset, address.revision())?;
        say_fields(&fields, printer);
        return Ok(ExitCode::SUCCESS);
    }
    if let (true, Some(field)) = (args.drop, &args.field) {
        let commit = engine.drop_derived(&door.ctx(), &address.dataset, address.revision(), field)?;
        match printer.json {
            true => printer.json(&serde_json::json!({"commit": commit})),
            false => printer.say(format!("Took `{field}` away in {}", text::short(commit.as_deref().unwrap_or("-")))),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let request = request(args, &address)?;
    let ctx = if args.dry_run { door.reading() } else { door.ctx() };
    let report = engine.derive(&ctx, &request)?;
    if printer.json {
        printer.json(&report);
    } else {
        say(&report, args.dry_run, printer);
    }
    Ok(ExitCode::SUCCESS)
}

fn request(args: &DeriveArgs, address: &Address) -> Result<DeriveRequest> {
    let mut parameters = BTreeMap::new();
    for parameter in &args.parameters {
        let Some((name, value)) = parameter.split_once('=') else {
            let message = format!("cannot read the parameter `{parameter}`: it has no `=`");
            return Err(EngineError::new("usage", message).hint("write --param NAME=VALUE"));
        };
        parameters.insert(name.to_owned(), value.to_owned());
    }
    if let Some(model) = &args.model {
        parameters.insert("model".to_owned(), model.clone());
    }
    let define = args.function.clone().map(|function| Define {
        function,
        parameters,
        input: args.input.clone(),
        layer: args.layer.clone(),
    });
    Ok(DeriveRequest {
        dataset: address.dataset.clone(),
        branch: address.revision().to_owned(),
        field: args.field.clone(),
        define,
        dry_run: args.dry_run,
        message: args.message.clone(),
    })
}

fn say(report: &DeriveReport, is_dry: bool, printer: &mut Printer) {
    for field in &report.fields {
        say_field(field, is_dry, printer);
    }
    match (&report.commit, is_dry) {
        (_, true) => {}
        (Some(commit), _) => printer.say(format!("Committed {}", text::short(commit))),
        (None, _) => printer.say("Nothing changed; everything is up to date"),
    }
}

fn say_field(report: &FieldReport, is_dry: bool, printer: &mut Printer) {
    let name = printer.tone(Tone::Heading, &report.field);
    let Some(spent) = report.spent.as_ref().filter(|_| !is_dry) else {
        printer.line(format!(
            "{name}: {} to compute, {} known from before, of {} in {}",
            text::number(report.changed),
            text::number(report.taken),
            text::count(report.samples, "sample"),
            text::count(report.leaves, "leaf"),
        ));
        return;
    };
    let Spent { computed, cached, failed, without, .. } = spent;
    let mut parts = vec![format!("{} computed", text::number(*computed))];
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{} {what}", text::number(count)));
        }
    };
    add(*cached, "taken from the cache");
    add(*failed, "failed");
    add(*without, "without input");
    let line = format!("{name}: {} of {}", parts.join(", "), text::count(report.samples, "sample"));
    printer.line(match *computed {
        0 => line,
        _ => format!("{line}; {:.1} s of processor time, {} read", spent.cpu, text::size(spent.bytes)),
    });
    for failure in &spent.failures {
        let path = printer.tone(Tone::Bad, &failure.path);
        printer.line(format!("  {path}: {}", failure.reason));
    }
    if spent.failed > spent.failures.len() as u64 {
        printer.line(format!("  … and {} more", spent.failed - spent.failures.len() as u64));
    }
    if let Some(path) = &spent.unsteady {
        printer.line(format!(
            "  `{}` gave two values for `{path}`: it is not deterministic, and its values are not taken from the cache",
            report.definition.function
        ));
    }
}

fn say_fields(fields: &[DerivedField], printer: &mut Printer) {
    if printer.json {
        printer.json(&fields);
        return;
    }
    if fields.is_empty() {
        printer.say("No derived fields yet; `tamis derive DATASET phash` makes one");
    }
    let mut rows = vec![["field", "function", "input", "behind", "processor time"].map(str::to_owned).to_vec()];
    for field in fields {
        rows.push(vec![
            field.field.clone(),
            field.definition.function.clone(),
            field.definition.input.clone(),
            text::number(field.stale),
            format!("{:.1} s", field.cpu),
        ]);
    }
    if !fields.is_empty() {
        text::table(&rows).iter().for_each(|line| printer.line(line));
    }
}

fn say_functions(printer: &mut Printer) {
    let all = functions();
    if printer.json {
        printer.json(&all);
        return;
    }
    for function in all {
        let name = printer.tone(Tone::Heading, function.name);
        printer.line(format!("{name}  {}", function.doc));
        for parameter in function.parameters {
            let default = parameter.default.map_or_else(String::new, |default| format!(" = {default}"));
            printer.line(format!("    {}{default}  {} ({})", parameter.name, parameter.doc, parameter.kind));
        }
    }
}
