//! Digests that are named and not there: gone, unreadable, or in another place.
//!
//! Only a verified digest accuses. Digests that are not there, and that only unverified ones name,
//! are one finding for the chain, which says that nothing is shown.

use jiff::SignedDuration;

use super::linker::{Link, Linker};
use super::lookup::{Lookup, Presence};
use super::loss::{DigestWord, Gone, Loss, Lost, UnverifiedLosses};
use super::row::ContentFacts;
use crate::model::time::sub;
use crate::model::{DigestKey, Previous, Sha256Hash, Window};
use crate::verify::coverage::CoverageState;
use crate::verify::finding::{Code, Finding, Severity};
use crate::verify::settle::Standing;

/// How many missing digests in a row are named one by one; beyond that one finding covers them.
const NAMED_ONE_BY_ONE: i64 = 48;

impl Linker {
    /// Reports that a digest states a wrong hash value for its predecessor.
    pub(super) fn wrong_hash(
        &mut self,
        link: &Link,
        window: Window,
        message: &str,
        actual: Sha256Hash,
        stated: &Previous,
    ) {
        let (actual, stated) = (format!("SHA-256 {actual}"), stated.hash.to_string());
        self.broken(link, window, message, &actual, &stated);
    }

    /// Looks up a predecessor that is named and was not listed: gone, unreadable, or in another
    /// place.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn follow_unlisted(
        &mut self,
        link: &Link,
        content: &ContentFacts,
        window: Window,
        previous: &Previous,
        name: &DigestKey,
        moved: bool,
        lookup: &mut dyn Lookup,
    ) {
        let start = sub(name.end, window.length());
        let lost = Window::new(self.tip.map_or(start, |tip| start.max(tip)), name.end);
        let lost =
            if moved { lost.intersect(&Window::new(lost.start, content.start)) } else { lost };
        let finding = |code, message: String| {
            Finding::new(code, message)
                .chain(&self.chain)
                .object(Some(&previous.bucket), &*previous.object)
                .window(lost)
                .referenced_by(&*link.at.key)
        };
        let unreadable = match lookup.digest(&previous.bucket, &previous.object) {
            // Only before the first digest that is there: from then on the copy goes on.
            Presence::BeyondCopy if self.tip.is_none() => {
                let message = format!(
                    "The chain begins before the copy does: the digest before the first one belongs to a day that is not in the copy. Copy that day too, or verify from {} on (--start-time).",
                    name.end
                );
                finding(Code::ObjectUnreadable, message)
            }
            gone @ (Presence::Absent(_) | Presence::BeyondCopy) => {
                let gone = if let Presence::Absent(absence) = gone {
                    Gone::Absent(absence)
                } else {
                    Gone::Due
                };
                let by = DigestWord {
                    key: link.at.key.to_string(),
                    verified: link.standing == Standing::Valid,
                };
                self.gone(gone, &by, lost, window.length(), previous, name, moved);
                return;
            }
            Presence::Present { hash } if moved => {
                if hash != previous.hash {
                    let message = "The hash value that the digest states for its predecessor in another bucket or prefix is wrong.";
                    self.wrong_hash(link, window, message, hash, previous);
                }
                return;
            }
            Presence::Present { .. } => {
                let message =
                    "The digest exists but was not listed: the source changed during the run.";
                finding(Code::ObjectUnreadable, message.into())
            }
            Presence::Elsewhere => {
                let message = format!(
                    "The previous digest is in bucket {}, which is not among the sources: the trail's bucket or prefix changed. Add it as a source.",
                    crate::model::Printable(&previous.bucket)
                );
                finding(Code::ObjectUnreadable, message)
            }
            Presence::Unknown(trouble) => {
                finding(trouble.code, format!("The digest could not be read: {}.", trouble.cause))
            }
        };
        if moved {
            let end = lost.end.min(content.start);
            let what = Lost::Unseen { finding: Box::new(unreadable), end };
            self.losses.push(Loss { from: None, until: lost.start, what });
            return;
        }
        self.statements.assign(lost, CoverageState::Unreadable, Some(unreadable.code));
        self.findings.push(unreadable);
    }

    /// A digest is gone, and with it perhaps those between it and the last one that is there.
    #[allow(clippy::too_many_arguments)]
    fn gone(
        &mut self,
        gone: Gone,
        by: &DigestWord,
        last: Window,
        interval: SignedDuration,
        previous: &Previous,
        name: &DigestKey,
        moved: bool,
    ) {
        let message =
            "The digest is missing: the next digest names it, and the source has no such object.";
        let key = Some(previous.object.clone());
        self.lost(gone, by, last, &previous.bucket, key, message);
        // In the same place all time since the last digest there was the chain's own.
        let from = if moved { None } else { self.tip };
        if self.is_standard() && from.is_none_or(|from| from < last.start) {
            let what = Lost::Gone {
                by: by.clone(),
                bucket: previous.bucket.clone(),
                name: name.clone(),
                interval,
            };
            self.losses.push(Loss { from, until: last.start, what });
        }
    }

    /// Says how far a loss reaches: over these parts of its time no digest speaks, in any place of
    /// the trail.
    pub(super) fn extend_loss(&mut self, loss: Loss, silent: &[Window], lookup: &mut dyn Lookup) {
        match loss.what {
            Lost::Gone { by, bucket, name, interval } => {
                for hole in silent {
                    let alone = loss.from == Some(hole.start) && loss.until == hole.end;
                    self.lost_before(&by, *hole, alone, interval, &bucket, &name, lookup);
                }
            }
            Lost::Unseen { finding, end } => {
                let start = silent.last().filter(|hole| hole.end == loss.until);
                let window = Window::new(start.map_or(loss.until, |hole| hole.start), end);
                let state = CoverageState::Unreadable;
                self.statements.assign(window, state, Some(finding.code));
                self.findings.push(finding.window(window));
            }
        }
    }

    /// The digests that are gone before one that is known to be.
    #[allow(clippy::too_many_arguments)]
    fn lost_before(
        &mut self,
        by: &DigestWord,
        hole: Window,
        named: bool,
        interval: SignedDuration,
        bucket: &str,
        name: &DigestKey,
        lookup: &mut dyn Lookup,
    ) {
        let slots = hole.seconds() / interval.as_secs().max(1);
        let exact = slots * interval.as_secs() == hole.seconds();
        if named && exact && slots <= NAMED_ONE_BY_ONE {
            for slot in 1..=slots {
                let end = sub(hole.end, interval * i32::try_from(slots - slot).unwrap_or(0));
                let key = name.with_end(end).to_string();
                let window = Window::new(sub(end, interval), end);
                let message = "The digest is missing: its neighbours show that it was due, and its name follows from theirs.";
                let unseen = match lookup.digest(bucket, &key) {
                    Presence::Absent(absence) => {
                        self.lost(Gone::Absent(absence), by, window, bucket, Some(key), message);
                        continue;
                    }
                    Presence::BeyondCopy | Presence::Elsewhere => {
                        self.lost(Gone::Due, by, window, bucket, Some(key), message);
                        continue;
                    }
                    Presence::Unknown(trouble) => {
                        let message = format!("The digest could not be read: {}.", trouble.cause);
                        Finding::new(trouble.code, message)
                    }
                    Presence::Present { .. } => {
                        let message = "The digest exists but was not listed.";
                        Finding::new(Code::ObjectUnreadable, message)
                    }
                };
                self.tell(unseen, CoverageState::Unreadable, by, window, bucket, Some(key));
            }
            return;
        }
        let count = u64::try_from(slots.max(1)).unwrap_or(1);
        let message = format!("About {count} digests are missing; their names are unknown.");
        self.lost(Gone::Due, by, hole, bucket, None, &message);
        if by.verified {
            self.missing += count - 1;
        } else if let Some(unverified) = &mut self.unverified {
            unverified.count += count - 1;
        }
    }

    /// Accuses of a digest that is gone, if the one that tells of it is verified.
    fn lost(
        &mut self,
        _: Gone,
        by: &DigestWord,
        window: Window,
        bucket: &str,
        key: Option<String>,
        message: &str,
    ) {
        if !by.verified {
            self.not_shown(by, window, bucket, key);
            return;
        }
        self.missing += 1;
        let finding = Finding::new(Code::DigestMissing, message);
        self.tell(finding, CoverageState::Violated, by, window, bucket, key);
    }

    fn tell(
        &mut self,
        finding: Finding,
        state: CoverageState,
        by: &DigestWord,
        window: Window,
        bucket: &str,
        key: Option<String>,
    ) {
        self.statements.assign(window, state, Some(finding.code));
        let finding = finding.chain(&self.chain).window(window).referenced_by(&*by.key);
        let bucket = Some(bucket.to_owned());
        self.findings.push(Finding { bucket, key, ..finding });
    }

    /// A digest is not there, and the one that names it is not verified.
    fn not_shown(&mut self, by: &DigestWord, window: Window, bucket: &str, key: Option<String>) {
        let state = CoverageState::Unreadable;
        self.statements.assign(window, state, Some(Code::DigestMissing));
        let unverified = self.unverified.get_or_insert_with(|| UnverifiedLosses {
            count: 0,
            window,
            bucket: bucket.to_owned(),
            key,
            by: by.key.clone(),
        });
        unverified.count += 1;
        unverified.window = Window::new(
            unverified.window.start.min(window.start),
            unverified.window.end.max(window.end),
        );
    }

    /// The finding on digests that are not there and that only unverified digests name.
    pub(super) fn unverified_losses(&mut self) -> Option<Finding> {
        let UnverifiedLosses { count, window, bucket, key, by } = self.unverified.take()?;
        let message = match count {
            1 => "An unverified digest names this digest, which does not exist. That alone proves no deletion; it does once the other digest is verified.".to_owned(),
            _ => format!("Unverified digests name {count} digests that do not exist. That alone proves no deletion; it does once the other digests are verified."),
        };
        let finding = Finding::new(Code::DigestMissing, message)
            .severity(Severity::Incomplete)
            .chain(&self.chain)
            .window(window)
            .referenced_by(by);
        Some(Finding { bucket: Some(bucket), key, ..finding })
    }
}
