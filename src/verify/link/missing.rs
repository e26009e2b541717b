//! Digests that are named and not there: gone, unreadable, or in another place.
//!
//! Only a verified digest accuses. Digests that are not there, and that only unverified ones name,
//! are one finding for the chain, which says that nothing is shown.

use super::follow::{Successor, UnlistedPredecessor};
use super::linker::Linker;
use super::lookup::{Lookup, Presence};
use super::loss::{GoneDigest, Loss, LossCause, MissingProof, Referrer, UnverifiedLosses};
use crate::model::time::sub;
use crate::model::{Printable, Window};
use crate::verify::coverage::CoverageState;
use crate::verify::finding::{Code, Finding, Severity};

/// Number of missing digests in a row that are named one by one; one finding covers more.
const NAMED_ONE_BY_ONE: i64 = 48;

/// A digest that is not there, or several.
struct MissingDigest<'a> {
    /// The digest that names it.
    by: &'a Referrer,
    window: Window,
    bucket: &'a str,
    /// `None` for several.
    key: Option<String>,
}

impl Linker {
    /// Looks up a predecessor that is named and was not listed: gone, unreadable, or in another
    /// place.
    pub(super) fn follow_unlisted(
        &mut self,
        next: &Successor<'_>,
        named: &UnlistedPredecessor,
        lookup: &mut dyn Lookup,
    ) {
        let previous = next.previous;
        let (code, message) = match lookup.digest(&previous.bucket, &previous.object) {
            // Only before the first digest that is there: from then on the copy goes on.
            Presence::BeyondCopy if self.tip.is_none() => {
                let message = format!(
                    "The chain begins before the copy does: the digest before the first one belongs to a day that is not in the copy. Copy that day too, or verify from {} on (--start-time).",
                    named.name.end
                );
                (Code::ObjectUnreadable, message)
            }
            Presence::BeyondCopy => {
                return self.missing_predecessor(MissingProof::Due, next, named);
            }
            Presence::Absent(absence) => {
                return self.missing_predecessor(MissingProof::Absent(absence), next, named);
            }
            Presence::Present { hash } if named.moved => {
                if hash != previous.hash {
                    let message = "The hash value that the digest states for its predecessor in another bucket or prefix is wrong.";
                    self.wrong_hash(next, message, hash);
                }
                return;
            }
            Presence::Present { .. } => {
                let message =
                    "The digest exists but was not listed: the source changed during the run.";
                (Code::ObjectUnreadable, message.to_owned())
            }
            Presence::Elsewhere => {
                let message = format!(
                    "The previous digest is in bucket {}, which is not among the sources: the trail's bucket or prefix changed. Add it as a source.",
                    Printable(&previous.bucket)
                );
                (Code::ObjectUnreadable, message)
            }
            Presence::Unknown(trouble) => {
                (trouble.code, format!("The digest could not be read: {}.", trouble.cause))
            }
        };
        self.unseen_predecessor(Finding::new(code, message), next, named);
    }

    /// Time of a predecessor that was not listed.
    fn time_of(&self, named: &UnlistedPredecessor, next: &Successor<'_>) -> Window {
        let start = sub(named.name.end, next.window.length());
        let start = self.tip.map_or(start, |tip| start.max(tip));
        let time = Window::new(start, named.name.end);
        match named.moved {
            true => time.intersect(&Window::new(start, next.window.start)),
            false => time,
        }
    }

    /// Reports a predecessor of which it is unknown whether it is gone.
    fn unseen_predecessor(
        &mut self,
        finding: Finding,
        next: &Successor<'_>,
        named: &UnlistedPredecessor,
    ) {
        let time = self.time_of(named, next);
        let finding = finding
            .chain(&self.chain)
            .object(Some(&next.previous.bucket), &*next.previous.object)
            .window(time)
            .referenced_by(&*next.link.at.key);
        if named.moved {
            let end = time.end.min(next.window.start);
            let cause = LossCause::Unseen { finding: Box::new(finding), end };
            self.losses.push(Loss { from: None, until: time.start, cause });
            return;
        }
        self.statements.assign(time, CoverageState::Unreadable, Some(finding.code));
        self.findings.push(finding);
    }

    /// Reports a predecessor that is gone, and with it perhaps those between it and the last digest
    /// that is there.
    fn missing_predecessor(
        &mut self,
        proof: MissingProof,
        next: &Successor<'_>,
        named: &UnlistedPredecessor,
    ) {
        let time = self.time_of(named, next);
        let by = Referrer { key: next.link.at.key.to_string(), verified: next.is_verified() };
        let (bucket, key) = (&next.previous.bucket, Some(next.previous.object.clone()));
        let message =
            "The digest is missing: the next digest names it, and the source has no such object.";
        self.report_missing(proof, MissingDigest { by: &by, window: time, bucket, key }, message);
        // In the same place all time since the last digest there was the chain's own.
        let from = if named.moved { None } else { self.tip };
        if self.is_standard() && from.is_none_or(|from| from < time.start) {
            let (bucket, name) = (bucket.clone(), named.name.clone());
            let gone = GoneDigest { by, bucket, name, interval: next.window.length() };
            self.losses.push(Loss { from, until: time.start, cause: LossCause::Gone(gone) });
        }
    }

