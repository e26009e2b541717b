//! The lines of `--objects`: areas are verified several at a time, their lines are written one
//! area after the other, in the order of the report.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::report::{ObjectForm, ObjectReport};
use crate::run::pool::{GLANCE, Stop};

/// Bytes of lines that an area keeps before it waits for its turn.
const KEPT: usize = 1 << 20;
/// Bytes of lines kept for areas that ended before their turn.
const KEPT_OF_ALL: usize = 16 << 20;

/// Destination and format of the line for every object checked.
pub type ObjectSink<'a> = Option<(&'a mut (dyn Write + Send), ObjectForm)>;

/// All areas' lines.
pub(super) struct Lines<'a> {
    turn: Mutex<Turn<'a>>,
    passed: Condvar,
    /// `None` where no lines are wanted.
    form: Option<ObjectForm>,
}

struct Turn<'a> {
    out: Option<&'a mut (dyn Write + Send)>,
    /// The number of the area whose lines are written now.
    area: usize,
    /// The lines of areas that ended before their turn.
    early: BTreeMap<usize, Vec<u8>>,
    /// Error in writing lines.
    broken: Option<io::Error>,
}

impl<'a> Lines<'a> {
    /// Begins with what stands before all lines.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn new(sink: ObjectSink<'a>) -> io::Result<Self> {
        let (mut out, form) = sink.unzip();
        if let (Some(out), Some(form)) = (&mut out, form) {
            form.begin(out)?;
        }
        let turn = Turn { out, area: 0, early: BTreeMap::new(), broken: None };
        Ok(Self { turn: Mutex::new(turn), passed: Condvar::new(), form })
    }

    /// The lines of the area of this number; each number must be asked for once, or later areas
    /// wait for ever.
    pub(super) fn of_area<'l>(&'l self, number: usize, stop: &'l Stop) -> AreaLines<'l, 'a> {
        AreaLines { lines: self, number, stop, kept: Vec::new() }
    }

    /// Waits for something, or for the end of all lines.
    fn wait(&self, stop: &Stop, ready: impl Fn(&Turn<'a>) -> bool) -> MutexGuard<'_, Turn<'a>> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        while !ready(&turn) && turn.broken.is_none() && !stop.is_set() {
            let waited = self.passed.wait_timeout(turn, GLANCE);
            turn = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        turn
    }

    /// The first error of writing.
    ///
    /// # Errors
    /// That one.
    pub(super) fn finish(self) -> io::Result<()> {
        let turn = self.turn.into_inner().unwrap_or_else(PoisonError::into_inner);
        turn.broken.map_or(Ok(()), Err)
    }
}

impl Turn<'_> {
    fn kept(&self) -> usize {
        self.early.values().map(Vec::len).sum()
    }

    fn write(&mut self, lines: &[u8]) {
        let Some(out) = &mut self.out else { return };
        if let Err(error) = out.write_all(lines) {
            self.broken = Some(error);
            self.out = None;
        }
    }
}

/// One area's lines. Dropping it passes the turn on.
pub(super) struct AreaLines<'l, 'a> {
    lines: &'l Lines<'a>,
    number: usize,
    stop: &'l Stop,
    kept: Vec<u8>,
}

impl AreaLines<'_, '_> {
    pub(super) fn push(&mut self, object: &ObjectReport<'_>) -> io::Result<()> {
        let Some(form) = self.lines.form else { return Ok(()) };
        form.write(object, &mut self.kept)?;
        if self.kept.len() < KEPT {
            return Ok(());
        }
        let mut turn = self.lines.wait(self.stop, |turn| turn.area == self.number);
        if turn.area == self.number {
            turn.write(&self.kept);
            self.kept.clear();
        }
        match turn.broken {
            Some(_) => Err(io::Error::other("the list of objects (--objects) cannot be written")),
            None => Ok(()),
        }
    }
}

impl Drop for AreaLines<'_, '_> {
    fn drop(&mut self) {
        let room = |turn: &Turn<'_>| turn.area == self.number || turn.kept() < KEPT_OF_ALL;
        let mut turn = self.lines.wait(self.stop, room);
        turn.early.insert(self.number, std::mem::take(&mut self.kept));
        loop {
            let area = turn.area;
            let Some(lines) = turn.early.remove(&area) else { break };
            turn.write(&lines);
            turn.area += 1;
        }
        self.lines.passed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChainId, DigestKey};

    const KEY: &str = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/111122223333_CloudTrail-Digest_us-east-1_audit_us-east-1_20260301T010000Z.json.gz";

    fn object<'a>(chain: &'a ChainId, key: &'a str) -> ObjectReport<'a> {
        ObjectReport {
            object: "digest",
            result: "valid",
            code: None,
            chain: Some(chain),
            bucket: None,
            key,
            referenced_by: None,
            bytes: 1,
        }
    }

    /// Threads write the lines of areas, the last area first; a line a key.
    fn written(out: &mut (dyn Write + Send), areas: usize, lines_each: usize) -> io::Result<()> {
        let chain = DigestKey::parse(KEY).unwrap().chain(None);
        let stop = Stop::default();
        let lines = Lines::new(Some((out, ObjectForm::JsonLines)))?;
        std::thread::scope(|scope| {
            for area in (0..areas).rev() {
                let (lines, stop, chain) = (&lines, &stop, &chain);
                scope.spawn(move || {
                    let mut lines = lines.of_area(area, stop);
                    for n in 0..lines_each {
                        let _ = lines.push(&object(chain, &format!("{area:03}/{n:06}")));
                    }
                });
            }
        });
        lines.finish()
    }

    #[test]
    fn lines_are_written_area_by_area() {
        // More than one area may keep, so that some wait for their turn.
        let mut out = Vec::new();
        written(&mut out, 5, 6_000).unwrap();
        let text = String::from_utf8(out).unwrap();
        let key = |line: &str| line.split_once(r#""key":""#).unwrap().1[..10].to_owned();
        let keys: Vec<_> = text.lines().map(key).collect();
        assert_eq!(keys.len(), 5 * 6_000);
        assert!(keys.is_sorted());
    }

    #[test]
    fn a_table_has_one_head() {
        let mut out = Vec::new();
        let lines = Lines::new(Some((&mut out, ObjectForm::Csv))).unwrap();
        let (stop, chain) = (Stop::default(), DigestKey::parse(KEY).unwrap().chain(None));
        for area in 0..3 {
            lines.of_area(area, &stop).push(&object(&chain, "k")).unwrap();
        }
        lines.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 4);
        assert_eq!(text.matches("object,result").count(), 1);
    }

    #[test]
    fn a_full_disk_ends_the_lines_and_nobody_waits() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("no space left"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = written(&mut Full, 3, 20_000).unwrap_err();
        assert_eq!(error.to_string(), "no space left");
    }
}
