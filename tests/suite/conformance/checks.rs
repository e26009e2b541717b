//! The checks, and the objects that they are made on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::{Arc, Barrier};

use trailseal::internals::model::{ChainKind, Metadata};
use trailseal::internals::store::{
    AbsenceMeaning, Body, Entry, KeptMetadata, ObjectTimes, Put, Requests, Store, StoreError,
    Writes,
};

use crate::common::{at, digest_name, log_key};

/// An object that a store holds before it is held to anything.
#[derive(Debug, Clone)]
pub(super) struct Seeded {
    pub key: String,
    pub body: Vec<u8>,
    pub metadata: Metadata,
}

/// Names that the way into a store allows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Whatever S3 and a file system share.
    Any,
    /// No percent signs and brackets.
    #[cfg_attr(not(feature = "object-store"), allow(dead_code))]
    Plain,
}

/// Folder of the odd names.
const ODD: &str = "AWSLogs/odd names/";
/// More than any store reads or sends in one piece.
const LARGE: usize = 3 << 20;

fn digest_key() -> String {
    digest_name(at(1, 0), ChainKind::Standard).to_string()
}

/// Digests with metadata, log files, and names that must survive any encoding.
pub(super) fn objects(names: Names) -> Vec<Seeded> {
    let signature = "0f".repeat(256);
    let signed = Metadata::default().with("signature", signature).with("note", "of a test");
    let object = |key: &str, body: &[u8], metadata: &Metadata| Seeded {
        key: key.to_owned(),
        body: body.to_vec(),
        metadata: metadata.clone(),
    };
    let none = Metadata::default();
    let large: Vec<u8> = (0..LARGE).map(|n| (n % 251) as u8).collect();
    let mut all = vec![
        object(&digest_key(), b"a digest", &signed),
        object(&log_key(0), b"a log file", &none),
        object(&log_key(1), b"another", &none),
        object("AWSLogs/large", &large, &none),
        object("AWSLogs/empty", b"", &none),
        // Names that extend each other, as objects and as folders.
        object("AWSLogs/one", b"1", &none),
        object("AWSLogs/one-more", b"2", &none),
        object("AWSLogs/one.d/inside", b"3", &none),
        object("AWSLogs/deep/er/and/deep/er", b"4", &none),
        object("beside", b"5", &none),
    ];
    let plain =
        ["with space", "plus+sign", "quote's", "a&b=c", "at@(1),;!$", "umlaut \u{fc}", "\u{1f512}"];
    let any = ["percent%41", "100%", "[brackets]{}", "tilde~^"];
    let odd = plain.iter().chain(any.iter().filter(|_| names == Names::Any));
    all.extend(odd.map(|name| object(&format!("{ODD}{name}"), name.as_bytes(), &none)));
    all
}

/// Holds a store to all of it.
pub(super) fn hold(store: &Arc<dyn Store>, objects: &[Seeded]) {
    listings_show_what_is_there(store, objects);
    a_folder_that_is_not_there_holds_nothing(store);
    objects_are_read_whole(store, objects);
    reading_in_pieces_and_letting_go_does_no_harm(store, objects);
    readers_do_not_disturb_each_other(store, objects);
    what_is_not_there_is_not_found(store);
    impossible_keys_are_never_read(store);
    the_profile_is_true(store, objects);
    match store.profile().writes {
        Writes::Refused => nothing_is_written(store),
        Writes::IfAbsent => {
            an_object_is_put_once(store);
            what_cannot_be_read_is_not_put(store);
            one_of_many_writers_wins(store);
            drop(store.lock().unwrap());
            drop(store.lock().unwrap());
        }
    }
    listings_show_what_is_there(store, objects);
}

fn list(store: &dyn Store, folder: &str) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    store.list(folder, &mut |entry| entries.push(entry)).map(|()| entries)
}

/// Reads an object, and once more for its bytes alone: that must come to the same.
fn read(store: &dyn Store, key: &str) -> Result<(Vec<u8>, Result<Metadata, String>), StoreError> {
    let bytes_of = |mut body: Body| {
        let mut bytes = Vec::new();
        let read = body.read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|error| StoreError::Trouble(error.to_string()))
    };
    let alone = store.get_body(key).and_then(bytes_of);
    let whole = store.get(key).and_then(|object| Ok((bytes_of(object.body)?, object.metadata)));
    match (&alone, &whole) {
        (Ok(alone), Ok((bytes, _))) => assert!(alone == bytes, "{key}: other bytes alone"),
        (Err(alone), Err(whole)) => {
            let absent = |error: &StoreError| matches!(error, StoreError::NotFound);
            assert_eq!(absent(alone), absent(whole), "{key}: {alone} and {whole}");
        }
        _ => panic!("{key}: opened in one way only"),
    }
    whole
}

