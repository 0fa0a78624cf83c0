//! The lake's health: verify, garbage collection.

use std::time::Duration;

use tamis_repo::{GcOptions, GcReport, VerifyReport};

use crate::error::Result;
use crate::{Ctx, Engine};

impl Engine {
    /// Reads every byte and checks all of history. Problems are in the report.
    pub fn verify(&self, ctx: &Ctx) -> Result<VerifyReport> {
        Ok(self.repo().verify(&ctx.progress)?)
    }

    /// Gives back the space of what nothing needs. `grace`: how old unreachable bytes must be.
    pub fn gc(&self, ctx: &Ctx, dry_run: bool, grace: Option<Duration>) -> Result<GcReport> {
        let mut options = GcOptions { dry_run, ..GcOptions::default() };
        if let Some(grace) = grace {
            (options.grace, options.retention) = (grace, grace);
        }
        Ok(self.repo().gc(&options, &ctx.progress)?)
    }
}
