//! What must be found: told from the trail as it was and as it is, by no code of the verifier.
//!
//! Each hour of a region is proven, not proven, or, where an altered digest may or may not vouch
//! for the one before it, open.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trailseal::internals::model::{ChainKind, LogKey, LogKind, Metadata, ObjectName, Window};
use trailseal::internals::report::{ChainReport, RunReport, Verdict};
use trailseal::internals::verify::{CoverageState, Finding, Severity};

use super::super::naive;
use super::How;
use super::trail::{HOURS, Objects, Stored, TRAIL, at};

/// After so many digests without a successor among them, one is no longer waited for.
const PATIENCE: usize = 4;
/// How much of the time around the time in its name a log file may have been delivered in.
const DELIVERY_MINUTES: (i64, i64) = (-5, 30);

/// What is known of a digest or an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Proven,
    NotProven,
    Open,
}

/// The signature that lies beside a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signature {
    Own,
    Lost,
    False,
}

/// A digest as it was sealed.
struct Statement {
    key: String,
    region: String,
    /// The hour that it covers; `None` for a backfill digest.
    hour: Option<i64>,
    previous: Option<String>,
    logs: Vec<String>,
}

/// What must be found.
pub(super) struct Expected<'a> {
    before: &'a Objects,
    after: &'a Objects,
    how: How,
    /// By key.
    statements: BTreeMap<String, Statement>,
    /// The objects that are not as they were: gone, new, or of other bytes or metadata.
    touched: BTreeSet<&'a str>,
}

/// What is broken, in words.
type Checked = Result<(), String>;

fn must(holds: bool, broken: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(broken()) }
}

impl<'a> Expected<'a> {
    pub(super) fn of(before: &'a Objects, after: &'a Objects, how: How) -> Self {
        let digests = before.iter().filter(|(key, _)| key.contains("/CloudTrail-Digest/"));
        let statements = digests.map(|(key, stored)| (key.clone(), read(stored))).collect();
        let all = before.keys().chain(after.keys());
        let touched =
            all.filter(|key| before.get(*key) != after.get(*key)).map(String::as_str).collect();
        Self { before, after, how, statements, touched }
    }

    /// Holds a report to what is expected.
    pub(super) fn check(&self, report: &RunReport) -> Checked {
        // A region of which nothing is left, of the time asked for, leaves no trace.
        for statement in self.statements.values().filter(|s| self.is_traceable(&s.region)) {
            self.check_statement(statement, report)?;
        }
        for key in self.after.keys().filter(|key| !self.before.contains_key(*key)) {
            self.check_new(key, report)?;
        }
        for finding in &report.findings {
            must(self.concerns_what_was_touched(finding), || format!("beside it: {finding:?}"))?;
        }
        let harmless = self.statements.values().all(|s| self.hour(s) == Known::Proven);
        if harmless && self.touched.iter().all(|key| self.before.contains_key(*key)) {
            must(report.verdict == Verdict::Verified, || "nothing was done, yet".into())?;
            // Of what changes no content (a gzip header, say) there may be notices.
            let quiet = report.findings.iter().all(|f| f.severity == Severity::Notice);
            must(quiet, || "nothing was done, yet it is told of".into())?;
        }
        Ok(())
    }

    fn check_statement(&self, statement: &Statement, report: &RunReport) -> Checked {
        let key = &statement.key;
        let known = self.hour(statement);
        match statement.hour {
            // The backfill digest's time: all of the trail, or none that is held to anything.
            None if !self.how.is_whole() => return Ok(()),
            None => {}
            Some(hour) if !(self.how.hours.0..self.how.hours.1).contains(&hour) => return Ok(()),
            Some(hour) => {
                let states = states(report, &statement.region, hour);
                let proven = |s: &Option<CoverageState>| *s == Some(CoverageState::Proven);
                let right = match known {
                    Known::Proven => states.iter().all(proven),
                    Known::NotProven => !states.iter().any(proven),
                    Known::Open => true,
                };
                must(right, || format!("hour {hour} of {key}: {known:?}, but {states:?}"))?;
            }
        }
        // Nothing anchors the only backfill digest: who deletes it leaves its log files alone.
        let silent = statement.hour.is_none() && !self.after.contains_key(key);
        if silent {
            return Ok(());
        }
        if known == Known::NotProven {
            must(report.verdict != Verdict::Verified, || format!("{key} is not proven"))?;
        }
        match self.digest(statement) {
            Known::Proven => {
                for log in statement.logs.iter().filter(|log| !self.is_whole(log)) {
                    must(names(report, log, Severity::Violation), || format!("untold: {log}"))?;
                }
                Ok(())
            }
            Known::NotProven => {
                let mut told = report.findings.iter().filter(|f| f.severity > Severity::Notice);
                must(told.any(|f| tells_of(f, statement, report)), || format!("untold: {key}"))?;
                self.check_violation(statement, report)
            }
            Known::Open => Ok(()),
        }
    }

