//! The judgement on log files that no digest lists: which of them should have been listed?
//!
//! A log file's name tells when its newest event happened, not when it was delivered; digests
//! cover deliveries. So a file is called unreferenced only where every digest that could have
//! listed it was there to be asked. The store's own time of writing may raise suspicion and never
//! lowers it: whoever can write to a bucket can write again.

use jiff::{SignedDuration, Timestamp};

use super::coverage::{Coverage, CoverageState};
use super::finding::{Code, Finding, Severity};
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{ChainId, Window};

/// Time after the one in its name within which a log file is delivered in the normal course. AWS
/// speaks of 5 minutes on average and of 15 as usual.
const DELIVERY_SLACK_MINUTES: i64 = 30;
/// Step that the time in a name is rounded up by.
const ROUNDING_MINUTES: i64 = 5;
/// Days after which a log file may be delivered again at the latest.
const LATEST_DELIVERY_DAYS: i64 = 30;
/// Difference that a digest's times and the store's clock may have.
const CLOCK_SLACK_MINUTES: i64 = 15;
/// Time before the end of the newest digest from which on a file that was written after it may
/// still wait for the next one.
const FRESH_HOURS: i64 = 1;
/// Moments of a folder's time that are looked at, at most: three for each stretch of one state.
const MOMENTS: usize = 600;

/// Evidence of the time at which a log file was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// Nothing but the time in its name.
    Named(Timestamp),
    /// The store itself: a bucket knows when an object was written.
    Known(Timestamp),
}

impl Delivery {
    /// Evidence from the time in a name and, where the store knows it, the time of writing. A time
    /// of writing that does not follow on the name's is one of copying, not of delivery.
    #[must_use]
    pub fn of(named: Timestamp, written: Option<Timestamp>) -> Self {
        let earliest = Self::earliest(named);
        let latest = add(named, hours(24 * (LATEST_DELIVERY_DAYS + 1)));
        match written.filter(|written| earliest <= *written && *written <= latest) {
            Some(written) => Self::Known(written),
            None => Self::Named(named),
        }
    }

    /// Moment before which no file of that name can have been written.
    fn earliest(named: Timestamp) -> Timestamp {
        sub(named, minutes(ROUNDING_MINUTES + CLOCK_SLACK_MINUTES))
    }

    /// The time that it gives.
    #[must_use]
    pub fn time(self) -> Timestamp {
        match self {
            Self::Named(time) | Self::Known(time) => time,
        }
    }

    /// Time within which it was delivered in the normal course.
    fn normal(self) -> Window {
        match self {
            Self::Named(time) => Window::new(
                sub(time, minutes(ROUNDING_MINUTES)),
                add(time, minutes(DELIVERY_SLACK_MINUTES)),
            ),
            Self::Known(time) => Window::new(
                sub(time, minutes(CLOCK_SLACK_MINUTES)),
                add(time, minutes(CLOCK_SLACK_MINUTES)),
            ),
        }
    }

    /// Time within which digests may list it, at the latest.
    #[must_use]
    pub fn listing_window(self) -> Window {
        let normal = self.normal();
        match self {
            Self::Known(_) => normal,
            Self::Named(time) => {
                Window::new(normal.start, add(time, hours(24 * LATEST_DELIVERY_DAYS)))
            }
        }
    }
}

/// Judgement on a log file that no digest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unlisted {
    /// No digest was ever due for it.
    Uncovered,
    /// It came after the newest digest: the one that will list it is not there yet.
    AfterNewest,
    /// A digest that may list it could not be read, is gone or not valid: undecided.
    Undecided,
    /// Its name lies in proven time, and the store says that it was written later than any digest
    /// that is there could list: a late delivery, or a file that is put again and again.
    Suspect,
    /// Digests that are there cover its delivery: it should be listed.
    Unreferenced,
}

/// Digests of an account and region, as far as they were seen.
#[derive(Debug, Clone, Copy)]
pub struct Testimony<'a> {
    /// Statements on time of each standard chain.
    pub chains: &'a [&'a Coverage],
    /// Time whose digests may exist unseen: folders that could not be listed, backfill digests
    /// that could not be read or are not valid.
    pub unseen: &'a [Window],
    /// Allowed delay of a digest.
    pub grace: SignedDuration,
    /// The time as of which the source is what it is; `None` for that of the newest digest.
    pub as_of: Option<Timestamp>,
}

