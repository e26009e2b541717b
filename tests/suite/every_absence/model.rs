//! What must be said where objects are gone or hold something else: a naive model, hour by hour,
//! that knows of the code only the findings' names. It follows the README: which digest names
//! which, what a log file is worth without its digest, what is told of together.

use crate::common::{ACCOUNT, EMPTY_HOUR, HOURS, Report, digest_key, log_key};

/// Code, severity, key.
pub(crate) type Told = (String, String, String);

/// What lies at the place of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum There {
    /// What belongs there.
    Whole,
    /// Nothing.
    Gone,
    /// Something else, and the code that it is found with.
    Other(&'static str),
    /// A digest that can be read, with metadata that is not its own.
    Resigned,
}

use There::{Gone, Other, Resigned, Whole};

/// A trail of eight hours: the digests by their end, the log files by their hour.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    digests: Vec<There>,
    logs: Vec<Option<There>>,
    /// Whether digests have their own signatures beside them.
    pub(crate) signed: bool,
    /// Whether the eight hours were asked for, without grace; else all there is, with two hours.
    pub(crate) asked: bool,
}

/// What a report must say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) status: u8,
    pub(crate) hours: String,
    pub(crate) findings: Vec<Told>,
}

impl Said {
    pub(crate) fn by(report: &Report) -> Self {
        let mut findings = report.codes();
        findings.sort();
        Self { status: report.status, hours: report.hours(), findings }
    }
}

pub(crate) fn is_digest(key: &str) -> bool {
    key.contains("CloudTrail-Digest")
}

fn told(code: &str, severity: &str, key: impl Into<String>) -> Told {
    (code.to_owned(), severity.to_owned(), key.into())
}

impl Model {
    pub(crate) fn new(signed: bool, asked: bool) -> Self {
        let logs = (0..HOURS).map(|hour| (hour != EMPTY_HOUR).then_some(Whole)).collect();
        Self { digests: vec![Whole; HOURS.into()], logs, signed, asked }
    }

    /// Puts something else in the place of an object.
    pub(crate) fn set(&mut self, key: &str, there: There) {
        let at = (0..HOURS).find(|n| digest_key(n + 1) == key || log_key(*n) == key).unwrap();
        match is_digest(key) {
            true => self.digests[usize::from(at)] = there,
            false => self.logs[usize::from(at)] = Some(there),
        }
    }

    /// Whether the digest of an hour is proven to be whole.
    fn valid(&self, hour: usize) -> bool {
        let next = self.digests.get(hour + 1);
        self.digests[hour] == Whole && (self.signed || next.is_some_and(|next| *next == Whole))
    }

    pub(crate) fn predict(&self) -> Said {
        let count = self.digests.len();
        let there = |hour: &usize| self.digests[*hour] != Gone;
        let (first, last) = ((0..count).find(there).unwrap(), (0..count).rfind(there).unwrap());
        let mut hours = vec!['.'; count];
        let mut findings = Vec::new();
        let (mut missing, mut not_shown) = (Vec::new(), None);
        let tail = if (0..count).any(|hour| self.valid(hour)) { 'V' } else { 'U' };
        for (hour, state) in hours.iter_mut().enumerate() {
            let key = digest_key(u8::try_from(hour + 1).unwrap());
            let next = (hour + 1..count).find(there);
            let named = next.is_some_and(|next| self.digests[next] == Whole);
            *state = match self.digests[hour] {
                Whole if self.valid(hour) => 'P',
                Whole => {
                    findings.push(told("digest-unsigned", "incomplete", key));
                    'U'
                }
                Other(code) => {
                    findings.push(told(code, "violation", key));
                    'V'
                }
                Resigned => {
                    findings.push(told("digest-modified", "violation", key));
                    'V'
                }
                // Of the tail nothing tells but the time that was asked for.
                Gone if hour > last => match self.asked {
                    true => tail,
                    false => '.',
                },
                // Only a digest that is proven accuses; of the others one finding is made, which
                // names the digest that the first of them names.
                Gone if named
                    && (hour > first || hour + 1 == first)
                    && !next.is_some_and(|next| self.valid(next)) =>
                {
                    let next = next.unwrap();
                    not_shown.get_or_insert_with(|| digest_key(u8::try_from(next).unwrap()));
                    'U'
                }
                // Of the head only the last digest is named; those between others follow from them.
                Gone if named && (hour > first || hour + 1 == first) => {
                    missing.push(hour);
                    findings.push(told("digest-missing", "violation", key));
                    'V'
                }
                Gone if hour > first || self.asked => 'G',
                Gone => '.',
            };
        }
        findings.extend(not_shown.map(|key| told("digest-missing", "incomplete", key)));
        if !self.asked {
            self.forget_the_end(&mut hours, &mut findings);
        }
        if self.asked && last + 1 < count {
            let newest = digest_key(u8::try_from(last + 1).unwrap());
            let severity = if tail == 'V' { "violation" } else { "incomplete" };
            findings.push(told("chain-truncated", severity, newest));
        }
        if self.asked && hours[0] == 'G' {
            findings.push(told("chain-late-start", "incomplete", ""));
        }
        // Each stretch of time between digests that none accounts for.
        let gap = |hour: &usize| *hour > first && hours[*hour] == 'G' && hours[hour - 1] != 'G';
        let gaps = (0..count).filter(gap).count();
        findings.extend((0..gaps).map(|_| told("chain-gap", "incomplete", "")));
        let by_digests = hours.clone();
        self.check_logs(&mut hours, &mut findings);
        self.unlisted((first, last), &by_digests, &hours, &mut findings);
        self.shapes(&missing, &mut findings);
        findings.sort();
        let any = |severity: &str| findings.iter().any(|f| f.1 == severity);
        let status = match (any("violation"), any("incomplete")) {
            (true, _) => 1,
            (false, true) => 3,
            (false, false) => 0,
        };
        let hours = hours.into_iter().collect::<String>().trim_end_matches('.').to_owned();
        Said { status, hours, findings }
    }

