//! AWS as a source, a signer and a publisher of keys: the only folder that names the SDK.
//!
//! The rest of trailseal is synchronous; here a small runtime drives the connections, and each
//! caller waits on its own thread. Retries are bounded and back off (the SDK's own), bodies that
//! break off are resumed, and what remains is told apart: absence, archive, trouble.

mod body;
mod bucket;
mod calls;
mod cloudtrail;
mod config;
mod error;
mod kms;
mod listing;
mod redirect;
mod regions;
mod response;
mod s3;
mod trails;
mod trust;

pub use calls::{AwsCliCalls, CallError, TrailDestination};
pub use cloudtrail::{CloudTrailKeys, PublishedKeys};
pub use config::{Aws, AwsOptions};
pub use error::AwsError;
pub use kms::KmsSigner;
pub use regions::is_known;
pub use s3::{Need, S3Store};
pub use trails::{TrailLookup, TrailStatus, Trails};
