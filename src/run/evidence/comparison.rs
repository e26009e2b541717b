//! Comparison of a bag's report, custody and other files with what its content comes to.

use std::collections::BTreeSet;
use std::io;

use super::claims;
use super::custody::CustodyRow;
use super::documents::Documents;
use super::recomputed::Claim;
use super::request::SavedRequest;
use super::reverify::Reverification;
use super::{KeptLogs, LARGEST, LINES, RUN, keys, objects, pack, recomputed, seal_files};
use crate::crypto::PublicKey;
use crate::report::{RunReport, Verdict};
use crate::store::bag::{BagFault, CheckedBag};
use crate::verify::{Finding, Severity};

/// A bag, and the result of verifying its objects once more.
pub(super) struct Comparison<'a> {
    bag: &'a CheckedBag,
    run: &'a RunReport,
    request: &'a SavedRequest,
    rows: &'a [CustodyRow],
    /// Keys in the bag; `None` where they could not be read, so that nothing rests on them.
    keys: Option<&'a [PublicKey]>,
    reverified: &'a Reverification,
}

/// Claims that the content does not bear out.
struct UnprovenClaims {
    /// Claims on the bag's own files: nothing that is verified bears on them.
    of_files: Vec<Claim>,
    /// Claims on what the run found, which differ from what is found now.
    of_run: Vec<Claim>,
    /// True if the lines of the objects differ, but in nothing that is compared.
    other_lines: bool,
}

/// Differences between a bag and its content, each in a sentence.
#[derive(Default)]
pub(super) struct Differences {
    /// Verdicts and findings that differ.
    pub(super) of_findings: Vec<String>,
    /// Claims that the content does not bear out.
    pub(super) unproven: Vec<String>,
}

impl<'a> Comparison<'a> {
    /// `None` where a file is missing that the comparison needs.
    pub(super) fn of(
        bag: &'a CheckedBag,
        documents: &'a Documents,
        reverified: &'a Reverification,
    ) -> Option<Self> {
        Some(Self {
            bag,
            run: documents.run.as_ref()?,
            request: documents.request.as_ref()?,
            rows: documents.rows.as_deref()?,
            keys: documents.keys.as_deref(),
            reverified,
        })
    }

    /// Finds the differences. Claims that can only come of an alteration are faults too; `own_keys`
    /// is whether the user gave the keys.
    pub(super) fn compare(
        &self,
        own_keys: bool,
        faults: &mut Vec<BagFault>,
    ) -> io::Result<Differences> {
        let Self { bag, run, request, reverified, .. } = *self;
        let of_findings = differences(run, &reverified.report);
        let mut claims = self.claims();
        // A file that could not be read was reported with the others, and contradicts nothing.
        claims.of_files.retain(|(path, _)| {
            !faults.iter().any(|fault| fault.code == BagFault::UNREADABLE && fault.path == *path)
        });
        let mut unproven = reverified.beyond_scope.clone();
        let sentence = |(path, message): &Claim| match path.as_str() {
            RUN => message.clone(),
            path => format!("{path}: {message}"),
        };
        unproven.extend(claims.of_files.iter().chain(&claims.of_run).map(sentence));
        // Objects, results and codes are the same; how far an object was read may not be, where it
        // could not be read.
        if claims.other_lines && run.verdict == Verdict::Verified {
            unproven.push(format!("{LINES}: its lines differ from those of its content."));
        }
        if !claims::is_ours(run) {
            unproven.push(format!(
                "Another version, {} {}, wrote the bag: its page, guide, script and controls were not compared with its report and may differ from it.",
                run.tool.name, run.tool.version
            ));
            return Ok(Differences { of_findings, unproven });
        }
        faults.extend(claims::unknown(bag));
        let fault = |(path, message): Claim| BagFault::new("bag-contradicts", path, message);
        faults.extend(claims.of_files.into_iter().map(fault));
        // What cannot be read, or other keys, may leave less to be found now.
        if of_findings.is_empty() && !own_keys {
            faults.extend(claims.of_run.into_iter().map(fault));
        }
        unproven.extend(claims::rewritten(bag, run, request.kept_logs)?);
        Ok(Differences { of_findings, unproven })
    }

