//! What a digest's successor says of it.
//!
//! A plain copy loses the metadata, and with it every digest's own signature; the successor
//! carries it. A digest is therefore held until its successor was seen, and where the two
//! disagree, until it is known which of them can be believed. Digests come in order of their end
//! times and leave in the same order.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::digest::{Content, Examined, Rules, SignatureCheck, State, check_signature, expired};
use super::finding::{Code, Finding};

/// How many later digests are looked at for one that carries a signature. Normally the next one
/// does; digests of a fork or strays may stand between.
const PATIENCE: u64 = 4;

/// Status of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Whole, in its place, signed.
    Valid,
    /// Contradicts integrity.
    Invalid,
    /// Cannot be told.
    Unchecked,
}

/// A digest whose standing is settled.
#[derive(Debug)]
pub struct Settled {
    /// The digest.
    pub examined: Examined,
    /// Its status.
    pub standing: Standing,
    /// Reason why it is invalid.
    pub finding: Option<Box<Finding>>,
}

/// Verified content: only settling makes it.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedDigest<'a>(&'a Content);

impl<'a> VerifiedDigest<'a> {
    /// Content of the digest.
    #[must_use]
    pub fn content(&self) -> &'a Content {
        self.0
    }
}

impl Settled {
    /// The content, if it is verified.
    #[must_use]
    pub fn verified(&self) -> Option<VerifiedDigest<'_>> {
        match self.standing {
            Standing::Valid => self.examined.content.as_ref().map(VerifiedDigest),
            Standing::Invalid | Standing::Unchecked => None,
        }
    }
}

/// One chain's digests on their way from examined to settled.
#[derive(Debug, Default)]
pub struct Settler {
    held: VecDeque<Held>,
    next: u64,
}

#[derive(Debug)]
struct Held {
    number: u64,
    examined: Examined,
    decision: Decision,
}

#[derive(Debug)]
enum Decision {
    /// A successor is still awaited.
    Awaiting,
    /// Settled.
    Final(Standing, Option<Box<Finding>>),
    /// The successor contradicts it: whether that counts depends on the successor itself.
    IfValid { successor: u64, then: Box<Finding>, otherwise: (Standing, Box<Finding>) },
}

impl Settler {
    /// Takes the next digest and hands out those that are settled by it.
    pub fn push(&mut self, rules: &Rules, examined: Examined) -> Vec<Settled> {
        let number = self.next;
        self.next += 1;
        for held in &mut self.held {
            if matches!(held.decision, Decision::Final(..)) || !names(&examined, &held.examined) {
                continue;
            }
            let decision = by_successor(rules, &held.examined, &examined, number);
            // A forged successor must not stand in the way of the true one.
            if matches!(held.decision, Decision::Awaiting)
                || matches!(decision, Decision::Final(Standing::Valid, _))
            {
                held.decision = decision;
            }
        }
        let decision = on_its_own(&examined);
        self.held.push_back(Held { number, examined, decision });
        for held in &mut self.held {
            if held.number + PATIENCE <= number {
                held.give_up(rules);
            }
            // Forged digests that contradict each other in a row must not be held without end.
            if held.number + 2 * PATIENCE <= number {
                held.resolve(false);
            }
        }
        self.release()
    }

    /// Settles what is left: no successor will come.
    pub fn finish(&mut self, rules: &Rules) -> Vec<Settled> {
        for held in &mut self.held {
            held.give_up(rules);
        }
        self.release()
    }

    fn release(&mut self) -> Vec<Settled> {
        // From the newest back: a successor is always newer than what depends on it.
        let mut validity = Vec::with_capacity(self.held.len());
        for held in self.held.iter_mut().rev() {
            if let Decision::IfValid { successor, .. } = held.decision
                && let Some((_, valid)) = validity.iter().find(|(n, _)| *n == successor)
            {
                held.resolve(*valid);
            }
            if let Decision::Final(standing, _) = &held.decision {
                validity.push((held.number, *standing == Standing::Valid));
            }
        }
        let mut settled = Vec::new();
        while let Some(held) = self.held.pop_front() {
            match held.decision {
                Decision::Final(standing, finding) => {
                    settled.push(Settled { examined: held.examined, standing, finding });
                }
                _ => {
                    self.held.push_front(held);
                    break;
                }
            }
        }
        settled
    }
}

