//! How far a copy reaches: from the first day that it has of an account and region to the last,
//! digests and log files taken together.
//!
//! What is not in a bucket is gone. What is not in a copy may never have been copied, but only on
//! its edges: a day that lies between two others was there to be copied.

use std::sync::PoisonError;

use crate::model::key_name::DIGEST_FOLDER;
use crate::model::time::day_folder;
use crate::model::{AccountId, AreaId, DigestKey, LogKey, Region};

use super::sources::{Area, Root, Sources};
use crate::judge::survey::{DayRange, Unseen, day_folders};
use crate::store::Entry;

impl Sources {
    /// True if the absence of an object shows that it is gone: always in a bucket; in a copy where
    /// the day that the key belongs to lies among those that the copy has of its account and
    /// region, in whatever place of the bucket.
    #[must_use]
    pub fn reaches(&self, key: &str) -> bool {
        let (account, region, day) = match (LogKey::parse(key), DigestKey::parse(key)) {
            (Some(log), _) => (log.place.account, log.region, log.day),
            (_, Some(digest)) => (digest.place.account, digest.region, day_folder(digest.end)),
            (None, None) => return true,
        };
        let mut known = self.reaches.lock().unwrap_or_else(PoisonError::into_inner);
        let reach = known
            .entry((account, region))
            .or_insert_with_key(|(account, region)| self.reach(account, region));
        reach.as_ref().is_none_or(|reach| reach.has(&day))
    }

    /// True if a log file is one of an area that the copy has the digests' folder of, and nothing
    /// beside it.
    #[must_use]
    pub fn begins_below(&self, bucket: &str, key: &str) -> bool {
        let Some(log) = LogKey::parse(key) else { return false };
        let mut areas = self.areas.iter().filter(|(id, _)| {
            id.place == log.place
                && id.region == log.region
                && id.bucket.as_ref().is_none_or(|own| own.as_str() == bucket)
        });
        areas.any(|(_, area)| self.roots_of(area).any(|root| root.logs.begins_below_an_account()))
    }

    /// First and last day whose folder of an area's digests holds an object; `None` if none does, or
    /// a folder above them cannot be listed.
    #[must_use]
    pub fn digest_days(&self, id: &AreaId, area: &Area) -> Option<DayRange> {
        let key = format!("{}{DIGEST_FOLDER}/{}/", id.place.folder(), id.region);
        let of_root = |root: &Root| {
            let folder = root.logs.path(&key)?;
            let (mut days, unseen) = root.day_folders(&folder);
            // What cannot be listed may hold other days: then none are named.
            if !unseen.is_empty() {
                return None;
            }
            days.sort();
            let holds_any = |path: &&String| {
                let mut any = false;
                let each = &mut |entry| any |= matches!(entry, Entry::Object { .. });
                root.store.list(path, each).is_err() || any
            };
            let (first, last) = (days.iter().find(holds_any)?, days.iter().rfind(holds_any)?);
            let day =
                |path: &str| Some(path.strip_prefix(&*folder)?.trim_end_matches('/').to_owned());
            Some(DayRange { first: day(first)?, last: day(last)? })
        };
        self.roots_of(area).filter_map(of_root).reduce(DayRange::spanning)
    }

    /// First and last day of an account and region; `None` where they are not limited, or there
    /// is none.
    fn reach(&self, account: &AccountId, region: &Region) -> Option<DayRange> {
        let areas = || {
            self.areas.iter().filter(|(id, _)| id.place.account == *account && id.region == *region)
        };
        if areas().any(|(_, area)| self.absence_is_certain(area)) {
            return None;
        }
        let folders = areas().flat_map(|(id, area)| {
            let services = area.kinds.iter().map(|kind| kind.folder()).chain([DIGEST_FOLDER]);
            services.flat_map(move |service| {
                let key = format!("{}{service}/{region}/", id.place.folder());
                self.roots_of(area).filter_map(move |root| Some((root, root.logs.path(&key)?)))
            })
        });
        let days = folders.flat_map(|(root, folder)| {
            // What cannot be listed is there: its absence is not concluded from this.
            let (days, unseen) = root.day_folders(&folder);
            let days = days.into_iter().chain(unseen.into_iter().map(|(path, _)| path));
            let inside = days.filter_map(|day| Some(day.strip_prefix(&folder)?.to_owned()));
            inside.collect::<Vec<_>>()
        });
        let days = days.map(|day| day.trim_end_matches('/').to_owned());
        days.filter(|day| !day.is_empty()).map(DayRange::of).reduce(DayRange::spanning)
    }
}

impl Root {
    fn day_folders(&self, folder: &str) -> (Vec<String>, Vec<Unseen>) {
        day_folders(&|folder, each| self.store.list(folder, each), folder)
    }
}
