//! The verifying run: every area of the sources in turn, then the verdict over all chains.
//!
//! Digests and log files of an area are read by the pool; this thread alone folds the results,
//! in an order that the input decides. Memory holds one area at a time, of its digests only what
//! linking needs, and 24 bytes for each log file that they list.

mod area;
mod plan;
mod unlisted;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZero;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::pool::{Pool, Stop};
use super::progress::Progress;
use super::sources::{AreaId, Sources};
use crate::crypto::{KeyRing, PublicKey};
use crate::model::key_name::{DIGEST_FOLDER, DigestKey};
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::{AccountId, BucketName, ChainId, Fingerprint, Region, TrailName, Window};
use crate::report::{
    ChainReport, Counts, KeyReport, ObjectReport, RunReport, Scope, Tool, Totals, Verdict,
};
use crate::verify::digest::Rules;
use crate::verify::link::{Linker, Request};
use crate::verify::{Code, CoverageState, Finding, Severity};

/// What is to be verified.
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
    /// Only these trails; empty for all.
    pub trails: Vec<TrailName>,
    /// Whether log files are read, and looked for that no digest lists.
    pub logs: bool,
    /// How long a digest may be late.
    pub grace: SignedDuration,
    /// How many objects are read at once.
    pub jobs: NonZero<usize>,
    /// When the run began.
    pub started: Timestamp,
    /// The time as of which the sources are what they are: now for a bucket; for a copy `None`,
    /// and then its newest digest tells.
    pub as_of: Option<Timestamp>,
    /// Whether the bucket is learned from the digests.
    pub bucket_inferred: bool,
    /// Ends the run early.
    pub stop: Stop,
}

/// Where public keys come from beside the files that were given.
pub trait KeySource: Send + Sync {
    /// The keys that a region published for a window of time.
    ///
    /// # Errors
    /// Why they cannot be had, in a line.
    fn keys(&self, region: &Region, window: Window) -> Result<Vec<PublicKey>, String>;
}

impl VerifyRequest {
    fn wants(&self, id: &AreaId) -> bool {
        let account = self.accounts.is_empty() || self.accounts.contains(&id.place.account);
        account && (self.regions.is_empty() || self.regions.contains(&id.region))
    }

    fn wants_trail(&self, name: &DigestKey) -> bool {
        self.trails.is_empty() || self.trails.contains(&name.trail)
    }
}

/// The exit status of a run that was interrupted.
const INTERRUPTED: u8 = 130;

/// Where a line goes for every object checked.
pub type ObjectSink<'a> = &'a mut dyn FnMut(&ObjectReport<'_>) -> io::Result<()>;

/// What all areas share.
struct Run<'a> {
    request: &'a VerifyRequest,
    sources: Arc<Sources>,
    rules: Arc<Rules>,
    /// The keys of the files that were given.
    given: KeyRing,
    published: Option<&'a dyn KeySource>,
    /// The regions whose keys could not be had, told once each.
    keyless: BTreeSet<Region>,
    keys: BTreeSet<KeyReport>,
    pool: Pool,
    progress: &'a dyn Progress,
    objects: ObjectSink<'a>,
    findings: Vec<Finding>,
    chains: BTreeMap<ChainId, ClosedArea>,
    totals: Totals,
    /// The keys that a digest was verified with.
    used: BTreeSet<(Fingerprint, Region)>,
    already_inflated: u64,
    /// The areas that hold no digest in view.
    bare: Vec<AreaId>,
    /// The newest end that a listed digest's name tells: the sources are not older.
    listed_until: Option<Timestamp>,
    /// Log files that lie after the newest digest of their area: which area, how many, from when
    /// to when.
    after_newest: Vec<(AreaId, unlisted::Group)>,
}

/// A chain whose digests were all read.
struct ClosedArea {
    report: ChainReport,
    linker: Linker,
}

/// Verifies what the sources hold.
///
/// # Errors
/// When a thread cannot be started or a line for an object cannot be written; findings are no
/// errors.
pub fn verify(
    request: &VerifyRequest,
    sources: Sources,
    rules: Rules,
    published: Option<&dyn KeySource>,
    discovered: Vec<Finding>,
    progress: &dyn Progress,
    objects: ObjectSink<'_>,
) -> io::Result<RunReport> {
    let mut run = Run {
        request,
        sources: Arc::new(sources),
        given: rules.keys.clone(),
        rules: Arc::new(rules),
        published,
        keyless: BTreeSet::new(),
        keys: BTreeSet::new(),
        pool: Pool::start(request.jobs)?,
        progress,
        objects,
        findings: discovered,
        chains: BTreeMap::new(),
        totals: Totals::default(),
        used: BTreeSet::new(),
        already_inflated: 0,
        bare: Vec::new(),
        listed_until: None,
        after_newest: Vec::new(),
    };
    run.note_keys();
    let sources = run.sources.clone();
    let wanted: Vec<_> = sources.areas.iter().filter(|(id, _)| request.wants(id)).collect();
    progress.places(wanted.len());
    let mut plans = plan::Plans::new(&wanted);
    while let Some((id, area, plan)) = plans.next(&run) {
        match plan
            .map_err(io::Error::other)
            .and_then(|plan| area::verify_area(&mut run, id, area, plan))
        {
            Err(_) if request.stop.is_set() => break,
            result => result?,
        }
    }
    if request.stop.is_set() {
        run.pool.abandon();
        run.findings.push(stopped());
    }
    Ok(run.conclude())
}

