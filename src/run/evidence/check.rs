//! Checking a bag, offline: that it is whole, what its seal is worth, and that its digests and log
//! files show what its report says.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::again::{Objects, Reverification};
use super::check_request::CheckRequest;
use super::check_seal::check_seal;
use super::custody::{self, CustodyRow};
use super::request::{self, SavedRequest};
use super::{CUSTODY, KeptLogs, LINES, OBJECTS, REQUEST, RUN};
use super::{claims, keys, objects, pack, recomputed, seal_files};
use crate::crypto::PublicKey;
use crate::model::Sha256Hash;
use crate::report::evidence::{CheckReport, Recorded, Reverified, SCHEMA, SealReport, Trust};
use crate::report::run::SCHEMA as RUN_SCHEMA;
use crate::report::{RunReport, Tool, Verdict};
use crate::run::observe::{Observer, RunEvent};
use crate::run::verify::SourceForm;
use crate::store::bag::{self, BagFault, CheckedBag, INFO, SEAL};
use crate::verify::{Finding, Severity};

/// The largest report or table that is read of a bag.
const LARGEST: u64 = 4 << 30;

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
    let mut observed = Ok(());
    let mut hashed = |bytes| {
        if observed.is_ok() {
            observed = observer.observe(&RunEvent::LogFileDone { bytes });
        }
    };
    let mut bag = bag::check::check(folder, &seal_files::is_one, &mut hashed)?;
    observed?;
    let mut faults = std::mem::take(&mut bag.faults);
    taken_away(&bag, &mut faults);
    let run = part(&bag, RUN, Some(RUN_SCHEMA), &mut faults, |bytes| {
        RunReport::decode(bytes).map_err(|e| e.to_string())
    });
    let saved: Option<SavedRequest> =
        part(&bag, REQUEST, Some(request::SCHEMA), &mut faults, |bytes| {
            serde_json::from_slice(bytes).map_err(|e| e.to_string())
        });
    let rows = part(&bag, CUSTODY, None, &mut faults, |bytes| {
        custody::read(bytes).map_err(|e| e.to_string())
    });
    let bag_keys = keys::read(&bag).map_err(|error| {
        // A key file that cannot be read was told of with the other files.
        let read =
            |fault: &BagFault| fault.is_contradiction() || !fault.path.starts_with("data/keys/");
        if faults.iter().all(read) {
            faults.push(BagFault::new("bag-malformed", "data/keys", error));
        }
    });
    let bag_keys = bag_keys.ok();
    let keys = request.keys.clone().or_else(|| bag_keys.clone()).unwrap_or_default();
    let seal = check_seal(request, &bag, run.as_ref());
    let form = saved.as_ref().map_or(SourceForm::Copy, |saved| saved.question.form);
    let kept = saved.as_ref().map(|saved| saved.kept_logs);
    let mut told = Told {
        own_keys: request.keys.is_some(),
        form,
        unnamed: Vec::new(),
        asked: !request.authorities.is_empty(),
        lists: request.authorities.have_lists()
            || matches!(bag.seal(seal_files::LISTS), Ok(Some(_))),
        logs: saved.as_ref().map(|saved| (saved.question.logs, saved.kept_logs)),
    };
    let again = match saved.zip(rows.as_deref()) {
        Some((saved, rows)) => {
            unlisted(&bag, rows, &mut faults);
            let objects = Objects { request, folder, bag: &bag, rows, keys };
            Some(objects.verify(saved, observer)?)
        }
        None => None,
    };
    let (mut differences, mut unproven) = (Vec::new(), Vec::new());
    if let (Some(run), Some(again), Some(rows), Some(kept)) = (&run, &again, &rows, kept) {
        let parts = Parts { bag: &bag, run, again, rows, keys: bag_keys.as_deref(), kept };
        differences = self::differences(run, &again.report);
        unproven = parts.compare(&told, differences.is_empty(), &mut faults)?;
        told.unnamed.clone_from(&again.unnamed);
    }
    let again = again.map(|again| again.report);
    faults.sort();
    let asked = told.asked;
    let unread = again.is_none() || run.is_none() || !unproven.is_empty();
    differences.extend(unproven);
    let further = seal.renewals.iter().map(|part| Some(part.trust.verdict(false)));
    let parts = [
        // Trouble with a file, or a newer form, is no tampering.
        faults.iter().any(BagFault::is_contradiction).then_some(Verdict::Violation),
        (!faults.is_empty()).then_some(Verdict::Incomplete),
        unread.then_some(Verdict::Incomplete),
        run.as_ref().map(|run| run.verdict),
        again.as_ref().map(|again| again.verdict),
        Some(seal.signature.trust.verdict(asked)),
        Some(seal.statement.trust.verdict(asked)),
        // Not every seal has a time-stamp.
        Some(seal.time_stamp.trust.verdict(false)),
    ];
    let verdict = parts
        .into_iter()
        .chain(further)
        .flatten()
        .max_by_key(|v| rank(*v))
        .unwrap_or(Verdict::Incomplete);
    let interrupted = request.stop.is_set();
    Ok(CheckReport {
        schema: SCHEMA,
        tool: Tool::default(),
        bag: request.name.clone(),
        checked: request.now,
        verdict,
        exit_status: if interrupted {
            crate::report::run::INTERRUPTED
        } else {
            verdict.exit_status()
        },
        tag_manifest: Sha256Hash::of(&bag.tag_manifest).to_string(),
        files: bag.payload.len() as u64,
        not_proven: not_proven(&seal, &told, again.as_ref()),
        faults,
        seal,
        recorded: run.map(|run| Recorded {
            verdict: run.verdict,
            finished: run.finished,
            ran_by: run.ran_by,
            totals: run.totals,
        }),
        reverified: again.map(|again| Reverified {
            verdict: again.verdict,
            logs: again.scope.logs,
            scope: again.scope,
            keys: again.keys.into_iter().filter(|key| key.used).collect(),
            totals: again.totals,
            findings: again.findings,
        }),
        by_own_keys: request.keys.is_none(),
        differences,
    })
}

