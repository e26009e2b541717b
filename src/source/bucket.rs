//! Buckets that CloudTrail delivers to, as sources.

use std::sync::Arc;

use super::SourceErrorKind;
use super::access::Opener;
use super::place::SourcePlace;
use crate::aws::{Need, S3Store};
use crate::model::BucketName;
use crate::store::Store;

/// The first things to look at where a bucket does not open.
pub(super) const REMEDY: &str = "check the name, the credentials (aws sts get-caller-identity) and the permissions s3:ListBucket and s3:GetObject";

/// Opens a bucket.
pub(super) fn open(
    opener: &mut Opener,
    source: &str,
    place: &SourcePlace,
) -> Result<Arc<dyn Store>, SourceErrorKind> {
    open_for(opener, source, (place.bucket(), place.start()), Need::Listing)
}

/// Opens a bucket to read objects whose keys are known.
pub(crate) fn open_to_read(
    opener: &mut Opener,
    bucket: &str,
    prefix: &str,
) -> Result<Arc<dyn Store>, SourceErrorKind> {
    open_for(opener, &format!("s3://{bucket}"), (bucket, prefix), Need::Reading)
}

fn open_for(
    opener: &mut Opener,
    source: &str,
    (bucket, prefix): (&str, &str),
    need: Need,
) -> Result<Arc<dyn Store>, SourceErrorKind> {
    let bucket = BucketName::parse(bucket)?;
    let store = S3Store::open(&opener.aws()?, bucket, prefix, source, need)
        .map_err(|error| SourceErrorKind::Unreachable(error.to_string()))?;
    Ok(Arc::new(store))
}
