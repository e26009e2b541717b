//! What verified events say of time that no digest covers, and of objects that are gone.
//!
//! A new segment of a chain is anchored by nothing. Where a verified event ended logging just
//! before, and another one began it just after, the time between is explained. A loss never is:
//! the events that may have caused it are shown as candidates.

use jiff::Timestamp;

use super::events::{Effect, Event};
use super::finding::{Code, EventRole, Finding, FoundEvent};
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{AccountId, ChainId, LogKey, Window};

/// How long before the end of a segment logging may have been stopped: the last digest comes with
/// the end of its hour, and a late one with the next.
const LAST_HOURS: i64 = 3;
/// How far the start of a segment may lie from the event that started it.
const FIRST_HOURS: i64 = 1;
/// How far an event's time and a digest's may differ.
const CLOCK_MINUTES: i64 = 15;
/// How many events of a bucket are told of beside one finding.
const CANDIDATES: usize = 5;

/// An event, and the verified log file that holds it.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The event.
    pub event: Event,
    /// The log file's bucket.
    pub bucket: String,
    /// The log file.
    pub key: LogKey,
}

/// What an event of a trail does to its digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Ends,
    Begins,
}

impl Evidence {
    /// As a finding tells of it.
    #[must_use]
    pub fn told(&self, role: EventRole) -> FoundEvent {
        let event = &self.event;
        FoundEvent {
            role,
            event: event.name.into(),
            time: event.time,
            by: event.by.clone(),
            from: event.from.clone(),
            id: event.id.clone(),
            region: event.region.clone(),
            bucket: self.bucket.clone(),
            key: self.key.to_string(),
        }
    }

    fn turn(&self) -> Option<Turn> {
        match (self.event.name, self.event.validates) {
            ("StopLogging" | "DeleteTrail", _) | ("UpdateTrail", Some(false)) => Some(Turn::Ends),
            ("StartLogging", _) | ("CreateTrail" | "UpdateTrail", Some(true)) => Some(Turn::Begins),
            _ => None,
        }
    }

    /// Whether it names the trail of a chain, by its ARN or by its name in its home region, and
    /// is of the account that the trail belongs to: `None` for whichever.
    fn names(&self, chain: &ChainId, owner: Option<&AccountId>) -> bool {
        let Some(named) = &self.event.trail else { return false };
        let by = &self.key.place;
        let (region, account, name) = match named.strip_prefix("arn:") {
            None => (self.event.region.as_str(), by.account.as_str(), named.as_str()),
            Some(arn) => {
                let mut parts = arn.splitn(5, ':').skip(2);
                let (Some(region), Some(account), Some(resource)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    return false;
                };
                (region, account, resource.strip_prefix("trail/").unwrap_or_default())
            }
        };
        let owned = owner.is_none_or(|owner| account == owner.as_str() && by.account == *owner);
        owned && name == chain.trail.as_str() && region == chain.home_region.as_str()
    }
}

/// The account that a chain's trail belongs to. An organization's trail belongs to its management
/// account, which no digest names: a trail of the same name in any member account would pass for
/// it.
fn owner<'a>(chain: &'a ChainId, management: Option<&'a AccountId>) -> Option<&'a AccountId> {
    match chain.place.organization {
        None => Some(&chain.place.account),
        Some(_) => management,
    }
}

/// The event that ended a segment and the one that began the next, where verified events show
/// both and nothing between them. `management` is the account that an organization's trail belongs
/// to; without it nothing explains a gap of one.
#[must_use]
pub fn explain_gap<'e>(
    chain: &ChainId,
    gap: Window,
    evidence: &'e [Evidence],
    management: Option<&AccountId>,
) -> Option<(&'e Evidence, &'e Evidence)> {
    let owner = owner(chain, management)?;
    let mut turns: Vec<_> = evidence
        .iter()
        .filter(|e| e.names(chain, Some(owner)))
        .filter_map(|e| Some((e.event.time, e.turn()?, e)))
        .collect();
    turns.sort_by_key(|(time, ..)| *time);
    let within = |time: Timestamp, from, to| from <= time && time <= to;
    let clock = minutes(CLOCK_MINUTES);
    // The last word before the gap.
    let ended = turns.iter().rposition(|(time, ..)| *time <= add(gap.start, clock))?;
    let (_, turn, end) = turns.get(ended)?;
    let in_time = within(end.event.time, sub(gap.start, hours(LAST_HOURS)), add(gap.start, clock));
    if *turn != Turn::Ends || !in_time {
        return None;
    }
    // The next beginning: one long before the segment starts tells of digests that are gone.
    let (time, _, begin) =
        turns.get(ended + 1..)?.iter().find(|(_, turn, _)| *turn == Turn::Begins)?;
    let first = hours(FIRST_HOURS);
    within(*time, sub(gap.end, first), add(gap.end, first)).then_some((*end, *begin))
}

