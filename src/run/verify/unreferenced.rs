//! Telling of log files that no digest lists, though digests cover their time and place.

use std::collections::BTreeSet;
use std::io;

use super::area::AreaRun;
use super::unlisted::Candidate;
use crate::model::{BucketName, ChainId, Window};
use crate::report::{ObjectReport, Unreferenced};
use crate::verify::{Code, Finding, Severity};

/// From so many on they may be a trail's own, and not single ones that were put there.
const OF_A_TRAIL: usize = 50;
/// Over at least so many hours.
const HOURS_OF_A_TRAIL: usize = 6;

/// Tells of an area's unreferenced log files: of each, or of all of them where they look like
/// those of another trail.
pub(super) fn tell(
    this: &mut AreaRun<'_, '_>,
    chain: Option<&ChainId>,
    candidates: &[Candidate],
) -> io::Result<()> {
    this.gathered.totals.logs.unreferenced += candidates.len() as u64;
    let bucket = this.id.bucket.as_ref().map(BucketName::as_str);
    for candidate in candidates {
        this.lines.push(&ObjectReport {
            object: "log",
            result: "invalid",
            code: Some(Code::LogUnreferenced),
            chain,
            bucket,
            key: &candidate.key,
            referenced_by: None,
            bytes: 0,
        })?;
    }
    let severity = match this.run.request.unreferenced {
        Unreferenced::Violation => Severity::Violation,
        Unreferenced::Notice => Severity::Notice,
        Unreferenced::Ignore => return Ok(()),
    };
    let mut findings: Vec<_> = match of_a_trail(candidates) {
        Some(window) => {
            let message = format!(
                "{} log files of this time are listed by no digest, though digests cover their time and place. There are some in most of its hours, as a trail without log file validation leaves them that writes to the same folders: if there is one, say so with --unreferenced notice. --objects lists them.",
                candidates.len()
            );
            let finding = Finding::new(Code::LogUnreferenced, message);
            vec![finding.object(bucket, this.id.place.folder()).window(window)]
        }
        None => candidates.iter().map(|c| of_one(bucket, c)).collect(),
    };
    for finding in &mut findings {
        finding.chain = chain.cloned();
        finding.severity = severity;
    }
    this.gathered.findings.extend(findings);
    Ok(())
}

/// The time of log files that are many and regular.
fn of_a_trail(candidates: &[Candidate]) -> Option<Window> {
    let times = || candidates.iter().filter_map(|c| c.named.first()).copied();
    let (first, last) = (times().min()?, times().max()?);
    let hour = |second: i64| second.div_euclid(3600);
    let hours: BTreeSet<i64> = times().map(|t| hour(t.as_second())).collect();
    let all = hour(last.as_second()) - hour(first.as_second()) + 1;
    let regular = hours.len() >= HOURS_OF_A_TRAIL && 2 * hours.len() as i64 >= all;
    (candidates.len() >= OF_A_TRAIL && regular).then(|| Window::new(first, last))
}

fn of_one(bucket: Option<&str>, candidate: &Candidate) -> Finding {
    let message = if candidate.times.len() == 1 {
        "No digest lists this log file, though digests cover its time and place."
    } else {
        "No digest lists this file, though digests cover its place; its name and folder are not those of a log file."
    };
    let mut finding = Finding::new(Code::LogUnreferenced, message).object(bucket, &candidate.key);
    finding.start = candidate.times.first().map(|t| t.time());
    finding.end = candidate.times.last().map(|t| t.time());
    finding
}
