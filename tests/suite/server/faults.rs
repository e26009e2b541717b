//! Each fault, as a client meets it.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::SdkError;
use tokio::time::timeout;

use super::server::Fault;
use super::{BUCKET, body_of, code_of, with_server};

#[test]
fn answers_refusals_as_often_as_told() {
    with_server(async |server, client| {
        server.put(BUCKET, "logs/1", b"1".to_vec(), &[]);
        let get = || client.get_object().bucket(BUCKET).key("logs/1").send();
        for (status, code) in [
            (503, "SlowDown"),
            (403, "AccessDenied"),
            (500, "InternalError"),
            (404, "NoSuchKey"),
            (400, "ExpiredToken"),
        ] {
            server.fault("logs/", Fault::Status(status, code), Some(2));
            assert_eq!(code_of(get().await), (status, code.to_owned()));
            assert_eq!(code_of(get().await), (status, code.to_owned()));
            assert_eq!(body_of(&client, "logs/1").await, b"1");
        }
        server.fault("logs/", Fault::Status(503, "SlowDown"), None);
        for _ in 0..5 {
            assert_eq!(code_of(get().await).0, 503);
        }
        let list = || client.list_objects_v2().bucket(BUCKET).prefix("logs/").send();
        assert_eq!(list().await.unwrap().key_count(), Some(1), "only GETs");
        server.clear_faults();
        assert_eq!(body_of(&client, "logs/1").await, b"1");

        server.fault("list:logs/", Fault::Status(403, "AccessDenied"), Some(1));
        server.fault("put:logs/", Fault::Status(503, "SlowDown"), Some(1));
        assert_eq!(body_of(&client, "logs/1").await, b"1");
        assert_eq!(code_of(list().await), (403, "AccessDenied".to_owned()));
        assert_eq!(list().await.unwrap().key_count(), Some(1));
        let put = || client.put_object().bucket(BUCKET).key("logs/2").send();
        assert_eq!(code_of(put().await).0, 503);
        assert_eq!(server.get(BUCKET, "logs/2"), None);
        put().await.unwrap();
    });
}

#[test]
fn the_sdk_retries_what_passes() {
    with_server(async |server, client| {
        server.put(BUCKET, "key", b"1".to_vec(), &[]);
        server.fault("key", Fault::Reset, Some(1));
        server.fault("key", Fault::Status(503, "SlowDown"), Some(1));
        let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let config = client.config().to_builder().retry_config(retry).build();
        assert_eq!(body_of(&Client::from_conf(config), "key").await, b"1");
        assert_eq!(server.requests(), ["GET key"; 3]);
    });
}

#[test]
fn closes_the_connection_before_the_answer() {
    with_server(async |server, client| {
        server.put(BUCKET, "key", b"1".to_vec(), &[]);
        server.fault("key", Fault::Reset, Some(1));
        let got = client.get_object().bucket(BUCKET).key("key").send().await;
        assert!(matches!(got, Err(SdkError::DispatchFailure(_))), "{got:?}");
        assert_eq!(body_of(&client, "key").await, b"1");
    });
}

#[test]
fn breaks_off_in_the_body() {
    with_server(async |server, client| {
        server.put(BUCKET, "key", b"0123456789".to_vec(), &[]);
        for length in [0, 4, 9] {
            server.fault("key", Fault::ShortBody(length), Some(1));
            let answer = client.get_object().bucket(BUCKET).key("key").send().await.unwrap();
            assert_eq!(answer.content_length(), Some(10), "the whole length is promised");
            let (mut body, mut received) = (answer.body, Vec::new());
            let error = loop {
                match body.next().await.expect("an end in error") {
                    Ok(bytes) => received.extend(bytes),
                    Err(error) => break error,
                }
            };
            assert_eq!(received, &b"0123456789"[..length], "{error}");
        }
        server.fault("list:", Fault::ShortBody(40), Some(1));
        client.list_objects_v2().bucket(BUCKET).send().await.unwrap_err();
        assert_eq!(body_of(&client, "key").await, b"0123456789");
    });
}

#[test]
fn stalls_after_the_headers() {
    with_server(async |server, client| {
        server.put(BUCKET, "key", b"0123456789".to_vec(), &[]);
        server.fault("key", Fault::Stall, Some(1));
        let answer = client.get_object().bucket(BUCKET).key("key").send().await.unwrap();
        assert_eq!(answer.content_length(), Some(10));
        let waited = timeout(Duration::from_millis(300), answer.body.collect()).await;
        assert!(waited.is_err(), "nothing comes");
        assert_eq!(body_of(&client, "key").await, b"0123456789");

        server.fault("key", Fault::Stall, Some(1));
        let stalled = client.get_object().bucket(BUCKET).key("key").send().await.unwrap();
        drop(server);
        timeout(Duration::from_secs(10), stalled.body.collect())
            .await
            .expect("the end of the server ends the connection")
            .unwrap_err();
    });
}

#[test]
fn answers_garbage() {
    with_server(async |server, client| {
        server.put(BUCKET, "key", b"1".to_vec(), &[("signature", "00")]);
        server.fault("key", Fault::Garbage, Some(1));
        let answer = client.get_object().bucket(BUCKET).key("key").send().await.unwrap();
        assert_eq!(answer.content_type(), Some("text/html"));
        assert!(answer.metadata().is_none_or(|m| m.is_empty()));
        assert!(answer.body.collect().await.unwrap().to_vec().starts_with(b"<!DOCTYPE html>"));
    });
}