    /// A digest that is not proven is a violation where the next one is, or where it is there
    /// with a signature.
    fn check_violation(&self, statement: &Statement, report: &RunReport) -> Checked {
        let next = self.successor(statement).filter(|s| self.digest(s) == Known::Proven);
        let next_is_asked = next.and_then(|s| s.hour).is_some_and(|h| h < self.how.hours.1);
        let contradicted = match self.after.get(&statement.key) {
            None => next_is_asked,
            Some(stored) if self.is_whole(&statement.key) => {
                self.signature(&statement.key, stored) == Signature::False
            }
            Some(stored) => {
                next_is_asked || self.signature(&statement.key, stored) == Signature::Own
            }
        };
        let violation = report.verdict == Verdict::Violation;
        must(violation || !contradicted, || format!("no violation: {}", statement.key))
    }

    /// A log file that was not there before: digests that are all there do not list it.
    fn check_new(&self, key: &str, report: &RunReport) -> Checked {
        let Some(name) = LogKey::parse(key) else { return Ok(()) };
        let (early, late) = DELIVERY_MINUTES;
        let sealed = at(0, -early)..=at(HOURS, -late);
        let asked = self.how.start()..self.how.end();
        let mut standard = self.statements.values().filter(|s| s.region == name.region.as_str());
        let all_there = standard.all(|s| self.digest(s) == Known::Proven);
        let due = sealed.contains(&name.time) && asked.contains(&name.time) && all_there;
        must(
            !due || name.kind != LogKind::CloudTrail || names(report, key, Severity::Violation),
            || format!("not unlisted: {key}"),
        )
    }

    /// Whether a finding is about an object that was touched, or one that stands on it.
    fn concerns_what_was_touched(&self, finding: &Finding) -> bool {
        let touched = |key: &String| self.touched.contains(key.as_str());
        let Some(key) = &finding.key else { return !self.touched.is_empty() };
        if key.ends_with('/') {
            return !self.touched.is_empty();
        }
        let neighbour = |s: &Statement| {
            let next = self.successor(s).map(|next| &next.key);
            let linked = s.previous.iter().chain(next).any(touched);
            let beside = linked || self.new_digests(&s.region) > 0;
            s.key == *key && beside || s.logs.contains(key) && touched(&s.key)
        };
        touched(key)
            || finding.referenced_by.as_ref().is_some_and(touched)
            || self.statements.values().any(neighbour)
    }

    /// Whether a digest and its log files prove their hour.
    fn hour(&self, statement: &Statement) -> Known {
        match self.digest(statement) {
            _ if statement.logs.iter().any(|log| !self.is_whole(log)) => Known::NotProven,
            known => known,
        }
    }

    /// Whether a digest is whole and signed, be it by the word of the next.
    fn digest(&self, statement: &Statement) -> Known {
        let Some(stored) = self.after.get(&statement.key) else { return Known::NotProven };
        match (self.is_whole(&statement.key), self.signature(&statement.key, stored)) {
            (false, _) | (true, Signature::False) => Known::NotProven,
            (true, Signature::Own) => Known::Proven,
            (true, Signature::Lost) => match self.successor(statement) {
                Some(next) if !self.after.contains_key(&next.key) => Known::NotProven,
                None => Known::NotProven,
                Some(next)
                    if self.is_whole(&next.key)
                        && self.new_digests(&statement.region) < PATIENCE =>
                {
                    Known::Proven
                }
                Some(_) => Known::Open,
            },
        }
    }

    /// Whether a digest of a region's trail is left or, without digests, a log file.
    fn is_traceable(&self, region: &str) -> bool {
        let asked = self.how.start()..self.how.end();
        let (mut trails, mut logs) = (BTreeSet::new(), false);
        for key in self.after.keys() {
            match ObjectName::parse(key) {
                ObjectName::Digest(name) if name.region.as_str() == region => {
                    trails.insert(name.trail.as_str().to_owned());
                }
                ObjectName::Log(name) if name.region.as_str() == region => {
                    logs |= asked.contains(&name.time);
                }
                _ => {}
            }
        }
        trails.contains(TRAIL) || trails.is_empty() && logs
    }

