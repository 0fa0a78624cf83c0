//! Checking a dataset: what is wrong with it, by rule.

use tamis_core::{DatasetName, Severity};
use tamis_repo::Outcome;

use crate::checks::config::OBJECT;
use crate::checks::finding::rule;
use crate::checks::kept::keep;
use crate::checks::run::{Checked, Task};
use crate::error::{EngineError, Result};
use crate::ops::diff::DiffRequest;
use crate::{Address, Ctx, Engine};

pub use crate::checks::config::{CheckConfig, DuplicateOptions, FailOn, VectorOptions};
pub use crate::checks::finding::{CheckRule, Finding, Skipped, rules};
pub use crate::checks::report::{CheckReport, Fixes, RuleReport};

/// The draft that safe fixes go to.
const DRAFT: &str = "check-fix";

/// What to check.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// The revision; its path is a prefix of samples.
    pub address: Address,
    /// Only what is new or changed since this revision.
    pub since: Option<String>,
    /// The configuration; that of the commit where nothing is said.
    pub config: Option<CheckConfig>,
    /// How many findings of each rule are given; the others are counted.
    pub examples: usize,
    /// Write the findings as the table `findings` of the branch.
    pub save: bool,
    /// Apply the safe fixes in a draft.
    pub fix: bool,
    /// Also make a page of it.
    pub html: bool,
}

impl Engine {
    /// Checks labels, media and parts of a revision.
    ///
    /// # Errors
    /// `usage` for configurations that cannot be; `repo.exists` where an earlier draft of fixes is still open.
    pub fn check(&self, ctx: &Ctx, request: &CheckRequest) -> Result<CheckReport> {
        let dataset = self.dataset(&request.address.dataset)?;
        let revision = request.address.revision();
        let snapshot = dataset.snapshot(revision)?;
        let config = match &request.config {
            Some(config) => config.clone(),
            None => CheckConfig::of(&snapshot)?,
        };
        let task = Task {
            dataset: &dataset,
            snapshot: &snapshot,
            config: &config,
            prefix: request.address.prefix(),
            since: request.since.as_deref(),
            keeps_fixed: request.fix,
        };
        let checked = self.run_checks(ctx, &task)?;
        let mut report = report(request, &snapshot.commit().id.to_string(), &config, &checked);
        if request.html {
            report.html = Some(self.check_page(&snapshot, &report)?);
        }
        if request.save {
            if !request.address.prefix().is_empty() {
                let message = "cannot save the findings of a part of the samples as those of the dataset";
                return Err(EngineError::new("usage", message).hint("leave the prefix out, or --save"));
            }
            let mut edit = dataset.transaction(revision)?;
            keep(&mut edit, &checked)?;
            let found = report.errors + report.warnings + report.notes;
            if let Outcome::Committed(commit) = edit.commit(&format!("check: {found} findings"), &ctx.author)? {
                report.saved = Some(commit.id.to_string());
            }
        }
        if request.fix && !checked.fixed.is_empty() {
            report.fixes = Some(self.fix(ctx, &request.address.dataset, revision, &checked)?);
        }
        Ok(report)
    }

    /// The configuration of a revision's checks.
    pub fn check_config(&self, dataset: &DatasetName, revision: &str) -> Result<CheckConfig> {
        CheckConfig::of(&self.dataset(dataset)?.snapshot(revision)?)
    }

    /// Keeps a configuration of checks in the dataset. Returns the commit; [`None`] where it was there already.
    pub fn set_check_config(
        &self,
        ctx: &Ctx,
        dataset: &DatasetName,
        branch: &str,
        text: &str,
    ) -> Result<Option<String>> {
        CheckConfig::parse(text)?;
        let mut edit = self.dataset(dataset)?.transaction(branch)?;
        edit.set_extra(OBJECT, Some(text.as_bytes()))?;
        let outcome = edit.commit("configure checks", &ctx.author)?;
        Ok(outcome.commit().map(|commit| commit.id.to_string()))
    }

    fn fix(&self, ctx: &Ctx, name: &DatasetName, branch: &str, checked: &Checked) -> Result<Fixes> {
        let dataset = self.dataset(name)?;
        if dataset.drafts()?.iter().any(|(draft, _)| draft == DRAFT) {
            let message = format!("cannot fix `{name}`: the draft `{DRAFT}` of an earlier run is still open");
            let hint = format!(
                "`tamis draft commit {name} {DRAFT}` applies it, `tamis draft discard {name} {DRAFT}` drops it"
            );
            return Err(EngineError::new("repo.exists", message).hint(hint));
        }
        dataset.open_draft(DRAFT, branch, &ctx.author)?;
        let mut edit = dataset.draft_transaction(DRAFT)?;
        for (path, layer, labels) in &checked.fixed {
            edit.patch_layer(path, layer, Some(labels.clone()))?;
        }
        edit.commit("apply safe fixes", &ctx.author)?;
        let request = DiffRequest { from: branch.to_owned(), to: format!("draft/{DRAFT}"), prefix: String::new() };
        let stat = self.diff_stat(ctx, name, &request)?;
        Ok(Fixes { draft: DRAFT.to_owned(), layers: checked.fixed.len() as u64, stat })
    }
}

fn report(request: &CheckRequest, commit: &str, config: &CheckConfig, checked: &Checked) -> CheckReport {
    let mut rules: Vec<RuleReport> = Vec::new();
    for (id, findings) in &checked.by_rule {
        let Some(rule) = rule(id) else { continue };
        rules.push(RuleReport {
            id: rule.id,
            what: rule.what,
            severity: rule.severity,
            count: findings.len() as u64,
            fixable: findings.iter().filter(|finding| finding.fixable).count() as u64,
            examples: findings.iter().take(request.examples).cloned().collect(),
        });
    }
    rules.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.count.cmp(&a.count)).then(a.id.cmp(b.id)));
    CheckReport {
        dataset: request.address.dataset.to_string(),
        commit: commit.to_owned(),
        since: request.since.clone(),
        samples: checked.samples,
        passed: !rules.iter().any(|rule| config.fail_on.is_failed_by(rule.severity)),
        errors: checked.count(Severity::Error),
        warnings: checked.count(Severity::Warning),
        notes: checked.count(Severity::Note),
        rules,
        skipped: checked.skipped.clone(),
        saved: None,
        fixes: None,
        html: None,
    }
}
