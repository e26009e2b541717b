//! Interruptions of a trail: when verified events show that it delivered no digests to a chain.
//!
//! Trusted is only what verified log files hold. A trail delivers digests while it exists, logs,
//! validates its log files and covers the chain's region; each of its events changes some of
//! that, and most change nothing (StopLogging of a trail that is stopped). Where the events leave
//! two readings, the one with more time under way is taken: it explains less.

use super::events::Event;
use super::finding::{EventRole, FoundEvent};
use crate::model::{AccountId, ChainId, LogKey, Place, Region, Window};

/// An event, and the verified log file that holds it.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The event.
    pub event: Event,
    /// The log file's bucket.
    pub bucket: String,
    /// The log file.
    pub key: LogKey,
    /// The chain whose digest lists the log file.
    pub chain: ChainId,
    /// The time of that digest.
    pub listed_in: Window,
}

/// The effect of an event on what a trail delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoggingChange {
    /// It may end the delivery of digests.
    Ends,
    /// It may begin it.
    Begins,
}

/// A time in which a trail delivered no digests to a chain.
#[derive(Debug, Clone, Copy)]
pub struct Interruption<'e> {
    /// The event that ended the delivery.
    pub end: &'e Evidence,
    /// The first event that began it again; `None` where none did.
    pub begin: Option<&'e Evidence>,
}

/// Account and trail that events must name to concern a chain.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    chain: &'a ChainId,
    account: &'a AccountId,
}

impl Evidence {
    /// The form in which a finding shows it.
    #[must_use]
    pub fn found_event(&self, role: EventRole) -> FoundEvent {
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

    /// Its effect on the delivery of digests to a chain, where it names the chain's trail.
    #[must_use]
    pub fn change(&self, chain: &ChainId) -> Option<LoggingChange> {
        let event = &self.event;
        let regions = event.all_regions.filter(|_| chain.region != chain.home_region);
        match (event.name, event.validates, regions) {
            ("StopLogging" | "DeleteTrail", ..) => Some(LoggingChange::Ends),
            ("UpdateTrail", Some(false), _) | ("UpdateTrail", _, Some(false)) => {
                Some(LoggingChange::Ends)
            }
            ("StartLogging" | "CreateTrail", ..) => Some(LoggingChange::Begins),
            ("UpdateTrail", Some(true), _) | ("UpdateTrail", _, Some(true)) => {
                Some(LoggingChange::Begins)
            }
            _ => None,
        }
    }

    /// True if it names the trail of a chain, by its ARN or by its name in its home region, in an
    /// account: `None` for whichever.
    #[must_use]
    pub fn names(&self, chain: &ChainId, account: Option<&AccountId>) -> bool {
        let Some(named) = &self.event.trail else { return false };
        let (region, of, name) = match named.strip_prefix("arn:") {
            None => {
                let by = self.key.place.account.as_str();
                (self.event.region.as_str(), by, named.as_str())
            }
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
        account.is_none_or(|account| of == account.as_str())
            && name == chain.trail.as_str()
            && region == chain.home_region.as_str()
    }

    /// True if a digest of a chain's own trail, account and region lists its log file.
    #[must_use]
    pub fn is_of(&self, chain: &ChainId) -> bool {
        let of = |chain: &ChainId| {
            let (account, region) = (chain.place.account.clone(), chain.region.clone());
            (account, region, chain.trail.clone(), chain.home_region.clone())
        };
        of(&self.chain) == of(chain)
    }
}

impl<'a> Owner<'a> {
    /// The account that a chain's trail belongs to. An organization's trail belongs to its
    /// management account, which no digest names: a trail of the same name in any member account
    /// would pass for it.
    #[must_use]
    pub fn of(chain: &'a ChainId, management: Option<&'a AccountId>) -> Option<Self> {
        let account = match chain.place.organization {
            None => &chain.place.account,
            Some(_) => management?,
        };
        Some(Self { chain, account })
    }

    /// True if log files of a chain record what is done to the trail: those of the trail's
    /// account and home region do.
    #[must_use]
    pub fn is_recorded_by(&self, chain: &ChainId) -> bool {
        self.is_recorded_in(&chain.place, &chain.region)
    }

    /// The same of a place and a region.
    #[must_use]
    pub fn is_recorded_in(&self, place: &Place, region: &Region) -> bool {
        place.account == *self.account && *region == self.chain.home_region
    }

    /// True if the owner itself made the call, and not an account that it delegated to.
    #[must_use]
    pub fn called(&self, evidence: &Evidence) -> bool {
        evidence.key.place.account == *self.account
    }

    /// The interruptions that events within a time show, in order. The trail delivers when that
    /// time begins.
    #[must_use]
    pub fn interruptions<'e>(
        &self,
        evidence: &'e [Evidence],
        time: Window,
    ) -> Vec<Interruption<'e>> {
        let mut events: Vec<_> = evidence
            .iter()
            .filter(|e| time.start <= e.event.time && e.event.time <= time.end)
            .filter(|e| e.names(self.chain, Some(self.account)))
            .filter_map(|e| Some((e.event.time, e.change(self.chain)?, rank(&e.event), e)))
            // Another account's calls can be taken for a beginning, never for an end.
            .filter(|(.., change, _, e)| *change == LoggingChange::Begins || self.called(e))
            .collect();
        events.sort_by_key(|(time, change, rank, _)| (*time, *change, *rank));
        let mut trail = Trail::default();
        let mut found: Vec<Interruption<'e>> = Vec::new();
        let mut possibly = None;
        for (.., event) in events {
            let before = trail.delivers();
            trail.apply(&event.event, self.chain);
            match (before, trail.delivers()) {
                (Delivers::Yes, Delivers::No) => {
                    found.push(Interruption { end: event, begin: None })
                }
                (Delivers::No, Delivers::Possibly) => possibly = Some(event),
                (Delivers::No | Delivers::Possibly, Delivers::Yes) => {
                    possibly = None;
                    begin(&mut found, event);
                }
                (Delivers::Possibly, Delivers::No) => {
                    possibly.take().into_iter().for_each(|created| begin(&mut found, created));
                    found.push(Interruption { end: event, begin: None });
                }
                (Delivers::Yes, Delivers::Possibly | Delivers::Yes)
                | (Delivers::No, Delivers::No)
                | (Delivers::Possibly, Delivers::Possibly) => {}
            }
        }
        // Nothing tells that the trail was started after it was created, and something was.
        possibly.into_iter().for_each(|created| begin(&mut found, created));
        found
    }
}

