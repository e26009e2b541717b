//! Copies that are not finished: what is absent from one may not have been copied yet, so nothing
//! rests on absence. What contradicts in bytes that are there stays what it is.

use super::coverage::{CoverageState, Interval};
use super::finding::{Code, Finding, Severity};

/// An unfinished copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unfinished {
    /// The file that marks it.
    pub marker: String,
    /// The bucket that it is a copy of, where that is known.
    pub bucket: Option<String>,
}

impl Unfinished {
    fn holds(&self, finding: &Finding) -> bool {
        let chain = finding.chain.as_ref().and_then(|chain| chain.bucket.as_ref());
        let bucket = finding.bucket.as_deref().or(chain.map(|bucket| bucket.as_str()));
        self.bucket.is_none() || bucket.is_none() || self.bucket.as_deref() == bucket
    }

    /// Counts what is absent instead of accusing of it, in one finding that names the marker. What
    /// no digest lists that is there yet is incomplete.
    pub fn excuse(&self, findings: &mut Vec<Finding>) {
        let mut absent = 0_u64;
        findings.retain_mut(|finding| {
            if !self.holds(finding) {
                return true;
            }
            match finding.code {
                Code::LogMissing | Code::DigestMissing | Code::ChainTruncated => {
                    absent += 1;
                    false
                }
                // How what is absent lies in time tells nothing here.
                Code::LossPattern => false,
                Code::LogUnreferenced => {
                    finding.severity = finding.severity.min(Severity::Incomplete);
                    true
                }
                _ => true,
            }
        });
        let message = format!(
            "The copy is not finished: trailseal collect left {} and did not come to its end. {absent} findings of absence are not counted: what is absent may not have been copied yet. Run the same trailseal collect again to finish it.",
            self.marker
        );
        let mut finding = Finding::new(Code::ObjectUnreadable, message);
        finding.bucket.clone_from(&self.bucket);
        findings.push(finding);
    }

    /// Says of the time of a chain in the copy what its findings say.
    pub fn excuse_time(&self, bucket: Option<&str>, interval: &mut Interval) {
        let absence =
            [Code::LogMissing, Code::DigestMissing, Code::ChainTruncated, Code::LogUnreferenced];
        let here = self.bucket.is_none() || bucket.is_none() || self.bucket.as_deref() == bucket;
        let rests_on_absence = interval.reason.is_some_and(|reason| absence.contains(&reason));
        if here && interval.state == CoverageState::Violated && rests_on_absence {
            interval.state = CoverageState::Unreadable;
            interval.reason = Some(Code::ObjectUnreadable);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::Window;

    fn finding(code: Code, bucket: &str) -> Finding {
        Finding::new(code, "").object(Some(bucket), "key")
    }

    #[test]
    fn absence_is_counted_and_contradiction_stays() {
        let copy = Unfinished { marker: "copy/marker".to_owned(), bucket: Some("b".to_owned()) };
        let mut findings = vec![
            finding(Code::LogMissing, "b"),
            finding(Code::DigestMissing, "b"),
            finding(Code::ChainTruncated, "b"),
            finding(Code::LogUnreferenced, "b"),
            finding(Code::LogModified, "b"),
            finding(Code::ChainBroken, "b"),
            finding(Code::LogMissing, "another"),
        ];
        copy.excuse(&mut findings);
        let told: Vec<_> = findings.iter().map(|f| (f.code, f.severity)).collect();
        assert_eq!(
            told,
            [
                (Code::LogUnreferenced, Severity::Incomplete),
                (Code::LogModified, Severity::Violation),
                (Code::ChainBroken, Severity::Violation),
                (Code::LogMissing, Severity::Violation),
                (Code::ObjectUnreadable, Severity::Incomplete),
            ]
        );
        let message = &findings[4].message;
        assert!(message.contains("copy/marker") && message.contains("3 findings"), "{message}");
    }

    #[test]
    fn time_is_excused_only_of_absence() {
        let copy = Unfinished { marker: "marker".to_owned(), bucket: None };
        let state = |reason| {
            let window = Window::new(Timestamp::MIN, Timestamp::MAX);
            let mut interval =
                Interval { window, state: CoverageState::Violated, reason: Some(reason) };
            copy.excuse_time(Some("b"), &mut interval);
            interval.state
        };
        assert_eq!(state(Code::DigestMissing), CoverageState::Unreadable);
        assert_eq!(state(Code::LogModified), CoverageState::Violated);
    }
}
