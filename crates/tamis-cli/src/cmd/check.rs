//! `tamis check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tamis_core::Severity;
use tamis_engine::ops::check::{CheckConfig, CheckReport, CheckRequest, FailOn, Finding, RuleReport, rules};
use tamis_engine::{Address, EngineError, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Find what is wrong with labels, media and splits.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis check street                        everything, with examples
  tamis check street --since v1             only what is new since v1
  tamis check street --html report.html     with pictures
  tamis check street --fix                  safe fixes in a draft
  tamis check street --save                 findings as a table of the commit
  tamis check street --show-config > checks.yaml; tamis check street --set-config checks.yaml
  tamis check --rules                       what is looked for

The exit status is 1 where something is as bad as `fail_on` in the configuration, or --fail-on. Outliers and suspicious
classes need a field of vectors: tamis derive street look --function embed_basic.")]
pub(crate) struct CheckArgs {
    /// DATASET[@REVISION][:PREFIX]
    #[arg(required_unless_present = "rules")]
    address: Option<String>,
    /// Check only what is new or changed since this revision
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
    /// Use this configuration rather than the dataset's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check only these rules, or areas of rules; may be given several times
    #[arg(long, value_name = "RULE")]
    only: Vec<String>,
    /// How many examples to show of each rule
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    examples: usize,
    /// Fail from this severity on
    #[arg(long, value_enum)]
    fail_on: Option<Fail>,
    /// Write the report as a page with pictures
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the findings as the table `findings` of the branch
    #[arg(long)]
    save: bool,
    /// Apply the safe fixes in the draft `check-fix`
    #[arg(long)]
    fix: bool,
    /// Print the configuration and stop
    #[arg(long, conflicts_with_all = ["since", "save", "fix", "html"])]
    show_config: bool,
    /// Keep this file as the dataset's configuration and stop
    #[arg(long, value_name = "FILE", conflicts_with_all = ["since", "save", "fix", "html", "config", "show_config"])]
    set_config: Option<PathBuf>,
    /// List the rules and stop
    #[arg(long, conflicts_with = "address")]
    rules: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fail {
    Never,
    Error,
    Warning,
    Note,
}

fn read(path: &PathBuf) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| EngineError::new("format.io", format!("cannot read {}: {error}", path.display())))
}