const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Verified => 0,
        Verdict::Incomplete => 1,
        Verdict::Violation => 2,
    }
}

/// Parts of the seal that the bag says it has, and that are not there.
pub(super) fn taken_away(bag: &CheckedBag, faults: &mut Vec<BagFault>) {
    let stated = bag.info(seal_files::LABEL).unwrap_or_default();
    for (word, files) in seal_files::PARTS {
        if !stated.split(", ").any(|part| part == word) {
            continue;
        }
        for file in files.iter().filter(|file| matches!(bag.seal(file), Ok(None))) {
            let message = format!("{INFO} says that the bag was {word}, but this file is missing.");
            faults.push(BagFault::new("bag-missing", format!("{SEAL}{file}"), message));
        }
    }
    for number in 2..=seal_files::MOST {
        let (earlier, own) = (seal_files::time_stamp(number - 1), seal_files::time_stamp(number));
        if matches!(bag.seal(&earlier), Ok(None)) && !matches!(bag.seal(&own), Ok(None)) {
            let message = format!("The time-stamp {own} covers it, but it is missing.");
            faults.push(BagFault::new("bag-missing", format!("{SEAL}{earlier}"), message));
        }
    }
}

/// A part of the bag that must be there and be readable.
fn part<T>(
    bag: &CheckedBag,
    path: &str,
    schema: Option<&str>,
    faults: &mut Vec<BagFault>,
    decode: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Option<T> {
    let (code, error) = match bag.read(path, LARGEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            ("bag-malformed", error.to_string())
        }
        Err(error) => (BagFault::UNREADABLE, error.to_string()),
        Ok(bytes) => match schema.and_then(|own| other_version(&bytes, own)) {
            Some(error) => (BagFault::NEWER, error),
            None => match decode(&bytes) {
                Ok(part) => return Some(part),
                Err(error) => ("bag-malformed", error),
            },
        },
    };
    let message = format!("It is not a valid file of an evidence bag of this version: {error}.");
    faults.push(BagFault::new(code, path, message));
    None
}

/// What is to be said of JSON whose schema is of this name and another version.
fn other_version(json: &[u8], own: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Any {
        schema: String,
    }
    let Any { schema } = serde_json::from_slice(json).ok()?;
    let name = |schema: &str| schema.rsplit_once('/').map(|(name, _)| name.to_owned());
    (schema != own && name(&schema) == name(own))
        .then(|| format!("its schema is {schema}, and this version reads {own}"))
}

/// A bag whose report can be held against its content.
struct Parts<'a> {
    bag: &'a CheckedBag,
    run: &'a RunReport,
    again: &'a Reverification,
    rows: &'a [CustodyRow],
    /// The keys in the bag; `None` where they could not be read, so that nothing rests on them.
    keys: Option<&'a [PublicKey]>,
    kept: KeptLogs,
}

