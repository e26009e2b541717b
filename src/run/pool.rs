//! Worker threads. Jobs run in any order; each has a handle, and handles are joined in the order of
//! submission, so that the same input gives the same report.

use std::num::NonZero;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use crate::store::Stop;

type Job = Box<dyn FnOnce() + Send>;

/// Interval at which a waiting driver polls the stop flag.
pub(super) const STOP_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Threads that run jobs until the pool is dropped.
#[derive(Debug)]
pub struct Pool {
    queue: Option<crossbeam_channel::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    jobs: usize,
}

/// Handle of a job, by which its result is awaited.
#[derive(Debug)]
pub struct JobHandle<T>(mpsc::Receiver<T>);

impl<T> JobHandle<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// When the job panicked, or the run is to stop first.
    pub fn join(self, stop: &Stop) -> Result<T, JobError> {
        loop {
            match self.0.recv_timeout(STOP_POLL_INTERVAL) {
                Ok(result) => return Ok(result),
                Err(RecvTimeoutError::Disconnected) => return Err(JobError::Panicked),
                Err(RecvTimeoutError::Timeout) if stop.is_set() => return Err(JobError::Stopped),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Error of a job without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The job panicked.
    #[error("a worker thread failed; this is a bug in trailseal")]
    Panicked,
    /// The run is to stop.
    #[error("the run was stopped")]
    Stopped,
}

impl Pool {
    /// Starts so many threads.
    ///
    /// # Errors
    /// When the system has no thread left to give.
    pub fn start(jobs: NonZero<usize>) -> std::io::Result<Self> {
        let (queue, work) = crossbeam_channel::unbounded::<Job>();
        let worker = |n| {
            let work = work.clone();
            std::thread::Builder::new().name(format!("worker-{n}")).spawn(move || {
                for job in work {
                    // A panic ends the job, whose handle then says so, and not the thread.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
                }
            })
        };
        let threads = (0..jobs.get()).map(worker).collect::<Result<_, _>>()?;
        Ok(Self { queue: Some(queue), threads, jobs: jobs.get() })
    }

    /// Number of threads.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// Submits a job. The submitter limits how many are under way at once.
    pub fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> JobHandle<T> {
        let (result, handle) = mpsc::sync_channel(1);
        let job = Box::new(move || {
            let _ = result.send(job());
        });
        if let Some(queue) = &self.queue {
            let _ = queue.send(job);
        }
        JobHandle(handle)
    }
}

impl Pool {
    /// Detaches the threads: jobs under way are not waited for.
    pub fn abandon(&mut self) {
        self.threads.clear();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_joined_in_the_submitters_order() {
        let pool = Pool::start(NonZero::new(3).unwrap()).unwrap();
        let handles: Vec<_> = (0..500).map(|n| pool.submit(move || n * 2)).collect();
        let results: Vec<_> =
            handles.into_iter().map(|t| t.join(&Stop::default()).unwrap()).collect();
        assert_eq!(results, (0..500).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_is_one_jobs_own_matter() {
        let pool = Pool::start(NonZero::new(1).unwrap()).unwrap();
        let stop = Stop::default();
        let panics = pool.submit(|| panic!("on purpose")).join(&stop);
        assert_eq!(panics, Err::<(), _>(JobError::Panicked));
        assert_eq!(pool.submit(|| 7).join(&stop), Ok(7));
    }

    #[test]
    fn a_stop_ends_the_wait_and_not_the_job() {
        let mut pool = Pool::start(NonZero::new(1).unwrap()).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let handle = pool.submit(move || held.recv().is_ok());
        let stop = Stop::default();
        stop.set();
        assert_eq!(handle.join(&stop), Err(JobError::Stopped));
        pool.abandon();
        drop(release);
    }
}
