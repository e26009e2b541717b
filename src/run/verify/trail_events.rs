//! The events that may tell why something is not there: read once more from the log files that
//! hint at them, together with why there may be others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use jiff::Timestamp;

use super::area::verify_area;
use super::open::open_log;
use super::ordered_events::OrderedEvents;
use super::{Run, VerifyRequest};
use crate::model::{ChainId, ChainKind, LogEntry, LogKey, Window};
use crate::report::ChainReport;
use crate::run::Silent;
use crate::run::pool::Pool;
use crate::verify::events::Hints;
use crate::verify::interruptions::{Evidence, Owner};
use crate::verify::log_file::{Listing, events_of};
use crate::verify::{Code, Coverage, CoverageState, Finding, Interval, Severity};

/// Log files of each kind that are remembered for their hints, the latest: a trail of data
/// events may hint in every file.
const REMEMBERED: usize = 20_000;
/// Log files that are read again at most.
const READ_AGAIN: usize = 2_000;
/// A valid log file that holds names of events which tell why something is not there.
struct Hint {
    listing: Arc<Listing>,
    entry: Arc<LogEntry>,
    hints: Hints,
}

/// The log files with hints: those that a trail's own events are in apart, so that data events do
/// not crowd them out.
#[derive(Default)]
pub(super) struct Hinted {
    trail: VecDeque<Hint>,
    bucket: VecDeque<Hint>,
    /// The time of the digests that list those of a trail's events that were too many.
    forgotten: Option<Window>,
}

/// Cause for which the events of some time may not all be known.
pub(super) struct Doubt {
    /// The chain that lists the log file; `None` where it may be any.
    chain: Option<ChainId>,
    listed_in: Window,
    cause: String,
    /// True if it is of the time after the chain's newest digest.
    tail: bool,
}

impl Hinted {
    pub(super) fn push(&mut self, listing: Arc<Listing>, entry: Arc<LogEntry>, hints: Hints) {
        let of_kind = if hints.trail { &mut self.trail } else { &mut self.bucket };
        of_kind.push_back(Hint { listing, entry, hints });
        if of_kind.len() > REMEMBERED
            && let Some(forgotten) = of_kind.pop_front()
            && forgotten.hints.trail
        {
            self.forget(forgotten.listing.window);
        }
    }

    fn forget(&mut self, window: Window) {
        let all = self.forgotten.get_or_insert(window);
        *all = Window::new(all.start.min(window.start), all.end.max(window.end));
    }

    pub(super) fn absorb(&mut self, other: Self) {
        other.forgotten.into_iter().for_each(|window| self.forget(window));
        for Hint { listing, entry, hints } in other.trail.into_iter().chain(other.bucket) {
            self.push(listing, entry, hints);
        }
    }

    /// Reads the events of those that are wanted, the latest first where they are too many.
    pub(super) fn read(
        &self,
        run: &Run<'_>,
        wanted: impl Fn(Window, Hints) -> bool,
        known: &mut Known,
    ) {
        let rules = Arc::new(run.rules.clone());
        let all = self.trail.iter().rev().chain(self.bucket.iter().rev());
        let mut wanted = all.filter(|hint| wanted(hint.listing.window, hint.hints));
        let tickets: Vec<_> = wanted
            .by_ref()
            .take(READ_AGAIN)
            .map(|hint| {
                let (sources, rules, entry) =
                    (run.sources.clone(), rules.clone(), hint.entry.clone());
                let read = move || events_of(&rules, &entry, open_log(&sources, &entry));
                (hint, run.pool.submit(read))
            })
            .collect();
        for Hint { listing, .. } in wanted.filter(|hint| hint.hints.trail) {
            known.doubts.push(Doubt {
                chain: Some(listing.chain.clone()),
                listed_in: listing.window,
                cause: format!("more than {READ_AGAIN} log files may contain such events"),
                tail: false,
            });
        }
        if let Some(listed_in) = self.forgotten {
            let cause = format!("more than {REMEMBERED} log files may contain such events");
            known.doubts.push(Doubt { chain: None, listed_in, cause, tail: false });
        }
        for (Hint { listing, entry, hints }, ticket) in tickets {
            let read = ticket.redeem(&run.request.stop).map_err(|error| error.to_string());
            let key = LogKey::parse(&entry.object).ok_or("it is not named like a log file");
            match (key, read.flatten()) {
                (Ok(key), Ok(events)) => known.evidence.extend(events.into_iter().map(|event| {
                    let (chain, listed_in) = (listing.chain.clone(), listing.window);
                    let bucket = entry.bucket.to_string();
                    Evidence { event, bucket, key: key.clone(), chain, listed_in }
                })),
                (key, read) if hints.trail => {
                    let cause = read.err().or(key.err().map(str::to_owned)).unwrap_or_default();
                    let (chain, listed_in) = (Some(listing.chain.clone()), listing.window);
                    let object = &entry.object;
                    let cause = format!("the log file {object} could not be read again: {cause}");
                    known.doubts.push(Doubt { chain, listed_in, cause, tail: false });
                }
                _ => {}
            }
        }
    }
}

