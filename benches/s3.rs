//! How fast a bucket is verified behind latency, and in how much memory: twice the log files
//! should take hardly more memory. The server is in this process, 20 ms away. Prints figures and
//! ratios within one run; asserts nothing.
//!
//!     cargo bench --bench s3 -- 20000

mod common;
#[path = "../tests/common/server/mod.rs"]
mod server;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::time::Duration;

use common::{ACCOUNT, REGION, end, log_file, measure, start};
use server::Server;

const BUCKET: &str = "bench-bucket";
const LATENCY: Duration = Duration::from_millis(20);
const ENVIRONMENT: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", server::ACCESS_KEY),
    ("AWS_SECRET_ACCESS_KEY", server::SECRET_KEY),
    ("AWS_REGION", REGION),
];

fn main() -> Result<(), Box<dyn Error>> {
    let logs = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(5_000);
    let mut peaks = Vec::new();
    for logs in [logs, 2 * logs] {
        peaks.push(verify(logs)?);
    }
    let ratio = peaks.last().zip(peaks.first()).map_or(0.0, |(b, a)| *b as f64 / *a as f64);
    writeln!(std::io::stdout(), "twice the log files: {ratio:.2} times the memory")?;
    Ok(())
}

fn verify(logs: usize) -> Result<u64, Box<dyn Error>> {
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
    let (start, end) = (start().to_string(), end(logs).to_string());
    let source = format!("s3://{BUCKET}");
    let key = keys.join("signing-key.pem");
    let key = key.to_string_lossy();
    let range = ["--start-time", &start, "--end-time", &end, "--endpoint-url", server.endpoint()];
    let seal = [
        "seal",
        &source,
        "--account",
        ACCOUNT,
        "--region",
        REGION,
        "--trail",
        "bench",
        "--quiet",
        "--key",
        &key,
    ];
    measure(&[&seal[..], &range].concat(), &ENVIRONMENT)?;
    server.publish_keys(REGION, &fs::read_to_string(keys.join("public-keys.json"))?);
    server.latency(LATENCY);
    server.clear_requests();
    let verify = ["verify", &source, "--quiet", "--no-progress"];
    let (time, peak_kib) = measure(&[&verify[..], &range].concat(), &ENVIRONMENT)?;
    writeln!(
        std::io::stdout(),
        "{logs} log files, {LATENCY:?} away: {:.2} s, {:.0} a second, {} requests, peak memory {:.1} MiB",
        time.as_secs_f64(),
        logs as f64 / time.as_secs_f64(),
        server.requests().len(),
        peak_kib as f64 / 1024.0
    )?;
    Ok(peak_kib)
}
