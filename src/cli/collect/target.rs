//! The directory that a copy goes to.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::marker::CopyTask;
use crate::cli::Failure;
use crate::model::Printable;
use crate::store::directory::UNFINISHED;
use crate::store::{DirectoryStore, StoreError};

/// Directory that is marked as an unfinished copy until the copy is complete.
pub(super) struct CopyTarget {
    store: Arc<DirectoryStore>,
    shown: String,
    task: CopyTask,
    /// Marker that earlier runs left.
    earlier: Option<Vec<u8>>,
}

impl CopyTarget {
    /// Opens a directory, which is created if needed, and marks it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn open(dir: &Path, task: CopyTask) -> Result<Self, Failure> {
        let shown = dir.display().to_string();
        std::fs::create_dir_all(dir).map_err(|e| unwritable(&shown, &e))?;
        let store = DirectoryStore::open(dir, &*shown).map_err(|e| unwritable(&shown, &e))?;
        let store = Arc::new(store);
        // Before the first object: whatever ends the run, what is absent is not taken for deleted.
        let earlier = store.marked_unfinished().map_err(|e| unmarked(&shown, &e))?;
        task.begin(&store).map_err(|e| unmarked(&shown, &e))?;
        Ok(Self { store, shown, task, earlier })
    }

    pub(super) fn store(&self) -> Arc<DirectoryStore> {
        self.store.clone()
    }

    /// Path of the directory, for messages.
    pub(super) fn shown(&self) -> Printable<'_> {
        Printable(&self.shown)
    }

    /// Puts the marker of earlier runs back: what they left unfinished, they still do.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn restore_marker(&self) -> Result<(), Failure> {
        let restored = self.store.mark_unfinished(self.earlier.as_deref());
        restored.map_err(|error| unmarked(&self.shown, &error))
    }

    /// Takes back the mark of this run, but for what it could not copy; returns what other runs
    /// left unfinished.
    ///
    /// # Errors
    /// When the marker cannot be written.
    pub(super) fn finish(&self, lacking: &BTreeSet<String>) -> Result<Vec<CopyTask>, Failure> {
        let others = self.task.finish(&self.store, lacking);
        others.map_err(|error| unmarked(&self.shown, &error))
    }
}

fn unwritable(shown: &str, error: &io::Error) -> Failure {
    Failure::internal(format!("{}: {error}", Printable(shown)))
        .remedy("use a directory that you can create and write to")
}

fn unmarked(shown: &str, error: &StoreError) -> Failure {
    Failure::internal(format!("{}: {UNFINISHED}: {error}", Printable(shown)))
        .remedy("free some disk space, or use another directory; remove the marker only if you know that the copy is complete")
}
