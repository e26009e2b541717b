//! A bucket: how fast it is verified behind 20 ms of latency, beside the AWS CLI's `validate-logs`
//! in the same run, and in how much memory. The server is in this process and shares the
//! processors with whoever asks it. Prints figures and ratios within one run; asserts nothing.
//!
//!     TRAILSEAL_PEER_AWS=/path/to/aws cargo bench --bench s3 -- speed 20000
//!     cargo bench --bench s3 -- memory 100000 400000

mod common;
#[allow(dead_code, unused_imports)] // the tests use more of it
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#[allow(clippy::too_many_lines)]
#[path = "../tests/suite/common/server/mod.rs"]
mod server;

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{ACCOUNT, Measured, REGION, TRAIL, end, log_file, measure, seal, start};
use jiff::SignedDuration;
use server::Server;

const BUCKET: &str = "bench-bucket";
const SOURCE: &str = "s3://bench-bucket";
const LATENCY: Duration = Duration::from_millis(20);
/// Names the AWS CLI to compare with.
const PEER: &str = "TRAILSEAL_PEER_AWS";
/// What the peer is asked for: the newest digests, about a minute's work for it.
const PEER_TIME: SignedDuration = SignedDuration::from_hours(5);
/// The server's credentials, and nothing of the user's own.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("AWS_ACCESS_KEY_ID", server::ACCESS_KEY),
    ("AWS_SECRET_ACCESS_KEY", server::SECRET_KEY),
    ("AWS_REGION", REGION),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_CONFIG_FILE", "/nonexistent"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let counts: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    if std::env::args().any(|a| a == "memory") {
        memory(if counts.is_empty() { &[20_000, 40_000] } else { &counts })
    } else {
        speed(counts.first().copied().unwrap_or(5_000))
    }
}

fn speed(logs: usize) -> Result<(), Box<dyn Error>> {
    let server = sealed(logs)?;
    server.latency(LATENCY);
    say(&format!("{logs} log files, {LATENCY:?} away"))?;
    let time = verify(&server, logs)?.time;
    let ours = rate("trailseal verify", &server, time)?;
    let Some(aws) = std::env::var_os(PEER) else {
        return say(&format!("  aws cloudtrail validate-logs: skipped, {PEER} names none"));
    };
    let time = validate_logs(&server, logs, aws)?;
    let theirs = rate("aws cloudtrail validate-logs", &server, time)?;
    say(&format!("  {:.0} times as many objects a second", ours / theirs))
}

fn memory(counts: &[usize]) -> Result<(), Box<dyn Error>> {
    let mut peaks: Vec<(usize, f64)> = Vec::new();
    for logs in counts {
        let server = sealed(*logs)?;
        let measured = verify(&server, *logs)?;
        let peak = measured.peak_mib();
        let time = measured.time.as_secs_f64();
        say(&format!("{logs:>8} log files, no latency: {time:.1} s, peak memory {peak:.1} MiB"))?;
        peaks.push((*logs, peak));
    }
    for pair in peaks.windows(2) {
        if let [(fewer, low), (more, high)] = pair {
            let (times, memory) = (*more as f64 / *fewer as f64, high / low);
            say(&format!("{times:.1} times the log files: {memory:.2} times the memory"))?;
        }
    }
    Ok(())
}

/// A server with a sealed bucket.
fn sealed(logs: usize) -> Result<Server, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let keys = dir.path().join("keys");
    measure(&["keys", "generate", &keys.to_string_lossy()], &[])?;
    let server = Server::start();
    server.create_bucket(BUCKET);
    for n in 0..logs {
        let (key, time, body) = log_file(n)?;
        server.put(BUCKET, &key, body, &[]);
        server.modified(BUCKET, &key, time);
    }
    let more = ["--endpoint-url", server.endpoint()];
    seal(SOURCE, &keys.join("signing-key.pem"), logs, &more, &ENVIRONMENT)?;
    server.publish_keys(REGION, &fs::read_to_string(keys.join("public-keys.json"))?);
    Ok(server)
}

fn verify(server: &Server, logs: usize) -> Result<Measured, Box<dyn Error>> {
    server.clear_requests();
    let (start, end) = (start().to_string(), end(logs).to_string());
    let range = ["--start-time", &start, "--end-time", &end, "--endpoint-url", server.endpoint()];
    measure(&[&["verify", SOURCE, "--quiet", "--no-progress"][..], &range].concat(), &ENVIRONMENT)
}

/// Has the peer validate the newest part of the same bucket; how long that took.
fn validate_logs(server: &Server, logs: usize, aws: OsString) -> Result<Duration, Box<dyn Error>> {
    server.clear_requests();
    let end = end(logs);
    let (start, end) = (start().max(end - PEER_TIME).to_string(), end.to_string());
    let trail = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}");
    let started = Instant::now();
    let status = Command::new(aws)
        .args(["cloudtrail", "validate-logs", "--region", REGION, "--trail-arn", &trail])
        .args(["--s3-bucket", BUCKET, "--start-time", &start, "--end-time", &end])
        .envs(ENVIRONMENT)
        .env("AWS_ENDPOINT_URL", server.endpoint())
        .stdout(Stdio::null())
        .status()?;
    let time = started.elapsed();
    if status.success() { Ok(time) } else { Err(format!("validate-logs: {status}").into()) }
}

/// Tells what was asked of the server in a time; returns how many objects a second.
fn rate(what: &str, server: &Server, time: Duration) -> Result<f64, Box<dyn Error>> {
    let requests = server.requests();
    let objects = requests.iter().filter(|request| request.starts_with("GET ")).count();
    let (seconds, requests) = (time.as_secs_f64(), requests.len());
    let rate = objects as f64 / seconds;
    say(&format!(
        "  {what}: {objects} objects in {seconds:.2} s, {rate:.0} a second, {requests} requests"
    ))?;
    Ok(rate)
}

fn say(line: &str) -> Result<(), Box<dyn Error>> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
