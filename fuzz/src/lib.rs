//! What the fuzz targets do with their input. Each target is a function over bytes that panics
//! where trailseal breaks a promise; `tests/suite/fuzz_seeds.rs` runs the same functions over the seeds.

pub mod digest;
pub mod events;
pub mod gzip;
pub mod key_file;
pub mod key_name;
pub mod metadata;
pub mod model;
mod naive;
pub mod report;
pub mod seal;

/// A target's function.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folder of seeds.
pub const TARGETS: [(&str, Target); 9] = [
    ("digest", digest::run),
    ("events", events::run),
    ("gzip", gzip::run),
    ("key_file", key_file::run),
    ("key_name", key_name::run),
    ("metadata", metadata::run),
    ("model", model::run),
    ("report", report::run),
    ("seal", seal::run),
];
