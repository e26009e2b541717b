//! RSA public keys in DER: what kind of structure the bytes are, and the key in it.
//!
//! DER is read strictly (shortest lengths, minimal integers, nothing left over), so that the
//! PKCS#1 bytes found are the one encoding that the key has.

#[cfg(feature = "seal")]
use jiff::Timestamp;
use rsa::pkcs1::RsaPublicKey as Pkcs1;
use rsa::pkcs8::der::asn1::{AnyRef, UintRef};
use rsa::pkcs8::der::{self, Decode, Reader, SliceReader, Tag};
use rsa::pkcs8::{ObjectIdentifier, SubjectPublicKeyInfoRef};
#[cfg(feature = "seal")]
use x509_parser::prelude::{FromDer, X509Certificate};

use super::key_form::{KeyForm, Validity};
use super::refusal::Refusal;
use super::{MAX_BITS, MIN_BITS};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// An RSA public key of an accepted size, with what its wrapping says.
#[derive(Debug)]
pub(super) struct PublicDer {
    pub(super) form: KeyForm,
    /// The `RSAPublicKey` of PKCS#1.
    pub(super) pkcs1: Vec<u8>,
    pub(super) bits: u32,
    /// The validity, where it is a certificate.
    pub(super) validity: Option<Validity>,
}

/// Reads a PKCS#1 `RSAPublicKey`, an X.509 `SubjectPublicKeyInfo` or a certificate.
pub(super) fn read_public(bytes: &[u8]) -> Result<PublicDer, Refusal> {
    // The tags inside the outer sequence tell the structures apart.
    match shape(bytes)?.as_slice() {
        [Tag::Integer, Tag::Integer] => pkcs1(bytes, KeyForm::Pkcs1),
        [Tag::Sequence, Tag::BitString] => pkcs1(spki(bytes)?, KeyForm::Spki),
        [Tag::Sequence, Tag::Sequence, Tag::BitString] => certificate(bytes),
        // PKCS#8 plain and encrypted, PKCS#1 and SEC 1.
        [Tag::Integer, Tag::Sequence | Tag::OctetString, ..]
        | [Tag::Integer, Tag::Integer, Tag::Integer, ..]
        | [Tag::Sequence, Tag::OctetString] => Err(Refusal::PrivateKey),
        _ => Err(Refusal::Der("it is neither PKCS#1, SubjectPublicKeyInfo nor X.509".into())),
    }
}

/// The size of an RSA modulus, if it is an accepted one.
pub(super) fn modulus_bits(modulus: &UintRef<'_>) -> Result<u32, u32> {
    let bytes = modulus.as_bytes();
    let unused = bytes.first().map_or(0, |first| first.leading_zeros());
    let bits = u32::try_from(bytes.len()).map_or(u32::MAX, |n| n.saturating_mul(8)) - unused;
    if (MIN_BITS..=MAX_BITS).contains(&bits) { Ok(bits) } else { Err(bits) }
}

/// A name that people know for the algorithm of a key.
pub(super) fn algorithm_name(oid: &ObjectIdentifier) -> String {
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.113549.1.1.7" => "RSA-OAEP",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.10045.2.1" => "EC",
        "1.2.840.10040.4.1" => "DSA",
        "1.3.101.110" => "X25519",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        other => return format!("of algorithm {other}"),
    };
    name.to_owned()
}

/// The tags in the outer sequence, the first four at most, after checking that the bytes are one
/// sequence and nothing else.
fn shape(bytes: &[u8]) -> Result<Vec<Tag>, Refusal> {
    let mut outer = SliceReader::new(bytes).map_err(damaged)?;
    let sequence = AnyRef::decode(&mut outer).map_err(damaged)?;
    let count = usize::try_from(outer.remaining_len()).unwrap_or(usize::MAX);
    if der::Tagged::tag(&sequence) != Tag::Sequence {
        return Err(Refusal::Der("it does not start with a sequence".into()));
    }
    if count > 0 {
        return Err(Refusal::TrailingBytes { count });
    }
    let mut inner = SliceReader::new(sequence.value()).map_err(damaged)?;
    let mut tags = Vec::new();
    while !inner.is_finished() && tags.len() < 4 {
        let item = AnyRef::decode(&mut inner).map_err(damaged)?;
        tags.push(der::Tagged::tag(&item));
    }
    Ok(tags)
}

