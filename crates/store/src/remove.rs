//! Removing ended jobs for good.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jobctl_core::{JobId, Time};

use crate::claim::FileClaim;
use crate::fs::Sort;
use crate::submission::{self, Submitted};
use crate::tree::{Keep, Told, Tree, random_name};
use crate::{Claim, FileError, FileStore, RemoveError, index};

/// What became of jobs that were to be removed.
#[derive(Debug, Default)]
pub struct Removed {
    /// Gone for good.
    pub gone: Vec<JobId>,
    /// Still there, and why.
    pub left: Vec<(JobId, RemoveError)>,
}

impl FileStore {
    /// Removes the directories of ended jobs, keeping their lines in the list of ended jobs.
    ///
    /// They share their syncs, so that a hundred cost little more than one. Each is held open
    /// meanwhile: [`REMOVED_TOGETHER`](crate::REMOVED_TOGETHER) is a good number. After an error
    /// some may be gone, and none is half gone.
    pub fn remove_all(&self, ids: &[JobId], now: Time) -> Result<Removed, FileError> {
        let tree = &self.tree;
        let mut removed = Removed::default();
        let mut held = Vec::new();
        for id in ids {
            match hold(self, *id, now) {
                Ok(claim) => held.push(claim),
                Err(error) => removed.left.push((*id, error)),
            }
        }
        let shared = release(tree, &held.iter().map(|claim| claim.job().id).collect())?;
        held.retain(|claim| !shared.contains(&claim.job().id));
        removed.left.extend(shared.into_iter().map(|id| (id, RemoveError::Shared(id))));
        if held.is_empty() {
            return Ok(removed);
        }
        let jobs: Vec<_> = held.iter().map(Claim::job).collect();
        // A line that is there proves nothing: a failed sync may have lost it on disk.
        index::end_all(tree, &jobs, Keep::Synced)?;
        let mut away = Vec::new();
        for job in jobs {
            match move_away(tree, job.id) {
                Ok(path) => {
                    away.push(path);
                    removed.gone.push(job.id);
                }
                Err(source) => {
                    let error = RemoveError::File { id: job.id, source };
                    removed.left.push((job.id, error));
                }
            }
        }
        tree.sync_dir(&tree.jobs())?;
        for path in away {
            // The job is removed; what cannot be cleared away now goes with the next sweep.
            let _ = clear(tree, &path);
        }
        Ok(removed)
    }
}

/// Claims a job that has ended.
fn hold(store: &FileStore, id: JobId, now: Time) -> Result<FileClaim, RemoveError> {
    let claim = store.take(id, now)?;
    if claim.job().status().is_ended() { Ok(claim) } else { Err(RemoveError::NotEnded(id)) }
}

/// Takes a job's directory out of sight, and says where it is now.
fn move_away(tree: &Tree, id: JobId) -> Result<PathBuf, FileError> {
    let gone = tree.jobs().join(format!(".gone-{id}-{}", random_name()));
    tree.fs.rename(&tree.job(id), &gone).told("move away", &tree.job(id))?;
    Ok(gone)
}

/// Removes the submission files that name these jobs, so that none comes back as pending. Gives
/// those whose file still stands for something else.
fn release(tree: &Tree, ids: &HashSet<JobId>) -> Result<HashSet<JobId>, FileError> {
    let mut shared = HashSet::new();
    for path in submission::files(tree)? {
        let named = named(tree, &path)?;
        let mut named = named.into_iter().filter(|id| ids.contains(id)).peekable();
        if named.peek().is_some() && !retire(tree, &path)? {
            shared.extend(named);
        }
    }
    // Whoever unlinked a file earlier did not sync that.
    tree.sync_dir(&tree.submissions())?;
    Ok(shared)
}

/// The jobs that a submission file names, as far as it can be read.
fn named(tree: &Tree, path: &Path) -> Result<Vec<JobId>, FileError> {
    Ok(match submission::read(tree, path)? {
        Ok(bytes) => {
            let bytes = bytes.unwrap_or_default();
            let jobs = submission::jobs(&bytes).into_iter().map(|job| job.id);
            let unread = submission::unread(path, &bytes);
            jobs.chain(unread.into_iter().filter_map(|unread| unread.id)).collect()
        }
        Err(unread) => unread.id.into_iter().collect(),
    })
}

/// Removes a submission file if all its jobs have synced journals.
pub(crate) fn retire(tree: &Tree, path: &Path) -> Result<bool, FileError> {
    let mut failed = Ok(());
    // The first job that has not begun says it all: of a long file no more is read.
    let all_journalled = submission::each(tree, path, &mut |job| {
        is_journalled(tree, &job).unwrap_or_else(|error| {
            failed = Err(error);
            false
        })
    })?;
    failed?;
    // What cannot be read may be a job that has not begun.
    if !all_journalled {
        return Ok(false);
    }
    tree.unlink(path)?;
    Ok(true)
}

/// Whether a job's journal would survive a power cut.
fn is_journalled(tree: &Tree, job: &Submitted) -> Result<bool, FileError> {
    // It is written after the journal and the directories above it were synced.
    if tree.exists(&tree.job(job.id).join("config.json"))? {
        return Ok(true);
    }
    let meta = tree.metadata(&tree.journal(job.id))?;
    if meta.is_none_or(|meta| meta.len == 0) {
        return Ok(false);
    }
    tree.sync_dir(&tree.job(job.id))?;
    tree.sync_dir(&tree.jobs())?;
    Ok(true)
}

/// Removes a directory and what is in it, following no link.
pub(crate) fn clear(tree: &Tree, dir: &Path) -> Result<(), FileError> {
    for name in tree.fs.list(dir).told("list", dir)? {
        let path = dir.join(name);
        if tree.metadata(&path)?.is_some_and(|meta| meta.sort == Sort::Dir) {
            clear(tree, &path)?;
        } else {
            tree.unlink(&path)?;
        }
    }
    tree.fs.remove_dir(dir).told("remove", dir)
}
