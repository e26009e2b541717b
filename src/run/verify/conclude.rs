//! What all areas come to together: coverage up to the end of the request, the verdict, and what
//! a run does not show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::explain::explain;
use super::open::StoreLookup;
use super::plan::LOOK_BACK_DAYS;
use super::silent::silences;
use super::status::Statuses;
use super::{ClosedArea, Gathered, Run, SourceForm, VerifyRequest, unlisted};
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::{AccountId, ChainId, ChainKind, Region, TrailName};
use crate::report::run::INTERRUPTED;
use crate::report::{
    ChainReport, Counts, KeyReport, RunReport, Scope, Tool, Totals, Unreferenced, Verdict,
};
use crate::run::sources::Root;
use crate::verify::link::{Place, Reach, Request, close_trail};
use crate::verify::loss_pattern::{Oldest, loss_patterns};
use crate::verify::unfinished::Unfinished;
use crate::verify::unlisted::name_digests_of_uncovered;
use crate::verify::{Code, Coverage, CoverageState, Finding};

/// Identity of a trail, wherever it delivers to.
type TrailId = (AccountId, Region, TrailName, Region, ChainKind);

/// Chains by trail: the places of each.
fn by_trail(chains: BTreeMap<ChainId, ClosedArea>) -> BTreeMap<TrailId, Vec<ClosedArea>> {
    let mut trails: BTreeMap<TrailId, Vec<ClosedArea>> = BTreeMap::new();
    for (ChainId { place, region, trail, home_region, kind, .. }, chain) in chains {
        trails.entry((place.account, region, trail, home_region, kind)).or_default().push(chain);
    }
    trails
}

/// A combination of the filters that were given.
struct Combination<'r> {
    account: Option<&'r AccountId>,
    region: Option<&'r Region>,
    trail: Option<&'r TrailName>,
}

impl<'r> Combination<'r> {
    /// Every combination; none where no filter was given.
    fn named(request: &'r VerifyRequest) -> impl Iterator<Item = Self> {
        fn each<T>(given: &[T]) -> Vec<Option<&T>> {
            if given.is_empty() { vec![None] } else { given.iter().map(Some).collect() }
        }
        let (regions, trails) = (each(&request.regions), each(&request.trails));
        let any = |c: &Self| c.account.is_some() || c.region.is_some() || c.trail.is_some();
        each(&request.accounts)
            .into_iter()
            .flat_map(move |account| {
                let trails = trails.clone();
                regions.clone().into_iter().flat_map(move |region| {
                    let trails = trails.clone().into_iter();
                    trails.map(move |trail| Self { account, region, trail })
                })
            })
            .filter(any)
    }

    fn is_of(&self, account: &AccountId, region: &Region) -> bool {
        self.account.is_none_or(|own| own == account) && self.region.is_none_or(|own| own == region)
    }
}

impl fmt::Display for Combination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.account.map(|account| format!("account {account}")),
            self.region.map(|region| format!("region {region}")),
            self.trail.map(|trail| format!("trail {trail}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// The first of many names.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown}, ...") } else { shown }
}

/// A run whose areas are all read.
pub(super) struct Conclusion<'r> {
    pub(super) run: &'r Run<'r>,
    pub(super) all: Gathered,
    /// Chains in places that their trails left.
    left: BTreeSet<ChainId>,
    /// True if a backfill chain is in view.
    backfill: bool,
    /// Time at which the newest backfill digest beside a standard chain was written.
    backfill_written: BTreeMap<ChainId, Timestamp>,
}

impl<'r> Conclusion<'r> {
    pub(super) fn new(run: &'r Run<'r>, all: Gathered) -> Self {
        let backfill = || all.chains.values().filter(|c| c.report.id.kind == ChainKind::Backfill);
        let any = backfill().next().is_some();
        let backfill_written = backfill()
            .filter_map(|c| {
                let standard = ChainId { kind: ChainKind::Standard, ..c.report.id.clone() };
                Some((standard, c.newest_written?))
            })
            .collect();
        Self { run, all, left: BTreeSet::new(), backfill: any, backfill_written }
    }

