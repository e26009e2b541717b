//! Log files where none belong: beside and above the regions' folders. Whoever reads such a folder
//! reads them, and no digest can vouch for them there.

use std::collections::VecDeque;

use super::reader::{FolderListing, FolderReader};
use super::walk::Walk;
use crate::store::{Entry, StoreError};
use crate::verify::content::Content as FileContent;
use crate::verify::{Code, Finding, Limits, Severity};

impl Walk<'_> {
    /// Looks at the objects that were found beside folders for log files.
    pub(super) fn look_at_objects(&mut self, from: usize) {
        let mut left = OTHER_OBJECTS;
        for finding in self.findings.split_off(from) {
            let key = finding.key.clone().filter(|_| finding.code == Code::ObjectUnknown);
            let Some(key) = key else {
                self.findings.push(finding);
                continue;
            };
            left = left.saturating_sub(1);
            match is_log(self.reader, &key) {
                _ if left == 0 => self.not_all_opened(key),
                Ok(true) => {
                    let misplaced = misplaced(finding);
                    self.findings.push(Finding { message: NO_REGIONS.into(), ..misplaced });
                }
                Ok(false) => self.findings.push(finding),
                Err(cause) => self.unreadable(key, &cause),
            }
        }
    }

    /// Reports that a place holds more than is looked at.
    fn not_all_opened(&mut self, key: String) {
        let message = format!(
            "There are more than {OTHER_FOLDERS} folders or {OTHER_OBJECTS} objects where no log files belong, and not all were opened to identify log files. Move what does not belong there."
        );
        self.findings.push(Finding::new(Code::ObjectUnreadable, message).object(None, key));
    }

    /// Reports the log files in a folder that is no region's; tells if there are any.
    pub(super) fn has_logs(&mut self, folder: &str) -> bool {
        let (mut pending, mut folders) = (VecDeque::from([folder.to_owned()]), OTHER_FOLDERS);
        let (mut count, mut first, mut left) = (0_u64, None, OTHER_OBJECTS);
        while let Some(folder) = pending.pop_front().filter(|_| folders > 0) {
            folders -= 1;
            let (mut objects, mut hidden) = (Vec::new(), Vec::new());
            for FolderListing { entries, failed } in self.list(&[&*folder]) {
                for entry in entries {
                    match entry {
                        Entry::Folder(key) => pending.push_back(key),
                        Entry::Object { key, size: 1.., .. } if left > 0 => {
                            left -= 1;
                            objects.push(key);
                        }
                        Entry::Object { .. } => {}
                        Entry::Unreadable { key, cause } => hidden.push((key, cause)),
                    }
                }
                hidden.extend(failed.map(|error| (folder.clone(), error.to_string())));
            }
            for key in objects {
                match is_log(self.reader, &key) {
                    Ok(true) => {
                        count += 1;
                        first.get_or_insert(key);
                    }
                    Ok(false) => {}
                    Err(cause) => hidden.push((key, cause)),
                }
            }
            for (key, cause) in hidden {
                self.unreadable(key, &cause);
            }
        }
        if left == 0 || !pending.is_empty() {
            self.not_all_opened(folder.to_owned());
        }
        let Some(first) = first else { return false };
        let finding = Finding::new(Code::LogUnreferenced, NO_REGIONS).object(None, first);
        let message =
            format!("{NO_REGIONS} {folder} has at least {count} such files; this is one of them.");
        self.findings.push(Finding { message, ..misplaced(finding) });
        true
    }
}

/// Message on a log file beside the regions' folders.
const NO_REGIONS: &str = "This file reads as a log file but is outside the regions' folders. Tools that read the folder will read it, and no digest can cover it there.";
/// Folders below one that is no region's that are looked through, at most.
const OTHER_FOLDERS: usize = 1000;
/// Objects in such folders that are opened, at most.
const OTHER_OBJECTS: usize = 1000;

fn misplaced(finding: Finding) -> Finding {
    Finding { code: Code::LogUnreferenced, severity: Severity::Incomplete, ..finding }
}

/// True if an object is a log file to whoever reads its folder.
fn is_log(reader: &dyn FolderReader, key: &str) -> Result<bool, String> {
    let mut body = match reader.open(key) {
        Err(StoreError::NotFound) => return Ok(false), // gone since it was listed
        body => body.map_err(|error| error.to_string())?,
    };
    let content = FileContent::recognize(key, &mut body, Limits::default().log, false);
    content.map(|it| matches!(it, FileContent::Log(_))).map_err(|error| error.to_string())
}
