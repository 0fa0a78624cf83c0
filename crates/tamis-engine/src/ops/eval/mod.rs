//! Measuring a layer of predictions against the truth: objects as COCO does, classes as scikit-learn does, tracks as
//! TrackEval does; over all samples, by split, by slice and by class, beside another layer, and written back to look at.
//!
//! Samples without the layer of truth say nothing and are left out. A sample with truth and without predictions is one
//! that the model found nothing in.

mod classes;
mod objects;
mod outcome;
mod report;
mod request;
mod slices;
mod tracks;

use tamis_core::{Label, Sample};
use tamis_quality::Bootstrap;
use tamis_repo::{ScanOptions, Snapshot, Stats};

use self::outcome::Outcomes;
use self::slices::Slices;
use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

pub use report::{EvalClass, EvalComparison, EvalConfusion, EvalPart, EvalReport, EvalWritten, Figures};
pub use request::{EvalKind, EvalRequest};

/// A way to measure: takes samples one by one, then tells.
trait Measure {
    /// Takes a sample, with the labels of the truth and of each measured layer.
    fn add(&mut self, sample: &Sample, truth: &[Label], models: &[&[Label]]) -> Result<()>;
    /// What is to be told of all samples and of the slices.
    fn report(&self, slices: &Slices, request: &EvalRequest) -> Result<EvalReport>;
    /// What became of each label of the first model.
    fn outcomes(&self, request: &EvalRequest) -> Result<Outcomes>;
}

impl Engine {
    /// Measures a layer of predictions against the layer that is right.
    ///
    /// One scan of the two or three layers; memory O(labels) of numbers, and their masks where masks are measured.
    ///
    /// # Errors
    /// `repo.not_found` where no sample has one of the layers; `usage` where labels cannot be measured in the way asked for, or where
    /// outcomes are to be written over the layers that are measured; `query.filter` for a slice that cannot be read.
    pub fn eval(&self, ctx: &Ctx, request: &EvalRequest) -> Result<EvalReport> {
        request.check()?;
        let snapshot = self.dataset(&request.address.dataset)?.snapshot(request.address.revision())?;
        let layers = request.layers();
        let stats = snapshot.stats_of(request.address.prefix())?;
        for layer in &layers {
            if !snapshot.layers().contains(layer) {
                return Err(no_layer(request, layer));
            }
        }
        let kind = request.kind.unwrap_or_else(|| EvalKind::guess(&stats, &request.truth, &request.layer));
        let mut measure: Box<dyn Measure> = match kind {
            EvalKind::Boxes | EvalKind::Masks | EvalKind::Keypoints => {
                Box::new(objects::Objects::new(kind, layers.len() - 1))
            }
            EvalKind::Classes => Box::new(classes::Answers::new(layers.len() - 1, request.confidence)),
            EvalKind::Tracks => Box::new(tracks::Sequences::new(layers.len() - 1)),
        };
        let mut slices = Slices::new(self, ctx, &snapshot, request)?;
        let mut seen = vec![false; layers.len()];
        self.each(ctx, &snapshot, request, &stats, |sample| {
            let of = |layer: &String| sample.layers.get(layer).map(Vec::as_slice);
            seen.iter_mut().zip(&layers).for_each(|(seen, layer)| *seen |= of(layer).is_some());
            let Some(truth) = of(&request.truth) else { return Ok(()) };
            let models: Vec<&[Label]> = layers[1..].iter().map(|layer| of(layer).unwrap_or_default()).collect();
            slices.add(sample);
            measure.add(sample, truth, &models)
        })?;
        if let Some((_, layer)) = seen.iter().zip(&layers).find(|(seen, _)| !**seen) {
            return Err(no_layer(request, layer));
        }
        let mut report = measure.report(&slices, request)?;
        report.commit = snapshot.commit().id.to_string();
        if request.write.is_some() {
            let outcomes = measure.outcomes(request)?;
            report.written = self.write_outcomes(ctx, request, &stats, snapshot.commit(), &outcomes)?;
        }
        Ok(report)
    }

    /// Each sample of the request with the layers that are measured.
    fn each(
        &self,
        ctx: &Ctx,
        snapshot: &Snapshot,
        request: &EvalRequest,
        stats: &Stats,
        mut take: impl FnMut(&Sample) -> Result<()>,
    ) -> Result<()> {
        let options = ScanOptions {
            prefix: request.address.prefix().to_owned(),
            skip_fields: true,
            layers: Some(request.layers()),
            ..ScanOptions::default()
        };
        ctx.progress.begin("read labels", Some(stats.samples), "samples");
        for sample in snapshot.scan(&options)? {
            ctx.progress.advance(1, 0)?;
            take(&sample?)?;
        }
        ctx.progress.end();
        Ok(())
    }
}

impl EvalRequest {
    fn bootstrap(&self) -> Bootstrap {
        let mut options = Bootstrap::default();
        options.rounds = self.rounds;
        options
    }
}

fn no_layer(request: &EvalRequest, layer: &str) -> EngineError {
    let message = format!("cannot measure `{}`: no sample has the layer `{layer}`", request.address);
    EngineError::new("repo.not_found", message)
        .hint(format!("`tamis stats {}` lists the layers", request.address.dataset))
}
