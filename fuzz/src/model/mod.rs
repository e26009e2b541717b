//! A sealed trail, what an adversary may do to it, and a plain model of what must then be found.
//!
//! The first three bytes say how it is verified, the rest what is done to it before. The trail
//! lies in memory; all else is the run that the command makes.

mod expected;
mod operations;
mod trail;

use arbitrary::Unstructured;
use jiff::{SignedDuration, Timestamp};

use self::expected::Expected;
use self::trail::{HOURS, at, trail};

/// More operations leave little of the trail.
const MOST_OPERATIONS: usize = 8;

pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(how) = How::decode(&mut input) else { return };
    let mut objects = trail().clone();
    let mut done = Vec::new();
    while done.len() < MOST_OPERATIONS && !input.is_empty() && !objects.is_empty() {
        let Ok(operation) = operations::decode(&mut input, &objects) else { break };
        operations::apply(&operation, &mut objects);
        done.push(operation);
    }
    let report = trail::verify(&objects, how);
    let told = || format!("{how:?} {done:#?}\n{:#?}\n{:#?}", report.findings, report.chains);
    if let Err(broken) = Expected::of(trail(), &objects, how).check(&report) {
        panic!("{broken}\n{}", told());
    }
}

/// How a trail is verified.
#[derive(Debug, Clone, Copy)]
struct How {
    /// As a bucket; else as a copy of one.
    bucket: bool,
    jobs: usize,
    /// The first hour asked for, and the one after the last.
    hours: (i64, i64),
}

impl How {
    fn decode(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let [mode, first, last]: [u8; 3] = input.arbitrary()?;
        let hours = if mode & 4 == 0 {
            (0, HOURS)
        } else {
            let first = i64::from(first) % HOURS;
            (first, first + 1 + i64::from(last) % (HOURS - first))
        };
        Ok(Self { bucket: mode & 1 != 0, jobs: if mode & 2 == 0 { 1 } else { 3 }, hours })
    }

    fn is_whole(self) -> bool {
        self.hours == (0, HOURS)
    }

    fn start(self) -> Timestamp {
        at(self.hours.0, 0)
    }

    fn end(self) -> Timestamp {
        at(self.hours.1, 0)
    }

    /// The time after which nothing is due any more.
    fn now(self) -> Timestamp {
        at(HOURS, 0).checked_add(SignedDuration::from_hours(1)).unwrap()
    }
}
