//! The server that the tests run against, seen through the clients of the AWS SDK: what it does
//! and, on demand, does wrong.

mod faults;
mod listing;
mod objects;
mod public_keys;

use crate::common::server;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use aws_sdk_cloudtrail as cloudtrail;
use aws_sdk_s3 as s3;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tokio::runtime::Runtime;

use crate::common::server::{ACCESS_KEY, SECRET_KEY, Server};

const BUCKET: &str = "audit-logs";

fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test")
}

fn s3_client(server: &Server) -> s3::Client {
    let config = s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(server.endpoint())
        .credentials_provider(credentials())
        .retry_config(RetryConfig::disabled())
        .force_path_style(true)
        .build();
    s3::Client::from_conf(config)
}

fn cloudtrail_client(server: &Server, region: &'static str) -> cloudtrail::Client {
    let config = cloudtrail::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .endpoint_url(server.endpoint())
        .credentials_provider(credentials())
        .retry_config(RetryConfig::disabled())
        .build();
    cloudtrail::Client::from_conf(config)
}

/// A server with a bucket, and a client of it.
fn with_server<F: Future>(test: impl FnOnce(Server, s3::Client) -> F) -> F::Output {
    let server = Server::start();
    server.create_bucket(BUCKET);
    let client = s3_client(&server);
    Runtime::new().unwrap().block_on(test(server, client))
}

async fn body_of(client: &s3::Client, key: &str) -> Vec<u8> {
    let answer = client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

fn code_of<T: Debug, E: ProvideErrorMetadata + Debug>(
    result: Result<T, SdkError<E>>,
) -> (u16, String) {
    match result {
        Err(SdkError::ServiceError(error)) => {
            let code = error.err().code().unwrap_or("").to_owned();
            (error.raw().status().as_u16(), code)
        }
        other => panic!("not an error of the service: {other:?}"),
    }
}

#[test]
fn buckets_are_asked_for_and_made() {
    with_server(async |_server, client| {
        client.head_bucket().bucket(BUCKET).send().await.unwrap();
        assert_eq!(code_of(client.head_bucket().bucket("other").send().await).0, 404);
        client.create_bucket().bucket("other").send().await.unwrap();
        client.head_bucket().bucket("other").send().await.unwrap();
        client.get_bucket_location().bucket("other").send().await.unwrap();
    });
}

#[test]
fn a_wrong_signature_is_refused() {
    with_server(async |_server, client| {
        let stranger = Credentials::new(ACCESS_KEY, "guessed", None, None, "test");
        let config = client.config().to_builder().credentials_provider(stranger).build();
        let listed = s3::Client::from_conf(config).list_objects_v2().bucket(BUCKET).send().await;
        assert_eq!(code_of(listed), (403, "SignatureDoesNotMatch".to_owned()));
    });
}

#[test]
fn waits_before_every_answer() {
    with_server(async |server, client| {
        server.put(BUCKET, "key", b"1".to_vec(), &[]);
        server.latency(Duration::from_millis(100));
        let start = Instant::now();
        body_of(&client, "key").await;
        assert!(start.elapsed() >= Duration::from_millis(100));
        server.latency(Duration::ZERO);
        for _ in 0..100 {
            body_of(&client, "key").await;
        }
        assert!(start.elapsed() < Duration::from_secs(4), "not 40 ms of Nagle each");
    });
}

#[test]
fn writes_down_what_was_asked() {
    with_server(async |server, client| {
        client.create_bucket().bucket("other").send().await.unwrap();
        let key = "a b/ü+1";
        client.put_object().bucket(BUCKET).key(key).send().await.unwrap();
        client.head_object().bucket(BUCKET).key(key).send().await.unwrap();
        client.list_objects_v2().bucket(BUCKET).prefix("a b/").send().await.unwrap();
        client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        body_of(&client, key).await;
        client.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
        client.get_object().bucket(BUCKET).key(key).send().await.unwrap_err();
        client.head_bucket().bucket(BUCKET).send().await.unwrap();
        client.get_bucket_location().bucket(BUCKET).send().await.unwrap();
        let trails = cloudtrail_client(&server, "eu-central-1");
        trails.list_public_keys().send().await.unwrap();
        let expected = [
            "CREATE other",
            "PUT a b/ü+1",
            "HEAD a b/ü+1",
            "LIST a b/",
            "LIST ",
            "GET a b/ü+1",
            "DELETE a b/ü+1",
            "GET a b/ü+1",
            "HEAD-BUCKET audit-logs",
            "LOCATION audit-logs",
            "ListPublicKeys eu-central-1",
        ];
        assert_eq!(server.requests(), expected);
        server.clear_requests();
        assert!(server.requests().is_empty());
    });
}
