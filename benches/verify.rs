//! How verifying a directory scales: twice the log files should take twice the time and hardly
//! more memory. Prints figures and ratios within one run; asserts nothing.
//!
//!     cargo bench --bench verify -- 100000

mod common;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use common::{Measured, log_file, measure, seal};

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(20_000);
    let once = verify(count)?;
    let twice = verify(2 * count)?;
    writeln!(
        std::io::stdout(),
        "twice the log files: {:.2} times the time, {:.2} times the memory",
        twice.time.as_secs_f64() / once.time.as_secs_f64(),
        twice.peak_mib() / once.peak_mib()
    )?;
    Ok(())
}

fn verify(logs: usize) -> Result<Measured, Box<dyn Error>> {
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
    seal(&tree, &private, logs, &["--bucket", "bench"], &[])?;
    let verify = ["verify", &tree, "--quiet", "--no-progress", "--keys", &public.to_string_lossy()];
    let measured = measure(&verify, &[])?;
    let seconds = measured.time.as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{logs:>8} log files: {seconds:>6.2} s, {:>6.0} a second, peak memory {:>6.1} MiB",
        logs as f64 / seconds,
        measured.peak_mib()
    )?;
    Ok(measured)
}
