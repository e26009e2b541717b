//! The drivers: they read sources and clocks, feed the pure core, and gather its answers.

pub mod collect;
mod date_tree;
mod discover;
#[cfg(feature = "seal")]
pub mod evidence;
pub mod filter;
mod in_order;
pub mod key_files;
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

pub use key_files::KeysError;
pub use observe::{Observer, Observers, RunEvent, Silent};
