//! What a verifying run would list and read, from listings alone.

use std::io;

use super::list::{self, ListedDigests};
use super::{AREAS_AT_ONCE, VerifyRequest};
use crate::judge::plan::{Plan, Role, days_around, days_of_trails};
use crate::judge::{Question, Unit, interrupted, scope, strays_found};
use crate::model::time::{hours, sub};
use crate::model::{AreaId, LogKey, Window};
use crate::report::estimate::{Estimate, Objects, SCHEMA};
use crate::run::in_order::in_order;
use crate::run::observe::{Observer, RunEvent};
use crate::run::sources::{Area, Found, Sources};
use crate::verify::unlisted::Delivery;
use crate::verify::{Code, Finding};

/// Lists what a run with this request would list, and counts what it would read.
///
/// # Errors
/// When a thread cannot be started or an observer fails.
pub fn estimate(
    request: &VerifyRequest,
    sources: &Sources,
    discovered: Vec<Finding>,
    observer: &dyn Observer,
) -> io::Result<Estimate> {
    let question = request.question();
    let wanted: Vec<_> = sources.areas.iter().filter(|(id, _)| question.wants(id)).collect();
    observer.observe(&RunEvent::AreasFound { count: wanted.len() })?;
    let mut estimate = Estimate {
        schema: SCHEMA,
        scope: scope(&question, &request.sources, request.end),
        areas: wanted.len() as u64,
        digests: Objects::default(),
        logs: Objects::default(),
        list_requests: 0,
        get_requests: 0,
        cost: None,
        findings: discovered,
    };
    in_order(
        AREAS_AT_ONCE.min(request.jobs.get()),
        &wanted,
        |_, (id, area)| match request.stop.is_set() {
            true => Ok(Listing::default()),
            false => list(&question, sources, id, area, observer),
        },
        |listing| {
            let listing = listing?;
            estimate.digests.count += listing.digests.count;
            estimate.digests.bytes += listing.digests.bytes;
            estimate.logs.count += listing.logs.count;
            estimate.logs.bytes += listing.logs.bytes;
            estimate.findings.extend(listing.findings);
            Ok(())
        },
    )?;
    if request.stop.is_set() {
        estimate.findings.push(interrupted());
    }
    if estimate.digests.count == 0 {
        let message = "There are no digests in the source for the requested time.";
        estimate.findings.push(Finding::new(Code::NoDigests, message));
    }
    Finding::sort(&mut estimate.findings);
    estimate.list_requests = sources.requests();
    estimate.get_requests = estimate.digests.count + estimate.logs.count;
    Ok(estimate)
}

/// Result of listing an area.
#[derive(Default)]
struct Listing {
    digests: Objects,
    logs: Objects,
    findings: Vec<Finding>,
}

fn list(
    question: &Question,
    sources: &Sources,
    id: &AreaId,
    area: &Area,
    observer: &dyn Observer,
) -> io::Result<Listing> {
    let days = days_around(question.start, question.end);
    let trails = days_of_trails(question, Unit::WHOLE);
    let ListedDigests { plan, strays, mut unseen } =
        list::digests(sources, question, id, area, Unit::WHOLE, trails);
    let mut findings = strays_found(id, &strays);
    findings.extend(unseen.take_findings());
    observer.observe(&RunEvent::AreaBegun { area: id, digests: 0 })?;
    let mut listing = Listing { findings, ..Listing::default() };
    for digest in plan.read() {
        listing.digests.add(digest.size);
    }
    let covered = covered(&plan);
    // Without digests nothing is read of an area, but a run lists it to say what is not proven.
    if !question.logs || (covered.is_none() && area.digests) {
        return Ok(listing);
    }
    let knows_delivery = sources.knows_delivery(area);
    for kind in &area.kinds {
        let each = &mut |found: Found| {
            let Some(log) = LogKey::parse(&found.key) else { return };
            let delivery = Delivery::of(log.time, found.modified.filter(|_| knows_delivery));
            if covered.is_some_and(|window| window.contains(delivery.time())) {
                listing.logs.add(found.size);
            }
        };
        let mut unseen = sources.objects(id, area, kind.folder(), days, each);
        listing.findings.extend(unseen.take_findings());
    }
    Ok(listing)
}

/// The time whose log files the digests asked for should list; their names tell only its end.
fn covered(plan: &Plan) -> Option<Window> {
    let asked = || plan.iter().filter(|d| d.role == Role::Asked).map(|d| d.name.end);
    let (first, last) = (asked().next()?, asked().next_back()?);
    Some(Window::new(sub(first, hours(1)), last))
}
