//! The verifying run: every area of the sources, then the verdict over all chains.
//!
//! Several areas are verified at once, each folded by one thread in an order that its input
//! decides, while the pool reads its digests and log files; what they come to is put together in
//! the order of the areas. Memory holds of an area's digests only what linking needs, and 24
//! bytes for each log file that they list; lists that are not checked yet are held within a budget.

mod alike;
mod area;
mod beyond;
mod candidates;
mod conclude;
mod elsewhere;
mod estimate;
mod explain;
mod listed;
mod look;
mod open;
mod ordered_events;
mod plan;
mod silent;
mod status;
mod trail_events;
mod unlisted;
mod unreferenced;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};

pub use self::estimate::estimate;

use self::conclude::Conclusion;
use self::ordered_events::OrderedEvents;
use super::filter::{Excluded, Filter};
use super::in_order::in_order;
use super::observe::{Observer, RunEvent};
use super::pool::{Pool, Stop};
use super::sources::{AreaId, Sources};
use crate::crypto::{KeyRing, PublicKey};
use crate::model::time::hours;
use crate::model::{AccountId, ChainId, DigestKey, Fingerprint, Region, TrailName, Window};
use crate::report::{
    AcceptedEnd, AcceptedGap, ChainReport, KeyReport, RanBy, RunReport, Scope, Totals, Unreferenced,
};
use crate::verify::digest::Rules;
use crate::verify::link::Linker;
use crate::verify::loss_pattern::Oldest;
use crate::verify::{Code, Finding, Severity};

/// Request to verify.
#[derive(Debug, Clone)]
pub struct VerifyRequest {
    /// The sources, as the user named them.
    pub sources: Vec<String>,
    /// The requested start; `None` for all there is.
    pub start: Option<Timestamp>,
    /// The requested end; `None` for where the newest digest comes to.
    pub end: Option<Timestamp>,
    /// Only these accounts; empty for all.
    pub accounts: Vec<AccountId>,
    /// Only these regions; empty for all.
    pub regions: Vec<Region>,
    /// Accounts and regions that are left out.
    pub excluded: Excluded,
    /// Only these trails; empty for all.
    pub trails: Vec<TrailName>,
    /// Whether log files are read, and looked for that no digest lists.
    pub logs: bool,
    /// Allowed delay of a digest.
    pub grace: SignedDuration,
    /// Number of objects read in parallel.
    pub jobs: NonZero<usize>,
    /// When the run began.
    pub started: Timestamp,
    /// The time as of which the sources are judged: what was due by then and is not there is late
    /// or gone. `None` for a copy of which no end is asked for: nothing depends on it then.
    pub as_of: Option<Timestamp>,
    /// Form of the sources: buckets or copies.
    pub form: SourceForm,
    /// Whether the bucket is learned from the digests.
    pub bucket_inferred: bool,
    /// Severity of log files that no digest lists.
    pub unreferenced: Unreferenced,
    /// The account that an organization's trail belongs to, whose events may explain its gaps.
    pub management_account: Option<AccountId>,
    /// The gaps that are accepted.
    pub accepted_gaps: Vec<AcceptedGap>,
    /// The ends of chains that are accepted.
    pub accepted_ends: Vec<AcceptedEnd>,
    /// Person or team to name in the report.
    pub ran_by: RanBy,
    /// Ends the run early.
    pub stop: Stop,
}

/// Form of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceForm {
    /// Buckets, which are complete up to now.
    Bucket,
    /// Copies, each made at some time.
    Copy,
}

/// Queries to CloudTrail.
pub trait CloudTrail: Send + Sync {
    /// The keys that a region published for a window of time.
    ///
    /// # Errors
    /// Reason why they could not be fetched, on one line.
    fn keys(&self, region: &Region, window: Window) -> Result<Vec<PublicKey>, String>;

    /// Its answer on a chain's trail.
    ///
    /// # Errors
    /// The cause for which it cannot be asked, in a line.
    fn trail(&self, chain: &ChainId) -> Result<TrailAnswer, String>;
}

/// CloudTrail's answer on the trail of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailAnswer {
    /// The trail delivers to the chain's place; its status.
    Status(TrailStatus),
    /// The trail delivers to another bucket, prefix or organization; its description.
    Elsewhere(String),
    /// It is another account's, which alone may be asked.
    OfOther,
    /// No such trail is listed in the chain's region.
    NotListed,
}