/// Statement of one chain on one window of delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChainStatement {
    /// It begins later, or has a gap there.
    Nothing,
    /// Its newest digest ends before.
    NotYet,
    /// Its digests may list the file and are missing, not valid or unread.
    Perhaps,
    /// Its valid digests cover the time named, but not all of that of a normal delivery.
    Likely,
    /// Its valid digests cover the window.
    Covered,
}

impl Testimony<'_> {
    /// Judges a log file by the time in its name and, where the store knows it, the time of
    /// writing.
    #[must_use]
    pub fn judge(&self, named: Timestamp, written: Option<Timestamp>) -> Unlisted {
        let after = |end| add(named, minutes(DELIVERY_SLACK_MINUTES)) > end;
        let Some(written) = written else { return self.by_name_alone(named, after) };
        let by_name = self.by(Delivery::Named(named));
        if written < Delivery::earliest(named) {
            // Nobody writes a file before its events happen: its name is made up.
            return by_name.max(self.by(Delivery::Known(written)));
        }
        let delivery = Delivery::of(named, Some(written));
        if delivery == Delivery::Named(named) {
            return self.by_name_alone(named, after);
        }
        let by_writing = self.by(delivery);
        let fresh = |end| {
            named >= sub(end, hours(FRESH_HOURS))
                && add(written, minutes(CLOCK_SLACK_MINUTES)) > end
        };
        match (by_name, by_writing) {
            (Unlisted::Undecided, _) | (_, Unlisted::Undecided) => Unlisted::Undecided,
            _ if self.awaited(fresh) => Unlisted::AfterNewest,
            (_, Unlisted::Unreferenced) => Unlisted::Unreferenced,
            (Unlisted::Unreferenced, _) => Unlisted::Suspect,
            _ => by_name,
        }
    }

    /// Judgement on a file whose time of writing is not known.
    fn by_name_alone(&self, named: Timestamp, after: impl Fn(Timestamp) -> bool) -> Unlisted {
        match self.by(Delivery::Named(named)) {
            Unlisted::Unreferenced if self.awaited(after) => Unlisted::AfterNewest,
            Unlisted::Unreferenced if self.may_be_listed_after_copy(named) => Unlisted::Suspect,
            by_name => by_name,
        }
    }

    /// True if the digests look like those of whole days that were copied, the file being of the
    /// last of them: what was delivered late is listed by a digest of a day that was not copied.
    fn may_be_listed_after_copy(&self, named: Timestamp) -> bool {
        let newest = self.chains.iter().filter_map(|c| c.span()).map(|span| span.end).max();
        newest.is_some_and(|newest| {
            let of_day = SignedDuration::from_secs(newest.as_second().rem_euclid(24 * 3600));
            of_day >= hours(23) && named >= sub(newest, of_day)
        })
    }

    /// Judges a file whose name gives no time, or one that contradicts its folder, by the time
    /// that its folder stands for: covered anywhere is covered.
    #[must_use]
    pub fn judge_folder(&self, folder: Window) -> Unlisted {
        let moments = self.chains.iter().flat_map(|chain| chain.within(folder)).flat_map(|i| {
            let Window { start, end } = i.window;
            let middle = add(start, SignedDuration::from_secs(i.window.seconds() / 2));
            let (first, last) = (minutes(ROUNDING_MINUTES), minutes(DELIVERY_SLACK_MINUTES));
            [add(start, first), middle, sub(end, last)]
        });
        let edges = [folder.start, sub(folder.end, minutes(1))];
        let judged = moments.filter(|at| folder.contains(*at)).take(MOMENTS).chain(edges);
        judged.map(|at| self.by(Delivery::Named(at))).max().unwrap_or(Unlisted::Uncovered)
    }

    fn by(&self, delivery: Delivery) -> Unlisted {
        let (late, normal) = (delivery.listing_window(), delivery.normal());
        if self.unseen.iter().any(|unseen| unseen.overlaps(&late)) {
            return Unlisted::Undecided;
        }
        let at_once = match delivery {
            Delivery::Named(time) => {
                Some(Window::new(normal.start, add(time, minutes(ROUNDING_MINUTES))))
            }
            Delivery::Known(_) => None,
        };
        let statement = |chain: &&Coverage| statement_of(chain, normal, late, at_once);
        let statements: Vec<_> = self.chains.iter().filter_map(statement).collect();
        let any = |what| statements.contains(&what);
        if any(ChainStatement::Perhaps) {
            Unlisted::Undecided
        } else if any(ChainStatement::Covered) {
            Unlisted::Unreferenced
        } else if any(ChainStatement::Likely) {
            Unlisted::Suspect
        } else if any(ChainStatement::NotYet) {
            Unlisted::AfterNewest
        } else {
            Unlisted::Uncovered
        }
    }

    /// True if a chain that goes on as long as any may list the file in its next digest. Several
    /// trails may deliver to one folder, each at minutes of its own.
    fn awaited(&self, after: impl Fn(Timestamp) -> bool) -> bool {
        let ends = || self.chains.iter().filter_map(|c| c.span()).map(|span| span.end);
        let newest = ends().max();
        // Trails deliver hourly, each at minutes of its own.
        let goes_on = |end: &Timestamp| {
            newest.is_some_and(|newest| newest.duration_since(*end) <= hours(1))
                && self.as_of.is_none_or(|as_of| as_of.duration_since(*end) <= self.grace)
        };
        ends().filter(goes_on).any(after)
    }
}

