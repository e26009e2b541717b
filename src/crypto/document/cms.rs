//! Detached CMS signatures (RFC 5652), as `openssl cms -sign` makes and `-verify` checks them.

use der::asn1::{OctetString, OctetStringRef, SetOfVec};
use der::oid::ObjectIdentifier;
use der::{Any, Decode as _, Encode as _};
use jiff::Timestamp;
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::algorithm::{WITH_SHA_256, WITH_SHA_384, fits, hash};
use super::certificate::{CertificateInfo, read_pem};
use super::signed_data::{
    CertificateChoices, CmsVersion, ContentInfo, EncapsulatedContentInfo, IssuerAndSerialNumber,
    SignedData, SignerIdentifier, SignerInfo,
};
use super::{Authorities, DocumentError, DocumentSigner, Purpose, SEAL_LIMIT};

pub(super) const SIGNED_DATA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");

/// Signs content at a time, which the signature then states.
///
/// # Errors
/// When the key does not sign, or the time is none that a signature can state.
pub fn sign(
    signer: &DocumentSigner,
    content: &[u8],
    time: Timestamp,
) -> Result<Vec<u8>, DocumentError> {
    let engine = |error: &dyn std::fmt::Display| {
        DocumentError::contradiction(format!("signing failed: {error}"))
    };
    let encoding = |error: der::Error| engine(&error);
    let certificate = signer.chain.first().ok_or_else(|| engine(&"there is no certificate"))?;
    let algorithm = signer.algorithm();
    let (digest, _) =
        hash(algorithm.hash(), content).ok_or_else(|| engine(&"no hash algorithm"))?;
    let seconds = u64::try_from(time.as_second()).map_err(|e| engine(&e))?;
    let time = der::DateTime::from_unix_duration(core::time::Duration::from_secs(seconds))
        .map_err(encoding)?;
    let time = match time.year() {
        // RFC 5652, 11.3: UTCTime through 2049.
        ..=2049 => Time::UtcTime(der::asn1::UtcTime::from_date_time(time).map_err(encoding)?),
        _ => Time::GeneralTime(der::asn1::GeneralizedTime::from_date_time(time)),
    };
    let attributes = SetOfVec::try_from(vec![
        attribute(CONTENT_TYPE, &DATA).map_err(encoding)?,
        attribute(SIGNING_TIME, &time).map_err(encoding)?,
        attribute(MESSAGE_DIGEST, &OctetString::new(digest).map_err(encoding)?)
            .map_err(encoding)?,
    ])
    .map_err(encoding)?;
    let signature = signer.sign(&attributes.to_der().map_err(encoding)?).map_err(|e| engine(&e))?;
    let tbs = certificate.tbs_certificate();
    let digest_alg = AlgorithmIdentifierOwned { oid: algorithm.hash(), parameters: None };
    let info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer().clone(),
            serial_number: tbs.serial_number().clone(),
        }),
        digest_alg: digest_alg.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm: algorithm.identifier(),
        signature: OctetString::new(signature).map_err(encoding)?,
        unsigned_attrs: None,
    };
    let certificates: Vec<_> =
        signer.chain.iter().cloned().map(CertificateChoices::Certificate).collect();
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![digest_alg]).map_err(encoding)?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: DATA, econtent: None },
        certificates: Some(SetOfVec::try_from(certificates).map_err(encoding)?),
        crls: None,
        signer_infos: SetOfVec::try_from(vec![info]).map_err(encoding)?,
    };
    let content = Any::encode_from(&signed).map_err(encoding)?;
    ContentInfo { content_type: SIGNED_DATA, content }.to_der().map_err(encoding)
}

fn attribute<T: der::Encode + der::Tagged + der::EncodeValue>(
    oid: ObjectIdentifier,
    value: &T,
) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![Any::encode_from(value)?])? })
}

/// A signature that fits its content, by the key of a certificate that it carries.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Signing time, by the signer's own word.
    pub time: Option<Timestamp>,
    certificate: Certificate,
    others: Vec<Certificate>,
}

impl Signed {
    /// Whose it is, by the certificate's own word.
    #[must_use]
    pub fn by(&self) -> CertificateInfo {
        CertificateInfo::of(&self.certificate)
    }

    /// True if the first certificate of a PEM text is the signer's.
    #[must_use]
    pub fn is_by_first_of(&self, pem: &[u8]) -> bool {
        read_pem(pem).is_ok_and(|found| found.first() == Some(&self.certificate))
    }

    /// The signer's certificate.
    pub(super) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// True if another signature is of the same key.
    pub(super) fn fits(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(der) = self.certificate.to_der().map(Into::into) else { return false };
        EndEntityCert::try_from(&der).is_ok_and(|certificate| {
            let mut by = [WITH_SHA_256, WITH_SHA_384].into_iter();
            by.any(|by| fits(&certificate, by, message, signature))
        })
    }

