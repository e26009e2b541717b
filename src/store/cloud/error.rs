//! Causes of the crate's errors, without times and numbers of tries, so that the same trouble is the
//! same text.

use std::error::Error;

use crate::store::StoreError;

/// Characters of a server's message that are shown.
const LONGEST: usize = 300;

/// Maps an error on an object to an error of the store; a caller confirms an absence.
pub(super) fn of_object(error: object_store::Error) -> StoreError {
    match error {
        object_store::Error::NotFound { .. } => StoreError::NotFound,
        error => {
            let text = innermost(&error);
            match text.contains("BlobArchived") {
                true => StoreError::Archived(cause(&error)),
                false => StoreError::Trouble(cause(&error)),
            }
        }
    }
}

/// Maps an error of a listing: a bucket or container that is not there is trouble.
pub(super) fn of_listing(error: object_store::Error) -> StoreError {
    StoreError::Trouble(cause(&error))
}

/// An error in a line: what the server answered, or the last of a chain of causes.
pub(super) fn cause(error: &(dyn Error + 'static)) -> String {
    let text = innermost(error);
    let within = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(inside, _)| inside)
    };
    let answer = text.split('<').next().unwrap_or_default();
    let answer = answer.trim_end_matches([' ', ':', '\u{feff}', '\n', '\r']);
    let line = match within("Code") {
        Some(code) => {
            let message = within("Message").and_then(|message| message.lines().next());
            format!("{answer}: {code} {}", message.unwrap_or_default())
        }
        None if text.contains("<?xml") || text.contains("<html") => answer.to_owned(),
        None => text.lines().next().unwrap_or_default().to_owned(),
    };
    line.trim_end().chars().take(LONGEST).collect()
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct ErrorWithCause(&'static str, #[source] Option<Box<ErrorWithCause>>);

    #[test]
    fn the_answer_of_the_server_is_told_without_what_differs_each_time() {
        let answer = "Server returned non-2xx status code: 403 Forbidden: \u{feff}<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request.\nRequestId:1\nTime:2</Message></Error>";
        let error = ErrorWithCause(
            "after 3 retries in 1.2 s",
            Some(Box::new(ErrorWithCause(answer, None))),
        );
        assert_eq!(
            cause(&error),
            "Server returned non-2xx status code: 403 Forbidden: AuthenticationFailed Server failed to authenticate the request."
        );
        let refused = ErrorWithCause(
            "client error (Connect)",
            Some(Box::new(ErrorWithCause("refused", None))),
        );
        assert_eq!(cause(&refused), "refused");
        assert_eq!(cause(&ErrorWithCause("a\nb", None)), "a");
    }
}
