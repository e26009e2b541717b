//! Certificates of signers: what they say, and whether they lead to an authority.

use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _, EncodePem as _};
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use serde::Serialize;
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, RequiredEkuNotFoundContext,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use super::DocumentError;
use super::revocation::RevocationLists;
use crate::model::Sha256Hash;

const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
/// Purposes whose certificates sign documents: e-mail, code, documents (RFC 9336), any.
const SIGNING: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"),
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
];

/// Reads the certificates of a PEM text; text around them is allowed.
pub(super) fn read_pem(text: &[u8]) -> Result<Vec<Certificate>, DocumentError> {
    let what = "a file of X.509 certificates in PEM";
    let bad = |reason: String| DocumentError::form(what, reason);
    let text = std::str::from_utf8(text).map_err(|e| bad(e.to_string()))?;
    let blocks = crate::crypto::pem::blocks(text).map_err(|e| bad(e.to_string()))?;
    let certificates: Vec<_> = blocks
        .iter()
        .filter(|block| block.label == "CERTIFICATE")
        .map(|block| {
            let der = block.der.as_deref().ok_or_else(|| bad("a block is not base64".into()))?;
            Certificate::from_der(der).map_err(|e| bad(e.to_string()))
        })
        .collect::<Result<_, _>>()?;
    if certificates.is_empty() { Err(bad("there is none".into())) } else { Ok(certificates) }
}

/// Certificates as PEM.
pub(super) fn write_pem(certificates: &[Certificate]) -> String {
    certificates.iter().filter_map(|c| c.to_pem(der::pem::LineEnding::LF).ok()).collect()
}

/// Fields of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateInfo {
    /// Whom it names.
    pub subject: String,
    /// Issuer, as stated in the certificate.
    pub issuer: String,
    /// Its serial number, in hex.
    pub serial: String,
    /// The first moment of its validity.
    pub valid_from: Timestamp,
    /// The last moment of its validity.
    pub valid_to: Timestamp,
    /// The hash value of its DER bytes.
    pub sha256: String,
}

impl CertificateInfo {
    pub(super) fn of(certificate: &Certificate) -> Self {
        let tbs = certificate.tbs_certificate();
        let time = |time: &x509_cert::time::Time| {
            Timestamp::from_second(time.to_unix_duration().as_secs().try_into().unwrap_or(i64::MAX))
                .unwrap_or(Timestamp::MAX)
        };
        let der = certificate.to_der().unwrap_or_default();
        Self {
            subject: tbs.subject().to_string(),
            issuer: tbs.issuer().to_string(),
            serial: hex::encode(tbs.serial_number().as_bytes()),
            valid_from: time(&tbs.validity().not_before),
            valid_to: time(&tbs.validity().not_after),
            sha256: Sha256Hash::of(&der).to_string(),
        }
    }
}

/// Use of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing a document.
    Signing,
    /// Time-stamping.
    TimeStamping,
}

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let (mut some, mut fits) = (false, false);
        for purpose in purposes {
            let purpose = purpose?.to_decoded_oid();
            let is = |oid: &ObjectIdentifier| {
                oid.arcs().map(|arc| arc as usize).eq(purpose.iter().copied())
            };
            some = true;
            fits |= match self {
                Self::Signing => SIGNING.iter().any(is),
                Self::TimeStamping => is(&TIME_STAMPING),
            };
        }
        // A certificate without any purpose may sign, and never time-stamps (RFC 3161, 2.3).
        if fits || (!some && *self == Self::Signing) {
            Ok(())
        } else {
            // Which one is missing is told in our own words.
            Err(webpki::Error::RequiredEkuNotFoundContext(RequiredEkuNotFoundContext {
                required: webpki::KeyUsage::client_auth(),
                present: Vec::new(),
            }))
        }
    }
}

/// The authorities that a reader trusts.
#[derive(Debug, Clone, Default)]
pub struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    lists: RevocationLists,
}

impl Authorities {
    /// Adds the certificates of a PEM file, and its revocation lists.
    ///
    /// # Errors
    /// When it holds no certificate, or something that cannot be read.
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<(), DocumentError> {
        for certificate in read_pem(pem)? {
            let der =
                certificate.to_der().map_err(|e| DocumentError::form("an X.509 certificate", e))?;
            self.certificates.push(der.into());
        }
        self.lists.extend(RevocationLists::decode(pem)?);
        Ok(())
    }