    /// Checks that the certificate leads to an authority, for signing and at a time.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_trust(
        &self,
        authorities: &Authorities,
        purpose: Purpose,
        time: Timestamp,
    ) -> Result<(), DocumentError> {
        authorities.check(&self.certificate, &self.others, purpose, time)
    }
}

/// Checks a detached signature over content.
///
/// # Errors
/// When it is no signature of the accepted form, or does not fit.
pub fn verify(signature: &[u8], content: &[u8]) -> Result<Signed, DocumentError> {
    let signed = read(signature)?;
    if signed.encap_content_info.econtent.is_some() {
        return Err(DocumentError::form(WHAT, "it carries content of its own"));
    }
    check(&signed, DATA, content)
}

const WHAT: &str = "a CMS signature";

pub(super) fn read(signature: &[u8]) -> Result<SignedData, DocumentError> {
    if signature.len() > SEAL_LIMIT {
        return Err(DocumentError::form(WHAT, format!("it is larger than {SEAL_LIMIT} bytes")));
    }
    let form = |error: der::Error| DocumentError::form(WHAT, error);
    let info = ContentInfo::from_der(signature).map_err(form)?;
    if info.content_type != SIGNED_DATA {
        return Err(DocumentError::form(WHAT, format!("it is of type {}", info.content_type)));
    }
    info.content.decode_as().map_err(form)
}

/// Checks the one signature over content of a type.
pub(super) fn check(
    signed: &SignedData,
    content_type: ObjectIdentifier,
    content: &[u8],
) -> Result<Signed, DocumentError> {
    let form = |reason: String| DocumentError::form(WHAT, reason);
    let mut certificates = Vec::new();
    for choice in signed.certificates.iter().flat_map(SetOfVec::iter) {
        if let CertificateChoices::Certificate(certificate) = choice {
            certificates.push(certificate.clone());
        }
    }
    let infos = &signed.signer_infos;
    let (Some(info), 1) = (infos.iter().next(), infos.len()) else {
        return Err(form(format!("it contains {} signatures, but one is expected", infos.len())));
    };
    let own = certificates.iter().position(|c| is_named_by(&info.sid, c));
    let own = own.ok_or_else(|| form("it does not carry the signer's certificate".into()))?;
    let certificate = certificates.swap_remove(own);
    let (digest, algorithms) = hash(info.digest_alg.oid, content)
        .ok_or_else(|| form(format!("hash algorithm {} is not accepted", info.digest_alg.oid)))?;
    let attributes = info
        .signed_attrs
        .as_ref()
        .ok_or_else(|| form("it does not state what is signed".into()))?;
    let one = |oid: ObjectIdentifier| {
        let mut found = attributes.iter().filter(|a| a.oid == oid);
        match (found.next(), found.next()) {
            (Some(attribute), None) if attribute.values.len() == 1 => {
                attribute.values.iter().next()
            }
            _ => None,
        }
    };
    let of_type: Option<ObjectIdentifier> = one(CONTENT_TYPE).and_then(|v| v.decode_as().ok());
    if of_type != Some(content_type) || signed.encap_content_info.econtent_type != content_type {
        return Err(form("it covers content of another type".into()));
    }
    let stated = one(MESSAGE_DIGEST).and_then(|v| v.decode_as::<&OctetStringRef>().ok());
    if stated.map(OctetStringRef::as_bytes) != Some(&digest) {
        return Err(DocumentError::contradiction("the signature covers other content"));
    }
    let message = attributes.to_der().map_err(|e| form(e.to_string()))?;
    let der = certificate.to_der().map_err(|e| form(e.to_string()))?.into();
    let key = EndEntityCert::try_from(&der)
        .map_err(|e| form(format!("its certificate is not accepted: {e:?}")))?;
    if !fits(&key, algorithms, &message, info.signature.as_bytes()) {
        return Err(DocumentError::contradiction(
            "the signature does not match the certificate's key",
        ));
    }
    let time = one(SIGNING_TIME)
        .and_then(|value| value.decode_as::<Time>().ok())
        .and_then(|time| i64::try_from(time.to_unix_duration().as_secs()).ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok(Signed { time, certificate, others: certificates })
}

fn is_named_by(sid: &SignerIdentifier, certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == *tbs.issuer() && named.serial_number == *tbs.serial_number()
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => tbs
            .get_extension::<SubjectKeyIdentifier>()
            .is_ok_and(|found| found.is_some_and(|(_, found)| found == *named)),
    }
}
