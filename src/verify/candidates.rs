//! Log files that no digest read so far lists, kept so that a million of them fit in memory: of
//! each the part of its name that differs, and some numbers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::time::{add, minutes, sub};
use crate::model::{AreaId, LogKey, LogKind, Window};

/// Difference that the time in a name and the day of its folder may have: the time is rounded up,
/// and a file is delivered some minutes later.
const AROUND_MIDNIGHT_MINUTES: i64 = 10;
const SUFFIX: &str = ".json.gz";

/// A log file, or what may be one, that no digest read so far lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its key.
    pub key: String,
    /// The kind of its folder.
    pub kind: LogKind,
    /// The time that its folder stands for.
    pub folder: Window,
    /// Time of writing, where the store knows.
    pub written: Option<Timestamp>,
    /// Statement of its name.
    pub name: Name,
}

/// Statement of a candidate's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// A log file of this area, of this time, which fits its folder.
    InPlace(Timestamp),
    /// A log file of this area, of a time that contradicts its folder.
    Elsewhere(Timestamp),
    /// Not a log file's name, or one of another area.
    Other,
}

impl Name {
    /// Reads a name in its folder.
    #[must_use]
    pub fn of(id: &AreaId, key: &str, folder: Window) -> Self {
        match LogKey::parse(key).filter(|log| log.place == id.place && log.region == id.region) {
            None => Self::Other,
            Some(log) if around(folder).contains(log.time) => Self::InPlace(log.time),
            Some(log) => Self::Elsewhere(log.time),
        }
    }

    /// True if the name, or the folder where the name gives no time that fits it, puts the file
    /// in a requested time.
    #[must_use]
    pub fn touches(self, folder: Window, asked: Window) -> bool {
        match self {
            Self::InPlace(time) => asked.contains(time),
            Self::Elsewhere(time) => asked.contains(time) || asked.overlaps(&folder),
            Self::Other => asked.overlaps(&folder),
        }
    }

    /// The time in the name, where it is a log file's of the area.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        match self {
            Self::InPlace(time) | Self::Elsewhere(time) => Some(time),
            Self::Other => None,
        }
    }
}

/// The times that names in a folder may hold.
fn around(folder: Window) -> Window {
    let slack = minutes(AROUND_MIDNIGHT_MINUTES);
    Window::new(sub(folder.start, slack), add(folder.end, slack))
}

/// Candidates of one area.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Candidates {
    id: AreaId,
    folders: Vec<(String, Window)>,
    /// Names, one after the other, without what the names of an area's log files share.
    names: Vec<u8>,
    items: Vec<Item>,
}

impl PartialEq for Candidates {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.iter().eq(other.iter())
    }
}

impl Eq for Candidates {}

/// Candidates as they are stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    area: AreaId,
    files: Vec<Candidate>,
}

impl From<Stored> for Candidates {
    fn from(Stored { area, files }: Stored) -> Self {
        let mut candidates = Self::new(&area);
        files.iter().for_each(|file| candidates.add(file));
        candidates
    }
}

impl From<Candidates> for Stored {
    fn from(mut candidates: Candidates) -> Self {
        candidates.sort();
        Self { files: candidates.iter().collect(), area: candidates.id }
    }
}

#[derive(Debug, Clone, Copy)]
struct Item {
    folder: u32,
    kind: LogKind,
    /// True if the shared beginning and end are left out of the name.
    usual: bool,
    length: u16,
    at: u64,
    /// Time of writing in seconds; the smallest number for none.
    written: i64,
}

impl Candidates {
    /// None of an area.
    #[must_use]
    pub fn new(id: &AreaId) -> Self {
        Self { id: id.clone(), folders: Vec::new(), names: Vec::new(), items: Vec::new() }
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds a file, by its key, the time of its folder and the time of writing, where that is
    /// known.
    pub fn push(&mut self, kind: LogKind, key: &str, time: Window, written: Option<Timestamp>) {
        let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
        if self.folders.last().is_none_or(|(last, _)| last != folder) {
            self.folders.push((folder.to_owned(), time));
        }
        let begin = self.begin(kind);
        let middle = name.strip_prefix(&*begin).and_then(|rest| rest.strip_suffix(SUFFIX));
        let kept = middle.unwrap_or(name);
        self.items.push(Item {
            folder: u32::try_from(self.folders.len() - 1).unwrap_or(u32::MAX),
            kind,
            usual: middle.is_some(),
            // S3's keys have at most 1,024 bytes, a disk's names 255.
            length: u16::try_from(kept.len()).unwrap_or(u16::MAX),
            at: self.names.len() as u64,
            written: written.map_or(i64::MIN, Timestamp::as_second),
        });
        self.names.extend(kept.as_bytes());
    }

    fn add(&mut self, file: &Candidate) {
        self.push(file.kind, &file.key, file.folder, file.written);
    }

    /// Adds those of another part of the area.
    pub fn absorb(&mut self, other: &Self) {
        other.iter().for_each(|file| self.add(&file));
    }

    /// True if a file is among them, by its key. They must be sorted.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
        let order = |item: &Item| {
            self.folder(item).0.cmp(folder).then_with(|| self.name(item).as_str().cmp(name))
        };
        self.items.binary_search_by(order).is_ok()
    }

