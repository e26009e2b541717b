//! Comparison of the report in a bag with its request and its content, and of the files that are
//! written from the report with the report.
//!
//! Whoever packs a bag can write anything into its report. So it is recomputed from the content, and
//! trusted only on what a bag does not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;

use super::{BROWSER_PAGE, CUSTODY, GUIDE, KeptLogs, LINES, OBJECTS, PAGE, REQUEST, RUN, SCRIPT};
use super::{controls, guide, keys, seal_files};
use crate::model::Sha256Hash;
use crate::report::{ChainReport, Counts, RunReport, Scope, Tool, Totals, Verdict, html};
use crate::run::verify::SourceForm;
use crate::store::bag::{BagFault, CheckedBag, DECLARATION, INFO, MANIFEST};
use crate::verify::{Finding, Severity};

/// True if a report was written by this very version, whose words and files are known.
pub(super) fn is_ours(run: &RunReport) -> bool {
    let own = Tool::default();
    (&run.tool.name, &run.tool.version) == (&own.name, &own.version)
}

/// Claims of a report that the content does not bear out, each in a sentence. `logs` is whether
/// the run was asked to read log files.
pub(super) fn unproven(run: &RunReport, again: &RunReport, logs: bool) -> Vec<String> {
    // Where log files are not read again, what was wrong with them then is not seen now.
    let same_view = again.scope.logs || run.verdict == Verdict::Verified;
    let mut claims = scopes(&run.scope, &Scope { logs, ..again.scope.clone() });
    if run.ran_by != again.ran_by {
        claims.push("Its report and its request name different operators or identities.".into());
    }
    let of = |report: &RunReport| -> BTreeMap<_, _> {
        report.chains.iter().map(|chain| (chain.id.clone(), chain.clone())).collect()
    };
    let (told, found) = (of(run), of(again));
    for (id, chain) in &told {
        match found.get(id) {
            None => claims.push(format!("Only in its report: the chain {id}.")),
            Some(found) => claims.extend(chains(chain, found, again.scope.logs, same_view)),
        }
    }
    let new = found.keys().filter(|id| !told.contains_key(id));
    claims.extend(new.map(|id| format!("Only found now: the chain {id}.")));
    let (told, found) = (&run.totals, &again.totals);
    let same_logs = !again.scope.logs || told.logs == found.logs;
    let bytes = |totals: &Totals| (totals.bytes_read, totals.bytes_hashed);
    let same = (told.chains, told.digests) == (found.chains, found.digests)
        && (!again.scope.logs || bytes(told) == bytes(found))
        && (!same_view || told.coverage_seconds == found.coverage_seconds);
    if !same || !same_logs {
        claims.push("The totals in its report differ from its content.".into());
    }
    claims
}

/// Limits and notices that the report omits, violations that it words otherwise, and differences in
/// the keys used, each in a sentence; for a bag that holds all that the run read.
pub(super) fn omitted(
    run: &RunReport,
    again: &RunReport,
    form: SourceForm,
) -> impl Iterator<Item = String> {
    let mut claims = Vec::new();
    // The first is on the keys, and differs for keys from CloudTrail itself.
    let not_proven = again.not_proven.iter().skip(usize::from(form == SourceForm::Bucket));
    for sentence in not_proven.filter(|sentence| !run.not_proven.contains(sentence)) {
        claims.push(format!("Its report omits this limit: {sentence}"));
    }
    let words = |report: &RunReport, notices: bool| -> BTreeSet<String> {
        let weighs = |finding: &&Finding| match finding.severity {
            Severity::Violation => !notices,
            Severity::Incomplete => false,
            Severity::Notice => notices,
        };
        let text = |finding: &Finding| serde_json::to_string(finding).unwrap_or_default();
        report.findings.iter().filter(weighs).map(text).collect()
    };
    let (told, found) = (words(run, false), words(again, false));
    if told != found {
        claims
            .push("A violation in its report has another text than the content gives.".to_owned());
    }
    let left_out = words(again, true).difference(&words(run, true)).count();
    if left_out > 0 {
        claims.push(format!("Its report omits or changes {left_out} notices."));
    }
    let used = |report: &RunReport| -> BTreeSet<_> {
        report.keys.iter().filter(|key| key.used).map(|key| key.fingerprint.clone()).collect()
    };
    if used(run) != used(again) {
        claims.push("Its report and its content differ in the keys used.".to_owned());
    }
    claims.into_iter()
}

