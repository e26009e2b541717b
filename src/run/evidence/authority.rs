//! Asking a time-stamp authority over HTTP (RFC 3161, 3.4).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::crypto::document::{DocumentError, SEAL_LIMIT, timestamp};
use crate::model::Sha256Hash;

/// How long an authority may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no time-stamp.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It cannot be reached, or does not answer as an authority does.
    #[error("{0}")]
    Unreachable(String),
    /// What it answers is no time-stamp of what was asked.
    #[error(transparent)]
    Answer(#[from] DocumentError),
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
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .tls_config(tls)
        .user_agent(concat!("trailseal/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut response = agent
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
        let other = "it answers another request: somebody may have played back an older answer";
        return Err(AuthorityError::Unreachable(other.into()));
    }
    Ok(response)
}
