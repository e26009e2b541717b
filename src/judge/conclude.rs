//! Judgement on all areas together: coverage up to the end of the requested time, the verdict, and
//! what a run does not show.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::answers::{Answers, TrackedAnswers, Want};
use super::area::AreaJudgement;
use super::explain::{Explained, Grounds, explain};
use super::facts::AreaFacts;
use super::hinted::HintedLogs;
use super::judging::LinkedChain;
use super::no_digests::Holdings;
use super::not_proven::NotProven;
use super::silent::silences;
use super::status::Statuses;
use super::unlisted::{UnlistedGroup, report_after_newest};
use super::{Circumstances, Question, SourceForm, Survey};
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::{
    AccountId, AreaId, BucketName, ChainId, ChainKind, Fingerprint, Region, TrailName,
};
use crate::report::run::INTERRUPTED;
use crate::report::{ChainReport, Counts, KeyReport, RunReport, Scope, Tool, Totals, Verdict};
use crate::verify::link::{CoverageRequest, EndOrigin, TrailPlace, close_trail};
use crate::verify::loss_pattern::{Oldest, loss_patterns};
use crate::verify::unlisted::name_digests_of_uncovered;
use crate::verify::{Code, Coverage, CoverageState, Finding};

/// The report of a run, and what is wanted to make it better.
#[derive(Debug)]
pub struct Concluded {
    /// The report, which is sound: what is wanted counts as refused.
    pub report: RunReport,
    /// Questions that would improve it.
    pub wanted: BTreeSet<Want>,
}

/// The facts of areas and the judgements on each, put together in the order of areas.
#[derive(Default)]
pub struct JudgedAreas {
    findings: Vec<Finding>,
    chains: BTreeMap<ChainId, LinkedChain>,
    totals: Totals,
    keyless: BTreeMap<Region, String>,
    keys: BTreeSet<KeyReport>,
    used_keys: BTreeSet<(Fingerprint, Region)>,
    already_inflated: u64,
    other_trails: BTreeSet<TrailName>,
    without_digests: Vec<AreaId>,
    after_newest: Vec<(AreaId, UnlistedGroup)>,
    hinted: HintedLogs,
    /// Areas of which facts are lacking.
    lacking: Vec<AreaId>,
}

impl JudgedAreas {
    /// Nothing but the keys that were given.
    #[must_use]
    pub fn with_keys(keys: impl IntoIterator<Item = KeyReport>) -> Self {
        Self { keys: keys.into_iter().collect(), ..Self::default() }
    }

    /// Notes facts of an area that is none of those asked for: they are of another question or other
    /// sources.
    pub fn note_foreign(&mut self, id: &AreaId) {
        let message = "There are facts of an area that is not asked for, or not in these sources: they are of another run. They were not used.";
        let bucket = id.bucket.as_ref().map(BucketName::as_str);
        let finding = Finding::new(Code::ObjectUnreadable, message);
        self.findings.push(finding.object(bucket, id.place.folder()));
    }

    /// Adds an area. Of its facts, those are kept that concern the whole.
    pub fn add(&mut self, facts: AreaFacts, judgement: AreaJudgement) {
        let AreaJudgement {
            id, findings, chains, without_digests, after_newest, unreferenced, ..
        } = judgement;
        self.findings.extend(findings);
        self.chains.extend(chains);
        self.totals.bytes_read += facts.bytes_read;
        self.totals.bytes_hashed += facts.bytes_hashed;
        self.totals.logs.unreferenced += unreferenced;
        for (region, cause) in facts.keyless {
            self.keyless.entry(region).or_insert(cause);
        }
        self.keys.extend(facts.keys);
        self.used_keys.extend(facts.used_keys);
        self.already_inflated += facts.already_inflated;
        self.other_trails.extend(facts.other_trails);
        self.hinted.absorb(facts.hinted);
        if !facts.lacking.is_empty() {
            self.lacking.push(id.clone());
        }
        self.after_newest.extend(after_newest.map(|group| (id.clone(), group)));
        if without_digests {
            self.without_digests.push(id);
        }
    }
}

