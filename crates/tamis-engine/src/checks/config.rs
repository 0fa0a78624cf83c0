//! What is checked, and how strictly: `checks.yaml`.

use serde::{Deserialize, Serialize};
use tamis_core::Severity;
use tamis_quality::images::ImageOptions;
use tamis_quality::rules::RuleOptions;
use tamis_repo::Snapshot;

use super::finding::rule;
use crate::error::{EngineError, Result};

/// The object of a commit that holds the configuration.
pub(crate) const OBJECT: &str = "checks.yaml";

/// What is checked, and how strictly. Everything has a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckConfig {
    /// Layers whose labels are checked; all but those of predictions where nothing is said.
    pub layers: Option<Vec<String>>,
    /// Layers of predictions that the truth is compared with; all that begin with `pred/` where nothing is said.
    pub predictions: Option<Vec<String>>,
    /// Rules of labels.
    pub labels: RuleOptions,
    /// Pictures that are dark, light, blurred, empty or odd.
    pub images: ImageOptions,
    /// Pictures that show the same.
    pub duplicates: DuplicateOptions,
    /// Samples unlike all others, and labels unlike their neighbours'.
    pub vectors: VectorOptions,
    /// Rules that are not checked, by their ids or by what stands before the dot.
    pub off: Vec<String>,
    /// From which severity on findings fail the check.
    pub fail_on: FailOn,
}

/// What counts as showing the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DuplicateOptions {
    /// In how many of the 64 bits of their perceptual hashes two pictures may differ.
    pub radius: u32,
}

impl Default for DuplicateOptions {
    fn default() -> DuplicateOptions {
        DuplicateOptions { radius: 2 }
    }
}

/// How embeddings are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VectorOptions {
    /// The derived field; the first of vectors that is up to date where nothing is said.
    pub field: Option<String>,
    /// How many neighbours a sample is compared with.
    pub neighbours: usize,
    /// How many times as far from its neighbours as usual an outlier is.
    pub far: f64,
    /// In how many of all cases the nearest samples have to have the class of the sample, before the others are suspicious.
    pub accuracy: f64,
    /// The most samples that are compared with each other: the cost is the square of it.
    pub most: usize,
}

impl Default for VectorOptions {
    fn default() -> VectorOptions {
        VectorOptions { field: None, neighbours: 10, far: 2.5, accuracy: 0.8, most: 100_000 }
    }
}

/// When a check fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// Never.
    Never,
    /// On errors.
    #[default]
    Error,
    /// On warnings too.
    Warning,
    /// On anything.
    Note,
}

impl FailOn {
    /// Whether findings of a severity fail the check.
    pub fn is_failed_by(self, severity: Severity) -> bool {
        match self {
            FailOn::Never => false,
            FailOn::Error => severity == Severity::Error,
            FailOn::Warning => severity != Severity::Note,
            FailOn::Note => true,
        }
    }
}

impl CheckConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// `usage` with line and column for what is no configuration, and for rules that are not there.
    pub fn parse(text: &str) -> Result<CheckConfig> {
        let wrong = |why: String| {
            EngineError::new("usage", format!("cannot read the configuration of checks: {why}"))
                .hint("`tamis check --show-config DATASET` prints one that works")
        };
        // An empty file says nothing, so everything has its default.
        let is_empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if is_empty {
            return Ok(CheckConfig::default());
        }
        let config: CheckConfig = yaml_serde::from_str(text).map_err(|error| wrong(error.to_string()))?;
        for id in &config.off {
            if rule(id).is_none() && !super::finding::rules().any(|rule| area(rule.id) == id) {
                return Err(wrong(format!("there is no rule `{id}` to turn off")));
            }
        }
        if config.duplicates.radius > 16 {
            return Err(wrong(format!("a radius of {} bits finds everything: at most 16", config.duplicates.radius)));
        }
        if config.vectors.neighbours == 0 || config.vectors.far.is_nan() || config.vectors.far <= 0.0 {
            return Err(wrong("`neighbours` and `far` have to be above 0".to_owned()));
        }
        Ok(config)
    }

    /// The configuration of a commit; the default where it has none.
    pub(crate) fn of(snapshot: &Snapshot) -> Result<CheckConfig> {
        match snapshot.extra(OBJECT)? {
            Some(bytes) => CheckConfig::parse(&String::from_utf8_lossy(&bytes)),
            None => Ok(CheckConfig::default()),
        }
    }

    /// The configuration as a file.
    pub fn to_yaml(&self) -> Result<String> {
        yaml_serde::to_string(self).map_err(|error| EngineError::new("internal", error.to_string()))
    }

    /// Whether a rule is checked.
    pub(crate) fn has(&self, id: &str) -> bool {
        !self.off.iter().any(|off| off == id || off == area(id))
    }
}

/// What stands before the dot.
pub(crate) fn area(id: &str) -> &str {
    id.split_once('.').map_or(id, |(area, _)| area)
}