    /// Reports how far a loss reaches: over these parts of its time no digest speaks, in any place
    /// of the trail.
    pub(super) fn extend_loss(&mut self, loss: Loss, silent: &[Window], lookup: &mut dyn Lookup) {
        match loss.cause {
            LossCause::Gone(gone) => {
                for hole in silent {
                    let alone = loss.from == Some(hole.start) && loss.until == hole.end;
                    match gone.number_in(*hole) {
                        (number, true) if alone && number <= NAMED_ONE_BY_ONE => {
                            self.missing_by_name(&gone, *hole, number, lookup);
                        }
                        (number, _) => self.missing_together(&gone, *hole, number),
                    }
                }
            }
            LossCause::Unseen { finding, end } => {
                let start = silent.last().filter(|hole| hole.end == loss.until);
                let window = Window::new(start.map_or(loss.until, |hole| hole.start), end);
                let state = CoverageState::Unreadable;
                self.statements.assign(window, state, Some(finding.code));
                self.findings.push(finding.window(window));
            }
        }
    }

    /// Reports each of the digests that fill a hole before one that is gone.
    fn missing_by_name(
        &mut self,
        gone: &GoneDigest,
        hole: Window,
        number: i64,
        lookup: &mut dyn Lookup,
    ) {
        for after in (0..number).rev() {
            let end = sub(hole.end, gone.interval * i32::try_from(after).unwrap_or(0));
            let window = Window::new(sub(end, gone.interval), end);
            let key = gone.name.with_end(end).to_string();
            let presence = lookup.digest(&gone.bucket, &key);
            let missing =
                MissingDigest { by: &gone.by, window, bucket: &gone.bucket, key: Some(key) };
            self.missing_between(missing, presence);
        }
    }

    /// Reports a digest that lies between two others, and that was not listed.
    fn missing_between(&mut self, digest: MissingDigest<'_>, presence: Presence) {
        let message = "The digest is missing: its neighbours show that it was due, and its name follows from theirs.";
        let unseen = match presence {
            Presence::Absent(absence) => {
                return self.report_missing(MissingProof::Absent(absence), digest, message);
            }
            Presence::BeyondCopy | Presence::Elsewhere => {
                return self.report_missing(MissingProof::Due, digest, message);
            }
            Presence::Unknown(trouble) => {
                let message = format!("The digest could not be read: {}.", trouble.cause);
                Finding::new(trouble.code, message)
            }
            Presence::Present { .. } => {
                Finding::new(Code::ObjectUnreadable, "The digest exists but was not listed.")
            }
        };
        self.report(unseen, CoverageState::Unreadable, digest);
    }

    /// Reports in one finding the digests before one that is gone, whose names are unknown or too
    /// many.
    fn missing_together(&mut self, gone: &GoneDigest, hole: Window, number: i64) {
        let count = u64::try_from(number.max(1)).unwrap_or(1);
        let message = format!("About {count} digests are missing; their names are unknown.");
        let by = &gone.by;
        let digests = MissingDigest { by, window: hole, bucket: &gone.bucket, key: None };
        self.report_missing(MissingProof::Due, digests, &message);
        if by.verified {
            self.missing += count - 1;
        } else if let Some(unverified) = &mut self.unverified {
            unverified.count += count - 1;
        }
    }

    /// Reports that a digest is missing, if the one that names it is verified.
    fn report_missing(&mut self, _: MissingProof, digest: MissingDigest<'_>, message: &str) {
        if !digest.by.verified {
            self.missing_unproven(digest);
            return;
        }
        self.missing += 1;
        let finding = Finding::new(Code::DigestMissing, message);
        self.report(finding, CoverageState::Violated, digest);
    }

    fn report(&mut self, finding: Finding, state: CoverageState, digest: MissingDigest<'_>) {
        let MissingDigest { by, window, bucket, key } = digest;
        self.statements.assign(window, state, Some(finding.code));
        let finding = finding.chain(&self.chain).window(window).referenced_by(&*by.key);
        let bucket = Some(bucket.to_owned());
        self.findings.push(Finding { bucket, key, ..finding });
    }

    /// Counts a digest that is not there, and that an unverified one names.
    fn missing_unproven(&mut self, digest: MissingDigest<'_>) {
        let MissingDigest { by, window, bucket, key } = digest;
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