/// Judges all areas together.
#[must_use]
pub fn conclude(
    question: &Question,
    circumstances: &Circumstances,
    survey: &Survey,
    judged: &JudgedAreas,
    answers: &Answers,
) -> Concluded {
    let asked = TrackedAnswers::new(answers);
    let builder = ReportBuilder::new(question, circumstances, survey, judged, &asked);
    let report = builder.build();
    Concluded { report, wanted: asked.into_wanted() }
}

/// Identity of a trail, wherever it delivers to.
type TrailId = (AccountId, Region, TrailName, Region, ChainKind);

/// Chains by trail: the places of each.
fn by_trail(chains: BTreeMap<ChainId, LinkedChain>) -> BTreeMap<TrailId, Vec<LinkedChain>> {
    let mut trails: BTreeMap<TrailId, Vec<LinkedChain>> = BTreeMap::new();
    for (ChainId { place, region, trail, home_region, kind, .. }, chain) in chains {
        trails.entry((place.account, region, trail, home_region, kind)).or_default().push(chain);
    }
    trails
}

/// Areas under judgement together.
struct ReportBuilder<'a> {
    question: &'a Question,
    circumstances: &'a Circumstances,
    survey: &'a Survey,
    judged: &'a JudgedAreas,
    asked: &'a TrackedAnswers<'a>,
    findings: Vec<Finding>,
    /// Chains in places that their trails left.
    left: BTreeSet<ChainId>,
}

/// A chain with the account of its time, and its oldest objects.
struct ClosedChain {
    report: ChainReport,
    coverage: Coverage,
    oldest: Oldest,
}

impl<'a> ReportBuilder<'a> {
    fn new(
        question: &'a Question,
        circumstances: &'a Circumstances,
        survey: &'a Survey,
        judged: &'a JudgedAreas,
        asked: &'a TrackedAnswers<'a>,
    ) -> Self {
        let mut findings = survey.findings.clone();
        findings.extend(judged.findings.iter().cloned());
        if circumstances.interrupted {
            findings.push(interrupted());
        }
        let left = BTreeSet::new();
        Self { question, circumstances, survey, judged, asked, findings, left }
    }

    fn build(mut self) -> RunReport {
        let chains = &self.judged.chains;
        let newest = chains.values().filter_map(|c| c.linker.end()).max();
        let end = self.question.end.or(newest);
        let statuses = Statuses::ask(self.question, self.circumstances, chains, end, self.asked);
        let (mut closed, mut aged) = (Vec::new(), Vec::new());
        if let Some(end) = end {
            let request = self.request(end, newest);
            for places in by_trail(chains.clone()).into_values() {
                for ClosedChain { report, coverage, oldest } in
                    self.close(places, request, &statuses)
                {
                    aged.push((report.id.clone(), oldest));
                    closed.push((report, coverage));
                }
            }
            closed.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
            let groups = self.judged.after_newest.clone();
            self.findings.extend(report_after_newest(groups, request, &closed, &self.left));
        }
        let shapes = loss_patterns(&aged, self.question.start, &self.findings);
        self.findings.extend(shapes);
        // What explains what does not depend on the order in which areas, or their parts, came.
        Finding::sort(&mut self.findings);
        let explained = self.explain(&mut closed);
        let mut chains = Vec::new();
        for (mut report, coverage) in closed {
            report.coverage = coverage.all().collect();
            chains.push(report);
        }
        self.excuse(&mut chains);
        self.keyless();
        let missing = Holdings {
            question: self.question,
            survey: self.survey,
            chains: &chains,
            without_digests: &self.judged.without_digests,
            other_trails: &self.judged.other_trails,
        }
        .missing(&self.findings);
        self.findings.extend(missing);
        self.drop_explained_sidecars();
        name_digests_of_uncovered(&mut self.findings);
        Finding::sort(&mut self.findings);
        self.findings.dedup();
        self.report(end, &statuses, explained, chains)
    }

