//! The judgement on one area: its chains, and the log files that no digest lists.

use std::collections::BTreeMap;

use super::facts::{AreaFacts, BeyondDay, NamedDigest, Strays};
use super::judging::{Judging, LinkedChain};
use super::late::OPENED_IN_A_BUCKET;
use super::unlisted::{self, JudgedUnlisted, UnlistedGroup};
use super::unreferenced::UnlistedLog;
use super::{Question, Survey};
use crate::model::{AreaId, BucketName, ChainId, Window};
use crate::report::wording::counted;
use crate::verify::notices::NoticeCollapser;
use crate::verify::{Code, Finding};

/// Judgement on the facts of an area by themselves.
#[derive(Debug)]
pub struct AreaJudgement {
    pub(super) id: AreaId,
    pub(super) findings: Vec<Finding>,
    pub(super) chains: BTreeMap<ChainId, LinkedChain>,
    /// True if it holds no digest in view.
    pub(super) without_digests: bool,
    /// Log files that lie after its newest digest.
    pub(super) after_newest: Option<UnlistedGroup>,
    /// Number of log files that no digest lists, though digests cover their time and place.
    pub(super) unreferenced: u64,
}

/// Digests that linking those of an area asks for, which its facts do not tell of: whether they
/// are there.
#[must_use]
pub fn wanted_by_links(
    question: &Question,
    survey: &Survey,
    facts: &AreaFacts,
) -> Vec<NamedDigest> {
    let mut area = Judging::new(question, survey, facts);
    area.link();
    area.finish_links();
    area.wanted.into_inner().into_iter().collect()
}

/// Judges the facts of an area. `each` gets the log files that should be listed, in the order of
/// their keys.
///
/// # Errors
/// Those of `each`.
pub fn judge_area<E>(
    question: &Question,
    survey: &Survey,
    facts: &AreaFacts,
    each: &mut dyn FnMut(UnlistedLog<'_>) -> Result<(), E>,
) -> Result<AreaJudgement, E> {
    let mut area = Judging::new(question, survey, facts);
    area.findings.extend(strays_found(&facts.id, &facts.strays));
    area.link();
    if area.hidden.is_empty() {
        area.without_standard_digests();
    }
    if area.chains.is_empty() {
        area.without_chains();
        return Ok(judgement(area, JudgedUnlisted::default()));
    }
    area.finish_links();
    let unlisted = unlisted::judge(&mut area, each)?;
    area.findings.extend(facts.beyond.iter().map(|(folder, day)| beyond(&facts.id, folder, *day)));
    for chain in facts.chains.values() {
        for notices in [&chain.headers, &chain.metadata] {
            area.findings.extend(notices.clone().into_findings());
        }
    }
    Ok(judgement(area, unlisted))
}

fn judgement(area: Judging<'_>, unlisted: JudgedUnlisted) -> AreaJudgement {
    let Judging { facts, findings, chains, without_digests, .. } = area;
    let JudgedUnlisted { after_newest, unreferenced } = unlisted;
    AreaJudgement {
        id: facts.id.clone(),
        findings,
        chains,
        without_digests,
        after_newest,
        unreferenced,
    }
}

/// The findings on what lies in an area's folders and does not belong there.
#[must_use]
pub fn strays_found(id: &AreaId, strays: &Strays) -> Vec<Finding> {
    let Strays { among_digests, logs_among_digests, among_logs, unread, .. } = strays;
    let notices = [among_digests, logs_among_digests, among_logs, unread].into_iter();
    let mut findings: Vec<_> = notices.cloned().flat_map(NoticeCollapser::into_findings).collect();
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    let folder = |message: String| {
        Finding::new(Code::ObjectUnreadable, message).object(bucket, id.place.folder())
    };
    for (count, what) in [(strays.digests_twice, "digests"), (strays.logs_twice, "log files")] {
        let message = format!(
            "The sources have {count} {what} more than once, and only one copy of each was checked. Verify the copies in separate runs."
        );
        findings.extend((count > 0).then(|| folder(message)));
    }
    let left_out = strays.not_looked_at;
    let message = format!(
        "{left_out} objects among the log files are not named like log files and were not identified, because at most {OPENED_IN_A_BUCKET} are opened. Remove them, or verify a shorter time."
    );
    findings.extend((left_out > 0).then(|| folder(message)));
    findings
}

/// The finding on log files of a day that a copy does not have.
fn beyond(id: &AreaId, folder: &str, day: BeyondDay) -> Finding {
    let BeyondDay { count, window, has_folder } = day;
    let Window { start, end } = window;
    let files = counted(count, "log file", "log files");
    let were = if count == 1 { "was" } else { "were" };
    let message = if has_folder {
        format!(
            "{files} listed by digests of the copy {were} not checked: their day is not in the copy. Copy one more day on each side, or exclude the time of these digests, {start} to {end} (--start-time, --end-time)."
        )
    } else {
        format!(
            "{files} listed by digests of the copy {were} not checked: the copy begins below the account's folder and has no log files. Copy the account's folder with both CloudTrail and CloudTrail-Digest, or check digests only (--no-logs)."
        )
    };
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    Finding::new(Code::ObjectUnreadable, message).object(bucket, folder).window(window)
}
