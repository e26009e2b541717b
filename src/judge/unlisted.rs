//! The judgement on the log files that no digest of an area lists.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::Question;
use super::judging::{Judging, coverage_of};
use super::unreferenced::{UnlistedLog, UnreferencedLogs};
use crate::model::time::{add, minutes, sub};
use crate::model::{AreaId, BucketName, ChainId, ChainKind, LogKind, Window};
use crate::report::ChainReport;
use crate::report::wording::counted;
use crate::verify::candidates::{Candidate, Name};
use crate::verify::link::CoverageRequest;
use crate::verify::unlisted::{Testimony, Unlisted};
use crate::verify::{Code, Coverage, CoverageState, Finding, Severity};

/// Log files that are reported together.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnlistedGroup {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl UnlistedGroup {
    fn add(group: &mut Option<Self>, time: Timestamp) {
        let g = group.get_or_insert(Self { count: 0, first: time, last: time });
        g.count += 1;
        g.first = g.first.min(time);
        g.last = g.last.max(time);
    }

    fn files(&self) -> String {
        counted(self.count, "log file", "log files")
    }
}

/// Judgement on the log files of an area that no digest lists, beside findings.
#[derive(Debug, Default)]
pub(super) struct JudgedUnlisted {
    /// Log files that lie after the newest digest.
    pub(super) after_newest: Option<UnlistedGroup>,
    /// Number of log files that no digest lists, though digests cover their time and place.
    pub(super) unreferenced: u64,
}