    /// Adds revocation lists, which are believed where an issuer signed them.
    pub fn add_lists(&mut self, lists: RevocationLists) {
        self.lists.extend(lists);
    }

    /// True if there is a revocation list.
    #[must_use]
    pub fn have_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// Checks that a certificate leads to one of these, for a purpose and at a time; those in
    /// between are among `others`. A certificate that is itself trusted needs no chain, only to be
    /// valid then.
    pub(super) fn check(
        &self,
        certificate: &Certificate,
        others: &[Certificate],
        purpose: Purpose,
        time: Timestamp,
    ) -> Result<(), DocumentError> {
        let der = |c: &Certificate| {
            c.to_der()
                .map(CertificateDer::from)
                .map_err(|e| DocumentError::form("a certificate", e))
        };
        let own = der(certificate)?;
        let info = CertificateInfo::of(certificate);
        let untrusted = |reason: String| {
            DocumentError::Untrusted(format!(
                "the certificate of {} is not trusted at {time}: {reason}",
                crate::model::Printable(&info.subject)
            ))
        };
        let trusted: Vec<_> =
            self.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        let issuers = others.iter().chain(&trusted);
        if let Some(at) = self.lists.revoked(certificate, issuers).filter(|at| *at <= time) {
            return Err(untrusted(format!("it was revoked at {at}")));
        }
        if self.certificates.contains(&own) {
            // Whom a reader trusts to sign is not thereby an authority on time.
            if purpose == Purpose::TimeStamping && !stamps_time(certificate) {
                return Err(untrusted(format!("it is {NO_TIME_STAMPING}")));
            }
            let (from, to) = (info.valid_from, info.valid_to);
            let valid = from <= time && time <= to;
            return valid
                .then_some(())
                .ok_or_else(|| untrusted(format!("it is valid {from} to {to}")));
        }
        let others = others.iter().map(der).collect::<Result<Vec<_>, _>>()?;
        let anchors: Vec<_> = self
            .certificates
            .iter()
            .filter_map(|ca| webpki::anchor_from_trusted_cert(ca).ok())
            .collect();
        let seconds = u64::try_from(time.as_second()).unwrap_or(0);
        EndEntityCert::try_from(&own)
            .and_then(|own| {
                own.verify_for_usage(
                    webpki::ALL_VERIFICATION_ALGS,
                    &anchors,
                    &others,
                    UnixTime::since_unix_epoch(core::time::Duration::from_secs(seconds)),
                    purpose,
                    None,
                    None,
                )
                .map(|_| ())
            })
            .map_err(|error| untrusted(why(&error)))
    }
}

/// Description of a certificate that [`stamps_time`] refuses.
pub(super) const NO_TIME_STAMPING: &str = "not one for time-stamping alone (RFC 3161, 2.3)";

/// True if a certificate states, as critical, that it is for time-stamping and nothing else.
pub(super) fn stamps_time(certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    let stamps = tbs.get_extension::<ExtendedKeyUsage>().is_ok_and(|found| {
        found.is_some_and(|(critical, usage)| critical && usage.0 == [TIME_STAMPING])
    });
    let signs = |usage: &KeyUsage| {
        let signing = x509_cert::ext::pkix::KeyUsages::DigitalSignature
            | x509_cert::ext::pkix::KeyUsages::NonRepudiation;
        !usage.0.is_empty() && (usage.0 - signing).is_empty()
    };
    let usage = tbs.get_extension::<KeyUsage>();
    stamps && usage.is_ok_and(|found| found.is_none_or(|(_, usage)| signs(&usage)))
}

