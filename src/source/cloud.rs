//! Copies in object stores, as sources.

use std::sync::Arc;

use super::SourceErrorKind;
use super::access::Opener;
use super::place::SourcePlace;
use crate::store::{CloudError, CloudOptions, CloudStore, Store};

/// The first things to look at where a bucket of Google Cloud Storage does not open.
pub(super) const GOOGLE_REMEDY: &str = "check the name, the credentials (GOOGLE_APPLICATION_CREDENTIALS) and the permissions storage.objects.list and storage.objects.get";
/// The first things to look at where a container of Azure Blob Storage does not open.
pub(super) const AZURE_REMEDY: &str = "check the name, AZURE_STORAGE_ACCOUNT_NAME, the credentials and the role Storage Blob Data Reader";

type Open = fn(&str, &str, &str, &CloudOptions) -> Result<CloudStore, CloudError>;

/// Opens a copy.
pub(super) fn open(
    opener: &Opener,
    source: &str,
    place: &SourcePlace,
    open: Open,
) -> Result<Arc<dyn Store>, SourceErrorKind> {
    let options = opener.cloud_options();
    match open(place.bucket(), place.start(), source, &options) {
        Ok(store) => Ok(Arc::new(store)),
        Err(CloudError::Configuration(cause)) => Err(SourceErrorKind::Configuration(cause)),
        Err(CloudError::Unreachable(cause)) => Err(SourceErrorKind::Unreachable(cause)),
    }
}