    fn successor(&self, statement: &Statement) -> Option<&Statement> {
        self.statements.values().find(|s| s.previous.as_ref() == Some(&statement.key))
    }

    fn new_digests(&self, region: &str) -> usize {
        let folder = format!("/CloudTrail-Digest/{region}/");
        let new = self.after.keys().filter(|key| !self.before.contains_key(*key));
        new.filter(|key| key.contains(&folder)).count()
    }

    /// Whether an object holds what it held, in one sound gzip member or, in a copy, unpacked.
    fn is_whole(&self, key: &str) -> bool {
        let content = |stored: &Stored| {
            let plain = !self.how.bucket && stored.body.first() == Some(&b'{');
            if plain { Some(stored.body.clone()) } else { naive::gunzip(&stored.body) }
        };
        let after = self.after.get(key).and_then(content);
        after.is_some() && after == self.before.get(key).and_then(content)
    }

    fn signature(&self, key: &str, stored: &Stored) -> Signature {
        let Some(metadata) = &stored.metadata else { return Signature::Lost };
        let before = self.before.get(key).and_then(|stored| stored.metadata.as_ref());
        let same = |name| metadata.get(name) == before.and_then(|m: &Metadata| m.get(name));
        let has = |name| metadata.get(name).is_some();
        if has("signature-algorithm") && !same("signature-algorithm") {
            Signature::False
        } else if !has("signature") {
            Signature::Lost
        } else if same("signature") {
            Signature::Own
        } else {
            Signature::False
        }
    }
}

/// Reads a digest of the trail by its JSON.
fn read(stored: &Stored) -> Statement {
    let content = naive::gunzip(&stored.body).unwrap();
    let json: Value = serde_json::from_slice(&content).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let key = text(&json["digestS3Object"]).unwrap();
    let start: jiff::Timestamp = json["digestStartTime"].as_str().unwrap().parse().unwrap();
    let hour = (start.as_second() - at(0, 0).as_second()) / 3600;
    let logs = json["logFiles"].as_array().unwrap();
    Statement {
        region: key.split('/').nth(3).unwrap().to_owned(),
        hour: (!key.contains("_backfill")).then_some(hour),
        previous: text(&json["previousDigestS3Object"]),
        logs: logs.iter().filter_map(|log| text(&log["s3Object"])).collect(),
        key,
    }
}

/// What the report says of a region's trail.
fn chain<'r>(report: &'r RunReport, region: &str) -> Option<&'r ChainReport> {
    report.chains.iter().find(|chain| {
        chain.region.as_str() == region && chain.kind == ChainKind::Standard && chain.trail == TRAIL
    })
}

/// What the report says of each minute of an hour.
fn states(report: &RunReport, region: &str, hour: i64) -> Vec<Option<CoverageState>> {
    let intervals = || chain(report, region).into_iter().flat_map(|chain| &chain.coverage);
    (0..60)
        .map(|minute| {
            let minute = Window::new(at(hour, minute), at(hour, minute + 1));
            intervals().find(|i| i.window.overlaps(&minute)).map(|i| i.state)
        })
        .collect()
}

/// Whether a finding of a weight names an object.
fn names(report: &RunReport, key: &str, severity: Severity) -> bool {
    report.findings.iter().any(|f| f.severity == severity && f.key.as_deref() == Some(key))
}

/// Whether a finding names a digest or its folder, or is why its hour is not proven.
fn tells_of(finding: &Finding, statement: &Statement, report: &RunReport) -> bool {
    let key = &statement.key;
    let on_it = |found: &String| found == key || found.ends_with('/') && key.starts_with(found);
    let intervals = || chain(report, &statement.region).into_iter().flat_map(|c| &c.coverage);
    let is_reason = |hour: i64| {
        let hour = Window::new(at(hour, 0), at(hour + 1, 0));
        intervals().any(|i| i.window.overlaps(&hour) && i.reason == Some(finding.code))
    };
    finding.key.as_ref().is_some_and(on_it)
        || finding.chain.as_ref().is_some_and(|chain| chain.region.as_str() == statement.region)
            && statement.hour.is_some_and(is_reason)
}
