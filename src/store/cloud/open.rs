//! Opening of copies: accounts and credentials come from the environment, by the names that the crate
//! `object_store` documents for its builders.

use std::sync::Arc;
use std::time::Duration;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::{ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig};

use super::CloudStore;
use super::answer::CheckedConnector;
use super::error::{cause, of_listing};
use crate::store::Stop;

/// Further tries of a request that failed, with growing delays between them.
const RETRIES: usize = 5;
/// Time after which a request is not tried again.
const RETRY_TIME: Duration = Duration::from_secs(60);

/// Options of the connection to a copy.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// Time without progress after which a request is abandoned.
    pub read_timeout: Duration,
    /// Ends the waiting for any answer.
    pub stop: Stop,
}

/// Error in opening a copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// The name or the environment is wrong: no request was made.
    #[error("{0}")]
    Configuration(String),
    /// The copy cannot be listed.
    #[error("{0}")]
    Unreachable(String),
}

impl CloudStore {
    /// Opens a bucket of Google Cloud Storage, and lists the first of what begins with a prefix;
    /// `name` is how the user named it.
    ///
    /// # Errors
    /// When the environment does not say how, or the bucket cannot be listed.
    pub fn google(
        bucket: &str,
        prefix: &str,
        name: &str,
        options: &CloudOptions,
    ) -> Result<Self, CloudError> {
        // Without this header, what is stored as gzip is inflated on its way here.
        let mut headers = HeaderMap::new();
        headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
        let client = ClientOptions::new()
            .with_allow_http(true) // only where the environment names such an address
            .with_default_headers(headers)
            .with_timeout_disabled()
            .with_read_timeout(options.read_timeout);
        // As `from_env` does, which would lose these options.
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_client_options(client)
            .with_retry(retries())
            .with_http_connector(CheckedConnector::default())
            .with_bucket_name(checked(bucket)?);
        for (key, value) in variables("GOOGLE_") {
            match key.parse::<GoogleConfigKey>() {
                Ok(GoogleConfigKey::Bucket) | Err(_) => {}
                Ok(key) => builder = builder.with_config(key, value),
            }
        }
        if let Ok(path) = std::env::var("SERVICE_ACCOUNT") {
            builder = builder.with_service_account_path(path);
        }
        Self::open(Arc::new(builder.build().map_err(misconfigured)?), prefix, name, options)
    }

    /// Opens a container of Azure Blob Storage, and lists the first of what begins with a prefix;
    /// `name` is how the user named it.
    ///
    /// # Errors
    /// When the environment does not say how, or the container cannot be listed.
    pub fn azure(
        container: &str,
        prefix: &str,
        name: &str,
        options: &CloudOptions,
    ) -> Result<Self, CloudError> {
        let client =
            ClientOptions::new().with_timeout_disabled().with_read_timeout(options.read_timeout);
        let mut builder = MicrosoftAzureBuilder::new()
            .with_client_options(client)
            .with_retry(retries())
            .with_http_connector(CheckedConnector::default());
        for (key, value) in variables("AZURE_") {
            if let Ok(key) = key.parse::<AzureConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        if let Ok(endpoint) = std::env::var("IDENTITY_ENDPOINT") {
            builder = builder.with_msi_endpoint(endpoint);
        }
        let builder = builder.with_container_name(checked(container)?);
        Self::open(Arc::new(builder.build().map_err(misconfigured)?), prefix, name, options)
    }

    fn open<S: ObjectStore + PaginatedListStore>(
        store: Arc<S>,
        prefix: &str,
        name: &str,
        options: &CloudOptions,
    ) -> Result<Self, CloudError> {
        let unreachable = |cause: String| CloudError::Unreachable(format!("{name}: {cause}"));
        let opened = Self::new(store.clone(), name, options.stop.clone());
        let mut opened = opened.map_err(|error| unreachable(error.to_string()))?;
        opened.pages = Some(store.clone());
        let first = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        let answer = opened.wait(store.list_paginated(prefix, first));
        answer
            .and_then(|page| page.map_err(of_listing))
            .map_err(|error| unreachable(error.to_string()))?;
        Ok(opened)
    }
}

fn retries() -> RetryConfig {
    RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIME, ..RetryConfig::default() }
}

fn misconfigured(error: object_store::Error) -> CloudError {
    CloudError::Configuration(cause(&error))
}

/// A name that can be part of an address.
fn checked(name: &str) -> Result<&str, CloudError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.$".contains(c);
    if !name.is_empty() && name.chars().all(fits) && !name.starts_with('.') {
        return Ok(name);
    }
    Err(CloudError::Configuration("this is no name of a bucket or container".to_owned()))
}

/// Variables of the environment that begin so, named as the builders name them.
fn variables(prefix: &str) -> impl Iterator<Item = (String, String)> {
    let all = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    all.filter(move |(key, value)| key.starts_with(prefix) && !value.is_empty())
        .map(|(key, value)| (key.to_ascii_lowercase(), value))
}
