//! The drivers: they read sources and clocks, feed the pure core, and gather its answers.

pub mod collect;
mod date_tree;
pub mod evidence;
mod in_order;
pub mod pool;
pub mod progress;
pub mod sample;
pub mod seal;
pub mod sources;
pub mod validate_logs;
pub mod verify;
mod walk;

pub use progress::{Progress, Silent};