    /// Where no end is asked for, time ends with the newest digest that nothing contradicts and
    /// those straight after it: one that only claims to be later does not move the end.
    fn forget_the_end(&self, hours: &mut [char], findings: &mut Vec<Told>) {
        let mut end = 0;
        for (hour, state) in hours.iter().enumerate() {
            if matches!(state, 'P' | 'U') || (*state == 'V' && end == hour) {
                end = hour + 1;
            }
        }
        if end > 0 {
            hours[end..].fill('.');
        }
        findings.retain(|f| f.0 != "chain-late-start");
    }

    /// Log files are as good as their digests; without one nothing is said of them here.
    fn check_logs(&self, hours: &mut [char], findings: &mut Vec<Told>) {
        for (hour, log) in self.logs.iter().enumerate().filter(|(hour, _)| self.valid(*hour)) {
            let code = match log {
                Some(Gone) => "log-missing",
                Some(Other(code)) => code,
                _ => continue,
            };
            findings.push(told(code, "violation", log_key(u8::try_from(hour).unwrap())));
            hours[hour] = 'V';
        }
    }

    /// Log files whose digest is gone, or is none any more, are told of together: those that a
    /// digest which is gone may have listed, those that none covers, and those after the newest
    /// digest, once the next one is overdue.
    fn unlisted(
        &self,
        (first, last): (usize, usize),
        by_digests: &[char],
        hours: &[char],
        findings: &mut Vec<Told>,
    ) {
        let (mut undecided, mut uncovered, mut after) = (false, false, None);
        for (hour, log) in self.logs.iter().enumerate() {
            let there = log.is_some_and(|log| log != Gone);
            if !there || matches!(self.digests[hour], Whole | Resigned) {
                continue;
            }
            // A digest that cannot be checked may list any log file from before.
            let may_list = by_digests[hour..].contains(&'U');
            let inside = (first..=last).contains(&hour) || self.is_named_head(hour, first);
            if may_list || inside {
                undecided = true;
            } else if hour > last {
                after = Some(hour);
            } else {
                uncovered = true;
            }
        }
        let grace = if self.asked { 0 } else { 2 };
        let newest = hours.iter().rposition(|state| *state == 'P').map_or(0, |hour| hour + 1);
        let overdue = after.is_some_and(|hour| hour >= newest + grace);
        let groups = [undecided, uncovered, overdue].into_iter().filter(|group| *group);
        findings.extend(groups.map(|_| told("log-uncovered", "notice", account())));
    }

    fn is_named_head(&self, hour: usize, first: usize) -> bool {
        hour + 1 == first && self.digests[first] == Whole
    }

    /// All that is older than some time, or three and more where nothing is left: the shape of a
    /// lifecycle rule.
    fn shapes(&self, missing: &[usize], findings: &mut Vec<Told>) {
        let valid = |hour: &usize| self.valid(*hour);
        let oldest = (0..self.digests.len()).find(valid);
        let listed = (0..self.digests.len()).find(|hour| self.digests[*hour] != Gone);
        if let (Some(gone), Some(oldest), Some(listed)) = (missing.last(), oldest, listed)
            && *gone < oldest.min(listed)
        {
            findings.push(told("loss-pattern", "notice", account()));
        }
        let logs = |state| {
            (0..self.logs.len()).filter(valid).filter(move |h| self.logs[*h] == Some(state))
        };
        let oldest = logs(Whole).next();
        let all_older =
            logs(Gone).next_back().is_some_and(|last| oldest.is_none_or(|there| last < there));
        let enough = if oldest.is_some() { 1 } else { 3 };
        if all_older && logs(Gone).count() >= enough {
            findings.push(told("loss-pattern", "notice", account()));
        }
    }
}

fn account() -> String {
    format!("AWSLogs/{ACCOUNT}/")
}
