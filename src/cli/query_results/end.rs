//! Ends of a check without the result "valid".

use crate::cli::{Failure, INCOMPLETE};
use crate::model::Printable;
use crate::verify::query_results::QueryResultFault;

/// Exit status of the AWS CLI: the service refused; here, that the bucket has no such object.
pub(super) const NO_SUCH_KEY: u8 = 254;
/// Exit status of the AWS CLI: not valid, or not there.
pub(super) const INVALID: u8 = 255;
/// Number of names shown.
pub(super) const SHOWN: usize = 5;

/// End of a check without the result "valid".
pub(super) enum End {
    /// End with a message and status of the AWS CLI.
    Theirs { status: u8, message: String, remarks: Vec<String> },
    /// End with a failure of trailseal.
    Ours(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Ours(failure)
    }
}

impl From<QueryResultFault> for End {
    fn from(fault: QueryResultFault) -> Self {
        let remarks = fault.remark().into_iter().collect();
        Self::Theirs { status: INVALID, message: fault.to_string(), remarks }
    }
}

/// Something that could not be read.
pub(super) fn trouble(name: &str, cause: &str) -> Failure {
    let message = format!("{} could not be checked: {}", Printable(name), Printable(cause));
    Failure { status: INCOMPLETE, message, remedy: None }
}
