//! ASN.1 types of a CMS signature (RFC 5652): `ContentInfo` and `SignedData`, field by field as
//! the standard has them. `der` reads and writes them, strictly.

use std::cmp::Ordering;

use der::asn1::{OctetString, SetOfVec};
use der::oid::ObjectIdentifier;
use der::{Any, Choice, Encode as _, Enumerated, Sequence, ValueOrd};
use x509_cert::Certificate;
use x509_cert::attr::Attributes;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;

/// `ContentInfo` (RFC 5652, 3).
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(super) struct ContentInfo {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: Any,
}

/// `CMSVersion` (10.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumerated)]
#[asn1(type = "INTEGER")]
#[repr(u8)]
pub(super) enum CmsVersion {
    V0 = 0,
    V1 = 1,
    V2 = 2,
    V3 = 3,
    V4 = 4,
    V5 = 5,
}

/// `SignedData` (5.1).
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(super) struct SignedData {
    pub(super) version: CmsVersion,
    pub(super) digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    pub(super) encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) certificates: Option<SetOfVec<CertificateChoices>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) crls: Option<SetOfVec<RevocationInfoChoice>>,
    pub(super) signer_infos: SetOfVec<SignerInfo>,
}

/// `EncapsulatedContentInfo` (5.2).
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(super) struct EncapsulatedContentInfo {
    pub(super) econtent_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) econtent: Option<Any>,
}

/// `SignerInfo` (5.3).
#[derive(Debug, Clone, PartialEq, Eq, Sequence, ValueOrd)]
pub(super) struct SignerInfo {
    pub(super) version: CmsVersion,
    pub(super) sid: SignerIdentifier,
    pub(super) digest_alg: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) signed_attrs: Option<Attributes>,
    pub(super) signature_algorithm: AlgorithmIdentifierOwned,
    pub(super) signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) unsigned_attrs: Option<Attributes>,
}

/// `SignerIdentifier` (5.3).
#[derive(Debug, Clone, PartialEq, Eq, Choice)]
pub(super) enum SignerIdentifier {
    IssuerAndSerialNumber(IssuerAndSerialNumber),
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    SubjectKeyIdentifier(SubjectKeyIdentifier),
}

/// `IssuerAndSerialNumber` (10.2.4).
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(super) struct IssuerAndSerialNumber {
    pub(super) issuer: Name,
    pub(super) serial_number: SerialNumber,
}

/// `CertificateChoices` (10.2.2), without the obsolete ones and attribute certificates.
#[derive(Debug, Clone, PartialEq, Eq, Choice)]
#[expect(clippy::large_enum_variant, reason = "nearly every one is a certificate")]
pub(super) enum CertificateChoices {
    Certificate(Certificate),
    #[asn1(context_specific = "3", tag_mode = "IMPLICIT", constructed = "true")]
    Other(OtherFormat),
}

/// `RevocationInfoChoice` (10.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Choice)]
#[expect(clippy::large_enum_variant, reason = "nearly every one is a list")]
pub(super) enum RevocationInfoChoice {
    Crl(CertificateList),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Other(OtherFormat),
}

/// `OtherCertificateFormat` and `OtherRevocationInfoFormat`: a name, and whatever it names.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(super) struct OtherFormat {
    format: ObjectIdentifier,
    content: Any,
}

/// The order in a `SET OF`, which `der` derives for structures and not for choices: that of the
/// encodings.
macro_rules! ordered_by_encoding {
    ($($type:ty)*) => {$(
        impl ValueOrd for $type {
            fn value_cmp(&self, other: &Self) -> der::Result<Ordering> {
                Ok(self.to_der()?.cmp(&other.to_der()?))
            }
        }
    )*};
}

ordered_by_encoding!(CmsVersion SignerIdentifier CertificateChoices RevocationInfoChoice);

#[cfg(test)]
mod tests {
    use super::*;
    use der::Decode as _;

    /// Lists and certificates of other formats are a name and whatever it names: an OCSP response
    /// (RFC 5940) beside a signature is read over.
    #[test]
    fn a_signature_may_carry_what_is_not_looked_at() {
        // [1] { 1.3.6.1.5.5.7.16.2, NULL } and, of the same form, [3].
        let other =
            [&[0x30, 0x0c, 6, 8][..], b"\x2b\x06\x01\x05\x05\x07\x10\x02", &[5, 0]].concat();
        let with = |tag: u8| [&[tag], other.get(1..).unwrap()].concat();
        let list = RevocationInfoChoice::from_der(&with(0xa1)).unwrap();
        assert!(matches!(&list, RevocationInfoChoice::Other(_)));
        assert_eq!(list.to_der().unwrap(), with(0xa1));
        let certificate = CertificateChoices::from_der(&with(0xa3)).unwrap();
        assert!(matches!(&certificate, CertificateChoices::Other(_)));
        assert!(CertificateChoices::from_der(&with(0xa1)).is_err());
    }

    /// X.690, 11.6: by the bytes, whatever they are taken for.
    #[test]
    fn a_set_is_in_the_order_of_its_encodings() {
        // [1] { 1.3.6.1.5.5.7.16.2, an OCTET STRING of two bytes }.
        let other = |content: [u8; 2]| {
            let name = b"\xa1\x0e\x06\x08\x2b\x06\x01\x05\x05\x07\x10\x02\x04\x02";
            RevocationInfoChoice::from_der(&[&name[..], &content].concat()).unwrap()
        };
        let (first, second) = (other([0, 0x80]), other([1, 1]));
        assert_eq!(first.value_cmp(&second).unwrap(), Ordering::Less);
    }

    #[test]
    fn a_signed_structure_is_written_as_it_is_read() {
        // ContentInfo of SignedData, version 1, without algorithms, certificates and signers, over
        // content of type `data` that is not there.
        let body = b"\x02\x01\x01\x31\x00\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
        let of = |more: &[u8]| {
            let length = u8::try_from(body.len() + more.len()).unwrap();
            [&[0x30, length][..], body, more].concat()
        };
        for more in [&[0x31, 0][..], &[0xa0, 0, 0x31, 0], &[0xa0, 0, 0xa1, 0, 0x31, 0]] {
            let signed = SignedData::from_der(&of(more)).unwrap();
            assert_eq!(signed.to_der().unwrap(), of(more), "{more:?}");
        }
        // [0] and [1] are constructed, [1] follows [0], and the signers come last.
        for more in [&[0x80, 0, 0x31, 0][..], &[0xa1, 0, 0xa0, 0, 0x31, 0], &[0x31, 0, 0xa1, 0]] {
            assert!(SignedData::from_der(&of(more)).is_err(), "{more:?}");
        }
    }
}
