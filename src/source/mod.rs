//! Sources by their addresses: directories, and what the schemes of addresses lead to.

mod access;
#[cfg(feature = "aws")]
mod bucket;
#[cfg(feature = "object-store")]
mod cloud;
mod directory;
mod error;
mod place;
mod scheme;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::store::Store;
use crate::verify::{Code, Finding};

pub(crate) use self::access::Opener;
pub(crate) use self::directory::{is_archive, resolve};
pub use self::error::{SourceError, SourceErrorKind};
pub(crate) use self::place::{SourcePlace, slashed};
pub(crate) use self::scheme::{Scheme, SourceKind, sources_help};

/// A source that is open: its store, and where in it to begin.
pub(crate) type Opened = (Arc<dyn Store>, String);

/// A source that does not answer as it should.
pub(crate) struct Unopened {
    /// The trouble.
    pub(crate) finding: Finding,
    /// The first things to look at.
    pub(crate) remedy: &'static str,
}

impl Opener {
    /// Opens sources. What is named twice is read once; one that does not answer as it should is
    /// returned, and the others are read all the same.
    ///
    /// # Errors
    /// When a source is none.
    pub(crate) fn open_all(
        &mut self,
        sources: &[String],
    ) -> Result<(Vec<Opened>, Vec<Unopened>), SourceError> {
        let (mut opened, mut unopened, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for source in sources {
            let scheme = Scheme::of(source);
            let place = scheme.locate(source)?;
            if !seen.insert((scheme.prefix(), place.clone())) {
                continue;
            }
            match scheme.open(self, source, &place) {
                Ok(store) => {
                    opened.extend(place.starts.into_iter().map(|start| (store.clone(), start)));
                }
                Err(SourceError { cause: SourceErrorKind::Unreachable(cause), .. }) => {
                    unopened.push(Unopened::of(scheme, source, &place, &cause)?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok((opened, unopened))
    }

    /// Opens one source.
    ///
    /// # Errors
    /// When it does not open.
    pub(crate) fn open(
        &mut self,
        source: &str,
    ) -> Result<(Arc<dyn Store>, SourcePlace), SourceError> {
        let scheme = Scheme::of(source);
        let place = scheme.locate(source)?;
        Ok((scheme.open(self, source, &place)?, place))
    }

    /// Opens a bucket to read objects whose keys are known.
    ///
    /// # Errors
    /// When it does not open.
    #[cfg(feature = "aws")]
    pub(crate) fn bucket_to_read(
        &mut self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Arc<dyn Store>, SourceError> {
        let opened = bucket::open_to_read(self, bucket, prefix);
        opened.map_err(|cause| cause.of(&format!("s3://{bucket}")))
    }

    #[cfg(not(feature = "aws"))]
    pub(crate) fn bucket_to_read(
        &mut self,
        bucket: &str,
        _: &str,
    ) -> Result<Arc<dyn Store>, SourceError> {
        Ok(self.open(&format!("s3://{bucket}"))?.0)
    }
}

impl Unopened {
    fn of(
        scheme: &Scheme,
        source: &str,
        place: &SourcePlace,
        cause: &str,
    ) -> Result<Self, SourceError> {
        let remedy = scheme.remedy();
        let mut next = remedy.to_owned();
        next.get_mut(..1).map(str::make_ascii_uppercase);
        let message = format!("The source {source} could not be opened: {cause}. {next}.");
        let mut finding = Finding::new(Code::ObjectUnreadable, message);
        if scheme.profile(source)?.is_bucket() {
            finding.bucket = place.root.to_str().map(str::to_owned);
        }
        Ok(Self { finding, remedy })
    }
}
