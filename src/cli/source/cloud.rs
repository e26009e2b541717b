//! Copies in object stores, as sources.

use std::sync::Arc;

use super::access::Opener;
use super::place::Place;
use crate::cli::{Failure, INCOMPLETE};
use crate::store::{CloudError, CloudOptions, CloudStore, Store};

/// The first things to look at where a bucket of Google Cloud Storage does not open.
pub(super) const GOOGLE_REMEDY: &str = "check the name, the credentials (GOOGLE_APPLICATION_CREDENTIALS) and the permissions storage.objects.list and storage.objects.get";
/// The first things to look at where a container of Azure Blob Storage does not open.
pub(super) const AZURE_REMEDY: &str = "check the name, AZURE_STORAGE_ACCOUNT_NAME, the credentials and the role Storage Blob Data Reader";

type Open = fn(&str, &str, &str, &CloudOptions) -> Result<CloudStore, CloudError>;

/// Opens a copy.
pub(super) fn open(
    opener: &Opener<'_>,
    source: &str,
    place: &Place,
    (open, remedy): (Open, &'static str),
) -> Result<Arc<dyn Store>, Failure> {
    let options = opener.cloud_options();
    match open(place.bucket(), place.start(), source, &options) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error @ CloudError::Configuration(_)) => Err(Failure::usage(error).remedy(remedy)),
        Err(error @ CloudError::Unreachable(_)) => {
            // Trouble is no wrong usage, whatever caused it.
            Err(Failure { status: INCOMPLETE, ..Failure::usage(error) }.remedy(remedy))
        }
    }
}
