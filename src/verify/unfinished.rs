//! Copies that are not finished: what is absent from one may not have been copied yet, so nothing
//! rests on absence. What contradicts in bytes that are there stays what it is, and so does the
//! absence of what a run that came to its end did not fail to copy: whoever writes to a bucket must
//! not excuse what is gone by an object that nobody can read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::coverage::{CoverageState, Interval};
use super::finding::{Code, Finding, Severity};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::{ChainId, DigestKey};

/// An unfinished copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unfinished {
    /// The file that marks it.
    pub marker: String,
    /// The bucket that it is a copy of, where that is known.
    pub bucket: Option<String>,
    /// Objects that were not copied, by key, and as folders that end in `/`; `None` where anything
    /// may be absent.
    pub failed: Option<BTreeSet<String>>,
}

impl Unfinished {
    /// Counts what is absent instead of accusing of it, in one finding that names the marker. What
    /// no digest lists that is there yet is incomplete.
    pub fn excuse(&self, findings: &mut Vec<Finding>) {
        let mut absent = 0_u64;
        findings.retain_mut(|finding| {
            if !self.may_explain(finding) {
                return true;
            }
            match finding.code {
                Code::LogMissing | Code::DigestMissing | Code::ChainTruncated => {
                    absent += 1;
                    false
                }
                // How what is absent lies in time tells nothing here.
                Code::LossPattern => false,
                _ => {
                    finding.severity = finding.severity.min(Severity::Incomplete);
                    true
                }
            }
        });
        let lacking = match &self.failed {
            None => "did not finish".to_owned(),
            Some(failed) => format!("could not copy {} objects or folders", failed.len()),
        };
        let excused = match absent {
            0 => String::new(),
            n => format!(" Therefore, {n} missing objects are not reported as deleted."),
        };
        let message = format!(
            "The copy is incomplete: trailseal collect {lacking} and left the marker {}.{excused} Run the same trailseal collect again.",
            self.marker
        );
        let mut finding = Finding::new(Code::ObjectUnreadable, message);
        finding.bucket.clone_from(&self.bucket);
        findings.push(finding);
    }

    /// Gives a chain's time the state that follows from the findings that remain.
    pub fn excuse_time(&self, chain: &ChainId, findings: &[Finding], interval: &mut Interval) {
        let Some(reason) = interval.reason.filter(|reason| rests_on_absence(*reason)) else {
            return;
        };
        let accused = findings.iter().any(|finding| {
            let of_time = finding.start.is_none_or(|start| start < interval.window.end)
                && finding.end.is_none_or(|end| interval.window.start < end);
            finding.code == reason
                && finding.severity == Severity::Violation
                && finding.chain.as_ref().is_none_or(|of| of == chain)
                && of_time
        });
        let bucket = chain.bucket.as_ref().map(|bucket| bucket.as_str());
        if interval.state == CoverageState::Violated && self.is_of(bucket) && !accused {
            interval.state = CoverageState::Unreadable;
            interval.reason = Some(Code::ObjectUnreadable);
        }
    }

    fn is_of(&self, bucket: Option<&str>) -> bool {
        self.bucket.is_none() || bucket.is_none() || self.bucket.as_deref() == bucket
    }

    /// True if what a finding rests on may only be absent because it was not copied.
    fn may_explain(&self, finding: &Finding) -> bool {
        let chain = finding.chain.as_ref();
        let bucket = chain.and_then(|chain| chain.bucket.as_ref()).map(|bucket| bucket.as_str());
        if !rests_on_absence(finding.code) || !self.is_of(finding.bucket.as_deref().or(bucket)) {
            return false;
        }
        let Some(failed) = &self.failed else { return true };
        let key = finding.key.as_deref().unwrap_or_default();
        let is_this = |failed: &String| {
            failed == key || (is_folder(failed) && key.starts_with(failed.as_str()))
        };
        match finding.code {
            Code::LogMissing => failed.iter().any(is_this),
            Code::DigestMissing if !key.is_empty() => failed.iter().any(is_this),
            // A digest that was not copied may be what is missed.
            Code::ChainTruncated => failed.iter().any(|failed| {
                let is_older = DigestKey::parse(failed)
                    .zip(DigestKey::parse(key))
                    .is_some_and(|(failed, newest)| failed.end <= newest.end);
                !is_older && may_be_digest_of(failed, chain)
            }),
            _ => failed.iter().any(|failed| may_be_digest_of(failed, chain)),
        }
    }
}

fn rests_on_absence(code: Code) -> bool {
    matches!(
        code,
        Code::LogMissing
            | Code::DigestMissing
            | Code::ChainTruncated
            | Code::LogUnreferenced
            | Code::LossPattern
    )
}

