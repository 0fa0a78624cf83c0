//! Which format a source is of.

use tamis_core::{Place, Report};

use crate::error::{FormatError, Result};
use crate::format::Format;
use crate::probe::{Confidence, Probe};
use crate::registry::FORMATS;
use crate::source::Source;

/// A format that a source may be of.
#[derive(Clone)]
pub struct Candidate {
    /// The format.
    pub format: &'static dyn Format,
    /// How sure, and why.
    pub confidence: Confidence,
}

/// Every format that a source may be of, the surest first. O(files) and the heads of annotation files.
pub fn candidates(source: &Source) -> Vec<Candidate> {
    let probe = Probe::new(source);
    let judged = FORMATS.iter().map(|&format| Candidate { format, confidence: format.detect(&probe) });
    let mut found: Vec<Candidate> = judged.filter(|c| c.confidence.score > 0).collect();
    found.sort_by_key(|c| std::cmp::Reverse(c.confidence.score));
    found
}

/// The format that a source is most likely of. What else it might be is noted in the report.
///
/// # Errors
/// [`FormatError::NotThis`] for a source in which no format finds anything.
pub fn detect(source: &Source, report: &Report) -> Result<Candidate> {
    let mut found = candidates(source).into_iter();
    let none = || FormatError::NotThis {
        path: source.name().to_owned(),
        format: "any known format",
        reason: format!("its {} files are neither media nor annotations", source.entries().len()),
    };
    let best = found.next().ok_or_else(none)?;
    for other in found.filter(|c| c.confidence.score >= 40) {
        let (id, chosen) = (other.format.spec().id, best.format.spec().id);
        let message = format!("read as {chosen}; it also looks like {id}: {}", other.confidence.why);
        report.note(&format!("detect.{id}"), Place::file(source.name()), message);
    }
    Ok(best)
}
