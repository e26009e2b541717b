//! Unfinished copies, by their marker. A marker is trusted only so far as it makes a copy incomplete.

use std::collections::BTreeSet;

use serde::Deserialize;

/// A copy that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnfinishedCopy {
    /// The file that marks it.
    pub marker: String,
    /// Objects that were not copied, by key, and as folders that end in `/`; `None` where anything
    /// may be absent.
    pub failed: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Marker {
    unfinished: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    /// `None` for a run that did not come to its end.
    #[serde(default)]
    failed: Option<BTreeSet<String>>,
}

impl UnfinishedCopy {
    /// A copy with a marker of this text; what cannot be read leaves everything open.
    #[must_use]
    pub fn of_marker(marker: String, text: Option<&[u8]>) -> Self {
        let tasks = text.and_then(|text| serde_json::from_slice::<Marker>(text).ok());
        let failed = tasks.filter(|tasks| !tasks.unfinished.is_empty()).and_then(|tasks| {
            tasks.unfinished.into_iter().try_fold(BTreeSet::new(), |mut all, task| {
                all.extend(task.failed?);
                Some(all)
            })
        });
        Self { marker, failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_names_what_failed_or_leaves_everything_open() {
        let failed = |text: &str| {
            let copy = UnfinishedCopy::of_marker("m".to_owned(), Some(text.as_bytes()));
            copy.failed.map(|failed| failed.into_iter().collect::<Vec<_>>().join(" "))
        };
        assert_eq!(
            failed(r#"{"unfinished":[{"failed":["b","a"]},{"failed":["c/"]}]}"#).as_deref(),
            Some("a b c/")
        );
        for open in [
            r#"{"unfinished":[{"failed":["a"]},{"failed":null}]}"#,
            r#"{"unfinished":[{}]}"#,
            r#"{"unfinished":[]}"#,
            "",
            "[",
        ] {
            assert_eq!(failed(open), None, "{open}");
        }
    }
}
