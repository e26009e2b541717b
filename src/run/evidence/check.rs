//! Checking a bag, offline: that it is whole, what its seal is worth, and that its digests and log
//! files show what its report says.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::custody::{self, Row};
use super::request::{self, SavedRequest};
use super::store::BagStore;
use super::{CUSTODY, KeptLogs, NO_BUCKET, OBJECTS, REQUEST, RUN, claims, keys, seal, seal_files};
use crate::crypto::document::cms::Signed;
use crate::crypto::document::{Authorities, DocumentError, Purpose, cms, dsse, timestamp};
use crate::crypto::{KeyRing, PublicKey};
use crate::model::{BucketName, ObjectName, Sha256Hash};
use crate::report::evidence::{
    CheckReport, Recorded, Reverified, SCHEMA, SealPart, SealReport, Trust,
};
use crate::report::run::SCHEMA as RUN_SCHEMA;
use crate::report::{RunReport, Tool, Verdict};
use crate::run::pool::Stop;
use crate::run::progress::Progress;
use crate::run::sources::{Filter, Insisted, Sources};
use crate::run::verify::{VerifyRequest, verify};
use crate::store::bag::{self, Checked, Fault, INFO, SEAL};
use crate::store::{DirectoryStore, Store};
use crate::verify::digest::Rules;
use crate::verify::{Finding, Severity};

/// The largest report or table that is read of a bag.
const LARGEST: u64 = 4 << 30;

/// How a bag is checked.
pub struct CheckRequest {
    /// The bag, as the user named it.
    pub name: String,
    /// The authorities that signers and time-stamps must lead to; empty for none.
    pub authorities: Authorities,
    /// The public keys to verify with, instead of those in the bag.
    pub keys: Option<Vec<PublicKey>>,
    /// How many objects are read at once.
    pub jobs: NonZero<usize>,
    /// The time of the check.
    pub now: Timestamp,
    /// Ends the check early.
    pub stop: Stop,
}

