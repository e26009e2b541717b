//! The trail, held in memory: two regions, an hour without log files, a late log file in a
//! backfill digest.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::num::NonZero;
use std::sync::{Arc, Mutex, OnceLock};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use trailseal::internals::crypto::SigningKey;
use trailseal::internals::judge::Question;
use trailseal::internals::model::time::{day_folder, format_compact_minutes};
use trailseal::internals::model::{AccountId, BucketName, Metadata, Place, Region, TrailName};
use trailseal::internals::report::RunReport;
use trailseal::internals::run::Silent;
use trailseal::internals::run::seal::{SealRequest, seal};
use trailseal::internals::run::sources::{Filter, Insisted, Sources};
use trailseal::internals::run::verify::{VerifyRequest, verify as run_verify};
use trailseal::internals::store::{
    DirectoryStore, Entry, Object, Profile, Put, Store, StoreError, WriterGuard,
};
use trailseal::internals::verify::digest::Rules;

use super::super::digest::sample_keys;
use super::How;

/// How many hours are sealed.
pub(super) const HOURS: i64 = 5;
pub(super) const TRAIL: &str = "management_events";
const BUCKET: &str = "trailseal-sample";
const ACCOUNT: &str = "111122223333";
/// The regions, and when each has a log file: hour and minute.
const REGIONS: [(&str, &[(i64, i64)]); 2] = [
    ("us-east-1", &[(0, 20), (1, 20), (1, 40), (2, 20), (4, 25)]),
    ("eu-west-1", &[(0, 20), (2, 20), (3, 25)]),
];
/// The log file that comes after its hour was sealed.
const LATE: (&str, i64, i64) = ("us-east-1", 1, 30);

/// An object as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) body: Vec<u8>,
    /// `None` where it cannot be read.
    pub(super) metadata: Option<Metadata>,
}

/// All objects by their keys.
pub(super) type Objects = BTreeMap<String, Stored>;

/// A time of the trail.
pub(super) fn at(hour: i64, minute: i64) -> Timestamp {
    // 2026-03-01T00:00:00Z
    Timestamp::from_second(1_772_323_200 + hour * 3600 + minute * 60).unwrap()
}

/// A log file's key.
pub(super) fn log_key(region: &str, time: Timestamp, unique: char) -> String {
    let (day, minute) = (day_folder(time), format_compact_minutes(time));
    let unique = unique.to_string().repeat(16);
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{region}/{day}/{ACCOUNT}_CloudTrail_{region}_{minute}_{unique}.json.gz"
    )
}

pub(super) fn gzip(content: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The trail as it was sealed, the same in every process.
pub(super) fn trail() -> &'static Objects {
    static TRAIL: OnceLock<Objects> = OnceLock::new();
    TRAIL.get_or_init(|| {
        let store = Arc::new(Memory::default());
        for (region, logs) in REGIONS {
            for (hour, minute) in logs {
                store.put_log(region, at(*hour, *minute));
            }
        }
        seal_until(&store, HOURS - 1);
        store.put_log(LATE.0, at(LATE.1, LATE.2));
        seal_until(&store, HOURS);
        store.objects.lock().unwrap().clone()
    })
}

fn seal_until(store: &Arc<Memory>, hour: i64) {
    let pem = include_str!("../../../testdata/sample/keys/signing-key.pem");
    let key = SigningKey::from_pem("signing-key.pem", pem).unwrap();
    for (region, _) in REGIONS {
        let region = Region::parse(region).unwrap();
        let account = AccountId::parse(ACCOUNT).unwrap();
        let request = SealRequest {
            bucket: BucketName::parse(BUCKET).unwrap(),
            place: Place { prefix: String::new(), organization: None, account },
            home_region: region.clone(),
            region,
            trail: TrailName::parse(TRAIL).unwrap(),
            start: Some(at(0, 0)),
            end: at(hour, 0),
            interval: SignedDuration::from_hours(1),
            expected: Vec::new(),
            validity: None,
            most: None,
            dry_run: false,
            now: at(hour, 5),
            jobs: NonZero::<usize>::MIN,
            stop: trailseal::internals::store::Stop::default(),
        };
        seal(&request, store.clone(), String::new(), &key, &Silent).1.unwrap();
    }
}

/// Verifies objects as the command does.
pub(super) fn verify(objects: &Objects, how: How) -> RunReport {
    let bucket = how.bucket.then(|| BucketName::parse(BUCKET).unwrap());
    let store: Arc<dyn Store> = Arc::new(Memory { objects: Mutex::new(objects.clone()), bucket });
    let keys = sample_keys();
    let rules = if how.bucket { Rules::of_bucket(keys) } else { Rules::of_copy(keys) };
    let question = Question {
        start: Some(how.start()),
        end: Some(how.end()),
        grace: SignedDuration::ZERO,
        as_of: how.bucket.then(|| how.now()),
        bucket_inferred: !how.bucket,
        ..Question::default()
    };
    let request = VerifyRequest {
        question,
        jobs: NonZero::new(how.jobs).unwrap(),
        ..VerifyRequest::of(vec!["memory".into()], how.now())
    };
    let stores = [(store, String::new())];
    let sources = Sources::discover(&stores, &Insisted::default(), Filter::default());
    run_verify(&request, sources, rules, None, &Silent).unwrap()
}

#[derive(Default)]
struct Memory {
    objects: Mutex<Objects>,
    bucket: Option<BucketName>,
}

impl Memory {
    fn put_log(&self, region: &str, time: Timestamp) {
        let key = log_key(region, time, 'A');
        let content = format!(r#"{{"Records":[{{"eventTime":"{time}","at":"{region}"}}]}}"#);
        let body = gzip(content.as_bytes(), Compression::default());
        self.put_new(&key, &body, &Metadata::default()).unwrap();
    }
}

impl Store for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn profile(&self) -> Profile {
        DirectoryStore::PROFILE
    }

    fn bucket(&self) -> Option<&BucketName> {
        self.bucket.as_ref()
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let objects = self.objects.lock().unwrap();
        let inside = objects.range(folder.to_owned()..);
        let (mut last, mut empty) = (String::new(), true);
        for (key, stored) in inside.take_while(|(key, _)| key.starts_with(folder)) {
            empty = false;
            match key[folder.len()..].split_once('/') {
                Some((name, _)) if name == last => {}
                Some((name, _)) => {
                    last = name.to_owned();
                    each(Entry::Folder(format!("{folder}{name}/")));
                }
                None => {
                    let size = stored.body.len() as u64;
                    each(Entry::Object { key: key.clone(), size, modified: None, md5: None });
                }
            }
        }
        if empty && !folder.is_empty() { Err(StoreError::NotFound) } else { Ok(()) }
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let stored = self.objects.lock().unwrap().get(key).cloned().ok_or(StoreError::NotFound)?;
        let metadata = stored.metadata.ok_or_else(|| "it cannot be read".to_owned());
        Ok(Object { body: Box::new(Cursor::new(stored.body)), metadata })
    }

    fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError> {
        let stored = Stored { body: body.to_vec(), metadata: Some(metadata.clone()) };
        self.objects.lock().unwrap().insert(key.to_owned(), stored);
        Ok(Put::Created)
    }

    fn lock(&self) -> Result<WriterGuard, StoreError> {
        Ok(WriterGuard::none())
    }
}