/// Fields in which the scope of a report differs from the requested one.
fn scopes(told: &Scope, asked: &Scope) -> Vec<String> {
    let fields = |scope: &Scope| {
        let mut scope = scope.clone();
        // The run finds whether a gap or an end was there.
        scope.accepted_gaps.iter_mut().for_each(|gap| gap.used = false);
        scope.accepted_ends.iter_mut().for_each(|end| end.used = false);
        match serde_json::to_value(scope) {
            Ok(Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        }
    };
    let (told, asked) = (fields(told), fields(asked));
    let names: BTreeSet<_> = told.keys().chain(asked.keys()).collect();
    let value = |of: &serde_json::Map<String, Value>, name: &str| {
        of.get(name).map_or("nothing".to_owned(), ToString::to_string)
    };
    names
        .into_iter()
        .filter(|name| told.get(*name) != asked.get(*name))
        .map(|name| {
            let (told, asked) = (value(&told, name), value(&asked, name));
            format!("Scope: its report says {name} {told}, but the bag says {asked}.")
        })
        .collect()
}

fn chains(told: &ChainReport, found: &ChainReport, logs: bool, time: bool) -> Vec<String> {
    let id = &told.id;
    let valid = |counts: &Counts| format!("{} of {} valid", counts.valid, counts.total());
    let mut claims = Vec::new();
    if told.digests != found.digests {
        let (told, found) = (valid(&told.digests), valid(&found.digests));
        claims.push(format!("Digests of {id}: its report says {told}, its content shows {found}."));
    }
    if logs && told.logs != found.logs {
        let (told, found) = (valid(&told.logs), valid(&found.logs));
        claims
            .push(format!("Log files of {id}: its report says {told}, its content shows {found}."));
    }
    let covered = |chain: &ChainReport| -> Vec<_> {
        chain.coverage.iter().map(|interval| (interval.window, interval.state)).collect()
    };
    if time && covered(told) != covered(found) {
        claims.push(format!("Its report and its content differ in the time that {id} covers."));
    }
    claims
}

/// Files that differ from what this version writes for a report. Another build of the version, with
/// other libraries, may lay out a page otherwise: so this proves no alteration, and leaves such a
/// file open.
///
/// # Errors
/// When one cannot be rendered or read.
pub(super) fn rewritten(
    bag: &CheckedBag,
    run: &RunReport,
    kept: KeptLogs,
) -> io::Result<Vec<String>> {
    let payload = bag.payload.keys().map(String::as_str);
    // A part that was taken away is missed; one that was added later is not in the guide.
    let sealed = bag.info(seal_files::LABEL).unwrap_or_default();
    let contents = guide::GuideContents::of(kept, sealed, payload);
    let mut page = Vec::new();
    html::render(run, &mut page)?;
    let mut written = vec![
        (PAGE, Sha256Hash::of(&page)),
        (GUIDE, Sha256Hash::of(guide::render(run, contents).as_bytes())),
        (SCRIPT, Sha256Hash::of(guide::script().as_bytes())),
        (BROWSER_PAGE, Sha256Hash::of(guide::browser_page().as_bytes())),
    ];
    for (path, text) in controls::files(run)? {
        written.push((path, Sha256Hash::of(text.as_bytes())));
    }
    Ok(written
        .into_iter()
        .filter(|(path, hash)| bag.hash(path) != Some(hash))
        .map(|(path, _)| {
            format!("{path} differs from what this program writes for this report and seal: it was altered, or another build wrote it.")
        })
        .collect())
}

/// Files that no bag of this version has.
pub(super) fn unknown(bag: &CheckedBag) -> Vec<BagFault> {
    let known = [
        CUSTODY,
        RUN,
        REQUEST,
        PAGE,
        LINES,
        SCRIPT,
        BROWSER_PAGE,
        GUIDE,
        DECLARATION,
        INFO,
        MANIFEST,
        controls::DATA,
        controls::OFFERS_JSON,
        controls::OFFERS,
        controls::CERTIFICATION,
    ];
    let is_known =
        |path: &str| known.contains(&path) || path.starts_with(OBJECTS) || keys::is_of_bag(path);
    bag.payload
        .keys()
        .chain(bag.tags.keys())
        .filter(|path| !is_known(path))
        .map(|path| BagFault::new("bag-extra", path, "Evidence bags have no such file."))
        .collect()
}
