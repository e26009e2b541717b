//! Estimate of what a verifying run would list and read, from listings alone.

use std::io;

use super::list::{self, ListedDigests};
use super::request::VerifyRequest;
use crate::judge::plan::{Plan, Role, days_around, days_of_trails};
use crate::judge::{Question, Unit, interrupted, scope, strays_found};
use crate::model::time::{hours, sub};
use crate::model::{AreaId, LogKey, Window};
use crate::report::estimate::{Estimate, Objects, SCHEMA};
use crate::run::in_order::{AREAS_AT_ONCE, in_order};
use crate::run::observe::{Observer, RunEvent};
use crate::run::sources::{Area, Found, Sources};
use crate::verify::listing::Listing;
use crate::verify::unlisted::Delivery;
use crate::verify::{Code, Finding};

/// Lists what a run with this request would list, and counts what it would read.
///
/// # Errors
/// When a thread cannot be started or an observer fails.
pub fn estimate(
    request: &VerifyRequest,
    sources: &Sources,
    observer: &dyn Observer,
) -> io::Result<Estimate> {
    let question = &request.question;
    let wanted: Vec<_> = sources.areas.iter().filter(|(id, _)| question.wants(id)).collect();
    observer.observe(&RunEvent::AreasFound { count: wanted.len() })?;
    let mut estimate = Estimate {
        schema: SCHEMA,
        scope: scope(question, &request.sources, question.end),
        areas: wanted.len() as u64,
        digests: Objects::default(),
        logs: Objects::default(),
        list_requests: 0,
        get_requests: 0,
        cost: None,
        findings: sources.findings().to_vec(),
    };
    in_order(
        AREAS_AT_ONCE.min(request.jobs.get()),
        &wanted,
        |_, (id, area)| match request.stop.is_set() {
            true => Ok(AreaEstimate::default()),
            false => list(question, sources, id, area, observer),
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
struct AreaEstimate {
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
) -> io::Result<AreaEstimate> {
    let days = days_around(question.start, question.end);
    let trails = days_of_trails(question, Unit::WHOLE);
    let mut findings = Vec::new();
    let listed = list::digests(sources, question, (id, area), Unit::WHOLE, trails);
    let ListedDigests { plan, strays } = listed.open(&mut findings);
    findings.extend(strays_found(id, &strays));
    observer.observe(&RunEvent::AreaBegun { area: id, digests: 0 })?;
    let mut counted = AreaEstimate { findings, ..AreaEstimate::default() };
    for digest in plan.read() {
        counted.digests.add(digest.size);
    }
    let covered = covered(&plan);
    // Without digests nothing is read of an area, but a run lists it to say what is not proven.
    if !question.logs || (covered.is_none() && area.digests) {
        return Ok(counted);
    }
    let knows_delivery = sources.knows_delivery(area);
    let mut logs = Listing::of(Objects::default());
    for kind in &area.kinds {
        let each = &mut |logs: &mut Objects, found: Found| {
            let Some(log) = LogKey::parse(&found.key) else { return };
            let delivery = Delivery::of(log.time, found.modified.filter(|_| knows_delivery));
            if covered.is_some_and(|window| window.contains(delivery.time())) {
                logs.add(found.size);
            }
        };
        sources.objects((id, area), (kind.folder(), days), &mut logs, each);
    }
    counted.logs = logs.open(&mut counted.findings);
    Ok(counted)
}

/// The time whose log files the digests asked for should list; their names tell only its end.
fn covered(plan: &Plan) -> Option<Window> {
    let asked = || plan.iter().filter(|d| d.role == Role::Asked).map(|d| d.name.end);
    let (first, last) = (asked().next()?, asked().next_back()?);
    Some(Window::new(sub(first, hours(1)), last))
}
