//! Removing an ended job for good.

use std::path::Path;

use jobctl_core::{Job, JobId, Time};

use crate::fs::Sort;
use crate::submission::{self, Submitted};
use crate::tree::{Keep, Told, Tree, random_name};
use crate::{Claim, FileError, FileStore, RemoveError, index};

/// Removes an ended job's directory. Nothing is gone if this fails before the job is renamed away.
pub(crate) fn remove(store: &FileStore, id: JobId, now: Time) -> Result<(), RemoveError> {
    let claim = store.take(id, now)?;
    if !claim.job().status().is_ended() {
        return Err(RemoveError::NotEnded(id));
    }
    let tree = &store.tree;
    let failed = |source| RemoveError::File { id, source };
    if !release(tree, id).map_err(failed)? {
        return Err(RemoveError::Shared(id));
    }
    keep_line(tree, claim.job()).map_err(failed)?;
    let gone = tree.jobs().join(format!(".gone-{id}-{}", random_name()));
    tree.fs.rename(&tree.job(id), &gone).told("move away", &tree.job(id)).map_err(failed)?;
    tree.sync_dir(&tree.jobs()).map_err(failed)?;
    // The job is removed; what cannot be cleared away now goes with the next sweep.
    let _ = clear(tree, &gone);
    Ok(())
}

/// Removes the submission file that names a job, so that the job does not come back as pending;
/// false if the file still stands for jobs that have not begun.
fn release(tree: &Tree, id: JobId) -> Result<bool, FileError> {
    while let Some(found) = submission::find(tree, id)? {
        if !retire(tree, &found.path)? {
            return Ok(false);
        }
    }
    // Whoever unlinked the file earlier did not sync that.
    tree.sync_dir(&tree.submissions())?;
    Ok(true)
}

/// Removes a submission file if all its jobs have synced journals.
pub(crate) fn retire(tree: &Tree, path: &Path) -> Result<bool, FileError> {
    let bytes = tree.read(path)?.unwrap_or_default();
    let jobs = submission::jobs(&bytes);
    for job in &jobs {
        if !is_journalled(tree, job)? {
            return Ok(false);
        }
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

/// Makes sure that the list of ended jobs tells of this one from now on.
fn keep_line(tree: &Tree, job: &Job) -> Result<(), FileError> {
    // A line that is there proves nothing: a failed sync may have lost it on disk.
    index::end(tree, job, Keep::Synced)
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