/// CloudTrail's statement on a trail in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailStatus {
    /// Time of the latest delivery of a digest.
    pub latest_digest: Option<Timestamp>,
    /// S3's error on the latest delivery of a digest.
    pub delivery_error: Option<String>,
    /// Since when it does not log; `None` where it does.
    pub stopped: Option<Timestamp>,
}

impl VerifyRequest {
    /// All that sources hold, as of when a run begins.
    #[must_use]
    pub fn of(sources: Vec<String>, started: Timestamp) -> Self {
        Self {
            sources,
            start: None,
            end: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            excluded: Excluded::default(),
            trails: Vec::new(),
            logs: true,
            grace: hours(GRACE_HOURS),
            jobs: NonZero::<usize>::MIN,
            started,
            as_of: None,
            form: SourceForm::Copy,
            bucket_inferred: false,
            unreferenced: Unreferenced::default(),
            management_account: None,
            accepted_gaps: Vec::new(),
            accepted_ends: Vec::new(),
            ran_by: RanBy::default(),
            stop: Stop::default(),
        }
    }

    /// The requested time; unbounded where no start or end is set.
    #[must_use]
    pub fn window(&self) -> Window {
        Window::new(self.start.unwrap_or(Timestamp::MIN), self.end.unwrap_or(Timestamp::MAX))
    }

    fn wants(&self, id: &AreaId) -> bool {
        let VerifyRequest { accounts, regions, excluded, .. } = self;
        let filter = Filter { accounts, regions, excluded: Some(excluded), stop: None };
        filter.wants_account(&id.place.account) && filter.wants_region(&id.region)
    }

    /// The requested scope, for the report.
    fn scope(&self, end: Option<Timestamp>) -> Scope {
        Scope {
            sources: self.sources.clone(),
            start: self.start,
            end,
            accounts: self.accounts.iter().map(ToString::to_string).collect(),
            regions: self.regions.iter().map(ToString::to_string).collect(),
            trails: self.trails.iter().map(ToString::to_string).collect(),
            excluded_accounts: self.excluded.accounts.iter().map(ToString::to_string).collect(),
            excluded_regions: self.excluded.regions.iter().map(ToString::to_string).collect(),
            logs: self.logs,
            accepted_gaps: self.accepted_gaps.clone(),
            accepted_ends: self.accepted_ends.clone(),
            grace_seconds: Some(self.grace.as_secs()),
            unreferenced: self.unreferenced,
            management_account: self.management_account.clone(),
            as_of: self.as_of,
        }
    }

    fn wants_trail(&self, name: &DigestKey) -> bool {
        self.trails.is_empty() || self.trails.contains(&name.trail)
    }
}

/// Default delay allowed for a digest.
const GRACE_HOURS: i64 = 2;
/// Number of areas verified in parallel: a small one mostly waits for its few requests.
const AREAS_AT_ONCE: usize = 16;

/// State shared by all areas.
struct Run<'a> {
    request: &'a VerifyRequest,
    sources: Arc<Sources>,
    /// The rules, with the keys of the files that were given.
    rules: Rules,
    cloudtrail: Option<&'a dyn CloudTrail>,
    pool: Pool,
    observer: &'a dyn Observer,
    /// Number of areas being verified; they share the pool.
    active: AtomicUsize,
}

/// Result of one area, or of all areas merged.
#[derive(Default)]
struct Gathered {
    findings: Vec<Finding>,
    chains: BTreeMap<ChainId, ClosedArea>,
    totals: Totals,
    /// The regions whose keys could not be had, and why.
    keyless: BTreeMap<Region, String>,
    keys: BTreeSet<KeyReport>,
    /// The keys that a digest was verified with.
    used: BTreeSet<(Fingerprint, Region)>,
    already_inflated: u64,
    /// Trails of which there are digests, and which were not asked for.
    other_trails: BTreeSet<TrailName>,
    /// The areas that hold no digest in view.
    bare: Vec<AreaId>,
    /// Log files that lie after the newest digest of their area: which area, how many, from when
    /// to when.
    after_newest: Vec<(AreaId, unlisted::Group)>,
    /// The valid log files that may hold events which tell why something is not there.
    hinted: trail_events::Hinted,
}

