//! The memory that a run takes at its peak, as the system tells it.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// How a command ended.
pub(crate) struct Peak {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    /// The most memory that was resident at once, in MiB.
    pub(crate) mib: u64,
}

/// Runs a command to its end and watches its memory.
pub(crate) fn run(command: &mut Command) -> Peak {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |pipe: &mut dyn Read| {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    std::thread::scope(|scope| {
        let out = scope.spawn(move || read(&mut out));
        let err = scope.spawn(move || read(&mut err));
        let mut mib = 0;
        let status = loop {
            mib = mib.max(high_water_mark(child.id()));
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        assert!(mib > 0 || !cfg!(target_os = "linux"), "the memory was measured");
        Peak { status, out: out.join().unwrap(), err: err.join().unwrap(), mib }
    })
}

/// VmHWM in MiB; 0 where the system does not tell.
fn high_water_mark(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|n| n.parse().ok());
    kib.unwrap_or(0_u64) / 1024
}
