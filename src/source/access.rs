//! Access to services, loaded once for a run and shared by all that asks it.

use std::time::Duration;

#[cfg(feature = "aws")]
use crate::aws::{Aws, AwsError, AwsOptions};
use crate::run::verify::SourceForm;
use crate::store::Stop;

/// Time without progress after which a request is abandoned, unless another one is set.
#[cfg(feature = "object-store")]
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// Opener of sources, with the clients that reach them. Nothing is reached before it is needed; a
/// stop ends the waiting for any answer.
#[derive(Default)]
pub(crate) struct Opener {
    #[cfg_attr(not(feature = "object-store"), allow(dead_code))]
    stop: Stop,
    #[cfg_attr(not(feature = "object-store"), allow(dead_code))]
    read_timeout: Option<Duration>,
    #[cfg(feature = "aws")]
    options: AwsOptions,
    #[cfg(feature = "aws")]
    aws: Option<Aws>,
}

impl Opener {
    /// Reaches AWS as configured by its standard environment and files.
    pub(crate) fn new(read_timeout: Option<Duration>, stop: &Stop) -> Self {
        let mut opener = Self::default();
        (opener.stop, opener.read_timeout) = (stop.clone(), read_timeout);
        opener
    }

    /// Reaches AWS as these options say.
    #[cfg(feature = "aws")]
    pub(crate) fn with_aws(self, options: AwsOptions) -> Self {
        Self { options: AwsOptions { stop: self.stop.clone(), ..options }, ..self }
    }

    /// Options to reach copies in object stores.
    #[cfg(feature = "object-store")]
    pub(super) fn cloud_options(&self) -> crate::store::CloudOptions {
        let read_timeout = self.read_timeout.unwrap_or(READ_TIMEOUT);
        crate::store::CloudOptions { read_timeout, stop: self.stop.clone() }
    }

    /// The reader, as AWS names it; `None` for a copy, and where AWS does not say.
    #[cfg(feature = "aws")]
    pub(crate) fn identity(&mut self, form: SourceForm) -> Option<String> {
        (form == SourceForm::Bucket).then(|| self.aws().ok()?.identity()).flatten()
    }

    #[cfg(not(feature = "aws"))]
    pub(crate) fn identity(&mut self, _: SourceForm) -> Option<String> {
        None
    }

    /// AWS, loaded once.
    #[cfg(feature = "aws")]
    pub(crate) fn aws(&mut self) -> Result<Aws, AwsError> {
        if let Some(aws) = &self.aws {
            return Ok(aws.clone());
        }
        let aws = Aws::load(self.options.clone())?;
        Ok(self.aws.insert(aws).clone())
    }
}
