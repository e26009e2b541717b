//! Certificate authorities of one's own: AWS_CA_BUNDLE, and `ca_bundle` of the profile.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::AwsError;

/// Largest file of authorities: the system's own has some 200 KB.
const LARGEST: u64 = 16 << 20;

/// The authorities that the environment or the profile names, as PEM; `None` where neither does.
///
/// # Errors
/// If they name a file that holds none.
pub(super) async fn configured(profile: Option<&str>) -> Result<Option<Vec<u8>>, AwsError> {
    let variable = std::env::var_os("AWS_CA_BUNDLE").filter(|value| !value.is_empty());
    let file = match variable {
        Some(file) => Some(PathBuf::from(file)),
        None => authorities_of_profile(profile).await,
    };
    file.map(|file| read(&file)).transpose()
}

/// A setting of the profile that is used.
pub(super) async fn of_profile(profile: Option<&str>, setting: &str) -> Option<String> {
    let chosen = profile.map(|name| name.to_owned().into());
    let (fs, env, files) = (Default::default(), Default::default(), Default::default());
    // What is wrong with the files, loading the configuration says.
    let set = aws_config::profile::load(&fs, &env, &files, chosen).await.ok()?;
    set.get(setting).map(str::to_owned)
}

/// `ca_bundle` of the profile that is used.
async fn authorities_of_profile(profile: Option<&str>) -> Option<PathBuf> {
    let value = of_profile(profile, "ca_bundle").await.filter(|value| !value.is_empty())?;
    let home = value.strip_prefix("~/").zip(std::env::home_dir());
    Some(home.map_or_else(|| value.clone().into(), |(rest, home)| home.join(rest)))
}

fn read(file: &Path) -> Result<Vec<u8>, AwsError> {
    use std::io::Read as _;
    let refused = |cause: String| AwsError::Authorities { file: file.display().to_string(), cause };
    let mut pem = Vec::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(LARGEST).read_to_end(&mut pem))
        .map_err(|error| refused(error.to_string()))?;
    check(&pem).map_err(refused)?;
    Ok(pem)
}

/// Checks that authorities can be trusted: the client panics on those that cannot.
pub(super) fn check(pem: &[u8]) -> Result<(), String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
        store.add(certificate).map_err(|error| format!("a certificate in the file: {error}"))?;
    }
    if store.is_empty() { Err("the file contains no certificate".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_certificates_are_authorities() {
        assert!(check(b"").is_err() && check(b"text").is_err());
        let block = |inside: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{inside}\n-----END CERTIFICATE-----\n")
        };
        assert!(check(block("AAAA").as_bytes()).is_err());
        assert!(check(block("!").as_bytes()).is_err());
        let ca = crate::crypto::SigningKey::generate().unwrap();
        let (from, to) = (jiff::Timestamp::UNIX_EPOCH, "2099-01-01T00:00:00Z".parse().unwrap());
        let pem = ca.self_signed_certificate_pem(crate::crypto::Validity { from, to }).unwrap();
        assert_eq!(check(pem.as_bytes()), Ok(()));
    }
}
