//! Time-stamps (RFC 3161): what is asked of an authority, and what its answer is worth.

use der::asn1::{GeneralizedTime, Int, OctetString, OctetStringRef};
use der::oid::ObjectIdentifier;
use der::{Any, Decode as _, Encode as _, Sequence};
use jiff::Timestamp;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::algorithm::SHA_256;
use super::certificate::{CertificateInfo, NO_TIME_STAMPING, list_addresses, stamps_time};
use super::cms::{Signed, check, read};
use super::signed_data::ContentInfo;
use super::{Authorities, DocumentError, Purpose, SEAL_LIMIT, ess};
use crate::model::Sha256Hash;

const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const WHAT: &str = "an RFC 3161 time-stamp";

#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct MessageImprint {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct TimeStampRequest {
    version: u8,
    message_imprint: MessageImprint,
    #[asn1(optional = "true")]
    req_policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    cert_req: bool,
}

/// The members that are looked at; the rest (`accuracy`, `ordering`, `nonce`, `tsa`,
/// `extensions`) follow as they are.
struct TstInfo {
    message_imprint: MessageImprint,
    time: GeneralizedTime,
    nonce: Option<Int>,
}

/// Encodes a request for a time-stamp over content of this hash value. The nonce ties the answer to
/// it.
///
/// # Errors
/// When it cannot be encoded.
pub fn request(hash: Sha256Hash, nonce: u64) -> Result<Vec<u8>, DocumentError> {
    let form = |error: der::Error| DocumentError::form("a time-stamp request", error);
    let request = TimeStampRequest {
        version: 1,
        message_imprint: MessageImprint {
            hash_algorithm: AlgorithmIdentifierOwned {
                oid: SHA_256,
                parameters: Some(Any::null()),
            },
            hashed_message: OctetString::new(hash.0.to_vec()).map_err(form)?,
        },
        req_policy: None,
        nonce: Some(nonce_of(nonce).map_err(form)?),
        cert_req: true,
    };
    request.to_der().map_err(form)
}

/// A nonce as the positive integer that it is.
fn nonce_of(nonce: u64) -> der::Result<Int> {
    let mut bytes = vec![0];
    bytes.extend(nonce.to_be_bytes());
    let significant = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len() - 1);
    let high = bytes.get(significant).is_some_and(|b| b & 0x80 != 0);
    let start = if high { significant.saturating_sub(1) } else { significant };
    Int::new(bytes.get(start..).unwrap_or_default())
}

/// A time-stamp that fits its content.
#[derive(Debug, Clone)]
pub struct TimeStamp {
    /// Time at which the content existed, by the authority's word.
    pub time: Timestamp,
    nonce: Option<Int>,
    signed: Signed,
}

impl TimeStamp {
    /// Certificate of the authority, which states whose it is.
    #[must_use]
    pub fn by(&self) -> CertificateInfo {
        self.signed.by()
    }

    /// Checks that the authority's certificate leads to one that is trusted, for time-stamping and
    /// at the time that it states.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_trust(&self, authorities: &Authorities) -> Result<(), DocumentError> {
        self.check_purpose()?;
        self.signed.check_trust(authorities, Purpose::TimeStamping, self.time)
    }

    /// Checks that the authority's certificate is for time-stamping, and for nothing else, as RFC
    /// 3161 (2.3) demands: a key of another use is no authority's, whoever certified it.
    ///
    /// # Errors
    /// When it is for another use.
    pub fn check_purpose(&self) -> Result<(), DocumentError> {
        match stamps_time(self.signed.certificate()) {
            true => Ok(()),
            false => Err(DocumentError::Untrusted(format!(
                "the certificate of {} is {NO_TIME_STAMPING}",
                crate::model::Printable(&self.by().subject)
            ))),
        }
    }

    /// Addresses of the revocation lists that its certificate names.
    #[must_use]
    pub fn list_addresses(&self) -> Vec<String> {
        list_addresses(self.signed.certificate())
    }

    /// True if it answers a request with this nonce.
    #[must_use]
    pub fn answers(&self, nonce: u64) -> bool {
        nonce_of(nonce).is_ok_and(|nonce| self.nonce == Some(nonce))
    }
}

