//! What is wrong with somebody's data, collected while the work goes on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing is lost.
    Note,
    /// Something was corrected or is doubtful; look at it.
    Warning,
    /// Something could not be taken in or written out; `--strict` refuses.
    Error,
}

/// Where in somebody's files a finding is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the source.
    pub file: String,
    /// Line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// JSON pointer, XPath-like path or record number inside the file, where a line says little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Place {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Place {
        Place { file: file.into(), ..Place::default() }
    }

    /// A line of a file, from 1.
    pub fn line(file: impl Into<String>, line: u64) -> Place {
        Place { file: file.into(), line: Some(line), ..Place::default() }
    }

    /// The same place with a pointer inside the file.
    pub fn at(mut self, pointer: impl Into<String>) -> Place {
        self.pointer = Some(pointer.into());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        if let Some(pointer) = &self.pointer {
            write!(f, " {pointer}")?;
        }
        Ok(())
    }
}

/// One thing found wrong, with every place where it was found counted and the first ones kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code, `area.what`, e.g. `coco.unknown_category`.
    pub code: String,
    /// What is wrong at the first place, in a sentence: lower case, no final stop.
    pub message: String,
    /// The first places, at most [`Report::PLACES`].
    pub places: Vec<Place>,
    /// How often it was found.
    pub count: u64,
}

/// Collects findings from many threads. Findings of the same severity and code are one.
///
/// Memory is bounded: [`Report::PLACES`] places a code are kept, the rest are counted.
#[derive(Debug, Default)]
pub struct Report {
    findings: Mutex<BTreeMap<(std::cmp::Reverse<Severity>, String), Finding>>,
}

impl Report {
    /// How many places of one code are kept.
    pub const PLACES: usize = 20;

    /// An empty report.
    pub fn new() -> Report {
        Report::default()
    }

    /// Adds a finding at a place.
    pub fn add(&self, severity: Severity, code: &str, place: Place, message: impl fmt::Display) {
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let finding = findings.entry((std::cmp::Reverse(severity), code.to_owned())).or_insert_with(|| Finding {
            severity,
            code: code.to_owned(),
            message: message.to_string(),
            places: Vec::new(),
            count: 0,
        });
        finding.count += 1;
        if finding.places.len() < Report::PLACES {
            finding.places.push(place);
        }
    }

    /// Adds an error: something that could not be taken in or written out.
    pub fn error(&self, code: &str, place: Place, message: impl fmt::Display) {
        self.add(Severity::Error, code, place, message);
    }

    /// Adds a warning: something corrected or doubtful.
    pub fn warn(&self, code: &str, place: Place, message: impl fmt::Display) {
        self.add(Severity::Warning, code, place, message);
    }

    /// Adds a note: worth knowing, nothing lost.
    pub fn note(&self, code: &str, place: Place, message: impl fmt::Display) {
        self.add(Severity::Note, code, place, message);
    }

    /// Adds the findings of another report, as if they had been made here, one after the other.
    pub fn absorb(&self, other: Report) {
        let others = other.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, mut finding) in others {
            match findings.get_mut(&key) {
                Some(known) => {
                    known.count += finding.count;
                    let room = Report::PLACES.saturating_sub(known.places.len());
                    known.places.extend(finding.places.drain(..).take(room));
                }
                None => drop(findings.insert(key, finding)),
            }
        }
    }

    /// How many findings of this severity there were, counting every place.
    pub fn count(&self, severity: Severity) -> u64 {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        findings.values().filter(|f| f.severity == severity).map(|f| f.count).sum()
    }

    /// The findings, worst first, then by code; places in the order of their text, so that the
    /// outcome does not depend on which thread was first.
    pub fn findings(&self) -> Vec<Finding> {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Finding> = findings.values().cloned().collect();
        all.iter_mut().for_each(|f| f.places.sort());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_codes_are_one_finding_with_bounded_places() {
        let report = Report::new();
        for line in (1..=50).rev() {
            report.warn("yolo.outside", Place::line("labels/a.txt", line), "box leaves the image");
        }
        report.error("yolo.syntax", Place::line("labels/b.txt", 3), "expected 5 numbers, found 2");
        let findings = report.findings();
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[0].code, "yolo.syntax");
        assert_eq!((findings[1].count, findings[1].places.len()), (50, Report::PLACES));
        assert_eq!(report.count(Severity::Warning), 50);
        assert_eq!(findings[0].places[0].to_string(), "labels/b.txt:3");
    }

    #[test]
    fn reports_in_parts_are_one() {
        let (whole, parts) = (Report::new(), Report::new());
        for part in 0..4 {
            let own = Report::new();
            for line in 0..9 {
                for report in [&whole, &own] {
                    report.warn("a.b", Place::line(format!("{part}.txt"), line), format!("{part} {line}"));
                }
            }
            parts.absorb(own);
        }
        assert_eq!(whole.findings(), parts.findings());
    }
}