impl Gathered {
    fn absorb(&mut self, area: Self) {
        let Self { findings, chains, totals, keyless, keys, used, .. } = area;
        self.findings.extend(findings);
        self.chains.extend(chains);
        self.totals.bytes_read += totals.bytes_read;
        self.totals.bytes_hashed += totals.bytes_hashed;
        self.totals.logs.unreferenced += totals.logs.unreferenced;
        for (region, cause) in keyless {
            self.keyless.entry(region).or_insert(cause);
        }
        self.keys.extend(keys);
        self.used.extend(used);
        self.already_inflated += area.already_inflated;
        self.other_trails.extend(area.other_trails);
        self.bare.extend(area.bare);
        self.after_newest.extend(area.after_newest);
        self.hinted.absorb(area.hinted);
    }

    fn note_keys(&mut self, ring: &KeyRing) {
        self.keys.extend(ring.keys().iter().map(|key| KeyReport {
            fingerprint: key.fingerprint().clone(),
            region: key.region().cloned(),
            source: key.source().to_owned(),
            valid_from: key.validity().map(|v| v.from),
            valid_to: key.validity().map(|v| v.to),
            used: false,
        }));
    }
}

/// A chain whose digests were all read.
struct ClosedArea {
    report: ChainReport,
    linker: Linker,
    oldest: Oldest,
    /// Time at which its newest digest was written, where the store knows.
    newest_written: Option<Timestamp>,
    /// The end of its newest digest that is listed, by its name.
    listed_until: Option<Timestamp>,
    /// Its digests that are listed before the requested start, and the first one after it, by
    /// their names.
    before: Vec<DigestKey>,
}

/// Verifies what the sources hold.
///
/// # Errors
/// When a thread cannot be started or an observer fails; findings are no errors.
pub fn verify(
    request: &VerifyRequest,
    sources: Sources,
    rules: Rules,
    cloudtrail: Option<&dyn CloudTrail>,
    discovered: Vec<Finding>,
    observer: &dyn Observer,
) -> io::Result<RunReport> {
    let mut all = Gathered { findings: discovered, ..Gathered::default() };
    all.note_keys(&rules.keys);
    let mut run = Run {
        request,
        sources: Arc::new(sources),
        rules,
        cloudtrail,
        pool: Pool::start(request.jobs)?,
        observer,
        active: AtomicUsize::new(0),
    };
    let sources = run.sources.clone();
    let wanted: Vec<_> = sources.areas.iter().filter(|(id, _)| request.wants(id)).collect();
    observer.observe(&RunEvent::AreasFound { count: wanted.len() })?;
    let events = OrderedEvents::new(observer);
    let worked = in_order(
        AREAS_AT_ONCE.min(request.jobs.get()),
        &wanted,
        |number, (id, area)| {
            let events = events.of_area(number, id, &request.stop);
            match area::verify_area(&run, id, area, events) {
                Err(_) if request.stop.is_set() => Ok(Gathered::default()),
                result => result,
            }
        },
        |area| area.map(|area| all.absorb(area)),
    );
    // The observer's own error says more than that of an area that it ended.
    events.finish()?;
    worked?;
    if request.stop.is_set() {
        run.pool.abandon();
        all.findings.push(stopped());
    }
    let report = Conclusion::new(&run, all).conclude();
    observer.observe(&RunEvent::Concluded(&report))?;
    Ok(report)
}

fn stopped() -> Finding {
    let message = "The run was interrupted: what it had not yet read is not proven.";
    Finding::new(Code::ObjectUnreadable, message)
}

impl Run<'_> {
    /// The rules with the keys that the digests of a region and time need, from where they are
    /// published.
    fn rules_for(&self, region: &Region, window: Window, area: &mut Gathered) -> Arc<Rules> {
        let mut rules = self.rules.clone();
        if let Some(cloudtrail) = self.cloudtrail {
            match cloudtrail.keys(region, window) {
                Ok(keys) => {
                    rules.keys.add(keys);
                    rules.key_unknown = Severity::Violation;
                }
                Err(cause) => {
                    rules.key_unknown = Severity::Incomplete;
                    area.keyless.entry(region.clone()).or_insert(cause);
                }
            }
        }
        area.note_keys(&rules.keys);
        Arc::new(rules)
    }

    /// An even share of what can be under way at once.
    fn share(&self, of: usize) -> usize {
        of / self.active.load(Ordering::Relaxed).max(1)
    }
}
