use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::{
    EachBody, EachEntry, FolderListing, FolderReader, HiddenFolders, Insisted, RegionFolder,
    Selection, Service, StoreSurvey, survey_store,
};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::{AreaId, BucketName};
use crate::store::{Entry, StoreError};
use crate::verify::Code;

const ORGANIZATION: &str = "o-exampleorgid";
const OBJECTS: [&str; 8] = [
    "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/log",
    "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/digest",
    "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/digest",
    "AWSLogs/444455556666/CloudTrail-Insight/us-east-1/2026/03/01/log",
    "AWSLogs/o-exampleorgid/444455556666/CloudTrail-Digest/eu-west-1/2026/03/01/digest",
    "team/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/digest",
    "AWSLogs/111122223333/AWSLogs/777788889999/CloudTrail/eu-west-1/2026/03/01/log",
    "other/thing",
];

/// Folders in memory, some of them refused or not answered.
#[derive(Default)]
struct Tree {
    folders: BTreeMap<String, BTreeSet<String>>,
    refused: Option<String>,
    /// Number of folders without an answer, of several that are asked for at once.
    unanswered: usize,
    backwards: bool,
}

impl Tree {
    fn new() -> Self {
        let mut tree = Self::default();
        for object in OBJECTS {
            let mut folder = String::new();
            for part in object.split_inclusive('/') {
                let child = format!("{folder}{part}");
                tree.folders.entry(folder).or_default().insert(child.clone());
                folder = child;
            }
        }
        tree
    }

    fn survey(&self) -> StoreSurvey {
        let bucket = BucketName::parse("audit-logs").unwrap();
        let insisted = Insisted::default();
        survey_store(self, (Some(&bucket), ""), &insisted, Selection::default())
    }
}

impl FolderReader for Tree {
    fn list(&self, folders: &[&str]) -> Vec<FolderListing> {
        let unanswered = if folders.len() > 1 { self.unanswered } else { 0 };
        let answered = folders.iter().take(folders.len().saturating_sub(unanswered));
        let list = |folder: &&str| FolderListing::of(|each| self.list_each(folder, each));
        answered.map(list).collect()
    }

    fn list_each(&self, folder: &str, each: EachEntry<'_>) -> Result<(), StoreError> {
        self.look_into(folder, each)
    }

    fn look_into(&self, folder: &str, each: EachEntry<'_>) -> Result<(), StoreError> {
        if self.refused.as_deref() == Some(folder) {
            return Err(StoreError::Trouble("AccessDenied".to_owned()));
        }
        let entry = |key: &String| match key.ends_with('/') {
            true => Entry::Folder(key.clone()),
            false => Entry::Object { key: key.clone(), size: 1, modified: None, md5: None },
        };
        let mut entries: Vec<_> = self.folders[folder].iter().map(entry).collect();
        if self.backwards {
            entries.reverse();
        }
        entries.into_iter().for_each(each);
        Ok(())
    }

    fn open(&self, _: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        Err(StoreError::NotFound)
    }

    fn examine(&self, paths: &[&str], _: EachBody<'_>) -> Vec<Result<bool, String>> {
        paths.iter().map(|_| Ok(false)).collect()
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

fn folders(survey: &StoreSurvey) -> Vec<RegionFolder> {
    survey.roots.iter().flat_map(|(_, areas)| areas.clone()).collect()
}

/// True if what could not be listed may hold a region's folder.
fn hides(hidden: &HiddenFolders, (place, region, service): &RegionFolder) -> bool {
    let id = AreaId { bucket: None, place: place.clone(), region: region.clone() };
    let folder = match service {
        Service::Digests => DIGEST_FOLDER,
        Service::Logs(kind) => kind.folder(),
    };
    hidden.outside || hidden.may_hide(&id, folder)
}

#[test]
fn every_region_is_found_at_whatever_depth_and_in_whatever_order() {
    let (tree, mut backwards) = (Tree::new(), Tree::new());
    backwards.backwards = true;
    let found = tree.survey();
    assert_eq!(folders(&found).len(), 7);
    assert!(folders(&found).iter().any(|(place, ..)| {
        place.organization.as_ref().is_some_and(|it| it.as_str() == ORGANIZATION)
    }));
    assert!(found.findings.is_empty(), "{:?}", found.findings);
    let same = backwards.survey();
    assert_eq!((found.roots, found.findings), (same.roots, same.findings));
}

#[test]
fn what_a_refused_folder_held_is_known_to_be_hidden() {
    let whole = folders(&Tree::new().survey());
    let all = Tree::new().folders.into_keys();
    let mut lost = 0;
    for folder in all.filter(|folder| !folder.contains("/2026/")) {
        let mut tree = Tree::new();
        tree.refused = Some(folder.clone());
        let survey = tree.survey();
        let left = folders(&survey);
        for area in whole.iter().filter(|area| !left.contains(area)) {
            // An AWSLogs in a folder of another one is no place that CloudTrail writes to: the
            // finding alone tells that there may be one.
            let nested = area.0.prefix.contains("AWSLogs/");
            assert!(nested || hides(&survey.hidden, area), "{folder} hides {area:?}");
            let names = |f: &&crate::verify::Finding| f.key.as_deref() == Some(&*folder);
            let finding = survey.findings.iter().find(names).expect("a finding on the folder");
            assert_eq!(finding.code, Code::ObjectUnreadable);
            lost += 1;
        }
    }
    assert!(lost > whole.len(), "{lost}");
}

#[test]
fn a_folder_without_an_answer_counts_as_refused() {
    let whole = folders(&Tree::new().survey());
    for unanswered in 1..3 {
        let mut tree = Tree::new();
        tree.unanswered = unanswered;
        let survey = tree.survey();
        let left = folders(&survey);
        assert!(!left.is_empty() && left.len() < whole.len());
        assert!(whole.iter().filter(|a| !left.contains(a)).all(|a| hides(&survey.hidden, a)));
    }
}