    pub(super) fn conclude(mut self) -> RunReport {
        let newest = self.all.chains.values().filter_map(|c| c.linker.end()).max();
        let end = self.run.request.end.or(newest);
        let cut_short = self.run.request.stop.is_set();
        let statuses = Statuses::ask(self.run, &self.all.chains, end);
        let (mut closed, mut aged) = (Vec::new(), Vec::new());
        if let Some(end) = end {
            let request = self.request(end, newest);
            for places in by_trail(std::mem::take(&mut self.all.chains)).into_values() {
                closed.extend(self.close(places, request, &statuses, &mut aged));
            }
            closed.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
            unlisted::report_after_newest(&mut self.all, request, &closed, &self.left);
        }
        let shapes = loss_patterns(&aged, self.run.request.start, &self.all.findings);
        self.all.findings.extend(shapes);
        let explained = explain(self.run, &self.all.hinted, &mut self.all.findings, &mut closed);
        let mut chains = Vec::new();
        for (mut report, coverage) in closed {
            report.coverage = coverage.all().collect();
            chains.push(report);
        }
        for copy in self.unfinished() {
            copy.excuse(&mut self.all.findings);
            for chain in &mut chains {
                let findings = &self.all.findings;
                let excuse = |interval| copy.excuse_time(&chain.id, findings, interval);
                chain.coverage.iter_mut().for_each(excuse);
            }
        }
        let states = chains.iter().flat_map(|c| &c.coverage).map(|i| i.state);
        self.keyless();
        self.no_digests(&chains);
        self.drop_explained_sidecars();
        name_digests_of_uncovered(&mut self.all.findings);
        Finding::sort(&mut self.all.findings);
        self.all.findings.dedup();
        let verdict = Verdict::of(&self.all.findings, states);
        let totals = self.sum(&chains);
        let keys = self.keys();
        let mut not_proven = self.not_proven(end, &statuses);
        not_proven.extend(explained.not_proven);
        let request = self.run.request;
        RunReport {
            schema: crate::report::run::SCHEMA.into(),
            tool: Tool::default(),
            ran_by: request.ran_by.clone(),
            scope: Scope {
                accepted_gaps: explained.gaps,
                accepted_ends: explained.ends,
                ..request.scope(end)
            },
            started: request.started,
            finished: request.started,
            verdict,
            exit_status: if cut_short { INTERRUPTED } else { verdict.exit_status() },
            totals,
            chains,
            keys,
            findings: self.all.findings,
            not_proven,
        }
    }

    /// The requested time, and how chains are judged that do not reach its end.
    fn request(&self, end: Timestamp, newest: Option<Timestamp>) -> Request {
        let VerifyRequest { start, as_of, grace, form, stop, .. } = self.run.request;
        let reach = match (self.run.request.end, form) {
            (None, _) => Reach::Newest,
            (Some(_), SourceForm::Copy) => Reach::OfCopy,
            (Some(_), SourceForm::Bucket) => Reach::OfBucket,
        };
        // A digest that is there shows that the sources are not older.
        let as_of = as_of.map(|as_of| newest.map_or(as_of, |newest| as_of.max(newest)));
        Request { start: *start, end, reach, as_of, grace: *grace, cut_short: stop.is_set() }
    }

    /// Closes the chains of one trail in all its places.
    fn close(
        &mut self,
        chains: Vec<ClosedArea>,
        request: Request,
        statuses: &Statuses,
        aged: &mut Vec<(ChainId, Oldest)>,
    ) -> Vec<(ChainReport, Coverage)> {
        let silences = silences(self.run, &mut self.all, &chains);
        let (mut places, mut rest) = (Vec::new(), Vec::new());
        for (mut chain, silence) in chains.into_iter().zip(silences) {
            let backfill = self.backfill_written.get(&chain.report.id).copied();
            let missing = statuses.missing(self.run, &mut chain, backfill);
            let reported = statuses.reported(&chain.report.id);
            let ClosedArea { report, linker, oldest, listed_until, before, .. } = chain;
            let existed = request.start.is_some_and(|start| before.iter().any(|d| d.end <= start));
            places.push(Place { linker, listed_until, reported, silence, existed });
            rest.push((report, oldest, missing));
        }
        let mut lookup = StoreLookup { sources: &self.run.sources, rules: &self.run.rules };
        let verdicts = close_trail(places, request, &mut lookup);
        let mut closed = Vec::new();
        for ((mut report, oldest, missing), verdict) in rest.into_iter().zip(verdicts) {
            let Some(verdict) = verdict else { continue };
            report.digests.invalid += verdict.missing;
            if verdict.left {
                self.left.insert(report.id.clone());
            }
            // A chain that is seen to be cut off needs no second finding on its end.
            let truncated = verdict.findings.iter().any(|f| f.code == Code::ChainTruncated);
            let more = missing.or_else(|| statuses.delivery_error(&report.id));
            self.all.findings.extend(more.filter(|_| !truncated));
            self.all.findings.extend(verdict.findings);
            aged.push((report.id.clone(), oldest));
            closed.push((report, verdict.coverage));
        }
        closed
    }

