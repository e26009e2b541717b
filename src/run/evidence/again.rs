//! Verifying a bag's objects once more: what the run was asked, then whatever else lies in the bag.
//!
//! The bag's own request says what was asked, and its packer may have asked for little: so what
//! that leaves aside is verified too. A log file is verified wherever it lies in the bag, whatever
//! the request, its name or its row of custody say.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::check_request::CheckRequest;
use super::custody::CustodyRow;
use super::objects::{ObjectLines, ObjectStatuses, WrittenLines};
use super::request::SavedRequest;
use super::store::BagFolder;
use super::{NO_BUCKET, OBJECTS};
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
    /// Findings on what was asked, and violations of log files beyond that.
    pub(super) report: RunReport,
    /// Result of each object, by bucket and key.
    pub(super) judged: ObjectStatuses,
    /// The hash value of the lines of the objects that were asked for.
    pub(super) lines: Sha256Hash,
    /// Number of objects that those lines are of.
    pub(super) asked: BTreeSet<(Option<String>, String)>,
    /// Faults of digests beyond what was asked, each in a sentence.
    pub(super) beyond: Vec<String>,
    /// Log files in the bag that no digest in it lists and nothing was found of, by their paths.
    pub(super) unlisted: Vec<String>,
    /// Other objects in the bag that nothing was found of.
    pub(super) unnamed: Vec<String>,
}

/// The objects of a bag, and what they are verified with.
pub(super) struct Objects<'a> {
    pub(super) request: &'a CheckRequest,
    pub(super) folder: &'a Path,
    pub(super) bag: &'a CheckedBag,
    pub(super) rows: &'a [CustodyRow],
    pub(super) keys: Vec<PublicKey>,
}

/// The bucket, where it is known, and the key of an object by its path in a bag.
pub(super) fn object_of(path: &str) -> Option<(Option<String>, String)> {
    let (bucket, key) = path.strip_prefix(OBJECTS)?.split_once('/')?;
    Some(((bucket != NO_BUCKET).then(|| bucket.to_owned()), key.to_owned()))
}

/// The path in a bag of an object.
fn path_of(bucket: Option<&str>, key: &str) -> String {
    format!("{OBJECTS}{}/{key}", bucket.unwrap_or(NO_BUCKET))
}

impl Objects<'_> {
    /// Verifies what was asked, and then what else lies in the bag.
    ///
    /// # Errors
    /// When a folder of it cannot be read.
    pub(super) fn verify(
        &self,
        saved: SavedRequest,
        observer: &dyn Observer,
    ) -> io::Result<Reverification> {
        let form = saved.question.form;
        let asked = saved.again(self.request.jobs, self.request.now, self.request.stop.clone());
        let (report, lines) = self.run(&asked, form, observer)?;
        let WrittenLines { judged, hash, .. } = lines;
        let keys = judged.keys().cloned().collect();
        let mut again = Reverification {
            report,
            judged,
            lines: hash,
            asked: keys,
            beyond: Vec::new(),
            unlisted: Vec::new(),
            unnamed: Vec::new(),
        };
        if !self.request.stop.is_set() {
            self.verify_the_rest(&asked, form, &mut again, observer)?;
        }
        Ok(again)
    }

    /// The objects that are there, by path, bucket and key.
    fn objects(&self) -> impl Iterator<Item = (&str, (Option<String>, String))> {
        let payload = &self.bag.payload;
        let sidecar_of = |path: &str| path.strip_suffix(SIDECAR_SUFFIX).map(str::to_owned);
        payload
            .keys()
            .filter(move |path| !sidecar_of(path).is_some_and(|of| payload.contains_key(&of)))
            .filter_map(|path| Some((path.as_str(), object_of(path)?)))
    }

    /// Verifies all time and all trails of a bag that holds more than was asked for.
    fn verify_the_rest(
        &self,
        asked: &VerifyRequest,
        form: SourceForm,
        again: &mut Reverification,
        observer: &dyn Observer,
    ) -> io::Result<()> {
        let rest: Vec<_> =
            self.objects().filter(|(_, object)| !again.judged.contains_key(object)).collect();
        if rest.is_empty() {
            return Ok(());
        }
        let is_digest = |key: &str| matches!(ObjectName::parse(key), ObjectName::Digest(_));
        let question = Question {
            start: None,
            end: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            trails: Vec::new(),
            logs: rest.iter().any(|(_, (_, key))| !is_digest(key)),
            ..asked.question.clone()
        };
        let all = VerifyRequest { question, ..asked.clone() };
        let (more, lines) = self.run(&all, form, observer)?;
        if self.request.stop.is_set() {
            // Nothing rests on the absence of what was not read.
            return Ok(());
        }
        let judged = lines.judged;
        let there: BTreeSet<_> = rest.iter().map(|(path, _)| *path).collect();
        let named = |finding: &Finding| {
            let key = finding.key.as_deref()?;
            Some(path_of(finding.bucket.as_deref(), key))
        };
        let told: BTreeSet<String> =
            again.report.findings.iter().chain(&more.findings).filter_map(named).collect();
        for finding in more.findings {
            let path = named(&finding);
            let is_there = path.as_ref().is_some_and(|path| there.contains(path.as_str()));
            if finding.severity != Severity::Violation || !is_there {
                continue;
            }
            if finding.code.as_str().starts_with("log-") {
                again.report.findings.push(finding);
            } else {
                again.beyond.push(format!(
                    "Outside the requested scope: {} {}",
                    finding.code.as_str(),
                    finding.key.unwrap_or_default()
                ));
            }
        }
        let mut said: BTreeSet<String> = again.report.findings.iter().filter_map(named).collect();
        for (path, object) in &rest {
            let Some(line) = judged.get(object) else { continue };
            // Many are told of in one finding, which names none of them.
            if let Some(code) = line.code.filter(|_| line.result == ObjectResult::Invalid.as_str())
                && code.as_str().starts_with("log-")
                && (code != Code::LogUnreferenced
                    || asked.question.unreferenced == Unreferenced::Violation)
                && said.insert((*path).to_owned())
            {
                let message = "It is outside the requested scope, and does not verify.";
                let finding = Finding::new(code, message).severity(Severity::Violation);
                again.report.findings.push(finding.object(object.0.as_deref(), &object.1));
            }
        }
        Finding::sort(&mut again.report.findings);
        let states = again.report.chains.iter().flat_map(|c| &c.coverage).map(|i| i.state);
        again.report.verdict = Verdict::of(&again.report.findings, states);
        again.report.exit_status = again.report.verdict.exit_status();
        // A digest that is not valid may list what none of the others does.
        let lines = again.judged.values().chain(judged.values());
        let mut digests = lines.filter(|said| said.is(ObjectKind::Digest));
        let all_valid = digests.all(|said| said.result == ObjectResult::Valid.as_str());
        for (path, object) in rest {
            match judged.get(&object) {
                Some(line) => {
                    again.judged.insert(object, line.clone());
                }
                None if told.contains(path) => {}
                None if all_valid && matches!(ObjectName::parse(&object.1), ObjectName::Log(_)) => {
                    again.unlisted.push(path.to_owned());
                }
                None if is_digest(&object.1) => {}
                None if matches!(ObjectName::parse(&object.1), ObjectName::Log(_)) => {
                    again.beyond.push(format!(
                        "No valid digest in the bag lists {path}, so its content could not be checked."
                    ));
                }
                None => again.unnamed.push(path.to_owned()),
            }
        }
        Ok(())
    }

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
