//! The lock that a job's programs hold as long as any of them lives: what a dead worker left is
//! seen by it, and never started a second time.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobctl_core::{Change, JobId, Reason, State, Time};

use crate::fs::Fs;
use crate::lock::{Probe, lend, probe};
use crate::tree::{Told, Tree};
use crate::{Claim as _, FileError, FileStore, HoldError, Holder, Leftover};

/// A job's `tree.lock`, for whoever holds its claim to start programs with.
pub struct TreeLock {
    path: PathBuf,
    fs: Arc<dyn Fs>,
    boot: String,
}

impl TreeLock {
    pub(crate) fn new(tree: &Tree, id: JobId, boot: String) -> Self {
        Self { path: tree.tree_lock(id), fs: Arc::clone(&tree.fs), boot }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes it. Programs inherit the descriptor; once it is closed here, the lock is theirs.
    pub fn take(&self) -> Result<OwnedFd, FileError> {
        let holder = Holder::me(&self.boot);
        let taken = lend(self.fs.as_ref(), &self.path, &holder).told("lock", &self.path)?;
        // Whoever has the claim found it free.
        taken.ok_or_else(|| io::ErrorKind::WouldBlock.into()).told("lock", &self.path)
    }
}

/// What an earlier attempt left running. Costs a failed look where no program was ever started.
pub(crate) fn leftover(tree: &Tree, id: JobId) -> Result<Option<Leftover>, FileError> {
    let lock = tree.tree_lock(id);
    Ok(match probe(tree.fs.as_ref(), &lock).told("look at", &lock)? {
        Probe::Free => None,
        Probe::Held(starter) => Some(Leftover { id, starter, lock }),
    })
}

impl FileStore {
    /// Puts on record that a job stands still because these programs of an earlier attempt could
    /// not be stopped. Says whether it did: a job that stands still, or has ended, stays as it is.
    pub(crate) fn hold_up(&self, id: JobId, pids: &[u32], now: Time) -> Result<bool, HoldError> {
        let mut claim = self.take_despite(id, now)?;
        let goes_on = match claim.job().state {
            State::Pending | State::Running => true,
            State::Paused { .. }
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => false,
        };
        if goes_on {
            let reason = Reason::Leftover { pids: pids.to_vec() };
            claim.record(Change::Paused { reason, resumes_at: None }.at(now))?;
        }
        Box::new(claim).close(now)?;
        Ok(goes_on)
    }
}
