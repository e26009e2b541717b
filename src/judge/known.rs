//! The events that may tell why something is not there, together with why there may be others.

use std::convert::Infallible;

use jiff::Timestamp;

use super::answers::TrackedAnswers;
use super::area::judge_area;
use super::hinted::{HintedLog, HintedLogs, REMEMBERED};
use super::{Question, Survey};
use crate::model::{ChainId, ChainKind, LogKey, Window};
use crate::report::ChainReport;
use crate::verify::hints::Hints;
use crate::verify::interruptions::{Evidence, Owner};
use crate::verify::{Code, Coverage, CoverageState, Finding, Interval, Severity};

/// Log files that are read again at most.
const READ_AGAIN: usize = 2_000;

/// Cause for which the events of some time may not all be known.
pub(super) struct Doubt {
    /// The chain that lists the log file; `None` where it may be any.
    chain: Option<ChainId>,
    listed_in: Window,
    cause: String,
    /// True if it is of the time after the chain's newest digest.
    tail: bool,
}

/// The events that are known, and why others may not be.
#[derive(Default)]
pub(super) struct KnownEvents {
    pub(super) evidence: Vec<Evidence>,
    doubts: Vec<Doubt>,
}

impl KnownEvents {
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
            let trouble = matches!(finding.code, Code::ObjectUnreadable | Code::ObjectArchived);
            let counts = match &finding.chain {
                // It claims no time of its own.
                Some(chain) => chain.kind == ChainKind::Backfill,
                None => trouble,
            };
            if counts {
                self.doubts.push(unchecked(finding));
            }
        }
    }

    /// Adds the events of those log files that are wanted, the latest first where they are too
    /// many.
    pub(super) fn read(
        &mut self,
        hinted: &HintedLogs,
        wanted: impl Fn(Window, Hints) -> bool,
        asked: &TrackedAnswers<'_>,
    ) {
        let all = hinted.trail.iter().rev().chain(hinted.bucket.iter().rev());
        let mut wanted = all.filter(|hint| wanted(hint.lister.window, hint.hints));
        let again: Vec<_> = wanted.by_ref().take(READ_AGAIN).collect();
        for HintedLog { lister, .. } in wanted.filter(|hint| hint.hints.trail) {
            self.doubts.push(Doubt {
                chain: Some(lister.chain.clone()),
                listed_in: lister.window,
                cause: format!("more than {READ_AGAIN} log files may contain such events"),
                tail: false,
            });
        }
        if let Some(listed_in) = hinted.forgotten {
            let cause = format!("more than {REMEMBERED} log files may contain such events");
            self.doubts.push(Doubt { chain: None, listed_in, cause, tail: false });
        }
        for hint in again {
            self.read_one(hint, asked);
        }
    }

    fn read_one(&mut self, hint: &HintedLog, asked: &TrackedAnswers<'_>) {
        let HintedLog { lister, entry, hints } = hint;
        let not_read = || Err("it was not read".to_owned());
        let read = asked.events(entry).map_or_else(not_read, |read| match read {
            Ok(events) => Ok(events.as_slice()),
            Err(cause) => Err(cause.clone()),
        });
        let key = LogKey::parse(&entry.object).ok_or("it is not named like a log file");
        match (key, read) {
            (Ok(key), Ok(events)) => {
                self.evidence.extend(events.iter().map(|event| Evidence {
                    event: event.clone(),
                    bucket: entry.bucket.to_string(),
                    key: key.clone(),
                    chain: lister.chain.clone(),
                    listed_in: lister.window,
                }));
            }
            (key, read) if hints.trail => {
                let cause = read.err().or(key.err().map(str::to_owned)).unwrap_or_default();
                let object = &entry.object;
                let cause = format!("the log file {object} could not be read again: {cause}");
                let (chain, listed_in) = (Some(lister.chain.clone()), lister.window);
                self.doubts.push(Doubt { chain, listed_in, cause, tail: false });
            }
            _ => {}
        }
    }

    /// Adds the events of this trail that other trails recorded, which were not asked about.
    /// `question` is about all trails of a time ([`beside`]).
    pub(super) fn read_other_trails(
        &mut self,
        question: &Question,
        survey: &Survey,
        owner: Owner<'_>,
        asked: &TrackedAnswers<'_>,
    ) {
        let time = question.window();
        let areas = survey.areas.iter();
        for id in areas.filter(|id| owner.is_recorded_in(&id.place, &id.region)) {
            let facts = match asked.beside(id, time) {
                Some(Ok(facts)) => facts,
                Some(Err(cause)) => {
                    self.doubts.push(unread_beside(time, cause));
                    continue;
                }
                None => {
                    self.doubts.push(unread_beside(time, "they were not read"));
                    continue;
                }
            };
            let Ok(judged) = judge_area(question, survey, facts, &mut |_| Ok::<_, Infallible>(()));
            self.read(&facts.hinted, |_, hints| hints.trail, asked);
            for (id, chain) in &judged.chains {
                let statements = chain.linker.statements().all();
                self.doubts.extend(statements.filter_map(|i| unproven(id, i)));
            }
            let unread = judged.findings.iter().filter(|f| {
                let unlisted = matches!(f.code, Code::LogUnreferenced | Code::NoDigests);
                f.severity > Severity::Notice && !unlisted
            });
            self.doubts.extend(unread.map(unchecked));
        }
    }
}

/// The question about all trails of a time, asked for the sake of another one.
#[must_use]
pub fn beside(question: &Question, time: Window) -> Question {
    Question {
        start: Some(time.start),
        end: Some(time.end),
        trails: Vec::new(),
        ..question.clone()
    }
}

/// The doubt that a finding leaves.
fn unchecked(finding: &Finding) -> Doubt {
    let what = finding.key.as_deref().unwrap_or("a part of the source");
    let cause = format!("{what} could not be checked ({})", finding.code.as_str());
    let listed_in = finding.of_time().unwrap_or(ALWAYS);
    Doubt { chain: finding.chain.clone(), listed_in, cause, tail: false }
}

fn unread_beside(listed_in: Window, cause: &str) -> Doubt {
    let cause = format!("other trails of the account could not be read ({cause})");
    Doubt { chain: None, listed_in, cause, tail: false }
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