/// When logging must be looked at to explain a gap.
#[must_use]
pub fn around_gap(gap: Window) -> [Window; 2] {
    let before = Window::new(sub(gap.start, hours(LAST_HOURS + 1)), add(gap.start, hours(1)));
    let after = Window::new(sub(gap.end, hours(FIRST_HOURS + 1)), add(gap.end, hours(LAST_HOURS)));
    [before, after]
}

/// Explains a gap in a finding.
pub fn tell_explained(finding: &mut Finding, (end, begin): (&Evidence, &Evidence)) {
    finding.message = format!(
        "Logging was interrupted here: {} ended it, and {} began it again. What happened in between was not recorded.",
        sentence(&end.event),
        sentence(&begin.event)
    );
    finding.events = [end, begin].map(|e| e.told(EventRole::Explains)).to_vec();
}

fn sentence(event: &Event) -> String {
    let by = event.by.as_deref().unwrap_or("someone not named");
    let from = event.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    format!("{} by {by}{from} at {}", event.name, event.time)
}

/// Whether a finding tells of a loss that events may have caused.
#[must_use]
pub fn is_loss(code: Code) -> bool {
    matches!(
        code,
        Code::LogMissing
            | Code::DigestMissing
            | Code::ChainTruncated
            | Code::ChainLateStart
            | Code::NoDigests
    )
}

/// The events that may have caused a loss: first those that name the very object, then those that
/// concern its bucket or its trail, the latest first.
#[must_use]
pub fn candidates(finding: &Finding, evidence: &[Evidence]) -> Vec<FoundEvent> {
    let mut found: Vec<_> =
        evidence.iter().filter_map(|e| Some((concerns(finding, e)?, e))).collect();
    found.sort_by_key(|(how, e)| (*how, std::cmp::Reverse(e.event.time)));
    found.iter().take(CANDIDATES).map(|(_, e)| e.told(EventRole::Candidate)).collect()
}

/// How an event may concern a loss, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Concern {
    Object,
    Place,
}

