//! One log file: is it there, whole, and what its digest says it is?

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::absence::Absence;
use super::digest::{Rules, Trouble};
use super::events::{Event, EventsRead};
use super::finding::{Code, Finding};
use super::hints::Hints;
use super::inflate::{BodyFault, Inflated, inflate};
use crate::model::{ChainId, LogEntry, Window};

/// Result of checking a log file.
#[derive(Debug)]
pub struct CheckedLog {
    /// `None` when it is what its digest says.
    pub finding: Option<Finding>,
    /// Notice on a valid log file.
    pub notice: Option<Finding>,
    /// Bytes as stored.
    pub stored: u64,
    /// Bytes inflated.
    pub inflated: u64,
    /// True if it was stored inflated.
    pub already_inflated: bool,
    /// Kinds of events that it may hold which explain a loss; none unless it is valid.
    pub hints: Hints,
    /// True if it belongs to a day that the copy does not reach: one finding reports all of a day.
    pub beyond_copy: bool,
}

/// The digest that lists a log file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lister {
    /// Its chain.
    pub chain: ChainId,
    /// Its key.
    pub key: std::sync::Arc<str>,
    /// Its time.
    pub window: Window,
}

/// Answer of the store for a log file.
pub enum LogObject<'a> {
    /// Here it is: its bytes as stored.
    Found(Box<dyn Read + Send + 'a>),
    /// There is no such object.
    Absent(Absence),
    /// There is none in a copy that does not reach the day that it belongs to.
    BeyondCopy,
    /// It cannot be told.
    Trouble(Trouble),
}

/// Checks a log file against the entry of the verified digest that lists it.
#[must_use]
pub fn check_log(
    rules: &Rules,
    lister: &Lister,
    entry: &LogEntry,
    object: LogObject<'_>,
) -> CheckedLog {
    let file = ListedLog { lister, entry };
    let mut body = match object {
        LogObject::Found(body) => body,
        LogObject::Absent(Absence { .. }) => {
            let message = "The log file is missing: a valid digest lists it, and the source has no such object.";
            return file.without_content(Code::LogMissing, message.into());
        }
        LogObject::BeyondCopy => {
            let message = "The log file belongs to a day that is not in the copy.";
            let checked = file.without_content(Code::ObjectUnreadable, message.into());
            return CheckedLog { beyond_copy: true, ..checked };
        }
        LogObject::Trouble(trouble) => {
            let message = format!("The log file could not be read: {}.", trouble.cause);
            return file.without_content(trouble.code, message);
        }
    };
    let mut hints = Hints::default();
    let search = &mut |text: &mut dyn Read| hints = Hints::search(text);
    match inflate(&mut body, rules.limits.log, rules.already_inflated, search) {
        Ok(read) => file.compare(&read, hints),
        Err(fault) => {
            let code = match fault {
                BodyFault::Trouble(_) => Code::ObjectUnreadable,
                BodyFault::TrailingData => Code::LogTrailingData,
                _ => Code::LogMalformed,
            };
            file.without_content(code, format!("The log file is malformed: {fault}."))
        }
    }
}

/// A log file as a verified digest lists it.
struct ListedLog<'a> {
    lister: &'a Lister,
    entry: &'a LogEntry,
}

impl ListedLog<'_> {
    /// Places a finding at the log file.
    fn place(&self, finding: Finding) -> Finding {
        let Self { lister, entry } = self;
        finding
            .chain(&lister.chain)
            .object(Some(&entry.bucket), &*entry.object)
            .window(lister.window)
            .referenced_by(&*lister.key)
    }

    /// Result for a log file of which no content was read, or not all.
    fn without_content(&self, code: Code, message: String) -> CheckedLog {
        CheckedLog {
            finding: Some(self.place(Finding::new(code, message))),
            notice: None,
            stored: 0,
            inflated: 0,
            already_inflated: false,
            hints: Hints::default(),
            beyond_copy: false,
        }
    }

    /// Compares the content with the hash value in the entry.
    fn compare(&self, read: &Inflated, hints: Hints) -> CheckedLog {
        let hash = self.entry.hash;
        let (finding, notice, hints) = if read.hash == hash {
            let notice = read.header.and_then(|header| header.notice());
            (None, notice.map(|notice| self.place(notice)), hints)
        } else {
            let message = "The log file's content does not match the hash value in its digest.";
            let finding = self.place(Finding::new(Code::LogModified, message));
            let finding = finding.compared(format!("SHA-256 {hash}"), read.hash);
            (Some(finding), None, Hints::default())
        };
        CheckedLog {
            finding,
            notice,
            stored: read.stored,
            inflated: read.inflated,
            already_inflated: read.header.is_none(),
            hints,
            beyond_copy: false,
        }
    }
}

/// The events of a log file that tell why something is not there.
///
/// # Errors
/// Reason for which they could not all be read, in a few words: then nothing is known of the
/// others.
pub fn events_of(
    rules: &Rules,
    entry: &LogEntry,
    object: LogObject<'_>,
) -> Result<Vec<Event>, String> {
    let mut body = match object {
        LogObject::Found(body) => body,
        LogObject::Absent(_) | LogObject::BeyondCopy => return Err("it no longer exists".into()),
        LogObject::Trouble(trouble) => return Err(trouble.cause.to_string()),
    };
    let mut found = EventsRead { events: Vec::new(), whole: false };
    let read = &mut |text: &mut dyn Read| found = Event::read(text);
    match inflate(&mut body, rules.limits.log, rules.already_inflated, read) {
        Ok(read) if read.hash != entry.hash => Err("it was changed during the run".into()),
        Ok(_) if !found.whole => Err("it is not a valid log file".into()),
        Ok(_) => Ok(found.events),
        Err(fault) => Err(fault.to_string()),
    }
}
