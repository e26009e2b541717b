//! How verifying a directory scales: twice the log files should take twice the time and hardly
//! more memory. Prints figures and ratios within one run; asserts nothing.
//!
//!     cargo bench --bench verify -- 100000

mod common;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use common::{ACCOUNT, REGION, end, log_file, measure, start};

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(20_000);
    let once = verify(count)?;
    let twice = verify(2 * count)?;
    writeln!(
        std::io::stdout(),
        "twice the log files: {:.2} times the time, {:.2} times the memory",
        twice.0.as_secs_f64() / once.0.as_secs_f64(),
        twice.1 as f64 / once.1 as f64
    )?;
    Ok(())
}

fn verify(logs: usize) -> Result<(Duration, u64), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let tree = dir.path().join("tree");
    for n in 0..logs {
        let (key, _, body) = log_file(n)?;
        let path = tree.join(key);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        fs::write(path, body)?;
    }
    let (tree, keys) = (tree.to_string_lossy(), dir.path().join("keys"));
    measure(&["keys", "generate", &keys.to_string_lossy()], &[])?;
    let (private, public) = (keys.join("signing-key.pem"), keys.join("public-keys.json"));
    let (start, end) = (start().to_string(), end(logs).to_string());
    let seal = [
        "seal",
        &tree,
        "--account",
        ACCOUNT,
        "--region",
        REGION,
        "--trail",
        "bench",
        "--bucket",
        "bench",
        "--quiet",
        "--key",
        &private.to_string_lossy(),
        "--start-time",
        &start,
        "--end-time",
        &end,
    ];
    measure(&seal, &[])?;
    let verify = ["verify", &tree, "--quiet", "--no-progress", "--keys", &public.to_string_lossy()];
    let (time, peak_kib) = measure(&verify, &[])?;
    writeln!(
        std::io::stdout(),
        "{logs:>8} log files: {:>6.2} s, {:>6.0} a second, peak memory {:>6.1} MiB",
        time.as_secs_f64(),
        logs as f64 / time.as_secs_f64(),
        peak_kib as f64 / 1024.0
    )?;
    Ok((time, peak_kib))
}
