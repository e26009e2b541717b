//! The progress line on a terminal: counts, rate, time left.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::Printable;
use crate::run::Progress;

/// A bar on standard error. Places are looked at one after the other, so how much is left is
/// estimated from those seen.
pub(super) struct Bar {
    bar: ProgressBar,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    places: u64,
    begun: u64,
    digests: u64,
    logs: u64,
    bytes: u64,
}

impl Bar {
    /// A bar; it draws nothing where standard error is no terminal.
    #[must_use]
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        let template = "{spinner} [{elapsed}] {bar:24} {pos}/{len} digests, {msg}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(125));
        Self { bar, seen: Mutex::default() }
    }

    fn with(&self, change: impl FnOnce(&mut Seen)) {
        if let Ok(mut seen) = self.seen.lock() {
            change(&mut seen);
        }
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

/// It leaves nothing on the terminal.
impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn places(&self, total: usize) {
        self.with(|seen| seen.places = total as u64);
    }

    fn place(&self, name: &str, digests: usize) {
        self.with(|seen| {
            seen.begun += 1;
            seen.digests += digests as u64;
            let left = seen.places.saturating_sub(seen.begun);
            self.bar.set_length(seen.digests + left * seen.digests.div_ceil(seen.begun));
            self.bar.set_prefix(Printable(name).to_string());
        });
    }

    fn digest(&self) {
        self.bar.inc(1);
    }

    fn log(&self, bytes: u64) {
        self.with(|seen| {
            seen.logs += 1;
            seen.bytes += bytes;
            // The message is built rarely: this is called for every log file.
            if seen.logs.is_multiple_of(64) {
                let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
                let rate = seen.logs as f64 / seconds;
                let mib = seen.bytes as f64 / f64::from(1 << 20);
                self.bar
                    .set_message(format!("{} log files ({rate:.0}/s, {mib:.1} MiB)", seen.logs));
            }
        });
    }
}
