//! Meaning of folder names.

use crate::model::key_name::{AWS_LOGS, DIGEST_FOLDER};
use crate::model::{AccountId, LogKind, OrganizationId, Place, Region};

/// The folder that archives made on macOS keep companion files in, by the paths of their owners.
pub(super) const COMPANIONS: &str = "__MACOSX";

/// Last part of a path, with or without a closing slash.
#[must_use]
pub fn last_part(path: &str) -> &str {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

/// True if a name has digits only.
#[must_use]
pub fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// True if a name is that of a desktop's companion file, which is not a record.
pub(super) fn is_companion(name: &str) -> bool {
    name.starts_with("._") || matches!(name, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}

/// Content of a service's folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Digests.
    Digests,
    /// Log files.
    Logs(LogKind),
}

impl Service {
    pub(super) fn of_folder(name: &str) -> Option<Self> {
        match LogKind::of_folder(name) {
            Some(kind) => Some(Self::Logs(kind)),
            None => (name == DIGEST_FOLDER).then_some(Self::Digests),
        }
    }
}

/// A region's folder of a service, by its place in the bucket.
pub type RegionFolder = (Place, Region, Service);

/// An account's folder in the store.
#[derive(Debug, Clone)]
pub(super) struct AccountFolder {
    /// Its place. Of one in an `AWSLogs`, the prefix is what stands before that in the store.
    pub(super) place: Place,
    /// Its path, with the closing slash.
    pub(super) path: String,
}

/// A service's folder in the store.
pub(super) struct ServiceFolder {
    /// The account's place.
    pub(super) place: Place,
    pub(super) service: Service,
    /// Its path, with the closing slash.
    pub(super) path: String,
}

/// Splits a path that lies inside of an `AWSLogs` into what stands before that, with a closing
/// slash, and the folders below it.
pub(super) fn inside_logs(start: &str) -> Option<(String, Vec<&str>)> {
    let parts: Vec<&str> = start.trim_end_matches('/').split('/').collect();
    let at = parts.iter().rposition(|part| *part == AWS_LOGS)?;
    let inside = parts.get(at + 1..).filter(|inside| is_part(inside))?;
    let base = parts.get(..at)?.iter().fold(String::new(), |base, part| base + part + "/");
    Some((base, inside.to_vec()))
}

/// True if the folders below an `AWSLogs` are those of a part of it, and not of a prefix that
/// begins like it.
fn is_part(inside: &[&str]) -> bool {
    let inside = match inside {
        [organization, rest @ ..] if OrganizationId::parse(organization).is_ok() => {
            if rest.is_empty() {
                return true;
            }
            rest
        }
        other => other,
    };
    match inside {
        [account, rest @ ..] if AccountId::parse(account).is_ok() => {
            rest.first().is_none_or(|service| Service::of_folder(service).is_some())
        }
        _ => false,
    }
}
