//! How verifying a directory scales: twice the log files should take twice the time and hardly
//! more memory. Prints figures and ratios within one run; asserts nothing.
//!
//!     cargo bench --bench verify -- 100000

use std::error::Error;
use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use trailseal::crypto::{SigningKey, Validity, render_public_keys};
use trailseal::model::time::{day_folder, format_compact_minutes};
use trailseal::model::{AccountId, BucketName, Place, Region, TrailName};
use trailseal::run::Silent;
use trailseal::run::seal::{SealRequest, seal};
use trailseal::store::DirectoryStore;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";
/// A busy region: so many log files an hour.
const LOGS_PER_HOUR: usize = 300;

struct Figures {
    logs: usize,
    time: Duration,
    peak_kib: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(20_000);
    let once = measure(count)?;
    let twice = measure(2 * count)?;
    let mut out = std::io::stdout().lock();
    for figures in [&once, &twice] {
        writeln!(
            out,
            "{:>8} log files: {:>6.2} s, {:>6.0} a second, peak memory {:>6.1} MiB",
            figures.logs,
            figures.time.as_secs_f64(),
            figures.logs as f64 / figures.time.as_secs_f64(),
            figures.peak_kib as f64 / 1024.0
        )?;
    }
    writeln!(
        out,
        "twice the log files: {:.2} times the time, {:.2} times the memory",
        twice.time.as_secs_f64() / once.time.as_secs_f64(),
        twice.peak_kib as f64 / once.peak_kib as f64
    )?;
    Ok(())
}

fn measure(logs: usize) -> Result<Figures, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let key = SigningKey::generate()?;
    write_tree(dir.path(), logs, &key)?;
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_trailseal"))
        .args(["verify", "--no-progress", "--quiet", "--keys"])
        .arg(dir.path().join("keys.json"))
        .arg(dir.path())
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
    if !status.success() {
        return Err(format!("the tree of {logs} log files did not verify: {status}").into());
    }
    Ok(Figures { logs, time, peak_kib })
}

/// The most memory that a process ever held, as Linux tells it; 0 elsewhere.
fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn write_tree(root: &Path, logs: usize, key: &SigningKey) -> Result<(), Box<dyn Error>> {
    let start: Timestamp = "2026-03-01T00:00:00Z".parse()?;
    let hours = logs.div_ceil(LOGS_PER_HOUR);
    let padding = "0123456789abcdef".repeat(120);
    for n in 0..logs {
        let (hour, slot) = (n / LOGS_PER_HOUR, n % LOGS_PER_HOUR);
        let minute = i64::try_from(hour * 60 + slot % 12 * 5)?;
        let time = start + SignedDuration::from_mins(minute);
        let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{}", day_folder(time));
        let name = format!(
            "{ACCOUNT}_CloudTrail_{REGION}_{}_{n:016}.json.gz",
            format_compact_minutes(time)
        );
        let folder = root.join(folder);
        if slot == 0 {
            fs::create_dir_all(&folder)?;
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        write!(gz, r#"{{"Records":[{{"eventTime":"{time}","n":{n},"padding":"{padding}"}}]}}"#)?;
        fs::write(folder.join(name), gz.finish()?)?;
    }
    let end = start + SignedDuration::from_hours(i64::try_from(hours)?);
    let place =
        Place { prefix: String::new(), organization: None, account: AccountId::parse(ACCOUNT)? };
    let request = SealRequest {
        bucket: BucketName::parse("bench")?,
        place,
        region: Region::parse(REGION)?,
        trail: TrailName::parse("bench")?,
        home_region: Region::parse(REGION)?,
        start: Some(start),
        end,
        interval: SignedDuration::from_hours(1),
        validity: None,
        now: end,
        jobs: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
    };
    let store = DirectoryStore::open(root, "bench")?;
    seal(&request, Arc::new(store), String::new(), key, &Silent).1?;
    let validity = Validity { from: start, to: end + SignedDuration::from_hours(24) };
    fs::write(root.join("keys.json"), render_public_keys(&[(key.public_key_der(), validity)]))?;
    Ok(())
}
