//! Where a copy belongs in its bucket: learned from what digests say of themselves.
//!
//! Not trust: a digest that says otherwise than the rest is found to be misplaced, and the report
//! shows the bucket.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use crate::model::key_name::DIGEST_FOLDER;
use crate::model::{BucketName, DigestHead, DigestKey, OrganizationId, Place, Region};
use crate::store::{Entry, Store};
use crate::verify::inflate::{AlreadyInflated, BodyFault, inflate};
use crate::verify::{Code, Finding, Limits};

use super::loose::{Head, Level, by_name, stated};
use super::sources::{Insisted, Root};
use super::walk::{AccountFolder, Content, Walk, is_number, last_part};

/// Digests of a source that are read to learn bucket and prefix: a majority of them decides,
/// so that a few altered ones cannot make all others look misplaced.
const SAMPLES: usize = 15;
/// Digests that are tried where some cannot be read.
const ATTEMPTS: usize = 200;

/// Statements of digests, and the trouble in reading them.
struct Votes<T> {
    counts: BTreeMap<T, usize>,
    read: usize,
    trouble: Vec<(String, String)>,
}

impl<T: Ord> Votes<T> {
    fn new() -> Self {
        Self { counts: BTreeMap::new(), read: 0, trouble: Vec::new() }
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
    fn report(self, findings: &mut Vec<Finding>) {
        if self.counts.is_empty() {
            findings.extend(self.trouble.into_iter().map(|(path, cause)| {
                let message = format!("It could not be read or listed: {cause}.");
                Finding::new(Code::ObjectUnreadable, message).object(None, path)
            }));
        }
    }
}

/// Learns bucket and prefix of an `AWSLogs` in a copy.
pub(super) fn infer(walk: &mut Walk<'_>, base: &str) -> (Option<BucketName>, String) {
    let store = walk.store.clone();
    let of_base = |a: &&(Place, Region, Content)| a.0.prefix == base;
    let areas = walk.areas.iter().filter(of_base).count();
    let with_digests: Vec<_> =
        walk.areas.iter().filter(|a| of_base(a) && a.2 == Content::Digests).cloned().collect();
    // Several from each area, so that one area cannot outvote the rest by being first.
    let share = 5.max(SAMPLES / areas.max(1));
    let mut votes = Votes::new();
    for (place, region, _) in with_digests {
        let folder = format!("{}{DIGEST_FOLDER}/{region}/", place.folder());
        let before = votes.read;
        let mut attempts = ATTEMPTS;
        let mut days = days_below(&store, &folder, &mut votes.trouble).into_iter();
        while votes.read - before < share
            && attempts > 0
            && let Some(day) = days.next()
        {
            for path in digests_in(&store, &day, &mut votes.trouble) {
                if votes.read - before >= share || attempts == 0 {
                    break;
                }
                attempts -= 1;
                let digest = match read_digest(&*store, &path) {
                    Ok(digest) => digest,
                    Err(cause) => {
                        votes.trouble.extend(cause.map(|cause| (path, cause)));
                        continue;
                    }
                };
                let rest = path.strip_prefix(base).unwrap_or(&path);
                let prefix = digest.object.strip_suffix(rest).map(str::to_owned);
                votes.count(prefix.map(|prefix| (digest.bucket.clone(), prefix)));
            }
        }
        if votes.read >= SAMPLES {
            break;
        }
    }
    let learned = match votes.winner(|(_, prefix)| prefix == base) {
        Some((bucket, prefix)) => (BucketName::parse(bucket).ok(), prefix.clone()),
        None => (None, base.to_owned()),
    };
    votes.report(&mut walk.findings);
    learned
}

/// Content of a region's folder, and where it lies.
pub(super) type PlacedContent = (Place, Region, Content);

/// Learns what the folders of a copy stand for that begins below `AWSLogs`, and finds the areas
/// in them.
pub(super) fn infer_heads(
    walk: &mut Walk<'_>,
    store: &Arc<dyn Store>,
    insisted: &Insisted,
) -> Vec<(Root, Vec<PlacedContent>)> {
    let mut roots = Vec::new();
    for (head, paths) in std::mem::take(&mut walk.loose.digests) {
        if let Some((mut root, place, region)) = learn(walk, store, &head, &paths) {
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

fn learn(
    walk: &mut Walk<'_>,
    store: &Arc<dyn Store>,
    head: &Head,
    paths: &[String],
) -> Option<(Root, Place, Region)> {
    let mut votes = Votes::new();
    for path in paths {
        match read_digest(&**store, path) {
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
            Err(cause) => votes.trouble.extend(cause.map(|cause| (path.clone(), cause))),
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
    votes.report(&mut walk.findings);
    let (stands_for, bucket, place, region) = learned;
    let (store, at, prefix) = (store.clone(), head.0.clone(), place.prefix.clone());
    Some((Root { store, at, stands_for, bucket, prefix }, place, region))
}

/// The areas below a folder whose place in the bucket is known.
fn areas_of(
    walk: &mut Walk<'_>,
    (at, level): &Head,
    place: &Place,
    region: &Region,
) -> Vec<(Place, Region, Content)> {
    match level {
        Level::Years => walk.areas.push((place.clone(), region.clone(), Content::Digests)),
        Level::Regions => walk.regions(at, place, Content::Digests, None),
        Level::Services => {
            let account = AccountFolder { place: place.clone(), path: at.clone() };
            walk.accounts(vec![account], &[]);
        }
        Level::Accounts => {
            let accounts = walk.accounts_of(at, &place.prefix, place.organization.as_ref());
            walk.accounts(accounts, &[]);
        }
    }
    let filter = walk.filter;
    let wanted = |(place, region, _): &(Place, Region, Content)| {
        (filter.accounts.is_empty() || filter.accounts.contains(&place.account))
            && (filter.regions.is_empty() || filter.regions.contains(region))
    };
    std::mem::take(&mut walk.areas).into_iter().filter(wanted).collect()
}

/// The day folders below a region's folder, in order. Folders that cannot be listed become findings.
pub(super) fn days_below(
    store: &Arc<dyn Store>,
    folder: &str,
    trouble: &mut Vec<(String, String)>,
) -> Vec<String> {
    let mut level = vec![folder.to_owned()];
    for digits in [4, 2, 2] {
        let mut next = Vec::new();
        for parent in level {
            let is_one = |key: &str| last_part(key).len() == digits && is_number(last_part(key));
            let listed = store.list(&parent, &mut |entry| match entry {
                Entry::Folder(key) if is_one(&key) => next.push(key),
                Entry::Unreadable { key, cause } if is_one(&key) => trouble.push((key, cause)),
                _ => {}
            });
            if let Err(error) = listed {
                trouble.push((parent, error.to_string()));
            }
        }
        next.sort();
        level = next;
    }
    level
}

/// The digests in a day's folder, in order.
fn digests_in(
    store: &Arc<dyn Store>,
    day: &str,
    trouble: &mut Vec<(String, String)>,
) -> Vec<String> {
    let mut paths = Vec::new();
    let listed = store.list(day, &mut |entry| {
        if let Entry::Object { key, .. } = entry
            && DigestKey::parse(&key).is_some()
        {
            paths.push(key);
        }
    });
    if let Err(error) = listed {
        trouble.push((day.to_owned(), error.to_string()));
    }
    paths.sort();
    paths
}

/// Reads a digest just far enough to learn what it says of itself; why it could not be read, where
/// that is trouble.
fn read_digest(store: &dyn Store, path: &str) -> Result<DigestHead, Option<String>> {
    let mut object = store.get(path).map_err(|error| Some(error.to_string()))?;
    let (limits, mut head) = (Limits::default(), None);
    let read = &mut |from: &mut dyn Read| head = DigestHead::read(from, &mut |_| {}).ok();
    match inflate(&mut object.body, limits.digest, AlreadyInflated::Accept, read) {
        Ok(_) => head.ok_or(None),
        Err(BodyFault::Trouble(error)) => Err(Some(error.to_string())),
        Err(_) => Err(None),
    }
}
