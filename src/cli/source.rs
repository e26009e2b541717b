//! Sources as they are typed: directories, and what the schemes of addresses lead to.

mod access;
#[cfg(feature = "aws")]
mod bucket;
#[cfg(feature = "object-store")]
mod cloud;
mod directory;
mod place;
mod scheme;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Failure, INCOMPLETE};
use crate::store::Store;
use crate::verify::{Code, Finding};

pub(super) use self::access::{AwsArgs, Opener};
pub(super) use self::directory::absent;
pub(super) use self::place::{Place, slashed};
pub(super) use self::scheme::{Scheme, SourceKind, sources_help};

/// A source that is open: its store, and where in it to begin.
pub(super) type Opened = (Arc<dyn Store>, String);

/// A source that does not answer as it should.
pub(super) struct Unopened {
    /// The trouble.
    pub(super) finding: Finding,
    /// The first things to look at.
    pub(super) remedy: &'static str,
}

impl Opener<'_> {
    /// Opens sources. What is named twice is read once; one that does not answer as it should is
    /// returned, and the others are read all the same.
    ///
    /// # Errors
    /// When a source is none.
    pub(super) fn open_all(
        &mut self,
        sources: &[String],
    ) -> Result<(Vec<Opened>, Vec<Unopened>), Failure> {
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
                Err(failure) if failure.status == INCOMPLETE => {
                    unopened.push(Unopened::of(scheme, source, &place, &failure)?);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok((opened, unopened))
    }

    /// Opens one source.
    ///
    /// # Errors
    /// When it does not open.
    pub(super) fn open(&mut self, source: &str) -> Result<(Arc<dyn Store>, Place), Failure> {
        let scheme = Scheme::of(source);
        let place = scheme.locate(source)?;
        Ok((scheme.open(self, source, &place)?, place))
    }

    /// Opens a bucket to read objects whose keys are known.
    ///
    /// # Errors
    /// When it does not open.
    #[cfg(feature = "aws")]
    pub(super) fn bucket_to_read(
        &mut self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Arc<dyn Store>, Failure> {
        bucket::open_to_read(self, bucket, prefix)
    }

    #[cfg(not(feature = "aws"))]
    pub(super) fn bucket_to_read(
        &mut self,
        bucket: &str,
        _: &str,
    ) -> Result<Arc<dyn Store>, Failure> {
        Ok(self.open(&format!("s3://{bucket}"))?.0)
    }
}

impl Unopened {
    fn of(
        scheme: &Scheme,
        source: &str,
        place: &Place,
        failure: &Failure,
    ) -> Result<Self, Failure> {
        let remedy = scheme.remedy();
        let mut next = remedy.to_owned();
        next.get_mut(..1).map(str::make_ascii_uppercase);
        let message =
            format!("The source {source} could not be opened: {}. {next}.", failure.message);
        let mut finding = Finding::new(Code::ObjectUnreadable, message);
        if scheme.profile(source)?.is_bucket() {
            finding.bucket = place.root.to_str().map(str::to_owned);
        }
        Ok(Self { finding, remedy })
    }
}
