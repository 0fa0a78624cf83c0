//! The progress bar: after 250 ms, at most 20 times a second, only for a person.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tamis_core::ProgressSink;

const DELAY: Duration = Duration::from_millis(250);

/// Shows the steps of one command on stderr.
#[derive(Debug, Default)]
pub(crate) struct Bar {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    step: String,
    total: Option<u64>,
    unit: &'static str,
    began: Option<Instant>,
    bar: Option<ProgressBar>,
}

/// Whether anybody would see a bar.
pub(crate) fn is_wanted(quiet: bool) -> bool {
    !quiet && std::io::stderr().is_terminal() && std::env::var_os("TAMIS_NO_PROGRESS").is_none()
}

impl ProgressSink for Bar {
    fn begin(&self, step: &str, total: Option<u64>, unit: &'static str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        *state = State { step: step.to_owned(), total, unit, began: Some(Instant::now()), bar: None };
    }

    fn update(&self, done: u64, bytes: u64) {
        let Ok(mut state) = self.state.try_lock() else { return };
        let Some(began) = state.began else { return };
        if began.elapsed() < DELAY {
            return;
        }
        if state.bar.is_none() {
            let target = ProgressDrawTarget::stderr_with_hz(20);
            let bar = ProgressBar::with_draw_target(state.total, target).with_elapsed(began.elapsed());
            let template = match state.total {
                Some(_) => "{prefix} {bar:30} {pos}/{len} {msg} ({eta} left)",
                None => "{prefix} {spinner} {pos} {msg} ({elapsed})",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_prefix(state.step.clone());
            state.bar = Some(bar);
        }
        if let Some(bar) = &state.bar {
            let rate = done as f64 / began.elapsed().as_secs_f64().max(1e-9);
            let size = if bytes > 0 { format!(", {}", HumanBytes(bytes)) } else { String::new() };
            bar.set_message(format!("{}{size}, {rate:.0}/s", state.unit));
            bar.set_position(done);
        }
    }

    fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        state.began = None;
    }
}
