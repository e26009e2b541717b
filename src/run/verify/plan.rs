//! What of an area is read, and why: its digests by listing, each with its role.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::VerifyRequest;
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::time::{add, hours, sub};
use crate::model::{BucketName, ChainId, ChainKind, DigestKey, Window};
use crate::run::sources::{Area, AreaId, Sources, days_around};
use crate::verify::{Code, Finding};

/// Why a digest is read.
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

/// An area's plan, and what listing it found.
pub(super) type Planned = (Plan, Vec<Finding>);

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

/// Lists an area's digests of the days before those that are listed anyway, back to
/// [`LOOK_BACK_DAYS`] before the requested start: none of them is read with those asked for.
pub(super) fn plan_earlier(
    sources: &Sources,
    request: &VerifyRequest,
    id: &AreaId,
    area: &Area,
) -> Planned {
    let Some(start) = request.start else { return Planned::default() };
    let last = sub(days_around(Some(start), None).start, hours(24));
    let days = Window::new(sub(start, hours(24 * LOOK_BACK_DAYS)), last);
    let (plan, mut findings) = plan(sources, request, id, area, days);
    // Other oddities of those days were not asked for.
    findings.retain(|finding| finding.code == Code::ObjectUnreadable);
    (plan, findings)
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
    let mut findings = Vec::new();
    let (mut odd, mut twice) = (Vec::new(), 0);
    sources.objects(id, area, DIGEST_FOLDER, days, &mut findings, &mut |found| {
        match DigestKey::parse(&found.key) {
            Some(name) if name.place == id.place && name.region == id.region => {
                if keys.insert((name.end, found.key), (found.size, found.modified)).is_some() {
                    twice += 1;
                }
            }
            _ if found.key.ends_with(SIDECAR_SUFFIX) => {
                odd.push((found.key, "The metadata of an object that is not there."));
            }
            _ => odd.push((found.key, "An object among the digests whose name is not a digest's.")),
        }
    });
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    findings.extend(
        odd.into_iter()
            .map(|(key, message)| Finding::new(Code::ObjectUnknown, message).object(bucket, key)),
    );
    findings.extend(second_copies(id, twice, "digests"));
    // Per chain: asked for is what ends after the start, up to the first that reaches the end.
    let mut reached: BTreeMap<ChainId, (Option<Timestamp>, bool)> = BTreeMap::new();
    let plan = keys
        .into_iter()
        .filter_map(|((end, key), (size, modified))| {
            let name = DigestKey::parse(&key)?;
            let wanted = request.wants_trail(&name);
            let (last, carried) = reached.entry(name.chain(None)).or_default();
            let over = request.end.is_some_and(|asked| last.is_some_and(|last| last >= asked));
            let role = match (wanted, over) {
                (false, _) => Role::Aside,
                (true, false) if request.start.is_some_and(|start| end <= start) => Role::Aside,
                (true, false) => Role::Asked,
                (true, true) if !std::mem::replace(carried, true) => Role::Successor,
                (true, true) => Role::Aside,
            };
            *last = Some(end);
            Some(PlannedDigest { end, key, size, modified, role })
        })
        .collect();
    (plan, findings)
}

/// The finding on objects of which the sources hold more than one copy: only one is read, and
/// nothing may be said of the others.
pub(super) fn second_copies(id: &AreaId, count: u64, what: &str) -> Option<Finding> {
    let message = format!(
        "The sources hold {count} {what} more than once, and only one copy of each is checked: verify the copies in separate runs."
    );
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    let finding = Finding::new(Code::ObjectUnreadable, message);
    (count > 0).then(|| finding.object(bucket, id.place.folder()))
}
