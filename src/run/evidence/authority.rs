//! Requests to authorities over HTTP: time-stamps (RFC 3161, 3.4) and revocation lists (RFC 5280,
//! 4.2.1.13).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::crypto::document::revocation::RevocationLists;
use crate::crypto::document::{DocumentError, SEAL_LIMIT, timestamp};
use crate::model::Sha256Hash;

/// Time that an authority may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Most lists that are fetched for a certificate: more addresses name the same list again.
const MOST_LISTS: usize = 4;

/// Error of a request to an authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The authority cannot be reached, or does not answer as one.
    #[error("{0}")]
    Unreachable(String),
    /// The answer is not what was requested.
    #[error(transparent)]
    Answer(#[from] DocumentError),
}

fn agent() -> Agent {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .tls_config(tls)
        .user_agent(concat!("trailseal/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Adds the revocation lists at addresses that a certificate names to others. What could not be added
/// is returned in a sentence each: no seal is worth less for it.
pub fn fetch_lists(addresses: &[String], lists: &mut RevocationLists) -> Vec<String> {
    let mut troubles = Vec::new();
    for address in addresses.iter().take(MOST_LISTS) {
        let added = fetch_list(address).and_then(|list| Ok(lists.add_to_seal(list)?));
        if let Err(error) = added {
            troubles.push(format!("no revocation list from {address}: {error}"));
        }
    }
    troubles
}

fn fetch_list(address: &str) -> Result<RevocationLists, AuthorityError> {
    let unreachable = |error: ureq::Error| AuthorityError::Unreachable(error.to_string());
    let mut response = agent().get(address).call().map_err(unreachable)?;
    let body = response.body_mut().with_config().limit(SEAL_LIMIT as u64).read_to_vec();
    Ok(RevocationLists::decode(&body.map_err(unreachable)?)?)
}

/// Has content time-stamped; returns the authority's response, which is checked to be over it.
///
/// # Errors
/// When the authority cannot be reached, refuses, or answers something else.
pub fn time_stamp(url: &str, content: &[u8]) -> Result<Vec<u8>, AuthorityError> {
    let unreachable =
        |error: &dyn std::fmt::Display| AuthorityError::Unreachable(error.to_string());
    let mut nonce = [0; 8];
    rand::fill(&mut nonce).map_err(|e| unreachable(&e))?;
    let nonce = u64::from_be_bytes(nonce);
    let request = timestamp::request(Sha256Hash::of(content), nonce)?;
    let mut response = agent()
        .post(url)
        .header("Content-Type", "application/timestamp-query")
        .send(&request)
        .map_err(|e| unreachable(&e))?;
    let response = response
        .body_mut()
        .with_config()
        .limit(SEAL_LIMIT as u64)
        .read_to_vec()
        .map_err(|e| unreachable(&e))?;
    let stamp = timestamp::verify(&response, content)?;
    stamp.check_purpose()?;
    if !stamp.answers(nonce) {
        let other = "it answers another request: it may be a replayed older answer";
        return Err(AuthorityError::Unreachable(other.into()));
    }
    Ok(response)
}
