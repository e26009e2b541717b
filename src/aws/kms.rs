//! A KMS key as a signer.

use aws_sdk_kms::Client;
use aws_sdk_kms::config::Region;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyUsageType, MessageType, SigningAlgorithmSpec};

use super::config::Aws;
use super::error::{AwsError, error_summary};
use super::response::ResponseKind;
use crate::crypto::{KeyForm, PublicKey, Signer, SigningKeyError, parse_key_file};
use crate::model::{Fingerprint, Sha256Hash};

/// The algorithm of CloudTrail's digests.
const ALGORITHM: SigningAlgorithmSpec = SigningAlgorithmSpec::RsassaPkcs1V15Sha256;
/// Longest message that KMS signs as it is; longer ones are hashed here.
const LONGEST_MESSAGE: usize = 4096;

/// A KMS key.
pub struct KmsSigner {
    aws: Aws,
    client: Client,
    key: String,
    public: PublicKey,
}

impl KmsSigner {
    /// Asks for the public key of a KMS key: a key id, alias or ARN. An ARN names its region.
    ///
    /// # Errors
    /// When KMS does not give it, or it is not an RSA key that signs.
    pub fn open(aws: &Aws, key: &str) -> Result<Self, AwsError> {
        let region = region_of(key).map_or_else(|| aws.region(), Region::new);
        let config = aws_sdk_kms::config::Builder::from(&aws.config)
            .region(region)
            .interceptor(aws.watch(ResponseKind::Other))
            .build();
        let client = Client::from_conf(config);
        let answer = aws.wait(client.get_public_key().key_id(key).send());
        let answer = answer
            .map_err(|error| AwsError::Kms { key: key.to_owned(), cause: error_summary(&error) })?;
        let wrong = |cause: String| AwsError::KmsKind { key: key.to_owned(), cause };
        if let Some(usage) = answer.key_usage().filter(|u| **u != KeyUsageType::SignVerify) {
            return Err(wrong(format!("its key usage is {usage}, not SIGN_VERIFY")));
        }
        let der = answer.public_key().map(Blob::as_ref).unwrap_or_default();
        let public = public_key(key, der).map_err(wrong)?;
        Ok(Self { aws: aws.clone(), client, key: key.to_owned(), public })
    }

    /// Its public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

/// The region that an ARN names: `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`.
fn region_of(key: &str) -> Option<String> {
    let mut parts = key.strip_prefix("arn:")?.split(':').skip(1);
    let region = (parts.next()? == "kms").then(|| parts.next())??;
    (!region.is_empty()).then(|| region.to_owned())
}

impl Signer for KmsSigner {
    fn fingerprint(&self) -> &Fingerprint {
        self.public.fingerprint()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        let request = self.client.sign().key_id(&self.key).signing_algorithm(ALGORITHM);
        let request = if message.len() <= LONGEST_MESSAGE {
            request.message_type(MessageType::Raw).message(Blob::new(message))
        } else {
            let hash = Sha256Hash::of(message).0;
            request.message_type(MessageType::Digest).message(Blob::new(hash))
        };
        let answer = self.aws.wait(request.send());
        let answer = answer
            .map_err(|error| SigningKeyError::engine("sign with KMS", error_summary(&error)))?;
        let signature = answer.signature().map(|s| s.as_ref().to_vec()).unwrap_or_default();
        // What is written must verify: a stand-in may sign something else.
        let text = String::from_utf8_lossy(message);
        if self.public.verify(&text, &signature) {
            Ok(signature)
        } else {
            Err(SigningKeyError::engine(
                "sign with KMS",
                "its signature does not match its public key",
            ))
        }
    }
}

/// The public key in an answer of KMS.
fn public_key(key: &str, der: &[u8]) -> Result<PublicKey, String> {
    let public = parse_key_file(key, der).map_err(|error| error.refusal.to_string())?;
    let public = public.into_iter().next().ok_or("it has no key")?;
    if public.form() == KeyForm::Certificate {
        return Err("the answer is a certificate, not a public key".into());
    }
    Ok(public)
}

#[cfg(test)]
mod tests {
    use super::{public_key, region_of};

    #[test]
    fn a_certificate_is_no_public_key_of_kms() {
        let sample = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/sample/keys");
            std::fs::read(format!("{folder}/{name}")).unwrap()
        };
        assert!(public_key("alias/audit", &sample("public-keys.json")).is_ok());
        let refused = public_key("alias/audit", &sample("certificate.pem")).unwrap_err();
        assert!(refused.contains("a certificate, not a public key"), "{refused}");
    }

    #[test]
    fn an_arn_names_its_region_and_nothing_else_does() {
        for (key, region) in [
            ("arn:aws:kms:eu-west-1:111122223333:key/1234abcd", Some("eu-west-1")),
            ("arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/audit", Some("us-gov-west-1")),
            ("arn:aws:kms::111122223333:key/1234abcd", None),
            ("arn:aws:iam:eu-west-1:111122223333:role/seal", None),
            ("arn:aws", None),
            ("alias/eu-west-1", None),
            ("1234abcd-12ab-34cd-56ef-1234567890ab", None),
        ] {
            assert_eq!(region_of(key).as_deref(), region, "{key}");
        }
    }
}
