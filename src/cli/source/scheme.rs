//! The kinds of sources, by how their addresses begin. A kind of store is added as a row here.

use std::sync::Arc;

use super::access::Opener;
#[cfg(feature = "aws")]
use super::bucket;
#[cfg(feature = "object-store")]
use super::cloud;
use super::directory;
use super::place::Place;
#[cfg(feature = "aws")]
use crate::aws::S3Store;
use crate::cli::Failure;
use crate::model::Printable;
use crate::run::verify::SourceForm;
#[cfg(feature = "object-store")]
use crate::store::CloudStore;
use crate::store::{DirectoryStore, Profile, Requests, Store};

/// A kind of source.
pub(in crate::cli) struct Scheme {
    /// Start of its addresses; empty for a directory, whose address is its path.
    prefix: &'static str,
    /// Name of what addresses lead to, in the plural.
    name: &'static str,
    /// What this build does with it.
    support: Support,
}

type Open = fn(&mut Opener<'_>, &str, &Place) -> Result<Arc<dyn Store>, Failure>;

enum Support {
    Built {
        profile: Profile,
        /// The first things to look at where a source does not open.
        remedy: &'static str,
        /// Finds the place of an address, given without its scheme.
        locate: fn(&str) -> Result<Place, Failure>,
        /// Opens it; the whole address is its name.
        open: Open,
    },
    /// Left out, for want of a feature.
    #[cfg_attr(all(feature = "aws", feature = "object-store"), allow(dead_code))]
    Feature { service: &'static str, feature: &'static str },
}

/// All kinds; a directory is what no other one is.
const SCHEMES: &[Scheme] = &[
    Scheme {
        prefix: "s3://",
        name: "s3://BUCKET[/PREFIX]",
        #[cfg(feature = "aws")]
        support: Support::Built {
            profile: S3Store::PROFILE,
            remedy: bucket::REMEDY,
            locate: |address| Ok(Place::in_bucket(address)),
            open: bucket::open,
        },
        #[cfg(not(feature = "aws"))]
        support: Support::Feature { service: "S3", feature: "aws" },
    },
    Scheme {
        prefix: "gs://",
        name: "gs://BUCKET[/PREFIX]",
        #[cfg(feature = "object-store")]
        support: Support::Built {
            profile: CloudStore::PROFILE,
            remedy: cloud::GOOGLE_REMEDY,
            locate: |address| Ok(Place::in_bucket(address)),
            open: |opener, source, place| {
                cloud::open(opener, source, place, (CloudStore::google, cloud::GOOGLE_REMEDY))
            },
        },
        #[cfg(not(feature = "object-store"))]
        support: Support::Feature { service: "Google Cloud Storage", feature: "object-store" },
    },
    Scheme {
        prefix: "az://",
        name: "az://CONTAINER[/PREFIX]",
        #[cfg(feature = "object-store")]
        support: Support::Built {
            profile: CloudStore::PROFILE,
            remedy: cloud::AZURE_REMEDY,
            locate: |address| Ok(Place::in_bucket(address)),
            open: |opener, source, place| {
                cloud::open(opener, source, place, (CloudStore::azure, cloud::AZURE_REMEDY))
            },
        },
        #[cfg(not(feature = "object-store"))]
        support: Support::Feature { service: "Azure Blob Storage", feature: "object-store" },
    },
    DIRECTORY,
];

const DIRECTORY: Scheme = Scheme {
    prefix: "",
    name: "directories",
    support: Support::Built {
        profile: DirectoryStore::PROFILE,
        remedy: "check the permissions of the directory",
        locate: directory::locate,
        open: |_, source, place| directory::open(source, place),
    },
};

impl Scheme {
    /// Kind of an address.
    pub(in crate::cli) fn of(source: &str) -> &'static Self {
        SCHEMES.iter().find(|scheme| source.starts_with(scheme.prefix)).unwrap_or(&DIRECTORY)
    }

    /// True if addresses are paths of this machine.
    pub(in crate::cli) fn is_path(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Start of its addresses.
    pub(super) fn prefix(&self) -> &'static str {
        self.prefix
    }

    /// The first things to look at where a source does not open.
    pub(super) fn remedy(&self) -> &'static str {
        match self.support {
            Support::Built { remedy, .. } => remedy,
            Support::Feature { .. } => "",
        }
    }

    /// Profile of its stores.
    ///
    /// # Errors
    /// When this build has no such stores.
    pub(in crate::cli) fn profile(&self, source: &str) -> Result<Profile, Failure> {
        match self.support {
            Support::Built { profile, .. } => Ok(profile),
            Support::Feature { service, feature } => Err(missing(source, service, feature)),
        }
    }

    /// Finds the place of an address.
    ///
    /// # Errors
    /// When there is none, or this build has no such stores.
    pub(super) fn locate(&self, source: &str) -> Result<Place, Failure> {
        match self.support {
            Support::Built { locate, .. } => {
                locate(source.strip_prefix(self.prefix).unwrap_or(source))
            }
            Support::Feature { service, feature } => Err(missing(source, service, feature)),
        }
    }

    /// Opens a place.
    ///
    /// # Errors
    /// When it does not open; status [`INCOMPLETE`](crate::cli::INCOMPLETE) is trouble.
    pub(super) fn open(
        &self,
        opener: &mut Opener<'_>,
        source: &str,
        place: &Place,
    ) -> Result<Arc<dyn Store>, Failure> {
        match self.support {
            Support::Built { open, .. } => open(opener, source, place),
            Support::Feature { service, feature } => Err(missing(source, service, feature)),
        }
    }
}

fn missing(source: &str, service: &str, feature: &str) -> Failure {
    Failure::usage(format!("{}: this build cannot read {service}", Printable(source)))
        .remedy(format!("build with the feature `{feature}`, or copy the bucket to a directory"))
}

/// What the sources of one run have in common.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct SourceKind {
    /// Buckets, or copies of buckets.
    pub(in crate::cli) form: SourceForm,
    /// Number of requests at once that suits the one that takes most.
    pub(in crate::cli) requests: Requests,
}

impl SourceKind {
    /// What sources have in common; all of one form, because what a missing signature means depends
    /// on it.
    ///
    /// # Errors
    /// When some are buckets and some are not, or this build cannot read one.
    pub(in crate::cli) fn of(sources: &[String]) -> Result<Self, Failure> {
        let mut kind: Option<Self> = None;
        for source in sources {
            let profile = Scheme::of(source).profile(source)?;
            let form = if profile.is_bucket() { SourceForm::Bucket } else { SourceForm::Copy };
            let requests = match kind {
                Some(before) if before.form != form => {
                    let message = "buckets and copies cannot be verified in one run";
                    return Err(Failure::usage(message).remedy(
                        "verify them in separate runs: a copy lacks metadata that a bucket must have",
                    ));
                }
                Some(before) => before.requests.max(profile.requests),
                None => profile.requests,
            };
            kind = Some(Self { form, requests });
        }
        kind.ok_or_else(|| Failure::usage("no source"))
    }
}

/// Help on what sources may be.
pub(in crate::cli) fn sources_help() -> String {
    let is_copy = |scheme: &&Scheme| matches!(scheme.support, Support::Built { profile, .. } if !profile.is_bucket());
    let names = SCHEMES.iter().rev().filter(is_copy).map(|scheme| scheme.name);
    let copies = names.collect::<Vec<_>>().join(", ");
    format!(
        "Buckets (s3://BUCKET[/PREFIX]), or {copies} with a copy of a bucket or a part of it; AWSLogs is found at any depth"
    )
}