impl Parts<'_> {
    /// Claims that the content does not bear out, each in a sentence. Those that can only come of
    /// an alteration are faults too; `same` is whether what was found then is what is found now.
    fn compare(
        &self,
        told: &Told,
        same: bool,
        faults: &mut Vec<BagFault>,
    ) -> io::Result<Vec<String>> {
        let Self { bag, run, again, rows, keys, kept } = *self;
        let (read_logs, kept_all) =
            (told.logs.is_some_and(|(logs, _)| logs), kept == KeptLogs::All);
        let sealed = bag.info(seal_files::LABEL).unwrap_or_default().to_owned();
        let info = pack::info("", run, kept, &sealed);
        // These are of the bag's own files: nothing that is verified bears on them.
        let mut firm = recomputed::custody(bag, rows, run, told.form);
        firm.extend(recomputed::info(bag, &info, run.finished));
        firm.extend(recomputed::sidecars(bag));
        firm.extend(keys.into_iter().flat_map(|keys| keys::claims(bag, keys, run)));
        firm.extend(again.unlisted.iter().map(|path| {
            let message = "No digest in the bag lists it.";
            (path.clone(), message.to_owned())
        }));
        // These hold what was found then against what is found now.
        let of_report = |sentence| (RUN.to_owned(), sentence);
        let mut found: Vec<_> =
            claims::unproven(run, &again.report, read_logs).into_iter().map(of_report).collect();
        if kept_all {
            found.extend(claims::unsaid(run, &again.report, told.form).map(of_report));
        }
        let mut lines_differ = false;
        let bytes = bag.read(LINES, LARGEST);
        // Trouble with it is told of with the other files.
        let trouble = bytes.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::NotFound);
        match bytes.and_then(|bytes| objects::decode(&*bytes)) {
            Err(_) if trouble => {}
            Ok((_, hash)) if kept_all && hash == again.lines => {
                found.extend(recomputed::results(rows, None, again, kept_all));
            }
            Ok((lines, _)) => {
                let before = found.len();
                found.extend(recomputed::results(rows, Some(&lines), again, kept_all));
                if kept_all && before == found.len() {
                    lines_differ = true;
                }
            }
            Err(error) => {
                firm.push((LINES.to_owned(), format!("Its content is unexpected: {error}.")))
            }
        }
        // A file that could not be read was told of with the others, and contradicts nothing.
        firm.retain(|(path, _)| {
            !faults.iter().any(|fault| fault.code == BagFault::UNREADABLE && fault.path == *path)
        });
        let mut unproven = again.beyond.clone();
        let sentence = |(path, message): &recomputed::Claim| match path.as_str() {
            RUN => message.clone(),
            path => format!("{path}: {message}"),
        };
        unproven.extend(firm.iter().chain(&found).map(sentence));
        // Objects, results and codes are the same; how far an object was read may not be, where it
        // could not be read.
        if lines_differ && run.verdict == Verdict::Verified {
            unproven.push(format!("{LINES}: its lines differ from those of its content."));
        }
        if !claims::is_ours(run) {
            unproven.push(format!(
                "Another version, {} {}, wrote the bag: its page, guide, script and controls were not compared with its report and may differ from it.",
                run.tool.name, run.tool.version
            ));
            return Ok(unproven);
        }
        faults.extend(claims::unknown(bag));
        let fault =
            |(path, message): recomputed::Claim| BagFault::new("bag-contradicts", path, message);
        faults.extend(firm.into_iter().map(fault));
        // What cannot be read, or other keys, may leave less to be found now.
        if same && !told.own_keys {
            faults.extend(found.into_iter().map(fault));
        }
        unproven.extend(claims::rewritten(bag, run, kept)?);
        Ok(unproven)
    }
}

/// Objects that lie in the bag without a row, and rows that lead out of it.
fn unlisted(bag: &CheckedBag, rows: &[CustodyRow], faults: &mut Vec<BagFault>) {
    for row in rows.iter().filter(|row| row.path.split('/').any(|part| part == "..")) {
        faults.push(BagFault::new(
            "bag-malformed",
            &row.path,
            "A custody row has a path outside the bag.",
        ));
    }
    let known: BTreeSet<_> = rows.iter().map(|row| row.path.as_str()).collect();
    for path in bag.payload.keys().filter(|path| path.starts_with(OBJECTS)) {
        let owner = path.strip_suffix(crate::model::metadata::SIDECAR_SUFFIX);
        let is_sidecar = owner.is_some_and(|of| known.contains(of) && bag.payload.contains_key(of));
        if !known.contains(path.as_str()) && !is_sidecar {
            faults.push(BagFault::new("bag-extra", path, "No custody row names it."));
        }
    }
}