/// `at_once` is the time of a delivery that follows on the name's at once.
fn statement_of(
    chain: &Coverage,
    normal: Window,
    late: Window,
    at_once: Option<Window>,
) -> Option<ChainStatement> {
    let span = chain.span()?;
    let may_list = chain.all().any(|interval| match interval.state {
        CoverageState::Proven
        | CoverageState::Pending
        | CoverageState::Explained
        | CoverageState::Gap => false,
        CoverageState::Violated => interval.window.overlaps(&normal),
        CoverageState::Unreadable => interval.window.overlaps(&late),
    });
    let asked = normal.intersect(&span);
    let inside = chain.within(asked);
    let spoken_of: i64 = inside.iter().map(|i| i.window.seconds()).sum();
    Some(if may_list || spoken_of < asked.seconds() {
        ChainStatement::Perhaps
    } else if normal.start < span.start {
        ChainStatement::Nothing
    } else if inside.iter().any(|i| i.state == CoverageState::Gap) {
        let proven = |at_once: &Window| {
            let states = chain.within(*at_once);
            !states.is_empty() && states.iter().all(|i| i.state == CoverageState::Proven)
        };
        if at_once.is_some_and(|at_once| proven(&at_once)) {
            ChainStatement::Likely
        } else {
            ChainStatement::Nothing
        }
    } else if normal.end > span.end {
        ChainStatement::NotYet
    } else {
        ChainStatement::Covered
    })
}