fn is_folder(key: &str) -> bool {
    key.is_empty() || key.ends_with('/')
}

/// True if a key or folder is, or may hold, a digest of the chain's account and region.
fn may_be_digest_of(failed: &str, chain: Option<&ChainId>) -> bool {
    let Some(chain) = chain else {
        return is_folder(failed) || failed.contains(&format!("/{DIGEST_FOLDER}/"));
    };
    let digests = format!("{}{DIGEST_FOLDER}/{}/", chain.place.folder(), chain.region);
    failed.starts_with(&digests) || (is_folder(failed) && digests.starts_with(failed))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::Window;

    const LOG: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/log.json.gz";
    const FOLDER: &str = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/";

    fn digest(hour: u8) -> String {
        format!(
            "{FOLDER}111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T{hour:02}0000Z.json.gz"
        )
    }

    fn finding(code: Code, key: &str) -> Finding {
        Finding::new(code, "").object(Some("bucket"), key)
    }

    fn copy(failed: Option<&[&str]>) -> Unfinished {
        let failed = failed.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
        Unfinished { marker: "copy/marker".to_owned(), bucket: Some("bucket".to_owned()), failed }
    }

    fn left(copy: &Unfinished, mut findings: Vec<Finding>) -> Vec<(Code, Severity)> {
        copy.excuse(&mut findings);
        findings.iter().map(|f| (f.code, f.severity)).collect()
    }

    #[test]
    fn absence_is_counted_and_contradiction_stays() {
        let mut elsewhere = finding(Code::LogMissing, LOG);
        elsewhere.bucket = Some("another".to_owned());
        let findings = vec![
            finding(Code::LogMissing, LOG),
            finding(Code::DigestMissing, &digest(3)),
            finding(Code::ChainTruncated, &digest(5)),
            finding(Code::LogUnreferenced, LOG),
            finding(Code::LogModified, LOG),
            finding(Code::ChainBroken, &digest(2)),
            elsewhere,
        ];
        assert_eq!(
            left(&copy(None), findings.clone()),
            [
                (Code::LogUnreferenced, Severity::Incomplete),
                (Code::LogModified, Severity::Violation),
                (Code::ChainBroken, Severity::Violation),
                (Code::LogMissing, Severity::Violation),
                (Code::ObjectUnreadable, Severity::Incomplete),
            ]
        );
        let mut told = findings;
        copy(None).excuse(&mut told);
        let message = &told.last().unwrap().message;
        assert!(
            message.contains("copy/marker") && message.contains("3 missing objects"),
            "{message}"
        );
    }

    #[test]
    fn what_a_run_did_not_fail_to_copy_is_gone() {
        let stray = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/unreadable.gz";
        let absences = || {
            vec![
                finding(Code::LogMissing, LOG),
                finding(Code::DigestMissing, &digest(3)),
                finding(Code::ChainTruncated, &digest(5)),
                finding(Code::LogUnreferenced, LOG),
            ]
        };
        let violations = |failed: &[&str]| {
            let left = left(&copy(Some(failed)), absences());
            left.iter().filter(|(_, severity)| *severity == Severity::Violation).count()
        };
        assert_eq!(violations(&[stray]), 4, "an object that nobody can read excuses nothing");
        assert_eq!(violations(&[LOG]), 3);
        assert_eq!(violations(&[&digest(3)]), 2, "it may list the log file");
        assert_eq!(violations(&[&digest(6)]), 2, "and be the newest");
        assert_eq!(violations(&[FOLDER]), 1, "all of the digests");
        assert_eq!(violations(&["AWSLogs/"]), 0);
        assert_eq!(violations(&[""]), 0);
    }

    #[test]
    fn time_is_excused_only_of_absence() {
        let chain =
            ChainId::parse("bucket/AWSLogs/111122223333/us-east-1/trail@us-east-1").unwrap();
        let state = |reason, findings: &[Finding]| {
            let window = Window::new(Timestamp::MIN, Timestamp::MAX);
            let mut interval =
                Interval { window, state: CoverageState::Violated, reason: Some(reason) };
            copy(None).excuse_time(&chain, findings, &mut interval);
            interval.state
        };
        assert_eq!(state(Code::DigestMissing, &[]), CoverageState::Unreadable);
        assert_eq!(state(Code::LogModified, &[]), CoverageState::Violated);
        let accused = [finding(Code::DigestMissing, &digest(3))];
        assert_eq!(state(Code::DigestMissing, &accused), CoverageState::Violated);
    }
}