fn damaged(error: der::Error) -> Refusal {
    Refusal::Der(error.to_string())
}

fn pkcs1(bytes: &[u8], form: KeyForm) -> Result<PublicDer, Refusal> {
    let key = Pkcs1::<UintRef<'_>>::from_der(bytes).map_err(damaged)?;
    let bits = modulus_bits(&key.modulus).map_err(|bits| Refusal::KeySize { bits })?;
    Ok(PublicDer { form, pkcs1: bytes.to_vec(), bits, validity: None })
}

/// The PKCS#1 bytes in a `SubjectPublicKeyInfo`.
fn spki(bytes: &[u8]) -> Result<&[u8], Refusal> {
    let info = SubjectPublicKeyInfoRef::from_der(bytes).map_err(damaged)?;
    let algorithm = info.algorithm;
    // A key bound to RSA-PSS may not make the signatures of the format.
    if algorithm.oid != RSA_ENCRYPTION {
        return Err(Refusal::NotRsa { algorithm: algorithm_name(&algorithm.oid) });
    }
    if algorithm.parameters.is_some_and(|parameters| !parameters.is_null()) {
        return Err(Refusal::Der("its RSA parameters are not null".into()));
    }
    info.subject_public_key
        .as_bytes()
        .ok_or_else(|| Refusal::Der("its bit string is not whole bytes".into()))
}

#[cfg(feature = "seal")]
fn certificate(bytes: &[u8]) -> Result<PublicDer, Refusal> {
    let (rest, certificate) =
        X509Certificate::from_der(bytes).map_err(|e| Refusal::Certificate(e.to_string()))?;
    if !rest.is_empty() {
        return Err(Refusal::TrailingBytes { count: rest.len() });
    }
    let validity = certificate.validity();
    let validity = Validity {
        from: moment(validity.not_before.timestamp()),
        to: moment(validity.not_after.timestamp()),
    };
    if validity.from > validity.to {
        return Err(Refusal::ValidityReversed);
    }
    let key = pkcs1(spki(certificate.public_key().raw)?, KeyForm::Certificate)?;
    Ok(PublicDer { validity: Some(validity), ..key })
}

/// Refuses a certificate: the small build reads none.
#[cfg(not(feature = "seal"))]
fn certificate(_: &[u8]) -> Result<PublicDer, Refusal> {
    let cause = "this build reads none: leave out --no-default-features, or give the public key";
    Err(Refusal::Certificate(cause.into()))
}

/// The moment of a second. The year 9999 of X.509, which means "never ends", goes a day beyond
/// the moments that can be represented.
#[cfg(feature = "seal")]
fn moment(second: i64) -> Timestamp {
    let nearest = if second < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(second).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moduli_are_measured_without_their_leading_zero_bits() {
        let size = |bytes: &[u8]| modulus_bits(&UintRef::new(bytes).unwrap());
        let mut modulus = vec![0xff; 256];
        assert_eq!(size(&modulus), Ok(2048));
        modulus[0] = 0x7f;
        assert_eq!(size(&modulus), Err(2047));
        assert_eq!(size(&[0xff; 1024]), Ok(8192));
        let mut modulus = vec![0xff; 1025];
        modulus[0] = 1;
        assert_eq!(size(&modulus), Err(8193));
    }

    #[cfg(feature = "seal")]
    #[test]
    fn the_end_of_time_of_x509_is_the_end_of_ours() {
        assert_eq!(moment(253_402_300_799), Timestamp::MAX);
        assert_eq!(moment(1_525_123_443).to_string(), "2018-04-30T21:24:03Z");
    }
}
