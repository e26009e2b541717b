//! Worker threads. Jobs run in any order; each has a handle, and handles are joined in the order of
//! submission, so that the same input gives the same report. A thread is started when a job finds all
//! others at work: a small run over a bucket, which may have 150 jobs at once, needs few.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
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
    work: crossbeam_channel::Receiver<Job>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Number of jobs that are queued or under way.
    unfinished: Arc<AtomicUsize>,
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
    /// Makes a pool of up to so many threads, and starts the first.
    ///
    /// # Errors
    /// When the system has no thread left to give.
    pub fn start(jobs: NonZero<usize>) -> std::io::Result<Self> {
        let (queue, work) = crossbeam_channel::unbounded::<Job>();
        let unfinished = Arc::new(AtomicUsize::new(0));
        let first = start_worker(0, work.clone(), Arc::clone(&unfinished))?;
        let threads = Mutex::new(vec![first]);
        Ok(Self { queue: Some(queue), work, threads, unfinished, jobs: jobs.get() })
    }

    /// Number of jobs that can be under way at once.
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
        let unfinished = self.unfinished.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(queue) = &self.queue {
            let _ = queue.send(job);
        }
        self.start_another(unfinished);
        JobHandle(handle)
    }

    /// Starts another thread if there are fewer than unfinished jobs. Where the system gives none, the
    /// jobs wait for those that are there.
    fn start_another(&self, unfinished: usize) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.len() < unfinished.min(self.jobs) {
            let worker =
                start_worker(threads.len(), self.work.clone(), Arc::clone(&self.unfinished));
            threads.extend(worker);
        }
    }

    /// Detaches the threads: jobs under way are not waited for.
    pub fn abandon(&mut self) {
        self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue = None;
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Starts a thread that works until the queue is closed.
fn start_worker(
    n: usize,
    work: crossbeam_channel::Receiver<Job>,
    unfinished: Arc<AtomicUsize>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(format!("worker-{n}")).spawn(move || {
        for job in work {
            // A panic ends the job, whose handle then says so, and not the thread.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            unfinished.fetch_sub(1, Ordering::Relaxed);
        }
    })
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
    fn a_thread_is_started_for_each_job_that_finds_all_at_work_up_to_the_limit() {
        let pool = Pool::start(NonZero::new(3).unwrap()).unwrap();
        let threads = || pool.threads.lock().unwrap().len();
        // Each is finished before the next: counted only after its result is there.
        for n in 0..5 {
            assert_eq!(pool.submit(move || n).join(&Stop::default()), Ok(n));
            while pool.unfinished.load(Ordering::Relaxed) > 0 {
                std::thread::yield_now();
            }
        }
        assert_eq!(threads(), 1);
        // None of the three returns before all of them have begun.
        let all = Arc::new(std::sync::Barrier::new(3));
        let waiting = || {
            let all = Arc::clone(&all);
            pool.submit(move || all.wait().is_leader())
        };
        let handles = [waiting(), waiting(), waiting()];
        let leaders = handles.map(|handle| usize::from(handle.join(&Stop::default()).unwrap()));
        assert_eq!((leaders.iter().sum::<usize>(), threads()), (1, 3));
        let more: Vec<_> = (0..50).map(|n| pool.submit(move || n)).collect();
        let sum: usize =
            more.into_iter().map(|handle| handle.join(&Stop::default()).unwrap()).sum();
        assert_eq!(sum, 49 * 50 / 2);
        assert_eq!(threads(), 3);
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