    /// Leaves out those that a test refuses.
    pub fn retain(&mut self, mut test: impl FnMut(&Candidate) -> bool) {
        let items = std::mem::take(&mut self.items);
        self.items = items.into_iter().filter(|item| test(&self.candidate(item))).collect();
    }

    fn begin(&self, kind: LogKind) -> String {
        format!("{}_{}_{}_", self.id.place.account, kind.folder(), self.id.region)
    }

    /// Puts them in the order of their keys.
    pub fn sort(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        items.sort_by(|a, b| {
            let folder = |item: &Item| self.folder(item).0;
            folder(a).cmp(folder(b)).then_with(|| match (a.usual, b.usual) {
                (true, true) if a.kind == b.kind => {
                    let name = |item: &Item| self.kept(item).bytes().chain(SUFFIX.bytes());
                    name(a).cmp(name(b))
                }
                _ => self.name(a).cmp(&self.name(b)),
            })
        });
        self.items = items;
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Candidate> {
        self.items.iter().map(|item| self.candidate(item))
    }

    fn folder(&self, item: &Item) -> (&str, Window) {
        let found = self.folders.get(usize::try_from(item.folder).unwrap_or(usize::MAX));
        found.map_or(("", Window::ALL), |(folder, window)| (folder, *window))
    }

    fn kept(&self, item: &Item) -> &str {
        let at = usize::try_from(item.at).unwrap_or(usize::MAX);
        let bytes = self.names.get(at..at.saturating_add(item.length.into()));
        bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    fn name(&self, item: &Item) -> String {
        match item.usual {
            true => format!("{}{}{SUFFIX}", self.begin(item.kind), self.kept(item)),
            false => self.kept(item).to_owned(),
        }
    }

    fn candidate(&self, item: &Item) -> Candidate {
        let (folder, window) = self.folder(item);
        let key = format!("{folder}/{}", self.name(item));
        Candidate {
            name: Name::of(&self.id, &key, window),
            key,
            kind: item.kind,
            folder: window,
            written: Timestamp::from_second(item.written).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{date_window, hours};
    use crate::model::{AccountId, Place, Region};

    fn id() -> AreaId {
        let account = AccountId::parse("111122223333").unwrap();
        let place = Place { prefix: String::new(), organization: None, account };
        AreaId { bucket: None, place, region: Region::parse("us-east-1").unwrap() }
    }

    fn key(day: &str, name: &str) -> String {
        format!("AWSLogs/111122223333/CloudTrail/us-east-1/{day}/{name}")
    }

    fn log(day: &str, time: &str) -> String {
        key(day, &format!("111122223333_CloudTrail_us-east-1_{time}_AAAAAAAAAAAAAAAA.json.gz"))
    }

    #[test]
    fn what_is_pushed_comes_back_in_the_order_of_keys() {
        let keys = [
            log("2026/03/02", "20260302T0020Z"),
            key("2026/03/01", "z.gz"),
            log("2026/03/01", "20260301T0120Z"),
            key("2026/03/01", "a ü.gz"),
            log("2026/03/01", "20260301T0020Z"),
            log("2026/03/01", "20260301T0020Z").replace(".json.gz", " (1).json.gz"),
        ];
        let mut candidates = Candidates::new(&id());
        assert!(candidates.is_empty());
        let written = "2026-03-01T00:00:01Z".parse().ok();
        for key in &keys {
            let folder =
                date_window(&key["AWSLogs/111122223333/CloudTrail/us-east-1/".len()..][..10]);
            let folder = folder.unwrap();
            let written = written.filter(|_| key.ends_with("z.gz"));
            candidates.push(LogKind::CloudTrail, key, folder, written);
        }
        candidates.sort();
        let back: Vec<_> = candidates.iter().collect();
        let mut sorted = keys.to_vec();
        sorted.sort();
        assert_eq!(back.iter().map(|c| c.key.clone()).collect::<Vec<_>>(), sorted);
        assert!(keys.iter().all(|key| candidates.contains(key)) && !candidates.contains("x/y"));
        let of = |ending: &str| back.iter().find(|c| c.key.ends_with(ending)).unwrap();
        assert_eq!((of("z.gz").written, of("z.gz").name), (written, Name::Other));
        assert_eq!(of("ü.gz").written, None);
        let time = "2026-03-02T00:20:00Z".parse().unwrap();
        assert_eq!(back.last().unwrap().name, Name::InPlace(time));
    }

    #[test]
    fn ten_minutes_around_midnight_fit_a_days_folder() {
        let day = date_window("2026/03/02").unwrap();
        for (time, fits) in [
            ("20260301T2349Z", false),
            ("20260301T2350Z", true),
            ("20260302T1200Z", true),
            ("20260303T0005Z", true),
            ("20260303T0010Z", false),
            ("20260301T0500Z", false),
        ] {
            let name = Name::of(&id(), &log("2026/03/02", time), day);
            assert_eq!(matches!(name, Name::InPlace(_)), fits, "{time}");
            let elsewhere = Window::new(add(day.start, hours(6)), add(day.start, hours(8)));
            assert_eq!(name.touches(day, elsewhere), !fits, "{time}");
        }
        let other = log("2026/03/02", "20260302T1200Z").replace("111122223333_", "111122223334_");
        assert_eq!(Name::of(&id(), &other, day), Name::Other);
    }
}
