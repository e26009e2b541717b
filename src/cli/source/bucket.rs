//! Buckets that CloudTrail delivers to, as sources.

use std::sync::Arc;

use super::access::Opener;
use super::place::Place;
use crate::aws::{Need, S3Store};
use crate::cli::{Failure, INCOMPLETE};
use crate::model::BucketName;
use crate::store::Store;

/// The first things to look at where a bucket does not open.
pub(super) const REMEDY: &str = "check the name, the credentials (aws sts get-caller-identity) and the permissions s3:ListBucket and s3:GetObject";

/// Opens a bucket.
pub(super) fn open(
    opener: &mut Opener<'_>,
    source: &str,
    place: &Place,
) -> Result<Arc<dyn Store>, Failure> {
    open_for(opener, source, (place.bucket(), place.start()), Need::Listing)
}

/// Opens a bucket to read objects whose keys are known.
pub(in crate::cli) fn open_to_read(
    opener: &mut Opener<'_>,
    bucket: &str,
    prefix: &str,
) -> Result<Arc<dyn Store>, Failure> {
    open_for(opener, &format!("s3://{bucket}"), (bucket, prefix), Need::Reading)
}

fn open_for(
    opener: &mut Opener<'_>,
    source: &str,
    (bucket, prefix): (&str, &str),
    need: Need,
) -> Result<Arc<dyn Store>, Failure> {
    let bucket = BucketName::parse(bucket)
        .map_err(|e| Failure::usage(e).remedy("use s3://BUCKET[/PREFIX]"))?;
    let store = S3Store::open(&opener.aws()?, bucket, prefix, source, need).map_err(|error| {
        // Trouble is no wrong usage, whatever caused it.
        Failure { status: INCOMPLETE, ..Failure::usage(error) }.remedy(REMEDY)
    })?;
    Ok(Arc::new(store))
}
