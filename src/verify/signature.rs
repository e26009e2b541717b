//! Decision on a digest's signature, by its successor.
//!
//! A plain copy loses the metadata, and with it every digest's own signature; the successor
//! carries it. A digest is therefore held until its successor was seen, and where the two
//! disagree, until it is known which of them can be believed. Digests come in order of their end
//! times and leave in the same order.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::digest::{
    CheckedDigest, DigestContent, Rules, SignatureCheck, State, check_signature, expired,
};
use super::finding::{Code, Finding};

/// Number of later digests that are searched for one that carries a signature. Normally the next
/// one does; digests of a fork or strays may stand between.
const SUCCESSORS_SEARCHED: u64 = 4;

/// Status of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestStatus {
    /// Whole, in its place, signed.
    Valid,
    /// Contradicts integrity.
    Invalid,
    /// Cannot be told.
    Unchecked,
}

/// A digest whose status is resolved.
#[derive(Debug)]
pub struct ResolvedDigest {
    /// The digest.
    pub checked: CheckedDigest,
    /// Its status.
    pub status: DigestStatus,
    /// Reason why it is invalid.
    pub finding: Option<Box<Finding>>,
}

/// Verified content: only a resolved signature makes it.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedDigest<'a>(&'a DigestContent);

impl<'a> VerifiedDigest<'a> {
    /// Content of the digest.
    #[must_use]
    pub fn content(&self) -> &'a DigestContent {
        self.0
    }
}

impl ResolvedDigest {
    /// The content, if it is verified.
    #[must_use]
    pub fn verified(&self) -> Option<VerifiedDigest<'_>> {
        match self.status {
            DigestStatus::Valid => self.checked.content.as_ref().map(VerifiedDigest),
            DigestStatus::Invalid | DigestStatus::Unchecked => None,
        }
    }
}

/// One chain's digests on their way from checked to resolved.
#[derive(Debug, Default)]
pub struct SignatureResolver {
    held: VecDeque<Held>,
    next: u64,
}

#[derive(Debug)]
struct Held {
    number: u64,
    checked: CheckedDigest,
    decision: Decision,
}

#[derive(Debug)]
enum Decision {
    /// A successor is still awaited.
    Awaiting,
    /// Resolved.
    Final(DigestStatus, Option<Box<Finding>>),
    /// The successor contradicts it: whether that counts depends on the successor itself.
    IfValid { successor: u64, then: Box<Finding>, otherwise: (DigestStatus, Box<Finding>) },
}

impl SignatureResolver {
    /// Takes the next digest and hands out those that are resolved by it.
    pub fn push(&mut self, rules: &Rules, checked: CheckedDigest) -> Vec<ResolvedDigest> {
        let number = self.next;
        self.next += 1;
        for held in &mut self.held {
            if matches!(held.decision, Decision::Final(..)) || !names(&checked, &held.checked) {
                continue;
            }
            let decision = by_successor(rules, &held.checked, &checked, number);
            // A forged successor must not stand in the way of the true one.
            if matches!(held.decision, Decision::Awaiting)
                || matches!(decision, Decision::Final(DigestStatus::Valid, _))
            {
                held.decision = decision;
            }
        }
        let decision = on_its_own(&checked);
        self.held.push_back(Held { number, checked, decision });
        for held in &mut self.held {
            if held.number + SUCCESSORS_SEARCHED <= number {
                held.give_up(rules);
            }
            // Forged digests that contradict each other in a row must not be held without end.
            if held.number + 2 * SUCCESSORS_SEARCHED <= number {
                held.resolve(false);
            }
        }
        self.release()
    }

    /// Resolves what is left: no successor will come.
    pub fn finish(&mut self, rules: &Rules) -> Vec<ResolvedDigest> {
        for held in &mut self.held {
            held.give_up(rules);
        }
        self.release()
    }

    fn release(&mut self) -> Vec<ResolvedDigest> {
        // From the newest back: a successor is always newer than what depends on it.
        let mut validity = Vec::with_capacity(self.held.len());
        for held in self.held.iter_mut().rev() {
            if let Decision::IfValid { successor, .. } = held.decision
                && let Some((_, valid)) = validity.iter().find(|(n, _)| *n == successor)
            {
                held.resolve(*valid);
            }
            if let Decision::Final(status, _) = &held.decision {
                validity.push((held.number, *status == DigestStatus::Valid));
            }
        }
        let mut resolved = Vec::new();
        while let Some(held) = self.held.pop_front() {
            match held.decision {
                Decision::Final(status, finding) => {
                    resolved.push(ResolvedDigest { checked: held.checked, status, finding });
                }
                _ => {
                    self.held.push_front(held);
                    break;
                }
            }
        }
        resolved
    }
}

impl Held {
    fn give_up(&mut self, rules: &Rules) {
        if matches!(self.decision, Decision::Awaiting) {
            self.decision = without_successor(rules, &self.checked);
        }
    }

