//! Seals: hostile signatures, time-stamps and statements over content that is known.
//!
//! The first byte says which of them the rest is. `seal/` holds content and a signature over it, of
//! the key that signed the seeds.

use trailseal::internals::crypto::document::{Authorities, Purpose, cms, dsse, timestamp};

const CONTENT: &[u8] = include_bytes!("seal/content.txt");
const SIGNATURE: &[u8] = include_bytes!("seal/signature.p7s");

/// No input panics, and nothing that holds over this content holds over other content too.
pub fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let other = [CONTENT, b"x"].concat();
    match kind % 4 {
        0 => {
            if let Ok(signed) = cms::verify(rest, CONTENT) {
                assert!(cms::verify(rest, &other).is_err(), "one signature over two contents");
                let _ = (signed.by(), signed.time);
                let nobody = Authorities::default();
                let trusted =
                    signed.check_trust(&nobody, Purpose::Signing, jiff::Timestamp::UNIX_EPOCH);
                assert!(trusted.is_err(), "trusted without an authority");
            }
        }
        1 => {
            if let Ok(stamp) = timestamp::verify(rest, SIGNATURE) {
                assert!(
                    timestamp::verify(rest, &other).is_err(),
                    "one time-stamp over two contents"
                );
                let _ = stamp.by();
                assert!(stamp.check_trust(&Authorities::default()).is_err());
            }
        }
        2 => {
            let signed =
                cms::verify(SIGNATURE, CONTENT).expect("the signature that stands here fits");
            if let Ok(statement) = dsse::verify(rest, &signed) {
                let said: serde_json::Value = serde_json::from_slice(&statement)
                    .expect("only the sealer's statements are signed");
                assert_eq!(said["predicateType"], "urn:trailseal:evidence:1");
            }
        }
        _ => {
            let mut authorities = Authorities::default();
            if authorities.add_pem(rest).is_ok() {
                assert!(!authorities.is_empty());
                let signed =
                    cms::verify(SIGNATURE, CONTENT).expect("the signature that stands here fits");
                let _ =
                    signed.check_trust(&authorities, Purpose::Signing, jiff::Timestamp::UNIX_EPOCH);
            }
        }
    }
}
