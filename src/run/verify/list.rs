//! Listing of an area: its digests, and the log files that no digest lists.

use std::io;

use super::context::RunContext;
use crate::judge::facts::Strays;
use crate::judge::plan::{DigestFolder, Plan, days_around, days_of_logs};
use crate::judge::{Question, Unit};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::{AreaId, Sha256Hash, Window};
use crate::run::sources::{Area, Found, Sources};
use crate::verify::candidates::{Candidates, Name};
use crate::verify::completeness::Listed;
use crate::verify::listing::Listing;

/// An area's digests, and what else lies among them.
#[derive(Default)]
pub(super) struct ListedDigests {
    pub(super) plan: Plan,
    pub(super) strays: Strays,
}

/// Lists an area's digests of these days and gives each its role.
pub(super) fn digests(
    sources: &Sources,
    question: &Question,
    (id, area): (&AreaId, &Area),
    unit: Unit,
    days: Window,
) -> Listing<ListedDigests> {
    if !area.digests {
        return Listing::of(ListedDigests::default());
    }
    let mut listing = Listing::of(DigestFolder::new(id, unit));
    let each = &mut |folder: &mut DigestFolder<'_>, found: Found| {
        folder.add(found.key, found.folder, found.size, found.modified);
    };
    sources.objects((id, area), (DIGEST_FOLDER, days), &mut listing, each);
    listing.map(|folder| {
        let (plan, strays) = folder.plan(question);
        ListedDigests { plan, strays }
    })
}

/// Lists them by a worker: waiting for it can be given up.
pub(super) fn digests_by_worker(
    run: &RunContext<'_>,
    (id, area): (&AreaId, &Area),
    unit: Unit,
    days: Window,
) -> io::Result<Listing<ListedDigests>> {
    let (sources, question) = (run.sources.clone(), run.question.clone());
    let (id, area) = (id.clone(), area.clone());
    let listing = run.pool.submit(move || digests(&sources, &question, (&id, &area), unit, days));
    listing.join(&run.request.stop).map_err(io::Error::other)
}

/// Log files of the requested time that no digest read so far lists.
pub(super) struct UnlistedLogs {
    pub(super) candidates: Candidates,
    /// Number of log files of which the sources have more than one copy.
    pub(super) twice: u64,
}

/// Lists an area's log files of a part of the requested time that are not among those `listed`.
pub(super) fn unlisted_logs(
    sources: &Sources,
    question: &Question,
    (id, area): (&AreaId, &Area),
    unit: Unit,
    listed: &Listed,
) -> Listing<UnlistedLogs> {
    let (asked, days) = (question.window(), days_of_logs(question, unit));
    let knows_delivery = sources.knows_delivery(area);
    let mut seen = Listed::default();
    let bucket = id.bucket_name();
    let mut listing = Listing::of(UnlistedLogs { candidates: Candidates::new(id), twice: 0 });
    for kind in &area.kinds {
        let each = &mut |logs: &mut UnlistedLogs, found: Found| {
            if !unit.owns_folder(found.folder) {
                return;
            }
            if area.in_parts() && !seen.insert(bucket, &found.key, Sha256Hash([0; 32])) {
                logs.twice += 1;
                return;
            }
            let name = Name::of(id, &found.key, found.folder);
            if name.touches(found.folder, asked) && !listed.contains(bucket, &found.key) {
                let written = found.modified.filter(|_| knows_delivery);
                logs.candidates.push(*kind, &found.key, found.folder, written);
            }
        };
        sources.objects((id, area), (kind.folder(), days), &mut listing, each);
    }
    listing.map(|mut logs| {
        logs.candidates.sort();
        logs
    })
}

/// True if an area has log files of the requested time.
pub(super) fn has_logs(
    sources: &Sources,
    question: &Question,
    (id, area): (&AreaId, &Area),
) -> Listing<bool> {
    let mut listing = Listing::of(false);
    for kind in &area.kinds {
        let days = days_around(question.start, question.end);
        let each = &mut |any: &mut bool, found: Found| {
            let name = Name::of(id, &found.key, found.folder);
            *any |= name.touches(found.folder, question.window());
        };
        sources.objects((id, area), (kind.folder(), days), &mut listing, each);
    }
    listing
}
