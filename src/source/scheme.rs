//! The kinds of sources, by how their addresses begin. A kind of store is added as a row here.

use std::sync::Arc;

use super::access::Opener;
#[cfg(feature = "aws")]
use super::bucket;
#[cfg(feature = "object-store")]
use super::cloud;
use super::directory;
use super::place::SourcePlace;
use super::{SourceError, SourceErrorKind};
#[cfg(feature = "aws")]
use crate::aws::S3Store;
use crate::run::verify::SourceForm;
#[cfg(feature = "object-store")]
use crate::store::CloudStore;
use crate::store::{DirectoryStore, Profile, Requests, Store};

/// A kind of source.
pub(crate) struct Scheme {
    /// Start of its addresses; empty for a directory, whose address is its path.
    prefix: &'static str,
    /// Name of what addresses lead to, in the plural.
    name: &'static str,
    /// Support for it in this build.
    support: SchemeSupport,
}

type Open = fn(&mut Opener, &str, &SourcePlace) -> Result<Arc<dyn Store>, SourceErrorKind>;

enum SchemeSupport {
    Built {
        profile: Profile,
        /// The first things to look at where a source does not open.
        remedy: &'static str,
        /// Finds the place of an address, given without its scheme.
        locate: fn(&str) -> Result<SourcePlace, SourceErrorKind>,
        /// Opens it; the whole address is its name.
        open: Open,
    },
    /// Left out, for want of a feature.
    #[cfg_attr(all(feature = "aws", feature = "object-store"), allow(dead_code))]
    Feature { service: &'static str, feature: &'static str },
}

/// All kinds; a directory is any address of no other kind.
const SCHEMES: &[Scheme] = &[
    Scheme {
        prefix: "s3://",
        name: "s3://BUCKET[/PREFIX]",
        #[cfg(feature = "aws")]
        support: SchemeSupport::Built {
            profile: S3Store::PROFILE,
            remedy: bucket::REMEDY,
            locate: |address| Ok(SourcePlace::in_bucket(address)),
            open: bucket::open,
        },
        #[cfg(not(feature = "aws"))]
        support: SchemeSupport::Feature { service: "S3", feature: "aws" },
    },
    Scheme {
        prefix: "gs://",
        name: "gs://BUCKET[/PREFIX]",
        #[cfg(feature = "object-store")]
        support: SchemeSupport::Built {
            profile: CloudStore::PROFILE,
            remedy: cloud::GOOGLE_REMEDY,
            locate: |address| Ok(SourcePlace::in_bucket(address)),
            open: |opener, source, place| cloud::open(opener, source, place, CloudStore::google),
        },
        #[cfg(not(feature = "object-store"))]
        support: SchemeSupport::Feature {
            service: "Google Cloud Storage",
            feature: "object-store",
        },
    },
    Scheme {
        prefix: "az://",
        name: "az://CONTAINER[/PREFIX]",
        #[cfg(feature = "object-store")]
        support: SchemeSupport::Built {
            profile: CloudStore::PROFILE,
            remedy: cloud::AZURE_REMEDY,
            locate: |address| Ok(SourcePlace::in_bucket(address)),
            open: |opener, source, place| cloud::open(opener, source, place, CloudStore::azure),
        },
        #[cfg(not(feature = "object-store"))]
        support: SchemeSupport::Feature { service: "Azure Blob Storage", feature: "object-store" },
    },
    DIRECTORY,
];

const DIRECTORY: Scheme = Scheme {
    prefix: "",
    name: "directories",
    support: SchemeSupport::Built {
        profile: DirectoryStore::PROFILE,
        remedy: "check the permissions of the directory",
        locate: directory::locate,
        open: |_, source, place| directory::open(source, place),
    },
};

impl Scheme {
    /// Kind of an address.
    pub(crate) fn of(source: &str) -> &'static Self {
        SCHEMES.iter().find(|scheme| source.starts_with(scheme.prefix)).unwrap_or(&DIRECTORY)
    }

    /// True if addresses are paths of this machine.
    pub(crate) fn is_path(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Start of its addresses.
    pub(super) fn prefix(&self) -> &'static str {
        self.prefix
    }

    /// The first things to look at where a source does not open.
    pub(crate) fn remedy(&self) -> &'static str {
        match self.support {
            SchemeSupport::Built { remedy, .. } => remedy,
            SchemeSupport::Feature { .. } => "",
        }
    }

    /// Profile of its stores.
    ///
    /// # Errors
    /// When this build has no such stores.
    pub(crate) fn profile(&self, source: &str) -> Result<Profile, SourceError> {
        match self.support {
            SchemeSupport::Built { profile, .. } => Ok(profile),
            SchemeSupport::Feature { service, feature } => Err(missing(source, service, feature)),
        }
    }

    /// Finds the place of an address.
    ///
    /// # Errors
    /// When there is none, or this build has no such stores.
    pub(super) fn locate(&self, source: &str) -> Result<SourcePlace, SourceError> {
        match self.support {
            SchemeSupport::Built { locate, .. } => {
                locate(source.strip_prefix(self.prefix).unwrap_or(source)).map_err(|e| e.of(source))
            }
            SchemeSupport::Feature { service, feature } => Err(missing(source, service, feature)),
        }
    }

    /// Opens a place.
    ///
    /// # Errors
    /// When it does not open.
    pub(super) fn open(
        &self,
        opener: &mut Opener,
        source: &str,
        place: &SourcePlace,
    ) -> Result<Arc<dyn Store>, SourceError> {
        match self.support {
            SchemeSupport::Built { open, .. } => {
                open(opener, source, place).map_err(|e| e.of(source))
            }
            SchemeSupport::Feature { service, feature } => Err(missing(source, service, feature)),
        }
    }
}

fn missing(source: &str, service: &'static str, feature: &'static str) -> SourceError {
    SourceErrorKind::Unsupported { service, feature }.of(source)
}

/// Common properties of the sources of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceKind {
    /// Buckets, or copies of buckets.
    pub(crate) form: SourceForm,
    /// Number of requests at once that suits the one that takes most.
    pub(crate) requests: Requests,
}

impl SourceKind {
    /// Common properties of sources; all are of one form, because what a missing signature means
    /// depends on it.
    ///
    /// # Errors
    /// When some are buckets and some are not, or this build cannot read one.
    pub(crate) fn of(sources: &[String]) -> Result<Self, SourceError> {
        let mut kind: Option<Self> = None;
        for source in sources {
            let profile = Scheme::of(source).profile(source)?;
            let form = if profile.is_bucket() { SourceForm::Bucket } else { SourceForm::Copy };
            let requests = match kind {
                Some(before) if before.form != form => {
                    return Err(SourceErrorKind::Mixed.of(source));
                }
                Some(before) => before.requests.max(profile.requests),
                None => profile.requests,
            };
            kind = Some(Self { form, requests });
        }
        let nothing = Self { form: SourceForm::Copy, requests: Requests::PerProcessor };
        Ok(kind.unwrap_or(nothing))
    }
}

/// Help on what sources may be.
pub(crate) fn sources_help() -> String {
    let is_copy = |scheme: &&Scheme| matches!(scheme.support, SchemeSupport::Built { profile, .. } if !profile.is_bucket());
    let names = SCHEMES.iter().rev().filter(is_copy).map(|scheme| scheme.name);
    let copies = names.collect::<Vec<_>>().join(", ");
    format!(
        "Buckets (s3://BUCKET[/PREFIX]), or {copies} with a copy of a bucket or a part of it; AWSLogs is found at any depth"
    )
}
