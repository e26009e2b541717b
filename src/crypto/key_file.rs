//! Key files: list-public-keys JSON, PEM or DER, told apart by their content.
//!
//! A file is taken whole or refused with the reason; no bytes make the reader panic (a property
//! test throws damaged keys and noise at it).

use super::pem::{self, Block};
use super::refusal::{KeyFileError, Refusal, beginning};
use super::{KEY_FILE_LIMIT, PublicKey, der, key_list};

/// Reads the public keys of a file. `source` names it in errors and in the keys.
///
/// PEM may hold one or many blocks of PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE.
///
/// # Errors
/// When any of it is not an acceptable public key: which, why, and what to do.
pub fn parse_key_file(source: &str, bytes: &[u8]) -> Result<Vec<PublicKey>, KeyFileError> {
    let refuse = |refusal| KeyFileError { file: source.to_owned(), entry: None, refusal };
    if bytes.len() > KEY_FILE_LIMIT {
        return Err(refuse(Refusal::FileTooLarge));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(refuse(Refusal::Utf16));
    }
    // Editors and shells of Windows put a byte order mark before UTF-8.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = || std::str::from_utf8(bytes).map_err(|_| refuse(Refusal::NotUtf8));
    match bytes.trim_ascii_start().first() {
        None => Err(refuse(Refusal::Empty)),
        Some(b'{' | b'[') => key_list::read(source, text()?),
        Some(_) if pem::is_pem(bytes) => read_pem(source, text()?),
        // The tag of a DER sequence; text rarely begins with the digit 0, which is the same byte.
        Some(_) if bytes.first() == Some(&0x30) => {
            let key = der::read_public(bytes)
                .and_then(|found| PublicKey::from_file(found, bytes, source))
                .map_err(refuse)?;
            Ok(vec![key])
        }
        Some(_) => Err(refuse(Refusal::Unknown)),
    }
}

fn read_pem(source: &str, text: &str) -> Result<Vec<PublicKey>, KeyFileError> {
    let refuse = |entry, refusal| KeyFileError { file: source.to_owned(), entry, refusal };
    let blocks = pem::blocks(text).map_err(|refusal| refuse(None, refusal))?;
    let mut keys = Vec::new();
    for (i, block) in blocks.iter().enumerate() {
        let key = read_block(source, block).map_err(|refusal| {
            let several = blocks.len() > 1;
            let entry = several.then(|| format!("block {} ({})", i + 1, beginning(block.label)));
            refuse(entry, refusal)
        })?;
        keys.push(key);
    }
    // The word BEGIN alone, at the end of a file that was cut off, starts no block.
    if keys.is_empty() {
        Err(refuse(None, Refusal::Pem("there is no whole block")))
    } else {
        Ok(keys)
    }
}

fn read_block(source: &str, block: &Block<'_>) -> Result<PublicKey, Refusal> {
    match block.label {
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => {}
        private if private.ends_with("PRIVATE KEY") => return Err(Refusal::PrivateKey),
        label => {
            return Err(Refusal::PemLabel { label: beginning(label) });
        }
    }
    let bytes = block.der.as_deref().ok_or(Refusal::Pem("its content is not base64"))?;
    // The content decides what it is: labels are often exchanged by hand, and a certificate
    // cannot be taken for a bare key or the other way round.
    PublicKey::from_file(der::read_public(bytes)?, bytes, source)
}