/// HTTP addresses of the revocation lists that a certificate names.
pub(super) fn list_addresses(certificate: &Certificate) -> Vec<String> {
    use x509_cert::ext::pkix::CrlDistributionPoints;
    use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
    let points = certificate.tbs_certificate().get_extension::<CrlDistributionPoints>();
    let points = points.ok().flatten().map(|(_, points)| points.0).unwrap_or_default();
    // Lists by another issuer, or for some reasons only, are not read.
    let whole = points.into_iter().filter(|p| p.crl_issuer.is_none() && p.reasons.is_none());
    whole
        .filter_map(|point| match point.distribution_point {
            Some(DistributionPointName::FullName(names)) => {
                names.into_iter().find_map(|name| match name {
                    GeneralName::UniformResourceIdentifier(address) => Some(address.to_string())
                        .filter(|address| address.to_ascii_lowercase().starts_with("http://")),
                    _ => None,
                })
            }
            _ => None,
        })
        .collect()
}

/// True if a certificate is for signing documents, or for any use.
pub(super) fn signs_documents(certificate: &Certificate) -> bool {
    let usage = certificate.tbs_certificate().get_extension::<ExtendedKeyUsage>();
    usage.is_ok_and(|found| {
        found.is_none_or(|(_, usage)| usage.0.iter().any(|oid| SIGNING.contains(oid)))
    })
}

/// Explanation of a refusal, for people.
fn why(error: &webpki::Error) -> String {
    match error {
        webpki::Error::UnknownIssuer => "it leads to none of the authorities given (--ca)".into(),
        webpki::Error::CertExpired { .. } => "a certificate had expired".into(),
        webpki::Error::CertNotValidYet { .. } => "a certificate was not valid yet".into(),
        webpki::Error::RequiredEkuNotFoundContext(_) => "it is not for this use".into(),
        webpki::Error::CaUsedAsEndEntity => {
            "it is a CA certificate itself, and none of those given (--ca)".into()
        }
        webpki::Error::EndEntityUsedAsCa => {
            "a certificate that it leads to is not an authority's".into()
        }
        webpki::Error::InvalidSignatureForPublicKey => {
            "a signature between it and the authorities given (--ca) is not valid".into()
        }
        other => format!("the way to the authorities given (--ca) cannot be checked ({other:?})"),
    }
}

#[cfg(test)]
mod tests {
    use der::pem::{LineEnding, encode_string};

    use super::*;
    use crate::crypto::self_signed::{self, Subject};
    use crate::crypto::{Signer as _, SigningKey, Validity};

    #[test]
    fn whom_a_reader_trusts_to_sign_states_no_times() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = time("2026-06-01T00:00:00Z");
        let validity =
            Validity { from: time("2026-01-01T00:00:00Z"), to: time("2027-01-01T00:00:00Z") };
        let pem = SigningKey::generate().unwrap().self_signed_certificate_pem(validity).unwrap();
        let certificate = read_pem(pem.as_bytes()).unwrap().remove(0);
        let mut authorities = Authorities::default();
        authorities.add_pem(pem.as_bytes()).unwrap();
        let check = |purpose| authorities.check(&certificate, &[], purpose, now);
        assert_eq!(check(Purpose::Signing), Ok(()));
        assert!(matches!(check(Purpose::TimeStamping), Err(DocumentError::Untrusted(_))));
    }

    #[test]
    fn an_authority_that_was_not_given_is_refused_in_words() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = time("2026-06-01T00:00:00Z");
        let validity =
            Validity { from: time("2026-01-01T00:00:00Z"), to: time("2027-01-01T00:00:00Z") };
        let [signer, other] = ["signer", "other"].map(|common_name| {
            let key = SigningKey::generate().unwrap();
            let subject = Subject { common_name, serial: &[1], is_ca: true };
            let contents = self_signed::contents(key.public_key_der(), &subject, validity).unwrap();
            let der = self_signed::signed(&contents, &key.sign(&contents).unwrap()).unwrap();
            encode_string("CERTIFICATE", LineEnding::LF, &der).unwrap()
        });
        let certificate = read_pem(signer.as_bytes()).unwrap().remove(0);
        let mut authorities = Authorities::default();
        authorities.add_pem(other.as_bytes()).unwrap();
        let refused = authorities.check(&certificate, &[], Purpose::Signing, now);
        let message = refused.unwrap_err().to_string();
        let expected = "it is a CA certificate itself, and none of those given (--ca)";
        assert!(message.ends_with(expected), "{message}");
    }
}
