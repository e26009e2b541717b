//! The seeds of the fuzz targets (`fuzz/seeds`), each through the function that its target runs.
#![allow(unreachable_pub, missing_docs)] // the module is also a crate of its own

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn every_seed_passes_its_target() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (name, target) in targets::TARGETS {
        let files: Vec<_> = fs::read_dir(seeds.join(name)).unwrap().map(Result::unwrap).collect();
        assert!(files.len() > 2, "{name} has seeds");
        for file in files {
            target(&fs::read(file.path()).unwrap());
        }
    }
}
