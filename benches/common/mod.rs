//! Log files to measure with, and a process measured from outside.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use trailseal::internals::model::time::{day_folder, format_compact_minutes};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const TRAIL: &str = "bench";
/// A busy region: so many log files an hour.
const LOGS_PER_HOUR: usize = 300;

/// When the first log file was delivered.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_second(1_772_323_200).unwrap_or_default()
}

/// The end of the hour of the last log file.
pub(crate) fn end(logs: usize) -> Timestamp {
    let hours = i64::try_from(logs.div_ceil(LOGS_PER_HOUR)).unwrap_or(0);
    start() + SignedDuration::from_hours(hours)
}

/// One of the log files: key, time, bytes.
pub(crate) fn log_file(n: usize) -> Result<(String, Timestamp, Vec<u8>), Box<dyn Error>> {
    let minute = n / LOGS_PER_HOUR * 60 + n % LOGS_PER_HOUR % 12 * 5;
    let time = start() + SignedDuration::from_mins(i64::try_from(minute)?);
    let key = format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{}/{ACCOUNT}_CloudTrail_{REGION}_{}_{n:016}.json.gz",
        day_folder(time),
        format_compact_minutes(time)
    );
    let padding = "0123456789abcdef".repeat(120);
    let builder = flate2::GzBuilder::new().operating_system(3);
    let mut gz = builder.write(Vec::new(), flate2::Compression::best());
    write!(gz, r#"{{"Records":[{{"eventTime":"{time}","n":{n},"padding":"{padding}"}}]}}"#)?;
    Ok((key, time, gz.finish()?))
}

/// Seals the log files of a source.
pub(crate) fn seal(
    source: &str,
    key: &Path,
    logs: usize,
    more: &[&str],
    environment: &[(&str, &str)],
) -> Result<(), Box<dyn Error>> {
    let (key, start, end) = (key.to_string_lossy(), start().to_string(), end(logs).to_string());
    let place = ["seal", source, "--account", ACCOUNT, "--region", REGION, "--trail", TRAIL];
    let rest = ["--key", &key, "--start-time", &start, "--end-time", &end, "--quiet"];
    measure(&[&place[..], &rest, more].concat(), environment)?;
    Ok(())
}

/// What a run took.
pub(crate) struct Measured {
    pub(crate) time: Duration,
    /// The most memory that it held (on Linux; 0 elsewhere).
    peak_kib: u64,
}

impl Measured {
    pub(crate) fn peak_mib(&self) -> f64 {
        self.peak_kib as f64 / 1024.0
    }
}

/// Runs trailseal to success.
pub(crate) fn measure(
    args: &[&str],
    environment: &[(&str, &str)],
) -> Result<Measured, Box<dyn Error>> {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_trailseal"))
        .args(args)
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .spawn()?;
    let mut peak_kib = 0;
    let status = loop {
        peak_kib = peak_kib.max(peak_of(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let time = started.elapsed();
    let measured = Measured { time, peak_kib };
    if status.success() { Ok(measured) } else { Err(format!("{args:?}: {status}").into()) }
}

/// The most memory that a process ever held, as Linux tells it; 0 elsewhere.
fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
