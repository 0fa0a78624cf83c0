//! What a check found, as it is told.

use serde::Serialize;
use tamis_core::Severity;
use tamis_repo::DiffStat;

use super::finding::{Finding, Skipped};

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// The dataset.
    pub dataset: String,
    /// The commit that was checked.
    pub commit: String,
    /// The revision that it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Samples that were looked at.
    pub samples: u64,
    /// Whether nothing is as bad as `fail_on`.
    pub passed: bool,
    /// How many findings are errors.
    pub errors: u64,
    /// How many are warnings.
    pub warnings: u64,
    /// How many are notes.
    pub notes: u64,
    /// What was found, the worst rules first, of equal ones those with the most findings.
    pub rules: Vec<RuleReport>,
    /// What was not checked, and why.
    pub skipped: Vec<Skipped>,
    /// The commit that holds the findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<String>,
    /// What the safe fixes changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixes: Option<Fixes>,
    /// The report as a page.
    #[serde(skip)]
    pub html: Option<String>,
}

/// The findings of one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// The rule.
    pub id: &'static str,
    /// What is wrong with what breaks it.
    pub what: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// How often it was found.
    pub count: u64,
    /// How often `--fix` can mend it.
    pub fixable: u64,
    /// The surest findings.
    pub examples: Vec<Finding>,
}

/// Safe fixes in a draft.
#[derive(Clone, Debug, Serialize)]
pub struct Fixes {
    /// The draft's name: `draft/<name>` is what it holds.
    pub draft: String,
    /// Layers of samples that were mended.
    pub layers: u64,
    /// What differs from the branch.
    pub stat: DiffStat,
}
