//! Copies in object stores: in memory, and in a directory by way of the crate.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use object_store::azure::MicrosoftAzureBuilder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt as _, PutOptions};
use tokio::runtime::Runtime;
use trailseal::internals::crypto::{KeyRing, parse_key_file};
use trailseal::internals::model::Metadata;
use trailseal::internals::run::Silent;
use trailseal::internals::run::pool::Stop;
use trailseal::internals::run::sources::{Filter, Insisted, Sources};
use trailseal::internals::run::verify::{VerifyRequest, verify};
use trailseal::internals::store::{CloudOptions, CloudStore, Store, StoreError};
use trailseal::internals::verify::digest::Rules;

use super::checks::{Names, Seeded, hold, objects};
use super::write;
use crate::common::{Tree, at, files_of, log_key, scratch};

fn cloud(objects: Arc<dyn ObjectStore>) -> Arc<dyn Store> {
    Arc::new(CloudStore::new(objects, "cloud", Stop::default()).unwrap())
}

/// Puts objects with their metadata, or these as objects beside them.
fn put(store: &dyn ObjectStore, objects: &[Seeded], beside: bool) {
    let runtime = Runtime::new().unwrap();
    for Seeded { key, body, metadata } in objects {
        let mut attributes = Attributes::new();
        for (name, value) in metadata.0.iter().filter(|_| !beside) {
            attributes.insert(Attribute::Metadata(name.clone().into()), value.clone().into());
        }
        let options = PutOptions { attributes, ..PutOptions::default() };
        let path = Path::parse(key).unwrap();
        runtime.block_on(store.put_opts(&path, body.clone().into(), options)).unwrap();
        if beside && !metadata.0.is_empty() {
            let path = Path::parse(format!("{key}.metadata.json")).unwrap();
            runtime.block_on(store.put(&path, metadata.render().into())).unwrap();
        }
    }
}

#[test]
fn a_copy_in_memory_with_metadata_of_its_own_or_beside() {
    for beside in [false, true] {
        let (store, objects) = (Arc::new(InMemory::new()), objects(Names::Any));
        put(&*store, &objects, beside);
        hold(&cloud(store), &objects);
    }
}

#[test]
fn a_copy_in_a_directory() {
    let root = scratch();
    let objects = objects(Names::Plain);
    write(root.path(), &objects);
    hold(&cloud(Arc::new(LocalFileSystem::new_with_prefix(root.path()).unwrap())), &objects);
}

#[test]
fn a_stop_ends_the_waiting_for_any_answer() {
    let (memory, objects, stop) = (Arc::new(InMemory::new()), objects(Names::Any), Stop::default());
    put(&*memory, &objects, false);
    let store = CloudStore::new(memory, "cloud", stop.clone()).unwrap();
    let mut body = store.get("AWSLogs/large").unwrap().body;
    stop.set();
    let stopped = Some(StoreError::Trouble("the run was stopped".to_owned()));
    assert_eq!(store.list("", &mut |_| {}).err(), stopped);
    assert_eq!(store.get("AWSLogs/one").err(), stopped);
    assert!(body.read_to_end(&mut Vec::new()).is_err());
}

/// The verdict over a copy in memory, by way of the library.
#[test]
fn a_tree_in_memory_is_verified() {
    for (status, damage) in [(0, None), (1, Some(log_key(2)))] {
        let tree = Tree::sealed();
        let memory = Arc::new(InMemory::new());
        let mut objects = Vec::new();
        for (key, body) in files_of(tree.root()) {
            if Some(&key) != damage.as_ref() {
                objects.push(Seeded { key, body, metadata: Metadata::default() });
            }
        }
        put(&*memory, &objects, true);
        let stores = [(cloud(memory), String::new())];
        let (insisted, filter) = (Insisted::default(), Filter::default());
        let sources = Sources::discover(&stores, &insisted, filter);
        let mut ring = KeyRing::new();
        ring.add(parse_key_file("keys", &std::fs::read(&tree.keys).unwrap()).unwrap());
        let request = VerifyRequest::of(vec!["memory".to_owned()], at(9, 0));
        let rules = Rules::of_copy(ring);
        let report = verify(&request, sources, rules, None, &Silent).unwrap();
        let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(report.exit_status, status, "{codes:?}");
        assert_eq!(report.totals.digests.valid, 8);
    }
}

/// A container that the environment names, beside the account and its credentials as the crate reads
/// them. It is filled, and must be empty. `tests/peer/azurite.py` runs this against Azurite.
#[test]
#[ignore = "slow: needs a server that the environment names"]
fn a_container_that_the_environment_names() {
    let Ok(container) = std::env::var("TRAILSEAL_TEST_CONTAINER") else { return };
    let builder = MicrosoftAzureBuilder::from_env().with_container_name(&container);
    let objects = objects(Names::Any);
    put(&builder.build().unwrap(), &objects, false);
    let options = CloudOptions { read_timeout: Duration::from_secs(20), stop: Stop::default() };
    hold(&(Arc::new(CloudStore::azure(&container, "", "az", &options).unwrap()) as _), &objects);
}
