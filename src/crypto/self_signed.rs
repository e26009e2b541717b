//! X.509 certificates of generated keys, signed by the key itself (RFC 5280).

use aws_lc_rs::digest::{SHA256, digest};
use der::asn1::{BitString, OctetString, UintRef};
use der::oid::{AssociatedOid, ObjectIdentifier};
use der::{Any, AnyRef, Encode, Sequence, Tag};
use x509_cert::certificate::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::Validity;
use crate::model::time::civil;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const SHA_256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// Distinguished name, serial number and use of a certificate.
pub(super) struct Subject<'a> {
    /// The only part of its name.
    pub(super) common_name: &'a str,
    /// An unsigned number.
    pub(super) serial: &'a [u8],
    /// True if it may certify others.
    pub(super) is_ca: bool,
}

/// `TBSCertificate` (RFC 5280, 4.1), as far as it is written here.
#[derive(Sequence)]
struct Contents<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: UintRef<'a>,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Times,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

/// `Validity`: each a UTCTime or a GeneralizedTime. The types of `der` begin with 1970.
#[derive(Sequence)]
struct Times {
    not_before: Any,
    not_after: Any,
}

#[derive(Sequence)]
struct Certificate<'a> {
    contents: AnyRef<'a>,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Bytes to sign of a certificate for digital signatures. Its validity, of years from 1 on, is kept
/// to the whole second.
///
/// # Errors
/// When it cannot be encoded.
pub(super) fn contents(
    pkcs1: &[u8],
    subject: &Subject<'_>,
    validity: Validity,
) -> der::Result<Vec<u8>> {
    let name: Name = format!("CN={}", subject.common_name).parse()?;
    let key = SubjectPublicKeyInfoOwned {
        algorithm: algorithm(RSA_ENCRYPTION),
        subject_public_key: BitString::from_bytes(pkcs1)?,
    };
    // The leftmost 160 bits of a SHA-256 hash value, as RFC 7093, 2 has it, here of the whole field.
    let hash = digest(&SHA256, &key.to_der()?);
    let identifier = hash.as_ref().get(..20).unwrap_or_default();
    let constraints = BasicConstraints { ca: subject.is_ca, path_len_constraint: None };
    Contents {
        version: Version::V3,
        serial_number: UintRef::new(subject.serial)?,
        signature: algorithm(SHA_256_WITH_RSA),
        issuer: name.clone(),
        validity: Times { not_before: time(validity.from)?, not_after: time(validity.to)? },
        subject: name,
        subject_public_key_info: key,
        extensions: vec![
            extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
            extension(false, &SubjectKeyIdentifier(OctetString::new(identifier)?))?,
            extension(true, &constraints)?,
        ],
    }
    .to_der()
}

/// The certificate of contents and their signature.
///
/// # Errors
/// When it cannot be encoded.
pub(super) fn signed(contents: &[u8], signature: &[u8]) -> der::Result<Vec<u8>> {
    Certificate {
        contents: AnyRef::try_from(contents)?,
        signature_algorithm: algorithm(SHA_256_WITH_RSA),
        signature: BitString::from_bytes(signature)?,
    }
    .to_der()
}

fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) }
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// A moment of validity (RFC 5280, 4.1.2.5): UTCTime from 1950 through 2049.
fn time(time: jiff::Timestamp) -> der::Result<Any> {
    let (tag, pattern) = match civil(time).year() {
        1950..2050 => (Tag::UtcTime, "%y%m%d%H%M%SZ"),
        _ => (Tag::GeneralizedTime, "%Y%m%d%H%M%SZ"),
    };
    Any::new(tag, time.strftime(pattern).to_string().into_bytes())
}
