//! Work on many items at once whose results are taken in the order of the items.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Number of areas worked on in parallel: a small one mostly waits for its few requests.
pub(super) const AREAS_AT_ONCE: usize = 16;

/// Calls `work` for every item, on so many threads at once, and `take` with each result, in the
/// order of the items and on the caller's thread.
///
/// # Errors
/// When `take` fails, or a thread cannot be started or panics; no further item is begun then.
pub(super) fn in_order<I: Sync, T: Send>(
    at_once: usize,
    items: &[I],
    work: impl Fn(usize, &I) -> T + Sync,
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (results, ready) = mpsc::channel();
    let worker = |results: mpsc::Sender<(usize, T)>| {
        while !over.load(Ordering::Relaxed) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(n) else { return };
            if results.send((n, work(n, item))).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let mut outcome = Ok(());
        for n in 0..at_once.clamp(1, items.len().max(1)) {
            let results = results.clone();
            let builder = thread::Builder::new().name(format!("driver-{n}"));
            // A panic leaves its item without a result, which is an error below.
            let work = || drop(catch_unwind(AssertUnwindSafe(|| worker(results))));
            if let Err(error) = builder.spawn_scoped(scope, work) {
                outcome = Err(error);
                break;
            }
        }
        drop(results);
        let (mut early, mut taken) = (BTreeMap::new(), 0);
        while outcome.is_ok()
            && let Ok((n, result)) = ready.recv()
        {
            early.insert(n, result);
            while outcome.is_ok()
                && let Some(result) = early.remove(&taken)
            {
                taken += 1;
                outcome = take(result);
            }
        }
        over.store(true, Ordering::Relaxed);
        if outcome.is_ok() && taken < items.len() {
            outcome = Err(io::Error::other("a driver thread failed; this is a bug in trailseal"));
        }
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let mut taken = Vec::new();
        let items: Vec<_> = (0..500).collect();
        let take = |result| {
            taken.push(result);
            Ok(())
        };
        in_order(7, &items, |n, item| (n, item * 2), take).unwrap();
        assert_eq!(taken, (0..500).map(|n| (n, n * 2)).collect::<Vec<_>>());
    }

    #[test]
    fn items_are_worked_on_at_the_same_time() {
        // None of the three returns before all of them have begun.
        let all = Barrier::new(3);
        let mut leaders = 0;
        let take = |result: std::sync::BarrierWaitResult| {
            leaders += u8::from(result.is_leader());
            Ok(())
        };
        in_order(3, &[(); 3], |_, ()| all.wait(), take).unwrap();
        assert_eq!(leaders, 1);
    }

    #[test]
    fn nothing_is_taken_after_a_failure() {
        let mut taken = 0;
        let take = |n| {
            taken += 1;
            if n == 3 { Err(io::Error::other("full")) } else { Ok(()) }
        };
        let error = in_order(2, &[(); 1_000], |n, ()| n, take).unwrap_err();
        assert_eq!((error.to_string().as_str(), taken), ("full", 4));
    }

    #[test]
    fn a_panic_is_an_error_and_not_the_end_of_the_process() {
        let work = |n, ()| if n == 2 { panic!("on purpose") } else { n };
        let error = in_order(2, &[(); 5], |n, _: &()| work(n, ()), |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("a bug in trailseal"), "{error}");
    }

    #[test]
    fn nothing_to_do_is_done() {
        in_order(4, &[(); 0], |_, ()| (), |()| Err(io::Error::other("never"))).unwrap();
    }
}
