//! Metadata beside a digest in a directory: what is read is rendered back, and the directory reads
//! the same.

use std::fs;
use std::sync::OnceLock;

use tempfile::TempDir;
use trailseal::internals::model::Metadata;
use trailseal::internals::store::{DirectoryStore, Store};

const OBJECT: &str = "object.json.gz";

pub fn run(data: &[u8]) {
    let decoded = Metadata::decode(data);
    if let Ok(metadata) = &decoded {
        assert_eq!(Metadata::decode(&metadata.render()).unwrap(), *metadata);
        for (name, value) in &metadata.0 {
            assert_eq!(*name, name.to_ascii_lowercase());
            assert_eq!(metadata.get(name), Some(value.as_str()));
        }
    }
    let directory = directory();
    fs::write(directory.path().join(format!("{OBJECT}.metadata.json")), data).unwrap();
    let store = DirectoryStore::open(directory.path(), "directory").unwrap();
    let read = store.get(OBJECT).unwrap().metadata;
    assert_eq!(read.ok(), decoded.ok());
}

/// A directory with one object.
fn directory() -> &'static TempDir {
    static DIRECTORY: OnceLock<TempDir> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join(OBJECT), b"").unwrap();
        directory
    })
}
