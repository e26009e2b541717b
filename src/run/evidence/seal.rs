//! Sealing a bag: a signature over its tag manifest, a statement about it, and a time-stamp.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::authority::{AuthorityError, fetch_lists, time_stamp};
use super::stamp_chain::StampChain;
use super::{RUN, seal_files};
use crate::crypto::document::revocation::RevocationLists;
use crate::crypto::document::{DocumentError, DocumentSigner, cms, dsse};
use crate::model::Sha256Hash;
use crate::report::RunReport;
use crate::store::bag::{SEAL, TAG_MANIFEST};

/// The type of the statement's predicate.
pub(super) const PREDICATE: &str = "urn:trailseal:evidence:1";
/// The type of in-toto statements.
pub(super) const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// Error in sealing a bag.
#[derive(Debug, thiserror::Error)]
pub enum BagSealError {
    /// A file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bag cannot be signed.
    #[error(transparent)]
    Signing(#[from] DocumentError),
    /// The time-stamp authority at this address gives none.
    #[error("time-stamp authority {0}: {1}")]
    Authority(String, AuthorityError),
}

/// Options of a seal.
#[derive(Debug, Default)]
pub struct SealOptions {
    /// Signer of the tag manifest.
    pub signer: Option<DocumentSigner>,
    /// The address of the time-stamp authority.
    pub authority: Option<String>,
    /// Revocation lists of their issuers.
    pub lists: RevocationLists,
    /// True if the revocation list of a time-stamp's certificate is fetched too.
    pub fetch_lists: bool,
}

/// Subject of a seal: a bag and its report.
pub(super) struct SealSubject<'a> {
    /// The bag's name.
    pub(super) name: &'a str,
    pub(super) tag_manifest: &'a [u8],
    /// The hash value of its report's file.
    pub(super) run: Sha256Hash,
    pub(super) report: &'a RunReport,
}

/// Seals the bag in a folder; `stamped` is whether the authority is asked. Returns warnings on what
/// could not be fetched.
pub(super) fn seal(
    bag: &Path,
    subject: &SealSubject<'_>,
    with: &SealOptions,
    stamped: bool,
    as_of: Timestamp,
) -> Result<Vec<String>, BagSealError> {
    let signer = with.signer.as_ref();
    let authority = with.authority.as_deref().filter(|_| stamped);
    let SealSubject { name, tag_manifest, run, report } = *subject;
    let folder = bag.join(SEAL);
    if signer.is_some() || authority.is_some() || !with.lists.is_empty() {
        fs::create_dir_all(&folder)?;
    }
    let (mut signature, mut lists, mut warnings) = (None, with.lists.clone(), Vec::new());
    if let Some(signer) = signer {
        let signed = cms::sign(signer, tag_manifest, as_of)?;
        // A bug here would be found by its reader, years later.
        cms::verify(&signed, tag_manifest)?;
        fs::write(folder.join(seal_files::SIGNATURE), &signed)?;
        fs::write(folder.join(seal_files::SIGNER), signer.chain_pem())?;
        let statement = statement(name, tag_manifest, run, report).to_string();
        let envelope = dsse::sign(signer, statement.as_bytes())?;
        fs::write(folder.join(seal_files::STATEMENT), envelope)?;
        signature = Some(signed);
    }
    if let Some(url) = authority {
        let mut chain = StampChain::over(signature.as_deref(), tag_manifest);
        let response = time_stamp(url, chain.covered())
            .map_err(|e| BagSealError::Authority(url.to_owned(), e))?;
        if with.fetch_lists {
            let addresses = chain.add(&response)?.list_addresses();
            warnings.extend(fetch_lists(&addresses, &mut lists));
        }
        fs::write(folder.join(seal_files::TIME_STAMP), response)?;
    }
    if !lists.is_empty() {
        fs::write(folder.join(seal_files::LISTS), lists.to_pem())?;
    }
    Ok(warnings)
}

/// The statement: these files, by hash value, are the bag of a run that came to this verdict.
fn statement(name: &str, tag_manifest: &[u8], run: Sha256Hash, report: &RunReport) -> Value {
    let subject = |name: String, hash: Sha256Hash| json!({"name": name, "digest": {"sha256": hash.to_string()}});
    json!({
        "_type": STATEMENT,
        "subject": [
            subject(format!("{name}/{TAG_MANIFEST}"), Sha256Hash::of(tag_manifest)),
            subject(format!("{name}/{RUN}"), run),
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "bag": name,
            "verdict": report.verdict,
            "exit_status": report.exit_status,
            "tool": report.tool,
            "ran_by": report.ran_by,
            "scope": report.scope,
            "totals": report.totals,
            "as_of": report.finished,
        },
    })
}