impl Held {
    fn give_up(&mut self, rules: &Rules) {
        if matches!(self.decision, Decision::Awaiting) {
            self.decision = without_successor(rules, &self.examined);
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
                Decision::Final(Standing::Invalid, Some(then))
            } else {
                Decision::Final(otherwise.0, Some(otherwise.1))
            };
        }
    }
}

/// Whether a digest names another as the one before it.
fn names(successor: &Examined, digest: &Examined) -> bool {
    let previous = successor.content.as_ref().and_then(|c| c.digest.previous.as_ref());
    previous.is_some_and(|previous| {
        *previous.object == *digest.at.key
            && digest.at.bucket.as_ref().is_none_or(|bucket| *bucket.as_str() == *previous.bucket)
    })
}

fn not_valid(standing: Standing, finding: Finding) -> Decision {
    Decision::Final(standing, Some(Box::new(finding)))
}

fn on_its_own(examined: &Examined) -> Decision {
    match &examined.state {
        State::Valid => Decision::Final(Standing::Valid, None),
        State::Failed(finding) => {
            let standing = match finding.code {
                Code::ObjectUnreadable | Code::ObjectArchived => Standing::Unchecked,
                _ => Standing::Invalid,
            };
            Decision::Final(standing, Some(finding.clone()))
        }
        State::Unsigned(_) | State::Modified(_) | State::KeyUnknown => Decision::Awaiting,
    }
}

fn without_successor(rules: &Rules, examined: &Examined) -> Decision {
    match &examined.state {
        State::Modified(message) => {
            let finding = examined.at.finding(Code::DigestModified, message);
            not_valid(Standing::Invalid, finding)
        }
        State::KeyUnknown => not_valid(standing(rules.key_unknown), key_unknown(rules, examined)),
        _ => not_valid(standing(rules.unsigned), unsigned(rules, examined)),
    }
}

const fn standing(severity: super::finding::Severity) -> Standing {
    match severity {
        super::finding::Severity::Violation => Standing::Invalid,
        _ => Standing::Unchecked,
    }
}

fn key_unknown(rules: &Rules, examined: &Examined) -> Finding {
    let region = &examined.at.name.region;
    let fingerprint = examined.content.as_ref().map(|c| c.digest.fingerprint.to_string());
    let fingerprint = fingerprint.unwrap_or_default();
    let message = format!(
        "The digest is signed with key {fingerprint} of {region}, which is not among the given keys."
    );
    examined.at.finding(Code::DigestKeyUnknown, message).severity(rules.key_unknown)
}

fn unsigned(rules: &Rules, examined: &Examined) -> Finding {
    let why = match &examined.state {
        State::Unsigned(Some(cause)) => format!(" (its metadata could not be read: {cause})"),
        _ => String::new(),
    };
    let message = format!(
        "The digest's signature is missing{why}, and no valid next digest repeats it. S3 keeps it in the object's metadata, which a plain copy loses."
    );
    examined.at.finding(Code::DigestUnsigned, message).severity(rules.unsigned)
}

fn by_successor(rules: &Rules, examined: &Examined, successor: &Examined, number: u64) -> Decision {
    let Some((content, previous)) = examined
        .content
        .as_ref()
        .zip(successor.content.as_ref().and_then(|c| c.digest.previous.as_ref()))
    else {
        return without_successor(rules, examined);
    };
    let modified = |message: &str| {
        let finding = examined.at.finding(Code::DigestModified, message);
        finding.referenced_by(&*successor.at.key)
    };
    let depends = |then: Finding, otherwise: (Standing, Finding)| Decision::IfValid {
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
    match (check_signature(rules, examined, content, &previous.signature), &examined.state) {
        (SignatureCheck::Valid, State::Modified(_)) => {
            let message = "The signature in the digest's metadata was altered; the one that the next digest states is valid.";
            not_valid(Standing::Invalid, modified(message))
        }
        (SignatureCheck::Valid, _) => Decision::Final(Standing::Valid, None),
        (SignatureCheck::Expired(validity), _) => {
            not_valid(Standing::Invalid, expired(examined, content, validity))
        }
        (_, State::Modified(message)) => not_valid(Standing::Invalid, modified(message)),
        (SignatureCheck::KeyUnknown, _) => {
            let finding = key_unknown(rules, examined);
            let otherwise = (standing(rules.key_unknown), finding);
            if fits {
                not_valid(otherwise.0, otherwise.1)
            } else {
                depends(contradiction(), otherwise)
            }
        }
        (SignatureCheck::Invalid, _) => {
            depends(contradiction(), (standing(rules.unsigned), unsigned(rules, examined)))
        }
    }
}
