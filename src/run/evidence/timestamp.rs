//! A further time-stamp for a bag: its first one, where the authority was down when the bag was
//! packed, or one over the earlier ones, before their certificates expire. Nothing else of the bag
//! changes: what is signed cannot be written anew without the signer's key.

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::authority::{AuthorityError, time_stamp};
use super::check_seal::missing_parts;
use super::seal_files;
use super::stamp_chain::StampChain;
use crate::crypto::document::{CertificateInfo, cms};
use crate::store::bag::{self, SEAL};

/// A time-stamp that is to be put in a bag.
#[derive(Debug)]
pub struct FurtherTimeStamp {
    /// Its file, as the bag names it.
    pub path: String,
    /// The authority's response.
    pub response: Vec<u8>,
    /// Time at which the bag was there, by the authority's word.
    pub time: Timestamp,
    /// The authority, by its certificate's word.
    pub by: CertificateInfo,
    /// Parts of the seal that it is over, in words.
    pub over: String,
}

/// Reason for which no further time-stamp is added.
#[derive(Debug, thiserror::Error)]
pub enum FurtherError {
    /// The folder is no bag that can be read.
    #[error("{0}")]
    NoBag(#[from] io::Error),
    /// A time-stamp would bear out what does not hold.
    #[error("{0}")]
    Altered(String),
    /// A file of the bag could not be read.
    #[error("{0}")]
    Unreadable(String),
    /// The authority gives none.
    #[error("{0}")]
    Authority(#[from] AuthorityError),
}

/// Asks an authority for a time-stamp over the bag in a folder and the time-stamps that it has.
/// The bag must be whole and its seal must fit.
///
/// # Errors
/// When the bag was altered or cannot be read, or the authority gives no time-stamp.
pub fn further(folder: &Path, url: &str) -> Result<FurtherTimeStamp, FurtherError> {
    let mut bag = bag::check::check(folder, &seal_files::is_name, &mut |_| ())?;
    let mut faults = std::mem::take(&mut bag.faults);
    missing_parts(&bag, &mut faults);
    if let Some(fault) = faults.iter().find(|fault| fault.is_contradiction()) {
        return Err(FurtherError::Altered(fault.to_string()));
    }
    if let Some(fault) = faults.first() {
        return Err(FurtherError::Unreadable(fault.to_string()));
    }
    let altered = |name: &str, error: &dyn std::fmt::Display| {
        FurtherError::Altered(format!("{SEAL}{name}: {error}"))
    };
    let read = |name: &str| {
        bag.seal(name).map_err(|error| FurtherError::Unreadable(format!("{SEAL}{name}: {error}")))
    };
    let signature = read(seal_files::SIGNATURE)?;
    let mut over = "the tag manifest".to_owned();
    if let Some(signature) = &signature {
        cms::verify(signature, &bag.tag_manifest)
            .map_err(|error| altered(seal_files::SIGNATURE, &error))?;
        over = "the signature".to_owned();
    }
    let mut chain = StampChain::over(signature.as_deref(), &bag.tag_manifest);
    for number in 1..=seal_files::MOST {
        let name = seal_files::time_stamp(number);
        let Some(earlier) = read(&name)? else {
            if number > 1 {
                over += " and its earlier time-stamps";
            }
            let response = time_stamp(url, chain.covered())?;
            let stamp = chain.add(&response).map_err(AuthorityError::from)?;
            let (time, by, path) = (stamp.time, stamp.by(), format!("{SEAL}{name}"));
            return Ok(FurtherTimeStamp { path, response, time, by, over });
        };
        chain.add(&earlier).map_err(|error| altered(&name, &error))?;
    }
    Err(FurtherError::Unreadable(format!("it has {} time-stamps already", seal_files::MOST)))
}
