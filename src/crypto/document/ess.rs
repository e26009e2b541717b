//! The certificate that a time-stamp names as its signer's (RFC 5035, RFC 5816): the attribute is
//! signed, so that no other certificate of the same key can stand in for it.

use der::asn1::OctetStringRef;
use der::oid::ObjectIdentifier;
use der::{Any, Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::DocumentError;
use super::algorithm::{SHA_256, hash};

const WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const WITH_ANY_HASH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// Checks that signed attributes name this certificate, and no other, as the signer's.
///
/// # Errors
/// When they name none or another, or cannot be read.
pub(super) fn check<'a>(
    attributes: impl Iterator<Item = &'a Attribute>,
    certificate: &Certificate,
) -> Result<(), DocumentError> {
    let form = |reason: String| DocumentError::form("an RFC 3161 time-stamp", reason);
    let own = certificate.to_der().map_err(|e| form(e.to_string()))?;
    let mut some = false;
    for attribute in attributes.filter(|a| [WITH_SHA_1, WITH_ANY_HASH].contains(&a.oid)) {
        let mut values = attribute.values.iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(form("it names its signer's certificate more than once".into()));
        };
        let (oid, named) = first(value, attribute.oid).map_err(|e| form(e.to_string()))?;
        let found = match oid {
            None => sha_1(&own),
            Some(oid) => hash(oid, &own)
                .map(|(value, _)| value)
                .ok_or_else(|| form(format!("hash algorithm {oid} is not accepted")))?,
        };
        if found != named {
            return Err(DocumentError::contradiction(
                "the time-stamp names another certificate than the one that its signature was checked with",
            ));
        }
        some = true;
    }
    match some {
        true => Ok(()),
        false => Err(form("it does not name its signer's certificate (ESSCertID)".into())),
    }
}

/// The hash algorithm and value of the first certificate, which is the signer's; without an
/// algorithm it is SHA-1. The issuer and serial number beside it are covered by the hash value.
fn first(value: &Any, of: ObjectIdentifier) -> der::Result<(Option<ObjectIdentifier>, Vec<u8>)> {
    let sequence = |reader: &mut SliceReader<'_>| {
        let any = Any::decode(reader)?;
        any.tag().assert_eq(Tag::Sequence)?;
        Ok::<_, der::Error>(any)
    };
    value.tag().assert_eq(Tag::Sequence)?;
    let certificates = sequence(&mut SliceReader::new(value.value())?)?;
    let id = sequence(&mut SliceReader::new(certificates.value())?)?;
    let mut id = SliceReader::new(id.value())?;
    let mut algorithm = (of == WITH_ANY_HASH).then_some(SHA_256);
    if algorithm.is_some() && id.peek_byte() == Some(0x30) {
        algorithm = Some(AlgorithmIdentifierOwned::decode(&mut id)?.oid);
    }
    let named = Any::decode(&mut id)?;
    Ok((algorithm, named.decode_as::<&OctetStringRef>()?.as_bytes().to_vec()))
}

fn sha_1(bytes: &[u8]) -> Vec<u8> {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}
