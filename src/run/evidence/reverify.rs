//! Verification of a bag's objects once more: the request of the run, then whatever else lies in the
//! bag.
//!
//! The request in the bag is its packer's, who may have requested little: so everything else is
//! verified too. A log file is verified wherever it lies in the bag, whatever
//! the request, its name or its row of custody say.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::check_request::CheckRequest;
use super::custody::CustodyRow;
use super::objects::{BucketKey, ObjectLines, ObjectStatuses, WrittenLines, object_of, path_of};
use super::request::SavedRequest;
use super::store::BagFolder;
use crate::crypto::{KeyRing, PublicKey};
use crate::judge::Question;
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::{ObjectName, Sha256Hash};
use crate::report::{ObjectKind, ObjectResult, RunReport, Unreferenced, Verdict};
use crate::run::observe::{Observer, Observers};
use crate::run::sources::{Filter, Insisted, Sources};
use crate::run::verify::{SourceForm, VerifyRequest, verify};
use crate::store::bag::CheckedBag;
use crate::verify::digest::Rules;
use crate::verify::{Code, Finding, Severity};

/// Result of verifying the objects once more.
pub(super) struct Reverification {
    /// Findings on the requested scope, and violations of log files beyond it.
    pub(super) report: RunReport,
    /// Status of each object.
    pub(super) statuses: ObjectStatuses,
    /// Hash value of the lines of the objects in the requested scope.
    pub(super) lines: Sha256Hash,
    /// Objects that those lines are of.
    pub(super) asked: BTreeSet<BucketKey>,
    /// Faults of objects beyond the requested scope, each in a sentence.
    pub(super) beyond_scope: Vec<String>,
    /// Log files in the bag that no digest in it lists and nothing was found of, by their paths.
    pub(super) unlisted: Vec<String>,
    /// Other objects in the bag that nothing was found of.
    pub(super) unnamed: Vec<String>,
}

/// Objects of a bag beyond the requested scope, and their status once everything was verified.
struct Remainder<'a> {
    /// The objects, by path, bucket and key.
    objects: Vec<(&'a str, BucketKey)>,
    statuses: ObjectStatuses,
}

/// The objects of a bag, and what they are verified with.
pub(super) struct Reverifier<'a> {
    pub(super) request: &'a CheckRequest,
    pub(super) folder: &'a Path,
    pub(super) bag: &'a CheckedBag,
    pub(super) rows: &'a [CustodyRow],
    pub(super) keys: Vec<PublicKey>,
}

impl Reverifier<'_> {
    /// Verifies the requested scope, and then what else lies in the bag.
    ///
    /// # Errors
    /// When a folder of it cannot be read.
    pub(super) fn verify(
        &self,
        saved: &SavedRequest,
        observer: &dyn Observer,
    ) -> io::Result<Reverification> {
        let CheckRequest { jobs, now, stop, .. } = self.request;
        let form = saved.question.form;
        let asked = saved.of_bag(*jobs, *now, stop.clone());
        let (report, lines) = self.run(&asked, form, observer)?;
        let WrittenLines { statuses, hash, .. } = lines;
        let mut result = Reverification {
            report,
            asked: statuses.keys().cloned().collect(),
            statuses,
            lines: hash,
            beyond_scope: Vec::new(),
            unlisted: Vec::new(),
            unnamed: Vec::new(),
        };
        if !stop.is_set() {
            self.verify_remainder(&asked, form, &mut result, observer)?;
        }
        Ok(result)
    }

    /// The objects that are there, by path, bucket and key.
    fn objects(&self) -> impl Iterator<Item = (&str, BucketKey)> {
        let payload = &self.bag.payload;
        let sidecar_of = |path: &str| path.strip_suffix(SIDECAR_SUFFIX).map(str::to_owned);
        payload
            .keys()
            .filter(move |path| !sidecar_of(path).is_some_and(|of| payload.contains_key(&of)))
            .filter_map(|path| Some((path.as_str(), object_of(path)?)))
    }

    /// Verifies all time and all trails, if the bag holds more than the requested scope.
    fn verify_remainder(
        &self,
        asked: &VerifyRequest,
        form: SourceForm,
        result: &mut Reverification,
        observer: &dyn Observer,
    ) -> io::Result<()> {
        let objects = self.objects().filter(|(_, object)| !result.statuses.contains_key(object));
        let objects: Vec<_> = objects.collect();
        if objects.is_empty() {
            return Ok(());
        }
        let question = Question {
            start: None,
            end: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            trails: Vec::new(),
            logs: objects.iter().any(|(_, (_, key))| !is_digest(key)),
            ..asked.question.clone()
        };
        let unreferenced = question.unreferenced;
        let all = VerifyRequest { question, ..asked.clone() };
        let (more, lines) = self.run(&all, form, observer)?;
        if self.request.stop.is_set() {
            // Nothing rests on the absence of what was not read.
            return Ok(());
        }
        let remainder = Remainder { objects, statuses: lines.statuses };
        let findings = result.report.findings.iter().chain(&more.findings);
        let found: BTreeSet<_> = findings.filter_map(path_of_finding).collect();
        result.add_violations(&remainder, more.findings);
        result.add_invalid_logs(&remainder, unreferenced);
        result.conclude();
        result.add_statuses(remainder, &found);
        Ok(())
    }

    /// Verifies what a request asks of the bag.
    fn run(
        &self,
        request: &VerifyRequest,
        form: SourceForm,
        observer: &dyn Observer,
    ) -> io::Result<(RunReport, WrittenLines)> {
        let there = |path: &str| self.bag.payload.contains_key(path);
        let bag = BagFolder { name: &self.request.name, folder: self.folder, dir: &self.bag.dir };
        let stores = bag.stores(self.rows, form, &there)?;
        let mut ring = KeyRing::new();
        ring.add(self.keys.clone());
        let rules = match form {
            SourceForm::Bucket => Rules::of_bucket(ring),
            SourceForm::Copy => Rules::of_copy(ring),
        };
        let filter = Filter::of(&request.question, &request.stop);
        let sources = Sources::discover(&stores, &Insisted::default(), filter);
        let lines = ObjectLines::default();
        let mut observers = Observers::default();
        observers.attach(observer);
        observers.attach(&lines);
        let report = verify(request, sources, rules, None, &observers)?;
        Ok((report, lines.finish()?))
    }
}