/// Checks an authority's response over content.
///
/// # Errors
/// When it is a refusal, no response, or over other content.
pub fn verify(response: &[u8], content: &[u8]) -> Result<TimeStamp, DocumentError> {
    if response.len() > SEAL_LIMIT {
        return Err(DocumentError::form(WHAT, format!("it is larger than {SEAL_LIMIT} bytes")));
    }
    let token = token_of(response)?;
    let form = |error: der::Error| DocumentError::form(WHAT, error);
    let signed = read(&token.to_der().map_err(form)?)?;
    let econtent = signed.encap_content_info.econtent.as_ref();
    let info = econtent
        .ok_or_else(|| DocumentError::form(WHAT, "it has no content"))?
        .decode_as::<&OctetStringRef>()
        .map_err(form)?
        .as_bytes();
    let fit = check(&signed, TST_INFO, info)?;
    let attributes = signed.signer_infos.iter().flat_map(|info| info.signed_attrs.iter());
    ess::check(attributes.flat_map(|attributes| attributes.iter()), fit.certificate())?;
    let TstInfo { message_imprint, time, nonce } = read_info(info).map_err(form)?;
    if message_imprint.hash_algorithm.oid != SHA_256 {
        return Err(DocumentError::form(WHAT, "it uses another hash algorithm than SHA-256"));
    }
    if message_imprint.hashed_message.as_bytes() != Sha256Hash::of(content).0 {
        return Err(DocumentError::contradiction("the time-stamp covers other content"));
    }
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).map_err(|e| DocumentError::form(WHAT, e))?;
    Ok(TimeStamp { time, nonce, signed: fit })
}

/// The token of a response that grants one.
fn token_of(response: &[u8]) -> Result<ContentInfo, DocumentError> {
    use der::{Reader as _, SliceReader};
    let form = |error: der::Error| DocumentError::form(WHAT, error);
    let mut reader = SliceReader::new(response).map_err(form)?;
    let (status, token) = reader
        .sequence(|reader| {
            let status = reader.sequence(|status| {
                let number = u8::decode(status)?;
                let rest = status.read_slice(status.remaining_len())?;
                Ok::<_, der::Error>((number, String::from_utf8_lossy(rest).into_owned()))
            })?;
            let token =
                if reader.is_finished() { None } else { Some(ContentInfo::decode(reader)?) };
            Ok::<_, der::Error>((status, token))
        })
        .map_err(form)?;
    reader.finish().map_err(form)?;
    match (status, token) {
        ((0 | 1, _), Some(token)) => Ok(token),
        ((status, text), _) => {
            let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
            Err(DocumentError::contradiction(format!(
                "the authority did not grant it (status {status}: {})",
                crate::model::Printable(&text)
            )))
        }
    }
}

fn read_info(bytes: &[u8]) -> der::Result<TstInfo> {
    use der::{Reader as _, SliceReader, Tag, Tagged as _};
    let mut reader = SliceReader::new(bytes)?;
    let info = reader.sequence(|reader| {
        let _version = u8::decode(reader)?;
        let _policy: ObjectIdentifier = ObjectIdentifier::decode(reader)?;
        let message_imprint = MessageImprint::decode(reader)?;
        let _serial = Int::decode(reader)?;
        // Whole seconds: an authority may state fractions, which DER's GeneralizedTime of the
        // library does not take; they say nothing here.
        let time = generalized_time(&Any::decode(reader)?)?;
        let mut nonce = None;
        while !reader.is_finished() {
            let member = Any::decode(reader)?;
            if member.tag() == Tag::Integer {
                nonce = Some(member.decode_as()?);
            }
        }
        Ok::<_, der::Error>(TstInfo { message_imprint, time, nonce })
    })?;
    reader.finish()?;
    Ok(info)
}

/// A GeneralizedTime, its fraction of a second left out.
fn generalized_time(value: &Any) -> der::Result<GeneralizedTime> {
    use der::{Tag, Tagged as _};
    value.tag().assert_eq(Tag::GeneralizedTime)?;
    let text = value.value();
    let whole = match text.iter().position(|b| *b == b'.') {
        Some(at) => [text.get(..at).unwrap_or_default(), b"Z"].concat(),
        None => text.to_vec(),
    };
    Any::new(Tag::GeneralizedTime, whole)?.decode_as()
}