    /// The copies among the sources that are not finished, each once.
    fn unfinished(&self) -> BTreeSet<Unfinished> {
        let of_root = |root: &Root| {
            let bucket = root.bucket.as_ref().map(ToString::to_string);
            let copy = root.unfinished()?;
            Some(Unfinished { marker: copy.marker, bucket, failed: copy.failed })
        };
        self.run.sources.roots().filter_map(of_root).collect()
    }

    /// Metadata left beside a file that is gone is told of with that file, not once more.
    fn drop_explained_sidecars(&mut self) {
        let gone: BTreeSet<String> = self
            .all
            .findings
            .iter()
            .filter(|f| matches!(f.code, Code::DigestMissing | Code::LogMissing))
            .filter_map(|f| Some(format!("{}{SIDECAR_SUFFIX}", f.key.as_deref()?)))
            .collect();
        self.all.findings.retain(|f| {
            f.code != Code::ObjectUnknown || f.key.as_ref().is_none_or(|key| !gone.contains(key))
        });
    }

    fn sum(&self, chains: &[ChainReport]) -> Totals {
        let mut totals = self.all.totals.clone();
        totals.chains = chains.len() as u64;
        totals.requests = self.run.sources.requests();
        for state in CoverageState::ALL {
            totals.coverage_seconds.insert(state, 0);
        }
        let mut digests = Counts::default();
        for chain in chains {
            digests.add(&chain.digests);
            totals.logs.listed.add(&chain.logs);
            for interval in &chain.coverage {
                *totals.coverage_seconds.entry(interval.state).or_default() +=
                    interval.window.seconds();
            }
        }
        totals.digests = digests;
        totals
    }

    /// Adds a finding per region whose public keys could not be fetched.
    fn keyless(&mut self) {
        for (region, cause) in &self.all.keyless {
            let message = format!(
                "Could not fetch CloudTrail's public keys for {region}: {cause}. Allow cloudtrail:ListPublicKeys, or save them with aws cloudtrail list-public-keys --region {region} and give the file with --keys."
            );
            self.all.findings.push(Finding::new(Code::ObjectUnreadable, message));
        }
    }

    /// Something was asked for and there is nothing to verify.
    fn no_digests(&mut self, chains: &[ChainReport]) {
        let missing = |what: String| {
            let message = format!("There are no digests {what}, so none of it is proven.");
            Finding::new(Code::NoDigests, message)
        };
        let request = self.run.request;
        // Nor that what could not be listed is not there.
        let sources = &self.run.sources;
        let areas_without = std::mem::take(&mut self.all.bare);
        let combinations = Combination::named(request);
        let unmet = combinations.filter(|named| {
            let of_chain = |c: &ChainReport| named.is_of(&c.account, &c.region);
            // What an area's own finding says is not said once more.
            let told = areas_without.iter().any(|id| named.is_of(&id.place.account, &id.region))
                && !chains.iter().any(of_chain);
            let met =
                |c: &ChainReport| of_chain(c) && named.trail.is_none_or(|t| c.trail == t.as_str());
            !told && !sources.may_hide_any(named.account, named.region) && !chains.iter().any(met)
        });
        let unmet: Vec<_> = unmet
            .map(|named| {
                let mut finding = missing(format!("of {named}"));
                finding.message.push_str(&self.what_is_there(&named, chains));
                finding
            })
            .collect();
        self.all.findings.extend(unmet);
        let said = !areas_without.is_empty()
            || self.all.findings.iter().any(|f| f.code == Code::NoDigests);
        // A source that was not opened, or not listed, is told of: what it holds is not known.
        let unseen = self.run.sources.may_hide_any(None, None)
            || self.run.sources.roots().next().is_none()
                && self.all.findings.iter().any(|f| f.code == Code::ObjectUnreadable);
        if chains.is_empty() && !said && !unseen {
            let what = match (request.start, request.end) {
                (None, None) => "in the source".to_owned(),
                _ => "in the source for the requested time".to_owned(),
            };
            self.all.findings.push(missing(what));
        }
    }