/// Findings that weigh, as what tells them from one another.
fn weighty(report: &RunReport) -> BTreeSet<(String, String, String)> {
    let told = |finding: &&Finding| finding.severity > Severity::Notice;
    report
        .findings
        .iter()
        .filter(told)
        .map(|f| {
            let key = f.key.clone().unwrap_or_default();
            let chain = f.chain.as_ref().map(ToString::to_string).unwrap_or_default();
            (f.code.as_str().to_owned(), key, chain)
        })
        .collect()
}

fn differences(run: &RunReport, again: &RunReport) -> Vec<String> {
    let mut differences = Vec::new();
    if run.verdict != again.verdict {
        differences.push(format!(
            "Its report says {}, but its content means {}.",
            run.verdict, again.verdict
        ));
    }
    let (told, found) = (weighty(run), weighty(again));
    let say = |(code, key, chain): &(String, String, String)| {
        let of = [key.as_str(), chain.as_str()].into_iter().find(|text| !text.is_empty());
        format!("{code} {}", of.unwrap_or_default())
    };
    differences.extend(told.difference(&found).map(|f| format!("Only in its report: {}", say(f))));
    differences.extend(found.difference(&told).map(|f| format!("Only found now: {}", say(f))));
    differences
}

/// What is to be told of a check, beside what it found.
struct Told {
    /// Whether authorities were given.
    asked: bool,
    /// Whether there are revocation lists.
    lists: bool,
    /// Whether keys were given.
    own_keys: bool,
    /// Form of the sources: only a bucket's times of delivery weigh.
    form: SourceForm,
    /// Objects that nothing is verified of.
    unnamed: Vec<String>,
    /// Whether the run was to read log files, and which of them the bag holds.
    logs: Option<(bool, KeptLogs)>,
}

fn not_proven(seal: &SealReport, told: &Told, again: Option<&RunReport>) -> Vec<String> {
    let mut said = Vec::new();
    if !told.own_keys {
        said.push("That the public keys in the bag are CloudTrail's own: compare them with CloudTrail's, or use your own with --keys.".to_owned());
    }
    match (seal.signature.trust, told.asked) {
        (Trust::Absent, _) => said.push("Who packed the bag, and that it was not altered: it is not signed, and anyone who alters a bag can rewrite its manifests.".into()),
        (_, false) => said.push("That the signer is the one named in the certificate: use --ca with the authorities that you trust.".into()),
        _ => {}
    }
    match seal.time_stamp.trust {
        Trust::Trusted => {}
        Trust::Absent => said.push("When the bag was packed: it has no time-stamp, and the times in it are the packer's claim.".into()),
        _ => said.push("That the time-stamp comes from a trusted authority: it leads to none of those given with --ca.".into()),
    }
    if told.asked && [seal.signature.trust, seal.time_stamp.trust] != [Trust::Absent; 2] {
        said.push(match told.lists {
            true => "That no certificate of the seal was revoked after the revocation lists were issued, or by an issuer that has none here.".into(),
            false => "That no certificate of the seal was revoked: there is no revocation list, in the bag or beside the authorities.".into(),
        });
    }
    if matches!(told.logs, Some((true, KeptLogs::Failed | KeptLogs::None))) {
        said.push("That the log files were intact: the bag does not contain them all, and their hash values in it are the packer's claim.".into());
    }
    if told.form == SourceForm::Bucket {
        said.push("That objects were delivered when data/custody.csv says: these times are the packer's claim, and decide which log files a digest should list.".into());
    }
    if let Some(first) = told.unnamed.first() {
        said.push(format!(
            "What {} objects are that are named neither like digests nor like log files (first: {first}).",
            told.unnamed.len()
        ));
    }
    said.push("Who read the objects, when, from where, and what was found of each then: data/custody.csv and data/report/objects.ndjson are the packer's claim.".into());
    // The first is on the keys.
    said.extend(again.iter().flat_map(|again| again.not_proven.iter().skip(1).cloned()));
    said
}
