//! The dataset that the program draws itself, to try things on.

use std::path::Path;

use serde::Serialize;
use tamis_media::scene::{DemoOptions, write_coco};

use crate::error::{EngineError, Result};

/// What was drawn.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Drawn {
    /// Samples.
    pub samples: u64,
    /// Flaws seeded, listed in `flaws.json`.
    pub flaws: u64,
}

/// Draws a street dataset with known flaws into a folder, in COCO's layout.
pub fn draw(out: &Path, seed: u64, samples: usize) -> Result<Drawn> {
    let mut options = DemoOptions::default();
    (options.seed, options.samples) = (seed, samples);
    let manifest = write_coco(out, &options).map_err(|e| {
        EngineError::new("format.io", format!("cannot draw the demo dataset into {}: {e}", out.display()))
            .hint("choose a folder that is not there yet")
    })?;
    Ok(Drawn { samples: samples as u64, flaws: manifest.flaws.len() as u64 })
}
