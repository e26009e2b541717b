//! Objects: conditional puts, what is stored with the bytes, parts, the archive.

use std::collections::BTreeMap;
use std::fs;

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::ObjectStorageClass;

use super::{BUCKET, code_of, with_server};

#[test]
fn of_twenty_writers_one_wins() {
    with_server(async |server, client| {
        let writers: Vec<_> = (0..20_u8)
            .map(|n| {
                let client = client.clone();
                tokio::spawn(async move {
                    let body = ByteStream::from(vec![n]);
                    let put = client.put_object().bucket(BUCKET).key("seal").body(body);
                    put.if_none_match("*").send().await.map(|_| n)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for writer in writers {
            match writer.await.unwrap() {
                Ok(n) => winners.push(n),
                refused => {
                    assert_eq!(code_of(refused), (412, "PreconditionFailed".to_owned()));
                }
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(server.get(BUCKET, "seal"), Some(winners));

        let put = client.put_object().bucket(BUCKET).key("seal");
        put.body(ByteStream::from_static(b"over")).send().await.unwrap();
        assert_eq!(server.get(BUCKET, "seal").unwrap(), b"over");
        client.delete_object().bucket(BUCKET).key("seal").send().await.unwrap();
        let put = client.put_object().bucket(BUCKET).key("seal").if_none_match("*");
        put.send().await.unwrap();
    });
}

#[test]
fn keeps_what_belongs_to_an_object() {
    with_server(async |server, client| {
        client
            .put_object()
            .bucket(BUCKET)
            .key("log.json.gz")
            .body(ByteStream::from_static(b"0123456789"))
            .metadata("signature", "00ff")
            .content_encoding("gzip")
            .content_type("application/json")
            .send()
            .await
            .unwrap();
        let expected = BTreeMap::from([("signature".to_owned(), "00ff".to_owned())]);
        assert_eq!(server.metadata(BUCKET, "log.json.gz"), Some(expected));
        let time = "2026-03-01T10:20:30Z".parse().unwrap();
        server.modified(BUCKET, "log.json.gz", time);

        let head = client.head_object().bucket(BUCKET).key("log.json.gz").send().await.unwrap();
        assert_eq!(head.metadata().unwrap()["signature"], "00ff");
        assert_eq!(head.content_length(), Some(10));
        let get = || client.get_object().bucket(BUCKET).key("log.json.gz");
        let answer = get().send().await.unwrap();
        assert_eq!(answer.metadata().unwrap()["signature"], "00ff");
        assert_eq!(answer.content_encoding(), Some("gzip"));
        assert_eq!(answer.content_type(), Some("application/json"));
        assert_eq!(answer.e_tag(), Some("\"781e5e245d69b566979b86e28d23f2c7\""), "MD5");
        let seconds = DateTime::from_secs(time.as_second());
        assert_eq!(answer.last_modified(), Some(&seconds));
        let page = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        assert_eq!(page.contents()[0].last_modified(), Some(&seconds));
        assert_eq!(page.contents()[0].size(), Some(10));
        assert_eq!(page.contents()[0].e_tag(), answer.e_tag());

        let part = get().range("bytes=2-4").send().await.unwrap();
        assert_eq!(part.content_range(), Some("bytes 2-4/10"));
        assert_eq!(part.content_length(), Some(3));
        assert_eq!(&part.body.collect().await.unwrap().to_vec(), b"234");
        let rest = get().range("bytes=8-").send().await.unwrap();
        assert_eq!(&rest.body.collect().await.unwrap().to_vec(), b"89");
        let end = get().range("bytes=-3").send().await.unwrap();
        assert_eq!(&end.body.collect().await.unwrap().to_vec(), b"789");
        let outside = get().range("bytes=10-").send().await;
        assert_eq!(code_of(outside), (416, "InvalidRange".to_owned()));

        let same = get().if_match(answer.e_tag().unwrap()).send().await.unwrap();
        assert_eq!(same.content_length(), Some(10));
        let changed = get().if_match("\"other\"").send().await;
        assert_eq!(code_of(changed), (412, "PreconditionFailed".to_owned()));
        let missing = client.get_object().bucket(BUCKET).key("none").send().await;
        assert_eq!(code_of(missing), (404, "NoSuchKey".to_owned()));
        let missing = client.head_object().bucket(BUCKET).key("none").send().await;
        assert_eq!(code_of(missing).0, 404);
    });
}

#[test]
fn an_archived_object_is_listed_but_not_given() {
    with_server(async |server, client| {
        server.put(BUCKET, "old", b"1".to_vec(), &[]);
        server.archive(BUCKET, "old");
        let got = client.get_object().bucket(BUCKET).key("old").send().await;
        assert_eq!(code_of(got), (403, "InvalidObjectState".to_owned()));
        let page = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        assert_eq!(page.contents()[0].storage_class(), Some(&ObjectStorageClass::Glacier));
    });
}

#[test]
fn loads_a_tree() {
    let dir = crate::common::scratch();
    let folder = dir.path().join("AWSLogs/1/CloudTrail-Digest");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("d.json.gz"), "digest").unwrap();
    let sidecar = r#"{"ContentLength":6,"Metadata":{"signature":"00ff"}}"#;
    fs::write(folder.join("d.json.gz.metadata.json"), sidecar).unwrap();
    fs::write(folder.join("e.json.gz"), "no sidecar").unwrap();
    fs::write(dir.path().join("public-keys.json"), "{}").unwrap();
    with_server(async |server, client| {
        server.load(BUCKET, "some/prefix/", dir.path());
        let keys = ["d.json.gz", "e.json.gz"]
            .map(|name| format!("some/prefix/AWSLogs/1/CloudTrail-Digest/{name}"));
        assert_eq!(server.keys(BUCKET), keys);
        assert_eq!(server.metadata(BUCKET, &keys[1]), Some(BTreeMap::new()));
        let answer = client.get_object().bucket(BUCKET).key(&keys[0]).send().await.unwrap();
        assert_eq!(answer.metadata().unwrap()["signature"], "00ff");
        assert_eq!(answer.content_encoding(), Some("gzip"));
        assert_eq!(answer.body.collect().await.unwrap().to_vec(), b"digest");
    });
}
