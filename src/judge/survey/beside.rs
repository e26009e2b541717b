//! Log files where none belong: beside and above the regions' folders. Whoever reads such a folder
//! reads them, and no digest can vouch for them there.

use std::collections::VecDeque;

use super::reader::UNANSWERED;
use super::walk::Walk;
use crate::store::Entry;
use crate::verify::content::Content;
use crate::verify::{Code, Finding, Limits, Severity};

impl Walk<'_> {
    /// Looks for log files among the objects that were found beside folders.
    pub(super) fn look_at_objects(&mut self, from: usize) {
        let found = self.findings.split_off(from);
        let unknown = |finding: &Finding| finding.code == Code::ObjectUnknown;
        let (objects, others): (Vec<_>, Vec<_>) = found.into_iter().partition(unknown);
        self.findings.extend(others);
        let keys: Vec<&str> = objects.iter().filter_map(|finding| finding.key.as_deref()).collect();
        let opened = keys.get(..keys.len().min(OTHER_OBJECTS - 1)).unwrap_or_default();
        let answers = self.are_logs(opened);
        let mut answers = answers.into_iter();
        for finding in objects {
            let key = finding.key.clone().unwrap_or_default();
            match answers.next() {
                None => self.not_all_opened(key),
                Some(Ok(true)) => {
                    let misplaced = misplaced(finding);
                    self.findings.push(Finding { message: NO_REGIONS.into(), ..misplaced });
                }
                Some(Ok(false)) => self.findings.push(finding),
                Some(Err(cause)) => self.unreadable(key, &cause),
            }
        }
    }

    /// Which objects are log files to whoever reads their folder. One that has no answer was not
    /// read.
    fn are_logs(&self, keys: &[&str]) -> Vec<Result<bool, String>> {
        let mut answers = self.reader.examine(keys, &|key, body| {
            let content = Content::recognize(key, body, Limits::default().log, false);
            content.map(|it| matches!(it, Content::Log(_))).map_err(|error| error.to_string())
        });
        answers.resize_with(keys.len(), || Err(UNANSWERED.to_owned()));
        answers
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
            let listed = self.reader.list_each(&folder, &mut |entry| match entry {
                Entry::Folder(key) => pending.push_back(key),
                Entry::Object { key, size: 1.., .. } if left > 0 => {
                    left -= 1;
                    objects.push(key);
                }
                Entry::Object { .. } => {}
                Entry::Unreadable { key, cause } => hidden.push((key, cause)),
            });
            hidden.extend(listed.err().map(|error| (folder, error.to_string())));
            let keys: Vec<&str> = objects.iter().map(String::as_str).collect();
            let answers = self.are_logs(&keys);
            for (key, is_log) in objects.into_iter().zip(answers) {
                match is_log {
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
