//! What all areas come to together: coverage up to the end of the request, the verdict, and what
//! a run does not show.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::explain::{explain, shape};
use super::status::Statuses;
use super::{ClosedArea, Gathered, Run, unlisted};
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::report::run::INTERRUPTED;
use crate::report::{
    ChainReport, Counts, KeyReport, RunReport, Scope, Tool, Totals, Unreferenced, Verdict,
};
use crate::run::sources::Root;
use crate::verify::link::Request;
use crate::verify::unfinished::Unfinished;
use crate::verify::{Code, CoverageState, Finding};

/// A run whose areas are all read.
pub(super) struct Conclusion<'r> {
    pub(super) run: &'r Run<'r>,
    pub(super) all: Gathered,
}

impl Conclusion<'_> {
    pub(super) fn conclude(mut self) -> RunReport {
        let newest = self.all.chains.values().filter_map(|c| c.linker.end()).max();
        let end = self.run.request.end.or(newest);
        let seen = newest.max(self.run.request.end.and(self.all.listed_until));
        let as_of = self.run.request.as_of.max(seen).max(end);
        let cut_short = self.run.request.stop.is_set();
        let moved: BTreeMap<_, _> =
            self.all.chains.values().filter_map(|c| c.linker.continues().cloned()).collect();
        let statuses = Statuses::ask(self.run, &self.all.chains);
        let mut closed = Vec::new();
        if let Some((end, as_of)) = end.zip(as_of) {
            let grace = self.run.request.grace;
            let start = self.run.request.start;
            let request = Request { start, end, as_of, grace, cut_short, stopped: None };
            for (_, mut closing) in std::mem::take(&mut self.all.chains) {
                let missing = statuses.missing(self.run, &mut closing);
                let ClosedArea { mut report, linker, oldest, .. } = closing;
                // A chain that moved is asked for in each place only while it was there.
                let mut its = Request { stopped: statuses.stopped(&report.id), ..request };
                its.end = moved.get(&report.id).map_or(end, |moved| end.min(*moved));
                if let Some((_, from)) = linker.continues() {
                    its.start = its.start.map(|start| start.max(*from));
                }
                let Some(verdict) = linker.close(its) else { continue };
                report.digests.invalid += verdict.missing;
                // What is seen to be cut off needs no second word that it is.
                let told = verdict.findings.iter().any(|f| f.code == Code::ChainTruncated);
                self.all.findings.extend(missing.filter(|_| !told));
                self.all.findings.extend(verdict.findings);
                self.all.findings.extend(shape(&report, oldest, start, &self.all.findings));
                closed.push((report, verdict.coverage));
            }
            unlisted::report_after_newest(&mut self.all, request, &closed);
        }
        let mut accepted = self.run.request.accepted_gaps.clone();
        let explained = match cut_short {
            true => Vec::new(),
            false => explain(self.run, &self.all.hinted, &mut self.all.findings, &mut accepted),
        };
        let mut chains = Vec::new();
        for (mut report, mut coverage) in closed {
            for (_, gap) in explained.iter().filter(|(chain, _)| *chain == report.id) {
                coverage.explain(*gap);
            }
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
        Finding::sort(&mut self.all.findings);
        self.all.findings.dedup();
        let verdict = Verdict::of(&self.all.findings, states);
        let totals = self.sum(&chains);
        let keys = self.keys();
        let mut not_proven = self.not_proven(end, &statuses);
        if !explained.is_empty() {
            not_proven.push("That no digests stood in a gap that is explained: whoever stops, starts and deletes a whole segment in between leaves the same traces.".to_owned());
        }
        let request = self.run.request;
        RunReport {
            schema: crate::report::run::SCHEMA.into(),
            tool: Tool::default(),
            ran_by: request.ran_by.clone(),
            scope: Scope { accepted_gaps: accepted, ..request.scope(end) },
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

    /// The regions whose published keys could not be had, each told of once.
    fn keyless(&mut self) {
        for (region, cause) in &self.all.keyless {
            let message = format!(
                "CloudTrail's public keys of {region} cannot be had: {cause}. Allow cloudtrail:ListPublicKeys, or save them with aws cloudtrail list-public-keys --region {region} and give the file with --keys."
            );
            self.all.findings.push(Finding::new(Code::ObjectUnreadable, message));
        }
    }

    /// Something was asked for and there is nothing to verify.
    fn no_digests(&mut self, chains: &[ChainReport]) {
        let missing = |what: String| {
            let message = format!("There are no digests {what}: nothing of it is proven.");
            Finding::new(Code::NoDigests, message)
        };
        let request = self.run.request;
        // What an area's own finding says is not said once more.
        let bare = std::mem::take(&mut self.all.bare);
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
        self.all.findings.extend(unmet);
        let said = self.all.findings.iter().any(|f| f.code == Code::NoDigests);
        // A source that was not opened, or not listed, is told of: what it holds is not known.
        let unseen = self.run.sources.roots().next().is_none()
            && self.all.findings.iter().any(|f| f.code == Code::ObjectUnreadable);
        if chains.is_empty() && !said && !unseen {
            let what = match (request.start, request.end) {
                (None, None) => "in the source".to_owned(),
                _ => "in the source for the requested time".to_owned(),
            };
            self.all.findings.push(missing(what));
        }
    }

    /// Every key that was at hand, and whether it was used.
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
        match (self.run.request.end, end) {
            (None, Some(end)) => said.push(format!(
                "Anything after {end}, the end of the newest digest: nothing in a copy shows whether later digests were deleted. Ask for a time with --end-time.",
            )),
            _ => said.push("Anything outside the requested time, and whatever lies in folders of other days.".to_owned()),
        }
        if statuses.asked
            && let Some(cause) = statuses.refused.first()
        {
            said.push(format!("Whether CloudTrail delivered later digests than are there: it could not be asked ({cause}). Allow cloudtrail:DescribeTrails and cloudtrail:GetTrailStatus."));
        }
        if self.run.request.start.is_none() {
            said.push("Anything before the first digest of a chain that is there: ask for a time with --start-time.".to_owned());
        }
        if self.run.request.bucket_inferred {
            said.push("That the copy is one of the bucket named here: its name was taken from the digests themselves. Insist on it with --bucket.".to_owned());
        }
        if !self.run.request.logs {
            said.push("Anything about log files: they were not read (--no-logs).".to_owned());
        }
        let aside = self.all.totals.logs.unreferenced;
        if aside > 0 && self.run.request.unreferenced == Unreferenced::Ignore {
            said.push(format!(
                "Whether {aside} log files belong here that no digest lists: they were left aside, as asked (--unreferenced ignore)."
            ));
        }
        if self.all.already_inflated > 0 {
            said.push(format!(
                "What followed the gzip data of {} files: they were stored inflated, so that cannot be checked.",
                self.all.already_inflated
            ));
        }
        said.push("That CloudTrail recorded every event: only that what it delivered is whole and unaltered.".to_owned());
        said
    }
}
