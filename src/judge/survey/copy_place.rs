//! Place of a copy in its bucket, learned from what digests say of themselves.
//!
//! Not trust: a digest that says otherwise than the rest is found to be misplaced, and the report
//! shows the bucket.

use std::collections::BTreeMap;
use std::io::Read;

use super::days::{Unseen, day_folders};
use super::loose::{Head, Level, by_name, stated};
use super::names::{AccountFolder, RegionFolder, Service, ServiceFolder, last_part};
use super::reader::FolderReader;
use super::root::{Insisted, LogsRoot, PlacedRoot};
use super::walk::Walk;
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::{BucketName, DigestHead, DigestKey, OrganizationId, Place, Region};
use crate::store::Entry;
use crate::verify::Limits;
use crate::verify::inflate::{AlreadyInflated, BodyFault, inflate};

/// Digests of a source that are read to learn bucket and prefix: a majority of them decides,
/// so that a few altered ones cannot make all others look misplaced.
const SAMPLES: usize = 15;
/// Digests that are tried where some cannot be read.
const ATTEMPTS: usize = 200;

/// Statements of digests, and the trouble in reading them.
struct Votes<T> {
    counts: BTreeMap<T, usize>,
    read: usize,
    unseen: Vec<Unseen>,
}

impl<T: Ord> Votes<T> {
    fn new() -> Self {
        Self { counts: BTreeMap::new(), read: 0, unseen: Vec::new() }
    }

    fn count(&mut self, vote: Option<T>) {
        if let Some(vote) = vote {
            *self.counts.entry(vote).or_default() += 1;
            self.read += 1;
        }
    }

    /// Statement of most; among equals the one that is preferred.
    fn winner(&self, preferred: impl Fn(&T) -> bool) -> Option<&T> {
        self.counts.iter().max_by_key(|(vote, n)| (**n, preferred(vote))).map(|(vote, _)| vote)
    }

    /// Trouble, where nothing was learned: else it is met again where it matters.
    fn report(self, walk: &mut Walk<'_>) {
        if self.counts.is_empty() {
            self.unseen.into_iter().for_each(|(path, cause)| walk.unreadable(path, &cause));
        }
    }
}

/// Learns bucket and prefix of an `AWSLogs` in a copy.
pub(super) fn learn_bucket(walk: &mut Walk<'_>, base: &str) -> (Option<BucketName>, String) {
    let areas: Vec<&RegionFolder> = walk.areas.iter().filter(|a| a.0.prefix == base).collect();
    // Several from each area, so that one area cannot outvote the rest by being first.
    let share = 5.max(SAMPLES / areas.len().max(1));
    let mut votes = Votes::new();
    for (place, region, _) in areas.into_iter().filter(|a| a.2 == Service::Digests) {
        let folder = format!("{}{DIGEST_FOLDER}/{region}/", place.folder());
        sample(walk.reader, (base, &folder), share, &mut votes);
        if votes.read >= SAMPLES {
            break;
        }
    }
    let learned = match votes.winner(|(_, prefix)| prefix == base) {
        Some((bucket, prefix)) => (BucketName::parse(bucket).ok(), prefix.clone()),
        None => (None, base.to_owned()),
    };
    votes.report(walk);
    learned
}

/// Counts what some digests of a region's folder state: their bucket, and the prefix that their
/// keys have before the path below `base`.
fn sample(
    reader: &dyn FolderReader,
    (base, folder): (&str, &str),
    share: usize,
    votes: &mut Votes<(String, String)>,
) {
    let (before, mut attempts) = (votes.read, ATTEMPTS);
    let (days, unseen) = day_folders(&|folder, each| reader.look_into(folder, each), folder);
    votes.unseen.extend(unseen);
    let mut days = days.into_iter();
    while votes.read - before < share
        && attempts > 0
        && let Some(day) = days.next()
    {
        for path in digests_in(reader, &day, &mut votes.unseen) {
            if votes.read - before >= share || attempts == 0 {
                break;
            }
            attempts -= 1;
            match read_digest(reader, &path) {
                Ok(digest) => {
                    let rest = path.strip_prefix(base).unwrap_or(&path);
                    let prefix = digest.object.strip_suffix(rest).map(str::to_owned);
                    votes.count(prefix.map(|prefix| (digest.bucket.clone(), prefix)));
                }
                Err(cause) => votes.unseen.extend(cause.map(|cause| (path, cause))),
            }
        }
    }
}

