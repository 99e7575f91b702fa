//! The list for people and other programs, written beside the runner's loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jobctl_core::JobId;
use jobctl_store::{FileStore, Mirrored};
use tokio::task::JoinHandle;

use crate::worker::now;

/// Not written more often than this.
const PACE: Duration = Duration::from_secs(1);
/// How soon it is tried again after it was put off.
const AGAIN: Duration = Duration::from_millis(100);

/// Writes the list after something has changed, at most once a second.
pub(crate) struct Mirror {
    store: Arc<FileStore>,
    is_due: bool,
    begun: Option<Instant>,
    task: Option<JoinHandle<Mirrored>>,
}

impl Mirror {
    pub(crate) const fn new(store: Arc<FileStore>) -> Self {
        Self { store, is_due: true, begun: None, task: None }
    }

    /// Takes note that something has changed.
    pub(crate) const fn note(&mut self) {
        self.is_due = true;
    }

    /// Begins to write where that is due.
    pub(crate) fn attend(&mut self) {
        if self.task.is_none() && self.due().is_some_and(|at| at <= Instant::now()) {
            self.is_due = false;
            self.begun = Some(Instant::now());
            let store = Arc::clone(&self.store);
            self.task = Some(tokio::task::spawn_blocking(move || {
                // Derived, for display: the jobs do not suffer if it cannot be written.
                store.mirror(now()).unwrap_or_default()
            }));
        }
    }

    /// When it is to be written next, if something has changed.
    pub(crate) fn due(&self) -> Option<Instant> {
        let at = self.begun.map_or_else(Instant::now, |begun| begun + PACE);
        (self.is_due && self.task.is_none()).then_some(at)
    }

    /// Whether it shows all that was noted.
    pub(crate) const fn is_written(&self) -> bool {
        !self.is_due && self.task.is_none()
    }

    /// Waits until it was written; the jobs of which another program asked something in it.
    pub(crate) async fn written(&mut self) -> Vec<JobId> {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let Mirrored { asked, is_put_off } = task.await.unwrap_or_default();
        self.task = None;
        if is_put_off {
            self.is_due = true;
            self.begun = Instant::now().checked_sub(PACE.saturating_sub(AGAIN));
        }
        asked.into_iter().map(|(id, _)| id).collect()
    }

    /// Whether another program changed something in it.
    pub(crate) fn is_touched(&self) -> bool {
        self.store.is_mirror_touched().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use jobctl_store::{Adopt, RealFs, Registry};

    use super::*;

    #[tokio::test]
    async fn a_list_that_was_put_off_is_not_written_and_soon_due_again() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::on(dir.path().join("registry"), Arc::new(RealFs));
        let root = dir.path().join("state");
        let store = FileStore::create(&root, &registry, Arc::new(RealFs), "boot", Adopt::Fresh);
        let mut mirror = Mirror::new(Arc::new(store.unwrap()));
        let lock = root.join("background-jobs.lock");
        std::os::unix::fs::symlink("another program", &lock).unwrap();
        mirror.attend();
        mirror.written().await;
        assert!(!mirror.is_written());
        assert!(mirror.due().unwrap() <= Instant::now() + AGAIN);
        std::fs::remove_file(&lock).unwrap();
        mirror.begun = None;
        mirror.attend();
        mirror.written().await;
        assert!(mirror.is_written());
    }
}
