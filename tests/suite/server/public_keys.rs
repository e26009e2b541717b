//! ListPublicKeys.

use aws_sdk_s3::primitives::DateTime;

use super::server::Fault;
use super::{cloudtrail_client, code_of, with_server};

/// Five keys, each valid for 300 s, one every 200 s.
fn key_list() -> String {
    let key = |n: i64| {
        let (start, end) = (n * 200, n * 200 + 300);
        // Times as people have them.
        let start = match n {
            0 => r#""1970-01-01T00:00:00Z""#.to_owned(),
            1 => format!("\"{start}\""),
            _ => format!("{start}.0"),
        };
        format!(
            r#"{{"Value":"AAEC","Fingerprint":"{n:032}","ValidityStartTime":{start},"ValidityEndTime":{end}}}"#
        )
    };
    format!(r#"{{"PublicKeyList":[{}]}}"#, (0..5).map(key).collect::<Vec<_>>().join(","))
}

#[test]
fn lists_public_keys_of_a_region_and_time_in_pages() {
    with_server(async |server, _client| {
        server.publish_keys("us-east-1", &key_list());
        let client = cloudtrail_client(&server, "us-east-1");
        let list = |start, end| {
            let request = client.list_public_keys();
            request.start_time(DateTime::from_secs(start)).end_time(DateTime::from_secs(end))
        };
        for (start, end, expected) in [
            (0, 2000, vec![0, 1, 2, 3, 4]),
            (0, 450, vec![0, 1, 2]),
            (250, 350, vec![0, 1]),
            (301, 399, vec![1]),
            (1100, 1100, vec![4]),
            (1101, 2000, vec![]),
        ] {
            server.clear_requests();
            let mut pages = list(start, end).into_paginator().send();
            let mut found = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.unwrap();
                assert!(page.public_key_list().len() <= 2);
                found.extend_from_slice(page.public_key_list());
            }
            let numbers: Vec<_> = expected.iter().map(|n| format!("{n:032}")).collect();
            let fingerprints: Vec<_> = found.iter().map(|k| k.fingerprint().unwrap()).collect();
            assert_eq!(fingerprints, numbers, "{start}..{end}");
            assert_eq!(server.requests().len(), expected.len().div_ceil(2).max(1));
            for (key, n) in found.iter().zip(expected) {
                assert_eq!(key.value().unwrap().as_ref(), [0, 1, 2]);
                let validity = (key.validity_start_time().unwrap(), key.validity_end_time());
                let times = [n * 200, n * 200 + 300].map(DateTime::from_secs);
                assert_eq!(validity, (&times[0], Some(&times[1])));
            }
        }

        let token = list(0, 2000).send().await.unwrap().next_token().unwrap().to_owned();
        list(0, 2000).next_token(&token).send().await.unwrap();
        let other_times = list(0, 1999).next_token(&token).send().await;
        assert_eq!(code_of(other_times), (400, "InvalidTokenException".to_owned()));
        let backwards = list(2, 1).send().await;
        assert_eq!(code_of(backwards), (400, "InvalidTimeRangeException".to_owned()));
        // Without times: the keys of now.
        let now = client.list_public_keys().send().await.unwrap();
        assert!(now.public_key_list().is_empty());
        let elsewhere = cloudtrail_client(&server, "eu-west-1").list_public_keys();
        let elsewhere = elsewhere.start_time(DateTime::from_secs(0)).send().await.unwrap();
        assert!(elsewhere.public_key_list().is_empty());
    });
}

#[test]
fn refuses_what_cloudtrail_is_asked() {
    with_server(async |server, _client| {
        server.publish_keys("us-east-1", &key_list());
        let client = cloudtrail_client(&server, "us-east-1");
        server.fault("keys:us-east", Fault::Status(400, "ThrottlingException"), Some(1));
        let throttled = client.list_public_keys().send().await;
        assert_eq!(code_of(throttled), (400, "ThrottlingException".to_owned()));
        client.list_public_keys().send().await.unwrap();
        server.deny_keys();
        let denied = client.list_public_keys().send().await;
        assert_eq!(code_of(denied), (400, "AccessDeniedException".to_owned()));
        assert!(client.describe_trails().send().await.unwrap().trail_list().is_empty());
        let status = client.get_trail_status().name("trail").send().await;
        assert_eq!(code_of(status), (400, "TrailNotFoundException".to_owned()));
        let selectors = client.get_event_selectors().trail_name("trail").send().await;
        assert_eq!(code_of(selectors), (400, "UnknownOperationException".to_owned()));
    });
}