/// Sizes of all objects below a folder, found folder by folder.
fn walk(store: &dyn Store, folder: &str, found: &mut BTreeMap<String, u64>) {
    let mut folders = BTreeSet::new();
    for entry in list(store, folder).unwrap() {
        match entry {
            Entry::Folder(key) => {
                let name = key.strip_prefix(folder).and_then(|name| name.strip_suffix('/'));
                let name = name.unwrap_or_else(|| panic!("{key} lies in {folder}"));
                assert!(!name.is_empty() && !name.contains('/'), "{key} in {folder}");
                assert!(folders.insert(key.clone()), "{key} is listed once");
            }
            Entry::Object { key, size, .. } => {
                let name = key.strip_prefix(folder).unwrap_or_else(|| panic!("{key}, {folder}"));
                assert!(!name.is_empty() && !name.contains('/'), "{key} in {folder}");
                assert_eq!(found.insert(key.clone(), size), None, "{key} is listed once");
            }
            Entry::Unreadable { key, cause } => panic!("{key}: {cause}"),
        }
    }
    for folder in folders {
        walk(store, &folder, found);
    }
}

fn listings_show_what_is_there(store: &Arc<dyn Store>, objects: &[Seeded]) {
    let mut found = BTreeMap::new();
    walk(&**store, "", &mut found);
    found.retain(|key, _| !key.starts_with(WRITTEN));
    let there: BTreeMap<_, _> =
        objects.iter().map(|object| (object.key.clone(), object.body.len() as u64)).collect();
    assert_eq!(found, there);
}

fn a_folder_that_is_not_there_holds_nothing(store: &Arc<dyn Store>) {
    // The second and third begin like something that is there.
    for folder in ["nothing/", "AWSLogs/on/", "AWSLo/", "AWSLogs/one/"] {
        match list(&**store, folder) {
            Err(StoreError::NotFound) => {}
            Ok(entries) => assert_eq!(entries, [], "{folder}"),
            Err(error) => panic!("{folder}: {error}"),
        }
    }
}

fn objects_are_read_whole(store: &Arc<dyn Store>, objects: &[Seeded]) {
    for Seeded { key, body, metadata } in objects {
        for _ in 0..2 {
            let (bytes, read) = read(&**store, key).unwrap_or_else(|e| panic!("{key}: {e}"));
            assert!(bytes == *body, "{key}: {} bytes of {}", bytes.len(), body.len());
            assert_eq!(read.as_ref(), Ok(metadata), "{key}");
        }
    }
}

fn reading_in_pieces_and_letting_go_does_no_harm(store: &Arc<dyn Store>, objects: &[Seeded]) {
    let large = objects.iter().find(|object| object.body.len() == LARGE).unwrap();
    let mut body = store.get(&large.key).unwrap().body;
    let mut begun = [0; 7];
    body.read_exact(&mut begun).unwrap();
    assert_eq!(body.read(&mut []).unwrap(), 0);
    drop(body);
    let mut body = store.get(&large.key).unwrap().body;
    let mut bytes = Vec::new();
    let mut piece = [0; 4099];
    loop {
        match body.read(&mut piece).unwrap() {
            0 => break,
            n => bytes.extend_from_slice(&piece[..n]),
        }
    }
    assert!(bytes == large.body);
    assert_eq!(body.read(&mut piece).unwrap(), 0, "the end is the end");
}

fn readers_do_not_disturb_each_other(store: &Arc<dyn Store>, objects: &[Seeded]) {
    std::thread::scope(|scope| {
        for first in 0..4 {
            scope.spawn(move || {
                // Each in an order of its own.
                let order = objects.iter().cycle().skip(first * 3).take(objects.len());
                for Seeded { key, body, .. } in order {
                    let (bytes, _) = read(&**store, key).unwrap_or_else(|e| panic!("{key}: {e}"));
                    assert!(bytes == *body, "{key}");
                }
                let mut found = BTreeMap::new();
                walk(&**store, ODD, &mut found);
                assert!(found.len() >= 7);
            });
        }
    });
}

fn what_is_not_there_is_not_found(store: &Arc<dyn Store>) {
    let gone = digest_name(at(2, 0), ChainKind::Standard).to_string();
    for key in [&*gone, "nothing", "nothing/below", "AWSLogs/on", "AWSLogs/one.", "AWSLogs/one-"] {
        let error = read(&**store, key).map(|(bytes, _)| bytes).unwrap_err();
        assert_eq!(error, StoreError::NotFound, "{key}");
    }
    // An object is no folder, and a folder no object, which not every store takes for absence.
    read(&**store, "AWSLogs/one/below").unwrap_err();
    read(&**store, "AWSLogs/deep").unwrap_err();
}

fn impossible_keys_are_never_read(store: &Arc<dyn Store>) {
    for key in ["", "/", "../x", "AWSLogs/../beside", "./beside", "AWSLogs//one", "/beside", "a\0b"]
    {
        assert!(read(&**store, key).is_err(), "{key:?}");
    }
}