impl Reverification {
    /// Adds the violations of objects beyond the requested scope: those of log files to the findings,
    /// others as sentences.
    fn add_violations(&mut self, remainder: &Remainder<'_>, findings: Vec<Finding>) {
        let there: BTreeSet<_> = remainder.objects.iter().map(|(path, _)| *path).collect();
        let is_there = |finding: &Finding| {
            path_of_finding(finding).is_some_and(|path| there.contains(path.as_str()))
        };
        let violations =
            findings.into_iter().filter(|finding| finding.severity == Severity::Violation);
        for finding in violations.filter(is_there) {
            let code = finding.code.as_str();
            if code.starts_with("log-") {
                self.report.findings.push(finding);
            } else {
                self.beyond_scope.push(format!(
                    "Outside the requested scope: {code} {}",
                    finding.key.unwrap_or_default()
                ));
            }
        }
    }

    /// Adds a finding for each invalid log file beyond the requested scope that no finding names: one
    /// finding may be on many, and name none of them.
    fn add_invalid_logs(&mut self, remainder: &Remainder<'_>, unreferenced: Unreferenced) {
        let mut found: BTreeSet<_> =
            self.report.findings.iter().filter_map(path_of_finding).collect();
        for (path, object) in &remainder.objects {
            let Some(status) = remainder.statuses.get(object) else { continue };
            let weighs = |code: Code| {
                code.as_str().starts_with("log-")
                    && (code != Code::LogUnreferenced || unreferenced == Unreferenced::Violation)
            };
            if let Some(code) = status.code.filter(|_| status.has(ObjectResult::Invalid))
                && weighs(code)
                && found.insert((*path).to_owned())
            {
                let message = "It is outside the requested scope, and does not verify.";
                let finding = Finding::new(code, message).severity(Severity::Violation);
                self.report.findings.push(finding.object(object.0.as_deref(), &object.1));
            }
        }
    }

    /// Takes the added findings into the verdict.
    fn conclude(&mut self) {
        let report = &mut self.report;
        Finding::sort(&mut report.findings);
        let states = report.chains.iter().flat_map(|c| &c.coverage).map(|i| i.state);
        report.verdict = Verdict::of(&report.findings, states);
        report.exit_status = report.verdict.exit_status();
    }

    /// Adds the status of each object beyond the requested scope. `found` are the paths that findings
    /// name.
    fn add_statuses(&mut self, remainder: Remainder<'_>, found: &BTreeSet<String>) {
        let Remainder { objects, statuses } = remainder;
        // A digest that is not valid may list what none of the others does.
        let mut digests =
            self.statuses.values().chain(statuses.values()).filter(|s| s.is(ObjectKind::Digest));
        let all_valid = digests.all(|digest| digest.has(ObjectResult::Valid));
        for (path, object) in objects {
            if let Some(status) = statuses.get(&object) {
                self.statuses.insert(object, status.clone());
                continue;
            }
            if found.contains(path) || is_digest(&object.1) {
                continue;
            }
            if !matches!(ObjectName::parse(&object.1), ObjectName::Log(_)) {
                self.unnamed.push(path.to_owned());
            } else if all_valid {
                self.unlisted.push(path.to_owned());
            } else {
                self.beyond_scope.push(format!(
                    "No valid digest in the bag lists {path}, so its content could not be checked."
                ));
            }
        }
    }
}

fn is_digest(key: &str) -> bool {
    matches!(ObjectName::parse(key), ObjectName::Digest(_))
}

/// Path in a bag of the object that a finding names.
fn path_of_finding(finding: &Finding) -> Option<String> {
    Some(path_of(finding.bucket.as_deref(), finding.key.as_deref()?))
}
