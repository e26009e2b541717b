//! What every store must do, whatever it is: one set of checks over each kind. A new kind is added
//! as a test here that puts [`checks::objects`] into it and calls [`checks::hold`].

mod checks;
#[cfg(feature = "object-store")]
mod clouds;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use trailseal::internals::model::Sha256Hash;
use trailseal::internals::run::evidence::open_unchecked;
use trailseal::internals::run::verify::SourceForm;
#[cfg(feature = "aws")]
use trailseal::internals::store::Put;
use trailseal::internals::store::{DirectoryStore, Recorder, Store};

use crate::common::BUCKET;
use crate::common::scratch;
use checks::{Names, Seeded, hold, objects};

/// Writes the objects as files, their metadata beside them.
fn write(root: &Path, objects: &[Seeded]) {
    for object in objects {
        let path = root.join(&object.key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &object.body).unwrap();
        if !object.metadata.0.is_empty() {
            let sidecar = root.join(format!("{}.metadata.json", object.key));
            fs::write(sidecar, object.metadata.render()).unwrap();
        }
    }
}

fn directory(root: &Path) -> Arc<dyn Store> {
    Arc::new(DirectoryStore::open(root, "directory").unwrap())
}

#[test]
fn a_directory() {
    let root = scratch();
    let objects = objects(Names::Any);
    write(root.path(), &objects);
    hold(&directory(root.path()), &objects);
}

#[test]
fn a_recorder_around_a_directory() {
    for keep in [|_: &str| true, |_: &str| false] {
        let (root, kept) = (scratch(), scratch());
        let objects = objects(Names::Any);
        write(root.path(), &objects);
        let failed = Box::new(|| panic!("nothing fails"));
        let recorder = Arc::new(Recorder::new(kept.path(), keep, 1 << 20, failed));
        hold(&recorder.record(0, directory(root.path())), &objects);
        assert!(recorder.finish().unwrap().len() >= objects.len());
    }
}

#[test]
fn a_bag_of_a_bucket_and_of_a_copy() {
    let head = "path,packed,kind,source,size,sha256,delivered,acquired,by,result,code,note\n";
    for (form, bucket, delivered) in [
        (SourceForm::Bucket, BUCKET, "2026-03-01T01:00:00Z"),
        (SourceForm::Copy, "~unknown", ""),
        (SourceForm::Copy, BUCKET, ""),
    ] {
        let bag = scratch();
        let objects = objects(Names::Any);
        let inside = bag.path().join("data/objects").join(bucket);
        write(&inside, &objects);
        let rows = objects.iter().map(|object| {
            let Seeded { key, body, .. } = object;
            let (size, hash) = (body.len(), Sha256Hash::of(body));
            let key = key.replace('"', "\"\"");
            format!("\"data/objects/{bucket}/{key}\",yes,other,s,{size},{hash},{delivered},,b,,,\n")
        });
        let table = rows.fold(head.to_owned(), |table, row| table + &row);
        fs::write(bag.path().join("data/custody.csv"), table).unwrap();
        let stores = open_unchecked(bag.path(), form).unwrap();
        assert_eq!(stores.len(), 1);
        hold(&stores[0], &objects);
    }
}

#[cfg(feature = "aws")]
mod in_a_bucket {
    use super::*;
    use std::env;
    use std::process::Command;

    use trailseal::internals::aws::{Aws, AwsOptions, Need, S3Store};
    use trailseal::internals::model::BucketName;

    use crate::common::bucket::ENVIRONMENT;
    use crate::common::server::Server;

    const ENDPOINT: &str = "TRAILSEAL_TEST_ENDPOINT";
    const NAME: &str = "TRAILSEAL_TEST_BUCKET";

    /// A bucket of a server that the environment names, with credentials for it. It is filled, and
    /// must be empty. `tests/peer/radosgw.py` runs this against Ceph.
    #[test]
    #[ignore = "slow: needs a server that the environment names"]
    fn a_bucket_that_the_environment_names() {
        let (Ok(endpoint), Ok(bucket)) = (env::var(ENDPOINT), env::var(NAME)) else { return };
        let mut options = AwsOptions::default();
        options.endpoint_url = Some(endpoint);
        let aws = Aws::load(options).unwrap();
        let bucket = BucketName::parse(&bucket).unwrap();
        let store = S3Store::open(&aws, bucket, "", "bucket", Need::Listing).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let objects = objects(Names::Any);
        for Seeded { key, body, metadata } in &objects {
            assert_eq!(store.put_new(key, body, metadata), Ok(Put::Created), "{key}");
        }
        hold(&store, &objects);
    }

    /// In a process of its own: the environment tells it the credentials.
    #[test]
    fn a_bucket_of_a_server_in_this_process() {
        let server = Server::start();
        server.create_bucket(BUCKET);
        let module = module_path!().split_once("::").unwrap().1;
        let test = format!("{module}::a_bucket_that_the_environment_names");
        let ran = Command::new(env::current_exe().unwrap())
            .args(["--exact", &test, "--ignored", "--nocapture"])
            .env_clear()
            .envs(ENVIRONMENT)
            .env(ENDPOINT, server.endpoint())
            .env(NAME, BUCKET)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert!(ran.status.success(), "{}{}", text(&ran.stdout), text(&ran.stderr));
        assert!(text(&ran.stdout).contains("1 passed"), "{}", text(&ran.stdout));
        assert!(!server.keys(BUCKET).is_empty());
    }
}
