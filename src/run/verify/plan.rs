//! What of an area is read, and why: its digests by listing, each with its role.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::VerifyRequest;
use super::alike::Alike;
use crate::model::file_name::FileName;
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::time::{add, hours, sub};
use crate::model::{BucketName, ChainId, ChainKind, DigestKey, Window};
use crate::run::sources::{Area, AreaId, Found, Sources, days_around};
use crate::verify::unseen::Unseen;
use crate::verify::{Code, Finding, Severity};

/// Digests after the requested time that are read for the signature of the last one in it, at most.
const SUCCESSORS: usize = 4;

/// Purpose of reading a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Its time was asked for.
    Asked,
    /// Only for the signature that it carries of the one before it.
    Successor,
    /// Not at all, unless a log file that nothing lists calls for it.
    Aside,
}

/// A digest as listing shows it.
#[derive(Debug, Clone)]
pub(super) struct PlannedDigest {
    /// The end of its time, from its name.
    pub(super) end: Timestamp,
    pub(super) key: String,
    /// Its size as stored, in bytes.
    pub(super) size: u64,
    /// When it was written, as far as the store knows.
    pub(super) modified: Option<Timestamp>,
    pub(super) role: Role,
}

/// The digests of an area in order of their end times.
pub(super) type Plan = Vec<PlannedDigest>;

/// The keys of those whose time was asked for.
pub(super) fn asked_for(plan: &Plan) -> BTreeSet<&str> {
    plan.iter().filter(|d| d.role == Role::Asked).map(|d| d.key.as_str()).collect()
}

/// An area's plan, what else lies among its digests, and what listing them could not show.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) digests: Plan,
    pub(super) findings: Vec<Finding>,
    pub(super) unseen: Unseen,
}

/// The time for which the public keys of these digests are needed: to two hours past the end,
/// and for backfill digests, which are made later, up to now.
pub(super) fn key_window(plan: &Plan, now: Timestamp) -> Option<Window> {
    let read = || plan.iter().filter(|d| d.role != Role::Aside);
    let (first, last) = (read().next()?.end, read().next_back()?.end);
    let backfill = |key: &str| DigestKey::parse(key).is_some_and(|n| n.kind == ChainKind::Backfill);
    let end = if read().any(|d| backfill(&d.key)) { now.max(last) } else { last };
    Some(Window::new(sub(first, hours(1)), add(end, hours(2))))
}

/// Days before the requested start in which trails are looked for that fell silent since.
pub(super) const LOOK_BACK_DAYS: i64 = 7;

/// The days whose digests are listed: those around the requested time, and [`LOOK_BACK_DAYS`]
/// before it, so that a trail is in view that fell silent then. Digests of these are not read.
pub(super) fn days_of_trails(request: &VerifyRequest) -> Window {
    let around = days_around(request.start, request.end);
    let back = request.start.map_or(around.start, |t| sub(t, hours(24 * LOOK_BACK_DAYS)));
    Window::new(around.start.min(back), around.end)
}

/// Lists an area's digests and gives each its role.
pub(super) fn plan(
    sources: &Sources,
    request: &VerifyRequest,
    id: &AreaId,
    area: &Area,
    days: Window,
) -> Planned {
    if !area.digests {
        return Planned::default();
    }
    let mut keys: BTreeMap<(Timestamp, String), (u64, Option<Timestamp>)> = BTreeMap::new();
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    let (mut odd, mut log_files, mut twice) = (Alike::default(), Alike::default(), 0);
    let mut unknown = |found: Found, message| {
        odd.push(Finding::new(Code::ObjectUnknown, message).object(bucket, found.key));
    };
    let is_log_file = |key: &str| {
        let name = key.rsplit('/').next().and_then(FileName::parse);
        name.is_some_and(|name| !name.is_digest)
    };
    let unseen =
        sources.objects(id, area, DIGEST_FOLDER, days, &mut |found| match DigestKey::parse(
            &found.key,
        ) {
            Some(name) if name.place == id.place && name.region == id.region => {
                if keys.insert((name.end, found.key), (found.size, found.modified)).is_some() {
                    twice += 1;
                }
            }
            _ if found.key.ends_with(SIDECAR_SUFFIX) => {
                unknown(found, "The metadata of an object that does not exist.");
            }
            _ if is_log_file(&found.key) => {
                let message = "A file named like a log file is in the digest folder, where CloudTrail delivers none, and no digest lists it. Find out who added it.";
                // No accusation, but nothing vouches for it.
                let finding = Finding::new(Code::LogUnreferenced, message);
                let finding = finding.severity(Severity::Incomplete);
                log_files.push(finding.object(bucket, found.key));
            }
            _ => unknown(found, "An object in the digest folder that is not named like a digest."),
        });
    let mut findings = odd.into_findings();
    findings.extend(log_files.into_findings());
    findings.extend(second_copies(id, twice, "digests"));
    // Per chain: asked for is what ends after the start, up to the first that reaches the end.
    let mut reached: BTreeMap<ChainId, (Option<Timestamp>, usize)> = BTreeMap::new();
    let digests = keys
        .into_iter()
        .filter_map(|((end, key), (size, modified))| {
            let name = DigestKey::parse(&key)?;
            let wanted = request.wants_trail(&name);
            let (last, carried) = reached.entry(name.chain(None)).or_default();
            let over = last.filter(|last| request.end.is_some_and(|asked| *last >= asked));
            let role = match (wanted, over) {
                (false, _) => Role::Aside,
                (true, None) if request.start.is_some_and(|start| end <= start) => Role::Aside,
                (true, None) => Role::Asked,
                (true, Some(_)) if *carried >= SUCCESSORS => Role::Aside,
                (true, Some(last)) => {
                    // One that ends within the hour may be a stray before the true successor.
                    *carried = if end < add(last, hours(1)) { *carried + 1 } else { SUCCESSORS };
                    Role::Successor
                }
            };
            if over.is_none() {
                *last = Some(end);
            }
            Some(PlannedDigest { end, key, size, modified, role })
        })
        .collect();
    Planned { digests, findings, unseen }
}

/// The finding on objects of which the sources hold more than one copy: only one is read, and
/// nothing may be said of the others.
pub(super) fn second_copies(id: &AreaId, count: u64, what: &str) -> Option<Finding> {
    let message = format!(
        "The sources have {count} {what} more than once, and only one copy of each was checked. Verify the copies in separate runs."
    );
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    let finding = Finding::new(Code::ObjectUnreadable, message);
    (count > 0).then(|| finding.object(bucket, id.place.folder()))
}
