//! The runtime that drives connections. The rest of trailseal is synchronous: each caller waits on its
//! own thread, and no longer than the run lasts.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::Stop;

/// Interval at which waiters poll the stop flag.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A runtime, and the flag that ends the waiting for it.
#[derive(Clone)]
pub(crate) struct Network {
    runtime: Arc<Runtime>,
    stop: Stop,
}

impl Network {
    /// Starts a runtime.
    ///
    /// # Errors
    /// When its threads cannot be started.
    pub(crate) fn start(stop: Stop) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("network")
            .enable_all()
            .build()?;
        Ok(Self { runtime: Arc::new(runtime), stop })
    }

    /// Waits on the caller's thread, whether the run is to end or not.
    #[cfg(feature = "aws")]
    pub(crate) fn wait_to_the_end<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Waits on the caller's thread; `None` after a stop.
    pub(crate) fn wait<F: Future>(&self, future: F) -> Option<F::Output> {
        if self.stop.is_set() {
            return None;
        }
        self.runtime.block_on(async {
            let mut future = std::pin::pin!(future);
            loop {
                match tokio::time::timeout(STOP_POLL_INTERVAL, future.as_mut()).await {
                    Ok(output) => return Some(output),
                    Err(_) if self.stop.is_set() => return None,
                    Err(_) => {}
                }
            }
        })
    }
}
