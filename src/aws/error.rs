//! The SDK's errors in our words.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};

use crate::store::StoreError;

/// Error in using AWS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AwsError {
    /// The runtime does not start.
    #[error("the network runtime cannot start: {0}")]
    Runtime(#[from] std::io::Error),
    /// The profile holds an empty endpoint, on which the SDK panics.
    #[error("endpoint_url of the AWS profile is empty")]
    EmptyEndpoint,
    /// Certificate authorities cannot be used.
    #[error("{}: {cause}", crate::model::Printable(.file))]
    Authorities {
        /// The file that was named.
        file: String,
        /// Reason for which it is refused.
        cause: String,
    },
    /// A bucket cannot be opened.
    #[error("bucket {bucket}: {cause}")]
    Bucket {
        /// The bucket.
        bucket: String,
        /// Message of the service.
        cause: String,
    },
    /// KMS does not give a key.
    #[error("KMS key {key}: {cause}")]
    Kms {
        /// The key.
        key: String,
        /// Message of the service.
        cause: String,
    },
    /// A KMS key is not of the kind that signs digests.
    #[error("KMS key {key} cannot sign digests: {cause}")]
    KmsKind {
        /// The key.
        key: String,
        /// Its actual kind.
        cause: String,
    },
}

/// An error in a line: the service's own code and message where it answered, else the cause.
pub(super) fn error_summary<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|r| r.status().as_u16());
    match (error.code(), status) {
        (Some(code), Some(status)) => {
            let message = error.message().unwrap_or_default();
            let text = format!("{code} ({status}) {message}").trim_end().to_owned();
            if SKEWED.contains(&code) { text + SET_THE_CLOCK } else { text }
        }
        (None, Some(status)) if status != 200 => format!("the server answered {status}"),
        _ => causes(error),
    }
}

/// Codes of refusals for the time of a request.
const SKEWED: [&str; 3] = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"];
const SET_THE_CLOCK: &str =
    "; this machine's clock may be too far from AWS's: set it (timedatectl), and run again";

/// Texts of the SDK's errors that say only that there is a cause.
const FRAMES: [&str; 6] =
    ["", "dispatch failure", "io error", "other", "service error", "failed to construct request"];

/// The chain of causes: each is said once, and what only says that there is another one is left
/// out. Where a service stands behind it (STS, for the credentials of a role), the last is what
/// that service said.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = match error.downcast_ref::<ErrorMetadata>() {
            Some(answer) => {
                let (code, message) = (answer.code(), answer.message());
                [code, message].map(Option::unwrap_or_default).join(" ").trim().to_owned()
            }
            None => error.to_string(),
        };
        let frame = FRAMES.contains(&text.as_str()) || text.starts_with("unhandled error");
        if !frame && !told.contains(&text) {
            told.push(text);
        }
        next = error.source();
    }
    if told.is_empty() { error.to_string() } else { told.join(": ") }
}

/// Maps an error on an object to an error of the store.
pub(super) fn object_error<E>(error: &SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error.code() {
        // Only this code is absence: a 404 of anything between here and S3 is not.
        Some("NoSuchKey") => StoreError::NotFound,
        Some("InvalidObjectState") => StoreError::Archived(error_summary(error)),
        _ => StoreError::Trouble(error_summary(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct ChainedError(&'static str, #[source] Option<Box<dyn Error>>);

    fn chain(texts: &[&'static str], end: Option<Box<dyn Error>>) -> Box<dyn Error> {
        let link = |cause, text: &&'static str| {
            Some(Box::new(ChainedError(text, cause)) as Box<dyn Error>)
        };
        texts.iter().rev().fold(end, link).unwrap()
    }

    #[test]
    fn what_lies_behind_is_told_to_its_end_and_once() {
        let refused =
            ["dispatch failure", "io error", "client error (Connect)", "Connection refused"];
        let text = causes(&*chain(&refused, None));
        assert_eq!(text, "client error (Connect): Connection refused");
        assert_eq!(causes(&*chain(&["dispatch failure", "other"], None)), "dispatch failure");
    }

    #[test]
    fn the_service_behind_the_credentials_is_told_in_its_own_words() {
        let said = ErrorMetadata::builder().code("AccessDenied").message("not (yet) you").build();
        let role = ["dispatch failure", "no credentials", "service error", "unhandled error (X)"];
        let text = causes(&*chain(&role, Some(Box::new(said))));
        assert_eq!(text, "no credentials: AccessDenied not (yet) you");
    }
}
