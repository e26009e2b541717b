//! `aws cloudtrail validate-logs`, by its own rules: the digests that it validates, their order, and
//! its message on each.
//!
//! These rules fail open, which [`super::verify`] exists for; scripts depend on them all the same.
//! They follow awscli 1.46, with one exception: what could not be read is reported as unread, and the
//! run goes on.

mod check;
mod keys;
mod traverse;

use std::num::NonZero;

use jiff::Timestamp;

use super::pool::Stop;
use crate::crypto::PublicKey;
use crate::model::Window;
use crate::store::{Object, StoreError};

pub use self::traverse::validate;

/// Request to validate.
#[derive(Debug, Clone)]
pub struct ValidateRequest {
    /// The trail's name.
    pub name: String,
    /// The account that the digests are of.
    pub account: String,
    /// The region in which the trail was created.
    pub home_region: String,
    /// The region whose digests are validated.
    pub region: String,
    /// The organization's id, for an organization trail.
    pub organization: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// Prefix before `AWSLogs` in the keys.
    pub prefix: Option<String>,
    /// Start of the time.
    pub start: Timestamp,
    /// End of the time.
    pub end: Timestamp,
    /// Number of objects read in parallel.
    pub jobs: NonZero<usize>,
    /// Ends the run early.
    pub stop: Stop,
}

/// A public key by the fingerprint that CloudTrail gives it; `None` where it is no key.
pub type NamedKey = (String, Option<PublicKey>);

/// Queries made while validating.
pub trait Source: Send + Sync {
    /// Opens an object.
    ///
    /// # Errors
    /// Absence, and whatever else keeps it from being read.
    fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError>;

    /// Lists keys with a prefix, in order, from the first after `after` on, until `each` says
    /// that it is enough.
    ///
    /// # Errors
    /// What went wrong, in the words that are to be printed.
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: &str,
        each: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), String>;

    /// The public keys that were valid at some moment of a window.
    ///
    /// # Errors
    /// What went wrong, in the words that are to be printed.
    fn keys(&self, window: Window) -> Result<Vec<NamedKey>, String>;
}

/// Message on an object or a period, in the order of the AWS CLI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its subject, and the result.
    pub about: MessageSubject,
    /// The AWS CLI's words for it.
    pub text: String,
}

/// Subject of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageSubject {
    /// An object is valid: only printed where much is to be printed.
    Valid,
    /// The object of this key is not valid.
    Invalid(String),
    /// The object of this key could not be read.
    Unread(String),
    /// A time between digests has no log files.
    Gap,
}

/// Numbers of objects of one kind by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Valid.
    pub valid: u64,
    /// Not valid.
    pub invalid: u64,
    /// Neither: could not be read.
    pub unread: u64,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.valid + self.invalid + self.unread
    }
}

/// Result of validating.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Standard digests.
    pub digests: Tally,
    /// Backfill digests.
    pub backfill: Tally,
    /// Log files.
    pub logs: Tally,
    /// Time of the valid digests, within the requested time.
    pub found: Option<(Timestamp, Timestamp)>,
}

/// A time as the reference shows it, to the second.
#[must_use]
pub fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