    fn claims(&self) -> UnprovenClaims {
        let Self { bag, run, request, rows, keys, reverified } = *self;
        let (form, kept) = (request.question.form, request.kept_logs);
        let sealed = bag.info(seal_files::LABEL).unwrap_or_default();
        let info = pack::info("", run, kept, sealed);
        let mut of_files = recomputed::custody(bag, rows, run, form);
        of_files.extend(recomputed::info(bag, &info, run.finished));
        of_files.extend(recomputed::sidecars(bag));
        of_files.extend(keys.into_iter().flat_map(|keys| keys::claims(bag, keys, run)));
        of_files.extend(reverified.unlisted.iter().map(|path| {
            let message = "No digest in the bag lists it.";
            (path.clone(), message.to_owned())
        }));
        let of_report = |sentence| (RUN.to_owned(), sentence);
        let unproven = claims::unproven(run, &reverified.report, request.question.logs);
        let mut of_run: Vec<_> = unproven.into_iter().map(of_report).collect();
        if kept == KeptLogs::All {
            of_run.extend(claims::omitted(run, &reverified.report, form).map(of_report));
        }
        let mut claims = UnprovenClaims { of_files, of_run, other_lines: false };
        self.compare_lines(&mut claims);
        claims
    }

    /// Compares the results in custody and the lines of the objects.
    fn compare_lines(&self, claims: &mut UnprovenClaims) {
        let Self { bag, request, rows, reverified, .. } = *self;
        let kept_all = request.kept_logs == KeptLogs::All;
        let bytes = bag.read(LINES, LARGEST);
        // Trouble with it was reported with the other files.
        let is_trouble = bytes.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::NotFound);
        match bytes.and_then(|bytes| objects::decode(&*bytes)) {
            Err(_) if is_trouble => {}
            Ok((_, hash)) if kept_all && hash == reverified.lines => {
                claims.of_run.extend(recomputed::results(rows, None, reverified, kept_all));
            }
            Ok((lines, _)) => {
                let results = recomputed::results(rows, Some(&lines), reverified, kept_all);
                claims.other_lines = kept_all && results.is_empty();
                claims.of_run.extend(results);
            }
            Err(error) => {
                let message = format!("Its content is unexpected: {error}.");
                claims.of_files.push((LINES.to_owned(), message));
            }
        }
    }
}

/// Code, key and chain of each finding above a notice.
fn weighty_findings(report: &RunReport) -> BTreeSet<(String, String, String)> {
    let weighs = |finding: &&Finding| finding.severity > Severity::Notice;
    report
        .findings
        .iter()
        .filter(weighs)
        .map(|f| {
            let key = f.key.clone().unwrap_or_default();
            let chain = f.chain.as_ref().map(ToString::to_string).unwrap_or_default();
            (f.code.as_str().to_owned(), key, chain)
        })
        .collect()
}

/// Differences of verdict and findings between the report of a bag and its content, each in a
/// sentence.
fn differences(run: &RunReport, reverified: &RunReport) -> Vec<String> {
    let mut differences = Vec::new();
    if run.verdict != reverified.verdict {
        differences.push(format!(
            "Its report says {}, but its content means {}.",
            run.verdict, reverified.verdict
        ));
    }
    let (told, found) = (weighty_findings(run), weighty_findings(reverified));
    let say = |(code, key, chain): &(String, String, String)| {
        let of = [key.as_str(), chain.as_str()].into_iter().find(|text| !text.is_empty());
        format!("{code} {}", of.unwrap_or_default())
    };
    differences.extend(told.difference(&found).map(|f| format!("Only in its report: {}", say(f))));
    differences.extend(found.difference(&told).map(|f| format!("Only found now: {}", say(f))));
    differences
}
