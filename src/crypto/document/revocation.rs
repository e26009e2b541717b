//! Certificate revocation lists (CRL, RFC 5280, 5): which certificates their issuer took back, and
//! when. A list is believed only if the key that signed the certificate signed the list too. That a
//! certificate is in no list shows nothing for the time after the list was issued.

use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _, EncodePem as _};
use jiff::Timestamp;
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;

use super::algorithm::{WITH_SHA_256, WITH_SHA_384, WITH_SHA_512, fits};
use super::{DocumentError, SEAL_LIMIT};
use crate::crypto::pem;

const WHAT: &str = "a certificate revocation list (CRL)";
/// The extension of a list that holds only changes to another.
const DELTA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");

/// Revocation lists, whose signatures are checked when they are asked.
#[derive(Debug, Clone, Default)]
pub struct RevocationLists(Vec<CertificateList>);

impl RevocationLists {
    /// Reads a list in DER, or all lists of a PEM text; there may be none in a text.
    ///
    /// # Errors
    /// When one cannot be read, or holds only changes to another, or is about certificates of
    /// several issuers.
    pub fn decode(bytes: &[u8]) -> Result<Self, DocumentError> {
        let form = |reason: String| DocumentError::form(WHAT, reason);
        if bytes.len() > SEAL_LIMIT {
            return Err(form(format!("it is larger than {SEAL_LIMIT} bytes")));
        }
        if !pem::is_pem(bytes) {
            return Ok(Self(vec![read(bytes)?]));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| form(e.to_string()))?;
        let blocks = pem::blocks(text).map_err(|e| form(e.to_string()))?;
        let lists = blocks.iter().filter(|block| block.label == "X509 CRL").map(|block| {
            let der = block.der.as_deref().ok_or_else(|| form("a block is not base64".into()))?;
            read(der)
        });
        lists.collect::<Result<_, _>>().map(Self)
    }

    /// True if there is no list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds others, each once.
    pub fn extend(&mut self, others: Self) {
        for list in others.0 {
            if !self.0.contains(&list) {
                self.0.push(list);
            }
        }
    }

    /// Adds others, if all of them are no larger than a part of a seal may be.
    ///
    /// # Errors
    /// When they are larger; then none is added.
    pub fn add_to_seal(&mut self, others: Self) -> Result<(), DocumentError> {
        if self.to_pem().len() + others.to_pem().len() > SEAL_LIMIT {
            let reason = format!("together, the lists are larger than {SEAL_LIMIT} bytes of PEM");
            return Err(DocumentError::form("a list that a seal has room for", reason));
        }
        self.extend(others);
        Ok(())
    }

    /// The lists as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.iter().filter_map(|list| list.to_pem(der::pem::LineEnding::LF).ok()).collect()
    }

    /// Time at which a certificate was revoked, by a list that its issuer signed; the issuer is among
    /// `candidates`.
    pub(super) fn revoked<'c>(
        &self,
        certificate: &Certificate,
        candidates: impl Iterator<Item = &'c Certificate>,
    ) -> Option<Timestamp> {
        let tbs = certificate.tbs_certificate();
        let lists: Vec<_> =
            self.0.iter().filter(|list| list.tbs_cert_list.issuer == *tbs.issuer()).collect();
        if lists.is_empty() {
            return None;
        }
        let issuers: Vec<_> = candidates
            .filter(|candidate| candidate.tbs_certificate().subject() == tbs.issuer())
            .filter(|issuer| signed_by(issuer, tbs.to_der(), certificate.signature().as_bytes()))
            .collect();
        let believed = lists.into_iter().filter(|list| {
            let signature = list.signature.as_bytes();
            issuers.iter().any(|issuer| signed_by(issuer, list.tbs_cert_list.to_der(), signature))
        });
        believed
            .flat_map(|list| list.tbs_cert_list.revoked_certificates.iter().flatten())
            .filter(|entry| entry.serial_number == *tbs.serial_number())
            .map(|entry| {
                let seconds = entry.revocation_date.to_unix_duration().as_secs();
                let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
                Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
            })
            .min()
    }
}

fn read(bytes: &[u8]) -> Result<CertificateList, DocumentError> {
    let list = CertificateList::from_der(bytes).map_err(|e| DocumentError::form(WHAT, e))?;
    let tbs = &list.tbs_cert_list;
    if tbs.crl_extensions.iter().flatten().any(|extension| extension.extn_id == DELTA) {
        return Err(DocumentError::form(WHAT, "it is a delta list: use the full list"));
    }
    // The one critical extension of an entry names another issuer.
    let entries = tbs.revoked_certificates.iter().flatten();
    if entries.flat_map(|entry| entry.crl_entry_extensions.iter().flatten()).any(|e| e.critical) {
        return Err(DocumentError::form(WHAT, "it covers several issuers, which is not supported"));
    }
    Ok(list)
}

/// True if a certificate's key signed a message.
fn signed_by(
    certificate: &Certificate,
    message: der::Result<Vec<u8>>,
    signature: Option<&[u8]>,
) -> bool {
    let (Ok(message), Some(signature)) = (message, signature) else { return false };
    let Ok(der) = certificate.to_der().map(Into::into) else { return false };
    EndEntityCert::try_from(&der).is_ok_and(|certificate| {
        let mut by = [WITH_SHA_256, WITH_SHA_384, WITH_SHA_512].into_iter();
        by.any(|by| fits(&certificate, by, &message, signature))
    })
}
