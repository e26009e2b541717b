//! What a request asks for, as the log and the faults name it.

use hyper::{HeaderMap, Method, Uri};

use super::escape;

pub(super) struct Call {
    /// `GET`, `LIST`, `ListPublicKeys`...
    pub(super) verb: String,
    /// Key, prefix, bucket or region.
    pub(super) subject: String,
    pub(super) service: Service,
    /// The continuation token of a listing.
    pub(super) token: Option<String>,
    /// Whether the answer may be compressed.
    pub(super) accepts_gzip: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    S3,
    CloudTrail,
    /// GetCallerIdentity is all that is asked of it.
    Sts,
}

impl Call {
    pub(super) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let accepts_gzip = header("accept-encoding").is_some_and(|text| text.contains("gzip"));
        if let Some(target) = header("x-amz-target") {
            let verb = target.rsplit('.').next().unwrap_or(target).to_owned();
            let region = header("authorization").and_then(region_of).unwrap_or("").to_owned();
            return Self {
                verb,
                subject: region,
                service: Service::CloudTrail,
                token: None,
                accepts_gzip,
            };
        }
        if *method == Method::POST && uri.path() == "/" {
            let (verb, subject) = ("POST".to_owned(), String::new());
            return Self { verb, subject, service: Service::Sts, token: None, accepts_gzip };
        }
        let path = uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let (verb, subject) = match (method.as_str(), key) {
            ("GET", "") if parameter(uri, "location").is_some() => ("LOCATION", bucket.to_owned()),
            ("GET", "") => ("LIST", parameter(uri, "prefix").unwrap_or_default()),
            ("PUT", "") => ("CREATE", bucket.to_owned()),
            ("HEAD", "") => ("HEAD-BUCKET", bucket.to_owned()),
            (method, key) => (method, escape::decode(key)),
        };
        Self {
            verb: verb.to_owned(),
            subject,
            service: Service::S3,
            token: parameter(uri, "continuation-token"),
            accepts_gzip,
        }
    }
}

/// The value of a query parameter.
fn parameter(uri: &Uri, name: &str) -> Option<String> {
    uri.query()?.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (found == name).then(|| escape::decode(&value.replace('+', " ")))
    })
}

/// The region of the credential scope: `... Credential=<key>/<date>/<region>/<service>/...`.
fn region_of(authorization: &str) -> Option<&str> {
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split('/').nth(2)
}
