//! Copies that begin below `AWSLogs`: the folders of accounts, of one account's services, of
//! regions or of years, with nothing above them that says where they belong. Digests state their
//! own keys, so the head that is missing is learned from them, by a majority.
//!
//! What is learned is nobody's proof: a digest that states another key than its place in the copy
//! then comes to is misplaced, as under an `AWSLogs`.

use std::collections::BTreeMap;

use crate::model::file_name::FileName;
use crate::model::key_name::{AWS_LOGS, DIGEST_FOLDER};
use crate::model::{AccountId, DigestKey, OrganizationId, Region};
use crate::verify::{Code, Finding, Severity};

use super::names::{is_number, last_part};

/// Digests of a day's folder that are remembered to learn from.
const FROM_A_FOLDER: usize = 3;
/// Digests of all that lie below one folder, likewise.
const IN_ALL: usize = 60;

/// Kinds of a folder's children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Years: it is a region's folder.
    Years,
    /// Regions: it is a service's folder.
    Regions,
    /// Services: it is an account's folder.
    Services,
    /// Accounts or organizations: it is an `AWSLogs` or an organization's folder.
    Accounts,
}

/// A folder that stands for one of a bucket, and what its children are.
pub(super) type Head = (String, Level);

/// Files outside of any `AWSLogs` that are named as CloudTrail names its files.
#[derive(Debug, Default)]
pub(super) struct Loose {
    /// Paths of digests to learn from, by the folders whose keys they tell.
    pub(super) digests: BTreeMap<Head, Vec<String>>,
    /// Number of log files below such folders.
    logs: BTreeMap<Head, (u64, String)>,
    /// Number of files in folders that are not those of their day, and one of them.
    strays: Option<(u64, String)>,
}

impl Loose {
    /// Takes up an object's path, where its name is one of CloudTrail's.
    pub(super) fn note(&mut self, path: String) {
        let Some(name) = FileName::parse(last_part(&path)) else { return };
        match (head_of(&path, &name), name.is_digest) {
            (Some(head), true) => {
                let folder = folder_of(&path);
                let samples = self.digests.entry(head).or_default();
                let here = samples.iter().rev().take_while(|p| folder_of(p) == folder).count();
                if here < FROM_A_FOLDER && samples.len() < IN_ALL {
                    samples.push(path);
                }
            }
            (Some(head), false) => self.logs.entry(head).or_insert((0, path)).0 += 1,
            (None, _) => self.strays.get_or_insert((0, path)).0 += 1,
        }
    }

    /// The finding on folders with digests beside an `AWSLogs`, which are not looked into: what
    /// they hold is not verified.
    pub(super) fn beside(&self) -> Option<Finding> {
        let example = self.digests.values().flatten().next()?;
        let message = "Digests outside of AWSLogs were not checked. Verify their folder in a separate run, or move it to where its keys belong.";
        let finding = Finding::new(Code::ObjectUnreadable, message);
        Some(finding.object(None, example))
    }

    /// The finding on files that no digest places. They are worth a notice beside what is checked,
    /// and leave the run incomplete where nothing else is.
    pub(super) fn unplaced(&self, anything_else: bool) -> Option<Finding> {
        let placed = |head: &Head| head.1 >= Level::Services && self.digests.contains_key(head);
        let logs = self.logs.iter().filter(|(head, _)| !placed(head)).map(|(_, logs)| logs);
        let (mut count, mut example) = (0, None);
        for (number, path) in logs.chain(&self.strays) {
            count += number;
            example = example.or(Some(path));
        }
        let message = format!(
            "{count} files that are named like log files or digests were not checked: there is no AWSLogs folder above them, and no digests next to them, to show where they belong in the bucket. Copy from AWSLogs down, such as aws s3 sync s3://BUCKET/AWSLogs DIRECTORY/AWSLogs, or at least the account's folder with both CloudTrail and CloudTrail-Digest. This is one of the files."
        );
        let severity = if anything_else { Severity::Notice } else { Severity::Incomplete };
        let code = if anything_else { Code::ObjectUnknown } else { Code::ObjectUnreadable };
        Some(Finding::new(code, message).severity(severity).object(None, example?))
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folder whose key the object's tells: above the day's folders, and above those of region,
/// service, account and organization as far as they are there.
fn head_of(path: &str, name: &FileName) -> Option<Head> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for digits in [2, 2, 4] {
        parts.pop().filter(|part| part.len() == digits && is_number(part))?;
    }
    let mut level = Level::Years;
    type IsLevel<'a> = &'a dyn Fn(&str) -> bool;
    let above: [(Level, IsLevel<'_>); 4] = [
        (Level::Regions, &|part| Region::parse(part).is_ok()),
        (Level::Services, &|part| part == name.service),
        (Level::Accounts, &|part| AccountId::parse(part).is_ok()),
        (Level::Accounts, &|part| OrganizationId::parse(part).is_ok()),
    ];
    for (its, is) in above {
        if !parts.last().is_some_and(|part| is(part)) {
            break;
        }
        parts.pop();
        level = its;
    }
    let head = parts.iter().fold(String::new(), |head, part| head + part + "/");
    Some((head, level))
}

/// The key of the folder that a copy's head stands for, as a digest in it states: what its own key
/// has before the path below the head. `None` where the two do not fit.
pub(super) fn stated(path: &str, head: &Head, object: &str) -> Option<(DigestKey, String)> {
    let key = DigestKey::parse(object)?;
    let folder = object.strip_suffix(path.strip_prefix(head.0.as_str())?)?;
    (folder.is_empty() || folder.ends_with('/')).then(|| (key, folder.to_owned()))
}

/// The key of the folder where no digest states one that fits: what a digest's name tells, without
/// a prefix.
pub(super) fn by_name(path: &str, head: &Head) -> Option<(DigestKey, String)> {
    let name = last_part(path);
    let key = FileName::parse(name)?.digest(name)?;
    let (place, region) = (key.place.folder(), &key.region);
    let folder = match head.1 {
        Level::Years => format!("{place}{}/{region}/", DIGEST_FOLDER),
        Level::Regions => format!("{place}{}/", DIGEST_FOLDER),
        Level::Services => place,
        Level::Accounts => format!("{}/", AWS_LOGS),
    };
    Some((key, folder))
}
