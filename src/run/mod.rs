//! The drivers: they read sources and clocks, feed the pure core, and gather its answers.

pub mod collect;
mod date_tree;
#[cfg(feature = "seal")]
pub mod evidence;
pub mod filter;
mod in_order;
mod infer;
pub mod key_files;
mod loose;
pub mod observe;
pub mod pool;
mod reach;
#[cfg(feature = "seal")]
pub mod sample;
#[cfg(feature = "seal")]
pub mod seal;
pub mod sources;
pub mod validate_logs;
pub mod verify;
mod walk;

pub use key_files::KeysError;
pub use observe::{Observer, Observers, RunEvent, Silent};