fn stopped() -> Finding {
    let message = "The run was interrupted: what it had not read by then is not proven.";
    Finding::new(Code::ObjectUnreadable, message)
}

impl Run<'_> {
    fn conclude(mut self) -> RunReport {
        let newest = self.chains.values().filter_map(|c| c.linker.end()).max();
        let end = self.request.end.or(newest);
        let seen = newest.max(self.request.end.and(self.listed_until));
        let as_of = self.request.as_of.max(seen).max(end);
        let cut_short = self.request.stop.is_set();
        let moved: BTreeMap<_, _> =
            self.chains.values().filter_map(|c| c.linker.continues().cloned()).collect();
        let mut chains = Vec::new();
        let mut states = Vec::new();
        if let Some((end, as_of)) = end.zip(as_of) {
            let grace = self.request.grace;
            let request = Request { start: self.request.start, end, as_of, grace, cut_short };
            for (_, ClosedArea { mut report, linker }) in std::mem::take(&mut self.chains) {
                // A chain that moved is asked for in each place only while it was there.
                let mut its = request;
                its.end = moved.get(&report.id).map_or(end, |moved| end.min(*moved));
                if let Some((_, from)) = linker.continues() {
                    its.start = its.start.map(|start| start.max(*from));
                }
                let Some(verdict) = linker.close(its) else { continue };
                report.coverage = verdict.coverage.all().collect();
                report.digests.invalid += verdict.missing;
                self.findings.extend(verdict.findings);
                states.extend(report.coverage.iter().map(|i| i.state));
                chains.push(report);
            }
            unlisted::report_after_newest(&mut self, request, &chains);
        }
        self.no_digests(&chains);
        self.drop_explained_sidecars();
        Finding::sort(&mut self.findings);
        self.findings.dedup();
        let verdict = Verdict::of(&self.findings, states);
        let totals = self.sum(&chains);
        let keys = self.keys();
        let not_proven = self.not_proven(end);
        let request = self.request;
        let texts = |items: &[String]| items.to_vec();
        RunReport {
            schema: crate::report::run::SCHEMA,
            tool: Tool::default(),
            scope: Scope {
                sources: texts(&request.sources),
                start: request.start,
                end,
                accounts: request.accounts.iter().map(ToString::to_string).collect(),
                regions: request.regions.iter().map(ToString::to_string).collect(),
                trails: request.trails.iter().map(ToString::to_string).collect(),
                logs: request.logs,
            },
            started: request.started,
            finished: request.started,
            verdict,
            exit_status: if cut_short { INTERRUPTED } else { verdict.exit_status() },
            totals,
            chains,
            keys,
            findings: self.findings,
            not_proven,
        }
    }

    /// Metadata left beside a file that is gone is told of with that file, not once more.
    fn drop_explained_sidecars(&mut self) {
        let gone: BTreeSet<String> = self
            .findings
            .iter()
            .filter(|f| matches!(f.code, Code::DigestMissing | Code::LogMissing))
            .filter_map(|f| Some(format!("{}{SIDECAR_SUFFIX}", f.key.as_deref()?)))
            .collect();
        self.findings.retain(|f| {
            f.code != Code::ObjectUnknown || f.key.as_ref().is_none_or(|key| !gone.contains(key))
        });
    }

    fn sum(&self, chains: &[ChainReport]) -> Totals {
        let mut totals = self.totals.clone();
        totals.chains = chains.len() as u64;
        totals.requests = self.sources.requests();
        for state in CoverageState::ALL {
            totals.coverage_seconds.insert(state.as_str(), 0);
        }
        let mut digests = Counts::default();
        for chain in chains {
            digests.add(&chain.digests);
            totals.logs.listed.add(&chain.logs);
            for interval in &chain.coverage {
                *totals.coverage_seconds.entry(interval.state.as_str()).or_default() +=
                    interval.window.seconds();
            }
        }
        totals.digests = digests;
        totals
    }

    /// Something was asked for and there is nothing to verify.
    fn no_digests(&mut self, chains: &[ChainReport]) {
        let missing = |what: String| {
            let message = format!("There are no digests {what}: nothing of it is proven.");
            Finding::new(Code::NoDigests, message)
        };
        let request = self.request;
        // What an area's own finding says is not said once more.
        let bare = std::mem::take(&mut self.bare);
        let accounts = request.accounts.iter().map(|a| {
            let told = bare.iter().any(|id| id.place.account == *a);
            (format!("of account {a}"), told || chains.iter().any(|c| c.account == *a))
        });
        let regions = request.regions.iter().map(|r| {
            let told = bare.iter().any(|id| id.region == *r);
            (format!("of region {r}"), told || chains.iter().any(|c| c.region == *r))
        });
        let trails = request.trails.iter().map(|t| {
            let told = !bare.is_empty();
            (format!("of trail {t}"), told || chains.iter().any(|c| c.trail == t.as_str()))
        });
        let filters = accounts.chain(regions).chain(trails);
        let unmet: Vec<_> =
            filters.filter(|(_, met)| !met).map(|(what, _)| missing(what)).collect();
        self.findings.extend(unmet);
        let said = self.findings.iter().any(|f| f.code == Code::NoDigests);
        if chains.is_empty() && !said {
            let what = match (request.start, request.end) {
                (None, None) => "in the source".to_owned(),
                _ => "in the source for the requested time".to_owned(),
            };
            self.findings.push(missing(what));
        }
    }

    /// The finding on an area that has log files or a digest folder, and no digest in view.
    fn area_without_digests(&mut self, id: &AreaId) {
        let message = format!(
            "There are no digests of account {} in {} for the requested time, though there are log files or a folder for digests: nothing of it is proven.",
            id.place.account, id.region
        );
        let key = format!("{}{DIGEST_FOLDER}/{}/", id.place.folder(), id.region);
        let bucket = id.bucket.as_ref().map(BucketName::as_str);
        self.findings.push(Finding::new(Code::NoDigests, message).object(bucket, key));
        self.bare.push(id.clone());
    }

    /// Gets the keys that an area's digests need from where they are published.
    fn fetch_keys(&mut self, region: &Region, window: Window) {
        let Some(published) = self.published else { return };
        let mut rules = Rules { keys: self.given.clone(), ..*self.rules };
        match published.keys(region, window) {
            Ok(keys) => {
                rules.keys.add(keys);
                rules.key_unknown = Severity::Violation;
            }
            Err(cause) => {
                rules.key_unknown = Severity::Incomplete;
                if self.keyless.insert(region.clone()) {
                    let message = format!(
                        "CloudTrail's public keys of {region} cannot be had: {cause}. Allow cloudtrail:ListPublicKeys, or save them with aws cloudtrail list-public-keys --region {region} and give the file with --keys."
                    );
                    self.findings.push(Finding::new(Code::ObjectUnreadable, message));
                }
            }
        }
        self.rules = Arc::new(rules);
        self.note_keys();
    }

    fn note_keys(&mut self) {
        self.keys.extend(self.rules.keys.keys().iter().map(|key| KeyReport {
            fingerprint: key.fingerprint().clone(),
            region: key.region().cloned(),
            source: key.source().to_owned(),
            valid_from: key.validity().map(|v| v.from),
            valid_to: key.validity().map(|v| v.to),
            used: false,
        }));
    }

    /// Every key that was at hand, and whether it was used.
    fn keys(&self) -> Vec<KeyReport> {
        let used = |key: &KeyReport| {
            self.used.iter().any(|(used, region)| {
                *used == key.fingerprint && key.region.as_ref().is_none_or(|of| of == region)
            })
        };
        self.keys.iter().map(|key| KeyReport { used: used(key), ..key.clone() }).collect()
    }

    fn not_proven(&self, end: Option<Timestamp>) -> Vec<String> {
        let keys = match self.published {
            Some(_) => {
                "That whoever answered for CloudTrail was CloudTrail: the public keys are those that its endpoint gave, and those of key files that this run was given."
            }
            None => {
                "That the public keys are CloudTrail's own: this run took them from the key files that it was given."
            }
        };
        let mut said = vec![
            keys.to_owned(),
            "That no trail existed beside those listed: a trail of which every digest and log file is gone leaves no trace here.".to_owned(),
        ];
        match (self.request.end, end) {
            (None, Some(end)) => said.push(format!(
                "Anything after {end}, the end of the newest digest: nothing in a copy shows whether later digests were deleted. Ask for a time with --end-time.",
            )),
            _ => said.push("Anything outside the requested time.".to_owned()),
        }
        if self.request.start.is_none() {
            said.push("Anything before the first digest of a chain that is there: ask for a time with --start-time.".to_owned());
        }
        if self.request.bucket_inferred {
            said.push("That the copy is one of the bucket named here: its name was taken from the digests themselves. Insist on it with --bucket.".to_owned());
        }
        if !self.request.logs {
            said.push("Anything about log files: they were not read (--no-logs).".to_owned());
        }
        if self.already_inflated > 0 {
            said.push(format!(
                "What followed the gzip data of {} files: they were stored inflated, so that cannot be checked.",
                self.already_inflated
            ));
        }
        said.push("That CloudTrail recorded every event: only that what it delivered is whole and unaltered.".to_owned());
        said
    }
}