/// Names, in findings on log files that digests which are missing or not valid may list, the first
/// of those digests.
pub fn name_digests_of_uncovered(findings: &mut [Finding]) {
    let is_digests = |f: &&Finding| {
        f.severity > Severity::Notice && f.code.as_str().starts_with("digest-") && f.end.is_some()
    };
    let digests: Vec<_> = findings
        .iter()
        .filter(is_digests)
        .filter_map(|f| Some((f.chain.clone()?, f.start.or(f.end)?, f.end?, f.key.clone()?)))
        .collect();
    let uncovered = findings.iter_mut().filter(|f| f.code == Code::LogUncovered);
    for finding in uncovered.filter(|f| f.referenced_by.is_none()) {
        let (Some(start), Some(end), Some(key)) = (finding.start, finding.end, &finding.key) else {
            continue;
        };
        let may_list = |(chain, from, to, _): &&(ChainId, Timestamp, Timestamp, String)| {
            key.starts_with(&chain.place.folder())
                && *from <= add(end, hours(1))
                && start <= add(*to, hours(1))
        };
        if let Some((.., digest)) = digests.iter().find(may_list) {
            finding.referenced_by = Some(digest.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CoverageState::{Gap, Proven, Unreadable, Violated};

    const HOUR: i64 = 60;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 / 3600 * 3600 + minute * 60).unwrap()
    }

    fn coverage(intervals: &[(i64, i64, CoverageState)]) -> Coverage {
        let mut coverage = Coverage::default();
        for (start, end, state) in intervals {
            coverage.assign(Window::new(at(*start), at(*end)), *state, None);
        }
        coverage
    }

    fn testimony<'a>(chains: &'a [&'a Coverage]) -> Testimony<'a> {
        Testimony { chains, unseen: &[], grace: hours(2), as_of: None }
    }

    fn whole() -> Coverage {
        coverage(&[(0, 10 * HOUR, Proven)])
    }

    fn with(state: CoverageState) -> Coverage {
        coverage(&[
            (0, 4 * HOUR, Proven),
            (4 * HOUR, 5 * HOUR, state),
            (5 * HOUR, 10 * HOUR, Proven),
        ])
    }

    #[test]
    fn judges_by_every_digest_that_could_list_it() {
        let (whole, gone, gap) = (whole(), with(Violated), with(Gap));
        let unread = with(Unreadable);
        let late = coverage(&[(3 * HOUR, 10 * HOUR, Proven)]);
        for (minute, chains, expected) in [
            (2 * HOUR, vec![&whole], Unlisted::Unreferenced),
            (9 * HOUR + 30, vec![&whole], Unlisted::Unreferenced),
            (9 * HOUR + 35, vec![&whole], Unlisted::AfterNewest),
            (5, vec![&whole], Unlisted::Unreferenced),
            (4, vec![&whole], Unlisted::Uncovered),
            // A digest that is gone, or a gap, speaks for the files of about its own time ...
            (3 * HOUR + 35, vec![&gone], Unlisted::Undecided),
            (3 * HOUR + 30, vec![&gone], Unlisted::Unreferenced),
            (5 * HOUR + 5, vec![&gap], Unlisted::Unreferenced),
            (5 * HOUR + 4, vec![&gap], Unlisted::Uncovered),
            // Named in proven time, before a gap that a late delivery may lie in.
            (3 * HOUR + 50, vec![&gap], Unlisted::Suspect),
            (3 * HOUR + 56, vec![&gap], Unlisted::Uncovered),
            // ... one that could not be read may list any file delivered late.
            (HOUR, vec![&unread], Unlisted::Undecided),
            (6 * HOUR, vec![&unread], Unlisted::Unreferenced),
            // One chain that covers it is enough, one that cannot tell is too.
            (2 * HOUR, vec![&late], Unlisted::Uncovered),
            (2 * HOUR, vec![&late, &whole], Unlisted::Unreferenced),
            (2 * HOUR, vec![&whole, &unread], Unlisted::Undecided),
            (2 * HOUR, vec![], Unlisted::Uncovered),
            // Another trail's gap lifts nothing.
            (4 * HOUR + 20, vec![&gap, &whole], Unlisted::Unreferenced),
        ] {
            assert_eq!(testimony(&chains).judge(at(minute), None), expected, "{minute}");
        }
    }

    #[test]
    fn a_time_of_writing_raises_suspicion_and_never_lowers_it() {
        let (whole, gap) = (whole(), with(Gap));
        for (chain, named, written, expected) in [
            (&whole, 570, 580, Unlisted::Unreferenced),
            (&whole, 120, 700, Unlisted::Suspect),
            // A copy was made a year later, or the clock is wrong: the name decides.
            (&whole, 120, 525_600, Unlisted::Unreferenced),
            (&whole, 580, 300, Unlisted::Unreferenced),
            (&whole, 620, 580, Unlisted::Unreferenced),
            (&whole, 590, 602, Unlisted::AfterNewest),
            // Named in proven time and written in a gap, or the other way round.
            (&gap, 3 * HOUR, 4 * HOUR + 30, Unlisted::Suspect),
            (&gap, 4 * HOUR + 20, 6 * HOUR, Unlisted::Unreferenced),
            (&gap, 4 * HOUR + 20, 4 * HOUR + 25, Unlisted::Uncovered),
            (&gap, 4 * HOUR + 20, 700, Unlisted::Uncovered),
        ] {
            let judged = testimony(&[chain]).judge(at(named), Some(at(written)));
            assert_eq!(judged, expected, "{named} {written}");
        }
    }

    #[test]
    fn what_is_fresh_waits_for_the_next_digest_of_each_trail_that_goes_on() {
        let (whole, other) = (whole(), coverage(&[(0, 10 * HOUR - 50, Proven)]));
        let ended = coverage(&[(0, 5 * HOUR, Proven)]);
        let judged = |chains: &[&Coverage], named, written| {
            testimony(chains).judge(at(named), Some(at(written)))
        };
        for named in [540, 575, 599] {
            assert_eq!(judged(&[&whole], named, 602), Unlisted::AfterNewest, "{named}");
        }
        assert_eq!(judged(&[&whole], 539, 602), Unlisted::Suspect, "an hour before the end");
        assert_eq!(judged(&[&whole], 555, 560), Unlisted::Unreferenced, "it was due then");
        let chains = [&whole];
        let late = Testimony { as_of: Some(at(721)), ..testimony(&chains) };
        assert_eq!(late.judge(at(555), Some(at(602))), Unlisted::Suspect, "a digest is due since");
        // Delivered to the other trail, whose digest of that time is not due yet.
        assert_eq!(judged(&[&whole, &other], 555, 560), Unlisted::AfterNewest);
        assert_eq!(judged(&[&whole, &ended], 555, 560), Unlisted::Unreferenced);
    }

    #[test]
    fn a_folder_is_covered_where_any_of_its_time_is() {
        let day = Window::new(at(-14 * HOUR), at(10 * HOUR));
        let (whole, gap) = (whole(), coverage(&[(-14 * HOUR, 10 * HOUR, Gap)]));
        assert_eq!(testimony(&[&whole]).judge_folder(day), Unlisted::Unreferenced);
        assert_eq!(testimony(&[&gap]).judge_folder(day), Unlisted::Uncovered);
        assert_eq!(testimony(&[&gap, &whole]).judge_folder(day), Unlisted::Unreferenced);
        let later = Window::new(at(20 * HOUR), at(44 * HOUR));
        assert_eq!(testimony(&[&whole]).judge_folder(later), Unlisted::AfterNewest);
        assert_eq!(testimony(&[]).judge_folder(Window::ALL), Unlisted::Uncovered);
        assert_eq!(testimony(&[&whole]).judge_folder(Window::ALL), Unlisted::Unreferenced);
        // However short what is covered of it is.
        let little = coverage(&[(0, 10 * HOUR, Gap), (10 * HOUR, 11 * HOUR, Proven)]);
        assert_eq!(testimony(&[&little]).judge_folder(day.intersect(&day)), Unlisted::Uncovered);
        let both = Window::new(at(-14 * HOUR), at(12 * HOUR));
        assert_eq!(testimony(&[&little]).judge_folder(both), Unlisted::Unreferenced);
    }

    #[test]
    fn digests_that_may_exist_unseen_leave_it_undecided() {
        let whole = whole();
        let chains = [&whole];
        let judged = |unseen: &[Window], named, written: Option<i64>| {
            let testimony = Testimony { unseen, ..testimony(&chains) };
            testimony.judge(at(named), written.map(at))
        };
        let later = [Window::new(at(24 * HOUR), at(48 * HOUR))];
        let before = [Window::new(at(-24 * HOUR), at(0))];
        assert_eq!(judged(&later, 2 * HOUR, None), Unlisted::Undecided);
        assert_eq!(judged(&later, 2 * HOUR, Some(2 * HOUR)), Unlisted::Undecided);
        assert_eq!(judged(&before, 2 * HOUR, None), Unlisted::Unreferenced);
        let testimony = Testimony { unseen: &later, ..testimony(&chains) };
        assert_eq!(testimony.judge_folder(Window::new(at(0), at(HOUR))), Unlisted::Undecided);
    }
}
