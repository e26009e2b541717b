//! Proof that something is not there.

use serde::{Deserialize, Serialize};

/// Proof that a source has no such object: its store says so, and what the store lacks is gone and
/// not only out of its reach. Whoever accuses of a missing object must show it.
///
/// Only the driver that asked a store makes one. Trouble on the way is no absence:
///
/// ```compile_fail
/// use trailseal::internals::verify::absence::Absence;
/// use trailseal::internals::verify::log_file::LogObject;
/// let denied = LogObject::Absent(Absence(())); // private
/// ```
///
/// ```compile_fail
/// use trailseal::internals::verify::digest::Trouble;
/// use trailseal::internals::verify::log_file::LogObject;
/// let denied = LogObject::Absent(Trouble::unreadable("AccessDenied")); // not a proof
/// ```
///
/// ```
/// use trailseal::internals::verify::digest::Trouble;
/// use trailseal::internals::verify::log_file::LogObject;
/// let denied = LogObject::Trouble(Trouble::unreadable("AccessDenied"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence(());

impl Absence {
    /// Proof by a store's statement that there is no such object: none, unless its reach includes
    /// the object.
    pub(crate) fn stated(within_reach: bool) -> Option<Self> {
        within_reach.then_some(Self(()))
    }
}