/// The events that are known, and why others may not be.
#[derive(Default)]
pub(super) struct Known {
    pub(super) evidence: Vec<Evidence>,
    doubts: Vec<Doubt>,
}

impl Known {
    /// Causes for which the events on a chain's trail that digests of some time list may not all be
    /// known.
    pub(super) fn doubt(
        &self,
        chain: &ChainId,
        owner: Option<Owner<'_>>,
        listed: Window,
    ) -> Option<String> {
        let owner = owner?;
        let concerns = |doubt: &&Doubt| {
            let recorded = doubt.chain.as_ref().is_none_or(|by| owner.is_recorded_by(by));
            // What a chain lacks at its end holds no event of a gap before that.
            let own_end = doubt.tail && doubt.chain.as_ref() == Some(chain);
            recorded && !own_end && doubt.listed_in.overlaps(&listed)
        };
        self.doubts.iter().find(concerns).map(|doubt| doubt.cause.clone())
    }

    /// Adds what the run could not check, as far as its findings and its chains' time tell.
    pub(super) fn doubt_what_was_not_checked(
        &mut self,
        findings: &[Finding],
        closed: &[(ChainReport, Coverage)],
    ) {
        for (report, coverage) in closed {
            self.doubts.extend(coverage.all().filter_map(|i| unproven(&report.id, i)));
        }
        for finding in findings.iter().filter(|f| f.severity > Severity::Notice) {
            let chain = finding.chain.clone();
            let trouble = matches!(finding.code, Code::ObjectUnreadable | Code::ObjectArchived);
            let counts = match &chain {
                // It claims no time of its own.
                Some(chain) => chain.kind == ChainKind::Backfill,
                None => trouble,
            };
            if counts {
                let what = finding.key.as_deref().unwrap_or("a part of the source");
                let cause = format!("{what} could not be checked ({})", finding.code.as_str());
                let listed_in = finding.of_time().unwrap_or(ALWAYS);
                self.doubts.push(Doubt { chain, listed_in, cause, tail: false });
            }
        }
    }

    /// Reads the events that the log files of trails hold which the run was not asked about: what
    /// they recorded of this one is there to be read.
    pub(super) fn look_beside(&mut self, run: &Run<'_>, owner: Owner<'_>, listed: Window) {
        let request = VerifyRequest {
            start: Some(listed.start),
            end: Some(listed.end),
            trails: Vec::new(),
            ..run.request.clone()
        };
        let areas = run.sources.areas.iter();
        for (id, area) in areas.filter(|(id, _)| owner.is_recorded_in(&id.place, &id.region)) {
            let mut doubt = |cause: String| {
                let cause = format!("other trails of the account could not be read ({cause})");
                self.doubts.push(Doubt { chain: None, listed_in: listed, cause, tail: false });
            };
            let pool = match Pool::start(run.request.jobs) {
                Ok(pool) => pool,
                Err(error) => {
                    doubt(error.to_string());
                    continue;
                }
            };
            let events = OrderedEvents::new(&Silent);
            let mut beside = Run {
                request: &request,
                sources: run.sources.clone(),
                rules: run.rules.clone(),
                cloudtrail: run.cloudtrail,
                pool,
                observer: &Silent,
                active: AtomicUsize::new(0),
            };
            let found = verify_area(&beside, id, area, events.of_area(0, id, &request.stop));
            if request.stop.is_set() {
                beside.pool.abandon();
                return;
            }
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    doubt(error.to_string());
                    continue;
                }
            };
            found.hinted.read(&beside, |_, hints| hints.trail, self);
            for (id, chain) in &found.chains {
                let statements = chain.linker.statements().all();
                self.doubts.extend(statements.filter_map(|i| unproven(id, i)));
            }
            let unread = found.findings.iter().filter(|f| {
                let unlisted = matches!(f.code, Code::LogUnreferenced | Code::NoDigests);
                f.severity > Severity::Notice && !unlisted
            });
            self.doubts.extend(unread.map(|finding| {
                let what = finding.key.as_deref().unwrap_or("a part of the source");
                let cause = format!("{what} could not be checked ({})", finding.code.as_str());
                let listed_in = finding.of_time().unwrap_or(ALWAYS);
                Doubt { chain: finding.chain.clone(), listed_in, cause, tail: false }
            }));
        }
    }
}

const ALWAYS: Window = Window { start: Timestamp::MIN, end: Timestamp::MAX };

/// The doubt that time of a chain leaves which is not proven.
fn unproven(chain: &ChainId, Interval { window, state, reason }: Interval) -> Option<Doubt> {
    let doubtful = matches!(state, CoverageState::Violated | CoverageState::Unreadable);
    doubtful.then(|| Doubt {
        chain: Some(chain.clone()),
        listed_in: window,
        tail: reason == Some(Code::ChainTruncated),
        cause: format!(
            "the digests or log files of trail {} in {} are not all proven from {} to {}",
            chain.trail, chain.region, window.start, window.end
        ),
    })
}