    fn resolve(&mut self, successor_is_valid: bool) {
        if !matches!(self.decision, Decision::IfValid { .. }) {
            return;
        }
        if let Decision::IfValid { then, otherwise, .. } =
            std::mem::replace(&mut self.decision, Decision::Awaiting)
        {
            self.decision = if successor_is_valid {
                Decision::Final(DigestStatus::Invalid, Some(then))
            } else {
                Decision::Final(otherwise.0, Some(otherwise.1))
            };
        }
    }
}

/// True if a digest names another as the one before it.
fn names(successor: &CheckedDigest, digest: &CheckedDigest) -> bool {
    let previous = successor.content.as_ref().and_then(|c| c.digest.previous.as_ref());
    previous.is_some_and(|previous| {
        *previous.object == *digest.at.key
            && digest.at.bucket.as_ref().is_none_or(|bucket| *bucket.as_str() == *previous.bucket)
    })
}

fn not_valid(status: DigestStatus, finding: Finding) -> Decision {
    Decision::Final(status, Some(Box::new(finding)))
}

fn on_its_own(checked: &CheckedDigest) -> Decision {
    match &checked.state {
        State::Valid => Decision::Final(DigestStatus::Valid, None),
        State::Failed(finding) => {
            let status = match finding.code {
                Code::ObjectUnreadable | Code::ObjectArchived => DigestStatus::Unchecked,
                _ => DigestStatus::Invalid,
            };
            Decision::Final(status, Some(finding.clone()))
        }
        State::Unsigned(_) | State::Modified(_) | State::KeyUnknown => Decision::Awaiting,
    }
}

fn without_successor(rules: &Rules, checked: &CheckedDigest) -> Decision {
    match &checked.state {
        State::Modified(message) => {
            let finding = checked.at.finding(Code::DigestModified, message);
            not_valid(DigestStatus::Invalid, finding)
        }
        State::KeyUnknown => not_valid(status(rules.key_unknown), key_unknown(rules, checked)),
        _ => not_valid(status(rules.unsigned), unsigned(rules, checked)),
    }
}

const fn status(severity: super::finding::Severity) -> DigestStatus {
    match severity {
        super::finding::Severity::Violation => DigestStatus::Invalid,
        _ => DigestStatus::Unchecked,
    }
}

fn key_unknown(rules: &Rules, checked: &CheckedDigest) -> Finding {
    let region = &checked.at.name.region;
    let fingerprint = checked.content.as_ref().map(|c| c.digest.fingerprint.to_string());
    let fingerprint = fingerprint.unwrap_or_default();
    let message = format!(
        "The digest is signed with key {fingerprint} of {region}, which is not among the given keys."
    );
    checked.at.finding(Code::DigestKeyUnknown, message).severity(rules.key_unknown)
}

fn unsigned(rules: &Rules, checked: &CheckedDigest) -> Finding {
    let why = match &checked.state {
        State::Unsigned(Some(cause)) => format!(" (its metadata could not be read: {cause})"),
        _ => String::new(),
    };
    let message = format!(
        "The digest's signature is missing{why}, and no valid next digest repeats it. S3 keeps it in the object's metadata, which a plain copy loses."
    );
    checked.at.finding(Code::DigestUnsigned, message).severity(rules.unsigned)
}

fn by_successor(
    rules: &Rules,
    checked: &CheckedDigest,
    successor: &CheckedDigest,
    number: u64,
) -> Decision {
    let Some((content, previous)) = checked
        .content
        .as_ref()
        .zip(successor.content.as_ref().and_then(|c| c.digest.previous.as_ref()))
    else {
        return without_successor(rules, checked);
    };
    let modified = |message: &str| {
        let finding = checked.at.finding(Code::DigestModified, message);
        finding.referenced_by(&*successor.at.key)
    };
    let depends = |then: Finding, otherwise: (DigestStatus, Finding)| Decision::IfValid {
        successor: number,
        then: Box::new(then),
        otherwise: (otherwise.0, Box::new(otherwise.1)),
    };
    let fits = previous.hash == content.hash;
    let contradiction = || {
        if fits {
            modified(
                "The signature that the next digest states for this digest does not match its content.",
            )
        } else {
            modified("The digest's content does not match the hash value in the next digest.")
                .compared(format!("SHA-256 {}", previous.hash), content.hash)
        }
    };
    match (check_signature(rules, checked, content, &previous.signature), &checked.state) {
        (SignatureCheck::Valid, State::Modified(_)) => {
            let message = "The signature in the digest's metadata was altered; the one that the next digest states is valid.";
            not_valid(DigestStatus::Invalid, modified(message))
        }
        (SignatureCheck::Valid, _) => Decision::Final(DigestStatus::Valid, None),
        (SignatureCheck::Expired(validity), _) => {
            not_valid(DigestStatus::Invalid, expired(checked, content, validity))
        }
        (_, State::Modified(message)) => not_valid(DigestStatus::Invalid, modified(message)),
        (SignatureCheck::KeyUnknown, _) => {
            let finding = key_unknown(rules, checked);
            let otherwise = (status(rules.key_unknown), finding);
            if fits {
                not_valid(otherwise.0, otherwise.1)
            } else {
                depends(contradiction(), otherwise)
            }
        }
        (SignatureCheck::Invalid, _) => {
            depends(contradiction(), (status(rules.unsigned), unsigned(rules, checked)))
        }
    }
}
