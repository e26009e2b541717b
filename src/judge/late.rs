//! Digests that may list a log file which none of those read so far lists: later ones, and those
//! of other places of the trail.

use jiff::{SignedDuration, Timestamp};

use super::Question;
use super::facts::AreaFacts;
use super::plan::{Plan, PlannedDigest};
use crate::model::time::{add, day_folder, hours, minutes, sub};
use crate::model::{AreaId, ChainKind, DigestKey, LogKey, Window};
use crate::verify::candidates::{Candidate, Candidates, Name};
use crate::verify::completeness::ListedName;
use crate::verify::unlisted::Delivery;

/// Moments of a folder's time at which other places are asked: those of the hours of a day.
const FOLDER_MOMENTS: i64 = 24;
/// Longest time of a folder of which other places are asked: a year's.
const MOST_FOLDER_SECONDS: i64 = 366 * 24 * 3600;
/// Files of one area that are opened in a bucket to identify them, at most: each is a request.
pub const OPENED_IN_A_BUCKET: usize = 5_000;

/// Time within which digests that were not asked for may list the candidates that are left; `None`
/// where every one was asked.
#[must_use]
pub fn consulted_time(question: &Question, candidates: &Candidates) -> Option<Window> {
    let asked = question.window();
    let late = candidates.iter().map(|candidate| listing_window(&candidate, asked));
    let span = late.reduce(|a, b| Window::new(a.start.min(b.start), a.end.max(b.end)))?;
    // No digest is newer than the source.
    let newest = question.as_of.map_or(span.end, |as_of| span.end.min(as_of));
    let span = Window::new(span.start, newest);
    let every_one =
        question.trails.is_empty() && asked.start <= span.start && span.end <= asked.end;
    (!every_one).then_some(span)
}

/// Time within which a digest may list a candidate.
fn listing_window(candidate: &Candidate, asked: Window) -> Window {
    let named = |time| Delivery::Named(time).listing_window();
    let folder = candidate.folder.intersect(&asked);
    let by_folder = Window::new(named(folder.start).start, named(folder.end).end);
    match candidate.name {
        Name::InPlace(time) => named(time),
        Name::Elsewhere(time) => {
            let by_name = named(time);
            Window::new(by_name.start.min(by_folder.start), by_name.end.max(by_folder.end))
        }
        Name::Other => by_folder,
    }
}

/// The days whose digests are listed for log files of a time.
#[must_use]
pub fn consulted_days(span: Window) -> Window {
    Window::new(sub(span.start, hours(24)), add(span.end, hours(24)))
}

/// True if a digest may list log files of a time.
#[must_use]
pub fn is_consulted(span: Window, name: &DigestKey) -> bool {
    name.end >= span.start && name.end <= add(span.end, hours(2))
}

/// True if a digest is one of those that were asked for, as the facts of its area show.
#[must_use]
pub fn was_asked_for(question: &Question, facts: &AreaFacts, name: &DigestKey) -> bool {
    let chain = facts.chains.get(&name.chain(facts.id.bucket.as_ref()));
    let last = chain.and_then(|chain| chain.rows.end());
    question.start.is_none_or(|start| start < name.end) && Some(name.end) <= last
}

/// The keys of the log files that a file may be a copy of by its name, such as `NAME (1).json.gz`
/// or `copy of NAME.json.gz`.
#[must_use]
pub fn originals(id: &AreaId, file: &Candidate) -> Vec<String> {
    let name = file.key.rsplit_once('/').map_or(file.key.as_str(), |(_, name)| name);
    let begin = format!("{}_{}_{}_", id.place.account, file.kind.folder(), id.region);
    let Some(rest) = name.find(&begin).and_then(|at| name.get(at + begin.len()..)) else {
        return Vec::new();
    };
    let of_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let stem: String = rest.chars().take_while(of_name).collect();
    let in_day = |day: &str| {
        let folder = format!("{}{}/{}", id.place.folder(), file.kind.folder(), id.region);
        format!("{folder}/{day}/{begin}{stem}.json.gz")
    };
    let Some(log) = LogKey::parse(&in_day("2000/01/01")) else { return Vec::new() };
    let days = [-24, 0, 24].map(|n| day_folder(add(log.time, hours(n))));
    days.iter().map(|day| in_day(day)).collect()
}

/// True if a log file that exists is listed, as facts joined of parts show: of the requested time,
/// those that no digest lists are candidates; of other times, those are known that digests list.
#[must_use]
pub fn is_listed(question: &Question, facts: &AreaFacts, key: &str) -> bool {
    match LogKey::parse(key) {
        Some(log) if question.window().contains(log.time) => !facts.candidates.contains(key),
        _ => facts.listed_of_other_times.contains(&ListedName::of(facts.id.bucket_name(), key)),
    }
}

/// Times that a candidate may be of: its name's, or moments spread over what was asked of its
/// folder's time.
#[must_use]
pub fn times_of(candidate: &Candidate, asked: Window) -> Vec<Timestamp> {
    if let Some(time) = candidate.name.time() {
        return vec![time];
    }
    let folder = candidate.folder.intersect(&asked);
    let seconds = folder.seconds();
    if !(1..=MOST_FOLDER_SECONDS).contains(&seconds) {
        return Vec::new();
    }
    let moment = |n: i64| seconds * (2 * n + 1) / (2 * FOLDER_MOMENTS);
    (0..FOLDER_MOMENTS).map(|n| add(folder.start, SignedDuration::from_secs(moment(n)))).collect()
}

/// The days whose digests in other places are listed for log files of these times.
#[must_use]
pub fn days_elsewhere(times: &[Timestamp]) -> Option<Window> {
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    Some(Window::new(sub(*first, hours(1)), add(*last, hours(3))))
}

/// The standard digests of another place that may list log files of these times in the normal
/// course, each run of them with the digest after it.
pub fn near<'p>(plan: &'p Plan, times: &[Timestamp]) -> impl Iterator<Item = &'p PlannedDigest> {
    let near = |end: Timestamp| {
        let lists = |time: &Timestamp| sub(*time, minutes(5)) <= end && end <= add(*time, hours(3));
        times.iter().any(lists)
    };
    plan.iter()
        .filter(move |digest| digest.name.kind == ChainKind::Standard && near(digest.name.end))
}
