//! Digests that are named and not there: gone, unreadable, or in another place.

use jiff::SignedDuration;

use super::{Link, Linker, Lookup, Presence};
use crate::model::time::sub;
use crate::model::{BucketName, DigestKey, Previous, Window};
use crate::verify::coverage::CoverageState;
use crate::verify::digest::Content;
use crate::verify::finding::{Code, Finding};
use crate::verify::settle::Standing;

/// How many missing digests in a row are named one by one; beyond that one finding covers them.
const NAMED_ONE_BY_ONE: i64 = 48;

impl Linker {
    /// The predecessor is named and was not listed: gone, unreadable, or in another place.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn follow_unlisted(
        &mut self,
        link: &Link,
        content: &Content,
        window: Window,
        previous: &Previous,
        name: &DigestKey,
        moved: bool,
        lookup: &mut dyn Lookup,
    ) {
        let start = sub(name.end, window.length());
        let lost = Window::new(self.tip.map_or(start, |tip| start.max(tip)), name.end);
        let lost = if moved {
            lost.intersect(&Window::new(lost.start, content.digest.start))
        } else {
            lost
        };
        let finding = |code, message: String| {
            Finding::new(code, message)
                .chain(&self.chain)
                .object(Some(&previous.bucket), &*previous.object)
                .window(lost)
                .referenced_by(&*link.at.key)
        };
        let unreadable = match lookup.digest(&previous.bucket, &previous.object) {
            Presence::Absent => {
                self.missing_run(link, lost, window.length(), previous, name, lookup);
                return;
            }
            Presence::Present { hash } if moved => {
                if hash != previous.hash {
                    let message = "The hash value that the digest states for its predecessor in another place is not the predecessor's.";
                    self.broken(
                        link,
                        window,
                        message,
                        &format!("SHA-256 {hash}"),
                        &previous.hash.to_string(),
                    );
                } else if link.standing == Standing::Valid {
                    let bucket = BucketName::parse(&previous.bucket).ok();
                    self.continues = Some((name.chain(bucket.as_ref()), window.start));
                }
                return;
            }
            Presence::Present { .. } => {
                let message = "The digest was not listed, yet it is there: the source changed during the run.";
                finding(Code::ObjectUnreadable, message.into())
            }
            Presence::Elsewhere => {
                let message = format!(
                    "The chain continues from bucket {} (the trail's bucket or prefix changed), which is not among the sources.",
                    crate::model::Printable(&previous.bucket)
                );
                finding(Code::ObjectUnreadable, message)
            }
            Presence::Unknown(trouble) => {
                finding(trouble.code, format!("The digest could not be read: {}.", trouble.cause))
            }
        };
        self.statements.assign(lost, CoverageState::Unreadable, Some(unreadable.code));
        self.findings.push(unreadable);
    }

    /// A digest is gone, and with it perhaps those between it and the last one that is there.
    fn missing_run(
        &mut self,
        link: &Link,
        last: Window,
        interval: SignedDuration,
        previous: &Previous,
        name: &DigestKey,
        lookup: &mut dyn Lookup,
    ) {
        let hole = self
            .tip
            .filter(|_| self.is_standard())
            .map(|tip| Window::new(tip, last.start))
            .filter(|hole| !hole.is_empty());
        if let Some(hole) = hole {
            let slots = hole.seconds() / interval.as_secs().max(1);
            let exact = slots * interval.as_secs() == hole.seconds();
            if exact && slots <= NAMED_ONE_BY_ONE {
                for slot in 1..=slots {
                    let end = sub(hole.end, interval * i32::try_from(slots - slot).unwrap_or(0));
                    let key = name.with_end(end).to_string();
                    let window = Window::new(sub(end, interval), end);
                    let presence = lookup.digest(&previous.bucket, &key);
                    let message = "The digest is gone: those before and after show that one is due here, and its name follows from theirs.";
                    self.lost(link, window, &previous.bucket, Some(key), presence, message);
                }
            } else {
                let message = format!(
                    "About {} digests are gone; their names cannot be known.",
                    slots.max(1)
                );
                self.lost(link, hole, &previous.bucket, None, Presence::Absent, &message);
                self.missing += u64::try_from(slots.max(1) - 1).unwrap_or(0);
            }
        }
        let message =
            "The digest is gone: the one after it names it, and the store has no such object.";
        let key = Some(previous.object.clone());
        self.lost(link, last, &previous.bucket, key, Presence::Absent, message);
    }

    fn lost(
        &mut self,
        link: &Link,
        window: Window,
        bucket: &str,
        key: Option<String>,
        presence: Presence,
        message: &str,
    ) {
        let (finding, state) = match presence {
            Presence::Unknown(trouble) => {
                let message = format!("The digest could not be read: {}.", trouble.cause);
                (Finding::new(trouble.code, message), CoverageState::Unreadable)
            }
            Presence::Present { .. } => {
                let message = "The digest was not listed, yet it is there.";
                (Finding::new(Code::ObjectUnreadable, message), CoverageState::Unreadable)
            }
            Presence::Absent | Presence::Elsewhere => {
                self.missing += 1;
                (Finding::new(Code::DigestMissing, message), CoverageState::Violated)
            }
        };
        self.statements.assign(window, state, Some(finding.code));
        let finding = finding.chain(&self.chain).window(window).referenced_by(&*link.at.key);
        let bucket = Some(bucket.to_owned());
        self.findings.push(Finding { bucket, key, ..finding });
    }
}
