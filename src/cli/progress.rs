//! Progress on standard error: a line that is drawn over on a terminal, else one each minute.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::wording::{bytes, count, counted};
use crate::run::{Observer, RunEvent};

/// Time between two lines where standard error is no terminal.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Progress of a run. Areas are listed one after the other, so how much is left is estimated
/// from those seen.
pub(super) struct RunProgress {
    bar: ProgressBar,
    seen: Arc<Mutex<ProgressCounts>>,
    /// Writer of lines, where no bar is drawn.
    _heartbeat: Option<Heartbeat>,
}

#[derive(Debug, Default, Clone, Copy)]
struct ProgressCounts {
    areas: u64,
    begun: u64,
    /// Digests of the areas that have begun.
    digests: u64,
    done: u64,
    logs: u64,
    bytes: u64,
}

impl ProgressCounts {
    /// Expected number of digests.
    const fn expected(&self) -> u64 {
        if self.begun == 0 {
            return 0;
        }
        let left = self.areas.saturating_sub(self.begun);
        self.digests + left * self.digests.div_ceil(self.begun)
    }

    /// Log files and bytes, and how fast they go.
    fn read(&self, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64().max(0.001);
        let rate = self.logs as f64 / seconds;
        let (files, read) = (counted(self.logs, "log file", "log files"), bytes(self.bytes));
        let per_second = bytes((self.bytes as f64 / seconds) as u64);
        format!("{files} ({rate:.0}/s), {read} ({per_second}/s)")
    }

    /// Line with all counts.
    fn line(&self, elapsed: Duration) -> String {
        let minutes = elapsed.as_secs() / 60;
        let (done, all) = (self.done, self.expected());
        let left = match (done, all.checked_sub(done)) {
            (1.., Some(left @ 1..)) => {
                let seconds = elapsed.as_secs_f64() * left as f64 / done as f64;
                format!(", about {} min left", count((seconds / 60.0).ceil() as u64))
            }
            _ => String::new(),
        };
        let (done, all, read) = (count(done), count(all), self.read(elapsed));
        format!("{minutes} min: {done} of about {all} digests, {read}{left}")
    }
}

impl RunProgress {
    /// Progress that is drawn on a terminal and told in lines elsewhere.
    #[must_use]
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        let template = "{spinner} [{elapsed}] {wide_bar} {pos}/{len} digests, {msg}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(ProgressCounts::default().read(Duration::ZERO));
        bar.enable_steady_tick(Duration::from_millis(125));
        let seen = Arc::<Mutex<ProgressCounts>>::default();
        let is_hidden = bar.is_hidden();
        let heartbeat = is_hidden.then(|| Heartbeat::start(HEARTBEAT, seen.clone(), io::stderr()));
        Self { bar, seen, _heartbeat: heartbeat }
    }

    fn with(&self, change: impl FnOnce(&mut ProgressCounts)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Removes the bar from the terminal.
impl Drop for RunProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for RunProgress {
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
        match *event {
            RunEvent::AreasFound { count } => self.with(|seen| seen.areas = count as u64),
            RunEvent::AreaBegun { digests, .. } => self.with(|seen| {
                seen.begun += 1;
                seen.digests += digests as u64;
                self.bar.set_length(seen.expected());
            }),
            RunEvent::DigestDone => {
                self.with(|seen| seen.done += 1);
                self.bar.inc(1);
            }
            RunEvent::LogFileDone { bytes } => self.with(|seen| {
                seen.logs += 1;
                seen.bytes += bytes;
                // The message is built rarely: this is called for every log file.
                if seen.logs < 64 || seen.logs.is_multiple_of(64) {
                    self.bar.set_message(seen.read(self.bar.elapsed()));
                }
            }),
            _ => {}
        }
        Ok(())
    }

    fn wants_objects(&self) -> bool {
        false
    }
}

/// A thread that writes a line at intervals until it is dropped.
struct Heartbeat {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    fn start(
        interval: Duration,
        seen: Arc<Mutex<ProgressCounts>>,
        mut err: impl Write + Send + 'static,
    ) -> Self {
        let (end, ended) = channel();
        let begun = Instant::now();
        let beat = move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let seen = *seen.lock().unwrap_or_else(PoisonError::into_inner);
                // Progress that cannot be written is not missed.
                let _ = writeln!(err, "trailseal: {}", seen.line(begun.elapsed()));
            }
        };
        // A run without a thread for this goes on without lines.
        let thread = std::thread::Builder::new().name("heartbeat".to_owned()).spawn(beat).ok();
        Self { end: Some(end), thread }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_counts_bytes_rate_and_what_is_left() {
        let seen = ProgressCounts {
            areas: 4,
            begun: 2,
            digests: 600,
            done: 300,
            logs: 12_000,
            bytes: 600 << 20,
        };
        assert_eq!(
            seen.line(Duration::from_secs(120)),
            "2 min: 300 of about 1,200 digests, 12,000 log files (100/s), 600.0 MiB (5.0 MiB/s), about 6 min left"
        );
        let nothing = ProgressCounts::default().line(Duration::ZERO);
        assert_eq!(nothing, "0 min: 0 of about 0 digests, 0 log files (0/s), 0 bytes (0 bytes/s)");
    }

    struct LineSender(Sender<String>);

    impl Write for LineSender {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_until_the_run_ends() {
        let (sender, lines) = channel();
        let seen = Arc::<Mutex<ProgressCounts>>::default();
        let heartbeat = Heartbeat::start(Duration::from_millis(1), seen, LineSender(sender));
        let first: String = (0..2).map(|_| lines.recv().unwrap()).collect();
        assert!(first.starts_with("trailseal: 0 min: "), "{first}");
        drop(heartbeat);
        // Its end of the channel is gone with the thread.
        while lines.recv().is_ok() {}
    }
}
