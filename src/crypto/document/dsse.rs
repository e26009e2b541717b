//! Statements in a DSSE envelope (Dead Simple Signing Envelope, version 1.0.2): JSON with a
//! signature over its bytes, no canonical form needed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::cms::Signed;
use super::{DocumentError, DocumentSigner, SEAL_LIMIT};
use crate::model::Sha256Hash;

/// The type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

/// Signed bytes: the pre-authentication encoding of the specification.
fn encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// Puts an in-toto statement in an envelope. The key's id is the hash value of its certificate.
///
/// # Errors
/// When the key does not sign.
pub fn sign(signer: &DocumentSigner, statement: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let engine = |error: &dyn std::fmt::Display| {
        DocumentError::contradiction(format!("signing failed: {error}"))
    };
    let sig = signer.sign(&encoding(IN_TOTO, statement)).map_err(|e| engine(&e))?;
    let keyid = Sha256Hash::of(&signer.certificate_der().unwrap_or_default()).to_string();
    let envelope = Envelope {
        payload_type: IN_TOTO.to_owned(),
        payload: STANDARD.encode(statement),
        signatures: vec![Signature { keyid, sig: STANDARD.encode(sig) }],
    };
    let mut json = serde_json::to_vec_pretty(&envelope).map_err(|e| engine(&e))?;
    json.push(b'\n');
    Ok(json)
}

/// Checks an envelope by the key that made another signature, and returns the statement.
///
/// # Errors
/// When it is no envelope of an in-toto statement, or its signature is not that key's.
pub fn verify(envelope: &[u8], by: &Signed) -> Result<Vec<u8>, DocumentError> {
    const WHAT: &str = "a DSSE envelope of an in-toto statement";
    let form = |reason: String| DocumentError::form(WHAT, reason);
    if envelope.len() > SEAL_LIMIT {
        return Err(form(format!("it is larger than {SEAL_LIMIT} bytes")));
    }
    let envelope: Envelope = serde_json::from_slice(envelope).map_err(|e| form(e.to_string()))?;
    if envelope.payload_type != IN_TOTO {
        return Err(form("its payload is of another type".into()));
    }
    let payload = STANDARD.decode(&envelope.payload).map_err(|e| form(e.to_string()))?;
    let [Signature { sig, .. }] = envelope.signatures.as_slice() else {
        return Err(form("one signature is expected".into()));
    };
    let sig = STANDARD.decode(sig).map_err(|e| form(e.to_string()))?;
    if by.fits(&encoding(IN_TOTO, &payload), &sig) {
        Ok(payload)
    } else {
        Err(DocumentError::contradiction(
            "the statement's signature does not match the certificate's key",
        ))
    }
}