    /// Names that a filter that met nothing may have meant: a sentence, or nothing.
    fn what_is_there(&self, named: &Combination<'_>, chains: &[ChainReport]) -> String {
        let sources = &self.run.sources;
        let passed = &sources.passed_over;
        let areas = || sources.areas.keys();
        let accounts: BTreeSet<&str> = areas()
            .map(|id| id.place.account.as_str())
            .chain(passed.accounts.iter().map(AccountId::as_str))
            .collect();
        let regions: BTreeSet<&str> = areas()
            .map(|id| id.region.as_str())
            .chain(passed.regions.iter().map(Region::as_str))
            .collect();
        let trails: BTreeSet<&str> = chains
            .iter()
            .map(|chain| chain.trail.as_str())
            .chain(self.all.other_trails.iter().map(TrailName::as_str))
            .collect();
        // What is there under the name that was asked for needs no other name.
        let others = |what: &str, asked: Option<&str>, there: BTreeSet<&str>| {
            let names: Vec<_> = there.into_iter().collect();
            let unmet = asked.is_some_and(|asked| !names.contains(&asked)) && !names.is_empty();
            unmet.then(|| format!("{what} {}", shortened(&names)))
        };
        let parts = [
            others("accounts", named.account.map(AccountId::as_str), accounts),
            others("regions", named.region.map(Region::as_str), regions),
            others("trails", named.trail.map(TrailName::as_str), trails),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!(" The source has: {}.", parts.join("; "))
        }
    }

    /// Every known key, and whether it was used.
    fn keys(&self) -> Vec<KeyReport> {
        let used = |key: &KeyReport| {
            self.all.used.iter().any(|(used, region)| {
                *used == key.fingerprint && key.region.as_ref().is_none_or(|of| of == region)
            })
        };
        self.all.keys.iter().map(|key| KeyReport { used: used(key), ..key.clone() }).collect()
    }

    fn not_proven(&self, end: Option<Timestamp>, statuses: &Statuses) -> Vec<String> {
        let keys = match self.run.cloudtrail {
            Some(_) => {
                "That the public keys are CloudTrail's own: they came from the endpoint that answered as CloudTrail, and from the given key files."
            }
            None if self.all.keys.is_empty() => {
                "Any signature: no public keys were given. Fetch them (trailseal keys fetch) and give them with --keys."
            }
            None => {
                "That the public keys are CloudTrail's own: they came from the given key files."
            }
        };
        let mut said = vec![
            keys.to_owned(),
            "That no other trail existed: a trail whose digests and log files were all deleted leaves no trace.".to_owned(),
        ];
        match (self.run.request.end, end) {
            (None, Some(end)) => said.push(format!(
                "Anything after {end}, the end of the newest digest: a copy does not show whether later digests were deleted. Set --end-time to prove the time up to it.",
            )),
            _ => said.push("Anything outside the requested time, and objects in folders of other days.".to_owned()),
        }
        if statuses.asked
            && let Some(cause) = statuses.refused.first()
        {
            said.push(format!("Whether CloudTrail delivered later digests: it could not be asked ({cause}). Allow cloudtrail:DescribeTrails and cloudtrail:GetTrailStatus."));
        }
        if !statuses.of_others.is_empty() {
            let accounts: Vec<_> = statuses.of_others.iter().map(AccountId::as_str).collect();
            said.push(format!("Whether CloudTrail delivered later digests of {} other accounts ({}): only the owner of a trail can ask for its status.", accounts.len(), shortened(&accounts)));
        }
        if self.run.request.start.is_some() {
            said.push(format!("Anything about trails without a digest from {LOOK_BACK_DAYS} days before the requested start to a day after the requested time."));
        }
        if self.backfill {
            said.push("That the newest backfill digests and their log files exist: they have no schedule, so deleting the last ones leaves no trace.".to_owned());
        }
        if self.run.request.start.is_none() {
            said.push("Anything before the first digest of each chain. Set --start-time to prove the time from then on.".to_owned());
        }
        if self.run.request.bucket_inferred {
            said.push("That this is a copy of the named bucket: the name was read from the digests. Set it with --bucket.".to_owned());
        }
        let excluded: Vec<_> = self.run.request.excluded.names().collect();
        if !excluded.is_empty() {
            said.push(format!(
                "Anything about excluded accounts and regions (--exclude-account, --exclude-region): {}.",
                excluded.join(", ")
            ));
        }
        if !self.run.request.logs {
            said.push("Anything about log files: they were not checked (--no-logs).".to_owned());
        }
        let aside = self.all.totals.logs.unreferenced;
        if aside > 0 && self.run.request.unreferenced == Unreferenced::Ignore {
            said.push(format!(
                "Whether {aside} log files that no digest lists belong here: they were ignored as requested (--unreferenced ignore)."
            ));
        }
        if self.all.already_inflated > 0 {
            said.push(format!(
                "Whether there were bytes after the gzip data of {} files: they are stored inflated.",
                self.all.already_inflated
            ));
        }
        said.push("That CloudTrail recorded every event. This run proves only that what it delivered is complete and unaltered.".to_owned());
        said
    }
}
