//! Notices that may be as many as there are objects: reported one by one while they are few.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::Finding;

/// Number of findings of one chain and kind reported separately.
const FEW: u64 = 10;

/// The notices of one kind on the objects of one chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeCollapser {
    count: u64,
    few: Vec<Finding>,
    /// The earliest, by time and key: in whatever order they come, it is the same.
    first: Option<Finding>,
    end: Option<Timestamp>,
}

impl NoticeCollapser {
    /// Adds a notice.
    pub fn push(&mut self, finding: Finding) {
        self.count += 1;
        self.end = self.end.max(finding.end);
        if self.first.as_ref().is_none_or(|first| rank(&finding) < rank(first)) {
            self.first = Some(finding.clone());
        }
        self.few.push(finding);
        self.keep_few();
    }

    /// Adds the notices of other objects of the same chain and kind.
    pub fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.end = self.end.max(other.end);
        let earlier =
            |first: &Finding| self.first.as_ref().is_none_or(|own| rank(first) < rank(own));
        if let Some(first) = other.first.filter(earlier) {
            self.first = Some(first);
        }
        self.few.extend(other.few);
        self.keep_few();
    }

    fn keep_few(&mut self) {
        if self.count > FEW {
            self.few.clear();
        }
    }

    /// All of them, or one for all that names the first.
    #[must_use]
    pub fn into_findings(self) -> Vec<Finding> {
        let Some(first) = self.first.filter(|_| self.count > FEW) else { return self.few };
        let message = format!(
            "{} objects of the chain, of which this is the first: {}",
            self.count, first.message
        );
        vec![Finding { message, end: self.end, ..first }]
    }
}

fn rank(finding: &Finding) -> (Option<Timestamp>, Option<&str>) {
    (finding.start, finding.key.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Window;
    use crate::verify::Code;

    fn told(hours: impl Iterator<Item = i64>) -> Vec<Finding> {
        let mut alike = NoticeCollapser::default();
        for hour in hours {
            let t = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
            let notice = Finding::new(Code::GzipHeader, "Odd.").object(None, format!("{hour:02}"));
            alike.push(notice.window(Window::new(t(hour), t(hour + 1))));
        }
        alike.into_findings()
    }

    #[test]
    fn many_are_told_of_in_one_that_names_the_first() {
        assert!(told(0..0).is_empty());
        assert_eq!(told(0..10).len(), 10);
        let [one] = told((0..11).rev()).try_into().unwrap();
        assert_eq!(one.key.as_deref(), Some("00"));
        assert!(one.message.starts_with("11 objects of the chain"), "{}", one.message);
        assert_eq!(one.of_time().unwrap().seconds(), 11 * 3600);
        assert_eq!(told(0..11), [one], "in whatever order");
    }
}