pub(crate) fn run(args: &CheckArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    if args.rules {
        say_rules(printer);
        return Ok(ExitCode::SUCCESS);
    }
    let address: Address = args.address.as_deref().unwrap_or_default().parse()?;
    let engine = door.open()?;
    if let Some(path) = &args.set_config {
        let commit = engine.set_check_config(&door.ctx(), &address.dataset, address.revision(), &read(path)?)?;
        match (&commit, printer.json) {
            (_, true) => printer.json(&serde_json::json!({"commit": commit})),
            (Some(commit), _) => printer.say(format!("Committed {}", text::short(commit))),
            (None, _) => printer.say("The dataset has this configuration already"),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut config = match &args.config {
        Some(path) => CheckConfig::parse(&read(path)?)?,
        None => engine.check_config(&address.dataset, address.revision())?,
    };
    if args.show_config {
        printer.line(config.to_yaml()?.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    only(&mut config, &args.only)?;
    if let Some(fail) = args.fail_on {
        config.fail_on = match fail {
            Fail::Never => FailOn::Never,
            Fail::Error => FailOn::Error,
            Fail::Warning => FailOn::Warning,
            Fail::Note => FailOn::Note,
        };
    }
    let request = CheckRequest {
        address,
        since: args.since.clone(),
        config: Some(config),
        examples: args.examples,
        save: args.save,
        fix: args.fix,
        html: args.html.is_some(),
    };
    let signs = args.save || args.fix;
    let report = engine.check(&if signs { door.ctx() } else { door.reading() }, &request)?;
    if let (Some(path), Some(page)) = (&args.html, &report.html) {
        std::fs::write(path, page)
            .map_err(|error| EngineError::new("format.io", format!("cannot write {}: {error}", path.display())))?;
    }
    if printer.json {
        printer.json(&report);
    } else {
        say(&report, args, printer);
    }
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Turns off all rules but some.
fn only(config: &mut CheckConfig, wanted: &[String]) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let area = |id: &str| id.split('.').next().unwrap_or_default().to_owned();
    let known: Vec<&str> = rules().map(|rule| rule.id).collect();
    for one in wanted {
        if !known.iter().any(|id| id == one || area(id) == *one) {
            let message = format!("there is no rule `{one}`");
            return Err(EngineError::new("usage", message).hint("`tamis check --rules` lists them"));
        }
    }
    let off = known.into_iter().filter(|id| !wanted.iter().any(|one| one == id || *one == area(id)));
    config.off.extend(off.map(str::to_owned));
    Ok(())
}

fn tone(severity: Severity) -> (Tone, &'static str) {
    match severity {
        Severity::Error => (Tone::Bad, "error"),
        Severity::Warning => (Tone::Warning, "warning"),
        Severity::Note => (Tone::Faint, "note"),
    }
}

fn say(report: &CheckReport, args: &CheckArgs, printer: &mut Printer) {
    let width = report.rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in &report.rules {
        say_rule(rule, width, printer);
    }
    for skipped in &report.skipped {
        let line = printer.tone(Tone::Faint, format!("not checked: {}: {}", skipped.what, skipped.why));
        printer.line(line);
    }
    if !report.rules.is_empty() || !report.skipped.is_empty() {
        printer.line("");
    }
    let verdict = match report.passed {
        true => printer.tone(Tone::Good, "passed"),
        false => printer.tone(Tone::Bad, "failed"),
    };
    printer.line(format!(
        "{} looked at: {}, {}, {}: {verdict}",
        text::count(report.samples, "sample"),
        text::count(report.errors, "error"),
        text::count(report.warnings, "warning"),
        text::count(report.notes, "note"),
    ));
    if let Some(path) = &args.html {
        printer.say(format!("Wrote {}", path.display()));
    }
    if let Some(commit) = &report.saved {
        printer.say(format!("Committed {}", text::short(commit)));
    }
    let (name, branch) = (&report.dataset, args.address.as_deref().and_then(|a| a.parse::<Address>().ok()));
    let branch = branch.map_or_else(|| "main".to_owned(), |address| address.revision().to_owned());
    match &report.fixes {
        Some(fixes) => {
            let what = text::count(fixes.layers, "sample");
            printer.say(format!("Mended {what} in the draft `{}`", fixes.draft));
            printer.say(format!("  tamis diff {name} {branch} draft/{}      shows what it changes", fixes.draft));
            printer.say(format!("  tamis draft commit {name} {}       applies it", fixes.draft));
        }
        None if args.fix => printer.say("Nothing that is safe to fix"),
        None => {}
    }
}

fn say_rule(rule: &RuleReport, width: usize, printer: &mut Printer) {
    let (colour, severity) = tone(rule.severity);
    let severity = printer.tone(colour, format!("{severity:7}"));
    let fixable = match rule.fixable {
        0 => String::new(),
        fixable => format!(" ({} can be fixed)", text::number(fixable)),
    };
    let id = printer.tone(Tone::Heading, format!("{:width$}", rule.id));
    printer.line(format!("{severity} {id} {:>8}  {}{fixable}", text::number(rule.count), rule.what));
    for finding in &rule.examples {
        let line = printer.tone(Tone::Faint, example(finding));
        printer.line(format!("          {line}"));
    }
}

fn example(finding: &Finding) -> String {
    let place = match (finding.path.is_empty(), finding.label) {
        (true, _) => String::new(),
        (false, Some(label)) => format!("{} label {label}: ", finding.path),
        (false, None) => format!("{}: ", finding.path),
    };
    match finding.score {
        Some(score) => format!("{place}{} (score {score:.2})", finding.message),
        None => format!("{place}{}", finding.message),
    }
}

fn say_rules(printer: &mut Printer) {
    let all: Vec<_> = rules().collect();
    if printer.json {
        printer.json(&all);
        return;
    }
    let mut rows = vec![["rule", "severity", "what", "safe fix"].map(str::to_owned).to_vec()];
    for rule in all {
        let fix = rule.fix.unwrap_or("–").to_owned();
        rows.push(vec![rule.id.to_owned(), tone(rule.severity).1.to_owned(), rule.what.to_owned(), fix]);
    }
    text::table(&rows).iter().for_each(|line| printer.line(line));
}
