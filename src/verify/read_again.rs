//! A second reading of a digest, for its list of log files.

use super::digest::{Rules, StoredObject, Trouble};
use super::inflate::inflate;
use crate::model::{DigestHead, LogEntry, Sha256Hash};

/// Reads a digest again and hands over the log files that it lists. These are what the first
/// reading saw only if no trouble follows.
///
/// # Errors
/// When the object cannot be read any more, or is another one by now.
pub fn read_again(
    rules: &Rules,
    object: Result<StoredObject<'_>, Trouble>,
    first: Sha256Hash,
    each: &mut dyn FnMut(LogEntry),
) -> Result<(), Trouble> {
    let mut object = object?;
    let mut parsed = false;
    let read =
        inflate(&mut object.body, rules.limits.digest, rules.already_inflated, &mut |from| {
            parsed = DigestHead::read(from, each).is_ok();
        });
    match read {
        Ok(read) if read.hash == first && parsed => Ok(()),
        Ok(_) => {
            Err(Trouble::unreadable("it changed since it was first read: the source is changing"))
        }
        Err(fault) => Err(Trouble::unreadable(fault.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyRing;

    #[test]
    fn another_object_is_not_read_as_the_first_one() {
        const TEXT: &str = r#"{"awsAccountId":"111122223333","digestStartTime":"2026-03-01T00:00:00Z","digestEndTime":"2026-03-01T01:00:00Z","digestS3Bucket":"b","digestS3Object":"o","digestPublicKeyFingerprint":"31e8b5433410dfb61a9dc45cc65b22ff","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"oldestEventTime":null,"previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null,"previousDigestHashAlgorithm":null,"previousDigestSignature":null,"logFiles":[]}"#;
        let rules = Rules::of_copy(KeyRing::new());
        let again = |text: &str, first: &str| {
            let body = Box::new(std::io::Cursor::new(text.to_owned()));
            let metadata = Err(Trouble::unreadable("none"));
            let object = Ok(StoredObject { body, metadata });
            read_again(&rules, object, Sha256Hash::of(first.as_bytes()), &mut |_| {})
        };
        assert_eq!(again(TEXT, TEXT), Ok(()));
        assert!(again(&TEXT.replace("null", "null "), TEXT).is_err());
        assert!(again("{}", "{}").is_err(), "what is no digest lists nothing");
        let gone = Err(Trouble::unreadable("gone"));
        assert!(read_again(&rules, gone, Sha256Hash::of(b""), &mut |_| {}).is_err());
    }
}