fn concerns(finding: &Finding, evidence: &Evidence) -> Option<Concern> {
    let event = &evidence.event;
    match event.effect {
        Effect::Trail => {
            let chain = finding.chain.as_ref()?;
            let turns = evidence.names(chain, None).then(|| evidence.turn()).flatten();
            let concerned = match finding.code {
                Code::ChainTruncated => turns == Some(Turn::Ends),
                Code::ChainGap => {
                    let near = |window: &Window| window.contains(event.time);
                    turns.is_some() && around_gap(finding.of_time()?).iter().any(near)
                }
                _ => false,
            };
            concerned.then_some(Concern::Place)
        }
        Effect::Bucket => {
            let bucket = finding.bucket.as_ref()?;
            if event.bucket.as_ref() != Some(bucket) {
                return None;
            }
            match (&event.key, event.name) {
                (Some(key), _) => (finding.key.as_ref() == Some(key)).then_some(Concern::Object),
                (None, "DeleteObject" | "DeleteObjectVersion") => None,
                (None, _) => Some(Concern::Place),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DigestKey;

    fn t(hour: i64, minute: i64) -> Timestamp {
        let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        add(start, minutes(60 * hour + minute))
    }

    fn chain(organization: &str, region: &str) -> ChainId {
        let key = format!(
            "AWSLogs/{organization}111122223333/CloudTrail-Digest/{region}/2026/03/01/111122223333_CloudTrail-Digest_{region}_audit_us-east-1_20260301T010000Z.json.gz"
        );
        DigestKey::parse(&key).unwrap().chain(None)
    }

    fn evidence(name: &'static str, time: Timestamp) -> Evidence {
        let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T0020Z_AAAAAAAAAAAAAAAA.json.gz";
        Evidence {
            event: Event {
                name,
                effect: Effect::Trail,
                time,
                region: "us-east-1".into(),
                by: None,
                from: None,
                id: None,
                trail: Some("audit".into()),
                validates: (name == "UpdateTrail").then_some(false),
                bucket: None,
                key: None,
            },
            bucket: "b".into(),
            key: LogKey::parse(key).unwrap(),
        }
    }

    fn explained(chain: &ChainId, evidence: &[Evidence]) -> bool {
        explain_gap(chain, Window::new(t(12, 0), t(20, 5)), evidence, None).is_some()
    }

    fn stop_and_start() -> [Evidence; 2] {
        [evidence("StopLogging", t(11, 20)), evidence("StartLogging", t(20, 4))]
    }

    #[test]
    fn a_stop_before_and_a_start_after_explain_a_gap() {
        let chain = chain("", "us-east-1");
        assert!(explained(&chain, &stop_and_start()));
        let [stop, start] = stop_and_start();
        assert!(explained(&chain, &[start.clone(), stop.clone()]), "in any order");
        assert!(explained(&chain, &[evidence("DeleteTrail", t(11, 20)), start.clone()]));
        assert!(explained(&chain, &[evidence("UpdateTrail", t(11, 20)), start.clone()]));
        assert!(!explained(&chain, &[start]));
        assert!(!explained(&chain, &[stop]));
    }

    #[test]
    fn the_times_must_fit_the_ends_of_the_segments() {
        let chain = chain("", "us-east-1");
        for (stop, start, fits) in [
            (t(9, 0), t(20, 4), true),
            (t(8, 59), t(20, 4), false),
            (t(12, 15), t(20, 4), true),
            (t(12, 16), t(20, 4), false),
            (t(11, 20), t(19, 5), true),
            (t(11, 20), t(19, 4), false), // an hour of digests is gone since
            (t(11, 20), t(21, 5), true),
            (t(11, 20), t(21, 6), false),
        ] {
            let both = [evidence("StopLogging", stop), evidence("StartLogging", start)];
            assert_eq!(explained(&chain, &both), fits, "{stop} {start}");
        }
    }

    #[test]
    fn a_word_between_the_two_explains_nothing() {
        let chain = chain("", "us-east-1");
        let with = |name, time| {
            let [stop, start] = stop_and_start();
            explained(&chain, &[stop, evidence(name, time), start])
        };
        assert!(!with("StartLogging", t(11, 30)), "it was started again before the gap");
        assert!(!with("StartLogging", t(14, 0)), "a segment stood in the gap");
        assert!(with("StopLogging", t(11, 30)));
    }

    #[test]
    fn the_trail_is_told_by_name_home_region_and_account() {
        let here = chain("", "us-east-1");
        let of = |named: &str, region: &str, chain: &ChainId| {
            let both = stop_and_start().map(|mut e| {
                e.event.trail = Some(named.to_owned());
                e.event.region = region.to_owned();
                e
            });
            explained(chain, &both)
        };
        let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit";
        assert!(of(arn, "eu-west-1", &here));
        assert!(of("audit", "us-east-1", &chain("", "eu-west-1")), "a trail of all regions");
        assert!(!of("audit", "eu-west-1", &here), "a trail of that name in another region");
        for other in [
            "audit2",
            "",
            "arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit",
            "arn:aws:cloudtrail:us-east-1:444455556666:trail/audit",
            "arn:aws:cloudtrail:us-east-1:111122223333:channel/audit",
            "arn:aws",
        ] {
            assert!(!of(other, "us-east-1", &here), "{other}");
        }
    }

    #[test]
    fn an_organizations_trail_is_its_management_accounts() {
        fn account(id: &str) -> AccountId {
            AccountId::parse(id).unwrap()
        }
        let chain = chain("o-abc1234567/", "us-east-1");
        let by = |id: &str, named: &str| {
            stop_and_start().map(|mut e| {
                e.key.place.account = account(id);
                e.event.trail = Some(named.to_owned());
                e
            })
        };
        let of = |evidence: &[Evidence], management: Option<&str>| {
            let management = management.map(account);
            let gap = Window::new(t(12, 0), t(20, 5));
            explain_gap(&chain, gap, evidence, management.as_ref()).is_some()
        };
        let arn = "arn:aws:cloudtrail:us-east-1:444455556666:trail/audit";
        assert!(of(&by("444455556666", arn), Some("444455556666")));
        assert!(of(&by("444455556666", "audit"), Some("444455556666")));
        // A member account has a trail of that name.
        assert!(!of(&by("111122223333", "audit"), Some("444455556666")));
        assert!(!of(&by("111122223333", arn), Some("444455556666")));
        assert!(!of(&by("444455556666", arn), None), "nobody said which account manages");
    }

    #[test]
    fn candidates_are_of_the_object_first_then_of_the_bucket() {
        let bucket_event = |name, key: Option<&str>, hour| {
            let mut e = evidence(name, t(hour, 0));
            e.event.effect = Effect::Bucket;
            e.event.bucket = Some("audit-logs".into());
            e.event.key = key.map(str::to_owned);
            e
        };
        let evidence = [
            bucket_event("PutBucketLifecycle", None, 3),
            bucket_event("DeleteObject", Some("k"), 1),
            bucket_event("DeleteObject", Some("other"), 2),
            bucket_event("PutBucketPolicy", None, 4),
            evidence("StopLogging", t(2, 0)),
        ];
        let names = |code, bucket| {
            let mut finding = Finding::new(code, "gone").object(Some(bucket), "k");
            finding.chain = Some(chain("", "us-east-1"));
            candidates(&finding, &evidence).iter().map(|e| e.event.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(Code::LogMissing, "audit-logs"),
            ["DeleteObject", "PutBucketPolicy", "PutBucketLifecycle"]
        );
        assert!(names(Code::LogMissing, "another").is_empty());
        assert_eq!(names(Code::ChainTruncated, "another"), ["StopLogging"]);
    }
}