fn begin<'e>(found: &mut [Interruption<'e>], event: &'e Evidence) {
    if let Some(last) = found.last_mut() {
        last.begin.get_or_insert(event);
    }
}

/// The order of the changes of one second. Ends come first: what follows is then under way.
fn rank(event: &Event) -> u8 {
    match event.name {
        "CreateTrail" => 0,
        "UpdateTrail" => 1,
        _ => 2,
    }
}

/// Answer to the question if a trail delivers digests to a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivers {
    No,
    /// It was created, and nothing is known of its being started.
    Possibly,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logging {
    Off,
    Created,
    On,
}

/// The state of a trail that decides on its digests.
#[derive(Debug)]
struct Trail {
    exists: bool,
    logging: Logging,
    validates: bool,
    covers_region: bool,
}

/// A trail that delivers.
impl Default for Trail {
    fn default() -> Self {
        Self { exists: true, logging: Logging::On, validates: true, covers_region: true }
    }
}

impl Trail {
    fn delivers(&self) -> Delivers {
        match (self.exists && self.validates && self.covers_region, self.logging) {
            (false, _) | (_, Logging::Off) => Delivers::No,
            (true, Logging::Created) => Delivers::Possibly,
            (true, Logging::On) => Delivers::Yes,
        }
    }

    fn apply(&mut self, event: &Event, chain: &ChainId) {
        match event.name {
            "StopLogging" => self.logging = Logging::Off,
            "StartLogging" => (self.exists, self.logging) = (true, Logging::On),
            "DeleteTrail" => (self.exists, self.logging) = (false, Logging::Off),
            "CreateTrail" if !self.exists => {
                *self = Self { logging: Logging::Created, validates: false, ..Self::default() };
            }
            _ => {}
        }
        if matches!(event.name, "CreateTrail" | "UpdateTrail") {
            self.validates = event.validates.unwrap_or(self.validates);
            let regions = event.all_regions.filter(|_| chain.region != chain.home_region);
            self.covers_region = regions.unwrap_or(self.covers_region);
        }
    }
}

/// An event in a sentence: who did it, from where and when.
#[must_use]
pub fn sentence(event: &Event) -> String {
    let by = event.by.as_deref().unwrap_or("an unknown identity");
    let from = event.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    format!("{} by {by}{from} at {}", event.name, event.time)
}