/// Judges an area's log files that no digest lists.
///
/// # Errors
/// Those of `each`, which gets the log files that should be listed.
pub(super) fn judge<E>(
    area: &mut Judging<'_>,
    each: &mut dyn FnMut(UnlistedLog<'_>) -> Result<(), E>,
) -> Result<JudgedUnlisted, E> {
    if area.facts.candidates.is_empty() {
        return Ok(JudgedUnlisted::default());
    }
    let mut unreferenced = UnreferencedLogs::new(area);
    let groups = UnlistedGroups::of(area, &mut unreferenced, each)?;
    let (count, findings) = unreferenced.finish();
    area.findings.extend(findings);
    area.findings.extend(groups.findings(&area.facts.id));
    Ok(JudgedUnlisted { after_newest: groups.after_newest, unreferenced: count })
}

/// Coverage, by the digests of an area, of the times that log files may be of.
struct Statements {
    /// The digests that were asked for.
    asked_for: BTreeMap<ChainId, Coverage>,
    /// The digests that were asked for, and others that were consulted.
    all: BTreeMap<ChainId, Coverage>,
    /// Digests in other places of the area's trails.
    moved: BTreeMap<ChainId, Coverage>,
}

impl Statements {
    fn of(area: &Judging<'_>) -> Self {
        let asked_for = area.statements();
        let mut all = asked_for.clone();
        let standard = |(id, _): &(&ChainId, _)| id.kind == ChainKind::Standard;
        for (id, rows) in area.facts.consulted.iter().filter(standard) {
            let known = all.entry(id.clone()).or_default();
            for interval in coverage_of(id, rows).all() {
                known.assign(interval.window, interval.state, interval.reason);
            }
        }
        let own = |id: &ChainId| area.chains.keys().any(|chain| chain.trail == id.trail);
        let moved = area.facts.elsewhere.iter().filter(|(id, _)| own(id));
        let moved = moved.map(|(id, rows)| (id.clone(), coverage_of(id, rows))).collect();
        Self { asked_for, all, moved }
    }
}

/// Log files that are reported together, by the judgement on them.
#[derive(Default)]
struct UnlistedGroups {
    undecided: Option<UnlistedGroup>,
    /// Undecided, where a finding on the digests that were asked for says why.
    explained: Option<UnlistedGroup>,
    uncovered: Option<UnlistedGroup>,
    after_newest: Option<UnlistedGroup>,
    /// Log files of kinds that no digest lists.
    kinds: BTreeMap<LogKind, Option<UnlistedGroup>>,
}

impl UnlistedGroups {
    /// Sorts the log files into groups, and those that should be listed into `unreferenced`.
    fn of<E>(
        area: &Judging<'_>,
        unreferenced: &mut UnreferencedLogs,
        each: &mut dyn FnMut(UnlistedLog<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let facts = area.facts;
        let statements = Statements::of(area);
        let unseen_of_asked_for = [area.hidden.as_slice(), &facts.hidden.reading].concat();
        let unseen = [unseen_of_asked_for.as_slice(), &facts.hidden.beyond].concat();
        let judge = CandidateJudge::new(area, &statements.all, &unseen);
        let by_asked_for = CandidateJudge::new(area, &statements.asked_for, &unseen_of_asked_for);
        let by_moved = CandidateJudge::new(area, &statements.moved, &[]);
        // Where a trail has other places, it may have been away: no finding speaks for that time.
        let only_place = area.survey.is_only_place(&facts.id);
        let away = |time: Timestamp| {
            let around = Window::new(sub(time, minutes(5)), add(time, minutes(30)));
            let mut spans = statements.asked_for.values().filter_map(|c| Some((c, c.span()?)));
            !only_place && spans.any(|(c, span)| !c.unassigned(around.intersect(&span)).is_empty())
        };
        let mut groups = Self::default();
        for candidate in facts.candidates.iter() {
            let time = candidate.name.time().unwrap_or(candidate.folder.start.max(judge.first));
            if !facts.kinds.contains(&candidate.kind) {
                UnlistedGroup::add(groups.kinds.entry(candidate.kind).or_default(), time);
                continue;
            }
            if !facts.completed {
                // Not every digest that may list it was asked.
                UnlistedGroup::add(&mut groups.undecided, time);
                continue;
            }
            if let Some(original) = facts.copies.get(&candidate.key) {
                unreferenced.copy(&candidate, original);
                continue;
            }
            let judgement = match judge.judge(&candidate) {
                // Its trail delivered elsewhere by then.
                Unlisted::Uncovered | Unlisted::AfterNewest
                    if by_moved.judge(&candidate) >= Unlisted::Suspect =>
                {
                    Unlisted::Suspect
                }
                judgement => judgement,
            };
            match judgement {
                Unlisted::Unreferenced => unreferenced.push(each, &candidate, time, false)?,
                Unlisted::Suspect => unreferenced.push(each, &candidate, time, true)?,
                Unlisted::Undecided => {
                    let by_asked_for =
                        by_asked_for.judge(&candidate) == Unlisted::Undecided && !away(time);
                    let group =
                        if by_asked_for { &mut groups.explained } else { &mut groups.undecided };
                    UnlistedGroup::add(group, time);
                }
                Unlisted::AfterNewest => UnlistedGroup::add(&mut groups.after_newest, time),
                Unlisted::Uncovered => UnlistedGroup::add(&mut groups.uncovered, time),
            }
        }
        Ok(groups)
    }

    fn findings(&self, id: &AreaId) -> Vec<Finding> {
        let undecided = |(group, severity): (Option<UnlistedGroup>, Severity)| {
            let group = group?;
            let message = format!(
                "{} of this time: no valid digest lists {them}, but digests that could list {them} are missing, invalid or unreadable. It is unknown whether {they} here.",
                group.files(),
                them = if group.count == 1 { "it" } else { "them" },
                they = if group.count == 1 { "it belongs" } else { "they belong" },
            );
            Some(grouped(id, "", group, message).severity(severity))
        };
        let uncovered = self.uncovered.map(|group| {
            let message = format!(
                "{} of this time that no digest lists: there never was a digest that could.",
                group.files()
            );
            grouped(id, "", group, message)
        });
        let of_kind = |(kind, group): (&LogKind, &Option<UnlistedGroup>)| {
            let group = (*group)?;
            let folder = format!("{}/", kind.folder());
            let message = format!(
                "{} of kind {}, which digests never list: no digest covers them.",
                group.files(),
                kind.folder()
            );
            Some(grouped(id, &folder, group, message))
        };
        [(self.undecided, Severity::Incomplete), (self.explained, Severity::Notice)]
            .into_iter()
            .filter_map(undecided)
            .chain(uncovered)
            .chain(self.kinds.iter().filter_map(of_kind))
            .collect()
    }
}

/// Judgement on candidates by what digests say; that on a folder is made once.
struct CandidateJudge<'a> {
    chains: Vec<&'a Coverage>,
    unseen: &'a [Window],
    question: &'a Question,
    /// The first moment that digests speak of.
    first: Timestamp,
    folders: RefCell<HashMap<Window, Unlisted>>,
}

impl<'a> CandidateJudge<'a> {
    fn new(
        area: &Judging<'a>,
        statements: &'a BTreeMap<ChainId, Coverage>,
        unseen: &'a [Window],
    ) -> Self {
        let chains: Vec<_> = statements.values().collect();
        let first = chains.iter().filter_map(|c| c.span()).map(|span| span.start).min();
        let first = first.unwrap_or(area.survey.taken);
        Self { chains, unseen, question: area.question, first, folders: Default::default() }
    }

    fn judge(&self, candidate: &Candidate) -> Unlisted {
        let (grace, as_of) = (self.question.grace, self.question.as_of);
        let testimony = Testimony { chains: &self.chains, unseen: self.unseen, grace, as_of };
        let by_name = |time| testimony.judge(time, candidate.written);
        let by_folder = || {
            let folder = candidate.folder.intersect(&self.question.window());
            let mut folders = self.folders.borrow_mut();
            *folders.entry(folder).or_insert_with(|| testimony.judge_folder(folder))
        };
        match candidate.name {
            Name::InPlace(time) => by_name(time),
            Name::Elsewhere(time) if self.question.window().contains(time) => {
                by_name(time).max(by_folder())
            }
            Name::Elsewhere(_) | Name::Other => by_folder(),
        }
    }
}

/// The findings on log files newer than the newest digest, unless the one that will list them is not due
/// yet.
pub(super) fn report_after_newest(
    groups: Vec<(AreaId, UnlistedGroup)>,
    request: CoverageRequest,
    chains: &[(ChainReport, Coverage)],
    left: &BTreeSet<ChainId>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, group) in groups {
        let newest = chains
            .iter()
            .filter(|(c, _)| {
                c.id.bucket == id.bucket && c.id.place == id.place && c.id.region == id.region
            })
            .flat_map(|(c, coverage)| coverage.all().map(move |interval| (interval, &c.id)))
            .filter(|(i, _)| i.state == CoverageState::Proven)
            .map(|(i, chain)| (i.window.end, chain))
            .max();
        if newest.is_some_and(|(_, chain)| left.contains(chain)) {
            let message = format!(
                "{} newer than the last digest in this bucket and prefix, although the trail delivered elsewhere by then. No digest here will list them.",
                group.files()
            );
            let finding = grouped(&id, "", group, message);
            findings.push(finding.severity(Severity::Incomplete));
            continue;
        }
        let due = newest.map_or(Timestamp::MIN, |(newest, _)| add(newest, request.grace));
        if group.last < due {
            continue;
        }
        let message = format!(
            "{} newer than the newest digest; no digest covers that time yet.",
            group.files()
        );
        findings.push(grouped(&id, "", group, message));
    }
    findings
}

fn grouped(id: &AreaId, folder: &str, group: UnlistedGroup, message: String) -> Finding {
    let key = if folder.is_empty() {
        id.place.folder()
    } else {
        format!("{}{folder}{}/", id.place.folder(), id.region)
    };
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    Finding::new(Code::LogUncovered, message)
        .object(bucket, key)
        .window(Window::new(group.first, group.last))
}
