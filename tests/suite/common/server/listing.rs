//! A page of ListObjectsV2 or of its elder, ListObjects.

use std::ops::Bound;
use std::sync::Arc;

use super::memory::{Bucket, Object};

/// The most that one page holds.
pub(super) const LONGEST_PAGE: usize = 1000;

pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    /// `None` and the empty one: no grouping.
    pub(super) delimiter: Option<&'a str>,
    pub(super) after: After,
    pub(super) max_keys: usize,
}

/// Where a page begins.
#[derive(Clone)]
pub(super) enum After {
    Start,
    Key(String),
    /// Nothing below this common prefix is listed any more.
    Group(String),
}

impl After {
    /// A continuation token, which says nothing to a client.
    pub(super) fn token(&self) -> Option<String> {
        match self {
            Self::Start => None,
            Self::Key(key) => Some(format!("k{}", hex::encode(key))),
            Self::Group(prefix) => Some(format!("g{}", hex::encode(prefix))),
        }
    }

    pub(super) fn from_token(token: &str) -> Option<Self> {
        let text = |hex_text| String::from_utf8(hex::decode(hex_text).ok()?).ok();
        match token.split_at_checked(1)? {
            ("k", rest) => text(rest).map(Self::Key),
            ("g", rest) => text(rest).map(Self::Group),
            _ => None,
        }
    }

    /// What ListObjects goes on from: a key or, where keys are grouped, a group as it was listed.
    pub(super) fn from_marker(marker: &str, delimiter: Option<&str>) -> Self {
        match delimiter.filter(|delimiter| !delimiter.is_empty()) {
            Some(delimiter) if marker.ends_with(delimiter) => Self::Group(marker.to_owned()),
            _ => Self::Key(marker.to_owned()),
        }
    }

    pub(super) fn marker(self) -> Option<String> {
        match self {
            Self::Start => None,
            Self::Key(text) | Self::Group(text) => Some(text),
        }
    }
}

#[derive(Default)]
pub(super) struct Page {
    pub(super) objects: Vec<(String, Arc<Object>)>,
    pub(super) common_prefixes: Vec<String>,
    /// Where the next page begins, when there is more.
    pub(super) next: Option<After>,
}

impl Page {
    pub(super) fn len(&self) -> usize {
        self.objects.len() + self.common_prefixes.len()
    }
}

pub(super) fn page(bucket: &Bucket, query: &Query<'_>) -> Page {
    let mut page = Page::default();
    if query.max_keys == 0 {
        return page;
    }
    let mut last = query.after.clone();
    // Each turn lists one key or one group, and begins anew behind it.
    while let Some((key, object)) = next_key(bucket, query.prefix, &last) {
        if page.len() == query.max_keys {
            page.next = Some(last);
            break;
        }
        match group_of(key, query) {
            Some(group) => {
                page.common_prefixes.push(group.to_owned());
                last = After::Group(group.to_owned());
            }
            None => {
                page.objects.push((key.clone(), Arc::clone(object)));
                last = After::Key(key.clone());
            }
        }
    }
    page
}

fn next_key<'a>(
    bucket: &'a Bucket,
    prefix: &str,
    after: &After,
) -> Option<(&'a String, &'a Arc<Object>)> {
    let beyond = match after {
        After::Start => String::new(),
        After::Key(key) => key.clone(),
        // Almost all of a group sorts before its prefix with the last character behind it.
        After::Group(group) => format!("{group}{}", char::MAX),
    };
    let from = if beyond.as_str() < prefix || beyond.is_empty() {
        Bound::Included(prefix)
    } else {
        Bound::Excluded(beyond.as_str())
    };
    let listed = |key: &str| !matches!(after, After::Group(group) if key.starts_with(group));
    bucket
        .range::<str, _>((from, Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(prefix))
        .find(|(key, _)| listed(key))
}

/// The common prefix that a key is listed under.
fn group_of<'a>(key: &'a str, query: &Query<'_>) -> Option<&'a str> {
    let delimiter = query.delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let from = query.prefix.len();
    let found = key.get(from..)?.find(delimiter)?;
    key.get(..from + found + delimiter.len())
}