    /// The requested time, and how chains are judged that do not reach its end.
    fn request(&self, end: Timestamp, newest: Option<Timestamp>) -> CoverageRequest {
        let Question { start, as_of, grace, form, .. } = *self.question;
        let end_origin = match (self.question.end, form) {
            (None, _) => EndOrigin::Newest,
            (Some(_), SourceForm::Copy) => EndOrigin::OfCopy,
            (Some(_), SourceForm::Bucket) => EndOrigin::OfBucket,
        };
        // A digest that is there shows that the sources are not older.
        let as_of = as_of.map(|as_of| newest.map_or(as_of, |newest| as_of.max(newest)));
        let cut_short = self.circumstances.interrupted;
        CoverageRequest { start, end, end_origin, as_of, grace, cut_short }
    }

    /// Time at which the newest backfill digest beside a standard chain was written.
    fn backfill_written(&self, standard: &ChainId) -> Option<Timestamp> {
        let backfill = ChainId { kind: ChainKind::Backfill, ..standard.clone() };
        self.judged.chains.get(&backfill)?.newest_written
    }

    /// True if facts of another place of a chain's account and region are lacking: the trail may have
    /// gone on there.
    fn lacks_beside(&self, chain: &ChainId) -> bool {
        let own = AreaId::from(chain);
        self.judged.lacking.iter().any(|id| *id != own && id.is_beside(&own))
    }

