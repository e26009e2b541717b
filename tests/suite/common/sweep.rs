//! Sweeps: every change of a kind, one after the other, on trees that are put right again; and
//! the table of what they came to.

use std::collections::BTreeMap;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope};

use super::{BUCKET, Report, Tree, at, trailseal};

/// A sealed tree and its files as they were.
pub(crate) struct Trail {
    pub tree: Tree,
    /// By path below the root, metadata too.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Trail {
    pub(crate) fn new(tree: Tree) -> Self {
        let logs = tree.path("AWSLogs");
        let read = |path: PathBuf| {
            let bytes = fs::read(&path).unwrap();
            (path.strip_prefix(tree.root()).unwrap().to_owned(), bytes)
        };
        let files = files_below(&logs).into_iter().map(read).collect();
        Self { tree, files }
    }

    /// Everything as it was, and nothing beside it.
    pub(crate) fn restore(&self) {
        for entry in fs::read_dir(self.tree.root()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            }
        }
        for (path, bytes) in &self.files {
            self.set(path, Some(bytes));
        }
    }

    /// One file as it was.
    pub(crate) fn put_back(&self, path: impl AsRef<Path>) {
        self.set(path.as_ref(), self.was(&path));
    }

    /// Writes or removes one file.
    pub(crate) fn set(&self, path: &Path, bytes: Option<&[u8]>) {
        let path = self.tree.root().join(path);
        match bytes {
            Some(bytes) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            None => drop(fs::remove_file(path)),
        }
    }

    /// What one file held.
    pub(crate) fn was(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        self.files.get(path.as_ref()).map(Vec::as_slice)
    }

    /// Verifies the first hours, with no grace: nothing may be gone from the end either.
    pub(crate) fn verify_hours(&self, hours: u8) -> Report {
        let (start, end) = (at(0, 0).to_string(), at(hours.into(), 0).to_string());
        self.verify(&["--start-time", &start, "--end-time", &end, "--grace", "0s"])
    }

    pub(crate) fn verify(&self, args: &[&str]) -> Report {
        let (root, keys) = (self.tree.root().to_str().unwrap(), self.tree.keys.to_str().unwrap());
        let mut all = vec!["verify", root, "--keys", keys, "--bucket", BUCKET, "--prefix", ""];
        all.extend(["--format", "json", "--no-progress", "--jobs", "1"]);
        all.extend(args);
        let ran = trailseal(&all);
        let json = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.err));
        Report { status: ran.status, json }
    }
}

pub(crate) fn files_below(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Tries every case in a thread of its own: for cases that mostly wait.
#[cfg(feature = "aws")]
pub(crate) fn side_by_side<C: Send>(cases: impl IntoIterator<Item = C>, each: impl Fn(C) + Sync) {
    let each = &each;
    scope(|scope| {
        let threads = cases.into_iter().map(|case| scope.spawn(move || each(case)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|thread| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        });
    });
}

/// How often what came of what.
#[derive(Default)]
pub(crate) struct Table(BTreeMap<(String, String), usize>);

impl Table {
    pub(crate) fn count(&mut self, what: &str, outcome: &str) {
        *self.0.entry((what.to_owned(), outcome.to_owned())).or_default() += 1;
    }

    pub(crate) fn get(&self, what: &str, outcome: &str) -> usize {
        self.0.get(&(what.to_owned(), outcome.to_owned())).copied().unwrap_or(0)
    }

    /// Shown with `--nocapture`.
    pub(crate) fn print(&self, title: &str) {
        let mut text = format!("\n{title}: {} in all\n", self.0.values().sum::<usize>());
        for ((what, outcome), count) in &self.0 {
            text.push_str(&format!("  {count:>7}  {what:<28} {outcome}\n"));
        }
        println!("{text}");
    }
}

/// Tries every case on a tree of its thread's own; what and what came of it are counted.
pub(crate) fn sweep<C: Sync>(
    title: &str,
    cases: &[C],
    trail: impl Fn() -> Trail + Sync,
    each: impl Fn(&Trail, &C) -> (String, String) + Sync,
) -> Table {
    let next = AtomicUsize::new(0);
    let work = || {
        let (trail, mut table) = (trail(), Table::default());
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (what, outcome) = each(&trail, case);
            table.count(&what, &outcome);
        }
        table
    };
    let mut all = Table::default();
    scope(|scope| {
        let threads = available_parallelism().map_or(2, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let table = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            for (what, count) in table.0 {
                *all.0.entry(what).or_default() += count;
            }
        }
    });
    all.print(title);
    all
}
