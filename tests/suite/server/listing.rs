//! Listings: pages, groups and odd keys.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;

use super::{BUCKET, body_of, code_of, with_server};

fn keys_of(page: &ListObjectsV2Output) -> Vec<&str> {
    page.contents().iter().map(|object| object.key().unwrap()).collect()
}

fn groups_of(page: &ListObjectsV2Output) -> Vec<&str> {
    page.common_prefixes().iter().map(|group| group.prefix().unwrap()).collect()
}

#[test]
fn lists_in_pages_with_groups_in_between() {
    with_server(async |server, client| {
        let keys =
            ["a", "b/1", "b/2", "b/\u{10FFFF}z", "b0", "c/d/1", "c/e/2", "c/e/3", "c/f", "d"];
        for key in keys {
            server.put(BUCKET, key, key.into(), &[]);
        }
        assert_eq!(server.keys(BUCKET), keys);

        for page_size in [1, 2, 3, 1000] {
            let (mut all, mut token, mut pages) = (Vec::new(), None, 0);
            loop {
                let page = client
                    .list_objects_v2()
                    .bucket(BUCKET)
                    .delimiter("/")
                    .max_keys(page_size)
                    .set_continuation_token(token)
                    .send()
                    .await
                    .unwrap();
                all.extend(keys_of(&page).into_iter().map(str::to_owned));
                all.extend(groups_of(&page).into_iter().map(str::to_owned));
                assert!(page.key_count().unwrap() <= page_size);
                pages += 1;
                token = page.next_continuation_token().map(str::to_owned);
                assert_eq!(page.is_truncated(), Some(token.is_some()));
                if token.is_none() {
                    break;
                }
            }
            all.sort();
            assert_eq!(all, ["a", "b/", "b0", "c/", "d"], "pages of {page_size}");
            assert_eq!(pages, 5_i32.div_euclid(page_size) + i32::from(5 % page_size != 0));
        }

        let list = || client.list_objects_v2().bucket(BUCKET);
        let below = list().prefix("c/").delimiter("/").send().await.unwrap();
        assert_eq!((keys_of(&below), groups_of(&below)), (vec!["c/f"], vec!["c/d/", "c/e/"]));
        let after = list().prefix("c/").start_after("c/e/2").send().await.unwrap();
        assert_eq!(keys_of(&after), ["c/e/3", "c/f"]);
        let before = list().prefix("c/").start_after("a").send().await.unwrap();
        assert_eq!(before.key_count(), Some(4));
        let behind = list().prefix("c/").start_after("d").send().await.unwrap();
        assert_eq!(behind.key_count(), Some(0));

        let foreign = list().continuation_token("a").send().await;
        assert_eq!(code_of(foreign), (400, "InvalidArgument".to_owned()));
        let missing = client.list_objects_v2().bucket("other").send().await;
        assert_eq!(code_of(missing), (404, "NoSuchBucket".to_owned()));
    });
}

#[test]
fn lists_by_markers_too() {
    with_server(async |server, client| {
        for key in ["a", "b/1", "b/2", "b0", "c d/1", "c d/2", "e"] {
            server.put(BUCKET, key, key.into(), &[]);
        }
        for (delimiter, expected) in [
            (None, vec!["a", "b/1", "b/2", "b0", "c d/1", "c d/2", "e"]),
            (Some("/"), vec!["a", "b/", "b0", "c d/", "e"]),
        ] {
            for page_size in [1, 2, 3, 1000] {
                let (mut all, mut marker) = (Vec::new(), None::<String>);
                loop {
                    let list = client.list_objects().bucket(BUCKET).max_keys(page_size);
                    let list = list.set_delimiter(delimiter.map(str::to_owned));
                    let page = list.set_marker(marker.clone()).send().await.unwrap();
                    assert_eq!(page.marker().map(str::to_owned), marker);
                    let keys: Vec<_> = page.contents().iter().map(|o| o.key().unwrap()).collect();
                    let groups = page.common_prefixes().iter().map(|group| group.prefix().unwrap());
                    all.extend(keys.iter().copied().chain(groups).map(str::to_owned));
                    if page.is_truncated() != Some(true) {
                        assert_eq!(page.next_marker(), None);
                        break;
                    }
                    // Told only with groups; else the last key is the marker.
                    assert_eq!(page.next_marker().is_some(), delimiter.is_some());
                    let last = page.next_marker().or(keys.last().copied());
                    marker = last.map(str::to_owned);
                }
                all.sort();
                assert_eq!(all, expected, "pages of {page_size} by {delimiter:?}");
            }
        }

        let list = || client.list_objects().bucket(BUCKET).encoding_type(EncodingType::Url);
        let page = list().prefix("c ").marker("c d/1").send().await.unwrap();
        let keys: Vec<_> = page.contents().iter().map(|object| object.key().unwrap()).collect();
        assert_eq!((keys, page.marker()), (vec!["c+d/2"], Some("c+d/1")));
        let behind = list().marker("e").send().await.unwrap();
        assert_eq!((behind.contents().len(), behind.is_truncated()), (0, Some(false)));
        assert_eq!(server.requests().last().unwrap(), "LIST ");
        let missing = client.list_objects().bucket("other").send().await;
        assert_eq!(code_of(missing), (404, "NoSuchBucket".to_owned()));
    });
}

#[test]
fn a_thousand_keys_fill_a_page() {
    with_server(async |server, client| {
        for n in 0..2001 {
            server.put(BUCKET, &format!("{n:04}"), Vec::new(), &[]);
        }
        let mut pages = client.list_objects_v2().bucket(BUCKET).into_paginator().send();
        let mut counts = Vec::new();
        while let Some(page) = pages.next().await {
            counts.push(page.unwrap().key_count().unwrap());
        }
        assert_eq!(counts, [1000, 1000, 1]);
    });
}

#[test]
fn keys_may_be_odd() {
    with_server(async |server, client| {
        let odd = ["\u{1}", "a b", "a%20b", "a&<b>", "a+b", "a/../b", "a//b", "é", "日本\u{1F600}"];
        for key in odd {
            let body = ByteStream::from(key.as_bytes().to_vec());
            client.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
        }
        assert_eq!(server.keys(BUCKET), odd);
        for key in odd {
            assert_eq!(body_of(&client, key).await, key.as_bytes(), "{key}");
            assert_eq!(server.requests().last().unwrap(), &format!("GET {key}"));
        }

        let list = || client.list_objects_v2().bucket(BUCKET).encoding_type(EncodingType::Url);
        let page = list().send().await.unwrap();
        assert_eq!(page.encoding_type(), Some(&EncodingType::Url));
        assert_eq!(
            keys_of(&page),
            [
                "%01",
                "a+b",
                "a%2520b",
                "a%26%3Cb%3E",
                "a%2Bb",
                "a/../b",
                "a//b",
                "%C3%A9",
                "%E6%97%A5%E6%9C%AC%F0%9F%98%80"
            ]
        );
        let page = list().prefix("a").delimiter(" ").start_after("a").send().await.unwrap();
        assert_eq!(groups_of(&page), ["a+"]);
        assert_eq!((page.prefix(), page.delimiter()), (Some("a"), Some("+")));

        // As they are: the first is one that XML cannot say.
        client.list_objects_v2().bucket(BUCKET).send().await.unwrap_err();
        server.delete(BUCKET, odd[0]);
        let page = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        assert_eq!(keys_of(&page), odd[1..]);
        let page = client.list_objects_v2().bucket(BUCKET).prefix("a+").send().await.unwrap();
        assert_eq!(keys_of(&page), ["a+b"]);
    });
}
