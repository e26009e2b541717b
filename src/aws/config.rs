//! Credentials, endpoints and regions: the standard AWS environment and files, and what the
//! command line overrides.

use std::future::Future;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::SharedHttpClient;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{
    RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::SdkError;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

use super::error::AwsError;
use super::response::{ResponseKind, Watch};
use crate::store::Stop;
use crate::store::network::Network;

/// Attempts at one request before it counts as failed, unless AWS_MAX_ATTEMPTS is set.
const ATTEMPTS: u32 = 7;
/// Delay before the second try; each further delay is up to twice as long.
const BACKOFF: Duration = Duration::from_millis(250);
/// Time limit for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Time that a server may be silent, before its answer and in it, unless something else is asked
/// for.
const READ: Duration = Duration::from_secs(20);
/// Region where nothing names one; a bucket's own region is then found from it.
const FALLBACK_REGION: &str = "us-east-1";

/// AWS options of the command line.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AwsOptions {
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// An endpoint for all services; S3 is then addressed by path.
    pub endpoint_url: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// External id for the role's trust policy.
    pub external_id: Option<String>,
    /// True if the requester pays for reading.
    pub request_payer: bool,
    /// Number of tries of a request; `None` for the default.
    pub attempts: Option<u32>,
    /// The region; `None` for that of the configuration.
    pub region: Option<String>,
    /// Certificate authorities to trust instead of the system's, as PEM.
    pub ca_bundle: Option<Vec<u8>>,
    /// Time that a server may be silent; `None` for the usual.
    pub read_timeout: Option<Duration>,
    /// Ends the waiting for any answer.
    pub stop: Stop,
}

/// The run was stopped before an answer came.
#[derive(Debug, thiserror::Error)]
#[error("the run was stopped")]
pub(super) struct Stopped;

/// A loaded configuration and the runtime that drives connections.
#[derive(Clone)]
pub struct Aws {
    network: Network,
    pub(super) config: SdkConfig,
    pub(super) options: AwsOptions,
    /// The region that options, environment or files name.
    named_region: Option<Region>,
}

impl Aws {
    /// Loads the configuration; credentials are first asked for when they are needed.
    ///
    /// # Errors
    /// If the runtime does not start, or a file of certificate authorities cannot be used.
    pub fn load(options: AwsOptions) -> Result<Self, AwsError> {
        let network = Network::start(options.stop.clone())?;
        let (config, named_region) = network.wait_to_the_end(load(&options))?;
        Ok(Self { network, config, options, named_region })
    }

    /// Caller's ARN; `None` if unknown after a short wait. It is requested only once.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        let once = RetryConfig::standard().with_max_attempts(1);
        let soon = TimeoutConfig::builder().operation_timeout(CONNECT).build();
        let config = self.config.to_builder().retry_config(once).timeout_config(soon).build();
        let config = aws_sdk_sts::config::Builder::from(&config)
            .interceptor(self.watch(ResponseKind::Other))
            .build();
        let client = aws_sdk_sts::Client::from_conf(config);
        let caller = self.wait(client.get_caller_identity().send());
        caller.ok()?.arn().map(str::to_owned)
    }

    /// Waits for a request on the caller's thread; a stop ends that with an error.
    #[allow(clippy::result_large_err)] // the SDK's own error
    pub(super) fn wait<T, E>(
        &self,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, SdkError<E, HttpResponse>> {
        self.wait_for(request).unwrap_or_else(|| Err(SdkError::construction_failure(Stopped)))
    }

    /// Waits for anything on the caller's thread; `None` after a stop.
    pub(super) fn wait_for<F: Future>(&self, future: F) -> Option<F::Output> {
        self.network.wait(future)
    }

    /// Interceptor for the responses to one kind of request.
    pub(super) fn watch(&self, kind: ResponseKind) -> Watch {
        Watch { kind, silence: self.options.read_timeout.unwrap_or(READ) }
    }

    /// The region that the configuration names.
    pub(super) fn region(&self) -> Region {
        self.config.region().cloned().unwrap_or_else(|| Region::from_static(FALLBACK_REGION))
    }

    /// The region that options, environment or files name; `None` where none does.
    #[must_use]
    pub fn named_region(&self) -> Option<&str> {
        self.named_region.as_ref().map(Region::as_ref)
    }

    /// True if another endpoint replaces AWS, by option or environment.
    pub(super) fn has_endpoint(&self) -> bool {
        let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        self.config.endpoint_url().is_some()
            || named("AWS_ENDPOINT_URL")
            || named("AWS_ENDPOINT_URL_S3")
    }
}

async fn load(options: &AwsOptions) -> Result<(SdkConfig, Option<Region>), AwsError> {
    let silence = options.read_timeout.unwrap_or(READ);
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(silence).build();
    let configured = || std::env::var("AWS_MAX_ATTEMPTS").ok()?.parse().ok().filter(|n| *n > 0);
    let attempts = options.attempts.or_else(configured).unwrap_or(ATTEMPTS);
    // Not the SDK's adaptive mode: one SlowDown in a small run makes that wait for half a minute.
    // Workers that wait each on their own slow the whole run down just as well.
    let retries = RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(BACKOFF);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(retries)
        .timeout_config(timeouts)
        // `Watch` holds bodies to the time that the command line states.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // What is read is checked against signed hash values; a store's own checksums add nothing.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let authorities = match &options.ca_bundle {
        Some(pem) => {
            let file = "--ca-bundle".to_owned();
            super::trust::check(pem).map_err(|cause| AwsError::Authorities { file, cause })?;
            Some(pem.clone())
        }
        None => super::trust::configured(options.profile.as_deref()).await?,
    };
    if let Some(pem) = &authorities {
        loader = loader.http_client(trusting(pem));
    }
    let set = |url: Option<String>| url.is_some_and(|url| !url.is_empty());
    let given = set(options.endpoint_url.clone()) || set(std::env::var("AWS_ENDPOINT_URL").ok());
    let of_profile = super::trust::of_profile(options.profile.as_deref(), "endpoint_url").await;
    if !given && of_profile.is_some_and(|url| url.is_empty()) {
        return Err(AwsError::EmptyEndpoint);
    }
    let config = loader.load().await;
    let named = config.region().filter(|region| !region.as_ref().is_empty()).cloned();
    let region = named.clone().unwrap_or_else(|| Region::from_static(FALLBACK_REGION));
    let config = config.into_builder().region(region).build();
    let Some(role) = &options.role_arn else { return Ok((config, named)) };
    let mut provider =
        AssumeRoleProvider::builder(role).session_name("trailseal").configure(&config);
    if let Some(id) = &options.external_id {
        provider = provider.external_id(id);
    }
    let provider = aws_sdk_s3::config::SharedCredentialsProvider::new(provider.build().await);
    Ok((config.into_builder().credentials_provider(provider).build(), named))
}

/// Connections that trust these certificate authorities alone.
fn trusting(pem: &[u8]) -> SharedHttpClient {
    let trust = TrustStore::empty().with_pem_certificate(pem);
    // The builder fails only for trust that is not of its own kind.
    let context = TlsContext::builder().with_trust_store(trust).build().unwrap_or_default();
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https()
}
