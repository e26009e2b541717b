//! The SDK's errors in our words.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::store::StoreError;

/// An error in a line: the service's own code and message where it answered, else the cause.
pub(super) fn line<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|r| r.status().as_u16());
    match (error.code(), status) {
        (Some(code), Some(status)) => {
            let message = error.message().unwrap_or_default();
            format!("{code} ({status}) {message}").trim_end().to_owned()
        }
        (None, Some(status)) if status != 200 => format!("the server answered {status}"),
        _ => {
            // The chain of causes, without the debug print that follows it.
            let text = DisplayErrorContext(error).to_string();
            text.split_once(" (").map_or(text.clone(), |(first, _)| first.to_owned())
        }
    }
}

/// What an error on an object means for the store.
pub(super) fn of_object<E>(error: &SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error.code() {
        // Only this code is absence: a 404 of anything between here and S3 is not.
        Some("NoSuchKey") => StoreError::NotFound,
        Some("InvalidObjectState") => StoreError::Archived(line(error)),
        _ => StoreError::Trouble(line(error)),
    }
}
