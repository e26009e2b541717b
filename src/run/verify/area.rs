//! Collecting the facts of one area: its digests in order, the log files that they list, and at last
//! those that none lists.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::collector::Collector;
use super::context::RunContext;
use super::list::{self, ListedDigests};
use super::ordered_events::AreaEvents;
use crate::judge::facts::Doubted;
use crate::judge::plan::{Plan, days_of_trails};
use crate::judge::{AreaFacts, Unit};
use crate::model::AreaId;
use crate::run::observe::RunEvent;
use crate::run::sources::Area;
use crate::verify::Severity;
use crate::verify::digest::Rules;

/// Collects the facts of an area.
///
/// # Errors
/// When an observer fails, or the run is to stop.
pub(super) fn collect<'a>(
    run: &'a RunContext<'a>,
    (id, area): (&'a AreaId, &'a Area),
    unit: Unit,
    events: &mut AreaEvents<'a, '_>,
) -> io::Result<AreaFacts> {
    run.active.fetch_add(1, Ordering::Relaxed);
    let _active = ActiveArea(&run.active);
    let days = days_of_trails(&run.question, unit);
    let mut facts = AreaFacts::new(id, unit);
    let listed = list::digests_by_worker(run, (id, area), unit, days)?;
    let ListedDigests { plan, strays } = listed.open(&mut facts.doubts(Doubted::Asked));
    facts.strays = strays;
    let rules = match plan.key_window(run.request.started) {
        Some(window) => run.rules_for(&id.region, window, &mut facts),
        None => Arc::new(run.rules.clone()),
    };
    let rules = match facts.hidden.listing.is_empty() {
        true => rules,
        // A successor that carries a signature may be there unseen.
        false => Arc::new(Rules { unsigned: Severity::Incomplete, ..(*rules).clone() }),
    };
    let digests = plan.asked_for().len();
    run.observer.observe(&RunEvent::AreaBegun { area: id, digests })?;
    let mut this = Collector { rules, ..Collector::new(run, (id, area), facts, events) };
    this.chains_in_view(&plan);
    if this.folds.is_empty() {
        this.look_at_folders()?;
        // Other parts may have a chain in view, which then speaks of these log files too.
        if unit != Unit::WHOLE && run.question.logs {
            let listing = super::unlisted::begin(&mut this);
            super::unlisted::take_up(&mut this, listing)?;
        }
    } else {
        read_chains(&mut this, &plan)?;
        // Of a part, others may list what is left: that is looked for when all are there.
        if unit == Unit::WHOLE {
            super::unlisted::complete(&mut this)?;
        }
    }
    this.find_beyond_folders();
    Ok(this.facts)
}

/// Looks for what may list or explain the log files that no part of an area lists, unless that was
/// done.
///
/// # Errors
/// When an observer fails, or the run is to stop.
pub(super) fn complete<'a>(
    run: &'a RunContext<'a>,
    (id, area): (&'a AreaId, &'a Area),
    facts: AreaFacts,
    events: &mut AreaEvents<'a, '_>,
) -> io::Result<AreaFacts> {
    let mut this = Collector { joined: true, ..Collector::new(run, (id, area), facts, events) };
    super::unlisted::complete(&mut this)?;
    this.find_beyond_folders();
    Ok(this.facts)
}

/// Reads the digests in order, the log files that they list, and what none lists.
fn read_chains(this: &mut Collector<'_, '_, '_>, plan: &Plan) -> io::Result<()> {
    let run = this.run;
    let stop = &run.request.stop;
    let mut listing = None;
    let folded = this.fold(plan).and_then(|()| {
        // What digests list is known now: look for the rest while the last log files are read.
        if this.run.question.logs && !stop.is_set() {
            listing = Some(super::unlisted::begin(this));
        }
        this.drain(0)
    });
    if stop.is_set() {
        this.give_up();
    } else {
        folded?;
        if let Some(listing) = listing {
            super::unlisted::take_up(this, listing)?;
        }
    }
    Ok(())
}

/// Counts an area as being verified while it lives.
struct ActiveArea<'a>(&'a AtomicUsize);

impl Drop for ActiveArea<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