/// Checks the bag in a folder.
///
/// # Errors
/// When it is no bag that can be read at all; what is wrong with one that is, is part of the
/// report.
pub fn check(
    request: &CheckRequest,
    folder: &Path,
    progress: &dyn Progress,
) -> io::Result<CheckReport> {
    let mut bag = bag::check::check(folder, &seal_files::ALL, &mut |bytes| progress.log(bytes))?;
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
    let bag_keys = keys::read(&bag).unwrap_or_else(|error| {
        // A key file that cannot be read was told of with the other files.
        let read =
            |fault: &Fault| fault.is_contradiction() || !fault.path.starts_with("data/keys/");
        if faults.iter().all(read) {
            faults.push(Fault::new("bag-malformed", "data/keys", error));
        }
        Vec::new()
    });
    let keys = request.keys.clone().unwrap_or(bag_keys);
    let seal = check_seal(request, &bag, run.as_ref());
    let asked_for = saved.as_ref().map(|saved| (saved.logs, saved.kept_logs));
    let told = Told {
        own_keys: request.keys.is_some(),
        online: saved.as_ref().is_some_and(|saved| saved.online),
        rewritten: run.as_ref().is_some_and(|run| !claims::is_ours(run)),
        unnamed: rows.as_ref().map_or_else(Vec::new, |rows| unnamed(rows)),
        asked: !request.authorities.is_empty(),
        logs: asked_for,
    };
    let again = match saved.zip(rows) {
        Some((saved, rows)) => {
            unlisted(&bag, &rows, &mut faults);
            Some(verify_again(request, folder, &bag, saved, rows, keys, progress)?)
        }
        None => None,
    };
    let (mut differences, mut unproven) = (Vec::new(), Vec::new());
    if let (Some(run), Some(again), Some((logs, kept))) = (&run, &again, asked_for) {
        differences = self::differences(run, again);
        unproven = claims::unproven(run, again, logs);
        if claims::is_ours(run) {
            faults.extend(claims::unknown(&bag));
            // All that it holds is proven, so that its report can only have been altered. Another
            // version may judge otherwise, and what cannot be read may hold what it says.
            if [run.verdict, again.verdict] == [Verdict::Verified; 2] {
                faults
                    .extend(unproven.iter().map(|claim| Fault::new("bag-contradicts", RUN, claim)));
            }
            unproven.extend(claims::rewritten(&bag, run, kept)?);
        }
    }
    faults.sort();
    let asked = told.asked;
    let unread = again.is_none() || run.is_none() || !unproven.is_empty();
    differences.extend(unproven);
    let parts = [
        // Trouble with a file, or a newer form, is no tampering.
        faults.iter().any(Fault::is_contradiction).then_some(Verdict::Violation),
        (!faults.is_empty()).then_some(Verdict::Incomplete),
        unread.then_some(Verdict::Incomplete),
        run.as_ref().map(|run| run.verdict),
        again.as_ref().map(|again| again.verdict),
        Some(seal.signature.trust.verdict(asked)),
        Some(seal.statement.trust.verdict(asked)),
        // Not every seal has a time-stamp.
        Some(seal.time_stamp.trust.verdict(false)),
    ];
    let verdict =
        parts.into_iter().flatten().max_by_key(|v| rank(*v)).unwrap_or(Verdict::Incomplete);
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
fn taken_away(bag: &Checked, faults: &mut Vec<Fault>) {
    let stated = bag.info(seal_files::LABEL).unwrap_or_default();
    for (word, files) in seal_files::PARTS {
        if !stated.split(", ").any(|part| part == word) {
            continue;
        }
        for file in files.iter().filter(|file| matches!(bag.seal(file), Ok(None))) {
            let message = format!("{INFO} says that the bag was {word}, and it is not there.");
            faults.push(Fault::new("bag-missing", format!("{SEAL}{file}"), message));
        }
    }
}

/// A part of the bag that must be there and be readable.
fn part<T>(
    bag: &Checked,
    path: &str,
    schema: Option<&str>,
    faults: &mut Vec<Fault>,
    decode: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Option<T> {
    let (code, error) = match bag.read(path, LARGEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            ("bag-malformed", error.to_string())
        }
        Err(error) => (Fault::UNREADABLE, error.to_string()),
        Ok(bytes) => match schema.and_then(|own| other_version(&bytes, own)) {
            Some(error) => (Fault::NEWER, error),
            None => match decode(&bytes) {
                Ok(part) => return Some(part),
                Err(error) => ("bag-malformed", error),
            },
        },
    };
    let message = format!("It is not what an evidence bag of this version holds there: {error}.");
    faults.push(Fault::new(code, path, message));
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

/// Objects that lie in the bag without a row, and rows that lead out of it.
fn unlisted(bag: &Checked, rows: &[Row], faults: &mut Vec<Fault>) {
    for row in rows.iter().filter(|row| row.path.split('/').any(|part| part == "..")) {
        faults.push(Fault::new(
            "bag-malformed",
            &row.path,
            "A row of custody leads out of the bag.",
        ));
    }
    for row in rows.iter().filter(|row| row.packed == custody::Packed::Yes) {
        let bytes = bag.payload.get(&row.path).map(ToString::to_string);
        if row.sha256.is_some() && bytes.is_some() && row.sha256 != bytes {
            let message = "Its row of custody gives another hash value than its bytes have.";
            faults.push(Fault::new("bag-contradicts", &row.path, message));
        }
    }
    let known: BTreeSet<_> = rows.iter().map(|row| row.path.as_str()).collect();
    for path in bag.payload.keys().filter(|path| path.starts_with(OBJECTS)) {
        let owner = path.strip_suffix(crate::model::metadata::SIDECAR_SUFFIX).unwrap_or(path);
        if !known.contains(owner) {
            faults.push(Fault::new("bag-extra", path, "No row of custody names it."));
        }
    }
}

/// Objects that are neither digests nor log files by their names: nothing is verified of them.
fn unnamed(rows: &[Row]) -> Vec<String> {
    let key = |row: &Row| {
        let inside = row.path.strip_prefix(OBJECTS)?.split_once('/')?;
        Some(ObjectName::parse(inside.1))
    };
    rows.iter()
        .filter(|row| row.packed == custody::Packed::Yes)
        .filter(|row| matches!(key(row), None | Some(ObjectName::Unknown)))
        .map(|row| row.path.clone())
        .collect()
}

fn verify_again(
    request: &CheckRequest,
    folder: &Path,
    bag: &Checked,
    saved: SavedRequest,
    rows: Vec<Row>,
    keys: Vec<PublicKey>,
    progress: &dyn Progress,
) -> io::Result<RunReport> {
    let mut buckets: BTreeMap<String, BTreeMap<String, Row>> = BTreeMap::new();
    for row in rows {
        let inside = row.path.strip_prefix(OBJECTS).and_then(|rest| rest.split_once('/'));
        if let Some((bucket, key)) = inside.map(|(b, k)| (b.to_owned(), k.to_owned())) {
            // The first of several copies is the one in the bag.
            let objects = buckets.entry(bucket).or_default();
            if row.packed == custody::Packed::Yes || !objects.contains_key(&key) {
                objects.insert(key, row);
            }
        }
    }
    let mut stores: Vec<(Arc<dyn Store>, String)> = Vec::new();
    for (bucket, rows) in buckets {
        let path = format!("{OBJECTS}{bucket}");
        // A link, which no bag holds, is not followed out of it.
        let files = match bag.dir.symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {
                Some(DirectoryStore::open(&folder.join(path), request.name.as_str())?)
            }
            _ => None,
        };
        let name = (bucket != NO_BUCKET).then(|| BucketName::parse(&bucket).ok()).flatten();
        let store = BagStore::new(request.name.clone(), files, name, saved.online, rows);
        stores.push((Arc::new(store), String::new()));
    }
    let mut ring = KeyRing::new();
    ring.add(keys);
    let rules = if saved.online { Rules::of_bucket(ring) } else { Rules::of_copy(ring) };
    let again: VerifyRequest = saved.again(request.jobs, request.now, request.stop.clone());
    let mut findings = Vec::new();
    let filter =
        Filter { accounts: &again.accounts, regions: &again.regions, stop: Some(&again.stop) };
    let sources = Sources::discover(&stores, &Insisted::default(), filter, &mut findings);
    verify(&again, sources, rules, None, findings, progress, None)
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
            "Its report says {}, its content comes to {}.",
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

fn check_seal(request: &CheckRequest, bag: &Checked, run: Option<&RunReport>) -> SealReport {
    // Trouble with one of its files leaves all of it open: the parts are over one another.
    if let Some(error) = seal_files::ALL.iter().find_map(|name| bag.seal(name).err()) {
        let problem = Some(error.to_string());
        let part = SealPart { trust: Trust::Unread, problem, ..SealPart::absent() };
        return SealReport { signature: part.clone(), statement: part.clone(), time_stamp: part };
    }
    let asked = !request.authorities.is_empty();
    let file = |name: &str| bag.seal(name).map_err(|error| error.to_string()).transpose();
    let broken = |problem: String| SealPart {
        trust: Trust::Broken,
        problem: Some(problem),
        ..SealPart::absent()
    };
    let (bytes, signed) = match file(seal_files::SIGNATURE) {
        None => (None, None),
        Some(Err(error)) => (None, Some(Err(error))),
        Some(Ok(bytes)) => {
            let signed = cms::verify(&bytes, &bag.tag_manifest).map_err(|e| e.to_string());
            let signed = signed.and_then(|signed| match file(seal_files::SIGNER) {
                Some(Ok(pem)) if !signed.is_by_first_of(&pem) => Err(format!(
                    "{} holds another certificate than the signature",
                    seal_files::SIGNER
                )),
                Some(Err(error)) => Err(format!("{}: {error}", seal_files::SIGNER)),
                _ => Ok(signed),
            });
            (Some(bytes), Some(signed))
        }
    };
    // The time-stamp is over the signature, and without one over the tag manifest.
    let stamped = bytes.as_deref().unwrap_or(&bag.tag_manifest);
    let stamp = match file(seal_files::TIME_STAMP) {
        None => None,
        Some(Err(error)) => Some(Err(error)),
        Some(Ok(response)) => {
            Some(timestamp::verify(&response, stamped).map_err(|e| e.to_string()))
        }
    };
    let mut trusted_time = None;
    let time_stamp = match &stamp {
        None => SealPart::absent(),
        Some(Err(problem)) => broken(problem.clone()),
        Some(Ok(stamp)) => {
            let (trust, problem) = trust(asked, || stamp.check_trust(&request.authorities));
            if trust == Trust::Trusted {
                trusted_time = Some(stamp.time);
            }
            SealPart { trust, by: Some(stamp.by()), time: Some(stamp.time), problem }
        }
    };
    let signature = match &signed {
        None => SealPart::absent(),
        Some(Err(problem)) => broken(problem.clone()),
        Some(Ok(signed)) => {
            // A certificate expires; that the signature was there before is what a time-stamp shows.
            let time = trusted_time.unwrap_or(request.now);
            let (trust, problem) =
                trust(asked, || signed.check_trust(&request.authorities, Purpose::Signing, time));
            SealPart { trust, by: Some(signed.by()), time: signed.time, problem }
        }
    };
    let statement = match (file(seal_files::STATEMENT), &signed) {
        (None, _) => SealPart::absent(),
        (Some(Err(error)), _) => broken(error),
        (Some(Ok(_)), None | Some(Err(_))) => {
            broken("there is no signature whose key it could be checked with".into())
        }
        (Some(Ok(envelope)), Some(Ok(signed))) => {
            match check_statement(&envelope, signed, bag, run) {
                Err(problem) => broken(problem),
                // It is by the same key, so it is worth what the signature is.
                Ok(()) => SealPart { trust: signature.trust, ..SealPart::absent() },
            }
        }
    };
    SealReport { signature, statement, time_stamp }
}

fn trust(
    asked: bool,
    check: impl FnOnce() -> Result<(), DocumentError>,
) -> (Trust, Option<String>) {
    if !asked {
        return (Trust::Unchecked, None);
    }
    match check() {
        Ok(()) => (Trust::Trusted, None),
        Err(error) => (Trust::Untrusted, Some(error.to_string())),
    }
}

/// Whether a statement is about this bag and says of it what its report does.
fn check_statement(
    envelope: &[u8],
    signed: &Signed,
    bag: &Checked,
    run: Option<&RunReport>,
) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Statement {
        #[serde(rename = "_type")]
        of_type: String,
        subject: Vec<Subject>,
        predicate_type: String,
        predicate: Predicate,
    }
    #[derive(Deserialize)]
    struct Subject {
        digest: BTreeMap<String, String>,
    }
    #[derive(Deserialize)]
    struct Predicate {
        verdict: Verdict,
    }
    let payload = dsse::verify(envelope, signed).map_err(|error| error.to_string())?;
    let statement: Statement =
        serde_json::from_slice(&payload).map_err(|error| format!("its statement: {error}"))?;
    if statement.of_type != seal::STATEMENT || statement.predicate_type != seal::PREDICATE {
        return Err("it is a statement of another kind".into());
    }
    let names = |hash: Option<&Sha256Hash>| {
        let hash = hash.map(ToString::to_string);
        statement.subject.iter().any(|s| s.digest.get("sha256") == hash.as_ref() && hash.is_some())
    };
    if !names(Some(&Sha256Hash::of(&bag.tag_manifest))) || !names(bag.payload.get(RUN)) {
        return Err("it is a statement about another bag".into());
    }
    match run {
        Some(run) if run.verdict != statement.predicate.verdict => Err(format!(
            "it says {}, and the bag's report {}",
            statement.predicate.verdict, run.verdict
        )),
        _ => Ok(()),
    }
}

/// What is to be told of a check, beside what it found.
struct Told {
    /// Whether authorities were given.
    asked: bool,
    /// Whether keys were given.
    own_keys: bool,
    /// Whether the times of delivery weigh.
    online: bool,
    /// Whether another version wrote the bag.
    rewritten: bool,
    /// Objects that nothing is verified of.
    unnamed: Vec<String>,
    /// Whether the run was to read log files, and which of them the bag holds.
    logs: Option<(bool, KeptLogs)>,
}

fn not_proven(seal: &SealReport, told: &Told, again: Option<&RunReport>) -> Vec<String> {
    let mut said = Vec::new();
    if !told.own_keys {
        said.push("That the public keys in the bag are CloudTrail's own: compare them with what CloudTrail publishes, or give your own with --keys.".to_owned());
    }
    match (seal.signature.trust, told.asked) {
        (Trust::Absent, _) => said.push("Who packed the bag, and that it is the one that was packed: it is not signed, and whoever alters a bag can write its manifests anew.".into()),
        (_, false) => said.push("That the signer is whom the certificate names: give the authorities that you trust with --ca.".into()),
        _ => {}
    }
    match seal.time_stamp.trust {
        Trust::Trusted => {}
        Trust::Absent => said.push("When the bag was packed: it has no time-stamp, and the times in it are its packer's own word.".into()),
        _ => said.push("That the time-stamp is an authority's: it leads to none that you gave.".into()),
    }
    if matches!(told.logs, Some((true, KeptLogs::Failed | KeptLogs::None))) {
        said.push("That the log files were whole: the bag does not hold them all, and their hash values in it are its packer's word.".into());
    }
    if told.online {
        said.push("That objects were delivered when data/custody.csv says: those times, its packer's word, bear on which log files a digest should list.".into());
    }
    if let Some(first) = told.unnamed.first() {
        said.push(format!(
            "What {} objects are that by their names are neither digests nor log files, the first of them {first}.",
            told.unnamed.len()
        ));
    }
    if told.rewritten {
        said.push("That the page, the guide, the script and the controls in the bag say what its report does: another version of trailseal wrote them.".into());
    }
    said.push("Who read the objects, when, from where, and what was found of each then: data/custody.csv and data/report/objects.ndjson are their packer's word.".into());
    // The first is on the keys.
    said.extend(again.iter().flat_map(|again| again.not_proven.iter().skip(1).cloned()));
    said
}