fn the_profile_is_true(store: &Arc<dyn Store>, objects: &[Seeded]) {
    let profile = store.profile();
    assert_eq!(profile, store.profile());
    assert!(!store.name().is_empty());
    assert_eq!(profile.is_bucket(), profile.absence == AbsenceMeaning::Certain);
    if profile.absence == AbsenceMeaning::Certain {
        assert!(store.bucket().is_some(), "a bucket knows its name");
    }
    if profile.times == ObjectTimes::Delivery {
        for folder in ["", "AWSLogs/", ODD] {
            for entry in list(&**store, folder).unwrap() {
                let timed = !matches!(entry, Entry::Object { modified: None, .. });
                assert!(timed, "it knows when {entry:?} was delivered");
            }
        }
    }
    if profile.metadata == KeptMetadata::Always {
        let digest = objects.iter().find(|object| !object.metadata.0.is_empty()).unwrap();
        assert_eq!(read(&**store, &digest.key).unwrap().1.as_ref(), Ok(&digest.metadata));
    }
    if let Requests::AtOnce { verifying, copying } = profile.requests {
        assert!((1..=1000).contains(&verifying) && (1..=1000).contains(&copying));
    }
    if let Some(before) = store.requests() {
        drop(read(&**store, "AWSLogs/one").unwrap());
        assert!(store.requests() > Some(before), "it counts its requests");
    }
}

/// Folder of what the checks write.
const WRITTEN: &str = "written/";

fn nothing_is_written(store: &Arc<dyn Store>) {
    for key in ["written/new", "AWSLogs/one"] {
        let put = store.put_new(key, b"new", &Metadata::default());
        assert!(matches!(put, Err(StoreError::Trouble(_) | StoreError::Unwritable(_))), "{put:?}");
        let put = store.put_new_from(key, &mut &b"new"[..], &Metadata::default());
        assert!(matches!(put, Err(StoreError::Trouble(_) | StoreError::Unwritable(_))), "{put:?}");
    }
    assert_eq!(read(&**store, "written/new").unwrap_err(), StoreError::NotFound);
    assert_eq!(read(&**store, "AWSLogs/one").unwrap().0, b"1");
}

fn an_object_is_put_once(store: &Arc<dyn Store>) {
    let key = "written/CloudTrail-Digest/r/2026/03/01/once.json.gz";
    let metadata = Metadata::default().with("signature", "aa");
    assert_eq!(store.put_new(key, b"first", &metadata), Ok(Put::Created));
    let other = Metadata::default().with("signature", "bb");
    assert_eq!(store.put_new(key, b"second", &other), Ok(Put::Exists));
    assert_eq!(store.put_new_from(key, &mut &b"third"[..], &other), Ok(Put::Exists));
    assert_eq!(read(&**store, key).unwrap(), (b"first".to_vec(), Ok(metadata.clone())));
    let large = vec![7; LARGE];
    let put = store.put_new_from("written/large", &mut &*large, &Metadata::default());
    assert_eq!(put, Ok(Put::Created));
    assert!(read(&**store, "written/large").unwrap().0 == large);
    let listed = list(&**store, WRITTEN).unwrap();
    let is_large = |entry: &Entry| matches!(entry, Entry::Object { key, size, .. } if key == "written/large" && *size == LARGE as u64);
    assert_eq!(listed.iter().filter(|entry| is_large(entry)).count(), 1, "{listed:?}");
}

fn what_cannot_be_read_is_not_put(store: &Arc<dyn Store>) {
    struct Broken(usize);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = buffer.len().min(self.0);
            self.0 -= n;
            if n == 0 { Err(io::Error::other("broken")) } else { Ok(n) }
        }
    }
    for bytes in [0, 100_000] {
        let put = store.put_new_from("written/broken", &mut Broken(bytes), &Metadata::default());
        assert!(put.is_err(), "{put:?}");
        assert_eq!(read(&**store, "written/broken").unwrap_err(), StoreError::NotFound);
    }
    let listed = list(&**store, WRITTEN).unwrap();
    assert!(!format!("{listed:?}").contains("broken"), "{listed:?}");
}

fn one_of_many_writers_wins(store: &Arc<dyn Store>) {
    const WRITERS: u8 = 8;
    let start = Barrier::new(WRITERS.into());
    let put = |own: u8| {
        let body = vec![own; 10_000];
        start.wait();
        (own, store.put_new("written/race", &body, &Metadata::default()).unwrap())
    };
    let put = &put;
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|own| scope.spawn(move || put(own))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let winners: Vec<_> =
        outcomes.iter().filter(|(_, put)| *put == Put::Created).map(|(own, _)| *own).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert_eq!(read(&**store, "written/race").unwrap().0, vec![winners[0]; 10_000]);
}