    /// Closes the chains of one trail in all its places.
    fn close(
        &mut self,
        chains: Vec<LinkedChain>,
        request: CoverageRequest,
        statuses: &Statuses,
    ) -> Vec<ClosedChain> {
        let silences = silences(self.question, self.circumstances.interrupted, &chains, self.asked);
        let (mut places, mut rest) = (Vec::new(), Vec::new());
        for (mut chain, silence) in chains.into_iter().zip(silences) {
            let backfill = self.backfill_written(&chain.report.id);
            let missing = statuses.missing(&mut chain, backfill);
            let reported = statuses.reported(&chain.report.id);
            if self.lacks_beside(&chain.report.id) {
                chain.linker.listing_failed();
            }
            let LinkedChain { report, linker, oldest, listed_until, before, .. } = chain;
            let existed = request.start.is_some_and(|start| before.iter().any(|d| d.end <= start));
            places.push(TrailPlace { linker, listed_until, reported, silence, existed });
            rest.push((report, oldest, missing));
        }
        let verdicts = close_trail(places, request, &mut { self.asked });
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
            self.findings.extend(more.filter(|_| !truncated));
            self.findings.extend(verdict.findings);
            closed.push(ClosedChain { report, coverage: verdict.coverage, oldest });
        }
        closed
    }

    fn explain(&mut self, closed: &mut [(ChainReport, Coverage)]) -> Explained {
        if self.circumstances.interrupted {
            return Explained::nothing(self.question);
        }
        let grounds = Grounds {
            question: self.question,
            survey: self.survey,
            hinted: &self.judged.hinted,
            asked: self.asked,
        };
        explain(&grounds, &mut self.findings, closed)
    }

    /// Accuses of nothing that is absent from a copy which is not finished.
    fn excuse(&mut self, chains: &mut [ChainReport]) {
        for copy in &self.survey.unfinished {
            copy.excuse(&mut self.findings);
            for chain in &mut *chains {
                let findings = &self.findings;
                let excuse = |interval| copy.excuse_time(&chain.id, findings, interval);
                chain.coverage.iter_mut().for_each(excuse);
            }
        }
    }

    /// Drops findings on metadata left beside a file that is gone: the finding on the file covers
    /// them.
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

    /// Adds a finding per region whose public keys could not be fetched.
    fn keyless(&mut self) {
        let mut keyless = self.judged.keyless.clone();
        for (region, cause) in &self.asked.answers().keyless {
            keyless.entry(region.clone()).or_insert_with(|| cause.clone());
        }
        for (region, cause) in &keyless {
            let message = format!(
                "Could not fetch CloudTrail's public keys for {region}: {cause}. Allow cloudtrail:ListPublicKeys, or save them with aws cloudtrail list-public-keys --region {region} and give the file with --keys."
            );
            self.findings.push(Finding::new(Code::ObjectUnreadable, message));
        }
    }

    /// Every known key, and whether it was used.
    fn keys(&self) -> Vec<KeyReport> {
        let used = |key: &KeyReport| {
            self.judged.used_keys.iter().any(|(used, region)| {
                *used == key.fingerprint && key.region.as_ref().is_none_or(|of| of == region)
            })
        };
        let all = self.judged.keys.union(&self.asked.answers().keys);
        all.map(|key| KeyReport { used: used(key), ..key.clone() }).collect()
    }

    fn report(
        self,
        end: Option<Timestamp>,
        statuses: &Statuses,
        explained: Explained,
        chains: Vec<ChainReport>,
    ) -> RunReport {
        let Self { question, circumstances, judged, .. } = self;
        let states = chains.iter().flat_map(|c| &c.coverage).map(|i| i.state);
        let verdict = Verdict::of(&self.findings, states);
        let keys = self.keys();
        let not_proven = NotProven {
            question,
            circumstances,
            statuses,
            end,
            any_key: !keys.is_empty(),
            backfill: judged.chains.keys().any(|id| id.kind == ChainKind::Backfill),
            unreferenced: judged.totals.logs.unreferenced,
            already_inflated: judged.already_inflated,
        };
        let mut not_proven = not_proven.sentences();
        not_proven.extend(explained.not_proven);
        let exit_status = match circumstances.interrupted {
            true => INTERRUPTED,
            false => verdict.exit_status(),
        };
        RunReport {
            schema: crate::report::run::SCHEMA.into(),
            tool: Tool::default(),
            ran_by: circumstances.ran_by.clone(),
            scope: Scope {
                accepted_gaps: explained.gaps,
                accepted_ends: explained.ends,
                ..scope(question, &circumstances.sources, end)
            },
            started: circumstances.started,
            finished: circumstances.started,
            verdict,
            exit_status,
            totals: sum(&judged.totals, &chains),
            chains,
            keys,
            findings: self.findings,
            not_proven,
        }
    }
}

/// The requested scope, for a report.
#[must_use]
pub fn scope(question: &Question, sources: &[String], end: Option<Timestamp>) -> Scope {
    fn names<T: ToString>(of: &[T]) -> Vec<String> {
        of.iter().map(ToString::to_string).collect()
    }
    Scope {
        sources: sources.to_vec(),
        start: question.start,
        end,
        accounts: names(&question.accounts),
        regions: names(&question.regions),
        trails: names(&question.trails),
        excluded_accounts: names(&question.excluded.accounts),
        excluded_regions: names(&question.excluded.regions),
        logs: question.logs,
        accepted_gaps: question.accepted_gaps.clone(),
        accepted_ends: question.accepted_ends.clone(),
        grace_seconds: Some(question.grace.as_secs()),
        unreferenced: question.unreferenced,
        management_account: question.management_account.clone(),
        as_of: question.as_of,
    }
}

/// The finding on a run that was interrupted.
#[must_use]
pub fn interrupted() -> Finding {
    let message = "The run was interrupted: what it had not yet read is not proven.";
    Finding::new(Code::ObjectUnreadable, message)
}

fn sum(totals: &Totals, chains: &[ChainReport]) -> Totals {
    let mut totals = totals.clone();
    totals.chains = chains.len() as u64;
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
