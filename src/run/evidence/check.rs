//! Checking a bag, offline: that it is whole, what its seal is worth, and that its digests and log
//! files show what its report says.

use std::io;
use std::path::Path;

use super::check_request::CheckRequest;
use super::check_seal::{check_seal, missing_parts};
use super::comparison::{Comparison, Differences};
use super::documents::{Documents, check_rows};
use super::limits::CheckScope;
use super::reverify::{Reverification, Reverifier};
use super::seal_files;
use crate::model::Sha256Hash;
use crate::report::evidence::{CheckReport, Recorded, Reverified, SCHEMA, SealReport};
use crate::report::run::INTERRUPTED;
use crate::report::{RunReport, Tool, Verdict};
use crate::run::observe::{Observer, RunEvent};
use crate::store::bag::{self, BagFault, CheckedBag};

/// Checks the bag in a folder.
///
/// # Errors
/// When it is no bag that can be read at all; what is wrong with one that is, is part of the
/// report.
pub fn check(
    request: &CheckRequest,
    folder: &Path,
    observer: &dyn Observer,
) -> io::Result<CheckReport> {
    let mut check = BagCheck::read(request, folder, observer)?;
    let seal = check_seal(request, &check.bag, check.documents.run.as_ref());
    let mut scope = check.scope();
    let reverified = check.reverify(observer)?;
    let mut differences = Differences::default();
    if let Some(reverified) = &reverified
        && let Some(comparison) = Comparison::of(&check.bag, &check.documents, reverified)
    {
        differences = comparison.compare(scope.own_keys, &mut check.faults)?;
        scope.unnamed.clone_from(&reverified.unnamed);
    }
    let reverified = reverified.map(|reverified| reverified.report);
    let not_proven = scope.limits(&seal, reverified.as_ref());
    Ok(check.report(seal, reverified, differences, not_proven))
}

/// A bag that is checked.
struct BagCheck<'a> {
    request: &'a CheckRequest,
    folder: &'a Path,
    bag: CheckedBag,
    documents: Documents,
    faults: Vec<BagFault>,
}

impl<'a> BagCheck<'a> {
    /// Compares the bag's files with its manifests, and decodes those that the check needs.
    fn read(
        request: &'a CheckRequest,
        folder: &'a Path,
        observer: &dyn Observer,
    ) -> io::Result<Self> {
        let mut observed = Ok(());
        let mut hashed = |bytes| {
            if observed.is_ok() {
                observed = observer.observe(&RunEvent::LogFileDone { bytes });
            }
        };
        let mut bag = bag::check::check(folder, &seal_files::is_name, &mut hashed)?;
        observed?;
        let mut faults = std::mem::take(&mut bag.faults);
        missing_parts(&bag, &mut faults);
        let documents = Documents::read(&bag, &mut faults);
        Ok(Self { request, folder, bag, documents, faults })
    }

    fn scope(&self) -> CheckScope {
        let CheckRequest { authorities, keys, .. } = self.request;
        let saved = self.documents.request.as_ref();
        CheckScope {
            authorities: !authorities.is_empty(),
            lists: authorities.have_lists()
                || matches!(self.bag.seal(seal_files::LISTS), Ok(Some(_))),
            own_keys: keys.is_some(),
            form: self.documents.form(),
            logs: saved.map(|saved| (saved.question.logs, saved.kept_logs)),
            unnamed: Vec::new(),
        }
    }

    /// Verifies the objects once more; `None` where the bag does not tell which.
    fn reverify(&mut self, observer: &dyn Observer) -> io::Result<Option<Reverification>> {
        let Documents { request: Some(saved), rows: Some(rows), keys, .. } = &self.documents else {
            return Ok(None);
        };
        check_rows(&self.bag, rows, &mut self.faults);
        let keys = self.request.keys.as_ref().or(keys.as_ref()).cloned().unwrap_or_default();
        let (request, folder, bag) = (self.request, self.folder, &self.bag);
        Reverifier { request, folder, bag, rows, keys }.verify(saved, observer).map(Some)
    }

    /// The worst of what was found.
    fn verdict(
        &self,
        seal: &SealReport,
        reverified: Option<&RunReport>,
        differences: &Differences,
    ) -> Verdict {
        let run = self.documents.run.as_ref();
        let is_open = reverified.is_none() || run.is_none() || !differences.unproven.is_empty();
        let is_required = !self.request.authorities.is_empty();
        let parts = [
            // Trouble with a file, or a newer form, is no tampering.
            self.faults.iter().any(BagFault::is_contradiction).then_some(Verdict::Violation),
            (!self.faults.is_empty()).then_some(Verdict::Incomplete),
            is_open.then_some(Verdict::Incomplete),
            run.map(|run| run.verdict),
            reverified.map(|run| run.verdict),
            Some(seal.signature.trust.verdict(is_required)),
            Some(seal.statement.trust.verdict(is_required)),
            // Not every seal has a time-stamp.
            Some(seal.time_stamp.trust.verdict(false)),
        ];
        let renewals = seal.renewals.iter().map(|part| part.trust.verdict(false));
        let all = parts.into_iter().flatten().chain(renewals);
        all.max_by_key(|verdict| rank(*verdict)).unwrap_or(Verdict::Incomplete)
    }

    fn report(
        self,
        seal: SealReport,
        reverified: Option<RunReport>,
        differences: Differences,
        not_proven: Vec<String>,
    ) -> CheckReport {
        let verdict = self.verdict(&seal, reverified.as_ref(), &differences);
        let Self { request, bag, documents, mut faults, .. } = self;
        faults.sort();
        let is_interrupted = request.stop.is_set();
        CheckReport {
            schema: SCHEMA,
            tool: Tool::default(),
            bag: request.name.clone(),
            checked: request.now,
            verdict,
            exit_status: if is_interrupted { INTERRUPTED } else { verdict.exit_status() },
            tag_manifest: Sha256Hash::of(&bag.tag_manifest).to_string(),
            files: bag.payload.len() as u64,
            not_proven,
            faults,
            seal,
            recorded: documents.run.map(|run| Recorded {
                verdict: run.verdict,
                finished: run.finished,
                ran_by: run.ran_by,
                totals: run.totals,
            }),
            reverified: reverified.map(|run| Reverified {
                verdict: run.verdict,
                logs: run.scope.logs,
                scope: run.scope,
                keys: run.keys.into_iter().filter(|key| key.used).collect(),
                totals: run.totals,
                findings: run.findings,
            }),
            by_own_keys: request.keys.is_none(),
            differences: [differences.of_findings, differences.unproven].concat(),
        }
    }
}

const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Verified => 0,
        Verdict::Incomplete => 1,
        Verdict::Violation => 2,
    }
}
