//! Listing of an area: its digests, and the log files that no digest lists.

use std::io;

use super::Verifier;
use crate::judge::facts::Strays;
use crate::judge::plan::{DigestFolder, Plan, days_around, days_of_logs};
use crate::judge::{Question, Unit};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::{AreaId, Sha256Hash, Window};
use crate::run::sources::{Area, Found, Sources};
use crate::verify::Finding;
use crate::verify::candidates::{Candidates, Name};
use crate::verify::completeness::Listed;
use crate::verify::unseen::Unseen;

/// An area's digests, what else lies among them, and what listing them could not show.
#[derive(Default)]
pub(super) struct ListedDigests {
    pub(super) plan: Plan,
    pub(super) strays: Strays,
    pub(super) unseen: Unseen,
}

/// Lists an area's digests of these days and gives each its role.
pub(super) fn digests(
    sources: &Sources,
    question: &Question,
    id: &AreaId,
    area: &Area,
    unit: Unit,
    days: Window,
) -> ListedDigests {
    if !area.digests {
        return ListedDigests::default();
    }
    let mut folder = DigestFolder::new(id, unit);
    let each = &mut |found: Found| folder.add(found.key, found.folder, found.size, found.modified);
    let unseen = sources.objects(id, area, DIGEST_FOLDER, days, each);
    let (plan, strays) = folder.plan(question);
    ListedDigests { plan, strays, unseen }
}

/// The same by a worker: waiting for it can be given up.
pub(super) fn digests_by_worker(
    run: &Verifier<'_>,
    id: &AreaId,
    area: &Area,
    unit: Unit,
    days: Window,
) -> io::Result<ListedDigests> {
    let (sources, question) = (run.sources.clone(), run.question.clone());
    let (id, area) = (id.clone(), area.clone());
    let listing = run.pool.submit(move || digests(&sources, &question, &id, &area, unit, days));
    listing.redeem(&run.request.stop).map_err(io::Error::other)
}

/// Log files of the requested time that no digest read so far lists.
pub(super) struct UnlistedLogs {
    pub(super) candidates: Candidates,
    /// Number of log files of which the sources have more than one copy.
    pub(super) twice: u64,
    pub(super) findings: Vec<Finding>,
}

/// Lists an area's log files of a part of the requested time that are not among those `listed`.
pub(super) fn unlisted_logs(
    sources: &Sources,
    question: &Question,
    (id, area): (&AreaId, &Area),
    unit: Unit,
    listed: &Listed,
) -> UnlistedLogs {
    let asked = question.window();
    let knows_delivery = sources.knows_delivery(area);
    let (mut candidates, mut unseen) = (Candidates::new(id), Unseen::default());
    let (mut seen, mut twice) = (Listed::default(), 0);
    let bucket = id.bucket_name();
    for kind in &area.kinds {
        let each = &mut |found: Found| {
            if !unit.owns_folder(found.folder) {
                return;
            }
            if area.in_parts() && !seen.insert(bucket, &found.key, Sha256Hash([0; 32])) {
                twice += 1;
                return;
            }
            let name = Name::of(id, &found.key, found.folder);
            if name.touches(found.folder, asked) && !listed.contains(bucket, &found.key) {
                let written = found.modified.filter(|_| knows_delivery);
                candidates.push(*kind, &found.key, found.folder, written);
            }
        };
        let days = days_of_logs(question, unit);
        unseen.absorb(sources.objects(id, area, kind.folder(), days, each));
    }
    candidates.sort();
    UnlistedLogs { candidates, twice, findings: unseen.take_findings() }
}

/// True if an area has log files of the requested time; findings on what could not be listed.
pub(super) fn has_logs(
    sources: &Sources,
    question: &Question,
    id: &AreaId,
    area: &Area,
) -> (bool, Vec<Finding>) {
    let (mut any, mut unseen) = (false, Unseen::default());
    for kind in &area.kinds {
        let days = days_around(question.start, question.end);
        let each = &mut |found: Found| {
            let name = Name::of(id, &found.key, found.folder);
            any |= name.touches(found.folder, question.window());
        };
        unseen.absorb(sources.objects(id, area, kind.folder(), days, each));
    }
    (any, unseen.take_findings())
}
