//! The survey of one store.

use super::copy_place::{learn_bucket, learn_heads};
use super::reader::FolderReader;
use super::root::{Insisted, LogsRoot, PlacedRoot};
use super::selection::Selection;
use super::walk::Walk;
use super::{HiddenFolders, PassedOver};
use crate::model::BucketName;
use crate::verify::Finding;

/// Content of one store, and what of it could not be seen.
#[derive(Debug)]
#[must_use]
pub struct StoreSurvey {
    /// Each `AWSLogs` in it.
    pub roots: Vec<PlacedRoot>,
    /// Folders that could not be listed.
    pub hidden: HiddenFolders,
    /// Accounts and regions beside those that were looked for.
    pub passed_over: PassedOver,
    /// Findings on what cannot be listed, and on what no form explains.
    pub findings: Vec<Finding>,
}

/// Walks a store for `AWSLogs` folders and what lies in them, from a folder on. The store is a
/// bucket, or a copy whose bucket its digests tell unless it is stated.
pub fn survey_store(
    reader: &dyn FolderReader,
    (bucket, start): (Option<&BucketName>, &str),
    insisted: &Insisted,
    selection: Selection<'_>,
) -> StoreSurvey {
    let is_copy = bucket.is_none();
    let mut walk = Walk::new(reader, is_copy, selection);
    walk.below(start);
    let mut roots = Vec::new();
    for base in std::mem::take(&mut walk.bases) {
        let (bucket, prefix) = match bucket {
            Some(bucket) => (Some(bucket.clone()), base.clone()),
            None => learn_bucket(&mut walk, &base),
        };
        let bucket = insisted.bucket.clone().or(bucket);
        let prefix = insisted.prefix.clone().unwrap_or(prefix);
        let areas = walk.areas.iter().filter(|a| a.0.prefix == base).cloned().collect();
        roots.push((LogsRoot::below(&base, bucket, prefix), areas));
    }
    if walk.areas.is_empty() {
        roots.extend(learn_heads(&mut walk, insisted));
    } else if is_copy {
        walk.findings.extend(walk.loose.beside());
    }
    let placed = roots.iter().any(|(_, areas)| !areas.is_empty());
    if let Some(unplaced) = walk.loose.unplaced(placed) {
        walk.findings.push(unplaced);
        // The digests that are asked for may be among them.
        walk.hidden.outside |= !placed;
    }
    let Walk { hidden, passed_over, findings, .. } = walk;
    StoreSurvey { roots, hidden, passed_over, findings }
}