/// Learns what the folders of a copy stand for that begins below `AWSLogs`, and finds the areas
/// in them.
pub(super) fn learn_heads(walk: &mut Walk<'_>, insisted: &Insisted) -> Vec<PlacedRoot> {
    let mut roots = Vec::new();
    for (head, paths) in std::mem::take(&mut walk.loose.digests) {
        if let Some((mut root, place, region)) = learn(walk, &head, &paths) {
            if let Some(prefix) = &insisted.prefix {
                let inside = root.stands_for.strip_prefix(&root.prefix).unwrap_or_default();
                root.stands_for = format!("{prefix}{inside}");
                root.prefix.clone_from(prefix);
            }
            root.bucket = insisted.bucket.clone().or(root.bucket);
            let place = Place { prefix: root.prefix.clone(), ..place };
            roots.push((root, areas_of(walk, &head, &place, &region)));
        }
        walk.loose.digests.insert(head, paths);
    }
    roots
}

fn learn(walk: &mut Walk<'_>, head: &Head, paths: &[String]) -> Option<(LogsRoot, Place, Region)> {
    let mut votes = Votes::new();
    for path in paths {
        match read_digest(walk.reader, path) {
            Ok(digest) => {
                let vote = stated(path, head, &digest.object);
                votes.count(vote.map(|(key, folder)| {
                    let place = key.place;
                    // What lies below the folder is told by folders there.
                    let of =
                        (head.1 < Level::Accounts).then_some((place.organization, place.account));
                    let region = (head.1 == Level::Years).then_some(key.region);
                    (digest.bucket.clone(), folder, place.prefix, of, region)
                }));
            }
            Err(cause) => votes.unseen.extend(cause.map(|cause| (path.clone(), cause))),
        }
    }
    let (named, by_name) = paths.iter().find_map(|path| by_name(path, head))?;
    let learned = match votes.winner(|_| false) {
        Some((bucket, folder, prefix, of, region)) => {
            // An organization's folder is known by its name.
            let of_folder = || (OrganizationId::parse(last_part(folder)).ok(), named.place.account);
            let (organization, account) = of.clone().unwrap_or_else(of_folder);
            let place = Place { prefix: prefix.clone(), organization, account };
            let region = region.clone().unwrap_or(named.region);
            (folder.clone(), BucketName::parse(bucket).ok(), place, region)
        }
        // None says where it belongs: the names tell, and what they say is checked.
        None => (by_name, None, named.place, named.region),
    };
    votes.report(walk);
    let (stands_for, bucket, place, region) = learned;
    let (at, prefix) = (head.0.clone(), place.prefix.clone());
    Some((LogsRoot { at, stands_for, bucket, prefix }, place, region))
}

/// The areas below a folder whose place in the bucket is known.
fn areas_of(
    walk: &mut Walk<'_>,
    (at, level): &Head,
    place: &Place,
    region: &Region,
) -> Vec<RegionFolder> {
    let (place, path) = (place.clone(), at.clone());
    match level {
        Level::Years => walk.areas.push((place, region.clone(), Service::Digests)),
        Level::Regions => walk.regions(&ServiceFolder { place, service: Service::Digests, path }),
        Level::Services => walk.accounts(vec![AccountFolder { place, path }], &[]),
        Level::Accounts => {
            let accounts = walk.accounts_of(at, &place.prefix, place.organization.as_ref());
            walk.accounts(accounts, &[]);
        }
    }
    let selection = walk.selection;
    let wanted = |(place, region, _): &RegionFolder| {
        selection.names_account(&place.account) && selection.names_region(region)
    };
    std::mem::take(&mut walk.areas).into_iter().filter(wanted).collect()
}

/// The digests in a day's folder, in order.
fn digests_in(reader: &dyn FolderReader, day: &str, unseen: &mut Vec<Unseen>) -> Vec<String> {
    let mut paths = Vec::new();
    let listed = reader.look_into(day, &mut |entry| {
        if let Entry::Object { key, .. } = entry
            && DigestKey::parse(&key).is_some()
        {
            paths.push(key);
        }
    });
    unseen.extend(listed.err().map(|error| (day.to_owned(), error.to_string())));
    paths.sort();
    paths
}

/// Reads a digest just far enough to learn what it says of itself; why it could not be read, where
/// that is trouble.
fn read_digest(reader: &dyn FolderReader, path: &str) -> Result<DigestHead, Option<String>> {
    let mut body = reader.open(path).map_err(|error| Some(error.to_string()))?;
    let (limits, mut head) = (Limits::default(), None);
    let read = &mut |from: &mut dyn Read| head = DigestHead::read(from, &mut |_| {}).ok();
    match inflate(&mut body, limits.digest, AlreadyInflated::Accept, read) {
        Ok(_) => head.ok_or(None),
        Err(BodyFault::Trouble(error)) => Err(Some(error.to_string())),
        Err(_) => Err(None),
    }
}
